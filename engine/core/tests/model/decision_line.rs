//! Decisions as lines of text, in which engine and model are compared.

use std::fmt;

use dag_engine::{Decision, Id, Name, Outcome, Refusal, Time};

use crate::message::Message;

/// One decision, its outcome in the words of [`describe`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DecisionLine {
    pub at: Time,
    pub rule: Option<Name>,
    pub incident: Option<Id>,
    pub text: String,
}

impl From<&Decision> for DecisionLine {
    fn from(decision: &Decision) -> Self {
        let Decision { at, rule, incident, outcome } = decision;
        DecisionLine { at: *at, rule: rule.clone(), incident: *incident, text: describe(outcome) }
    }
}

impl fmt::Display for DecisionLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.at)?;
        if let Some(rule) = &self.rule {
            write!(f, " {rule}")?;
        }
        if let Some(incident) = &self.incident {
            write!(f, " ({})", &incident.to_string()[..6])?;
        }
        write!(f, " {}", self.text)
    }
}

/// Describes an outcome. The model makes some of these texts by itself; the engine's decisions get theirs here.
pub fn describe(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Pending { due } => format!("pending until {due}"),
        Outcome::Dip { since } => format!("dip since {since}"),
        Outcome::Opened { since } => format!("opened since {since}"),
        Outcome::Closing { due } => format!("closing until {due}"),
        Outcome::Reopened { clear_since } => format!("reopened, clear since {clear_since}"),
        Outcome::Resolved { since, ended, by } => format!("resolved, {since} to {ended}, by {by:?}"),
        Outcome::NoAnswer => "no answer".to_owned(),
        Outcome::Fired { step, repeat } => format!("fired {step}/{repeat}"),
        Outcome::Held { step, reason } => format!("held {step}: {reason:?}"),
        Outcome::Notify(message) => format!("told {}", Message::from(&**message)),
        Outcome::Withheld { kind, recipient, channel, reason } => {
            format!("withheld {} from {recipient} by {}: {reason:?}", kind.as_str(), channel.as_str())
        }
        Outcome::Withdrawn { notification, reason } => format!("withdrew {notification}: {reason:?}"),
        Outcome::Acknowledged { by, lapses } => format!("acknowledged by {by} until {lapses:?}"),
        Outcome::AcknowledgementLapsed { by } => format!("acknowledgement by {by} lapsed"),
        Outcome::NobodyToTell { step } => format!("nobody to tell at {step}"),
        Outcome::HookFailed { hook, .. } => format!("hook {hook} failed"),
        Outcome::Refused { reason, subject } => refused(*reason, subject),
        Outcome::RulesChanged { .. } => "rules changed".to_owned(),
        Outcome::Snoozed { by, until } => format!("snoozed by {by} until {until}"),
        Outcome::SnoozeEnded { by } => format!("snooze ended by {by}"),
        Outcome::Silenced { silence } => format!("silenced: {silence:?}"),
        Outcome::SilenceEnded { silence, by } => format!("silence ended by {by}: {silence:?}"),
        Outcome::FellBack { recipient, to } => format!("fell back from {recipient} to {to}"),
        Outcome::Waits { source, until } => format!("{source} waits until {until}"),
        Outcome::Gap { source, boot, last, next_boot, next } => {
            format!("gap of {source} from {boot}/{last} to {next_boot}/{next}")
        }
        Outcome::Troubled { cause } => format!("troubled: {}", cause.key()),
        Outcome::TroubleOver { key } => format!("trouble over: {key}"),
        Outcome::ClockSet { boot, shift_ms, estimated } => {
            format!("clock of boot {boot} set by {}{shift_ms}", if *estimated { "about " } else { "" })
        }
        Outcome::Renamed { was } => format!("renamed from {was}"),
    }
}

/// Leaves out the subjects of silences: they are texts for people, which `SEMANTICS.md` does not give.
fn refused(reason: Refusal, subject: &str) -> String {
    match reason {
        Refusal::EndsBeforeItBegins | Refusal::EndsInThePast | Refusal::TooManySilences | Refusal::TooLong => {
            format!("refused: {reason:?}")
        }
        _ => format!("refused {subject}: {reason:?}"),
    }
}
