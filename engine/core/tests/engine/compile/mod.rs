//! The compiler's problems and warnings: every text that a user may read, with its place.

mod conditions;
mod expressions;
mod fallback;
mod folder;
mod names;
mod quiet_hours;
mod rules;
mod slips;
mod values;

use dag_engine::Ruleset;

use crate::host::{OUTAGE, compile, sources};

/// The problems of one file that stands beside nothing.
fn alone(text: &str) -> String {
    problems(&[("rules.toml", text)])
}

fn problems(files: &[(&str, &str)]) -> String {
    Ruleset::compile(&sources(files)).map(|_| "no problem".to_owned()).unwrap_or_else(|problems| problems.to_string())
}

/// The warnings about one file that compiles.
fn warnings(text: &str) -> String {
    let rules = Ruleset::compile(&sources(&[("rules.toml", text)])).unwrap_or_else(|problems| panic!("{problems}"));
    rules.warnings().iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// The problems of one rule's condition, without the closing line.
fn condition(when: &str) -> String {
    let rules =
        format!("[rule.r]\nwhen = {when}\nescalation = \"all\"\n[escalation]\nall = [{{ notify = [\"nor\"] }}]");
    let problems = compile(&rules, None).map(|_| ()).unwrap_err();
    problems.0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// The problems of a script that the usual rule names.
fn script(text: &str) -> String {
    let rules = OUTAGE.replace("open_after", "script = \"hooks.rhai\"\nopen_after");
    let problems = compile(&rules, Some(text)).map(|_| ()).unwrap_err();
    problems.0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// Recipients with an address each, and further keys.
fn recipients(recipients: &[(&str, &str)]) -> String {
    let recipient = |(name, keys)| format!("[recipient.{name}]\nemail = \"{name}@example.com\"\n{keys}\n");
    recipients.iter().copied().map(recipient).collect()
}
