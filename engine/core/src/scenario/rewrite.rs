//! Writes what was sent in the place of what a scenario expects.
//!
//! The list of an `expect` is replaced in the text of the file, and nothing else is touched: line ends, layout and
//! comments stay. In the list, comments stay at their entries.

use super::{
    Rewritten,
    compare::{exactly, same_telling, take},
    expect::{Expected, Key, Sent, Target},
};
use crate::rules::document::Span;

/// The most messages that are written into one list, and the longest list that is rewritten. Nobody reads a longer one.
const MOST_WRITTEN: usize = 500;

/// The keys of a new entry.
const PLAIN: &[Key] = &[Key::To, Key::Kind];
const WITH_RULE: &[Key] = &[Key::To, Key::Kind, Key::Rule];
const WITH_CHANNEL: &[Key] = &[Key::To, Key::By, Key::Kind];

/// The columns that a list on one line may have.
const COLUMNS: usize = 120;

/// A list of `expect`, and the text that takes its place.
#[derive(Debug)]
pub(super) struct Replacement {
    span: Span,
    text: String,
}

impl Replacement {
    /// Returns the replacement of the list at `span` of a file by what was sent; `None` if one of them is too long.
    pub fn of(text: &str, span: &Span, expected: &[Expected], sent: &[Sent]) -> Option<Replacement> {
        if sent.len().max(expected.len()) > MOST_WRITTEN {
            return None;
        }
        // The first that goes as expected. In the last of them each message has its own entry, with its channel, so that
        // none is mistaken for another.
        let lists = [aligned(expected, sent), tellings(sent, PLAIN), tellings(sent, WITH_RULE), messages(sent)];
        let entries = lists.into_iter().find(|entries| {
            let expected: Vec<Expected> = entries.iter().map(|entry| entry.expected.clone()).collect();
            exactly(&expected, sent, &[]).is_none()
        })?;
        Some(Replacement { span: span.clone(), text: List::read(text, span, expected).write(&entries) })
    }
}

/// Returns a file with these replacements, which are in the order of the file.
pub(super) fn file(text: &str, replacements: &[Replacement]) -> Rewritten {
    let mut file = String::new();
    let mut lists = Vec::new();
    let mut from = 0;
    for Replacement { span, text: list } in replacements {
        file.push_str(text.get(from..span.start).unwrap_or_default());
        lists.push((file.matches('\n').count() + 1, list.clone()));
        file.push_str(list);
        from = span.end;
    }
    file.push_str(text.get(from..).unwrap_or_default());
    Rewritten { text: file, lists }
}

/// An entry of the new list.
#[derive(Debug)]
struct Entry {
    expected: Expected,
    /// The entry of the old list in whose place it is.
    place: Option<usize>,
    /// It is that entry, unchanged.
    is_kept: bool,
}

impl Entry {
    fn new(expected: Expected) -> Entry {
        Entry { expected, place: None, is_kept: false }
    }
}

/// Returns the list in which as many entries as possible stay. Between two that stay, the others get what was sent
/// there, in order; then entries are added or left out.
fn aligned(expected: &[Expected], sent: &[Sent]) -> Vec<Entry> {
    let taken = |at: usize, from: usize| {
        let (wanted, rest) = (expected.get(at)?, sent.get(from..)?);
        let known = wanted.unknown.is_none();
        known.then(|| take(wanted, rest, None).ok().map(|left| sent.len() - left.len()))?
    };
    // The most entries from `at` on that can stay for the messages from `from` on, as in a longest common subsequence.
    let (rows, columns) = (expected.len() + 1, sent.len() + 1);
    let mut most = vec![0_usize; rows * columns];
    let place = |at: usize, from: usize| at * columns + from;
    for at in (0..expected.len()).rev() {
        for from in (0..=sent.len()).rev() {
            let look = |at: usize, from: usize| most.get(place(at, from)).copied().unwrap_or_default();
            let staying = taken(at, from).map_or(0, |left| 1 + look(at + 1, left));
            let leaving = look(at + 1, from);
            let adding = if from < sent.len() { look(at, from + 1) } else { 0 };
            if let Some(cell) = most.get_mut(place(at, from)) {
                *cell = staying.max(leaving).max(adding);
            }
        }
    }
    let look = |at: usize, from: usize| most.get(place(at, from)).copied().unwrap_or_default();
    let mut entries = Vec::new();
    let (mut at, mut from) = (0, 0);
    // The first entry and message that are not in the new list yet.
    let (mut old, mut new) = (0, 0);
    loop {
        let stays = taken(at, from).filter(|left| look(at, from) == 1 + look(at + 1, *left));
        if stays.is_some() || (at == expected.len() && from == sent.len()) {
            let open = sent.get(new..from).unwrap_or_default();
            changed(expected.get(old..at).unwrap_or_default(), old, open, &mut entries);
        }
        match stays {
            Some(left) => {
                entries.extend(expected.get(at).map(|kept| Entry {
                    expected: kept.clone(),
                    place: Some(at),
                    is_kept: true,
                }));
                (at, from) = (at + 1, left);
                (old, new) = (at, from);
            }
            None if from < sent.len() && look(at, from) == look(at, from + 1) => from += 1,
            None if at < expected.len() => at += 1,
            None if from < sent.len() => from += 1,
            None => return entries,
        }
    }
}

/// Adds entries for `sent`: first in the places of `old` entries, the first of which is the list's number `first`.
fn changed(old: &[Expected], first: usize, sent: &[Sent], entries: &mut Vec<Entry>) {
    let mut rest = sent;
    for (at, old) in old.iter().enumerate() {
        let Some(message) = rest.first() else { return };
        let expected = corrected(old, message);
        let group = Expected { to: old.to.clone(), ..expected.clone() };
        let is_group = old.unknown.is_none() && matches!(old.to, Some(Target::Group { .. }));
        let whole = if is_group { take(&group, rest, None).ok() } else { None };
        let (expected, left) = match whole {
            Some(left) => (group, left),
            None => {
                let left = take(&expected, rest, None).unwrap_or_default();
                (expected, left)
            }
        };
        entries.push(Entry { expected, place: Some(first + at), is_kept: false });
        rest = left;
    }
    entries.extend(tellings(rest, PLAIN));
}

/// Returns one entry for each thing that a person was told, by whatever channels.
fn tellings(sent: &[Sent], keys: &[Key]) -> Vec<Entry> {
    let told = sent.chunk_by(|one, other| same_telling(&one.notification, &other.notification));
    told.filter_map(<[Sent]>::first).map(|one| Entry::new(with_keys(keys, one))).collect()
}

/// Returns one entry for each message.
fn messages(sent: &[Sent]) -> Vec<Entry> {
    sent.iter().map(|one| Entry::new(with_keys(WITH_CHANNEL, one))).collect()
}

/// Returns the entry with the keys of an old one and the values of a message. A pattern that still holds stays.
fn corrected(old: &Expected, sent: &Sent) -> Expected {
    // Only a message about the monitor itself lacks a key: `rule`.
    let of_no_use = |key: &Key| *key == Key::Rule && sent.notification.incident().is_none();
    let keys = if old.keys.iter().all(of_no_use) { PLAIN } else { old.keys.as_slice() };
    let mut entry = with_keys(keys, sent);
    let pattern = Expected { subject: old.subject.clone(), ..Expected::default() };
    if entry.subject.is_some() && pattern.differs(sent).is_none() {
        entry.subject = pattern.subject;
    }
    entry
}

/// Returns the entry with these keys that a message has.
fn with_keys(keys: &[Key], sent: &Sent) -> Expected {
    let Sent { notification, subject, .. } = sent;
    let mut entry = Expected { keys: keys.to_vec(), ..Expected::default() };
    for key in keys {
        match key {
            Key::To => entry.to = Some(Target::Recipient(notification.recipient.clone())),
            Key::By => entry.by = Some(notification.channel()),
            Key::Kind => entry.kind = Some(notification.kind),
            Key::Rule => entry.rule = notification.incident().map(|incident| incident.rule.clone()),
            Key::Step => entry.step = Some(notification.step),
            Key::Subject => entry.subject = Some(subject.clone()),
        }
    }
    entry
}

/// Returns an entry as it is written.
fn written(entry: &Expected) -> String {
    let value = |key: &Key| match key {
        Key::To => entry.to.as_ref().map(|to| string(to.name())),
        Key::By => entry.by.map(|by| string(by.as_str())),
        Key::Kind => entry.kind.map(|kind| string(kind.as_str())),
        Key::Rule => entry.rule.as_ref().map(|rule| string(rule)),
        Key::Step => entry.step.map(|step| step.to_string()),
        Key::Subject => entry.subject.as_ref().map(|subject| string(subject)),
    };
    let pairs = entry.keys.iter().filter_map(|key| Some(format!("{} = {}", key.as_str(), value(key)?)));
    format!("{{ {} }}", pairs.collect::<Vec<_>>().join(", "))
}

/// Returns a text as a string of TOML.
fn string(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// A list as it is written in a file.
#[derive(Debug, Default)]
struct List<'t> {
    entries: Vec<OldEntry<'t>>,
    /// The comments after the last entry.
    end: Vec<&'t str>,
    has_lines: bool,
    /// The white space before the line that the list begins in.
    indent: &'t str,
    /// The white space before each entry, if each has a line.
    inner_indent: Option<&'t str>,
    /// The column in which it begins.
    column: usize,
    line_end: &'static str,
}

/// An entry of a list, with the comments in the lines before it and the one behind it.
#[derive(Debug)]
struct OldEntry<'t> {
    text: &'t str,
    before: Vec<&'t str>,
    behind: Option<&'t str>,
}

impl<'t> List<'t> {
    /// Reads the list at `span`, of these entries.
    fn read(text: &'t str, span: &Span, expected: &[Expected]) -> List<'t> {
        let part = |from: usize, to: usize| text.get(from..to).unwrap_or_default();
        let line = part(0, span.start).rsplit('\n').next().unwrap_or_default();
        let mut list = List {
            has_lines: part(span.start, span.end).contains('\n'),
            indent: line.get(..line.len() - line.trim_start().len()).unwrap_or_default(),
            column: line.chars().count(),
            line_end: if text.contains("\r\n") { "\r\n" } else { "\n" },
            ..List::default()
        };
        let mut from = span.start + 1;
        for entry in expected {
            let between = part(from, entry.span.start);
            let before = list.comments(between);
            if let Some((_, indent)) = between.rsplit_once('\n') {
                list.inner_indent.get_or_insert(indent);
            }
            list.entries.push(OldEntry { text: part(entry.span.start, entry.span.end), before, behind: None });
            from = entry.span.end;
        }
        list.end = list.comments(part(from, span.end));
        list
    }

    /// Returns the comments in a text between entries. One in the line of the entry before is noted there.
    fn comments(&mut self, between: &'t str) -> Vec<&'t str> {
        let mut comments = Vec::new();
        for (line, text) in between.lines().enumerate() {
            let Some(comment) = text.find('#').and_then(|at| text.get(at..)).map(str::trim_end) else { continue };
            match self.entries.last_mut() {
                Some(entry) if line == 0 => entry.behind = Some(comment),
                _ => comments.push(comment),
            }
        }
        comments
    }

    /// Returns the list with other entries. The comments of those that are left out stay in their place.
    fn write(&self, entries: &[Entry]) -> String {
        let texts = entries.iter().map(|entry| match entry.place.and_then(|at| self.entries.get(at)) {
            Some(old) if entry.is_kept => old.text.to_owned(),
            _ => written(&entry.expected),
        });
        let texts: Vec<String> = texts.collect();
        let has_comments =
            !self.end.is_empty() || self.entries.iter().any(|entry| entry.behind.is_some() || !entry.before.is_empty());
        let line = format!("[{}]", texts.join(", "));
        let fits = self.column + line.chars().count() <= COLUMNS && !line.contains('\n');
        if !has_comments && (texts.is_empty() || (fits && !self.has_lines)) {
            return line;
        }
        let mut lines: Vec<String> = Vec::new();
        let mut old = self.entries.iter().enumerate().peekable();
        for (entry, text) in entries.iter().zip(texts) {
            let Some(at) = entry.place else {
                lines.push(format!("{text},"));
                continue;
            };
            while let Some((_, left_out)) = old.next_if(|(place, _)| *place < at) {
                lines.extend(left_out.comments());
            }
            let taken = old.next().map(|(_, taken)| taken);
            lines.extend(taken.iter().flat_map(|taken| &taken.before).map(|comment| (*comment).to_owned()));
            let behind = taken.and_then(|taken| taken.behind).map(|comment| format!(" {comment}"));
            lines.push(format!("{text},{}", behind.unwrap_or_default()));
        }
        lines.extend(old.flat_map(|(_, left_out)| left_out.comments()));
        lines.extend(self.end.iter().map(|comment| (*comment).to_owned()));
        let inner = self.inner_indent.map_or_else(|| format!("{}  ", self.indent), str::to_owned);
        let lines: String = lines.iter().map(|line| format!("{}{inner}{line}", self.line_end)).collect();
        format!("[{lines}{}{}]", self.line_end, self.indent)
    }
}

impl OldEntry<'_> {
    fn comments(&self) -> impl Iterator<Item = String> {
        self.before.iter().copied().chain(self.behind).map(str::to_owned)
    }
}
