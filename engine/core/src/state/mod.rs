//! The state: all that the engine remembers of one device between two steps.

mod channel_record;
mod device_state;
mod facts;
mod firing;
mod history;
mod incident;
mod rule_state;
mod silence;
mod sources;
mod system_trouble;

pub(crate) use channel_record::{ChannelRecord, Contact};
pub use device_state::State;
pub(crate) use facts::Facts;
pub(crate) use firing::{FiredStep, FiringKey, StepKey};
pub use incident::Incident;
pub(crate) use incident::Snooze;
pub(crate) use rule_state::{Phase, RuleState};
pub(crate) use silence::SilenceRecord;
pub(crate) use sources::{Cursor, WaitingReport};
pub(crate) use system_trouble::SystemTrouble;
