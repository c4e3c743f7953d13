//! Messages of an incident: who gets them, when, and what stops them.

mod acknowledgement;
mod end;
mod steps;

/// Step 0 to nor, step 1 to kim after 30m, repeated, step 2 to everybody after 1h.
const STEPS: &str = r#"
[rule.outage]
when = "power == off"
close_after = "5m"
escalation = "all"
[escalation.all]
ack_lapses_after = "4h"
steps = [
  { notify = ["nor"] },
  { after = "30m", notify = ["kim"], repeat = "2h", at_most = 2 },
  { after = "1h", notify = ["nor", "kim", "pager"] },
]
"#;
