//! Errors of pins.

/// An error that keeps a pin from being watched.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PinError {
    /// The machine has no pins that `rppal` knows.
    #[error(
        "no GPIO here: this is not a Raspberry Pi, or one that is too new; use source = \"simulated\" or \"nut\", or \
         run dag on the Pi"
    )]
    NoPi,
    /// The system denies access to the pins.
    #[error(
        "no GPIO here: {path} may not be opened; if this is a Raspberry Pi, add the user that runs dag to the group \
         gpio (`sudo usermod -aG gpio USER`) and log in again"
    )]
    Denied {
        /// The file that may not be opened.
        path: String,
    },
    /// The Pi has no pin of that number.
    #[error("there is no pin {pin}: `pin` is the BCM number, 0 to 27 on the header")]
    NoSuchPin {
        /// The number given.
        pin: u8,
    },
    /// The pin exists, but cannot be used.
    #[error("pin {pin} cannot be watched ({reason}): see which program holds it with `gpioinfo`")]
    Unusable {
        /// The pin.
        pin: u8,
        /// The system's error.
        reason: String,
    },
}
