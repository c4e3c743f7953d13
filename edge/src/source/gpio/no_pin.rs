//! Where there is no Linux there are no pins.

use dag_config::Level;
use tokio::sync::watch;

use super::{
    error::PinError,
    line::{Edge, Line},
};
use crate::source::event::Clock;

/// No value of it exists.
pub(in crate::source) enum Pin {}

/// Always the error that says so.
pub(in crate::source) fn open(_: u8, _: &Clock) -> Result<(Pin, watch::Receiver<Edge>), PinError> {
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
