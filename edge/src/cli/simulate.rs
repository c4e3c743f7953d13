//! `dag simulate`

use std::{
    io::{self, Write},
    path::PathBuf,
};

use clap::Args;
use dag_cli::{Done, count};
use dag_delivery::Templates;
use dag_engine::{Channel, Device, EndedBy, Engine, Id, Kind, Notification, Outcome, Runs, Severity, Time, zone};
use dag_rulebook::{Rulebook, RulesFolder, devices};
use serde::Serialize;

use super::common::{Common, Format, load, rules_path};
use crate::trace::{DeviceDecision, Replay, Trace, TraceError, TraceSchema};

/// The description of a trace, for the command's help.
pub(super) const TRACE: &str = "\
A trace is CSV:\n\n  \
    at,device,fact,value,received_at\n  \
    2026-01-10T14:10:00Z,cottage,power,off,2026-01-10T20:00:00Z\n  \
    2026-01-10T14:45:00Z,cottage,power,on,2026-01-10T20:00:00Z\n\n\
`at` is when the fact took its value, `received_at` when that was reported: rows one after the other with the same \
device and `received_at` are one report. Without `received_at`, as a column or in a cell, a row is reported at its \
`at`. The value `unknown` is a lost sensor. Rows stand in the order in which they were reported.\n\n\
With --format jsonl (or json, which is the same here) each incident and message is a JSON object on a line of its own.";

#[derive(Debug, Args)]
pub(super) struct Simulate {
    /// The trace: a CSV file with the header at,device,fact,value and optionally received_at
    #[arg(long, value_name = "FILE")]
    trace: PathBuf,
    /// When it ends, like 2026-01-10T18:00:00Z: before the last row, or after it; with the last row where none is given
    #[arg(long, value_name = "TIME", value_parser = super::common::time)]
    until: Option<Time>,
}

impl Simulate {
    pub fn run(self, common: &Common) -> Done {
        let config = load(common)?;
        let folder = RulesFolder::read(&rules_path(common)).map_err(dag_engine::Problems)?;
        let Rulebook { engine, templates, .. } = Rulebook::compile(folder, &config)?;
        let devices: Vec<Device> = devices(&config).into_values().collect();
        let engine = engine.running(Runs::Everything);
        let out = io::BufWriter::new(io::stdout().lock());
        let (format, counts) = (common.format, Counts::default());
        let mut printer = Printer { out, format, templates: &templates, counts, pending: Vec::new() };
        let replayed = self.replay(&engine, &devices, &mut printer);
        match replayed.and_then(|()| Ok(printer.print_summary()?)).and(printer.out.flush().map_err(ReplayError::from)) {
            // A program like `head` closes the pipe when it has read enough.
            Err(ReplayError::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            result => Ok(result?),
        }
    }

    fn replay(
        &self,
        engine: &Engine,
        devices: &[Device],
        printer: &mut Printer<'_, impl Write>,
    ) -> Result<(), ReplayError> {
        let trace = Trace::open(&self.trace, TraceSchema { devices, rules: engine.rules() })?;
        let mut replay = Replay::new(engine, devices);
        for report in trace {
            let report = report?;
            if self.until.is_some_and(|until| until < report.at) {
                break;
            }
            printer.counts.rows += report.readings.len();
            replay.report(report, &mut |decision| printer.print(decision))?;
        }
        if let Some(until) = self.until {
            replay.advance(until, &mut |decision| printer.print(decision).map_err(ReplayError::from))?;
        }
        printer.pending = replay
            .pending()
            .map(|(device, rule, due)| {
                format!("{rule} of {} was waiting until {}: see `--until`", device.id, local(due, device))
            })
            .collect();
        Ok(())
    }
}

/// An error that ends a replay early.
#[derive(Debug, thiserror::Error)]
enum ReplayError {
    #[error(transparent)]
    Trace(#[from] TraceError),
    /// The standard output cannot be written.
    #[error("what was found cannot be printed: {0}")]
    Output(#[from] io::Error),
}

/// A line of `--format jsonl`.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Line<'a> {
    Incident {
        at: Time,
        device: &'a str,
        rule: &'a str,
        incident: Id,
        state: IncidentState,
        since: Time,
        ended: Option<Time>,
        #[serde(skip_serializing_if = "dag_engine::is_default")]
        ended_by: Option<EndedBy>,
    },
    Notification {
        at: Time,
        id: Id,
        device: &'a str,
        rule: Option<&'a str>,
        incident: Option<Id>,
        kind: Kind,
        step: u32,
        repeat: u32,
        severity: Severity,
        recipient: &'a str,
        channel: Channel,
        subject: String,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum IncidentState {
    Open,
    Resolved,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    rows: usize,
    incidents: usize,
    messages: usize,
}

/// Prints each decision at once, so that a trace of any length needs the same memory.
struct Printer<'a, W> {
    out: W,
    format: Format,
    templates: &'a Templates,
    counts: Counts,
    /// For each rule that was waiting at the end, a line for people.
    pending: Vec<String>,
}

impl<W: Write> Printer<'_, W> {
    fn print(&mut self, decision: DeviceDecision<'_>) -> io::Result<()> {
        let Some(line) = self.line(decision) else { return Ok(()) };
        match &line {
            Line::Incident { state: IncidentState::Open, .. } => self.counts.incidents += 1,
            Line::Incident { .. } => {}
            Line::Notification { .. } => self.counts.messages += 1,
        }
        match self.format {
            Format::Text => writeln!(self.out, "{}", text(&line, decision.device)),
            Format::Json | Format::Jsonl => {
                serde_json::to_writer(&mut self.out, &line)?;
                writeln!(self.out)
            }
        }
    }

    /// Prints the last lines, which are for people only.
    fn print_summary(&mut self) -> io::Result<()> {
        if self.format == Format::Text {
            let Counts { rows, incidents, messages } = self.counts;
            let (rows, incidents) = (count(rows, "row"), count(incidents, "incident"));
            writeln!(self.out, "{rows}: {incidents}, {}", count(messages, "message"))?;
            for line in &self.pending {
                writeln!(self.out, "{line}")?;
            }
        }
        Ok(())
    }

    /// Returns the line for a decision. Most decisions are intermediate steps and have none.
    fn line<'a>(&self, DeviceDecision { at, device, decision }: DeviceDecision<'a>) -> Option<Line<'a>> {
        let incident = |since: Time, ended: Option<Time>, ended_by: Option<EndedBy>| {
            let (rule, incident, device) = (decision.rule.as_deref()?, decision.incident?, device.id.as_str());
            let state = if ended.is_some() { IncidentState::Resolved } else { IncidentState::Open };
            Some(Line::Incident { at, device, rule, incident, state, since, ended, ended_by })
        };
        match &decision.outcome {
            Outcome::Opened { since } => incident(*since, None, None),
            Outcome::Resolved { since, ended, by } => incident(*since, Some(*ended), *by),
            Outcome::Notify(notification) => Some(self.message(at, notification)),
            _ => None,
        }
    }

    fn message<'a>(&self, at: Time, notification: &'a Notification) -> Line<'a> {
        Line::Notification {
            at,
            id: notification.id,
            device: &notification.device.id,
            rule: notification.incident().map(|incident| incident.rule.as_str()),
            incident: notification.incident().map(|incident| incident.id),
            kind: notification.kind,
            step: notification.step,
            repeat: notification.repeat,
            severity: notification.severity(),
            recipient: &notification.recipient,
            channel: notification.channel(),
            subject: self.templates.subject(notification),
        }
    }
}

/// Returns a time by the wall clock of the device.
fn local(time: Time, device: &Device) -> String {
    match device.timezone.as_deref().map(zone) {
        Some(Ok(zone)) => time.in_zone(&zone).strftime("%Y-%m-%d %H:%M:%S %Z").to_string(),
        _ => time.to_string(),
    }
}

/// Returns a line for people, with times by the wall clock of the device.
fn text(line: &Line<'_>, device: &Device) -> String {
    let local = |time: &Time| local(*time, device);
    match line {
        Line::Incident { at, device, rule, since, ended: None, .. } => {
            format!("{}  {device}  {rule} is open, since {}", local(at), local(since))
        }
        Line::Incident { at, device, rule, since, ended: Some(ended), .. } => {
            format!("{}  {device}  {rule} is over, from {} to {}", local(at), local(since), local(ended))
        }
        Line::Notification { at, device, recipient, channel, kind, subject, .. } => {
            let (kind, channel) = (kind.as_str(), channel.as_str());
            format!("{}  {device}    {kind} to {recipient} by {channel}: {subject}", local(at))
        }
    }
}
