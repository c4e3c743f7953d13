//! Parts that the commands share: output formats, the configuration, the connection to AWS, the clock.

use std::{future::Future, sync::Arc, time::SystemTime};

use anyhow::{Error, Result};
use clap::ValueEnum;
use dag_config::Config;
use dag_engine::{Problems, Time};
use dag_rulebook::RulesFolder;

use crate::{cloud::Cloud, explain::sentence, regions, template::Facts};

/// The options of every command.
pub(super) type Common = dag_cli::Common<Format>;

/// The format of the output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Text for people.
    #[default]
    Text,
    /// JSON for programs.
    Json,
}

impl dag_cli::Format for Format {
    const SET_EXAMPLE: &'static str = "aws.stack=trial";

    fn is_json(self) -> bool {
        self == Format::Json
    }
}

/// Reads the configuration.
pub(super) fn load(common: &Common) -> Result<Config> {
    Ok(Config::load_with(&common.config, &common.set, &regions::CHECKS)?)
}

/// Reads the configuration and the rules beside it. Returns both, and the facts for a template.
pub(super) fn facts(common: &Common) -> Result<(Config, RulesFolder, Facts)> {
    let config = load(common)?;
    let rules = RulesFolder::read_rules(&config.root.join("rules")).map_err(Problems)?;
    let facts = Facts::new(&config, &rules)?;
    Ok((config, rules, facts))
}

/// Runs the part of a command that calls AWS.
pub(super) fn with_cloud<F>(common: &Common, act: impl FnOnce(Config, Cloud) -> F) -> Result<()>
where
    F: Future<Output = Result<()>>,
{
    let config = load(common)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let cloud = Cloud::connect(&config).await?;
        let login = Arc::clone(&cloud.login);
        act(config, cloud).await.map_err(|error| Error::msg(sentence(&error, Some(&login))))
    })
}

/// Returns the current time. No other place reads the clock.
pub(super) fn now() -> Time {
    Time::from(SystemTime::now())
}
