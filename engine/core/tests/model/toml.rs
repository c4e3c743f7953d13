//! Rules as the text that the engine compiles.

use std::{collections::BTreeMap, fmt::Write};

use dag_engine::Sources;

use crate::{
    rules::{Escalation, GROUPS, Recipient, Rule, Rules},
    script::Script,
};

impl Rules {
    pub fn sources(&self) -> Sources {
        let mut files = BTreeMap::from([("rules.toml".to_owned(), self.toml())]);
        for script in [Script::Waits, Script::People] {
            files.insert(script.file().to_owned(), script.text().to_owned());
        }
        let facts = self.door.into_iter().map(|kind| ("door".into(), kind)).collect();
        let operators = self.operators.into_iter().map(Into::into).collect();
        Sources { files, facts, other_devices: false, timezone: self.zone.into(), operators }
    }

    pub fn toml(&self) -> String {
        let mut text = String::new();
        self.rules.iter().for_each(|rule| write_rule(&mut text, rule));
        text += "[escalation]\n";
        for (at, escalation) in self.escalations.iter().enumerate() {
            write_escalation(&mut text, at, escalation);
        }
        self.recipients.iter().for_each(|recipient| write_recipient(&mut text, recipient));
        text += "[group]\n";
        for (group, members) in GROUPS {
            let there = |member: &&&str| member.starts_with('@') || self.recipient(member).is_some();
            let members: Vec<&str> = members.iter().filter(there).copied().collect();
            if !members.is_empty() {
                writeln!(text, "{group} = {members:?}").unwrap();
            }
        }
        text
    }
}

fn write_rule(text: &mut String, rule: &Rule) {
    writeln!(text, "[rule.{}]\nwhen = '{}'", rule.name, rule.when).unwrap();
    writeln!(text, "open_after = \"{}\"\nclose_after = \"{}\"", rule.open_after, rule.close_after).unwrap();
    writeln!(text, "severity = \"{}\"\nescalation = \"e{}\"", rule.severity.as_str(), rule.escalation).unwrap();
    if let Some(was) = rule.was {
        writeln!(text, "was = \"{was}\"").unwrap();
    }
    if let Some(script) = rule.script {
        writeln!(text, "script = \"{}\"", script.file()).unwrap();
    }
    if !rule.inhibits.is_empty() {
        writeln!(text, "inhibits = {:?}", rule.inhibits).unwrap();
    }
    if rule.cloud {
        text.push_str("run_on = \"cloud\"\n");
    }
}

fn write_escalation(text: &mut String, at: usize, escalation: &Escalation) {
    write!(text, "e{at} = {{ ").unwrap();
    if let Some(lapse) = escalation.ack_lapses_after {
        write!(text, "ack_lapses_after = \"{lapse}\", ").unwrap();
    }
    text.push_str("steps = [\n");
    for step in &escalation.steps {
        write!(text, "  {{ after = \"{}\", notify = {:?}", step.after, step.notify).unwrap();
        if let Some(repeat) = step.repeat {
            write!(text, ", repeat = \"{repeat}\"").unwrap();
        }
        if let Some(at_most) = step.at_most {
            write!(text, ", at_most = {at_most}").unwrap();
        }
        if let Some(name) = step.name {
            write!(text, ", name = \"{name}\"").unwrap();
        }
        text.push_str(" },\n");
    }
    text.push_str("] }\n");
}

fn write_recipient(text: &mut String, recipient: &Recipient) {
    writeln!(text, "[recipient.{}]", recipient.name).unwrap();
    if recipient.email {
        writeln!(text, "email = \"{}\"", recipient.email_address()).unwrap();
    }
    if recipient.webhook {
        writeln!(text, "webhook = {{ url = \"{}\" }}", recipient.url()).unwrap();
    }
    if let Some(zone) = recipient.zone {
        writeln!(text, "timezone = \"{zone}\"").unwrap();
    }
    if let Some(quiet) = &recipient.quiet {
        write!(text, "quiet = {{ from = \"{}\", to = \"{}\"", quiet.from, quiet.to).unwrap();
        if let Some(unless) = quiet.unless {
            write!(text, ", unless = \"{}\"", unless.as_str()).unwrap();
        }
        text.push_str(" }\n");
    }
    if let Some(fallback) = recipient.fallback {
        writeln!(text, "fallback = \"{fallback}\"").unwrap();
    }
    if let Some(after) = recipient.fallback_after {
        writeln!(text, "fallback_after = \"{after}\"").unwrap();
    }
}
