//! A stack of CloudFormation: its state, and its events while it is changed.

mod event;
mod status;

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context as _, Result};
use aws_config::SdkConfig;
use aws_sdk_cloudformation::{Client, error::ProvideErrorMetadata as _, types};
use serde_json::Value;

pub(crate) use self::{
    event::{Event, Progress},
    status::{Operation, check_deletable, operation_for},
};
use crate::{diff, explain::explain};

/// The time between two polls of a change that is in progress. It takes minutes, so that 2 s are short enough.
pub(crate) const PAUSE: Duration = Duration::from_secs(2);

/// A stack.
#[derive(Clone, Debug)]
pub(crate) struct Stack {
    pub client: Client,
    pub name: String,
    pub region: String,
    /// The time between two polls.
    pub pause: Duration,
}

/// The end of a change of a stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Completion {
    pub success: bool,
    /// The status at the end.
    pub status: String,
    /// The events of resources that failed by themselves.
    pub causes: Vec<Event>,
}

impl Stack {
    /// Returns the stack of a name in a region, which need not exist.
    pub fn new(sdk: &SdkConfig, name: &str, region: &str, pause: Duration) -> Stack {
        let here = aws_sdk_cloudformation::config::Builder::from(sdk);
        let here = here.region(aws_config::Region::new(region.to_owned())).build();
        Stack { client: Client::from_conf(here), name: name.to_owned(), region: region.to_owned(), pause }
    }

    /// Returns the description of the stack, or `None` if there is no such stack.
    pub async fn describe(&self) -> Result<Option<types::Stack>> {
        match self.client.describe_stacks().stack_name(&self.name).send().await {
            Ok(described) => Ok(described.stacks.unwrap_or_default().into_iter().next()),
            Err(error) if error.code() == Some("ValidationError") && is_missing(error.message()) => Ok(None),
            Err(error) => Err(explain("asking for the stack", &error)),
        }
    }

    /// Returns the template of the stack, or `None` if it has none yet.
    pub async fn template(&self) -> Result<Option<Value>> {
        if matches!(self.status().await?.as_deref(), None | Some("REVIEW_IN_PROGRESS")) {
            return Ok(None);
        }
        match self.client.get_template().stack_name(&self.name).send().await {
            Ok(got) => got.template_body.map(|text| diff::read(&text)).transpose(),
            Err(error) => Err(explain("asking for the stack's template", &error)),
        }
    }

    /// Returns the status of the stack, or `None` if there is no such stack.
    pub async fn status(&self) -> Result<Option<String>> {
        let described = self.describe().await?;
        Ok(described.and_then(|stack| stack.stack_status).map(|status| status.as_str().to_owned()))
    }

    /// Returns the outputs of the stack, by name.
    pub async fn outputs(&self) -> Result<BTreeMap<String, String>> {
        Ok(self.describe().await?.map(outputs_of).unwrap_or_default())
    }

    /// Returns the id of the latest event of a stack, which is known by its ARN.
    pub async fn last_event(&self, arn: &str) -> Result<Option<String>> {
        let page = self.client.describe_stack_events().stack_name(arn).send().await;
        let page = page.map_err(|error| explain("asking what happened to the stack", &error))?;
        Ok(page.stack_events.unwrap_or_default().into_iter().next().and_then(|event| event.event_id))
    }

    /// Passes every event after `since` to `tell` as it comes, until the change is over. The stack is known by its ARN,
    /// because a deleted one has no name.
    pub async fn follow(
        &self,
        arn: &str,
        mut since: Option<String>,
        tell: &mut dyn FnMut(&Event),
    ) -> Result<Completion> {
        let mut causes = Vec::new();
        loop {
            for event in self.events_after(arn, since.as_deref()).await? {
                tell(&event);
                since = Some(event.id.clone());
                if let Some(success) = event.ends(&self.name) {
                    return Ok(Completion { success, status: event.status, causes });
                }
                if event.is_cause() {
                    causes.push(event);
                }
            }
            tokio::time::sleep(self.pause).await;
        }
    }

    /// Returns the events after `since`, the oldest first.
    async fn events_after(&self, arn: &str, since: Option<&str>) -> Result<Vec<Event>> {
        let mut news = Vec::new();
        let mut pages = self.client.describe_stack_events().stack_name(arn).into_paginator().send();
        // AWS returns the newest event first.
        'pages: while let Some(page) = pages.next().await {
            let page = page.map_err(|error| explain("asking what happens to the stack", &error))?;
            for event in page.stack_events.unwrap_or_default().into_iter().map(Event::from) {
                if since == Some(event.id.as_str()) {
                    break 'pages;
                }
                news.push(event);
            }
        }
        news.reverse();
        Ok(news)
    }

    /// Sets the termination protection, without which the stack could be deleted in the console by mistake.
    pub async fn set_protection(&self, protect: bool) -> Result<()> {
        let request = self.client.update_termination_protection().stack_name(&self.name);
        let done = request.enable_termination_protection(protect).send().await;
        done.map(drop).map_err(|error| explain("setting the stack's termination protection", &error))
    }

    /// Returns the value of a parameter.
    pub async fn parameter(&self, name: &str) -> Result<Option<String>> {
        let parameters = self.describe().await?.and_then(|stack| stack.parameters).unwrap_or_default();
        let found = parameters.into_iter().find(|parameter| parameter.parameter_key() == Some(name));
        Ok(found.and_then(|parameter| parameter.parameter_value))
    }

    /// Returns the name and the region, for people.
    pub fn place(&self) -> String {
        format!("{} in {}", self.name, self.region)
    }

    /// Returns the ARN of a described stack.
    pub fn arn_of(stack: &types::Stack) -> Result<String> {
        stack.stack_id.clone().context("AWS does not say the stack's ARN")
    }
}

/// Returns the outputs of a described stack, by name.
pub(crate) fn outputs_of(stack: types::Stack) -> BTreeMap<String, String> {
    let outputs = stack.outputs.unwrap_or_default().into_iter();
    outputs.filter_map(|output| Some((output.output_key?, output.output_value?))).collect()
}

/// Returns whether the message of a `ValidationError` is "Stack with id … does not exist".
fn is_missing(message: Option<&str>) -> bool {
    message.is_some_and(|message| message.contains("does not exist"))
}
