//! The status of a stack, and the changes that it allows.

use anyhow::{Result, bail};

/// The operation that a deploy needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    /// The stack is created.
    Create,
    /// The stack is updated.
    Update,
}

/// Returns the operation that a deploy of the stack `name` needs. `status` is CloudFormation's ("Stack status codes"),
/// or `None` if there is no such stack.
///
/// # Errors
/// The stack cannot be changed in this status. The error says what to do first.
pub(crate) fn operation_for(name: &str, status: Option<&str>) -> Result<Operation> {
    let Some(status) = status else { return Ok(Operation::Create) };
    match status {
        // In review it is empty: its first change set was not executed.
        "REVIEW_IN_PROGRESS" | "DELETE_COMPLETE" => Ok(Operation::Create),
        "ROLLBACK_COMPLETE" => bail!(
            "the stack `{name}` was never made: its first deploy failed and was taken back. Delete what is left of it \
             by `dag-infra destroy`, then deploy again"
        ),
        "ROLLBACK_FAILED" | "CREATE_FAILED" => bail!(
            "the stack `{name}` was never made, and taking back its first deploy failed, too ({status}). Delete what \
             is left of it by `dag-infra destroy`, then deploy again"
        ),
        "UPDATE_ROLLBACK_FAILED" => bail!(
            "the stack `{name}` is stuck: a deploy failed, and so did going back ({status}). Its events in the console \
             of CloudFormation say at what; mend that, then run `aws cloudformation continue-update-rollback \
             --stack-name {name}` and deploy again"
        ),
        "DELETE_FAILED" => bail!(
            "the stack `{name}` was to be deleted, and some of it would not go ({status}). Run `dag-infra destroy` \
             again: it says at what it fails"
        ),
        status if status.ends_with("IN_PROGRESS") => bail!(
            "the stack `{name}` is being changed already ({status}): by another `dag-infra`, or in the console. Wait \
             until that is done, then repeat the command"
        ),
        _ => Ok(Operation::Update),
    }
}

/// Checks that a stack can be deleted now.
///
/// # Errors
/// It is being changed.
pub(crate) fn check_deletable(name: &str, status: Option<&str>) -> Result<()> {
    match operation_for(name, status) {
        Err(error) if status.is_some_and(|status| status.ends_with("IN_PROGRESS")) => Err(error),
        _ => Ok(()),
    }
}

/// Returns whether a change is over.
pub(super) fn is_over(status: &str) -> bool {
    !status.ends_with("_IN_PROGRESS")
}

/// Returns whether a change succeeded.
pub(super) fn is_success(status: &str) -> bool {
    matches!(status, "CREATE_COMPLETE" | "UPDATE_COMPLETE" | "DELETE_COMPLETE")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stack_is_made_or_changed_or_says_what_to_do_first() {
        let possible = [
            (None, Operation::Create),
            (Some("REVIEW_IN_PROGRESS"), Operation::Create),
            (Some("CREATE_COMPLETE"), Operation::Update),
            (Some("UPDATE_COMPLETE"), Operation::Update),
            (Some("UPDATE_ROLLBACK_COMPLETE"), Operation::Update),
        ];
        for (status, expected) in possible {
            assert_eq!(operation_for("trial", status).unwrap(), expected, "{status:?}");
        }
        for status in [None, Some("REVIEW_IN_PROGRESS"), Some("ROLLBACK_FAILED"), Some("UPDATE_COMPLETE")] {
            assert!(check_deletable("trial", status).is_ok(), "{status:?}");
        }
        assert!(check_deletable("trial", Some("UPDATE_IN_PROGRESS")).is_err());
        let says = |status| operation_for("trial", Some(status)).unwrap_err();
        insta::assert_snapshot!(says("ROLLBACK_COMPLETE"), @"the stack `trial` was never made: its first deploy failed and was taken back. Delete what is left of it by `dag-infra destroy`, then deploy again");
        insta::assert_snapshot!(says("ROLLBACK_FAILED"), @"the stack `trial` was never made, and taking back its first deploy failed, too (ROLLBACK_FAILED). Delete what is left of it by `dag-infra destroy`, then deploy again");
        insta::assert_snapshot!(says("UPDATE_ROLLBACK_FAILED"), @"the stack `trial` is stuck: a deploy failed, and so did going back (UPDATE_ROLLBACK_FAILED). Its events in the console of CloudFormation say at what; mend that, then run `aws cloudformation continue-update-rollback --stack-name trial` and deploy again");
        insta::assert_snapshot!(says("DELETE_FAILED"), @"the stack `trial` was to be deleted, and some of it would not go (DELETE_FAILED). Run `dag-infra destroy` again: it says at what it fails");
        insta::assert_snapshot!(says("UPDATE_ROLLBACK_IN_PROGRESS"), @"the stack `trial` is being changed already (UPDATE_ROLLBACK_IN_PROGRESS): by another `dag-infra`, or in the console. Wait until that is done, then repeat the command");
        insta::assert_snapshot!(says("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"), @"the stack `trial` is being changed already (UPDATE_COMPLETE_CLEANUP_IN_PROGRESS): by another `dag-infra`, or in the console. Wait until that is done, then repeat the command");
    }
}
