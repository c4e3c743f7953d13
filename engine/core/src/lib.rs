//! Being written: the engine.
mod decision;
mod fact;
mod id;
mod input;
mod notification;
mod time;

pub use decision::{Decision, Hold, Outcome, Refusal, Withdrawal, Withholding};
pub use fact::{BUILT_IN, FactKind, Reading, Report, Value};
pub use id::Id;
pub use input::Input;
pub use notification::{
    Acknowledgement, Address, Channel, Device, EndedBy, FactSeen, IncidentSeen, Kind, Notification, SecretRef,
    Severity, Wording,
};
pub use time::{LengthError, Millis, Time};

/// A name that users give: of a fact, a rule, a recipient, a device. Short ones are copied, not allocated.
pub type Name = smol_str::SmolStr;
