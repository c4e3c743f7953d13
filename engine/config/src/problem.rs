//! What is wrong with a configuration, as people read it.

use std::{fmt, ops::Range};

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

/// Everything that is wrong with a configuration, in the order of the file, then of the environment and the flags.
///
/// Displayed as a compiler shows errors: the sentence, the line with a caret under the place, and what helps.
#[derive(Debug)]
pub struct ConfigErrors {
    path: String,
    text: String,
    problems: Vec<Problem>,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What, in one sentence.
    pub message: String,
    /// Where.
    pub place: Place,
    /// What to do about it, where the message does not say so.
    pub help: Option<String>,
}

/// Where something is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// The file as a whole: something is missing in it, or it cannot be read.
    File,
    /// A place in the file's text, in bytes.
    At(Range<usize>),
    /// Outside the file: the words that name a variable of the environment, or a flag.
    Outside(String),
}

/// More than anybody reads at once; a file that is no configuration at all could have a hundred thousand.
const MOST: usize = 100;

impl ConfigErrors {
    /// Puts `problems`, of which there is one at least, in order.
    pub(crate) fn new(path: String, text: String, mut problems: Vec<Problem>) -> Self {
        problems.sort_by_key(|problem| match &problem.place {
            Place::File => (0, 0),
            Place::At(span) => (1, span.start),
            Place::Outside(_) => (2, 0),
        });
        // The parser says some things once for every level that it gives up.
        problems.dedup();
        let more = problems.len().saturating_sub(MOST);
        if more > 0 {
            problems.truncate(MOST);
            problems.push(Problem {
                message: format!("there are {more} more problems"),
                place: Place::File,
                help: None,
            });
        }
        ConfigErrors { path, text, problems }
    }

    /// A problem of the file as a whole.
    pub(crate) fn file(path: String, message: String, help: Option<String>) -> Self {
        let problem = Problem { message, place: Place::File, help };
        ConfigErrors { path, text: String::new(), problems: vec![problem] }
    }

    /// The problems, at least one.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// The path of the configuration's file, as it was given.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The line and the column, in characters, of a problem that has a place in the file; both from 1.
    pub fn position(&self, problem: &Problem) -> Option<(usize, usize)> {
        let Place::At(span) = &problem.place else { return None };
        let before = self.text.get(..span.start).unwrap_or(&self.text);
        let last = before.rsplit('\n').next().unwrap_or_default();
        Some((before.matches('\n').count() + 1, last.chars().count() + 1))
    }

    fn render(&self, problem: &Problem) -> String {
        let group = Group::with_title(Level::ERROR.primary_title(&problem.message));
        let group = match &problem.place {
            Place::File => group.element(Origin::path(&self.path)),
            Place::Outside(origin) => group.element(Level::NOTE.message(format!("from {origin}"))),
            Place::At(span) => {
                // Only the line itself is handed on: a long file with many problems is shown as quickly as a short one.
                let start = self.text.get(..span.start).and_then(|before| before.rfind('\n')).map_or(0, |at| at + 1);
                let shown = self.text.get(start..).unwrap_or_default().lines().next().unwrap_or_default();
                let within = |at: usize| at.saturating_sub(start).min(shown.len());
                let caret = AnnotationKind::Primary.span(within(span.start)..within(span.end));
                let line = self.position(problem).map_or(1, |(line, _)| line);
                group.element(Snippet::source(shown).path(&self.path).line_start(line).annotation(caret))
            }
        };
        let help = problem.help.as_deref().map(|help| Level::HELP.message(help));
        Renderer::plain().render(&[group.elements(help)])
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, problem) in self.problems.iter().enumerate() {
            let gap = if at == 0 { "" } else { "\n\n" };
            write!(f, "{gap}{}", self.render(problem))?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}
