//! From rows to reports.

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

/// How much of the file is read at once, in bytes.
const READ_AT_ONCE: usize = 64 << 10;

/// A report, or a part of one, that arrives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceReport {
    /// When.
    pub at: Time,
    /// The device's place among those that are known.
    pub device: usize,
    /// What it says, in the order of the rows.
    pub readings: Vec<Reading>,
    /// Further parts follow.
    pub more: bool,
}

/// The reports of a trace, in the order in which they arrive. The first error is the end.
#[derive(Debug)]
pub struct Trace<'a, R> {
    rows: Rows<'a, R>,
    /// The row that ended the report before.
    ahead: Option<Result<Row, TraceError>>,
}

impl<'a> Trace<'a, BufReader<File>> {
    /// Opens a file and reads its header.
    ///
    /// # Errors
    /// [`TraceError`]: a file that cannot be read, that is empty, or that begins with another line.
    pub fn open(path: &Path, schema: TraceSchema<'a>) -> Result<Self, TraceError> {
        let file = path.display().to_string();
        match File::open(path) {
            Ok(input) => Trace::new(BufReader::with_capacity(READ_AT_ONCE, input), file, schema),
            Err(error) => Err(TraceError { file, line: 1, kind: TraceErrorKind::Unreadable(error) }),
        }
    }
}

impl<'a, R: BufRead> Trace<'a, R> {
    /// Reads the header of `input`, which errors call `file`.
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
                // What came before it is still to be handed over.
                other => self.ahead = Some(other),
            }
            break;
        }
        Some(Ok(report))
    }
}
