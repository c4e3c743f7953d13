//! Pins that `config.toml` names where this machine has none. The file may be for another machine, so that this is a
//! note.

use dag_config::{Config, Source};

use crate::source::PinError;

/// Returns a note for each fact that is read from a pin, where `probed` says that no pin can be read here.
pub(super) fn notes(config: &Config, probed: Result<(), PinError>) -> Vec<String> {
    let Err(error) = probed else { return Vec::new() };
    let inputs = config.devices.iter().flat_map(|(id, device)| device.inputs.iter().map(move |input| (id, input)));
    let on_pins = inputs.filter(|(_, (_, source))| matches!(source, Source::Gpio { .. }));
    let note = |(id, (fact, _))| {
        format!("note: `dag run` would not start here, since `{fact}` of the device `{id}` is read from a pin: {error}")
    };
    on_pins.map(note).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn a_pin_on_a_machine_without_pins_is_noted() {
        let shipped = include_str!("../../../config.toml");
        let on_a_pin = shipped.replace("power = { source = \"simulated\" }", "power = { source = \"gpio\", pin = 4 }");
        let config = |text: &str| Config::parse(text, Path::new("/home/dag/config.toml"), [], &[]).unwrap();
        assert_eq!(
            notes(&config(&on_a_pin), Err(PinError::NoPi)),
            ["note: `dag run` would not start here, since `power` of the device `cottage` is read from a pin: no \
                 GPIO here: this is not a Raspberry Pi, or one that is too new; use source = \"simulated\" or \"nut\", \
                 or run dag on the Pi"]
        );
        assert_eq!(notes(&config(&on_a_pin), Ok(())), [""; 0]);
        assert_eq!(notes(&config(shipped), Err(PinError::NoPi)), [""; 0]);
    }
}
