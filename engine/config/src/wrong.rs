//! Sentences about values that cannot be.

use figment::{error::Kind, value::Value};

/// What is wrong with a value, and what helps.
#[derive(Debug)]
pub(crate) struct Wrong {
    pub message: String,
    pub help: Option<String>,
}

impl Wrong {
    pub fn new(message: impl Into<String>, help: impl Into<String>) -> Self {
        Wrong { message: message.into(), help: Some(help.into()) }
    }

    /// Something that the design promises and this version does not build.
    pub fn later(what: &str, help: impl Into<String>) -> Self {
        Wrong::new(format!("{what} is not part of this version yet"), help)
    }

    /// A value of the wrong kind, from the error of its deserializer.
    pub fn kind(key: &str, value: &Value, error: &figment::Error) -> Self {
        let expected = match &error.kind {
            Kind::InvalidType(_, expected) | Kind::InvalidValue(_, expected) => expected.as_str(),
            other => return Wrong::from(other.to_string()),
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
        Wrong::from(format!("{what} must be {expected}, not {found}"))
    }
}

impl From<String> for Wrong {
    fn from(message: String) -> Self {
        Wrong { message, help: None }
    }
}

/// A value, as a sentence names it.
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

/// The one of `known` that `name` is a misspelling of, if there is one.
pub(crate) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let close = |other: &&str| strsim::damerau_levenshtein(name, other) <= 1 + name.chars().count() / 4;
    known.into_iter().filter(close).min_by_key(|other| strsim::damerau_levenshtein(name, other))
}

/// The advice for a name that is not among `known`: the nearest, else all of them.
pub(crate) fn advice<'a>(name: &str, known: impl IntoIterator<Item = &'a str> + Clone) -> String {
    match nearest(name, known.clone()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => {
            let all: Vec<String> = known.into_iter().map(|known| format!("`{known}`")).collect();
            format!("expected one of {}", all.join(", "))
        }
    }
}
