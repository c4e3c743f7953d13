//! Whether a policy allows something: the part of IAM's and IoT's logic that our policies use ("Policy evaluation logic",
//! "AWS IoT Core policy variables"). Anything else in a policy is an error here, never a guess.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::physical;

/// What somebody tries.
#[derive(Clone, Debug)]
pub struct Try<'t> {
    pub action: &'t str,
    pub resource: String,
    /// What is known of the request, for variables and conditions.
    pub context: BTreeMap<&'t str, String>,
}

/// A policy's statements, with their names worked out.
#[derive(Debug)]
pub struct Policy(Vec<Statement>);

#[derive(Debug)]
struct Statement {
    allows: bool,
    actions: Vec<String>,
    resources: Vec<String>,
    conditions: Vec<Condition>,
}

#[derive(Debug)]
struct Condition {
    operator: Operator,
    key: String,
    values: Vec<String>,
}

#[derive(Clone, Copy, Debug)]
enum Operator {
    StringEquals,
    Bool,
    ArnEquals,
}

impl Policy {
    /// Reads a policy document of a template.
    pub fn of(resources: &Value, document: &Value) -> Policy {
        assert_eq!(document["Version"], "2012-10-17", "variables are not looked at in older versions");
        let statements = document["Statement"].as_array().unwrap().iter();
        Policy(statements.map(|statement| Statement::of(resources, statement)).collect())
    }

    /// Whether it allows this: some statement does, and none forbids it.
    pub fn allows(&self, what: &Try<'_>) -> bool {
        let fitting = |allows: bool| self.0.iter().any(|one| one.allows == allows && one.fits(what));
        fitting(true) && !fitting(false)
    }

    /// Every pair of action and resource that it allows anything of.
    pub fn allowed(&self) -> impl Iterator<Item = (&str, &str)> {
        let allowing = self.0.iter().filter(|statement| statement.allows);
        allowing.flat_map(|statement| {
            let resources = move |action| statement.resources.iter().map(move |resource| (action, resource.as_str()));
            statement.actions.iter().flat_map(move |action| resources(action.as_str()))
        })
    }
}

impl Statement {
    fn of(resources: &Value, statement: &Value) -> Statement {
        let known = ["Sid", "Effect", "Action", "Resource", "Condition", "Principal"];
        let keys = statement.as_object().unwrap().keys();
        keys.for_each(|key| assert!(known.contains(&key.as_str()), "`{key}` is not evaluated here"));
        let texts = |value: &Value| match value {
            Value::Array(values) => values.iter().map(|value| physical::text(resources, value)).collect(),
            one => vec![physical::text(resources, one)],
        };
        let mut conditions = Vec::new();
        for (operator, keys) in statement.get("Condition").and_then(Value::as_object).into_iter().flatten() {
            let operator = match operator.as_str() {
                "StringEquals" => Operator::StringEquals,
                "Bool" => Operator::Bool,
                "ArnEquals" => Operator::ArnEquals,
                other => panic!("the operator `{other}` is not evaluated here"),
            };
            for (key, values) in keys.as_object().unwrap() {
                conditions.push(Condition { operator, key: key.clone(), values: texts(values) });
            }
        }
        Statement {
            allows: match statement["Effect"].as_str() {
                Some("Allow") => true,
                Some("Deny") => false,
                other => panic!("{other:?}"),
            },
            actions: texts(&statement["Action"]),
            resources: texts(&statement["Resource"]),
            conditions,
        }
    }

    fn fits(&self, what: &Try<'_>) -> bool {
        // Actions are the same in capitals, resources are not.
        let action = what.action.to_lowercase();
        self.actions.iter().any(|pattern| matches(&pattern.to_lowercase(), &action))
            && self
                .resources
                .iter()
                .any(|pattern| with_variables(pattern, what).is_some_and(|it| matches(&it, &what.resource)))
            && self.conditions.iter().all(|condition| condition.holds(what))
    }
}

impl Condition {
    /// What the request does not say does not fit.
    fn holds(&self, what: &Try<'_>) -> bool {
        let Some(said) = what.context.get(self.key.as_str()) else { return false };
        self.values.iter().any(|value| match self.operator {
            Operator::StringEquals => value == said,
            Operator::Bool => value.eq_ignore_ascii_case(said),
            Operator::ArnEquals => matches(value, said),
        })
    }
}

/// A resource's pattern with its variables put in; one that the request does not have fits nothing. What is put in is taken
/// letter by letter: a device's name is no pattern.
fn with_variables(pattern: &str, what: &Try<'_>) -> Option<String> {
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

/// `*` is any number of letters, `?` is one.
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
fn patterns_match_as_iam_has_them() {
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
