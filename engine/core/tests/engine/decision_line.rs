//! Decisions as short lines.

use dag_engine::{Decision, Name, Notification, Outcome, Time};

/// Returns a decision as a line, with times counted from `start`. A withdrawn message is looked up in `sent`.
pub fn line(decision: &Decision, start: Time, sent: &[Notification]) -> String {
    let at = |time: &Time| time.since(start).to_string();
    let what = match &decision.outcome {
        Outcome::Pending { due } => format!("pending until {}", at(due)),
        Outcome::Dip { since } => format!("dip since {}", at(since)),
        Outcome::Opened { since } => format!("opened since {}", at(since)),
        Outcome::Closing { due } => format!("closing until {}", at(due)),
        Outcome::Reopened { clear_since } => format!("reopened, clear since {}", at(clear_since)),
        Outcome::Resolved { since, ended, by } => {
            let by = by.map(|by| format!(" by {by:?}")).unwrap_or_default();
            format!("resolved, {} to {}{by}", at(since), at(ended))
        }
        Outcome::NoAnswer => "no answer".to_owned(),
        Outcome::Fired { step, repeat } => format!("fired {step}{}", repeated(*repeat)),
        Outcome::Held { step, reason } => format!("held {step}: {reason:?}"),
        Outcome::Notify(message) => {
            let Notification { kind, step, repeat, recipient, .. } = &**message;
            let wording = message.wording.as_ref().map(|own| format!(" \"{}\"", own.subject)).unwrap_or_default();
            let by = message.channel().as_str();
            format!("told {recipient} by {by}: {} {step}{}{wording}", kind.as_str(), repeated(*repeat))
        }
        Outcome::Withheld { kind, recipient, reason, .. } => {
            format!("withheld from {recipient}: {} ({reason:?})", kind.as_str())
        }
        Outcome::Withdrawn { notification, reason } => {
            let message = sent.iter().find(|sent| sent.id == *notification).expect("it was sent");
            format!("withdrew {} of {} ({reason:?})", message.kind.as_str(), message.recipient)
        }
        Outcome::Acknowledged { by, lapses: None } => format!("acknowledged by {by}"),
        Outcome::Acknowledged { by, lapses: Some(lapses) } => format!("acknowledged by {by} until {}", at(lapses)),
        Outcome::AcknowledgementLapsed { by } => format!("acknowledgement by {by} lapsed"),
        Outcome::NobodyToTell { step } => format!("nobody to tell at {step}"),
        Outcome::HookFailed { hook, error } => format!("hook {hook} failed: {error}"),
        Outcome::Refused { reason, subject } => format!("refused {subject}: {reason:?}"),
        Outcome::RulesChanged { .. } => "rules changed".to_owned(),
        Outcome::Snoozed { by, until } => format!("snoozed by {by} until {}", at(until)),
        Outcome::SnoozeEnded { by } => format!("snooze ended by {by}"),
        Outcome::Silenced { silence } => format!("silenced by {} until {}", silence.by, at(&silence.until)),
        Outcome::SilenceEnded { by, .. } => format!("silence ended by {by}"),
        Outcome::FellBack { recipient, to } => format!("fell back from {recipient} to {to}"),
        Outcome::Waits { source, until } => format!("{source} waits until {}", at(until)),
        Outcome::Gap { source, boot, last, next_boot, next } => {
            format!("gap of {source} from {boot}/{last} to {next_boot}/{next}")
        }
        Outcome::Troubled { cause } => format!("troubled: {}", cause.key()),
        Outcome::TroubleOver { key } => format!("trouble over: {key}"),
        Outcome::ClockSet { boot, shift_ms, estimated } => {
            format!("clock of boot {boot} set by {}{shift_ms}", if *estimated { "about " } else { "" })
        }
        Outcome::Renamed { was } => format!("renamed from {was}"),
    };
    let rule = decision.rule.as_ref().map(|rule: &Name| format!(" {rule}")).unwrap_or_default();
    format!("{}{rule} {what}", at(&decision.at))
}

fn repeated(repeat: u32) -> String {
    if repeat == 0 { String::new() } else { format!(" repeat {repeat}") }
}
