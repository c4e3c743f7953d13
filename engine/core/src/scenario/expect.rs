//! The comparison of what was sent with what a scenario expects.

use toml::{Spanned, de::DeValue};

use crate::{
    About, Channel, Kind, Notification,
    rules::document::{Document, Span, Table},
};

/// One message that is expected. What is absent matches anything.
#[derive(Debug)]
pub(super) struct Expected {
    to: Option<String>,
    by: Option<String>,
    kind: Option<String>,
    step: Option<u32>,
    subject: Option<String>,
    span: Span,
}

impl Expected {
    pub fn parse(document: &Document<'_>, item: &Spanned<DeValue<'_>>) -> Option<Expected> {
        let mut table = Table::at(document, item, "an expected message")?;
        let kinds = Kind::ALL.map(|kind| (kind.as_str(), kind.as_str()));
        let channels = [Channel::Email, Channel::Webhook].map(|channel| (channel.as_str(), channel.as_str()));
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

    /// Returns how a message differs from what is expected.
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

/// A difference between what was sent and what is expected.
pub(super) struct Difference {
    /// The message that is not as expected; `None` where more was sent than is expected.
    pub span: Option<Span>,
    pub message: String,
    pub help: String,
}

/// Returns the first difference between what is expected and what was sent, each message with its subject.
pub(super) fn compare(expected: &[Expected], sent: &[(Notification, String)]) -> Option<Difference> {
    let list = |sent: &[(Notification, String)]| match sent {
        [] => "nothing was sent".to_owned(),
        sent => sent.iter().map(|(n, subject)| line(n, subject)).collect::<Vec<_>>().join("\n"),
    };
    let mut rest = sent;
    for (at, wanted) in expected.iter().enumerate() {
        let differs = |message: String| {
            let help = format!("sent since the last `expect`:\n{}", list(sent));
            Some(Difference { span: Some(wanted.span.clone()), message, help })
        };
        let Some(((notification, subject), more)) = rest.split_first() else {
            return differs("this was not sent".to_owned());
        };
        if let Some(difference) = wanted.differs(notification, subject) {
            return differs(difference);
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
    (!rest.is_empty()).then(|| Difference {
        span: None,
        message: format!("{} more sent than expected", rest.len()),
        help: format!("not expected:\n{}", list(rest)),
    })
}

/// Returns whether two messages tell the same person the same thing at the same moment.
fn same_telling(one: &Notification, other: &Notification) -> bool {
    let about = |n: &Notification| match &n.about {
        About::Incident(incident) => incident.id.to_string(),
        About::Trouble(trouble) => trouble.cause.key(),
    };
    let key = |n: &Notification| (about(n), n.recipient.clone(), n.kind, n.step, n.at);
    key(one) == key(other)
}

fn line(notification: &Notification, subject: &str) -> String {
    let Notification { recipient, kind, step, .. } = notification;
    let by = notification.channel().as_str();
    format!(
        "  {{ to = \"{recipient}\", by = \"{by}\", kind = \"{}\", step = {step}, subject = \"{subject}\" }}",
        kind.as_str()
    )
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
