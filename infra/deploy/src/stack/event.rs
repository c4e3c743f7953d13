//! The events of a stack while it is changed, as lines.

use std::fmt;

use aws_sdk_cloudformation::{primitives::DateTime, types::StackEvent};

use super::status::{is_over, is_success};

/// The resource type of the stack itself, which has events, too.
const STACK: &str = "AWS::CloudFormation::Stack";

/// An event of a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    pub id: String,
    /// The logical id, or the name of the stack itself.
    pub resource: String,
    pub kind: String,
    pub status: String,
    /// The reason, if AWS gives one.
    pub reason: Option<String>,
    /// The time, in seconds since 1970.
    pub at: i64,
}

impl From<StackEvent> for Event {
    fn from(event: StackEvent) -> Self {
        Event {
            id: event.event_id.unwrap_or_default(),
            resource: event.logical_resource_id.unwrap_or_default(),
            kind: event.resource_type.unwrap_or_default(),
            status: event.resource_status.map(|status| status.as_str().to_owned()).unwrap_or_default(),
            reason: event.resource_status_reason,
            at: event.timestamp.as_ref().map_or(0, DateTime::secs),
        }
    }
}

impl Event {
    /// Returns whether the change of the stack `name` succeeded, or `None` if this event does not end it.
    pub fn ends(&self, name: &str) -> Option<bool> {
        let own = self.kind == STACK && self.resource == name;
        (own && is_over(&self.status)).then(|| is_success(&self.status))
    }

    /// Returns whether the resource itself failed. CloudFormation cancels others because one failed.
    pub fn is_cause(&self) -> bool {
        let cancelled = self.reason.as_deref().is_some_and(|reason| {
            reason.starts_with("Resource creation cancelled") || reason.starts_with("Resource update cancelled")
        });
        self.status.ends_with("_FAILED") && !cancelled && self.kind != STACK
    }
}

/// Shows the event as "made Table (AWS::DynamoDB::Table)".
impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let status = self.status.as_str();
        let (during, after) = match status {
            _ if status.contains("ROLLBACK") => ("going back with", "went back with"),
            _ if status.starts_with("CREATE") => ("making", "made"),
            _ if status.starts_with("UPDATE") => ("changing", "changed"),
            _ if status.starts_with("DELETE") => ("deleting", "deleted"),
            _ => ("at", "at"),
        };
        let what = format!("{} ({})", self.resource, self.kind);
        if status == "DELETE_SKIPPED" {
            return write!(f, "kept {what}");
        }
        if status.ends_with("_FAILED") {
            let reason = self.reason.as_deref().unwrap_or("AWS does not say why");
            return write!(f, "FAILED {during} {what}: {reason}");
        }
        write!(f, "{} {what}", if is_over(status) { after } else { during })
    }
}

/// Lines of events, with the seconds since the first event.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    first_at: Option<i64>,
}

impl Progress {
    /// Returns the line of an event, like "   12 s  made Table (AWS::DynamoDB::Table)".
    pub fn line(&mut self, event: &Event) -> String {
        let first_at = *self.first_at.get_or_insert(event.at);
        format!("{:>5} s  {event}", event.at.saturating_sub(first_at).max(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_has_the_seconds_since_the_first_event() {
        let at = |at| Event { at, ..event("Table", "AWS::DynamoDB::Table", "CREATE_IN_PROGRESS", None) };
        let mut progress = Progress::default();
        assert_eq!(progress.line(&at(1_000)), "    0 s  making Table (AWS::DynamoDB::Table)");
        assert_eq!(progress.line(&at(1_012)), "   12 s  making Table (AWS::DynamoDB::Table)");
    }

    fn event(resource: &str, kind: &str, status: &str, reason: Option<&str>) -> Event {
        Event {
            id: String::new(),
            resource: resource.to_owned(),
            kind: kind.to_owned(),
            status: status.to_owned(),
            reason: reason.map(ToOwned::to_owned),
            at: 0,
        }
    }

    #[test]
    fn an_event_is_a_line_in_words() {
        let says = |status, reason| event("Table", "AWS::DynamoDB::Table", status, reason).to_string();
        assert_eq!(says("CREATE_IN_PROGRESS", None), "making Table (AWS::DynamoDB::Table)");
        assert_eq!(says("UPDATE_COMPLETE", None), "changed Table (AWS::DynamoDB::Table)");
        assert_eq!(says("DELETE_SKIPPED", None), "kept Table (AWS::DynamoDB::Table)");
        assert_eq!(says("UPDATE_ROLLBACK_COMPLETE", None), "went back with Table (AWS::DynamoDB::Table)");
        assert_eq!(says("CREATE_FAILED", Some("no room")), "FAILED making Table (AWS::DynamoDB::Table): no room");
    }

    #[test]
    fn causes_and_the_end_of_a_change_are_recognised() {
        assert!(event("Table", "AWS::DynamoDB::Table", "CREATE_FAILED", Some("no room")).is_cause());
        assert!(!event("Events", "AWS::SQS::Queue", "CREATE_FAILED", Some("Resource creation cancelled")).is_cause());
        assert!(!event("trial", STACK, "ROLLBACK_FAILED", None).is_cause());
        assert_eq!(event("trial", STACK, "CREATE_COMPLETE", None).ends("trial"), Some(true));
        assert_eq!(event("trial", STACK, "UPDATE_ROLLBACK_COMPLETE", None).ends("trial"), Some(false));
        assert_eq!(event("trial", STACK, "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", None).ends("trial"), None);
        assert_eq!(event("Table", "AWS::DynamoDB::Table", "CREATE_COMPLETE", None).ends("trial"), None);
    }
}
