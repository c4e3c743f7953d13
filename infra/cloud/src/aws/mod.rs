//! The world on AWS: a file a service. Clients are built once, for the life of a process, and share one connection pool.

mod dynamo;
mod environment;
mod error;
mod identities;
mod iot;
mod messenger;
mod packed;
mod registry;
mod rows;
mod secret;
mod ses;
mod sqs;

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use aws_config::{BehaviorVersion, Region, SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use dag_config::{Config, Secrets};
use dag_delivery::{Delivery, Limits, SetupError};
use dag_engine::Time;

use crate::world::{Devices, Messenger, Queues, Store, World};

pub use self::{
    dynamo::Table,
    environment::{MissingVariables, StackEnvironment},
    error::describe_error,
    registry::Registry,
};
use self::{iot::Broker, messenger::AwsMessenger, secret::Secret, ses::Ses, sqs::Sqs};

/// How long a call of a webhook may take: a device's batch waits for it.
const WEBHOOK: Duration = Duration::from_secs(3);

/// How long a service may take to be reached, to answer once, and for all attempts together.
const CONNECT: Duration = Duration::from_secs(2);
const ATTEMPT: Duration = Duration::from_secs(5);
const OPERATION: Duration = Duration::from_secs(12);

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
    pub fn new(sdk: &SdkConfig, environment: &StackEnvironment, config: &Config) -> Result<Aws, SetupError> {
        let ses = Arc::new(Ses::new(sdk, &config.email.ses, environment.configuration_set.as_deref()));
        let limits = Limits { webhook: WEBHOOK, smtp: OPERATION };
        let secret = Secret::new(sdk, environment.secret.as_deref());
        let secrets = Secrets::of_stack(&config.root, secret.entries());
        let delivery = Delivery::with_mailer(&config.email, &config.webhook, secrets, limits, ses)?;
        Ok(Aws {
            table: Table::new(sdk, &environment.table),
            queues: Sqs::new(sdk, environment),
            broker: Broker::new(sdk, environment.broker.as_deref(), &config.topics),
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
        SystemTime::now().into()
    }
}
