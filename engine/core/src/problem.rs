//! Problems in a user's file, said so that the user can mend them.

use std::{fmt, ops::Range};

use annotate_snippets::{AnnotationKind, Level, Origin, Renderer, Snippet};

/// One problem in one file, with its place.
///
/// [`Display`](fmt::Display) shows file, line, column, the source with a caret, and advice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file, as it was named to the compiler.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// The problem in a sentence.
    pub message: String,
    /// Advice.
    pub help: Option<String>,
    is_warning: bool,
    /// `None` where no place in the file is meant.
    source: Option<Box<Source>>,
}

/// The part of the file that is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Source {
    text: String,
    /// Where it begins in the file, in bytes.
    from: usize,
    /// The bytes of it that are meant.
    caret: Range<usize>,
}

impl Problem {
    /// A problem at the bytes `span` of `text`, which is the content of `file`.
    pub fn error(file: &str, text: &str, span: Range<usize>, message: impl Into<String>, help: Option<String>) -> Self {
        Self::new(file, text, span, message.into(), help)
    }

    /// The same for what may be meant so, but probably is not.
    pub fn warning(
        file: &str,
        text: &str,
        span: Range<usize>,
        message: impl Into<String>,
        help: Option<String>,
    ) -> Self {
        Problem { is_warning: true, ..Self::new(file, text, span, message.into(), help) }
    }

    /// A problem of a whole file or folder. It has no place in it: the line and the column are 1, and not shown.
    pub fn without_place(file: &str, message: impl Into<String>, help: Option<String>) -> Self {
        let (file, message) = (file.to_owned(), message.into());
        Problem { file, line: 1, column: 1, message, help, is_warning: false, source: None }
    }

    fn new(file: &str, text: &str, span: Range<usize>, message: String, help: Option<String>) -> Self {
        let start = text.floor_char_boundary(span.start);
        let end = text.ceil_char_boundary(span.end.max(start));
        let before = text.get(..start).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        // A line without an end, or a file with a million of them, is shown in part.
        let shown = text.floor_char_boundary(start.saturating_sub(SHOWN))..text.ceil_char_boundary(end + SHOWN);
        let from = before.get(shown.start..).and_then(|near| near.rfind('\n')).map_or(shown.start, |at| {
            // From the start of the line.
            shown.start + at + 1
        });
        let to = text.get(end..shown.end).and_then(|near| near.find('\n')).map_or(shown.end, |at| end + at);
        let window = text.get(from..to).unwrap_or_default();
        let caret = start - from..(end - from).min(window.len());
        let source = Some(Box::new(Source { text: window.to_owned(), from, caret }));
        Problem { file: file.to_owned(), line, column, message, help, is_warning: false, source }
    }

    /// Returns the same problem with `…` in the place of these bytes of the file, which may be secret: problems are
    /// logged, and shown to everybody who may ask for the status. Quotes around them stay.
    pub fn hiding(mut self, secrets: &[Range<usize>]) -> Self {
        let mut secrets: Vec<&Range<usize>> = secrets.iter().collect();
        // From the end, so that the places of the others stay true.
        secrets.sort_by_key(|span| std::cmp::Reverse(span.start));
        for span in secrets {
            if let Some(source) = &mut self.source {
                source.hide(span);
            }
        }
        self
    }

    /// Returns the same problem with its file in `folder`.
    pub fn within(self, folder: &str) -> Self {
        Problem { file: format!("{folder}/{}", self.file), ..self }
    }
}

impl Source {
    /// Puts `…` in the place of these bytes of the file.
    fn hide(&mut self, span: &Range<usize>) {
        let within = |at: usize| self.text.floor_char_boundary(at.saturating_sub(self.from).min(self.text.len()));
        let (mut start, mut end) = (within(span.start), within(span.end));
        let hidden = self.text.get(start..end).unwrap_or_default();
        let quote = |c: char| c == '"' || c == '\'';
        if hidden.len() >= 2 && hidden.starts_with(quote) && hidden.ends_with(quote) {
            (start, end) = (start + 1, end - 1);
        }
        if start >= end {
            return;
        }
        // Before the place, each character is replaced: the column stays.
        let is_before = self.caret.start > start;
        let count = if is_before { self.text.get(start..end).map_or(1, |hidden| hidden.chars().count()) } else { 1 };
        let shown = HIDDEN.repeat(count);
        self.text.replace_range(start..end, &shown);
        let moved = |at: usize, inside: usize| match at {
            at if at <= start => at,
            at if at >= end => at - (end - start) + shown.len(),
            _ => inside,
        };
        self.caret = moved(self.caret.start, start)..moved(self.caret.end, start + shown.len());
    }
}

/// What is shown in the place of a secret.
const HIDDEN: &str = "…";

/// The most bytes of source that are shown around the place.
const SHOWN: usize = 200;

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = if self.is_warning { Level::WARNING } else { Level::ERROR };
        let title = level.primary_title(&self.message);
        let mut group = match self.source.as_deref() {
            Some(Source { text, caret, .. }) => {
                let place = AnnotationKind::Primary.span(caret.clone());
                title.element(Snippet::source(text).line_start(self.line).path(&self.file).annotation(place))
            }
            None => title.element(Origin::path(&self.file)),
        };
        if let Some(help) = &self.help {
            group = group.element(Level::HELP.message(help));
        }
        f.write_str(&Renderer::plain().render(&[group]))
    }
}

/// Everything that is wrong, at once, in the order of files and lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in &self.0 {
            writeln!(f, "{problem}\n")?;
        }
        match self.0.len() {
            1 => write!(f, "1 problem found; nothing was changed"),
            count => write!(f, "{count} problems found; nothing was changed"),
        }
    }
}

impl std::error::Error for Problems {}

/// `did you mean …?`, where one of `known` is near enough to what was written.
pub fn did_you_mean<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    nearest(written, known).map(|name| format!("did you mean `{name}`?"))
}

/// The one of `known` that is most like `written`, if any is like it at all; the first of equals.
pub fn nearest<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Longer names forgive more slips. Very long ones are nobody's slip, and slow to compare.
    if written.len() > 64 {
        return None;
    }
    let known: Vec<&str> = known.into_iter().collect();
    // `OFF` has no letter in common with `off`, and is meant so.
    if let Some(same) = known.iter().find(|name| name.eq_ignore_ascii_case(written)) {
        return Some(same);
    }
    let allowed = 1 + written.chars().count() / 4;
    let distances = known.into_iter().map(|name| (strsim::damerau_levenshtein(written, name), name));
    let near = distances.filter(|(distance, _)| *distance <= allowed);
    near.min_by_key(|(distance, _)| *distance).map(|(_, name)| name)
}
