//! `dag ack`

use clap::Args;
use dag_cli::Done;

use super::common::{Common, ask, shell_user};
use crate::daemon::Request;

#[derive(Debug, Args)]
pub(super) struct Ack {
    /// The incident's id, or its beginning, as `dag status` shows it; the only open one where none is given
    #[arg(value_name = "INCIDENT")]
    incident: Option<String>,
    /// Who takes it on. A recipient of that name is not told again. Default: the user of this shell
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
}

impl Ack {
    pub fn run(self, common: &Common) -> Done {
        let by = self.by.unwrap_or_else(shell_user);
        let answer = ask(common, &Request::Acknowledge { incident: self.incident, by: by.clone() })?;
        let part = |field: &str| answer.get(field).and_then(|text| text.as_str()).unwrap_or_default().to_owned();
        common.print(format_args!("{by} has acknowledged {} ({})", part("rule"), part("incident")), &answer)?;
        Ok(())
    }
}
