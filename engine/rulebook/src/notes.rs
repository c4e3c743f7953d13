//! Notes about what is as the files say, and worth knowing all the same. Nothing has to be done about them.

use dag_config::{Config, Mode, Transport};
use dag_engine::{Engine, Name, Runs};

use crate::{
    real_monitor::has_real_source,
    warnings::{has_source, is_without_source},
};

/// Returns the notes of the rules that `engine` has.
pub(super) fn of(engine: &Engine, config: &Config) -> Vec<String> {
    let cloud = config.mode == Mode::Cloud;
    let (mut notes, mut elsewhere) = (Vec::new(), Vec::new());
    for (rule, facts, here) in engine.rules().needs(if cloud { Runs::Device } else { Runs::Standalone }) {
        if !here && !cloud {
            elsewhere.push(rule);
            continue;
        }
        for fact in facts.filter(|fact| !has_source(config, fact) && is_without_source(config, fact)) {
            notes.push(format!(
                "note: the rule `{rule}` reads `{fact}`, for which config.toml names no source: it is never known here"
            ));
        }
    }
    if !elsewhere.is_empty() {
        let list: Vec<String> = elsewhere.iter().map(|rule: &&Name| format!("`{rule}`")).collect();
        notes.push(format!("note: these rules run in the cloud alone, and never fire here: {}", list.join(", ")));
    }
    if config.devices.len() > 1 && !cloud {
        notes.push("note: config.toml has several devices: start each with `dag run --device NAME`".to_owned());
    }
    let is_real = config.email.transport != Transport::Outbox && config.devices.values().any(has_real_source);
    if is_real && !cloud && config.heartbeats.is_empty() {
        notes.push(
            "note: nobody is told if this monitor dies: `[heartbeat.NAME]` in config.toml changes that".to_owned(),
        );
    }
    notes
}
