//! Reads reports from rows.

use std::{
    fs::File,
    io::{BufRead, BufReader},
    path::Path,
};

use dag_engine::{Reading, Report, Time};

use super::{
    error::{TraceError, TraceErrorKind},
    rows::{Row, Rows, TraceSchema},
};

/// The size of the buffer for the file, in bytes.
const READ_AT_ONCE: usize = 64 << 10;

/// A report, or a part of a long one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceReport {
    /// When it arrives.
    pub at: Time,
    /// The index of the device in the schema.
    pub device: usize,
    /// Its readings, in the order of the rows.
    pub readings: Vec<Reading>,
    /// Further parts follow.
    pub more: bool,
}

/// The reports of a trace, in the order in which they arrive. It ends with the first error.
#[derive(Debug)]
pub struct Trace<'a, R> {
    rows: Rows<'a, R>,
    /// The row that ended the previous report.
    ahead: Option<Result<Row, TraceError>>,
}

impl<'a> Trace<'a, BufReader<File>> {
    /// Opens a file and reads its header.
    ///
    /// # Errors
    /// The file cannot be read, is empty, or begins with no header.
    pub fn open(path: &Path, schema: TraceSchema<'a>) -> Result<Self, TraceError> {
        let file = path.display().to_string();
        match File::open(path) {
            Ok(input) => Trace::new(BufReader::with_capacity(READ_AT_ONCE, input), file, schema),
            Err(error) => Err(TraceError { file, line: 1, kind: TraceErrorKind::Unreadable(error) }),
        }
    }
}

impl<'a, R: BufRead> Trace<'a, R> {
    /// Reads the header of `input`. `file` is its name in errors.
    ///
    /// # Errors
    /// As [`Trace::open`].
    pub fn new(input: R, file: String, schema: TraceSchema<'a>) -> Result<Self, TraceError> {
        Ok(Trace { rows: Rows::new(input, file, schema)?, ahead: None })
    }

    fn row(&mut self) -> Option<Result<Row, TraceError>> {
        self.ahead.take().or_else(|| self.rows.next())
    }
}

impl<R: BufRead> Iterator for Trace<'_, R> {
    type Item = Result<TraceReport, TraceError>;

    fn next(&mut self) -> Option<Self::Item> {
        let Row { device, reading, received_at } = match self.row()? {
            Ok(row) => row,
            Err(error) => return Some(Err(error)),
        };
        let mut report =
            TraceReport { at: received_at.unwrap_or(reading.at), device, readings: vec![reading], more: false };
        if received_at.is_none() {
            return Some(Ok(report));
        }
        while let Some(row) = self.row() {
            match row {
                Ok(row) if (row.device, row.received_at) == (device, received_at) => {
                    if report.readings.len() < Report::LONGEST {
                        report.readings.push(row.reading);
                        continue;
                    }
                    report.more = true;
                    self.ahead = Some(Ok(row));
                }
                // The report before it is complete, and is returned first.
                other => self.ahead = Some(other),
            }
            break;
        }
        Some(Ok(report))
    }
}
