//! The world on AWS: a file a service. Clients are built once, for the life of a process, and share one connection pool.

mod dynamo;
mod error;
mod iot;
mod messenger;
mod packed;
mod registry;
mod rows;
mod secret;
mod ses;
mod sqs;
mod verified;

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use aws_config::{BehaviorVersion, Region, SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use dag_config::{Config, Secrets};
use dag_delivery::{Delivery, Limits, SetupError};
use dag_engine::Time;

use crate::world::{Devices, Messenger, Queues, Store, World};

pub use self::{dynamo::Table, error::told, registry::Registry};
use self::{iot::Broker, messenger::AwsMessenger, secret::Secret, ses::Ses, sqs::Sqs};

/// How long a call of a webhook may take: a device's batch waits for it.
const WEBHOOK: Duration = Duration::from_secs(3);

/// How long a service may take to be reached, to answer once, and for all attempts together.
const CONNECT: Duration = Duration::from_secs(2);
const ATTEMPT: Duration = Duration::from_secs(5);
const OPERATION: Duration = Duration::from_secs(12);

/// Where things are, as the stack tells the function in its environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The name of the table: `DAG_TABLE`.
    pub table: String,
    /// The address of the queue `events`: `DAG_EVENTS_URL`.
    pub events: String,
    /// The address of the queue `deliveries`: `DAG_DELIVERIES_URL`.
    pub deliveries: String,
    /// The address of the queue of dead letters: `DAG_DEAD_URL`.
    pub dead: String,
    /// The broker: `DAG_IOT_ENDPOINT`, a name or an address with its scheme. Without one it is the region's.
    pub broker: Option<String>,
    /// SES's configuration set, which tells what became of mails: `DAG_CONFIGURATION_SET`. That of the configuration counts
    /// more.
    pub configuration_set: Option<String>,
    /// The secret whose entries the names `env:NAME` in `rules/` stand for: `DAG_SECRET_ARN`.
    pub secret: Option<String>,
}

/// What this reads from the environment, beside the configuration's own keys.
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

/// Variables of the environment that are not there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the environment lacks {0}: the stack's template sets it")]
pub struct Missing(String);

impl Settings {
    /// Reads them; `variable` answers what a variable holds.
    ///
    /// # Errors
    /// The variables that are missing or empty, all of them at once.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Settings, Missing> {
        let mut missing = Vec::new();
        let may = |name: &'static str| variable(name).filter(|value| !value.is_empty());
        let mut need = |name: &'static str| {
            may(name).unwrap_or_else(|| {
                missing.push(name);
                String::new()
            })
        };
        let settings = Settings {
            table: need("DAG_TABLE"),
            events: need("DAG_EVENTS_URL"),
            deliveries: need("DAG_DELIVERIES_URL"),
            dead: need("DAG_DEAD_URL"),
            broker: may("DAG_IOT_ENDPOINT"),
            configuration_set: may("DAG_CONFIGURATION_SET"),
            secret: may("DAG_SECRET_ARN"),
        };
        if missing.is_empty() { Ok(settings) } else { Err(Missing(missing.join(", "))) }
    }

    /// Whether a variable of the environment is one of these, and so no key of the configuration.
    pub fn is_variable(name: &str) -> bool {
        VARIABLES.contains(&name)
    }
}

/// Everything that surrounds a consumer on AWS.
pub struct Aws {
    table: Table,
    queues: Sqs,
    broker: Broker,
    messenger: AwsMessenger,
}

impl Aws {
    /// Sets everything up and reaches out to nobody.
    ///
    /// # Errors
    /// What in the configuration cannot be used.
    pub fn new(sdk: &SdkConfig, settings: &Settings, config: &Config) -> Result<Aws, SetupError> {
        let ses = Arc::new(Ses::new(sdk, &config.email.ses, settings.configuration_set.as_deref()));
        let limits = Limits { webhook: WEBHOOK, smtp: OPERATION };
        let secret = Secret::new(sdk, settings.secret.as_deref());
        let secrets = Secrets::of_stack(&config.root, secret.entries());
        let delivery = Delivery::with_mailer(&config.email, &config.webhook, secrets, limits, ses)?;
        Ok(Aws {
            table: Table::new(sdk, &settings.table),
            queues: Sqs::new(sdk, settings),
            broker: Broker::new(sdk, settings.broker.as_deref(), &config.topics),
            messenger: AwsMessenger::new(secret, delivery),
        })
    }
}

/// What all clients share: region and credentials as the SDK finds them (`region`, where given, counts more), TLS by rustls
/// with ring, and how long anything may take.
pub async fn sdk(region: Option<&str>) -> SdkConfig {
    let http = aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT)
        .operation_attempt_timeout(ATTEMPT)
        .operation_timeout(OPERATION)
        .build();
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .http_client(http)
        .retry_config(RetryConfig::standard())
        .timeout_config(timeouts);
    if let Some(region) = region {
        loader = loader.region(Region::new(region.to_owned()));
    }
    loader.load().await
}

impl World for Aws {
    fn store(&self) -> &impl Store {
        &self.table
    }

    fn queues(&self) -> &impl Queues {
        &self.queues
    }

    fn devices(&self) -> &impl Devices {
        &self.broker
    }

    fn messenger(&self) -> &impl Messenger {
        &self.messenger
    }

    fn now(&self) -> Time {
        let gone = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Time::from_millis(i64::try_from(gone.as_millis()).unwrap_or(i64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn everything_that_the_environment_lacks_is_told_at_once() {
        let some = BTreeMap::from([("DAG_TABLE", "dag"), ("DAG_DEAD_URL", "")]);
        let error = Settings::read(|name| some.get(name).map(|value| (*value).to_owned())).unwrap_err();
        let told =
            "the environment lacks DAG_EVENTS_URL, DAG_DELIVERIES_URL, DAG_DEAD_URL: the stack's template sets it";
        assert_eq!(error.to_string(), told);
        let settings = Settings::read(|name| Some(name.to_lowercase())).unwrap();
        assert_eq!((settings.table.as_str(), settings.broker.as_deref()), ("dag_table", Some("dag_iot_endpoint")));
    }
}
