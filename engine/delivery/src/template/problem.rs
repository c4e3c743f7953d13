//! What is wrong with a template, for people.

use std::{error::Error, fmt};

use minijinja::ErrorKind;

use super::limits::FUEL;

/// Something wrong with one template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateProblem {
    /// The file's name in `rules/templates/`, or the built-in template's.
    pub file: String,
    /// The line, from 1, where one can be named.
    pub line: Option<usize>,
    /// What is wrong, and what to do.
    pub message: String,
}

impl fmt::Display for TemplateProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.file, self.message),
            None => write!(f, "{}: {}", self.file, self.message),
        }
    }
}

impl TemplateProblem {
    /// A problem of a whole file.
    pub(super) fn new(file: &str, message: impl Into<String>) -> Self {
        TemplateProblem { file: file.to_owned(), line: None, message: message.into() }
    }

    /// A problem that only messages of kind `system` have: most likely the template was written with incidents in mind.
    pub(super) fn of_system(mut self) -> Self {
        self.message.push_str(
            " (in a message of kind `system`: there `incident` and `rule` are null, and `trouble` has the keys of its \
             cause)",
        );
        self
    }

    /// What the template engine says, in a sentence of ours where there is one.
    pub(super) fn of(file: &str, error: &minijinja::Error) -> Self {
        // Of an included file it says no more than that; what is wrong, and where, stands behind that.
        let included = error.source().and_then(|inner| inner.downcast_ref());
        if let (ErrorKind::BadInclude, Some(inner)) = (error.kind(), included) {
            return TemplateProblem::of(file, inner);
        }
        let place = error.template_source().zip(error.range()).and_then(|(source, range)| source.get(range));
        let place = place.map_or("something here".to_owned(), |place| format!("`{}`", place.trim()));
        let detail = error.detail().unwrap_or_default();
        let message = match error.kind() {
            ErrorKind::UndefinedError => {
                format!("{place} has no value: the README of engine/delivery lists the variables")
            }
            ErrorKind::OutOfFuel => format!("this takes more than {FUEL} steps: does a loop run too long?"),
            ErrorKind::SyntaxError => format!("this is not a template: {detail}"),
            kind if detail.is_empty() => format!("{place}: {kind}"),
            _ => format!("{place}: {detail}"),
        };
        TemplateProblem { file: error.name().unwrap_or(file).to_owned(), line: error.line(), message }
    }
}
