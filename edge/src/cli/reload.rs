//! `dag reload`

use dag_cli::Done;

use super::common::{Common, ask};
use crate::daemon::Request;

pub(super) fn reload(common: &Common) -> Done {
    let answer = ask(common, &Request::Reload)?;
    let hash = answer.get("rules").and_then(|hash| hash.as_str()).unwrap_or_default();
    let mut text = format!("The rules {hash} are in force.");
    if let Some(failing) = answer.get("failing").and_then(|failing| failing.as_str()) {
        text.push_str(&format!("\n\n{failing}"));
    }
    common.print(text, &answer)?;
    Ok(())
}
