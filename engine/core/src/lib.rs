//! The rules engine of detectordag: facts in, decisions out.
//!
//! Same rules, same inputs, same order: the same decisions, byte for byte, on every processor. The engine is pure: it
//! reads no clock, no file, no environment and no random numbers, and it sends nothing. Its host owns all of that.
//!
//! A [`Ruleset`] is compiled from the text of `rules/`. An [`Engine`] applies one [`Input`] at a time to
//! the [`State`] of one device and returns [`Decision`]s, some of which carry a [`Notification`] to deliver. The host
//! makes state and decisions durable before it sends anything, then sleeps until [`State::next_deadline`]:
//!
//! ```
//! use std::collections::BTreeMap;
//! use dag_engine::{Device, Engine, Input, Outcome, Reading, Report, Ruleset, Sources, State, Time, Value};
//!
//! let rules = r#"
//!     [rule.power-outage]
//!     when = "power == off"
//!     open_after = "30s"
//!     escalation = "household"
//!     [escalation]
//!     household = [{ after = "0s", notify = ["nor"] }]
//!     [recipient.nor]
//!     email = "nor@example.com"
//! "#;
//! let sources = Sources {
//!     files: BTreeMap::from([("power.toml".into(), rules.into())]),
//!     timezone: "Europe/London".into(),
//!     ..Sources::default()
//! };
//! let engine = Engine::new(Ruleset::compile(&sources)?);
//! let device = Device {
//!     id: "cottage".into(),
//!     name: "Cottage".into(),
//!     labels: BTreeMap::new(),
//!     timezone: None,
//!     switches: BTreeMap::new(),
//!     account_emails: Vec::new(),
//! };
//! let mut state = State::new(device);
//!
//! let now: Time = "2026-01-10T18:00:00Z".parse()?;
//! let off = Reading { fact: "power".into(), value: Some(Value::Off), at: now };
//! let report = Report { source: "gpio".into(), boot: 1, first: 1, readings: vec![off], ..Report::default() };
//! engine.step(&mut state, Input::Report(report), now);
//!
//! // The host sleeps until the deadline and hands exactly that moment in.
//! let deadline = state.next_deadline().ok_or("no deadline")?;
//! let decisions = engine.step(&mut state, Input::Elapsed, deadline);
//! assert!(decisions.iter().any(|decision| matches!(decision.outcome, Outcome::Notify(_))));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A step has two layers: `episodes.rs` turns facts into incidents at the times when things happened; `messages/` turns
//! incidents into messages, decided at `now` and never back-dated.
//!
//! [`Engine::outlook`] says how pending rules and open incidents stand, and what the deadlines ahead will decide.
//!
//! The engine does not deliver, retry, render the text of a message, keep a log, or know the time.

mod address;
mod asked;
mod clock_set;
mod clock_shift;
mod condition;
mod decision;
mod describe;
mod device;
mod engine;
mod episodes;
mod fact;
mod hook_calls;
mod hook_check;
mod id;
mod input;
mod local_time;
mod message_ref;
mod messages;
mod moment;
mod notification;
mod outlook;
mod problem;
mod reading;
mod reload;
mod reports;
mod rules;
mod runs;
mod sample;
mod scenario;
mod script;
mod simulation;
mod skip;
mod state;
mod step;
mod system_trouble;
mod test_message;
mod time;
mod time_of_day;
mod toml_help;
mod wall_clock;
mod zone;

pub use address::{Address, Channel, SecretRef};
pub use clock_shift::ClockShift;
pub use decision::{Decision, Hold, Outcome, Refusal, Withdrawal, Withholding};
pub use describe::describe;
pub use device::{Device, SwitchLabels};
pub use engine::Engine;
pub use fact::{BUILT_IN, FactKind, Value};
pub use hook_check::HookReport;
pub use id::Id;
pub use input::{GivenAs, Input, Silence};
pub use local_time::LocalTime;
pub use message_ref::MessageRef;
pub use moment::{Moment, MomentError};
pub use notification::{
    About, Acknowledgement, Cause, EndedBy, FactSnapshot, IncidentSnapshot, Kind, Notification, Severity, TestSnapshot,
    TroubleSnapshot, Wording,
};
pub use outlook::{
    ClosingOutlook, DeliveryState, HeldChannel, HeldMessage, HoldOutlook, IncidentOutlook, MessageTarget, NextMessages,
    Outlook, PastIncident, PendingOutlook, StepFiring, ToldChannel,
};
pub use problem::{Problem, Problems, did_you_mean, nearest};
pub use reading::{Reading, Report};
pub use rules::{DeclaredWebhook, Reachable, Ruleset, Sources, StepReach};
pub use runs::Runs;
pub use sample::notifications;
pub use scenario::{OtherRules, Played, Rewritten, Scenario};
pub use simulation::{Host, Simulation};
pub use skip::is_default;
pub use state::{Incident, State};
pub use time::{LengthError, Millis, Time, TimeError};
pub use time_of_day::TimeOfDay;
pub use toml_help::toml_help;
pub use zone::{zone, zone_advice};

/// A name that users give: of a fact, a rule, a recipient, a device. Short ones are copied, not allocated.
pub type Name = smol_str::SmolStr;
