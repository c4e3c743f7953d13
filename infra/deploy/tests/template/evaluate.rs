//! The evaluation of policies: the part of the logic of IAM and IoT that our policies use ("Policy evaluation logic",
//! "AWS JSON policy elements: Principal", "AWS IoT Core policy variables"). Anything else in a policy fails the test.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::deployed_stack::DeployedStack;

/// An attempt to do something.
#[derive(Clone, Debug)]
pub struct Attempt {
    pub who: Who,
    pub action: &'static str,
    pub resource: String,
    /// The values of the request for variables and conditions.
    pub context: BTreeMap<&'static str, String>,
}

/// The one who attempts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// The holder of the policy: a program that runs as the role, or a device with its certificate.
    Holder,
    /// A service of AWS, by its own name.
    Service(&'static str),
    /// Anyone in an account, by its number. A policy names it as `root`.
    Account(&'static str),
    /// Somebody without credentials.
    Anybody,
}

/// The verdict of a policy on an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Yes,
    /// The policy does not allow it. Another one may.
    No,
    /// The policy denies it, whatever other policies allow.
    Never,
}

/// The statements of a policy, with their references resolved.
#[derive(Debug)]
pub struct Policy(Vec<Statement>);

#[derive(Debug)]
pub struct Statement {
    pub allows: bool,
    /// The principal in AWS's spelling, or `None` for the holder of the policy.
    pub principal: Option<String>,
    pub actions: Vec<String>,
    pub resources: Vec<String>,
    conditions: Vec<Condition>,
}

#[derive(Debug)]
struct Condition {
    operator: Operator,
    key: String,
    value: String,
}

#[derive(Clone, Copy, Debug)]
enum Operator {
    StringEquals,
    Bool,
    ArnEquals,
}

impl Policy {
    /// Reads a policy document of a stack.
    pub fn of(stack: &DeployedStack, document: &Value) -> Policy {
        Policy::new(document, |statement| Statement::of(stack, statement, texts(stack, &statement["Resource"])))
    }

    /// Reads the trust policy of a role. It names no resource, because that is the role itself.
    pub fn of_trust(stack: &DeployedStack, role: &str, document: &Value) -> Policy {
        Policy::new(document, |statement| {
            assert!(statement.get("Resource").is_none(), "{role} is the resource");
            Statement::of(stack, statement, vec![stack.arn(role)])
        })
    }

    fn new(document: &Value, read: impl Fn(&Value) -> Statement) -> Policy {
        assert_eq!(document["Version"], "2012-10-17", "variables are not looked at in older versions");
        Policy(document["Statement"].as_array().unwrap().iter().map(read).collect())
    }

    /// Returns the verdict: `Yes` if a statement allows it and none denies it.
    pub fn evaluate(&self, what: &Attempt) -> Verdict {
        let fitting = |allows: bool| self.0.iter().any(|one| one.allows == allows && one.fits(what));
        match (fitting(true), fitting(false)) {
            (_, true) => Verdict::Never,
            (true, false) => Verdict::Yes,
            (false, false) => Verdict::No,
        }
    }

    pub fn statements(&self) -> &[Statement] {
        &self.0
    }

    /// Returns the pairs of action and resource in the statements that no attempt is about.
    pub fn untried(&self, tries: &[Attempt]) -> Vec<(&str, &str)> {
        let tried = |one: &Statement, action, resource| tries.iter().any(|what| one.fits_by(action, resource, what));
        let pairs = self.0.iter().flat_map(|one| one.pairs().map(move |(action, resource)| (one, action, resource)));
        let untried = pairs.filter(|(one, action, resource)| !tried(one, action, resource));
        untried.map(|(_, action, resource)| (action, resource)).collect()
    }
}

fn texts(stack: &DeployedStack, value: &Value) -> Vec<String> {
    match value {
        Value::Array(values) => values.iter().map(|value| stack.text(value)).collect(),
        one => vec![stack.text(one)],
    }
}

impl Statement {
    fn of(stack: &DeployedStack, statement: &Value, resources: Vec<String>) -> Statement {
        let known = ["Sid", "Effect", "Action", "Resource", "Condition", "Principal"];
        let keys = statement.as_object().unwrap().keys();
        keys.for_each(|key| assert!(known.contains(&key.as_str()), "`{key}` is not evaluated here"));
        let mut conditions = Vec::new();
        for (operator, keys) in statement.get("Condition").and_then(Value::as_object).into_iter().flatten() {
            let operator = match operator.as_str() {
                "StringEquals" => Operator::StringEquals,
                "Bool" => Operator::Bool,
                "ArnEquals" => Operator::ArnEquals,
                other => panic!("the operator `{other}` is not evaluated here"),
            };
            for (key, value) in keys.as_object().unwrap() {
                conditions.push(Condition { operator, key: key.clone(), value: stack.text(value) });
            }
        }
        Statement {
            allows: match statement["Effect"].as_str() {
                Some("Allow") => true,
                Some("Deny") => false,
                other => panic!("{other:?}"),
            },
            principal: statement.get("Principal").map(|principal| Self::principal(stack, principal)),
            actions: texts(stack, &statement["Action"]),
            resources,
            conditions,
        }
    }

    fn principal(stack: &DeployedStack, principal: &Value) -> String {
        if principal == "*" {
            return "*".to_owned();
        }
        let kinds: Vec<_> = principal.as_object().unwrap().iter().collect();
        let [(kind, name)] = kinds[..] else { panic!("{principal} is not evaluated here") };
        let name = stack.text(name);
        match kind.as_str() {
            "Service" => name,
            "AWS" if name == "*" || name.ends_with(":root") => name,
            _ => panic!("{principal} is not evaluated here"),
        }
    }

    /// Returns every action with every resource.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        let with = |action| self.resources.iter().map(move |resource| (action, resource.as_str()));
        self.actions.iter().flat_map(move |action| with(action.as_str()))
    }

    fn fits(&self, what: &Attempt) -> bool {
        self.pairs().any(|(action, resource)| self.fits_by(action, resource, what))
    }

    /// Returns whether the statement is about an attempt by one of its pairs.
    fn fits_by(&self, action: &str, resource: &str, what: &Attempt) -> bool {
        // Case matters in resources, not in actions.
        matches(&action.to_lowercase(), &what.action.to_lowercase())
            && with_variables(resource, what).is_some_and(|it| matches(&it, &what.resource))
            && self.is_about(what.who)
            && self.conditions.iter().all(|condition| condition.holds(what))
    }

    fn is_about(&self, who: Who) -> bool {
        match (self.principal.as_deref(), who) {
            (None, Who::Holder) => true,
            (None, _) | (Some(_), Who::Holder) => false,
            // This includes services.
            (Some("*"), _) => true,
            (Some(principal), Who::Service(service)) => principal == service,
            (Some(principal), Who::Account(account)) => principal == format!("arn:aws:iam::{account}:root"),
            (Some(_), Who::Anybody) => false,
        }
    }
}

impl Condition {
    /// Returns whether the condition holds. It does not where the request lacks the key.
    fn holds(&self, what: &Attempt) -> bool {
        let Some(value) = what.context.get(self.key.as_str()) else { return false };
        match self.operator {
            Operator::StringEquals => self.value == *value,
            Operator::Bool => self.value.eq_ignore_ascii_case(value),
            Operator::ArnEquals => matches(&self.value, value),
        }
    }
}

/// Returns a resource's pattern with the values of its variables, or `None` if the request lacks one. A value is
/// literal: a device's name is no pattern.
fn with_variables(pattern: &str, what: &Attempt) -> Option<String> {
    let mut parts = pattern.split("${");
    let mut text = parts.next()?.to_owned();
    for part in parts {
        let (name, rest) = part.split_once('}')?;
        let value = what.context.get(name)?;
        assert!(!value.contains(['*', '?']), "`{value}` would be a pattern");
        text += value;
        text += rest;
    }
    Some(text)
}

/// Returns whether a text matches a pattern. `*` is any number of letters, `?` is one.
fn matches(pattern: &str, text: &str) -> bool {
    match pattern.chars().next() {
        None => text.is_empty(),
        Some('*') => (0..=text.len()).any(|at| text.is_char_boundary(at) && matches(&pattern[1..], &text[at..])),
        Some(first) => text.chars().next().is_some_and(|letter| {
            (first == '?' || first == letter) && matches(&pattern[first.len_utf8()..], &text[letter.len_utf8()..])
        }),
    }
}

#[test]
fn patterns_match_as_in_iam() {
    for (pattern, text, fits) in [
        ("a*c", "abc", true),
        ("a*c", "ac", true),
        ("a*c", "abd", false),
        ("a?c", "abc", true),
        ("a?c", "ac", false),
        ("*", "", true),
        ("topic/dag/*/cmd", "topic/dag/a/b/cmd", true),
        ("topic/dag/*/cmd", "topic/dag/a/report", false),
    ] {
        assert_eq!(matches(pattern, text), fits, "{pattern} {text}");
    }
}

#[test]
fn principals_are_those_that_they_name() {
    use Who::{Account, Anybody, Holder, Service};

    use crate::deployed_stack::ACCOUNT;
    let (events, root) = (Service("events.amazonaws.com"), Account(ACCOUNT));
    let all = [Holder, events, Service("iot.amazonaws.com"), root, Account("210987654321"), Anybody];
    let everybody = &all[1..];
    for (principal, who) in [
        (json!(null), &[Holder][..]),
        (json!("*"), everybody),
        (json!({ "AWS": "*" }), everybody),
        (json!({ "Service": "events.amazonaws.com" }), &[events]),
        (json!({ "Service": "*.amazonaws.com" }), &[]),
        (json!({ "AWS": { "Fn::Sub": "arn:aws:iam::${AWS::AccountId}:root" } }), &[root]),
    ] {
        let stack = DeployedStack { resources: json!({}), region: "eu-west-1" };
        let mut statement = json!({ "Effect": "Allow", "Action": "sqs:*", "Resource": "*" });
        if !principal.is_null() {
            statement["Principal"] = principal.clone();
        }
        let policy = Policy::of(&stack, &json!({ "Version": "2012-10-17", "Statement": [statement] }));
        let what = |who| Attempt { who, action: "sqs:SendMessage", resource: String::new(), context: BTreeMap::new() };
        let allowed: Vec<Who> = all.into_iter().filter(|who| policy.evaluate(&what(*who)) == Verdict::Yes).collect();
        assert_eq!(allowed, who, "{principal}");
    }
}
