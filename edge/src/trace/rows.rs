//! Reads and checks rows, in memory that does not grow with the file.

use std::io::{BufRead, Read};

use csv_core::{ReadRecordResult, Terminator};
use dag_engine::{Device, Name, Reading, Ruleset, Time, Value, did_you_mean};

use super::{
    error::{TraceError, TraceErrorKind},
    format::{HEADER, HEADER_WITH_ARRIVAL, LONGEST_LINE},
};

/// The longest text that an error quotes, in characters.
const SHOWN: usize = 60;

/// The devices and facts that the rows of a trace may name.
#[derive(Clone, Copy, Debug)]
pub struct TraceSchema<'a> {
    /// Every declared device, in the order of ids.
    pub devices: &'a [Device],
    /// The rules, which know the facts and their values.
    pub rules: &'a Ruleset,
}

/// One row.
#[derive(Debug)]
pub(super) struct Row {
    /// The index of the device in the schema.
    pub device: usize,
    pub reading: Reading,
    pub received_at: Option<Time>,
}

impl Row {
    pub fn arrival(&self) -> Time {
        self.received_at.unwrap_or(self.reading.at)
    }
}

/// The rows of a trace, one after the other.
#[derive(Debug)]
pub(super) struct Rows<'a, R> {
    input: R,
    file: String,
    schema: TraceSchema<'a>,
    header: &'static str,
    /// The number of cells of the header.
    wanted: usize,
    line: Vec<u8>,
    cells: Cells,
    number: u64,
    /// When the previous row arrived.
    before: Time,
}

impl<'a, R: BufRead> Rows<'a, R> {
    /// Reads the header. `file` is the trace's name in errors.
    pub fn new(input: R, file: String, schema: TraceSchema<'a>) -> Result<Self, TraceError> {
        let (line, cells) = (Vec::new(), Cells::default());
        let (header, wanted, before) = (HEADER, 0, Time::MIN);
        let mut rows = Rows { input, file, schema, header, wanted, line, cells, number: 0, before };
        rows.read_header().map_err(|kind| rows.at_this_line(kind))?;
        Ok(rows)
    }

    pub fn next(&mut self) -> Option<Result<Row, TraceError>> {
        self.read_row().map_err(|kind| self.at_this_line(kind)).transpose()
    }

    fn at_this_line(&self, kind: TraceErrorKind) -> TraceError {
        TraceError { file: self.file.clone(), line: self.number.max(1), kind }
    }

    fn read_header(&mut self) -> Result<(), TraceErrorKind> {
        if !self.read_line()? {
            return Err(TraceErrorKind::Empty);
        }
        self.cells.split(&self.line)?;
        let found = self.cells.all().collect::<Result<Vec<&str>, TraceErrorKind>>()?.join(",");
        let header = [HEADER, HEADER_WITH_ARRIVAL].into_iter().find(|header| *header == found);
        self.header = header.ok_or_else(|| TraceErrorKind::Header { found: shorten(&found) })?;
        self.wanted = self.cells.count;
        Ok(())
    }

    /// Reads the next line that is not blank. Returns false at the end of the file.
    fn read_line(&mut self) -> Result<bool, TraceErrorKind> {
        loop {
            self.line.clear();
            self.number += 1;
            let most = LONGEST_LINE as u64 + 1;
            let read = (&mut self.input).take(most).read_until(b'\n', &mut self.line)?;
            if read == 0 {
                return Ok(false);
            }
            if self.line.last() != Some(&b'\n') {
                if read > LONGEST_LINE {
                    return Err(TraceErrorKind::TooLong);
                }
                // The last line may lack its line feed.
                self.line.push(b'\n');
            }
            if self.line.ends_with(b"\r\n") {
                self.line.truncate(self.line.len() - 2);
                self.line.push(b'\n');
            }
            if !self.line.iter().all(u8::is_ascii_whitespace) {
                return Ok(true);
            }
        }
    }

    fn read_row(&mut self) -> Result<Option<Row>, TraceErrorKind> {
        if !self.read_line()? {
            return Ok(None);
        }
        self.cells.split(&self.line)?;
        let other_count = TraceErrorKind::Cells { found: self.cells.count, wanted: self.wanted, header: self.header };
        if self.cells.count != self.wanted {
            return Err(other_count);
        }
        let mut cells = self.cells.all();
        let (Some(at), Some(device), Some(fact), Some(value), received_at) =
            (cells.next(), cells.next(), cells.next(), cells.next(), cells.next())
        else {
            return Err(other_count);
        };
        let received_at = received_at.transpose()?.filter(|cell| !cell.is_empty());
        let received_at = received_at.map(|cell| time("received_at", cell)).transpose()?;
        let (device, (fact, value)) = (self.schema.device(device?)?, self.schema.value(fact?, value?)?);
        let row = Row { device, reading: Reading { fact, value, at: time("at", at?)? }, received_at };
        let arrival = row.arrival();
        if arrival < self.before {
            return Err(TraceErrorKind::OutOfOrder { arrival, before: self.before });
        }
        self.before = arrival;
        Ok(Some(row))
    }
}

impl TraceSchema<'_> {
    fn device(&self, id: &str) -> Result<usize, TraceErrorKind> {
        self.devices.binary_search_by(|device| device.id.as_str().cmp(id)).map_err(|_| {
            let help = did_you_mean(id, self.devices.iter().map(|device| device.id.as_str()));
            TraceErrorKind::Device {
                found: shorten(id),
                help: help.unwrap_or_else(|| "declare it in config.toml".to_owned()),
            }
        })
    }

    fn value(&self, fact: &str, value: &str) -> Result<(Name, Option<Value>), TraceErrorKind> {
        let Some(kind) = self.rules.fact(fact) else {
            let facts: Vec<&str> = self.rules.facts().collect();
            let help = did_you_mean(fact, facts.iter().copied());
            let help = help.unwrap_or_else(|| format!("there are {}", facts.join(", ")));
            return Err(TraceErrorKind::Fact { found: shorten(fact), help });
        };
        let name = Name::new(fact);
        if value == "unknown" {
            return Ok((name, None));
        }
        match Value::parse(value).filter(|value| kind.holds(*value)) {
            Some(value) => Ok((name, Some(value))),
            None => Err(TraceErrorKind::Value { fact: name, found: shorten(value), kind }),
        }
    }
}

fn time(column: &'static str, text: &str) -> Result<Time, TraceErrorKind> {
    text.parse().map_err(|_| match is_written_as_time(text) {
        true => TraceErrorKind::NoSuchTime { column, found: shorten(text) },
        false => TraceErrorKind::Time { column, found: shorten(text) },
    })
}

/// Returns whether a text has the form of a date and time with a zone, whatever its numbers are.
fn is_written_as_time(text: &str) -> bool {
    let form = "0000-00-00T00:00:00";
    let Some((time, zone)) = text.split_at_checked(form.len()) else { return false };
    let is_of_form = time.bytes().zip(form.bytes()).all(|(found, form)| match form {
        b'0' => found.is_ascii_digit(),
        b'T' => matches!(found, b'T' | b't' | b' '),
        other => found == other,
    });
    let zone = zone.trim_start_matches(|c: char| c == '.' || c.is_ascii_digit());
    is_of_form && zone.starts_with(['Z', 'z', '+', '-'])
}

/// Shortens a text so that it fits a line of a terminal.
fn shorten(found: &str) -> String {
    let mut shown: String = found.chars().take(SHOWN).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    if found.chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    shown
}

/// The cells of one line, without their quotation marks and the white space around them.
#[derive(Debug)]
struct Cells {
    reader: csv_core::Reader,
    text: Vec<u8>,
    ends: Vec<usize>,
    count: usize,
}

impl Default for Cells {
    fn default() -> Self {
        // The text of the cells is no longer than the line, and each cell takes a comma at least.
        let (text, ends) = (vec![0; LONGEST_LINE + 1], vec![0; LONGEST_LINE + 1]);
        let reader = csv_core::ReaderBuilder::new().terminator(Terminator::Any(b'\n')).build();
        Cells { reader, text, ends, count: 0 }
    }
}

impl Cells {
    /// Splits a line, which ends with its line feed. A quoted cell may not contain a line feed: a forgotten quotation
    /// mark would swallow the rest of the file.
    fn split(&mut self, line: &[u8]) -> Result<(), TraceErrorKind> {
        self.reader.reset();
        let (result, _, _, count) = self.reader.read_record(line, &mut self.text, &mut self.ends);
        self.count = count;
        match result {
            ReadRecordResult::Record => Ok(()),
            _ => Err(TraceErrorKind::Quote),
        }
    }

    fn all(&self) -> impl Iterator<Item = Result<&str, TraceErrorKind>> {
        let mut start = 0;
        self.ends.iter().take(self.count).map(move |end| {
            let cell = self.text.get(start..*end).unwrap_or_default();
            start = *end;
            // A trace that was copied from a page is indented.
            str::from_utf8(cell).map(str::trim).map_err(|_| TraceErrorKind::NotUtf8)
        })
    }
}
