//! The deletion of the cloud side.

use anyhow::{Result, bail};
use aws_sdk_cloudformation::types::StackStatus;
use serde_json::Value;

use crate::{
    explain::explain,
    stack::{Event, Stack, check_deletable},
};

/// Returns the region that mail leaves from, which a stack's template has as an output.
pub(crate) fn mail_region(template: &Value) -> Option<&str> {
    template.pointer("/Outputs/MailRegion/Value")?.as_str()
}

/// Deletes a stack, and passes every event to `tell`. Without such a stack it does nothing.
pub(crate) async fn delete_stack(stack: &Stack, tell: &mut dyn FnMut(&Event)) -> Result<()> {
    let Some(described) = stack.describe().await? else { return Ok(()) };
    check_deletable(&stack.name, described.stack_status().map(StackStatus::as_str))?;
    let arn = Stack::arn_of(&described)?;
    stack.set_protection(false).await?;
    let since = stack.last_event(&arn).await?;
    let deleted = stack.client.delete_stack().stack_name(&arn).send().await;
    deleted.map_err(|error| explain("deleting the stack", &error))?;
    let completion = stack.follow(&arn, since, tell).await?;
    if completion.success {
        return Ok(());
    }
    let causes: String = completion.causes.iter().map(|event| format!("\n  {event}")).collect();
    bail!(
        "`{}` is not deleted ({}). Mend this, and run `dag-infra destroy` again:{causes}",
        stack.name,
        completion.status
    )
}
