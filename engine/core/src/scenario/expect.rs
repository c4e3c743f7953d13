//! The messages that a scenario speaks of.

use crate::{Channel, Kind, Name, Notification, rules::document::Span};

/// A message that was sent, with its subject.
#[derive(Debug)]
pub(super) struct Sent {
    pub notification: Notification,
    pub subject: String,
    /// Its first delivery failed.
    pub failed: bool,
}

/// One message, or one to each member of a group: an entry of `expect`, `told` or `not_told`. What is absent matches
/// anything.
#[derive(Clone, Debug, Default)]
pub(super) struct Expected {
    pub to: Option<Target>,
    pub by: Option<Channel>,
    pub kind: Option<Kind>,
    pub rule: Option<Name>,
    pub step: Option<u32>,
    pub subject: Option<String>,
    /// The keys that it has, in the order in which they are written.
    pub keys: Vec<Key>,
    /// The first name in it that stands for nothing.
    pub unknown: Option<UnknownName>,
    pub span: Span,
}

/// A key of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    To,
    By,
    Kind,
    Rule,
    Step,
    Subject,
}

impl Key {
    /// Every key.
    pub const ALL: [Key; 6] = [Key::To, Key::By, Key::Kind, Key::Rule, Key::Step, Key::Subject];

    pub const fn as_str(self) -> &'static str {
        match self {
            Key::To => "to",
            Key::By => "by",
            Key::Kind => "kind",
            Key::Rule => "rule",
            Key::Step => "step",
            Key::Subject => "subject",
        }
    }
}

/// Whom a message is for.
#[derive(Clone, Debug)]
pub(super) enum Target {
    Recipient(Name),
    /// A group, or the account, with everybody in it who can be reached.
    Group {
        name: Name,
        members: Vec<Name>,
    },
}

impl Target {
    pub const fn name(&self) -> &Name {
        match self {
            Target::Recipient(name) | Target::Group { name, .. } => name,
        }
    }

    /// Returns the members of a group; none for a recipient.
    pub fn members(&self) -> &[Name] {
        match self {
            Target::Recipient(_) => &[],
            Target::Group { members, .. } => members,
        }
    }
}

/// A name that stands for nothing: what is wrong, and advice.
#[derive(Clone, Debug)]
pub(super) struct UnknownName {
    pub message: String,
    pub help: Option<String>,
    pub span: Span,
}

impl Expected {
    /// Returns how a message differs from this one.
    pub fn differs(&self, sent: &Sent) -> Option<String> {
        let Sent { notification, subject, .. } = sent;
        let recipient = &notification.recipient;
        let to = self.to.as_ref().and_then(|to| match to {
            Target::Recipient(name) => (name != recipient).then(|| format!("`to` is `{recipient}`, not `{name}`")),
            Target::Group { name, members } => {
                (!members.contains(recipient)).then(|| format!("`to` is `{recipient}`, who is not in `{name}`"))
            }
        });
        let (by, kind) = (notification.channel(), notification.kind);
        let by = self.by.filter(|wanted| *wanted != by).map(|wanted| ("by", by.as_str(), wanted.as_str()));
        let kind = self.kind.filter(|wanted| *wanted != kind).map(|wanted| ("kind", kind.as_str(), wanted.as_str()));
        let word = by.or(kind).map(|(key, is, wanted)| format!("`{key}` is `{is}`, not `{wanted}`"));
        let rule = self.rule.as_ref().and_then(|wanted| match notification.incident().map(|incident| &incident.rule) {
            None => Some(format!("it is about the monitor itself, not about the rule `{wanted}`")),
            Some(rule) => (rule != wanted).then(|| format!("`rule` is `{rule}`, not `{wanted}`")),
        });
        let step = self.step.filter(|step| *step != notification.step);
        let pattern = self.subject.as_ref().filter(|pattern| !glob(pattern, subject));
        to.or(word)
            .or(rule)
            .or_else(|| step.map(|step| format!("`step` is {}, not {step}", notification.step)))
            .or_else(|| pattern.map(|pattern| format!("the subject is `{subject}`, which `{pattern}` does not match")))
    }
}

/// Returns whether `text` matches `pattern`, in which `*` stands for anything.
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
