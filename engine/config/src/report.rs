//! The input of a reading, and the problems that it has so far.

use std::{cell::RefCell, ops::Range, path::Path};

use figment::{Figment, Source, value::Value};
use toml::de::{DeTable, DeValue};

use crate::{
    check::Check,
    diagnostic::Diagnostic,
    problem::{Place, Problem},
};

/// A range of bytes in the file's text.
type Span = Range<usize>;

/// The merged layers, the file below them, and the problems found.
pub(crate) struct Report<'a> {
    /// The file's own table, for its spans.
    pub table: &'a DeTable<'a>,
    pub figment: &'a Figment,
    /// The folder from which relative paths count.
    pub root: &'a Path,
    /// The program's own checks.
    pub checks: &'a [Check],
    /// Nested sections report here at the same time.
    pub problems: RefCell<Vec<Problem>>,
}

impl Report<'_> {
    pub fn push(&self, place: &Place, diagnostic: Diagnostic) {
        let Diagnostic { message, help, hides } = diagnostic;
        let problem = Problem { message, place: place.clone(), help, hides };
        self.problems.borrow_mut().push(problem);
    }

    /// Returns the place of `value`, or `None` if it is that of its table.
    pub fn place(&self, path: &[String], value: &Value) -> Option<Place> {
        let metadata = self.figment.get_metadata(value.tag())?;
        match metadata.source {
            Some(Source::File(_)) => self.span(path).map(Place::At),
            _ => Some(Place::Outside(metadata.name.to_string())),
        }
    }

    /// Returns the spans of a key and of its value in the file, and whether the value is a table.
    pub fn spans(&self, path: &[String]) -> Option<(Span, Span, bool)> {
        let (first, rest) = path.split_first()?;
        let (mut key, mut value) = self.table.get_key_value(first.as_str())?;
        for step in rest {
            (key, value) = match value.get_ref() {
                DeValue::Table(table) => table.get_key_value(step.as_str())?,
                DeValue::Array(array) => (key, array.get(step.parse::<usize>().ok()?)?),
                _ => return None,
            };
        }
        Some((key.span(), value.span(), value.get_ref().is_table()))
    }

    /// Returns the span of a value, or that of its key for a table.
    pub fn span(&self, path: &[String]) -> Option<Span> {
        self.spans(path).map(|(key, value, table)| if table { key } else { value })
    }
}
