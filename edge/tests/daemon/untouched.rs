//! The shipped files, as a clone has them.

use std::{fs, process::Command};

use crate::home::{Home, text, wait_until};

#[test]
fn an_untouched_clone_starts_and_checks_without_a_warning() {
    let home = Home::shipped();
    let checked = home.json(&["check"]);
    assert_eq!(checked["warnings"], serde_json::json!([]));
    let check = text(&home.dag(&["check"]).stdout);
    assert!(!check.contains("warning") && check.contains("note: these rules run in the cloud alone"), "{check}");

    let log = home.path("log");
    let mut daemon = home.command(&["run"]).stderr(fs::File::create(&log).unwrap()).spawn().unwrap();
    let status = wait_until(|| {
        let output = home.dag(&["status", "--format", "json"]);
        let status: serde_json::Value = serde_json::from_slice(&output.stdout).ok()?;
        status["receivers"]["checked_at"].is_string().then_some(status)
    });
    assert_eq!(status["receivers"]["problems"], serde_json::json!([]));
    assert_eq!(status["deployment"], serde_json::json!([]));
    let stopped = Command::new("kill").arg(daemon.id().to_string()).status().unwrap();
    assert!(stopped.success() && daemon.wait().unwrap().success());
    let log = fs::read_to_string(log).unwrap();
    let warned = log.lines().filter(|line| !line.contains("\"INFO\"") && !line.contains("the time is uncertain"));
    assert_eq!(warned.collect::<Vec<_>>(), [""; 0]);
}
