//! The comparison of what was sent with what a scenario says of it.

use super::{
    expect::{Expected, Sent, Target},
    omission::Omission,
};
use crate::{About, Name, Notification, rules::document::Span};

/// The most messages that a difference lists.
const MOST_LISTED: usize = 20;

/// A difference between what was sent and what is expected.
pub(super) struct Difference {
    /// The message that is not as expected; `None` where more was sent than is expected.
    pub span: Option<Span>,
    pub message: String,
    pub help: String,
}

/// Returns the first difference between the messages that are expected, all of them in this order, and those that were
/// sent. In the place of a group its members come in any order. `omitted` may hold the reason why one is missing.
pub(super) fn exactly(expected: &[Expected], sent: &[Sent], omitted: &[Omission]) -> Option<Difference> {
    let mut rest = sent;
    for (at, wanted) in expected.iter().enumerate() {
        let taken = match &wanted.unknown {
            Some(unknown) => Err((unknown.message.clone(), unknown.help.clone())),
            None => take(wanted, rest, expected.get(at + 1)).map_err(|message| (message, None)),
        };
        match taken {
            Ok(left) => rest = left,
            Err((message, help)) => {
                let help = help.into_iter().chain(why_not(wanted, omitted)).chain([since_the_last(sent)]);
                let help = help.collect::<Vec<_>>().join("\n");
                return Some(Difference { span: Some(wanted.span.clone()), message, help });
            }
        }
    }
    (!rest.is_empty()).then(|| Difference {
        span: None,
        message: format!("{} more sent than expected", rest.len()),
        help: format!("not expected:\n{}", list(rest)),
    })
}

/// Returns the differences from messages each of which was sent, to each member where one is for a group.
/// `omitted` is as for [`exactly`].
pub(super) fn told(expected: &[Expected], sent: &[Sent], omitted: &[Omission]) -> Vec<Difference> {
    let missed = |wanted: &Expected| {
        let came = |to: Option<&Name>| {
            let is_to = |one: &Sent| to.is_none_or(|to| one.notification.recipient == *to);
            sent.iter().any(|one| is_to(one) && wanted.differs(one).is_none())
        };
        match wanted.to.as_ref().map_or(&[][..], Target::members) {
            [] => (!came(None)).then(|| "this was not sent".to_owned()),
            members => members.iter().find(|member| !came(Some(member))).map(not_sent_to),
        }
    };
    let difference = |wanted: &Expected| {
        let message = missed(wanted)?;
        let help: Vec<String> = why_not(wanted, omitted).into_iter().chain([since_the_last(sent)]).collect();
        Some(Difference { span: Some(wanted.span.clone()), message, help: help.join("\n") })
    };
    expected.iter().filter_map(difference).collect()
}

/// Returns the differences from messages none of which was sent.
pub(super) fn not_told(unexpected: &[Expected], sent: &[Sent]) -> Vec<Difference> {
    let difference = |unwanted: &Expected| {
        let came: Vec<&Sent> = sent.iter().filter(|one| unwanted.differs(one).is_none()).collect();
        (!came.is_empty()).then(|| Difference {
            span: Some(unwanted.span.clone()),
            message: "this was sent".to_owned(),
            help: format!("sent since the last `expect`, and like this:\n{}", list(came)),
        })
    };
    unexpected.iter().filter_map(difference).collect()
}

/// Returns what is left of `sent` after the messages that an entry stands for, or how the next one differs from it.
///
/// An entry without `by` means people: the same message by another channel is the same telling, so that a recipient may
/// get a webhook without a change of scenarios.
pub(super) fn take<'s>(wanted: &Expected, sent: &'s [Sent], next: Option<&Expected>) -> Result<&'s [Sent], String> {
    let mut missing: Vec<&Name> = wanted.to.iter().flat_map(Target::members).collect();
    let mut taken: Vec<&Sent> = Vec::new();
    let mut rest = sent;
    loop {
        let is_complete = !taken.is_empty() && missing.is_empty();
        let again = |message: &Sent| {
            wanted.by.is_none() && taken.iter().any(|one| same_telling(&one.notification, &message.notification))
        };
        match rest.split_first() {
            Some((message, more)) if again(message) => {
                if is_complete && next.is_some_and(|next| next.differs(message).is_none()) {
                    return Ok(rest);
                }
                rest = more;
            }
            _ if is_complete => return Ok(rest),
            None => return Err(missing.first().map_or("this was not sent".to_owned(), |member| not_sent_to(member))),
            Some((message, more)) => {
                if let Some(difference) = wanted.differs(message) {
                    return Err(difference);
                }
                let recipient = &message.notification.recipient;
                if let Some(Target::Group { .. }) = wanted.to {
                    let Some(at) = missing.iter().position(|member| *member == recipient) else {
                        return Err(format!("this was sent to `{recipient}` a second time"));
                    };
                    missing.remove(at);
                }
                taken.push(message);
                rest = more;
            }
        }
    }
}

/// Returns whether two messages tell the same person the same thing at the same moment.
pub(super) fn same_telling(one: &Notification, other: &Notification) -> bool {
    let about = |n: &Notification| match &n.about {
        About::Incident(incident) => incident.id.to_string(),
        About::Trouble(trouble) => trouble.cause.key(),
        About::Test(_) => n.id.to_string(),
    };
    let key = |n: &Notification| (about(n), n.recipient.clone(), n.kind, n.step, n.at);
    key(one) == key(other)
}

fn not_sent_to(member: &Name) -> String {
    format!("this was not sent to `{member}`")
}

/// Returns the lines that say why a message was not sent, if anything that could be it was omitted.
fn why_not(wanted: &Expected, omitted: &[Omission]) -> Option<String> {
    let reasons: Vec<&Omission> = omitted.iter().filter(|omission| omission.explains(wanted)).collect();
    let more = reasons.len().saturating_sub(MOST_LISTED);
    let mut lines: Vec<String> =
        reasons.into_iter().take(MOST_LISTED).map(|omission| format!("  {}", omission.describe())).collect();
    if lines.is_empty() {
        return None;
    }
    if more > 0 {
        lines.push(format!("  and {more} more"));
    }
    Some(format!("not sent since the last `expect`, and why:\n{}", lines.join("\n")))
}

fn since_the_last(sent: &[Sent]) -> String {
    format!("sent since the last `expect`:\n{}", list(sent))
}

fn list<'s>(sent: impl IntoIterator<Item = &'s Sent, IntoIter: ExactSizeIterator>) -> String {
    let sent = sent.into_iter();
    let more = sent.len().saturating_sub(MOST_LISTED);
    let mut lines: Vec<String> = sent.take(MOST_LISTED).map(line).collect();
    if lines.is_empty() {
        return "nothing was sent".to_owned();
    }
    if more > 0 {
        lines.push(format!("  and {more} more"));
    }
    lines.join("\n")
}

fn line(sent: &Sent) -> String {
    let Notification { recipient, kind, step, .. } = &sent.notification;
    let by = sent.notification.channel().as_str();
    let (kind, subject) = (kind.as_str(), &sent.subject);
    let failed = if sent.failed { "  # the delivery failed" } else { "" };
    format!(
        "  {{ to = \"{recipient}\", by = \"{by}\", kind = \"{kind}\", step = {step}, subject = \"{subject}\" }}{failed}"
    )
}
