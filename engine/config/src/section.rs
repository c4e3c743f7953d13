//! Reads tables key by key, so that one wrong value does not hide the next.

use std::{
    collections::BTreeMap,
    fmt::Display,
    ops::RangeInclusive,
    path::{Path, PathBuf},
    str::FromStr,
};

use dag_engine::{Millis, SecretRef};
use figment::value::{Dict, Value};
use serde::de::DeserializeOwned;

use crate::{
    diagnostic::{Diagnostic, advice, describe},
    layers::toml_value,
    problem::Place,
    report::Report,
};

/// A table that is taken apart as it is read. Keys that are left when it is [finished](Section::finish) are unknown.
///
/// A wrong value is reported, and then read as absent.
pub(crate) struct Section<'a> {
    report: &'a Report<'a>,
    path: Vec<String>,
    place: Place,
    /// The keys that were not read yet.
    values: Dict,
    /// The keys that were read, with their places.
    known: BTreeMap<String, Place>,
}

impl<'a> Section<'a> {
    /// The top of the file.
    pub fn top(report: &'a Report<'a>, values: Dict) -> Self {
        Section { report, path: Vec::new(), place: Place::File, values, known: BTreeMap::new() }
    }

    /// Returns the name of the table.
    pub fn name(&self) -> &str {
        self.path.last().map_or("", String::as_str)
    }

    /// Returns the keys that were not read yet.
    pub fn left(&self) -> Vec<String> {
        self.values.keys().cloned().collect()
    }

    /// Returns whether `key` is there and was not read yet.
    pub fn has(&self, key: &str) -> bool {
        self.values.contains_key(key)
    }

    /// Returns whether the table under `key` has a key `inner`.
    pub fn holds(&self, key: &str, inner: &str) -> bool {
        self.values.get(key).and_then(Value::as_dict).is_some_and(|dict| dict.contains_key(inner))
    }

    fn path_to(&self, key: &str) -> Vec<String> {
        self.path.iter().cloned().chain([key.to_owned()]).collect()
    }

    fn take(&mut self, key: &str) -> Option<Value> {
        let value = self.values.remove(key);
        let place = value.as_ref().and_then(|value| self.report.place(&self.path_to(key), value));
        self.known.insert(key.to_owned(), place.unwrap_or_else(|| self.place.clone()));
        value
    }

    /// Reports a problem of this table.
    pub fn reject(&self, wrong: impl Into<Diagnostic>) {
        self.report.push(&self.place, wrong.into());
    }

    /// Reports a problem of the value of `key`.
    pub fn reject_key(&self, key: &str, wrong: impl Into<Diagnostic>) {
        self.report.push(self.known.get(key).unwrap_or(&self.place), wrong.into());
    }

    /// Reports the problem of the value of `key`, if it has one.
    pub fn check<T>(&self, key: &str, result: Result<T, impl Into<Diagnostic>>) -> Option<T> {
        result.map_err(|wrong| self.reject_key(key, wrong)).ok()
    }

    /// Reports the problem of the entry `at` of the list under `key`, if it has one.
    pub fn check_entry<T>(&self, key: &str, at: usize, result: Result<T, impl Into<Diagnostic>>) -> Option<T> {
        result.map_err(|wrong| self.report.push(&self.place_in(key, &[at.to_string()]), wrong.into())).ok()
    }

    /// Returns the place of `inner` in the value of `key`.
    fn place_in(&self, key: &str, inner: &[String]) -> Place {
        let place = self.known.get(key).unwrap_or(&self.place);
        let path: Vec<String> = self.path_to(key).iter().chain(inner).cloned().collect();
        match self.report.span(&path) {
            Some(span) if matches!(place, Place::At(_)) => Place::At(span),
            _ => place.clone(),
        }
    }

    /// Reads the value of `key`.
    pub fn get<T: DeserializeOwned>(&mut self, key: &str) -> Option<T> {
        let value = self.take(key)?;
        let read = value.deserialize();
        match (read, &value, self.known.get(key)) {
            (Ok(read), ..) => self.apply_checks(key, &value).map(|()| read),
            // The environment and flags hold text only. A value of another type is read from it as TOML.
            (Err(error), Value::String(_, text), Some(Place::Outside(_))) => {
                let again = toml_value(text).and_then(|value| value.deserialize().ok());
                self.check(key, again.ok_or_else(|| Diagnostic::kind(key, &value, &error)))
            }
            (Err(error), ..) => {
                self.report.push(&self.place_in(key, &error.path), Diagnostic::kind(key, &value, &error));
                None
            }
        }
    }

    /// Applies the program's own checks to the text of `key`.
    fn apply_checks(&self, key: &str, value: &Value) -> Option<()> {
        let Some(text) = value.as_str() else { return Some(()) };
        let path = self.path_to(key).join(".");
        let mut checks = self.report.checks.iter().filter(|check| check.key == path);
        self.check(key, checks.try_for_each(|check| (check.judge)(text)))
    }

    /// Reports a missing `key`. `example` is a line that could be added.
    pub fn need(&mut self, key: &str, example: &str) -> &mut Self {
        if !self.values.contains_key(key) {
            let what = match self.path.as_slice() {
                [] => format!("`{key}` is missing"),
                path => format!("`{key}` is missing in `{}`", path.join(".")),
            };
            self.reject(Diagnostic::new(what, format!("add `{example}`")));
        }
        self
    }

    /// Reads the text of `key`: one line that is not empty, fit for the subject of a mail.
    pub fn line(&mut self, key: &str) -> Option<String> {
        let text: String = self.get(key)?;
        let good = is_line(&text);
        self.check(key, if good { Ok(text) } else { Err(format!("`{key}` must be one line of text, and not empty")) })
    }

    /// Parses the text of `key`.
    pub fn parse<T: FromStr<Err: Display>>(&mut self, key: &str) -> Option<T> {
        let text: String = self.get(key)?;
        self.check(key, text.parse().map_err(|error: T::Err| error.to_string()))
    }

    /// Reads a whole number within `range`.
    pub fn number<T: TryFrom<i64>>(&mut self, key: &str, range: RangeInclusive<i64>) -> Option<T> {
        let number: i64 = self.get(key)?;
        let (from, to) = (range.start(), range.end());
        let wrong = format!("`{key}` must be from {from} to {to}, not {number}");
        self.check(key, Some(number).filter(|n| range.contains(n)).and_then(|n| n.try_into().ok()).ok_or(wrong))
    }

    /// Reads a length of time within `range`.
    pub fn length(&mut self, key: &str, range: RangeInclusive<Millis>) -> Option<Millis> {
        let length = self.parse(key)?;
        let wrong = format!("`{key}` must be from `{}` to `{}`, not `{length}`", range.start(), range.end());
        self.check(key, if range.contains(&length) { Ok(length) } else { Err(wrong) })
    }

    /// Reads a word of a closed list. `later` are words of later versions.
    pub fn word<T: Copy>(&mut self, key: &str, words: &[(&str, T)], later: &[&str]) -> Option<T> {
        let text: String = self.get(key)?;
        let now: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        if later.contains(&text.as_str()) {
            let list: Vec<String> = now.iter().map(|word| format!("`{word}`")).collect();
            self.reject_key(
                key,
                Diagnostic::not_yet(&format!("`{key} = \"{text}\"`"), format!("use {}", list.join(" or "))),
            );
            return None;
        }
        let found = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
        self.check(key, found.ok_or_else(|| Diagnostic::new(format!("`{key}` cannot be `{text}`"), advice(&text, now))))
    }

    /// Reads a path, which counts from the folder of the file.
    pub fn file(&mut self, key: &str) -> Option<PathBuf> {
        let text: String = self.get(key)?;
        let path = if text.is_empty() { Err(format!("`{key}` is empty")) } else { Ok(self.report.root.join(text)) };
        self.check(key, path)
    }

    /// Reads a user to log in as and the name of the password. Each needs the other.
    pub fn login(&mut self) -> (Option<String>, Option<SecretRef>) {
        let (named, protected) = (self.has("username"), self.has("password"));
        let username = self.line("username");
        let password = self.parse("password");
        if protected && !named {
            self.reject_key("password", Diagnostic::new("a password without a user", "add `username = \"…\"`"));
        }
        if named && !protected {
            self.reject_key("username", Diagnostic::new("a user without a password", "add `password = \"env:NAME\"`"));
        }
        let password = password.map(|secret| match secret {
            SecretRef::File(path) => SecretRef::File(self.root().join(path).to_string_lossy().into_owned()),
            named => named,
        });
        (username, password)
    }

    /// Returns the folder of the file.
    pub fn root(&self) -> &'a Path {
        self.report.root
    }

    /// Reads the table under `key`.
    pub fn table(&mut self, key: &str) -> Option<Section<'a>> {
        let value = self.take(key)?;
        let place = self.known.get(key).unwrap_or(&self.place).clone();
        let inner = match (&value, &place) {
            (Value::String(_, text), Place::Outside(_)) => toml_value(text).and_then(Value::into_dict),
            _ => None,
        };
        let (found, whole) = (describe(&value), self.path_to(key).join("."));
        let values = inner.or_else(|| value.into_dict()).ok_or_else(|| {
            let help = format!("write a section `[{whole}]`, or a table `{{ key = value }}`");
            Diagnostic::new(format!("`{whole}` must be a table, not {found}"), help)
        });
        let (report, path) = (self.report, self.path_to(key));
        self.check(key, values).map(|values| Section { report, path, place, values, known: BTreeMap::new() })
    }

    /// Reads the table under `key`, or an empty one if it is absent.
    pub fn table_or_empty(&mut self, key: &str) -> Section<'a> {
        let (report, path, place) = (self.report, self.path_to(key), self.place.clone());
        let empty = Section { report, path, place, values: Dict::new(), known: BTreeMap::new() };
        self.table(key).unwrap_or(empty)
    }

    /// Refuses a section of a later version.
    pub fn refuse_later(&mut self, key: &str) {
        if self.take(key).is_some() {
            let wrong = Diagnostic::not_yet(&format!("`[{}]`", self.path_to(key).join(".")), "remove this section");
            self.reject_key(key, wrong);
        }
        // Nor is it advised to anyone.
        self.known.remove(key);
    }

    /// Reports the keys that nobody read.
    pub fn finish(mut self) {
        let known: Vec<String> = self.known.keys().cloned().collect();
        for key in self.left() {
            self.take(&key);
            let path = self.path_to(&key);
            let mut help = advice(&key, known.iter().map(String::as_str));
            let place = match self.known.remove(&key) {
                Some(Place::At(span)) => Place::At(self.report.spans(&path).map_or(span, |(key, ..)| key)),
                Some(Place::Outside(origin)) if origin.contains("environment") => {
                    help += " (a variable `DAG_…` sets a key of this file, with `__` between section and key)";
                    Place::Outside(origin)
                }
                place => place.unwrap_or(Place::File),
            };
            self.report.push(&place, Diagnostic::new(format!("`{}` is not a key of this file", path.join(".")), help));
        }
    }
}

/// Returns whether a text is one line that is not empty, fit for the subject of a mail.
pub(crate) fn is_line(text: &str) -> bool {
    !text.trim().is_empty() && !text.contains(char::is_control)
}
