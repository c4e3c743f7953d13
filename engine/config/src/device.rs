//! `[device.NAME]`: one monitor.

use std::collections::BTreeMap;

use dag_engine::{BUILT_IN, Name, SwitchLabels, Value};

use crate::{
    Source,
    diagnostic::Diagnostic,
    section::{Section, is_line},
    source::Sense,
    switch_labels,
    zone::zone,
};

/// The section `[device.NAME]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceConfig {
    /// The name that people read. It defaults to the id.
    pub name: String,
    /// Free pairs of key and value that scripts and silences match on.
    pub labels: BTreeMap<String, String>,
    /// The user name of the account that owns the device.
    pub account: Option<Name>,
    /// The IANA name of its time zone. Without one it has the site's.
    pub timezone: Option<Name>,
    /// The source of each of its facts: `power`, `battery`, and digital inputs with names of the user's own.
    pub inputs: BTreeMap<Name, Source>,
    /// The words that people read for `on` and `off` of these inputs, where the file gives any.
    pub switch_labels: BTreeMap<Name, SwitchLabels>,
    /// The change of the battery that is reported, in percent, 1 to 100.
    pub report_step: u8,
}

const REPORT_STEP: u8 = 5;

impl DeviceConfig {
    /// Reads the device that `section` is named after.
    pub(crate) fn read(mut section: Section<'_>) -> Option<DeviceConfig> {
        let id = section.name().to_owned();
        if !is_device_id(&id) {
            let help = "use letters a–z, digits, `-` and `_`, at most 64: it stands in topics and paths; `name` may be anything";
            section.reject(Diagnostic::new(format!("`{id}` cannot be the id of a device"), help));
        }
        let name = section.line("name").unwrap_or_else(|| id.clone());
        let labels = section.get("labels").unwrap_or_default();
        let account: Option<String> = section.get("account");
        let timezone = section.get("timezone").and_then(|name: String| section.check("timezone", zone(&name)));

        let mut inputs = BTreeMap::new();
        let mut switch_labels = BTreeMap::new();
        section.need("power", "power = { source = \"simulated\" }");
        let power = section.table("power").and_then(|mut table| {
            switch_labels.extend(switch_labels::read(&mut table).map(|labels| (Name::new_static("power"), labels)));
            Source::read(table, Sense::Mains)
        });
        inputs.extend(power.map(|power| (Name::new_static("power"), power)));
        let mut battery = section.table_or_empty("battery");
        let report_step = battery.number("report_step", 1..=100).unwrap_or(REPORT_STEP);
        // A device whose file says nothing of a battery has none.
        let battery =
            if battery.left().is_empty() { Some(Source::None) } else { Source::read(battery, Sense::Battery) };
        inputs.extend(battery.map(|battery| (Name::new_static("battery"), battery)));
        for fact in section.left() {
            if !section.holds(&fact, "source") {
                continue;
            }
            let Some(mut table) = section.table(&fact) else { continue };
            if let Err(wrong) = input_name(&fact) {
                table.reject(wrong);
            }
            switch_labels.extend(switch_labels::read(&mut table).map(|labels| (Name::new(&fact), labels)));
            inputs.extend(Source::read(table, Sense::Input).map(|source| (Name::new(&fact), source)));
        }
        for (fact, other, pin) in pins_used_twice(&inputs) {
            section.reject_key(fact, format!("pin {pin} is read by `{other}` already"));
        }
        section.finish();
        let account = account.map(Name::new);
        Some(DeviceConfig { name, labels, account, timezone, inputs, switch_labels, report_step })
    }
}

/// Returns whether `id` can be the id of a device: it stands in MQTT topics, paths and the names of things at AWS.
pub fn is_device_id(id: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (1..=64).contains(&id.len()) && id.bytes().all(plain)
}

/// Returns whether `name` can be the name that people read: one line that is not empty, fit for the subject of a mail.
pub fn is_device_name(name: &str) -> bool {
    is_line(name)
}

/// Checks that `name` can be the name of a fact in rules.
fn input_name(name: &str) -> Result<(), Diagnostic> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if !name.bytes().all(plain) || !name.starts_with(|first: char| first.is_ascii_lowercase()) {
        let help = "use small letters, digits and `_`, a letter first, like `freezer_door`";
        return Err(Diagnostic::new(format!("`{name}` cannot be the name of an input"), help));
    }
    let taken = Value::NAMED.iter().map(|(name, _)| *name).chain(BUILT_IN.iter().map(|(name, _)| *name));
    match taken.into_iter().find(|taken| *taken == name) {
        Some(_) => {
            Err(Diagnostic::new(format!("`{name}` has a meaning of its own in rules"), "give the input another name"))
        }
        None => Ok(()),
    }
}

/// Returns the inputs whose pin an earlier input reads, each with that input and the pin.
fn pins_used_twice(inputs: &BTreeMap<Name, Source>) -> Vec<(&str, &str, u8)> {
    let mut first = BTreeMap::new();
    let pins = inputs.iter().filter_map(|(fact, source)| match source {
        Source::Gpio { pin, .. } => Some((fact.as_str(), *pin)),
        _ => None,
    });
    pins.filter_map(|(fact, pin)| {
        let other = *first.entry(pin).or_insert(fact);
        (other != fact).then_some((fact, other, pin))
    })
    .collect()
}
