//! What is around a stack and decides whether it does what it is for: the sender of mail, and others who hear the same devices.

use anyhow::Result;
use aws_config::{Region, SdkConfig};
use aws_sdk_sesv2::operation::get_email_identity::GetEmailIdentityError;
use dag_uplink::{STATEMENTS, Statement};

use crate::{
    explain::explain,
    template::{Facts, rule_name},
};

/// What keeps mail from leaving, if anything does: a sender that SES does not take yet.
///
/// # Errors
/// SES cannot be asked.
pub(crate) async fn sender(sdk: &SdkConfig, facts: &Facts) -> Result<Option<String>> {
    let region = facts.mail_region().unwrap_or(&facts.region).to_owned();
    let identity = facts.sender_domain.as_ref().unwrap_or(&facts.sender);
    let sdk = sdk.to_builder().region(Region::new(region.clone())).build();
    let asked = aws_sdk_sesv2::Client::new(&sdk).get_email_identity().email_identity(identity).send().await;
    let what = match asked {
        Ok(known) if known.verified_for_sending_status() => return Ok(None),
        Ok(_) => match facts.sender_domain {
            Some(_) => "put the three records of the outputs into its DNS",
            None => "follow the link in the mail that SES sent there",
        },
        Err(error) => match error.as_service_error() {
            Some(GetEmailIdentityError::NotFoundException(_)) if facts.sender_exists => {
                "verify it there, or leave out `sender_exists` in `[aws]`, so that the stack does"
            }
            Some(GetEmailIdentityError::NotFoundException(_)) => "deploy again: the stack makes it",
            _ => return Err(explain("asking SES for the sender", &error)),
        },
    };
    Ok(Some(format!(
        "no mail leaves yet: SES in {region} does not know `{identity}` as a sender. To have it so, {what}"
    )))
}

/// The topic rules of others that hear what our devices say: a second stack with the same topics, which would tell people a
/// second time.
///
/// # Errors
/// AWS IoT cannot be asked.
pub(crate) async fn listeners(sdk: &SdkConfig, facts: &Facts) -> Result<Vec<String>> {
    let own: Vec<String> = STATEMENTS.iter().map(|statement| rule_name(statement, facts)).collect();
    let reports = STATEMENTS.iter().find(|statement| statement.name == "reports");
    let filter = reports.and_then(|statement| topic_filter(statement, &facts.topics)).unwrap_or_default();
    let mut others = Vec::new();
    let mut pages = aws_sdk_iot::Client::new(sdk).list_topic_rules().into_paginator().send();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| explain("asking for the topic rules", &error))?;
        for rule in page.rules.unwrap_or_default() {
            let name = rule.rule_name.unwrap_or_default();
            if rule.topic_pattern.as_deref() == Some(&filter) && !own.contains(&name) {
                others.push(name);
            }
        }
    }
    Ok(others)
}

/// What a statement of a topic rule reads: `… FROM 'dag/+/report' …`.
fn topic_filter(statement: &Statement, topics: &str) -> Option<String> {
    let sql = statement.sql(topics);
    let (_, rest) = sql.split_once("FROM '")?;
    Some(rest.split_once('\'')?.0.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_filter_of_the_reports_is_that_of_their_statement() {
        let reports = STATEMENTS.iter().find(|statement| statement.name == "reports").unwrap();
        assert_eq!(topic_filter(reports, "mill").as_deref(), Some("mill/+/report"));
    }
}
