//! Problems of templates, for people.

use std::{error::Error, fmt};

use minijinja::ErrorKind;

use super::limits::FUEL;

/// A problem of one template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateProblem {
    /// The name of the file in `rules/templates/`, or of the built-in template.
    pub file: String,
    /// The line, from 1, if it is known.
    pub line: Option<usize>,
    /// The problem, and what to do.
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

    /// Adds that only messages of kind `system` have the problem. Most likely the template was written for incidents.
    pub(super) fn of_system(mut self) -> Self {
        self.message.push_str(
            " (in a message of kind `system`: there `incident` and `rule` are null, and `trouble` has the keys of its \
             cause)",
        );
        self
    }

    /// Returns the error of the template engine as a problem.
    pub(super) fn of(file: &str, error: &minijinja::Error) -> Self {
        // For an included file the reason and the place are in the source of the error.
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
