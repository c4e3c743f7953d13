//! The connection to the user's account, which every command that calls AWS uses.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use anyhow::{Context as _, Result, bail};
use aws_config::{SdkConfig, timeout::TimeoutConfig};
use aws_types::os_shim_internal::{Env, Fs};
use dag_cloud::aws::Registry;
use dag_config::Config;

use crate::{
    explain::explain,
    login::Login,
    stack::{PAUSE, Stack, outputs_of},
    template::{FactsError, Output},
};

/// The time limits of a call: to connect, and for one attempt. The upload of some megabytes over a slow line may take
/// minutes.
const CONNECT: Duration = Duration::from_secs(5);
const ATTEMPT: Duration = Duration::from_secs(300);

/// The user's account in the stack's region.
#[derive(Clone, Debug)]
pub(crate) struct Cloud {
    /// The configuration for every client.
    pub sdk: SdkConfig,
    /// Where its credentials come from.
    pub login: Arc<Login>,
    /// The stack's name.
    pub stack: String,
    /// The region of the stack.
    pub region: String,
}

/// The outputs of the stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outputs(BTreeMap<String, String>);

impl Cloud {
    /// Returns the account of the SDK's default credentials. It makes no call yet.
    ///
    /// # Errors
    /// The configuration has no section `[aws]`, or AWS_PROFILE names a profile that does not exist.
    pub async fn connect(config: &Config) -> Result<Cloud> {
        let aws = config.aws.clone().ok_or(FactsError::NoAws)?;
        let login = Arc::new(Login::find(&Env::real(), &Fs::real()).await?);
        let timeouts = TimeoutConfig::builder().connect_timeout(CONNECT).operation_attempt_timeout(ATTEMPT).build();
        let sdk = dag_cloud::aws::sdk(Some(&aws.region)).await;
        // The log-in has its own region and time limits.
        let chain = match login.region().filter(|region| *region != aws.region) {
            Some(region) => dag_cloud::aws::sdk(Some(region)).await.credentials_provider(),
            None => sdk.credentials_provider(),
        };
        let chain = chain.context("the SDK has no chain of credentials")?;
        let sdk = sdk.into_builder().timeout_config(timeouts).credentials_provider(login.credentials(chain)).build();
        Ok(Cloud { sdk, login, stack: aws.stack, region: aws.region })
    }

    /// Returns the number of the account.
    pub async fn account(&self) -> Result<String> {
        let identity = aws_sdk_sts::Client::new(&self.sdk).get_caller_identity().send().await;
        let identity = identity.map_err(|error| explain("asking AWS whose account this is", &error))?;
        identity.account.context("AWS does not say whose account this is")
    }

    /// Returns the outputs of the stack.
    ///
    /// # Errors
    /// There is no such stack, or AWS cannot be asked.
    pub async fn outputs(&self) -> Result<Outputs> {
        let stack = Stack::new(&self.sdk, &self.stack, &self.region, PAUSE);
        match stack.describe().await? {
            Some(described) => Ok(Outputs(outputs_of(described))),
            None => bail!("there is no stack `{}` in {}: make it by `dag-infra deploy`", self.stack, self.region),
        }
    }

    /// Returns the registry in the stack's table.
    pub fn registry(&self, outputs: &Outputs) -> Result<Registry> {
        Ok(Registry::new(&self.sdk, outputs.get(Output::Table)?))
    }
}

impl Outputs {
    /// Returns the value of an output.
    ///
    /// # Errors
    /// The stack was deployed by a version that had no such output.
    pub fn get(&self, output: Output) -> Result<&str> {
        let value = self.0.get(output.name()).map(String::as_str);
        value.with_context(|| {
            format!(
                "the stack does not say what its `{}` is: it is of an older version, so run `dag-infra deploy`",
                output.name()
            )
        })
    }
}
