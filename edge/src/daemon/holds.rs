//! Requests that hold steps back: to acknowledge or snooze an incident, and to silence some.

use dag_engine::{Decision, Id, Input, Moment, Name, Outcome, Silence, Time, did_you_mean, zone};
use serde_json::json;

use super::{
    hold_span::{AskedAt, HoldSpan},
    request::{Answer, Matcher, Until},
    state::Daemon,
};

impl Daemon {
    pub(super) fn acknowledge(&mut self, incident: Option<&str>, by: String) -> Answer {
        check_name(&by)?;
        let (incident, rule) = self.open_incident(incident)?;
        let input = Input::Acknowledge { incident, by };
        let acknowledged = find_outcome(&self.engine.apply(input, self.clock.now()), |outcome| match outcome {
            Outcome::Acknowledged { by, .. } => Some(json!({ "by": by })),
            _ => None,
        });
        self.answer(acknowledged?, json!({ "incident": incident, "rule": rule }))
    }

    pub(super) fn snooze(&mut self, incident: Option<&str>, until: Until, by: String) -> Answer {
        check_name(&by)?;
        let (incident, rule) = self.open_incident(incident)?;
        let asked = self.asked();
        let (now, given) = (asked.now, until.given());
        let HoldSpan { until, .. } = HoldSpan::new(None, until, asked)?;
        let input = Input::Snooze { incident, until, until_given: given, by };
        let snoozed = find_outcome(&self.engine.apply(input, now), |outcome| match outcome {
            Outcome::Snoozed { by, until } => Some(json!({ "by": by, "until": until, "until_given": given })),
            Outcome::SnoozeEnded { by } => Some(json!({ "by": by, "until": null })),
            _ => None,
        });
        self.answer(snoozed?, json!({ "incident": incident, "rule": rule }))
    }

    pub(super) fn silence(&mut self, matcher: Matcher, from: Option<Moment>, until: Until, by: String) -> Answer {
        check_name(&by)?;
        // A silence that is lifted may name a rule or a label that is gone since.
        match until {
            Until::Lifted => self.check_silence_exists(&matcher)?,
            Until::For(_) | Until::At(_) => self.check_matches(&matcher)?,
        }
        let asked = self.asked();
        let now = asked.now;
        let (from_given, until_given) = (from.map(Moment::given).unwrap_or_default(), until.given());
        let HoldSpan { from, until } = HoldSpan::new(from, until, asked)?;
        let replaces = self.replaced_silence(&matcher, until, now);
        if let Some(replaced) = replaces.as_ref().filter(|replaced| replaced.from <= now && from > now) {
            let (zone, named) = (zone(asked.timezone)?, "%H:%M:%S on %a %-d %b %Y");
            let from = from.in_zone(&zone).strftime(named);
            let ends = replaced.until.in_zone(&zone).strftime(named);
            return Err(format!(
                "nothing was changed: a silence of just that holds until {ends}, and this one would take its place, so \
                 that steps fire until {from}. Leave out `--from`, end that one first with `dag silence \
                 --lift{matcher}`, or silence something else, as with `--rule`"
            ));
        }
        let Matcher { device, labels, rule } = matcher;
        let silence = Silence { device, labels, rule, from, from_given, until, until_given, by };
        let silenced = find_outcome(&self.engine.apply(Input::Silence(silence), now), |outcome| match outcome {
            Outcome::Silenced { silence } => Some(json!({ "silence": silence, "ended": false })),
            Outcome::SilenceEnded { silence, .. } => Some(json!({ "silence": silence, "ended": true })),
            _ => None,
        });
        self.answer(silenced?, json!({ "now": now, "replaces": replaces }))
    }

    /// Returns the silence that one of the same matcher takes the place of, if it is not over.
    fn replaced_silence(&self, matcher: &Matcher, until: Time, now: Time) -> Option<Silence> {
        let same = |silence: &&Silence| silence.until > now && Matcher::of(silence) == *matcher;
        self.engine.state().silences().find(same).filter(|_| until > now).cloned()
    }

    /// Returns the present, by which the moments of a request are worked out.
    fn asked(&self) -> AskedAt<'_> {
        let timezone = self.device.timezone.as_deref().unwrap_or("UTC");
        AskedAt { now: self.clock.now(), timezone, uncertain: self.clock.uncertainty().is_some() }
    }

    /// Returns an answer of two parts, with the time zone of the device.
    fn answer(&self, outcome: serde_json::Value, subject: serde_json::Value) -> Answer {
        let mut answer = json!({ "timezone": self.device.timezone });
        for part in [outcome, subject] {
            if let (Some(answer), serde_json::Value::Object(part)) = (answer.as_object_mut(), part) {
                answer.extend(part);
            }
        }
        Ok(answer)
    }

    /// Returns the open incident whose id begins with `incident`, or the only open one for `None`.
    fn open_incident(&self, incident: Option<&str>) -> Result<(Id, Name), String> {
        let open = self.engine.state().open_incidents();
        let named = open.filter(|open| incident.is_none_or(|start| open.id.to_string().starts_with(start)));
        let found: Vec<(Id, Name)> = named.map(|open| (open.id, open.rule.clone())).collect();
        match found.as_slice() {
            [] if incident.is_some() => Err("no open incident has an id that begins so: see `dag status`".to_owned()),
            [] => Err("no incident is open".to_owned()),
            [(incident, rule)] => Ok((*incident, rule.clone())),
            several => {
                let list = several.iter().map(|(id, rule)| format!("\n  {id}  {rule}"));
                Err(format!("several incidents are open; say which:{}", list.collect::<String>()))
            }
        }
    }

    /// Checks that there is a silence of exactly this matcher.
    fn check_silence_exists(&self, matcher: &Matcher) -> Result<(), String> {
        let silences: Vec<Matcher> = self.engine.state().silences().map(Matcher::of).collect();
        if silences.contains(matcher) {
            return Ok(());
        }
        if silences.is_empty() {
            return Err("there is no silence to lift".to_owned());
        }
        let list: String = silences.iter().map(|silence| format!("\n  dag silence --lift{silence}")).collect();
        Err(format!("there is no silence of just that; what can be lifted is{list}"))
    }

    /// Checks that a silence matches incidents of this device. Nobody would notice a mistake in one that matches none.
    fn check_matches(&self, matcher: &Matcher) -> Result<(), String> {
        let rules = self.engine.rulebook().engine.rules();
        if let Some(rule) = matcher.rule.as_deref().filter(|rule| rules.rules().all(|known| known != rule)) {
            let help = did_you_mean(rule, rules.rules().map(Name::as_str));
            let list = || format!("there are {}", rules.rules().map(Name::as_str).collect::<Vec<_>>().join(", "));
            return Err(format!("there is no rule `{rule}`: {}", help.unwrap_or_else(list)));
        }
        if let Some(device) = matcher.device.as_ref().filter(|device| **device != self.device.id) {
            return Err(format!(
                "this daemon is `{}`: a silence of `{device}` would hold nothing here",
                self.device.id
            ));
        }
        for (label, value) in &matcher.labels {
            match self.device.labels.get(label) {
                Some(own) if own == value => {}
                Some(own) => {
                    let advice = "a silence of others would hold nothing here";
                    return Err(format!("the label `{label}` of this device is `{own}`, not `{value}`: {advice}"));
                }
                None => {
                    let known = did_you_mean(label, self.device.labels.keys().map(String::as_str));
                    let help = known.unwrap_or_else(|| "`labels` in config.toml gives it some".to_owned());
                    return Err(format!("this device has no label `{label}`: {help}"));
                }
            }
        }
        Ok(())
    }
}

/// Checks a name that goes into messages and is kept with the incident.
///
/// # Errors
/// The name is empty, of several lines, or longer than the engine takes.
pub(super) fn check_name(by: &str) -> Result<(), String> {
    if by.is_empty() || by.len() > Input::LONGEST_NAME || by.chars().any(char::is_control) {
        return Err(format!("`--by` takes a name of one line, of at most {} bytes", Input::LONGEST_NAME));
    }
    Ok(())
}

/// Returns the first outcome that `select` takes. Without one, returns the reason why the engine refused.
fn find_outcome(
    decisions: &[Decision],
    select: impl Fn(&Outcome) -> Option<serde_json::Value>,
) -> Result<serde_json::Value, String> {
    let refused = decisions.iter().find_map(|decision| match &decision.outcome {
        Outcome::Refused { reason, .. } => Some(format!("nothing was changed: {}", reason.describe())),
        _ => None,
    });
    let found = decisions.iter().find_map(|decision| select(&decision.outcome));
    found.ok_or_else(|| refused.unwrap_or_else(|| "nothing was changed".to_owned()))
}

#[cfg(test)]
mod tests {
    use dag_engine::Refusal;

    use super::*;

    #[test]
    fn what_the_engine_refuses_is_told_with_its_reason() {
        let decision = |outcome| Decision { at: Time::MIN, rule: None, incident: None, outcome };
        let refused = |reason| decision(Outcome::Refused { reason, subject: "x".to_owned() });
        let ended = |outcome: &Outcome| matches!(outcome, Outcome::SnoozeEnded { .. }).then(|| json!("ended"));
        for (decisions, said) in [
            (vec![], Err("nothing was changed")),
            (
                vec![refused(Refusal::EndsInThePast)],
                Err("nothing was changed: it ends in the past, and there is none like it to be ended"),
            ),
            (vec![refused(Refusal::AlreadyOver)], Err("nothing was changed: the incident is over")),
            (vec![refused(Refusal::EndsBeforeItBegins)], Err("nothing was changed: it ends before it begins")),
            (vec![decision(Outcome::NoAnswer), decision(Outcome::SnoozeEnded { by: "nor".to_owned() })], Ok("ended")),
        ] {
            assert_eq!(find_outcome(&decisions, ended), said.map(|text| json!(text)).map_err(str::to_owned));
        }
    }
}
