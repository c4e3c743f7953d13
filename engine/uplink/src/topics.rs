//! The topics of messages, and the rules by which the broker passes them on.

/// The topics of a fleet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topics<'a> {
    /// The first level of each: `[uplink] topics`.
    pub prefix: &'a str,
}

impl Topics<'_> {
    /// Returns the topic of a device's reports.
    pub fn report(&self, device: &str) -> String {
        format!("{}/{device}/report", self.prefix)
    }

    /// Returns the topic of the commands to a device.
    pub fn command(&self, device: &str) -> String {
        format!("{}/{device}/cmd", self.prefix)
    }
}

/// A topic rule of AWS IoT. What it selects goes to the consumer's queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Statement {
    /// The last part of the rule's name: letters only.
    pub name: &'static str,
    /// The description in the console.
    pub description: &'static str,
    /// The SQL statement, with `{topics}` for the first level of the topics.
    sql: &'static str,
}

/// The version of AWS IoT SQL in which the statements are written.
pub const SQL_VERSION: &str = "2016-03-23";

/// All topic rules.
pub const STATEMENTS: [Statement; 3] = [
    Statement {
        name: "reports",
        description: "What devices report. The payload is passed on as it came, so that one that is no JSON is refused \
                      with its reason and not lost",
        sql: "SELECT 'report' AS event, topic(2) AS device, timestamp() AS received_at, \
              encode(*, 'base64') AS payload FROM '{topics}/+/report'",
    },
    Statement {
        name: "connected",
        description: "Which devices are connected from now on, as the broker sees it",
        sql: "SELECT 'presence' AS event, timestamp() AS received_at, * FROM '$aws/events/presence/connected/+'",
    },
    // Not one filter for both: AWS IoT also publishes presence events about clients that it refused.
    Statement {
        name: "disconnected",
        description: "Which devices are no longer connected, as the broker sees it",
        sql: "SELECT 'presence' AS event, timestamp() AS received_at, * FROM '$aws/events/presence/disconnected/+'",
    },
];

impl Statement {
    /// Returns the SQL statement for topics with this first level.
    pub fn sql(&self, topics: &str) -> String {
        self.sql.replace("{topics}", topics)
    }
}
