//! Problems of a configuration, as people read them.

use std::{fmt, ops::Range};

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

/// All problems of a configuration, in the order of the file, then of the environment and the flags.
///
/// They are displayed as a compiler shows errors: the sentence, the line with a caret under the place, and advice.
#[derive(Debug)]
pub struct ConfigErrors {
    path: String,
    text: String,
    problems: Vec<Problem>,
}

/// A problem of a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    /// The problem, in one sentence.
    pub message: String,
    /// Its place.
    pub place: Place,
    /// Advice, where the message does not say what to do.
    pub help: Option<String>,
    /// Whether the text at the place may be secret, so that `…` is shown there.
    pub hides: bool,
}

/// The place of a problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// The file as a whole: it lacks something, or cannot be read.
    File,
    /// A range of the file's text, in bytes.
    At(Range<usize>),
    /// Outside the file. The text names an environment variable or a flag.
    Outside(String),
}

/// The most problems that are shown: a file that is no configuration at all could have a hundred thousand.
const MOST: usize = 100;

/// The most problems that [`ConfigErrors::brief`] shows.
const MOST_BRIEF: usize = 5;

impl ConfigErrors {
    /// Sorts `problems`, of which there is at least one.
    pub(crate) fn new(path: String, text: String, mut problems: Vec<Problem>) -> Self {
        problems.sort_by_key(|problem| match &problem.place {
            Place::File => (0, 0),
            Place::At(span) => (1, span.start),
            Place::Outside(_) => (2, 0),
        });
        // The parser reports some errors once for every level that it leaves.
        problems.dedup();
        let more = problems.len().saturating_sub(MOST);
        if more > 0 {
            problems.truncate(MOST);
            problems.push(Problem {
                message: format!("there are {more} more problems"),
                place: Place::File,
                help: None,
                hides: false,
            });
        }
        ConfigErrors { path, text, problems }
    }

    /// A problem of the file as a whole.
    pub(crate) fn file(path: String, message: String, help: Option<String>) -> Self {
        let problem = Problem { message, place: Place::File, help, hides: false };
        ConfigErrors { path, text: String::new(), problems: vec![problem] }
    }

    /// Returns the first problems, and where the others are shown, for a program that must be brief.
    pub fn brief(&self) -> String {
        let shown: Vec<String> = self.problems.iter().take(MOST_BRIEF).map(|problem| self.render(problem)).collect();
        let mut text = shown.join("\n\n");
        if let Some(more @ 1..) = self.problems.len().checked_sub(MOST_BRIEF) {
            text.push_str(&format!("\n\n`dag check` shows the other {more}"));
        }
        text
    }

    /// Returns the line and the column, in characters and from 1, of a problem that has a place in the file.
    fn position(&self, problem: &Problem) -> Option<(usize, usize)> {
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
                // The renderer gets the one line, so that many problems of a long file are shown quickly.
                let start = self.text.get(..span.start).and_then(|before| before.rfind('\n')).map_or(0, |at| at + 1);
                let shown = self.text.get(start..).unwrap_or_default().lines().next().unwrap_or_default();
                let within = |at: usize| at.saturating_sub(start).min(shown.len());
                let (shown, caret) = if problem.hides {
                    hidden(shown, within(span.start)..within(span.end))
                } else {
                    (shown.to_owned(), within(span.start)..within(span.end))
                };
                let caret = AnnotationKind::Primary.span(caret);
                let line = self.position(problem).map_or(1, |(line, _)| line);
                group.element(Snippet::source(shown).path(&self.path).line_start(line).annotation(caret))
            }
        };
        let help = problem.help.as_deref().map(|help| Level::HELP.message(help));
        Renderer::plain().render(&[group.elements(help)])
    }
}

/// Returns a line with `"…"` in the place of a value, and the place of that.
fn hidden(line: &str, value: Range<usize>) -> (String, Range<usize>) {
    const HIDDEN: &str = "\"…\"";
    let (before, after) = (line.get(..value.start).unwrap_or_default(), line.get(value.end..).unwrap_or_default());
    (format!("{before}{HIDDEN}{after}"), before.len()..before.len() + HIDDEN.len())
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
