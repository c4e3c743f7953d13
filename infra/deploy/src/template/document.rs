//! The document: CloudFormation as YAML with a heading for each part, or as JSON.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::part::Part;

/// A template.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    about: &'static str,
    parameters: Map<String, Value>,
    parts: Vec<Part>,
    outputs: Map<String, Value>,
}

/// The most resources of a template, and its most bytes in a bucket ("AWS CloudFormation quotas").
const MOST_RESOURCES: usize = 500;
const MOST_BYTES: usize = 1_000_000;

/// The reasons why a template cannot be deployed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TooLarge {
    /// It has too many resources.
    #[error("the template has {0} resources, and CloudFormation takes {MOST_RESOURCES}: split the deployment in two")]
    Resources(usize),
    /// It has too many bytes.
    #[error("the template has {0} bytes, and CloudFormation takes {MOST_BYTES}: split the deployment in two")]
    Bytes(usize),
    /// It cannot be written as text.
    #[error("the template cannot be written as YAML: {0}")]
    Unwritten(String),
}

impl Template {
    pub(crate) fn new(
        about: &'static str,
        parameters: Vec<(&'static str, &'static str)>,
        parts: Vec<Part>,
        outputs: Map<String, Value>,
    ) -> Template {
        let parameter = |(name, about): (&str, &str)| {
            (name.to_owned(), json!({ "Type": "String", "MinLength": 1, "Description": about }))
        };
        Template { about, parameters: parameters.into_iter().map(parameter).collect(), parts, outputs }
    }

    /// Returns every resource with its logical id, in order.
    pub fn resources(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.parts.iter().flat_map(|part| &part.resources).map(|(id, resource)| (*id, resource))
    }

    /// Returns the template as one value, which JSON and YAML have in common.
    pub fn to_value(&self) -> Value {
        let resources: Map<String, Value> =
            self.resources().map(|(id, resource)| (id.to_owned(), resource.clone())).collect();
        let mut value = json!({ "AWSTemplateFormatVersion": "2010-09-09", "Description": self.about });
        if let Some(top) = value.as_object_mut() {
            if !self.parameters.is_empty() {
                top.insert("Parameters".to_owned(), self.parameters.clone().into());
            }
            top.insert("Resources".to_owned(), resources.into());
            top.insert("Outputs".to_owned(), self.outputs.clone().into());
        }
        value
    }

    /// Returns the template as JSON.
    ///
    /// # Errors
    /// It is larger than CloudFormation accepts.
    pub fn to_json(&self) -> Result<String, TooLarge> {
        let text = serde_json::to_string_pretty(&self.to_value());
        self.checked(text.map_err(|error| TooLarge::Unwritten(error.to_string()))? + "\n")
    }

    /// Returns the template as YAML.
    ///
    /// # Errors
    /// It is larger than CloudFormation accepts.
    pub fn to_yaml(&self) -> Result<String, TooLarge> {
        let mut text = yaml(&json!({ "AWSTemplateFormatVersion": "2010-09-09", "Description": self.about }), 0)?;
        if !self.parameters.is_empty() {
            text += &format!("\nParameters:\n{}", yaml(&self.parameters, 1)?);
        }
        text += "\nResources:\n";
        for (at, part) in self.parts.iter().enumerate() {
            let gap = if at == 0 { "" } else { "\n" };
            text += &format!("{gap}  # {}\n", part.about);
            for (id, resource) in &part.resources {
                text += &format!("  {id}:\n{}", yaml(&Resource::of(resource), 2)?);
            }
        }
        text += &format!("\nOutputs:\n{}", yaml(&self.outputs, 1)?);
        self.checked(text)
    }

    fn checked(&self, text: String) -> Result<String, TooLarge> {
        let resources = self.resources().count();
        if resources > MOST_RESOURCES {
            return Err(TooLarge::Resources(resources));
        }
        if text.len() > MOST_BYTES { Err(TooLarge::Bytes(text.len())) } else { Ok(text) }
    }
}

/// A resource with its type first, for readers.
#[derive(Serialize)]
struct Resource<'v> {
    #[serde(rename = "Type")]
    kind: Option<&'v Value>,
    #[serde(flatten)]
    rest: BTreeMap<&'v str, &'v Value>,
}

impl Resource<'_> {
    fn of(resource: &Value) -> Resource<'_> {
        let members = resource.as_object().into_iter().flatten();
        let rest = members.map(|(key, value)| (key.as_str(), value)).filter(|(key, _)| *key != "Type");
        Resource { kind: resource.get("Type"), rest: rest.collect() }
    }
}

/// Returns a value as YAML, indented for a level of the document.
fn yaml(value: &impl Serialize, level: usize) -> Result<String, TooLarge> {
    // Each text is in one line, so that it can be searched for.
    let options = serde_saphyr::ser_options! { prefer_block_scalars: false };
    let text = serde_saphyr::to_string_with_options(value, options);
    let mut text = text.map_err(|error| TooLarge::Unwritten(error.to_string()))?;
    // These keys need no quotes, and are usually written without.
    for key in ["Fn::Sub", "Fn::GetAtt", "Fn::Join"] {
        text = text.replace(&format!("\"{key}\":"), &format!("{key}:"));
    }
    let margin = "  ".repeat(level);
    let lines = text.lines().map(|line| if line.is_empty() { "\n".to_owned() } else { format!("{margin}{line}\n") });
    Ok(lines.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(resources: usize, bytes: usize) -> String {
        let queue = json!({ "Type": "AWS::SQS::Queue", "Properties": { "QueueName": "x".repeat(bytes) } });
        let resources = vec![("Queue", queue); resources];
        let template = Template::new("", Vec::new(), vec![Part { about: "", resources }], Map::new());
        template.to_yaml().unwrap_err().to_string()
    }

    #[test]
    fn a_template_that_is_too_large_is_refused() {
        insta::assert_snapshot!(error(501, 1), @"the template has 501 resources, and CloudFormation takes 500: split the deployment in two");
        insta::assert_snapshot!(error(1, 1_000_000), @"the template has 1000156 bytes, and CloudFormation takes 1000000: split the deployment in two");
    }
}
