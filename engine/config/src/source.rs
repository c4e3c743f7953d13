//! The sources of a device's facts.

use dag_engine::Millis;

use crate::{host::is_host_and_port, section::Section};

/// The source of one fact, as `[device.NAME]` gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// No source. The fact is never known.
    None,
    /// A value that `dag unplug` and `dag plug` set.
    Simulated,
    /// An input pin of a Raspberry Pi.
    Gpio {
        /// The pin, by its BCM number, 0 to 27.
        pin: u8,
        /// The level at which the fact is `on`.
        on_when: Level,
        /// Shorter changes are glitches of the line and no readings. At most 10 s.
        glitch: Millis,
    },
    /// A UPS behind a server of Network UPS Tools.
    Nut {
        /// The server, as `host:port`.
        address: String,
        /// The UPS's name there.
        ups: String,
        /// The interval at which it is polled, from 100 ms to 1 h.
        poll: Millis,
    },
}

/// The level of an input pin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Level {
    /// About the supply voltage.
    #[default]
    High,
    /// About ground.
    Low,
}

/// The kind of fact that a source is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sense {
    /// The state of the mains.
    Mains,
    /// The battery's charge.
    Battery,
    /// A digital input of the user's own.
    Input,
}

/// The words for `source`.
#[derive(Clone, Copy)]
enum Means {
    None,
    Simulated,
    Gpio,
    Nut,
}

const GLITCH: Millis = Millis::new(50);
const LONGEST_GLITCH: Millis = Millis::new(10_000);
const POLL: Millis = Millis::new(2_000);
const SHORTEST_POLL: Millis = Millis::new(100);
const LONGEST_POLL: Millis = Millis::new(3_600_000);

impl Sense {
    const fn words(self) -> (&'static [(&'static str, Means)], &'static [&'static str]) {
        use Means::{Gpio, None, Nut, Simulated};
        match self {
            Sense::Mains => (&[("none", None), ("simulated", Simulated), ("gpio", Gpio), ("nut", Nut)], &[]),
            // A pin and `dag unplug` know on and off only.
            Sense::Battery => (&[("none", None), ("nut", Nut)], &["max17040", "cw2015"]),
            // Of a UPS only power and battery are read.
            Sense::Input => (&[("none", None), ("simulated", Simulated), ("gpio", Gpio)], &[]),
        }
    }
}

impl Source {
    pub(crate) fn read(mut section: Section<'_>, sense: Sense) -> Option<Source> {
        let (words, later) = sense.words();
        // What the other keys may be depends on this one: without it they are not judged.
        let source = match section.need("source", "source = \"none\"").word("source", words, later)? {
            Means::None => Some(Source::None),
            Means::Simulated => Some(Source::Simulated),
            Means::Gpio => gpio(&mut section),
            Means::Nut => Some(nut(&mut section)),
        };
        section.finish();
        source
    }
}

fn gpio(section: &mut Section<'_>) -> Option<Source> {
    let pin = section.need("pin", "pin = 4").number("pin", 0..=27);
    let on_when = section.word("on_when", &[("high", Level::High), ("low", Level::Low)], &[]);
    let glitch = section.length("glitch", Millis::ZERO..=LONGEST_GLITCH);
    Some(Source::Gpio { pin: pin?, on_when: on_when.unwrap_or_default(), glitch: glitch.unwrap_or(GLITCH) })
}

fn nut(section: &mut Section<'_>) -> Source {
    let address = section.get("address").and_then(|text: String| {
        let wrong = format!("`{text}` is not a server and its port: write them like `127.0.0.1:3493`");
        section.check("address", if is_host_and_port(&text) { Ok(text) } else { Err(wrong) })
    });
    let ups = section.get("ups").and_then(|name: String| {
        let wrong = format!("`{name}` cannot be the name of a UPS: it is one word, the one in the server's `ups.conf`");
        // It goes into a line of the protocol.
        let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        section.check("ups", if !name.is_empty() && name.chars().all(word) { Ok(name) } else { Err(wrong) })
    });
    let poll = section.length("poll", SHORTEST_POLL..=LONGEST_POLL);
    Source::Nut {
        address: address.unwrap_or_else(|| "127.0.0.1:3493".to_owned()),
        ups: ups.unwrap_or_else(|| "ups".to_owned()),
        poll: poll.unwrap_or(POLL),
    }
}
