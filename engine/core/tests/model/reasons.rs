//! The reasons for which engine and model decide, and how many histories reached each of them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::{self, Debug},
};

use dag_engine::{Cause, Decision, EndedBy, Hold, IncidentSnapshot, Kind, Outcome, Refusal, Withdrawal, Withholding};

/// A condition was asked by the values of a time at which a fact that it reads had another value than now.
pub const AS_OF: &str = "asked by the values of then";
/// An episode began before its condition turned true.
pub const WALKED_BACK: &str = "since before the turn";

/// When the clock was set, a time of the day was looked for again.
pub const LATER_TIME_OF_DAY: &str = "ClockSet: a time of the day moved";
/// When the clock was set, a snooze or a silence turned out to be longer than any may be.
pub const CUT: &str = "ClockSet: cut at ten years";
/// Somebody acknowledged under another case of their name.
pub const OTHER_CASE: &str = "Acknowledged: under another case of the name";
/// A fact got a value of another kind.
pub const OTHER_KIND: &str = "a value of another kind";

const ESTIMATED: &str = "ClockSet: estimated";
const BY_READING: &str = "Resolved: by a reading";
const TOO_SHORT: &str = "told: over before it opened";
const LATE_SINCE: &str = "told: late since";
const LATE_END: &str = "told: late end";
const LAPSED: &str = "told: a lapsed acknowledgement";
const UNCERTAIN: &str = "told: uncertain times";
const UNSEEN: &str = "told: unseen";

/// Lists the variants of an enum by their names.
macro_rules! variants {
    ($name:ident: $($variant:ident)*) => {{
        // One that is missing from the list does not compile.
        const _: fn(&$name) = |value| match value { $($name::$variant { .. } => {})* };
        [$(stringify!($variant)),*].map(|variant| format!("{}: {variant}", stringify!($name)))
    }};
}

/// Returns every reason, in the order of the table.
fn all() -> Vec<String> {
    let mut all = Vec::new();
    all.extend(variants![Outcome:
        Pending Dip Opened Closing Reopened Resolved NoAnswer Fired Held Notify Withheld Withdrawn Acknowledged Snoozed
        SnoozeEnded Silenced SilenceEnded FellBack AcknowledgementLapsed NobodyToTell HookFailed Refused Waits Gap
        Troubled TroubleOver ClockSet Renamed RulesChanged]);
    all.extend(Kind::ALL.map(|kind| reason("Kind", &kind)));
    all.extend(variants![EndedBy: RuleRemoved Clock Edit LostSensor]);
    all.extend([BY_READING, TOO_SHORT].map(str::to_owned));
    all.extend(variants![Hold: Closing Acknowledged Snoozed Silenced Inhibited]);
    all.extend(variants![Withholding:
        Script OneMessageAStep Quiet Inhibited Silenced RecipientGone TooManyWait TroubleOver TooShort]);
    all.extend(variants![Withdrawal: Superseded]);
    all.extend(variants![Refusal:
        OlderBoot Stale TooManySources TooManyReadings UnknownFact WrongValue NoSuchIncident AlreadyOver
        EndsBeforeItBegins EndsInThePast TooManySilences TooLong]);
    all.extend(variants![Cause: Sensor Script Delivery Host]);
    all.extend([LATE_SINCE, LATE_END, LAPSED, UNCERTAIN, UNSEEN].map(str::to_owned));
    all.extend([ESTIMATED, LATER_TIME_OF_DAY, CUT, OTHER_CASE, OTHER_KIND, AS_OF, WALKED_BACK].map(str::to_owned));
    all
}

/// Returns the reasons that a decision shows.
pub fn of(decision: &Decision) -> Vec<String> {
    let mut reasons = Vec::new();
    match &decision.outcome {
        Outcome::Notify(message) => {
            reasons.push(reason("Kind", &message.kind));
            reasons.extend(message.incident().into_iter().flat_map(of_incident));
            return [reasons, vec!["Outcome: Notify".to_owned()]].concat();
        }
        Outcome::Resolved { by: Some(by), .. } => reasons.push(reason("EndedBy", by)),
        Outcome::Resolved { by: None, .. } => reasons.push(BY_READING.to_owned()),
        Outcome::Held { reason: why, .. } => reasons.push(reason("Hold", why)),
        Outcome::Withheld { reason: why, .. } => reasons.push(reason("Withholding", why)),
        Outcome::Withdrawn { reason: why, .. } => reasons.push(reason("Withdrawal", why)),
        Outcome::Refused { reason: why, .. } => reasons.push(reason("Refusal", why)),
        Outcome::Troubled { cause } => reasons.push(reason("Cause", cause)),
        Outcome::ClockSet { estimated: true, .. } => reasons.push(ESTIMATED.to_owned()),
        _ => {}
    }
    reasons.push(reason("Outcome", &decision.outcome));
    reasons
}

/// Returns what a message shows of its incident.
fn of_incident(incident: &IncidentSnapshot) -> Vec<String> {
    let shown = [
        (incident.since_reported.is_some(), LATE_SINCE),
        (incident.ended_reported.is_some(), LATE_END),
        (incident.ended.is_some_and(|ended| ended < incident.opened_at), TOO_SHORT),
        (incident.acknowledged.as_ref().is_some_and(|given| given.lapsed.is_some()), LAPSED),
        (incident.uncertain, UNCERTAIN),
        (incident.unseen, UNSEEN),
    ];
    shown.into_iter().filter(|(is, _)| *is).map(|(_, reason)| reason.to_owned()).collect()
}

/// Returns the name of a variant behind that of its enum.
fn reason(of: &str, variant: &dyn Debug) -> String {
    let text = format!("{variant:?}");
    let name: String = text.chars().take_while(|letter| letter.is_alphanumeric()).collect();
    format!("{of}: {name}")
}

/// In how many histories each reason was reached.
#[derive(Default)]
pub struct Tally {
    histories: usize,
    reached: BTreeMap<String, usize>,
}

impl Tally {
    pub fn add(&mut self, reached: BTreeSet<String>) {
        self.histories += 1;
        for reason in reached {
            *self.reached.entry(reason).or_default() += 1;
        }
    }

    /// Returns the reasons that no history reached.
    pub fn missing(&self) -> Vec<String> {
        all().into_iter().filter(|reason| !self.reached.contains_key(reason)).collect()
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "in how many of {} histories each reason was reached:", self.histories)?;
        for reason in all() {
            writeln!(f, "{:>8}  {reason}", self.reached.get(&reason).copied().unwrap_or(0))?;
        }
        Ok(())
    }
}
