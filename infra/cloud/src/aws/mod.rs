//! The world on AWS, with one file for each service. The clients are built once in the life of a process, and share one
//! connection pool.

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
    error::{describe_causes, describe_error},
    registry::Registry,
};
use self::{iot::Broker, messenger::AwsMessenger, secret::Secret, ses::Ses, sqs::Sqs};

/// The time limit of a webhook call. It is short, because the batch of a device waits for it.
const WEBHOOK: Duration = Duration::from_secs(3);

/// The time limits of a request to a service: to connect, for one attempt, and for all attempts together.
const CONNECT: Duration = Duration::from_secs(2);
const ATTEMPT: Duration = Duration::from_secs(5);
const OPERATION: Duration = Duration::from_secs(12);

/// The services that a consumer uses on AWS.
pub struct Aws {
    table: Table,
    queues: Sqs,
    broker: Broker,
    messenger: AwsMessenger,
}

impl Aws {
    /// Builds the clients. Sends no request.
    ///
    /// # Errors
    /// The delivery cannot be built from the configuration.
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

/// Returns the configuration that all clients share. The SDK finds the region and the credentials, but `region` takes
/// precedence where it is given. TLS is rustls with ring.
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
