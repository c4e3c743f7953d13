//! Decisions in words.

use crate::{Cause, Decision, Notification, Outcome};

/// A decision as a line that people read. `subject` renders a message's subject as its receiver would read it.
pub fn describe(decision: &Decision, subject: &dyn Fn(&Notification) -> String) -> String {
    let rule = decision.rule.as_deref().unwrap_or("engine");
    let what = match &decision.outcome {
        Outcome::Pending { due } => format!("condition true; opens at {due} if it stays so"),
        Outcome::Dip { since } => format!("condition false again; a dip since {since}, not an incident"),
        Outcome::Opened { since } => format!("incident opened; it began at {since}"),
        Outcome::Closing { due } => format!("condition false; ends at {due} if it stays so"),
        Outcome::Reopened { clear_since } => format!("condition true again; it had been false since {clear_since}"),
        Outcome::Resolved { since, ended, by: None } => format!("incident over; it lasted from {since} to {ended}"),
        Outcome::Resolved { since, ended, by: Some(_) } => {
            format!("incident closed, for its rule was removed; open from {since} to {ended}")
        }
        Outcome::NoAnswer => "condition has no answer: a fact that it reads is unknown".to_owned(),
        Outcome::Fired { step, repeat: 0 } => format!("step {step} fires"),
        Outcome::Fired { step, repeat } => format!("step {step} fires, repeat {repeat}"),
        Outcome::Held { step, reason } => format!("step {step} is due and held: {}", reason.describe()),
        Outcome::Notify(notification) => {
            let Notification { recipient, kind, .. } = &**notification;
            let by = notification.channel().as_str();
            format!("told {recipient} by {by}, {}: {}", kind.as_str(), subject(notification))
        }
        Outcome::Withheld { kind, recipient, channel, reason } => {
            format!("did not tell {recipient} by {}, {}: {}", channel.as_str(), kind.as_str(), reason.describe())
        }
        Outcome::Withdrawn { notification, .. } => {
            format!("message {notification} withdrawn: the incident ended before anyone had tried to send it")
        }
        Outcome::Acknowledged { by, lapses: None } => format!("acknowledged by {by}"),
        Outcome::Acknowledged { by, lapses: Some(at) } => format!("acknowledged by {by} until {at}"),
        Outcome::AcknowledgementLapsed { by } => format!("the acknowledgement by {by} lapsed"),
        Outcome::Snoozed { by, until } => format!("snoozed by {by} until {until}"),
        Outcome::SnoozeEnded { by } => format!("the snooze was ended by {by}"),
        Outcome::Silenced { silence } => {
            format!("silence by {} from {} until {}: {}", silence.by, silence.from, silence.until, silence.describe())
        }
        Outcome::SilenceEnded { silence, by } => format!("the silence was ended by {by}: {}", silence.describe()),
        Outcome::FellBack { recipient, to } => format!("{recipient} cannot be reached, so {to} is told the same"),
        Outcome::NobodyToTell { step } => format!("step {step} names nobody who can be reached"),
        Outcome::HookFailed { hook, error } => {
            format!("the script's `{hook}` failed, so the file's value is used: {error}")
        }
        Outcome::Refused { reason, subject } => format!("input about {subject} refused: {}", reason.describe()),
        Outcome::Waits { source, until } => {
            format!("readings of {source} before this report are missing: it waits for them until {until}")
        }
        Outcome::Gap { source, boot, last, next_boot, next } => {
            let between = format!("after number {last} of boot {boot}, before number {next} of boot {next_boot}");
            format!("readings of {source} are lost: {between}")
        }
        Outcome::Troubled { cause } => format!("trouble: {}", trouble(cause)),
        Outcome::TroubleOver { key } => format!("the trouble is over: {key}"),
        Outcome::ClockSet { boot, shift_ms, estimated } => {
            let about = if *estimated { "about " } else { "" };
            format!("the clock was set: times of boot {boot} move by {about}{shift_ms} ms")
        }
        Outcome::Renamed { was } => format!("goes on under this name; it was {was}"),
        Outcome::RulesChanged { rules } => format!("rules {rules} are in force"),
    };
    format!("{rule}: {what}")
}

fn trouble(cause: &Cause) -> String {
    match cause {
        Cause::Sensor { fact, rules } if rules.is_empty() => format!("`{fact}` is not known any more"),
        Cause::Sensor { fact, rules } => {
            format!("`{fact}` is not known any more; without an answer meanwhile: {}", rules.join(", "))
        }
        Cause::Script { rule, hook, error } => format!("the script of {rule} failed in `{hook}`: {error}"),
        Cause::Delivery { recipient, channel } => {
            format!("a message to {recipient} by {} was given up", channel.as_str())
        }
        Cause::Host { about, text } => format!("{about}: {text}"),
    }
}
