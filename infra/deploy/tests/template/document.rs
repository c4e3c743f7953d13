//! The document: the committed file, the ids that other commands rely on, and configurations that are refused.

use std::collections::BTreeSet;

use dag_infra::template::{Facts, FactsError, Output, Template};
use dag_uplink::STATEMENTS;
use insta::assert_snapshot;
use serde_json::Value;

use crate::{WITH_MAIL_REGION, config, facts, resources, top};

#[test]
fn the_committed_template_is_that_of_the_shipped_configuration() {
    let committed = std::fs::read_to_string(top().join("infra/deploy/template.yaml")).unwrap_or_default();
    let made = Template::of(&facts(&[])).to_yaml().unwrap();
    assert!(
        committed == made,
        "infra/deploy/template.yaml is stale: cargo run --package dag-infra -- template > infra/deploy/template.yaml"
    );
}

#[test]
fn yaml_and_json_are_equal_and_reproducible() {
    for set in [&[][..], &WITH_MAIL_REGION[..]] {
        let template = Template::of(&facts(set));
        let (yaml, json) = (template.to_yaml().unwrap(), template.to_json().unwrap());
        let read: Value = serde_saphyr::from_str(&yaml).unwrap();
        assert_eq!(read, template.to_value());
        assert_eq!(serde_json::from_str::<Value>(&json).unwrap(), template.to_value());
        let again = Template::of(&facts(set));
        assert_eq!((again.to_yaml().unwrap(), again.to_json().unwrap()), (yaml, json));
    }
}

#[test]
fn the_topic_rules_are_the_statements_of_the_cloud_harness() {
    let resources = resources(&Template::of(&facts(&[("uplink.topics", "mill")])));
    let rules = resources.as_object().unwrap().values().filter(|one| one["Type"] == "AWS::IoT::TopicRule");
    let sql: BTreeSet<&str> =
        rules.map(|rule| rule["Properties"]["TopicRulePayload"]["Sql"].as_str().unwrap()).collect();
    let expected: Vec<String> = STATEMENTS.iter().map(|statement| statement.sql("mill")).collect();
    assert_eq!(sql, expected.iter().map(String::as_str).collect());
}

#[test]
fn the_table_and_the_secret_outlive_the_stack() {
    let resources = resources(&Template::of(&facts(&[])));
    let kept = ["Retain", "RetainExceptOnCreate"];
    let kept =
        resources.as_object().unwrap().iter().filter(|(_, one)| kept.iter().any(|kept| one["DeletionPolicy"] == *kept));
    assert_eq!(kept.map(|(id, _)| id.as_str()).collect::<Vec<_>>(), ["Secret", "Table"]);
    assert_eq!(resources["Table"]["Properties"]["DeletionProtectionEnabled"], true);
}

#[test]
fn every_reference_in_a_template_is_defined() {
    for template in [
        Template::of(&facts(&[])),
        Template::of(&facts(&WITH_MAIL_REGION)),
        Template::of_mail(&facts(&WITH_MAIL_REGION)).unwrap(),
    ] {
        let value = template.to_value();
        let mut known: BTreeSet<String> = value["Resources"].as_object().unwrap().keys().cloned().collect();
        known.extend(value["Parameters"].as_object().into_iter().flatten().map(|(name, _)| name.clone()));
        let mut named = BTreeSet::new();
        names(&value, &mut named);
        let unknown: Vec<_> =
            named.iter().filter(|name| !name.starts_with("AWS::") && !known.contains(*name)).collect();
        assert!(unknown.is_empty(), "{unknown:?}");
    }
}

/// Collects the names that a template refers to.
fn names(value: &Value, named: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            if let Some(Value::String(name)) = object.get("Ref") {
                named.insert(name.clone());
            }
            if let Some(Value::Array(path)) = object.get("Fn::GetAtt") {
                named.insert(path[0].as_str().unwrap().to_owned());
            }
            if let Some(Value::String(text)) = object.get("Fn::Sub") {
                let parts = text.split("${").skip(1).filter_map(|part| part.split('}').next());
                let parts = parts.filter(|part| !part.starts_with('!'));
                named.extend(parts.map(|part| part.split('.').next().unwrap().to_owned()));
            }
            object.values().for_each(|value| names(value, named));
        }
        Value::Array(values) => values.iter().for_each(|value| names(value, named)),
        _ => {}
    }
}

#[test]
fn every_output_has_a_value() {
    let value = Template::of(&facts(&[])).to_value();
    for output in Output::ALL {
        assert!(!value["Outputs"][output.name()]["Value"].is_null(), "{output:?}");
    }
}

#[test]
fn mail_from_another_region_is_a_stack_of_its_own_there() {
    assert_eq!(Template::of_mail(&facts(&[])), None);
    let (whole, abroad) =
        (Template::of(&facts(&WITH_MAIL_REGION)), Template::of_mail(&facts(&WITH_MAIL_REGION)).unwrap());
    let kinds = |template: &Template| {
        let kinds = template.resources().map(|(id, one)| format!("{id}: {}", one["Type"].as_str().unwrap()));
        kinds.filter(|line| line.contains("SES") || line.contains("Events::")).collect::<Vec<_>>().join("\n")
    };
    assert_snapshot!(kinds(&whole), @"MailEvents: AWS::Events::Rule");
    assert_snapshot!(kinds(&abroad), @"
    MailSet: AWS::SES::ConfigurationSet
    MailSetEvents: AWS::SES::ConfigurationSetEventDestination
    Sender: AWS::SES::EmailIdentity
    MailEvents: AWS::Events::Rule
    ");
}

#[test]
fn an_existing_sender_and_configuration_set_are_left_alone() {
    let set = [
        ("mode", "cloud"),
        ("email.transport", "ses"),
        ("aws.sender_exists", "true"),
        ("email.ses.configuration_set", "mine"),
    ];
    let template = Template::of(&facts(&set));
    assert!(!template.resources().any(|(_, one)| one["Type"].as_str().unwrap().starts_with("AWS::SES")));
    assert!(template.to_yaml().unwrap().contains("configuration-set/mine"));
}

#[test]
fn a_domain_is_verified_by_three_records() {
    let value = Template::of(&facts(&[("aws.sender_domain", "example.com")])).to_value();
    assert_eq!(value["Resources"]["Sender"]["Properties"]["EmailIdentity"], "example.com");
    assert!((1..=3).all(|number| value["Outputs"][format!("SenderRecord{number}")].is_object()));
}

#[test]
fn alarms_are_mailed_to_an_operator_that_is_configured() {
    let has = |facts: &Facts| Template::of(facts).resources().any(|(id, _)| id == "OperatorMail");
    assert!(!has(&facts(&[])));
    assert!(has(&facts(&[("aws.operator_email", "operator@example.com")])));
}

#[test]
fn a_configuration_without_aws_says_what_to_add() {
    let mut config = config(&[]);
    config.aws = None;
    let rules = dag_rulebook::RulesFolder::read_rules(&top().join("rules")).unwrap();
    assert_eq!(Facts::new(&config, &rules), Err(FactsError::NoAws));
    assert_snapshot!(FactsError::NoAws, @r#"the configuration says nothing of AWS: add a section `[aws]` with `region = "eu-west-1"`"#);
}
