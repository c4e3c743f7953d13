//! Pins on systems other than Linux: there are none.

use dag_config::Level;
use tokio::sync::watch;

use super::{
    error::PinError,
    line::{Edge, Line},
};
use crate::source::event::Clock;

/// A type without values.
pub(in crate::source) enum Pin {}

/// Always returns the error that there are no pins.
pub(in crate::source) fn open(_: u8, _: &Clock) -> Result<(Pin, watch::Receiver<Edge>), PinError> {
    Err(PinError::NoPi)
}

/// Always returns the error that there are no pins.
pub(crate) fn probe() -> Result<(), PinError> {
    Err(PinError::NoPi)
}

impl Line for Pin {
    fn level(&self) -> Level {
        match *self {}
    }

    fn why_ended(&mut self) -> String {
        match *self {}
    }
}
