//! Topic rules of others for the same topics.

use anyhow::Result;
use aws_config::SdkConfig;
use dag_uplink::{STATEMENTS, Statement};

use crate::{
    explain::explain,
    template::{Facts, rule_name},
};

/// Returns the topic rules of others that get the reports of our devices. They are of a second stack with the same
/// topics, which would send every message a second time.
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

/// Returns the topic filter in the SQL of a topic rule: `… FROM 'dag/+/report' …`.
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
