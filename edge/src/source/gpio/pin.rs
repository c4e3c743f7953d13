//! The pins of a Raspberry Pi, by `rppal`.

use dag_config::Level;
use rppal::gpio::{Error, Gpio, InputPin, Trigger};
use tokio::{sync::watch, time::Instant};

use super::{
    error::PinError,
    line::{Edge, Line},
};
use crate::source::event::Clock;

/// An input pin whose edges are reported.
pub(in crate::source) struct Pin(InputPin);

/// Opens a pin as an input, and reports its edges through a channel, which always holds the latest.
///
/// A thread of `rppal` waits for the interrupts. It must never wait for the daemon, so that it notices every edge in
/// time: an edge may overwrite an older one in the channel, and a look at the level follows in any case.
pub(in crate::source) fn open(pin: u8, clock: &Clock) -> Result<(Pin, watch::Receiver<Edge>), PinError> {
    let reason = |error| explain(pin, &error);
    let mut input = Gpio::new().and_then(|gpio| gpio.get(pin)).map_err(reason)?.into_input();
    let (edges, latest) = watch::channel(None);
    let clock = clock.clone();
    let tell = move |_| {
        edges.send_replace(Some((clock(), Instant::now())));
    };
    input.set_async_interrupt(Trigger::Both, None, tell).map_err(reason)?;
    Ok((Pin(input), latest))
}

impl Line for Pin {
    fn level(&self) -> Level {
        if self.0.is_high() { Level::High } else { Level::Low }
    }

    fn why_ended(&mut self) -> String {
        let ended = self.0.clear_async_interrupt();
        ended.map_or_else(|error| error.to_string(), |()| "its thread ended".to_owned())
    }
}

/// Looks whether there are pins that may be read. No pin is changed.
///
/// # Errors
/// The machine has none that `rppal` knows, or the system denies access to them.
pub(crate) fn probe() -> Result<(), PinError> {
    Gpio::new().map(drop).map_err(|error| explain(0, &error))
}

fn explain(pin: u8, error: &Error) -> PinError {
    match error {
        Error::UnknownModel => PinError::NoPi,
        Error::Io(io) if io.kind() == std::io::ErrorKind::NotFound => PinError::NoPi,
        Error::PermissionDenied(path) => PinError::Denied { path: path.clone() },
        Error::PinNotAvailable(_) => PinError::NoSuchPin { pin },
        other => PinError::Unusable { pin, reason: other.to_string() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_rppal_tell_the_user_what_to_do() {
        for (error, text) in [
            (
                Error::UnknownModel,
                "no GPIO here: this is not a Raspberry Pi, or one that is too new; use source = \"simulated\" or \
                 \"nut\", or run dag on the Pi",
            ),
            (
                Error::Io(std::io::ErrorKind::NotFound.into()),
                "no GPIO here: this is not a Raspberry Pi, or one that is too new; use source = \"simulated\" or \
                 \"nut\", or run dag on the Pi",
            ),
            (
                Error::PermissionDenied("/dev/gpiomem".to_owned()),
                "no GPIO here: /dev/gpiomem may not be opened; if this is a Raspberry Pi, add the user that runs dag \
                 to the group gpio (`sudo usermod -aG gpio USER`) and log in again",
            ),
            (Error::PinNotAvailable(99), "there is no pin 99: `pin` is the BCM number, 0 to 27 on the header"),
            (
                Error::PinUsed(99),
                "pin 99 cannot be watched (Pin 99 is already in use): see which program holds it with `gpioinfo`",
            ),
        ] {
            assert_eq!(explain(99, &error).to_string(), text);
        }
    }
}
