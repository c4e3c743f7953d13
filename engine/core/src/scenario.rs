//! Scenarios: what a user's rules are expected to do, written as a story in `rules/tests/*.toml`.

use std::collections::BTreeMap;

use toml::{Spanned, de::DeValue};

use crate::{
    Decision, Device, Engine, Input, Millis, Name, Notification, Outcome, Problem, Problems, Time, Value, describe,
    did_you_mean,
    rules::document::{Document, Span, Table},
    simulation::Simulation,
};

/// One scenario, read and checked.
#[derive(Debug)]
pub struct Scenario {
    /// What it shows, in a sentence.
    pub name: String,
    device: Device,
    start: Time,
    steps: Vec<Step>,
    file: String,
    text: String,
}

/// So many deadlines may pass in one story: a step that repeats every millisecond must not hold up a reload.
const MOST_DEADLINES: u32 = 20_000;

#[derive(Debug)]
struct Step {
    at: Millis,
    span: Span,
    set: Vec<(Name, Option<Value>)>,
    ack: Option<Ack>,
    expect: Option<(Span, Vec<Expected>)>,
}

#[derive(Debug)]
struct Ack {
    by: String,
    /// Only this rule's incident; every open one where none is named.
    rule: Option<Name>,
    span: Span,
}

/// One message that is expected. What is absent matches anything.
#[derive(Debug)]
struct Expected {
    to: Option<String>,
    by: Option<String>,
    kind: Option<String>,
    step: Option<u32>,
    subject: Option<String>,
    span: Span,
}

/// How a scenario went.
#[derive(Debug)]
pub struct Played {
    /// What was not as expected; empty if all was.
    pub problems: Vec<Problem>,
    /// Everything that was decided, a line each: for people, where something was not as expected.
    pub timeline: String,
}

impl Scenario {
    /// Reads a scenario for one of `devices`.
    ///
    /// # Errors
    /// Everything that is wrong with the file, with its place.
    pub fn parse(
        file: &str,
        text: &str,
        engine: &Engine,
        devices: &BTreeMap<Name, Device>,
    ) -> Result<Scenario, Problems> {
        let document = Document::new(file, text);
        let entries = document.parse();
        let mut table = Table::new(&document, &entries, 0..0);
        let name = table.required_string("name", "a scenario").map(|name| name.get_ref().to_string());
        let device = table.required_string("device", "a scenario").and_then(|device| {
            let known = devices.get(*device.get_ref()).cloned();
            if known.is_none() {
                let help = did_you_mean(device.get_ref(), devices.keys().map(Name::as_str));
                let help = help.unwrap_or_else(|| "devices are declared in config.toml".into());
                document.problem(device.span(), format!("there is no device `{}`", device.get_ref()), Some(help));
            }
            known
        });
        let start = table.required_string("start", "a scenario").and_then(|start| {
            let time = start.get_ref().parse().ok();
            if time.is_none() {
                let help = "write it as \"2026-01-10T18:00:00Z\"".to_owned();
                document.problem(start.span(), "this is no time", Some(help));
            }
            time
        });
        let mut steps: Vec<Step> = Vec::new();
        match table.value("step").map(|list| (list, list.get_ref().as_array())) {
            Some((_, Some(items))) => {
                for item in items.iter() {
                    let last = steps.last().map_or(Millis::ZERO, |step| step.at);
                    steps.extend(Step::parse(&document, item, engine, last));
                }
            }
            Some((list, None)) => document.problem(list.span(), "steps are written as [[step]]", None),
            None => document.problem(0..0, "a scenario without steps shows nothing", Some("add a [[step]]".into())),
        }
        table.finish();
        let problems = document.take_problems();
        match (name, device, start) {
            (Some(name), Some(device), Some(start)) if problems.is_empty() => {
                Ok(Scenario { name, device, start, steps, file: file.to_owned(), text: text.to_owned() })
            }
            _ => Err(Problems(problems)),
        }
    }

    /// Plays the scenario. `subject` renders a message's subject as its receiver would read it.
    pub fn play(&self, engine: &Engine, subject: &dyn Fn(&Notification) -> String) -> Played {
        let mut simulation = Simulation::new(engine, self.device.clone());
        let mut sent: Vec<(Notification, String)> = Vec::new();
        let mut timeline = String::new();
        let mut problems = Vec::new();
        let mut deadlines = 0;
        for step in &self.steps {
            let now = self.start + step.at;
            let mut on = |decision: &Decision| {
                if let Outcome::Notify(notification) = &decision.outcome {
                    sent.push(((**notification).clone(), subject(notification)));
                }
                let offset = decision.at.since(self.start).to_string();
                timeline.push_str(&format!("{offset:>10}  {}\n", describe(decision, subject)));
            };
            while let Some(deadline) = simulation.state().next_deadline().filter(|deadline| *deadline <= now) {
                deadlines += 1;
                if deadlines > MOST_DEADLINES {
                    let message = format!("before {} more than {MOST_DEADLINES} things happen", step.at);
                    let help = "tell a shorter story, or let steps repeat less often".to_owned();
                    problems.push(self.problem(step.span.clone(), message, Some(help)));
                    return Played { problems, timeline };
                }
                simulation.advance(deadline, &mut on);
            }
            if !step.set.is_empty() {
                simulation.set(&step.set, now, &mut on);
            }
            if let Some(ack) = &step.ack {
                let open = simulation.state().open_incidents();
                let named = open.filter(|incident| ack.rule.as_ref().is_none_or(|rule| *rule == incident.rule));
                let incidents: Vec<_> = named.map(|incident| incident.id).collect();
                if incidents.is_empty() {
                    problems.push(self.problem(ack.span.clone(), "nothing is open that could be acknowledged", None));
                }
                for incident in incidents {
                    simulation.step(Input::Acknowledge { incident, by: ack.by.clone() }, now, &mut on);
                }
            }
            if let Some((span, expected)) = &step.expect {
                problems.extend(self.compare(span, expected, &sent));
                sent.clear();
            }
        }
        Played { problems, timeline }
    }

    fn compare(&self, span: &Span, expected: &[Expected], sent: &[(Notification, String)]) -> Option<Problem> {
        let list = |sent: &[(Notification, String)]| match sent {
            [] => "nothing was sent".to_owned(),
            sent => sent.iter().map(|(n, subject)| line(n, subject)).collect::<Vec<_>>().join("\n"),
        };
        let mut rest = sent;
        for (at, wanted) in expected.iter().enumerate() {
            let help = || Some(format!("sent since the last `expect`:\n{}", list(sent)));
            let Some(((notification, subject), more)) = rest.split_first() else {
                return Some(self.problem(wanted.span.clone(), "this was not sent", help()));
            };
            if let Some(difference) = wanted.differs(notification, subject) {
                return Some(self.problem(wanted.span.clone(), difference, help()));
            }
            rest = more;
            // Who names no channel means the person: the same message by another channel is the same telling, so that
            // a recipient may get a webhook without the stories being told anew.
            let next = expected.get(at + 1);
            while let Some(((other, subject), more)) = rest.split_first()
                && wanted.by.is_none()
                && same_telling(notification, other)
                && next.is_none_or(|next| next.differs(other, subject).is_some())
            {
                rest = more;
            }
        }
        if rest.is_empty() {
            return None;
        }
        let help = format!("not expected:\n{}", list(rest));
        Some(self.problem(span.clone(), format!("{} more sent than expected", rest.len()), Some(help)))
    }

    fn problem(&self, span: Span, message: impl Into<String>, help: Option<String>) -> Problem {
        Problem::error(&self.file, &self.text, span, message, help)
    }
}

impl Step {
    fn parse(document: &Document<'_>, item: &Spanned<DeValue<'_>>, engine: &Engine, last: Millis) -> Option<Step> {
        let mut table = Table::at(document, item, "a step")?;
        let at = table.required_string("at", "a step").and_then(|_| table.parsed::<Millis>("at"));
        if let (Some(at), Some(value)) = (at, table.value("at"))
            && at < last
        {
            document.problem(value.span(), "a step is not earlier than the one before it", None);
        }
        let mut set = Vec::new();
        if let Some(facts) = table.value("set").and_then(|facts| Table::at(document, facts, "`set`")) {
            for (fact, span, value) in facts.entries() {
                match reading(engine, fact, value) {
                    Ok(value) => set.push((fact.into(), value)),
                    Err((message, help)) => document.problem(span, message, help),
                }
            }
        }
        let ack = table.value("ack").and_then(|value| match value.get_ref() {
            DeValue::String(by) => Some(Ack { by: by.to_string(), rule: None, span: value.span() }),
            _ => {
                let mut table = Table::at(document, value, "`ack`")?;
                let by = table.required_string("by", "`ack`").map(|by| by.get_ref().to_string());
                let rule = table.string("rule").map(|rule| Name::new(rule.get_ref()));
                table.finish();
                Some(Ack { by: by?, rule, span: value.span() })
            }
        });
        let expect = table.value("expect").and_then(|value| {
            let Some(items) = value.get_ref().as_array() else {
                table.wrong("expect", value, "a list of messages, like [{ to = \"nor\", kind = \"opened\" }]");
                return None;
            };
            let expected = items.iter().filter_map(|item| Expected::parse(document, item)).collect();
            Some((value.span(), expected))
        });
        for later in ["snooze", "silence", "fail", "readings", "rules"] {
            table.not_yet(later);
        }
        table.finish();
        Some(Step { at: at?, span: item.span(), set, ack, expect })
    }
}

impl Expected {
    fn parse(document: &Document<'_>, item: &Spanned<DeValue<'_>>) -> Option<Expected> {
        let mut table = Table::at(document, item, "an expected message")?;
        let kinds = crate::Kind::ALL.map(|kind| (kind.as_str(), kind.as_str()));
        let channels = [("email", "email"), ("webhook", "webhook")];
        let expected = Expected {
            to: table.string("to").map(|to| to.get_ref().to_string()),
            by: table.word("by", &channels).map(str::to_owned),
            kind: table.word("kind", &kinds).map(str::to_owned),
            step: table.count("step"),
            subject: table.string("subject").map(|subject| subject.get_ref().to_string()),
            span: item.span(),
        };
        table.finish();
        Some(expected)
    }

    /// How a message differs from what is expected.
    fn differs(&self, sent: &Notification, subject: &str) -> Option<String> {
        let other = |what: &str, expected: &Option<String>, got: &str| {
            let expected = expected.as_ref().filter(|expected| *expected != got)?;
            Some(format!("`{what}` is `{got}`, not `{expected}`"))
        };
        let step = self.step.filter(|step| *step != sent.step);
        let pattern = self.subject.as_ref().filter(|pattern| !glob(pattern, subject));
        other("to", &self.to, &sent.recipient)
            .or_else(|| other("by", &self.by, sent.channel().as_str()))
            .or_else(|| other("kind", &self.kind, sent.kind.as_str()))
            .or_else(|| step.map(|step| format!("`step` is {}, not {step}", sent.step)))
            .or_else(|| pattern.map(|pattern| format!("the subject is `{subject}`, which `{pattern}` does not match")))
    }
}

/// Whether two messages tell the same person the same thing at the same moment.
fn same_telling(one: &Notification, other: &Notification) -> bool {
    let key = |n: &Notification| (n.reference().incident, n.recipient.clone(), n.kind, n.step, n.at);
    key(one) == key(other)
}

/// A fact's value as scenarios write it; `unknown` makes it unknown.
fn reading(
    engine: &Engine,
    fact: &str,
    value: &Spanned<DeValue<'_>>,
) -> Result<Option<Value>, (String, Option<String>)> {
    let facts = engine.rules().facts();
    let Some(kind) = engine.rules().fact(fact) else {
        return Err((format!("there is no fact `{fact}`"), did_you_mean(fact, facts)));
    };
    let parsed = match value.get_ref() {
        DeValue::String(text) if text == "unknown" => return Ok(None),
        DeValue::String(text) => Value::parse(text),
        DeValue::Integer(number) => {
            i64::from_str_radix(&number.as_str().replace('_', ""), number.radix()).ok().map(Value::Number)
        }
        _ => None,
    };
    match parsed.filter(|value| kind.holds(*value)) {
        Some(value) => Ok(Some(value)),
        None => Err((
            format!("`{fact}` cannot take this value"),
            Some(format!("it is {}, or \"unknown\"", kind.describe())),
        )),
    }
}

fn line(notification: &Notification, subject: &str) -> String {
    let Notification { recipient, kind, step, .. } = notification;
    let by = notification.channel().as_str();
    format!(
        "  {{ to = \"{recipient}\", by = \"{by}\", kind = \"{}\", step = {step}, subject = \"{subject}\" }}",
        kind.as_str()
    )
}

/// Whether `text` matches `pattern`, in which `*` stands for anything.
fn glob(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else { return false };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        let Some((_, after)) = rest.split_once(part) else { return false };
        rest = after;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::glob;

    #[test]
    fn a_glob_matches_what_its_stars_leave_out() {
        for (pattern, text) in [("*", ""), ("a*c", "abc"), ("a*c", "ac"), ("*out*", "power is out now"), ("ab", "ab")] {
            assert!(glob(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [("", "a"), ("a", "ab"), ("a*b*c", "acb"), ("*x", "xy"), ("ab*bc", "abc")] {
            assert!(!glob(pattern, text), "{pattern} {text}");
        }
    }
}
