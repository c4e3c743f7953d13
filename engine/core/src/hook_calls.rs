//! Calls of the hooks of a rule's script: their parameter, and what happens when one fails.

use crate::{
    Cause, Id, Millis, Name, Outcome, Time,
    rules::Rule,
    script::{Context, Hook, HookError, HookResult},
    state::Incident,
    step::Step,
};

impl Step<'_> {
    /// Returns how long to wait after an edge at `at`: what the script returns, else the TOML value.
    pub(crate) fn wait(&mut self, rule: &Rule, hook: Hook, toml: Millis, at: Time) -> Millis {
        let Some(script) = rule.script.as_ref().filter(|script| script.has(hook)) else { return toml };
        let incident = self.state.incidents.iter().find(|other| other.ended.is_none() && other.rule == rule.name);
        let (ctx, id) = (self.context(rule, incident, at), incident.map(|incident| incident.id));
        self.hook_answer(rule, id, hook, script.length(hook, ctx)).flatten().unwrap_or(toml)
    }

    /// Returns a hook's result; a failure is a decision, and gives none.
    pub(crate) fn hook_answer<T>(
        &mut self,
        rule: &Rule,
        incident: Option<Id>,
        hook: Hook,
        answer: HookResult<T>,
    ) -> Option<T> {
        let tell = |error: HookError| {
            let error: String = error.message.chars().take(LONGEST_ERROR).collect();
            let hook: Name = hook.name().into();
            let outcome = Outcome::HookFailed { hook: hook.clone(), error: error.clone() };
            self.decide(self.now, Some(&rule.name), incident, outcome);
            self.trouble(Cause::Script { rule: rule.name.clone(), hook, error }, self.now);
        };
        answer.map_err(tell).ok()
    }

    /// Returns the parameter `ctx` of a hook that is asked for the time `now`.
    pub(crate) fn context(&self, rule: &Rule, incident: Option<&Incident>, now: Time) -> Context {
        let device = &self.state.device;
        let labels = device.labels.iter().fold(Context::new(), |labels, (name, label)| labels.text(name, label));
        // Every fact that there is can be read; one that was never reported is `()`.
        let facts = self.rules.facts.keys().fold(Context::new(), |facts, name| {
            facts.fact(name, self.state.facts.get(name).and_then(|fact| fact.value_at(now)))
        });
        let wall = now.in_zone(&self.zone);
        let local = Context::new()
            .number("hour", wall.hour().into())
            .number("minute", wall.minute().into())
            .text("weekday", weekday(wall.weekday()))
            .text("date", &wall.date().to_string())
            .text("time", &format!("{:02}:{:02}", wall.hour(), wall.minute()));
        let incident = incident.map(|incident| {
            let until = incident.ended.unwrap_or(now);
            let seen = Context::new()
                .text("id", &incident.id.to_string())
                .number("number", i64::try_from(incident.number).unwrap_or(i64::MAX))
                .text("since", &incident.since.to_string())
                .text("opened_at", &incident.opened_at.to_string())
                .text("lasted", &whole_seconds(until).since(whole_seconds(incident.since)).to_string());
            let Some(ended) = incident.ended else {
                return seen.group("ended", None).group("ended_by", None).group("facts_at_end", None);
            };
            let facts = self.facts_at_end(incident).into_iter();
            let facts = facts.fold(Context::new(), |facts, (name, value)| facts.fact(&name, value));
            let seen = seen.text("ended", &ended.to_string()).group("facts_at_end", Some(facts));
            match incident.ended_by {
                Some(by) => seen.text("ended_by", by.as_str()),
                None => seen.group("ended_by", None),
            }
        });
        Context::new()
            .group(
                "device",
                Some(Context::new().text("id", &device.id).text("name", &device.name).group("labels", Some(labels))),
            )
            .group("facts", Some(facts))
            .group("rule", Some(Context::new().text("name", &rule.name).text("severity", rule.severity.as_str())))
            .group("incident", incident)
            .group("kind", None)
            .group("step", None)
            .group("repeat", None)
            .text("now", &now.to_string())
            .group("local", Some(local))
    }
}

/// The most characters of a script's error that are kept: a script throws what it likes, and every decision is kept.
const LONGEST_ERROR: usize = 400;

/// Returns a time without its milliseconds. A length is between what people read.
fn whole_seconds(at: Time) -> Time {
    Time::from_millis(at.as_millis() / 1_000 * 1_000)
}

fn weekday(day: jiff::civil::Weekday) -> &'static str {
    ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
        .get(usize::from(day.to_monday_zero_offset().unsigned_abs()))
        .copied()
        .unwrap_or_default()
}
