//! Reads TOML tables key by key, with the place of everything, and gathers what is wrong.

use std::{
    cell::{Cell, RefCell},
    ops::Range,
};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use crate::{
    problem::{Problem, did_you_mean},
    toml_help::toml_help,
};

/// The longest rules file, in bytes.
pub(crate) const LONGEST_FILE: usize = 1 << 20;

/// The most problems of one file that are shown: each shows its place, which takes reading the file again.
pub(crate) const MOST_PROBLEMS: usize = 100;

/// A place in a file.
pub(crate) type Span = Range<usize>;

/// One file and what was found wrong in it so far.
pub(crate) struct Document<'a> {
    pub file: &'a str,
    pub text: &'a str,
    problems: RefCell<Vec<Problem>>,
    /// The number of problems beyond those.
    more: Cell<usize>,
    warnings: RefCell<Vec<Problem>>,
    /// The places of what may be secret. A problem shows other values of its line too.
    secrets: RefCell<Vec<Span>>,
}

impl<'a> Document<'a> {
    pub fn new(file: &'a str, text: &'a str) -> Self {
        Document {
            file,
            text,
            problems: RefCell::default(),
            more: Cell::default(),
            warnings: RefCell::default(),
            secrets: RefCell::default(),
        }
    }

    /// Parses the whole file. Syntax errors are gathered; what could be read is read all the same.
    pub fn parse(&self) -> DeTable<'a> {
        if self.text.len() > LONGEST_FILE {
            let advice = "split it: all files of the folder are read together";
            self.problem(0..0, format!("the file is longer than {} KiB", LONGEST_FILE / 1024), Some(advice.into()));
            return DeTable::default();
        }
        let (table, errors) = DeTable::parse_recoverable(self.text);
        for error in errors {
            let at = error.span().unwrap_or(0..0);
            let help = toml_help(self.text, at.clone(), error.message());
            self.problem(at, error.message().to_owned(), help);
        }
        table.into_inner()
    }

    /// Notes that no problem shows these bytes of the file: they may be secret.
    pub fn hide(&self, span: Span) {
        self.secrets.borrow_mut().push(span);
    }

    pub fn problem(&self, span: Span, message: impl Into<String>, help: Option<String>) {
        if self.is_full() {
            return self.more.set(self.more.get() + 1);
        }
        self.problems.borrow_mut().push(Problem::error(self.file, self.text, span, message, help));
    }

    /// Returns whether further problems are only counted: then it is not worth looking for the nearest name.
    pub fn is_full(&self) -> bool {
        self.problems.borrow().len() == MOST_PROBLEMS
    }

    /// Adds a warning: of what is allowed and probably not meant. Of very many the first will do.
    pub fn warning(&self, span: Span, message: impl Into<String>, help: Option<String>) {
        let mut warnings = self.warnings.borrow_mut();
        if warnings.len() < MOST_PROBLEMS {
            warnings.push(Problem::warning(self.file, self.text, span, message, help));
        }
    }

    pub fn take_problems(&self) -> Vec<Problem> {
        let secrets = self.secrets.borrow();
        let mut problems: Vec<Problem> =
            self.problems.take().into_iter().map(|problem| problem.hiding(&secrets)).collect();
        problems.sort_by_key(|problem| (problem.line, problem.column));
        let more = self.more.take();
        if more > 0 {
            let message = format!("{more} more problems of this file are not shown: mend these first");
            problems.push(Problem::error(self.file, self.text, 0..0, message, None));
        }
        problems
    }

    pub fn take_warnings(&self) -> Vec<Problem> {
        let secrets = self.secrets.borrow();
        let mut warnings: Vec<Problem> =
            self.warnings.take().into_iter().map(|warning| warning.hiding(&secrets)).collect();
        warnings.sort_by_key(|warning| (warning.line, warning.column));
        warnings
    }
}

/// One table of a document. Every key that is asked for is a known one; [`Table::finish`] reports the others.
pub(crate) struct Table<'d, 'a> {
    pub document: &'d Document<'a>,
    entries: &'d DeTable<'a>,
    span: Span,
    known: Vec<&'static str>,
}

impl<'d, 'a> Table<'d, 'a> {
    pub fn new(document: &'d Document<'a>, entries: &'d DeTable<'a>, span: Span) -> Self {
        Table { document, entries, span, known: Vec::new() }
    }

    /// The table at `value`, or a problem.
    pub fn at(document: &'d Document<'a>, value: &'d Spanned<DeValue<'a>>, what: &str) -> Option<Self> {
        match value.get_ref() {
            DeValue::Table(entries) => Some(Table::new(document, entries, value.span())),
            other => {
                document.problem(value.span(), format!("{what} is a table, this is {}", article(other)), None);
                None
            }
        }
    }

    pub fn span(&self) -> Span {
        self.span.clone()
    }

    /// Every entry with its key's place, for tables whose keys are the user's own names.
    pub fn entries(&self) -> impl Iterator<Item = (&'d str, Span, &'d Spanned<DeValue<'a>>)> + use<'d, 'a> {
        self.entries.iter().map(|(key, value)| (key.get_ref().as_ref(), key.span(), value))
    }

    pub fn value(&mut self, key: &'static str) -> Option<&'d Spanned<DeValue<'a>>> {
        if !self.known.contains(&key) {
            self.known.push(key);
        }
        self.entries.get(key)
    }

    pub fn string(&mut self, key: &'static str) -> Option<Spanned<&'d str>> {
        let value = self.value(key)?;
        let text = string(value);
        if text.is_none() {
            self.wrong(key, value, "a string in quotes");
        }
        text
    }

    pub fn required_string(&mut self, key: &'static str, what: &str) -> Option<Spanned<&'d str>> {
        if !self.entries.contains_key(key) {
            self.known.push(key);
            self.document.problem(self.header(), format!("{what} needs `{key}`"), None);
            return None;
        }
        self.string(key)
    }

    /// A length of time in quotes, which `parse` understands; its error becomes the problem's text.
    pub fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(&mut self, key: &'static str) -> Option<T> {
        let value = self.value(key)?;
        let Some(text) = string(value) else {
            let number = value.get_ref().as_integer().map(|number| number.as_str());
            let help = number.map(|number| format!("write it in quotes with its unit, like `\"{number}s\"`"));
            self.wrong_with(key, value, "a string in quotes", help);
            return None;
        };
        let parsed = text.get_ref().parse();
        parsed.map_err(|error: T::Err| self.document.problem(text.span(), error.to_string(), None)).ok()
    }

    /// One of a few words.
    pub fn word<T: Copy>(&mut self, key: &'static str, words: &[(&'static str, T)]) -> Option<T> {
        let text = self.string(key)?;
        let found = words.iter().find(|(word, _)| word == text.get_ref()).map(|(_, value)| *value);
        if found.is_none() {
            let list: Vec<String> = words.iter().map(|(word, _)| format!("`{word}`")).collect();
            let help = did_you_mean(text.get_ref(), words.iter().map(|(word, _)| *word));
            let message = format!("`{key}` is one of {}, not `{}`", list.join(", "), text.get_ref());
            self.document.problem(text.span(), message, help);
        }
        found
    }

    pub fn count(&mut self, key: &'static str) -> Option<u32> {
        let value = self.value(key)?;
        let number = match value.get_ref() {
            DeValue::Integer(number) => u32::from_str_radix(&number.as_str().replace('_', ""), number.radix()).ok(),
            _ => None,
        };
        if number.is_none() {
            self.wrong(key, value, "a whole number from 0");
        }
        number
    }

    pub fn strings(&mut self, key: &'static str) -> Option<Vec<Spanned<&'d str>>> {
        let value = self.value(key)?;
        let items = match value.get_ref() {
            DeValue::Array(items) => items.iter().map(string).collect::<Option<Vec<_>>>(),
            _ => None,
        };
        if items.is_none() {
            self.wrong(key, value, "a list of strings, like `[\"owners\"]`");
        }
        items
    }

    /// Reports a value of another type than `key` has.
    pub fn wrong(&self, key: &str, value: &Spanned<DeValue<'_>>, wanted: &str) {
        self.wrong_with(key, value, wanted, None);
    }

    /// Does the same as [`Table::wrong`], with advice.
    pub fn wrong_with(&self, key: &str, value: &Spanned<DeValue<'_>>, wanted: &str, help: Option<String>) {
        let message = format!("`{key}` is {wanted}, not {}", article(value.get_ref()));
        self.document.problem(value.span(), message, help);
    }

    /// Reports every key that nobody asked for.
    pub fn finish(self) {
        for (key, span, _) in self.entries() {
            if !self.known.contains(&key) {
                let help = did_you_mean(key, self.known.iter().copied());
                let known: Vec<String> = self.known.iter().map(|key| format!("`{key}`")).collect();
                let help = help.unwrap_or_else(|| format!("known here: {}", known.join(", ")));
                self.document.problem(span, format!("unknown key `{key}`"), Some(help));
            }
        }
    }

    /// The first line of the table: for what is missing in it.
    fn header(&self) -> Span {
        let line = self.document.text.get(self.span.clone()).and_then(|text| text.find('\n'));
        self.span.start..line.map_or(self.span.end, |length| self.span.start + length)
    }
}

/// A string with its place.
pub(crate) fn string<'d>(value: &'d Spanned<DeValue<'_>>) -> Option<Spanned<&'d str>> {
    value.get_ref().as_str().map(|text| Spanned::new(value.span(), text))
}

/// Returns where the characters of a string begin in the file, if no escapes are among them.
pub(crate) fn content_start(document: &Document<'_>, value: &Spanned<&str>) -> Option<usize> {
    let raw = document.text.get(value.span())?;
    let quotes = raw.len() - raw.trim_start_matches(['"', '\'']).len();
    let quotes = if quotes >= 3 { 3 } else { 1 };
    let after = raw.get(quotes..)?;
    let newline = if quotes == 3 { after.len() - after.trim_start_matches(['\r', '\n']).len() } else { 0 };
    let content = after.get(newline..)?;
    content.starts_with(value.get_ref()).then(|| value.span().start + quotes + newline)
}

fn article(value: &DeValue<'_>) -> String {
    match value {
        DeValue::Integer(_) | DeValue::Array(_) => format!("an {}", value.type_str()),
        _ => format!("a {}", value.type_str()),
    }
}
