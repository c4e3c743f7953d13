//! The environment of the function, as the stack's template sets it.

/// The names and addresses that the stack puts into the function's environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StackEnvironment {
    /// The name of the table: `DAG_TABLE`.
    pub table: String,
    /// The URL of the queue `events`: `DAG_EVENTS_URL`.
    pub events: String,
    /// The URL of the queue `deliveries`: `DAG_DELIVERIES_URL`.
    pub deliveries: String,
    /// The URL of the queue of dead letters: `DAG_DEAD_URL`.
    pub dead_letters: String,
    /// The broker: `DAG_IOT_ENDPOINT`, a host name or a URL. The default is the broker of the region.
    pub broker: Option<String>,
    /// SES's configuration set, which reports bounces and complaints: `DAG_CONFIGURATION_SET`. The configuration's own
    /// one takes precedence.
    pub configuration_set: Option<String>,
    /// The secret that holds the values of `env:NAME` in `rules/`: `DAG_SECRET_ARN`.
    pub secret: Option<String>,
}

/// The variables that the stack's template sets. They are not keys of the configuration.
const VARIABLES: [&str; 8] = [
    "DAG_TABLE",
    "DAG_EVENTS_URL",
    "DAG_DELIVERIES_URL",
    "DAG_DEAD_URL",
    "DAG_IOT_ENDPOINT",
    "DAG_CONFIGURATION_SET",
    "DAG_ROOT",
    "DAG_SECRET_ARN",
];

/// Required variables that the environment lacks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the environment lacks {0}: the stack's template sets it")]
pub struct MissingVariables(String);

impl StackEnvironment {
    /// Reads the environment. `variable` returns the value of a variable.
    ///
    /// # Errors
    /// Names all required variables that are missing or empty.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<StackEnvironment, MissingVariables> {
        let mut missing = Vec::new();
        let may = |name: &'static str| variable(name).filter(|value| !value.is_empty());
        let mut need = |name: &'static str| {
            may(name).unwrap_or_else(|| {
                missing.push(name);
                String::new()
            })
        };
        let environment = StackEnvironment {
            table: need("DAG_TABLE"),
            events: need("DAG_EVENTS_URL"),
            deliveries: need("DAG_DELIVERIES_URL"),
            dead_letters: need("DAG_DEAD_URL"),
            broker: may("DAG_IOT_ENDPOINT"),
            configuration_set: may("DAG_CONFIGURATION_SET"),
            secret: may("DAG_SECRET_ARN"),
        };
        if missing.is_empty() { Ok(environment) } else { Err(MissingVariables(missing.join(", "))) }
    }

    /// Returns whether the stack's template sets this variable, so that it is no key of the configuration.
    pub fn is_variable(name: &str) -> bool {
        VARIABLES.contains(&name)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn an_environment_names_all_missing_variables_at_once() {
        let some = BTreeMap::from([("DAG_TABLE", "dag"), ("DAG_DEAD_URL", "")]);
        let error = StackEnvironment::read(|name| some.get(name).map(|value| (*value).to_owned())).unwrap_err();
        let expected =
            "the environment lacks DAG_EVENTS_URL, DAG_DELIVERIES_URL, DAG_DEAD_URL: the stack's template sets it";
        assert_eq!(error.to_string(), expected);
        let environment = StackEnvironment::read(|name| Some(name.to_lowercase())).unwrap();
        assert_eq!(
            (environment.table.as_str(), environment.broker.as_deref()),
            ("dag_table", Some("dag_iot_endpoint"))
        );
    }
}
