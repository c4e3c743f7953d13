//! Sentences about values that are refused.

use dag_engine::did_you_mean;
use figment::{error::Kind, value::Value};

/// The reason why a value is refused, and advice. The report adds its place.
#[derive(Debug)]
pub struct Diagnostic {
    pub(crate) message: String,
    pub(crate) help: Option<String>,
    /// Whether the value may be secret.
    pub(crate) hides: bool,
}

impl Diagnostic {
    /// A reason with advice.
    pub fn new(message: impl Into<String>, help: impl Into<String>) -> Self {
        Diagnostic { message: message.into(), help: Some(help.into()), hides: false }
    }

    /// The same reason without the value in the report, as it may be secret.
    pub(crate) fn hiding(self) -> Self {
        Diagnostic { hides: true, ..self }
    }

    /// A feature that a later version will have.
    pub(crate) fn not_yet(what: &str, help: impl Into<String>) -> Self {
        Diagnostic::new(format!("{what} is not part of this version yet"), help)
    }

    /// A value of another type than its key has, from the error of its deserializer.
    pub(crate) fn kind(key: &str, value: &Value, error: &figment::Error) -> Self {
        let expected = match &error.kind {
            Kind::InvalidType(_, expected) | Kind::InvalidValue(_, expected) => expected.as_str(),
            other => return Diagnostic::from(other.to_string()),
        };
        let expected = match expected {
            "i64" => "a whole number",
            "a string" => "text in quotes",
            "a sequence" => "a list",
            "a map" => "a table",
            other => other,
        };
        // The error's path leads on from the value: to an entry of a list or of a table.
        let (what, value) = match error.path.first() {
            None => (format!("`{key}`"), Some(value)),
            Some(inner) => {
                let at = inner.parse().ok().and_then(|at: usize| value.as_array()?.get(at));
                (format!("an entry of `{key}`"), at.or_else(|| value.as_dict()?.get(inner)))
            }
        };
        let found = value.map_or_else(|| "something else".to_owned(), describe);
        Diagnostic::from(format!("{what} must be {expected}, not {found}"))
    }
}

impl From<String> for Diagnostic {
    fn from(message: String) -> Self {
        Diagnostic { message, help: None, hides: false }
    }
}

/// Returns the words by which a sentence names a value.
pub(crate) fn describe(value: &Value) -> String {
    match value {
        Value::String(_, text) => format!("the text \"{}\"", text.escape_debug()),
        Value::Char(_, letter) => format!("the text \"{}\"", letter.escape_debug()),
        Value::Bool(_, yes) => yes.to_string(),
        Value::Num(_, number) => {
            let whole = number.to_i128().map(|whole| whole.to_string());
            whole.or_else(|| number.to_f64().map(|float| format!("{float:?}"))).unwrap_or_else(|| "a number".to_owned())
        }
        Value::Empty(..) => "nothing".to_owned(),
        // The TOML reader hands a date on as a table with a key of its own.
        Value::Dict(_, dict) if dict.keys().any(|key| key.starts_with("$__toml")) => "a date".to_owned(),
        Value::Dict(..) => "a table".to_owned(),
        Value::Array(..) => "a list".to_owned(),
    }
}

/// Returns the advice for a name that is not among `known`: the nearest, else all of them.
pub(crate) fn advice<'a>(name: &str, known: impl IntoIterator<Item = &'a str> + Clone) -> String {
    did_you_mean(name, known.clone()).unwrap_or_else(|| {
        let all: Vec<String> = known.into_iter().map(|known| format!("`{known}`")).collect();
        format!("expected one of {}", all.join(", "))
    })
}
