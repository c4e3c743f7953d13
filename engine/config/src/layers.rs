//! The layers of a configuration: the file, the environment, flags.

use std::{ffi::OsString, path::Path};

use figment::{
    Error, Figment, Metadata, Profile, Provider,
    value::{Dict, Map, Value},
};
use serde::Deserialize;

/// The prefix of environment variables that set a key.
const PREFIX: &str = "DAG_";

/// Variables with that prefix that set no key: flags of the programs, and settings of tests (`DAG_TEST_…`).
const NOT_KEYS: [&str; 3] = ["DAG_CONFIG", "DAG_DEVICE", "DAG_LOG"];
const NOT_KEYS_PREFIX: &str = "DAG_TEST_";

/// A layer and its origin.
struct Layer {
    metadata: Metadata,
    values: Result<Dict, String>,
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        self.metadata.clone()
    }

    fn data(&self) -> Result<Map<Profile, Dict>, Error> {
        Ok(Map::from([(Profile::Default, self.values.clone()?)]))
    }
}

/// Merges the layers, later ones over earlier ones. Values of the environment and of flags stay text: their types are
/// known only where they are read.
pub(crate) fn merge(
    file: Dict,
    path: &Path,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
    flags: &[(String, String)],
) -> Figment {
    let metadata = Metadata::from("the file", path);
    let mut figment = Figment::from(Layer { metadata, values: Ok(file.clone()) });
    let mut variables: Vec<(String, OsString)> =
        environment.into_iter().filter_map(|(name, value)| Some((name.into_string().ok()?, value))).collect();
    variables.sort();
    for (name, value) in variables {
        let Some(key) = name.strip_prefix(PREFIX) else { continue };
        if NOT_KEYS.contains(&name.as_str()) || name.starts_with(NOT_KEYS_PREFIX) {
            continue;
        }
        let keys = spelled_as_in(&file, key.split("__"));
        let metadata = Metadata::named(format!("the environment variable `{name}`"));
        let value = value.to_str().ok_or_else(|| format!("the environment variable `{name}` is not UTF-8 text"));
        figment = figment.merge(Layer { metadata, values: value.map(|value| nest(keys, value)) });
    }
    for (key, value) in flags {
        let keys = key.split('.').map(str::to_owned).collect();
        let metadata = Metadata::named(format!("the flag `--set {key}`"));
        figment = figment.merge(Layer { metadata, values: Ok(nest(keys, value)) });
    }
    figment
}

/// Returns the keys as the file spells them: variables are in capitals, and names of devices and labels need not be.
fn spelled_as_in<'a>(file: &Dict, keys: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut table = Some(file);
    keys.map(|key| {
        let found = table.and_then(|table| table.iter().find(|(name, _)| name.eq_ignore_ascii_case(key)));
        table = found.and_then(|(_, value)| value.as_dict());
        found.map_or_else(|| key.to_ascii_lowercase(), |(name, _)| name.clone())
    })
    .collect()
}

fn nest(keys: Vec<String>, value: &str) -> Dict {
    let wrap = |inner: Value, key: String| Value::from(Dict::from([(key, inner)]));
    keys.into_iter().rev().fold(Value::from(value), wrap).into_dict().unwrap_or_default()
}

/// Reads `text` as a TOML value.
pub(crate) fn toml_value(text: &str) -> Option<Value> {
    <Value as Deserialize>::deserialize(toml::de::ValueDeserializer::parse(text).ok()?).ok()
}
