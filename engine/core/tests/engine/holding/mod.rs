//! Holds: of an incident's steps, and of one channel.

mod fallback;
mod inhibition;
mod quiet_hours;
mod snooze_and_silence;

const TWO: &str = r#"
[rule.outage]
when = "power == off"
close_after = "10s"
escalation = "all"
[escalation]
all = [{ notify = ["nor"], repeat = "1h" }, { after = "30m", notify = ["kim"] }]
"#;
