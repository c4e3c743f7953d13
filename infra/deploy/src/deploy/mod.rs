//! A deploy: uploads, a change set that a person can look at, and its execution.
//!
//! ```text
//! packages ─▶ bucket ─▶ propose (change set) ─▶ a person looks ─▶ execute, event by event ─▶ outputs
//!                                        └─▶ withdraw
//! ```

mod bucket;
mod change;
mod sender;

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, bail};
use aws_sdk_cloudformation::types::{Capability, ChangeSetStatus, ChangeSetType, Parameter, Tag};

pub(crate) use self::{
    bucket::Bucket,
    change::{ProposedChange, table},
    sender::sender,
};
use crate::{
    explain::explain,
    stack::{Completion, Event, Operation, Stack, operation_for},
};

/// The desired state of a stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    /// The URL of its template. With `None` the stack keeps its template.
    pub template: Option<String>,
    /// Its parameters. One with `None` keeps its value.
    pub parameters: Vec<(&'static str, Option<String>)>,
}

/// A change set that can be executed.
#[derive(Clone, Debug)]
pub(crate) struct Proposal {
    /// The ARN of the change set.
    id: String,
    /// The ARN of the stack.
    arn: String,
    /// Whether the change set creates the stack.
    new: bool,
    pub changes: Vec<ProposedChange>,
}

impl Stack {
    /// Makes the change set of a plan. Returns `None` if the plan changes nothing.
    pub async fn propose(&self, plan: &Plan) -> Result<Option<Proposal>> {
        let new = operation_for(&self.name, self.status().await?.as_deref())? == Operation::Create;
        if new && plan.template.is_none() {
            bail!(
                "there is no stack `{}` in {} whose rules could be changed: run `dag-infra deploy` without \
                 `--rules-only`",
                self.name,
                self.region
            );
        }
        let parameter = |(name, value): &(&str, Option<String>)| {
            let parameter = Parameter::builder().parameter_key(*name);
            match value {
                Some(value) => parameter.parameter_value(value).build(),
                None => parameter.use_previous_value(true).build(),
            }
        };
        // The name of a change set begins with a letter.
        let name = format!("dag-{}", uuid::Uuid::new_v4().simple());
        let kind = if new { ChangeSetType::Create } else { ChangeSetType::Update };
        let request = self.client.create_change_set().stack_name(&self.name).change_set_name(name);
        let request = request.change_set_type(kind).capabilities(Capability::CapabilityIam);
        let request = match &plan.template {
            Some(url) => request.template_url(url),
            None => request.use_previous_template(true),
        };
        let made = request
            .set_parameters(Some(plan.parameters.iter().map(parameter).collect()))
            .tags(Tag::builder().key("detectordag").value(&self.name).build())
            .send()
            .await;
        let made = made.map_err(|error| explain("asking AWS what would change", &error))?;
        let id = made.id.context("AWS does not name the change set that it made")?;
        let arn = made.stack_id.context("AWS does not say the stack's ARN")?;
        let proposal = Proposal { id, arn, new, changes: Vec::new() };
        match self.wait_for_changes(&proposal).await {
            Ok(Some(changes)) => Ok(Some(Proposal { changes, ..proposal })),
            Ok(None) => {
                self.withdraw(&proposal).await?;
                Ok(None)
            }
            Err(error) => {
                // The first error says more than a failure to delete the change set.
                let _ = self.withdraw(&proposal).await;
                Err(error)
            }
        }
    }

    /// Waits until the change set is made. Returns its changes, or `None` if it has none.
    async fn wait_for_changes(&self, proposal: &Proposal) -> Result<Option<Vec<ProposedChange>>> {
        let mut changes = Vec::new();
        let mut next = None;
        loop {
            let request = self.client.describe_change_set().stack_name(&self.name).change_set_name(&proposal.id);
            let page = request.set_next_token(next.take()).send().await;
            let page = page.map_err(|error| explain("asking AWS what would change", &error))?;
            match page.status.as_ref() {
                Some(ChangeSetStatus::CreateComplete) => {
                    let resources = page.changes.unwrap_or_default().into_iter();
                    changes.extend(resources.filter_map(|change| change.resource_change).map(ProposedChange::from));
                    next = page.next_token;
                    if next.is_none() {
                        return Ok(Some(changes));
                    }
                }
                Some(ChangeSetStatus::CreatePending | ChangeSetStatus::CreateInProgress) => {
                    tokio::time::sleep(self.pause).await;
                }
                status => {
                    let reason = page.status_reason.unwrap_or_default();
                    if is_no_change(&reason) {
                        return Ok(None);
                    }
                    let status = status.map_or("no status", ChangeSetStatus::as_str);
                    bail!("AWS cannot work out what would change ({status}): {reason}");
                }
            }
        }
    }

    /// Deletes a change set, and the empty stack that was made for it.
    pub async fn withdraw(&self, proposal: &Proposal) -> Result<()> {
        let gone = self.client.delete_change_set().stack_name(&self.name).change_set_name(&proposal.id).send().await;
        gone.map_err(|error| explain("taking back the change set", &error))?;
        // In any other status somebody else deployed the stack meanwhile.
        if proposal.new && self.status().await?.as_deref() == Some("REVIEW_IN_PROGRESS") {
            let gone = self.client.delete_stack().stack_name(&proposal.arn).send().await;
            gone.map_err(|error| explain("taking back the empty stack", &error))?;
        }
        Ok(())
    }

    /// Executes a change set, and passes every event to `tell`. Returns the outputs of the stack.
    ///
    /// # Errors
    /// The change failed. The error says why, and which state is in force now.
    pub async fn execute(&self, proposal: &Proposal, tell: &mut dyn FnMut(&Event)) -> Result<BTreeMap<String, String>> {
        let since = self.last_event(&proposal.arn).await?;
        let request = self.client.execute_change_set().stack_name(&self.name).change_set_name(&proposal.id);
        request.send().await.map_err(|error| explain("executing the change set", &error))?;
        let completion = self.follow(&proposal.arn, since, tell).await?;
        if !completion.success {
            bail!(failure_text(&self.name, proposal.new, &completion));
        }
        self.outputs().await
    }
}

/// Returns whether a change set failed because nothing changes. The reasons of AWS are "The submitted information
/// didn't contain changes. …" and "No updates are to be performed."
fn is_no_change(reason: &str) -> bool {
    reason.contains("didn't contain changes") || reason.contains("No updates are to be performed")
}

/// Returns the text of a deploy that failed.
fn failure_text(name: &str, new: bool, completion: &Completion) -> String {
    let mut text = format!("the deploy of `{name}` failed ({}).", completion.status);
    for cause in &completion.causes {
        let reason = cause.reason.as_deref().unwrap_or("AWS does not say why");
        text += &format!("\n  {} ({}): {reason}", cause.resource, cause.kind);
        if cause.kind == "AWS::SES::EmailIdentity" && reason.contains("already exists") {
            text += "\n  SES knows that sender from before: write `sender_exists = true` in `[aws]`, and it is used \
                     as it is";
        }
    }
    if completion.causes.is_empty() {
        text += "\n  AWS names no resource: look at the stack's events in the console of CloudFormation";
    }
    text += match (new, completion.status.as_str()) {
        (_, "UPDATE_ROLLBACK_FAILED") => "\nGoing back failed, too. Run `dag-infra deploy` again: it says what to do.",
        (false, _) => "\nThe old stack is in force, as it was. Mend that, and deploy again.",
        (true, _) => "\nNothing is in force. Mend that, run `dag-infra destroy`, and deploy again.",
    };
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_deploy_says_what_failed_and_what_is_in_force() {
        let cause = Event {
            id: String::new(),
            resource: "Sender".to_owned(),
            kind: "AWS::SES::EmailIdentity".to_owned(),
            status: "CREATE_FAILED".to_owned(),
            at: 0,
            reason: Some("dag@example.com already exists".to_owned()),
        };
        let completion = |status: &str, causes: &[Event]| Completion {
            success: false,
            status: status.to_owned(),
            causes: causes.to_vec(),
        };
        let some = std::slice::from_ref(&cause);
        insta::assert_snapshot!(failure_text("trial", true, &completion("ROLLBACK_COMPLETE", some)), @"
        the deploy of `trial` failed (ROLLBACK_COMPLETE).
          Sender (AWS::SES::EmailIdentity): dag@example.com already exists
          SES knows that sender from before: write `sender_exists = true` in `[aws]`, and it is used as it is
        Nothing is in force. Mend that, run `dag-infra destroy`, and deploy again.
        ");
        insta::assert_snapshot!(failure_text("trial", false, &completion("UPDATE_ROLLBACK_COMPLETE", some)), @"
        the deploy of `trial` failed (UPDATE_ROLLBACK_COMPLETE).
          Sender (AWS::SES::EmailIdentity): dag@example.com already exists
          SES knows that sender from before: write `sender_exists = true` in `[aws]`, and it is used as it is
        The old stack is in force, as it was. Mend that, and deploy again.
        ");
        insta::assert_snapshot!(failure_text("trial", false, &completion("UPDATE_ROLLBACK_FAILED", &[])), @"
        the deploy of `trial` failed (UPDATE_ROLLBACK_FAILED).
          AWS names no resource: look at the stack's events in the console of CloudFormation
        Going back failed, too. Run `dag-infra deploy` again: it says what to do.
        ");
    }

    #[test]
    fn no_change_is_distinguished_from_a_failure() {
        assert!(is_no_change("The submitted information didn't contain changes. Submit different information"));
        assert!(is_no_change("No updates are to be performed."));
        assert!(!is_no_change("Transform AWS::Serverless-2016-10-31 failed"));
    }
}
