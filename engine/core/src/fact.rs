//! Facts: the named values of a device that conditions read.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The kind of a fact: which values it may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FactKind {
    /// `on` or `off`: the mains, and every digital input that a user names.
    Switch,
    /// `connected` or `disconnected`: known only to the cloud.
    Link,
    /// An integer; the unit is part of the fact's meaning (`battery` in percent, `battery_mv` in millivolts).
    Number,
}

impl FactKind {
    /// Returns the values, in words.
    pub const fn describe(self) -> &'static str {
        match self {
            FactKind::Switch => "`on` or `off`",
            FactKind::Link => "`connected` or `disconnected`",
            FactKind::Number => "a number",
        }
    }

    /// Returns whether a fact of this kind may take `value`.
    pub fn holds(self, value: Value) -> bool {
        value.kind() == self
    }
}

/// The facts that every device has, known or not.
pub const BUILT_IN: [(&str, FactKind); 4] = [
    ("power", FactKind::Switch),
    ("battery", FactKind::Number),
    ("battery_mv", FactKind::Number),
    ("connection", FactKind::Link),
];

/// A fact's value. An unknown one is `None` wherever a value is optional.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    /// A switch that is on: mains present.
    On,
    /// A switch that is off: mains gone.
    Off,
    /// The device has a connection to the broker.
    Connected,
    /// The device has no connection to the broker.
    Disconnected,
    /// Percent, millivolts or a user's own unit.
    Number(i64),
}

impl Value {
    /// The names by which conditions, scenarios and traces call the values that have one.
    pub const NAMED: [(&'static str, Value); 4] = [
        ("on", Value::On),
        ("off", Value::Off),
        ("connected", Value::Connected),
        ("disconnected", Value::Disconnected),
    ];

    /// The name, for the values that have one; a number's is empty.
    pub(crate) fn name(self) -> &'static str {
        Value::NAMED.iter().find(|(_, value)| *value == self).map_or("", |(name, _)| name)
    }

    /// Returns the kind of the facts that take this value.
    pub(crate) const fn kind(self) -> FactKind {
        match self {
            Value::On | Value::Off => FactKind::Switch,
            Value::Connected | Value::Disconnected => FactKind::Link,
            Value::Number(_) => FactKind::Number,
        }
    }

    /// Returns the other value of a kind that has two; of a number the same.
    pub(crate) const fn opposite(self) -> Value {
        match self {
            Value::On => Value::Off,
            Value::Off => Value::On,
            Value::Connected => Value::Disconnected,
            Value::Disconnected => Value::Connected,
            number @ Value::Number(_) => number,
        }
    }

    /// Reads `on`, `off`, `connected`, `disconnected` or an integer; anything else is `None`.
    pub fn parse(text: &str) -> Option<Value> {
        let named = Value::NAMED.iter().find(|(name, _)| *name == text).map(|(_, value)| *value);
        named.or_else(|| text.parse().ok().map(Value::Number))
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Number(number) => number.fmt(f),
            named => f.write_str(named.name()),
        }
    }
}

/// A named value is a JSON string, a number a JSON number.
impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Value::Number(number) => serializer.serialize_i64(*number),
            named => serializer.serialize_str(named.name()),
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Value;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`on`, `off`, `connected`, `disconnected` or an integer")
            }
            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Value, E> {
                Ok(Value::Number(number))
            }
            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Value, E> {
                i64::try_from(number).map(Value::Number).map_err(E::custom)
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Value, E> {
                let named = Value::NAMED.iter().find(|(name, _)| *name == text);
                named.map(|(_, value)| *value).ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}
