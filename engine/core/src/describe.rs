//! Decisions in words.

use crate::{Cause, Decision, EndedBy, Notification, Outcome, Silence};

/// A decision as a line that people read. `subject` renders a message's subject as its receiver would read it.
pub fn describe(decision: &Decision, subject: &dyn Fn(&Notification) -> String) -> String {
    let rule = decision.rule.as_deref().unwrap_or("engine");
    let what = match &decision.outcome {
        Outcome::Pending { due } => format!("condition true; opens at {due} if it stays so"),
        Outcome::Dip { since } => format!("condition false again; a dip since {since}, not an incident"),
        Outcome::Opened { since } => format!("incident opened; it began at {since}"),
        Outcome::Closing { due } => format!("condition false; over if it stays so until {due}"),
        Outcome::Reopened { clear_since } => format!("condition true again; it had been false since {clear_since}"),
        Outcome::Resolved { since, ended, by: None } => format!("incident over; it lasted from {since} to {ended}"),
        // Whether the power is back nobody knows, or it is not.
        Outcome::Resolved { since, ended, by: Some(EndedBy::RuleRemoved) } => {
            format!("incident closed, for its rule was removed; open from {since} to {ended}")
        }
        Outcome::Resolved { since, ended, by: Some(by) } => {
            format!("incident over {}; it counted from {since} to {ended}", by.describe())
        }
        Outcome::NoAnswer => "condition has no answer: a fact that it reads is unknown".to_owned(),
        Outcome::Fired { step, repeat: 0 } => format!("step {step} fires"),
        Outcome::Fired { step, repeat } => format!("step {step} fires, repeat {repeat}"),
        Outcome::Held { step, reason } => format!("step {step} is due and held: {}", reason.describe()),
        Outcome::Notify(notification) => {
            let Notification { recipient, kind, .. } = &**notification;
            let by = notification.channel().as_str();
            format!("message to {recipient} by {by}, {}: {}", kind.as_str(), subject(notification))
        }
        Outcome::Withheld { kind, recipient, channel, reason } => {
            format!("no message to {recipient} by {}, {}: {}", channel.as_str(), kind.as_str(), reason.describe())
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
            let Silence { from, from_given, until, until_given, by, .. } = silence;
            let (from_given, until_given) = (from_given.note(), until_given.note());
            format!("silence by {by} from {from}{from_given} until {until}{until_given}: {}", silence.describe())
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{GivenAs, Time};

    fn described(outcome: Outcome) -> String {
        let decision = Decision { at: Time::MIN, rule: Some("outage".into()), incident: None, outcome };
        describe(&decision, &|_| String::new())
    }

    /// Only a reading says that the condition is false because the world is so.
    #[test]
    fn what_ended_an_incident_is_said_and_nothing_that_it_does_not_say() {
        let resolved = |by| {
            let (since, ended) = (Time::from_millis(0), Time::from_millis(60_000));
            described(Outcome::Resolved { since, ended, by })
        };
        let span = "from 1970-01-01T00:00:00Z to 1970-01-01T00:01:00Z";
        for (by, text) in [
            (None, format!("outage: incident over; it lasted {span}")),
            (Some(EndedBy::Clock), format!("outage: incident over by the clock; it counted {span}")),
            (Some(EndedBy::Edit), format!("outage: incident over by an edit; it counted {span}")),
            (Some(EndedBy::LostSensor), format!("outage: incident over because a sensor is lost; it counted {span}")),
            (Some(EndedBy::RuleRemoved), format!("outage: incident closed, for its rule was removed; open {span}")),
        ] {
            assert_eq!(resolved(by), text);
        }
    }

    #[test]
    fn a_silence_says_how_its_moments_were_given() {
        let silence = Silence {
            device: None,
            labels: Default::default(),
            rule: None,
            from: Time::MIN,
            from_given: GivenAs::Length,
            until: Time::from_millis(79_200_000),
            until_given: GivenAs::TimeOfDay("22:00".parse().unwrap()),
            by: "nor".to_owned(),
        };
        assert_eq!(
            described(Outcome::Silenced { silence }),
            "outage: silence by nor from 1970-01-01T00:00:00Z until 1970-01-01T22:00:00Z (given as 22:00): everything"
        );
    }
}
