//! Taking the cloud side down.

use anyhow::{Result, bail};
use aws_config::SdkConfig;
use aws_sdk_cloudformation::types::StackStatus;
use aws_sdk_iot::{Client, types::CertificateStatus};
use serde_json::Value;

use crate::{
    explain::explain,
    stack::{Event, Stack, can_go},
};

/// The things of a group.
pub(crate) async fn devices(sdk: &SdkConfig, group: &str) -> Result<Vec<String>> {
    let mut devices = Vec::new();
    let client = Client::new(sdk);
    let mut pages = client.list_things_in_thing_group().thing_group_name(group).into_paginator().send();
    while let Some(page) = pages.next().await {
        match page {
            Ok(page) => devices.extend(page.things.unwrap_or_default()),
            // A stack that was never made has no group.
            Err(error) if error.as_service_error().is_some_and(|said| said.is_resource_not_found_exception()) => break,
            Err(error) => return Err(explain("asking for the devices", &error)),
        }
    }
    Ok(devices)
}

/// Shuts a device out: its certificates are detached and deactivated, and its thing is deleted, for its type cannot be
/// deleted before.
pub(crate) async fn shut_out(sdk: &SdkConfig, device: &str, policy: &str) -> Result<()> {
    let client = Client::new(sdk);
    let what = format!("shutting out the device `{device}`");
    let principals = client.list_thing_principals().thing_name(device).send().await;
    let principals = principals.map_err(|error| explain(&what, &error))?.principals.unwrap_or_default();
    for certificate in principals {
        let done = client.detach_policy().policy_name(policy).target(&certificate).send().await;
        done.map_err(|error| explain(&what, &error))?;
        let done = client.detach_thing_principal().thing_name(device).principal(&certificate).send().await;
        done.map_err(|error| explain(&what, &error))?;
        // "arn:aws:iot:REGION:ACCOUNT:cert/ID"
        let Some((_, id)) = certificate.rsplit_once('/') else { continue };
        let request = client.update_certificate().certificate_id(id).new_status(CertificateStatus::Inactive);
        request.send().await.map_err(|error| explain(&what, &error))?;
    }
    let done = client.delete_thing().thing_name(device).send().await;
    done.map(drop).map_err(|error| explain(&what, &error))
}

/// The region that mail leaves from, by a stack's template.
pub(crate) fn mail_region(template: &Value) -> Option<&str> {
    template.pointer("/Outputs/MailRegion/Value")?.as_str()
}

/// Deletes a stack, and tells every event. Nothing happens where there is none.
pub(crate) async fn stack(stack: &Stack, tell: &mut dyn FnMut(&Event)) -> Result<()> {
    let Some(described) = stack.describe().await? else { return Ok(()) };
    can_go(&stack.name, described.stack_status().map(StackStatus::as_str))?;
    let arn = Stack::arn_of(&described)?;
    stack.protect(false).await?;
    let since = stack.last_event(&arn).await?;
    let deleted = stack.client.delete_stack().stack_name(&arn).send().await;
    deleted.map_err(|error| explain("deleting the stack", &error))?;
    let ended = stack.follow(&arn, since, tell).await?;
    if ended.well {
        return Ok(());
    }
    let causes: String = ended.causes.iter().map(|event| format!("\n  {event}")).collect();
    bail!("`{}` is not deleted ({}). Mend this, and run `dag-infra destroy` again:{causes}", stack.name, ended.status)
}
