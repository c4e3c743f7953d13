//! The rules in force, and what troubles the daemon.

use crate::daemon::Status;

pub(super) fn section(status: &Status) -> String {
    let rules = format!("Rules {} are in force.", status.rules);
    let rejected = status.rejected.as_ref().map(|problems| {
        format!("The last edit of config.toml or rules/ is NOT in force. What is wrong:\n\n{}", problems.trim_end())
    });
    let failing = status.failing.as_ref().map(|scenarios| {
        format!("The rules are in force ALTHOUGH SCENARIOS FAIL: no better ones are known.\n\n{}", scenarios.trim_end())
    });
    let store = status.store.as_ref().map(|reason| format!("NOTHING CAN BE NOTED, so nothing is sent: {reason}"));
    let clock = status.clock.as_ref().map(|reason| format!("THE TIME IS UNCERTAIN: {reason}."));
    let all: Vec<String> = [Some(rules), rejected, failing, store, clock].into_iter().flatten().collect();
    all.join("\n\n")
}
