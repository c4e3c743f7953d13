//! `dag reload`

use dag_cli::Done;

use super::common::{Common, ask};
use crate::daemon::Request;

pub(super) fn reload(common: &Common) -> Done {
    let answer = ask(common, &Request::Reload)?;
    let hash = answer.get("rules").and_then(|hash| hash.as_str()).unwrap_or_default();
    common.print(format_args!("the rules {hash} are in force"), &answer)?;
    Ok(())
}
