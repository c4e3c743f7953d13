//! `dag unplug` and `dag plug`

use clap::Args;
use dag_cli::Done;
use dag_engine::{Name, Value};

use super::common::{Common, ask};
use crate::daemon::Request;

#[derive(Debug, Args)]
pub(super) struct MainsSwitch {
    /// The simulated fact to switch
    #[arg(default_value = "power", value_name = "FACT")]
    fact: String,
}

impl MainsSwitch {
    pub fn set(self, common: &Common, value: Value) -> Done {
        let answer = ask(common, &Request::Simulate { fact: Name::new(&self.fact), value })?;
        common.print(format_args!("{} is {value}", self.fact), &answer)?;
        Ok(())
    }
}
