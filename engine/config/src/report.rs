//! The input of one reading, and what turned out to be wrong with it.

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

/// The merged layers, the file that they stand on, and what turned out to be wrong.
pub(crate) struct Report<'a> {
    /// The file's own table, for its spans.
    pub table: &'a DeTable<'a>,
    pub figment: &'a Figment,
    /// Where relative paths count from.
    pub root: &'a Path,
    /// The program's own checks.
    pub checks: &'a [Check],
    /// Sections are read in one another while all of them report here.
    pub problems: RefCell<Vec<Problem>>,
}

impl Report<'_> {
    pub fn push(&self, place: &Place, diagnostic: Diagnostic) {
        let problem = Problem { message: diagnostic.message, place: place.clone(), help: diagnostic.help };
        self.problems.borrow_mut().push(problem);
    }

    /// Where `value` comes from; `None` if that is where its table comes from.
    pub fn place(&self, path: &[String], value: &Value) -> Option<Place> {
        let metadata = self.figment.get_metadata(value.tag())?;
        match metadata.source {
            Some(Source::File(_)) => self.span(path).map(Place::At),
            _ => Some(Place::Outside(metadata.name.to_string())),
        }
    }

    /// The spans in the file of a value and of its name.
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

    /// The span of a value; a table's is that of its name.
    pub fn span(&self, path: &[String]) -> Option<Span> {
        self.spans(path).map(|(key, value, table)| if table { key } else { value })
    }
}
