//! Where messages go, and how the broker hands them on.

/// The topics of a fleet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topics<'a> {
    /// The first level of each: `[uplink] topics`.
    pub prefix: &'a str,
}

impl Topics<'_> {
    /// Where a device reports.
    pub fn report(&self, device: &str) -> String {
        format!("{}/{device}/report", self.prefix)
    }

    /// Where a device is told what to do.
    pub fn command(&self, device: &str) -> String {
        format!("{}/{device}/cmd", self.prefix)
    }
}

/// A topic rule: what it selects goes to the consumer's queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Part of the rule's name: letters only.
    pub name: &'static str,
    /// For whoever reads the console.
    pub description: &'static str,
    /// The statement; `{topics}` stands for the first level of the topics.
    sql: &'static str,
}

/// The version of SQL that the statements are written in.
pub const SQL_VERSION: &str = "2016-03-23";

/// Every topic rule that there is.
pub const STATEMENTS: [Statement; 3] = [
    Statement {
        name: "reports",
        description: "What devices report. The payload is passed on as it came, so that one that is no JSON is refused with its reason and not lost",
        sql: "SELECT 'report' AS event, topic(2) AS device, timestamp() AS received_at, encode(*, 'base64') AS payload FROM '{topics}/+/report'",
    },
    Statement {
        name: "connected",
        description: "Which devices are connected from now on, as the broker sees it",
        sql: "SELECT 'presence' AS event, timestamp() AS received_at, * FROM '$aws/events/presence/connected/+'",
    },
    // Not one filter for both: there are presence events, too, of those that the broker did not let in.
    Statement {
        name: "disconnected",
        description: "Which devices are no longer connected, as the broker sees it",
        sql: "SELECT 'presence' AS event, timestamp() AS received_at, * FROM '$aws/events/presence/disconnected/+'",
    },
];

impl Statement {
    /// The statement for the fleet whose topics begin so.
    pub fn sql(&self, topics: &str) -> String {
        self.sql.replace("{topics}", topics)
    }
}
