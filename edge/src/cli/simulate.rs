//! `dag simulate`

use std::{
    io::{self, Write},
    path::PathBuf,
};

use clap::Args;
use dag_cli::{Done, count};
use dag_delivery::Templates;
use dag_engine::{
    Channel, Device, EndedBy, Engine, Hold, Id, Kind, Moment, Notification, Outcome, Runs, Severity, Time, Withholding,
    zone,
};
use dag_rulebook::{Rulebook, RulesFolder, devices};
use serde::Serialize;

use super::{
    common::{Common, Format, load, rules_path},
    end_options::moment,
};
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
    /// When it ends, like 2026-01-10T18:00: before the last row, or after it; with the last row where none is given
    ///
    /// A date, perhaps with a time, by the clock of the site, or a time with its offset.
    #[arg(long, value_name = "TIME", value_parser = dated, allow_hyphen_values = true)]
    until: Option<Moment>,
    /// Also show what was not sent, and why: messages that were withheld, and steps that were held or reached nobody
    #[arg(long)]
    withheld: bool,
}

/// Reads a moment with its date. A trace has no today, whose next 22:00 could be meant.
fn dated(text: &str) -> Result<Moment, String> {
    match moment(text)? {
        Moment::TimeOfDay(time) => Err(format!(
            "a trace has no next {time}: write the date too, like 2026-01-10T{time} by the clock of the site"
        )),
        moment => Ok(moment),
    }
}

impl Simulate {
    pub fn run(self, common: &Common) -> Done {
        let config = load(common)?;
        let folder = RulesFolder::read(&rules_path(common)).map_err(dag_engine::Problems)?;
        let Rulebook { engine, templates, .. } = Rulebook::compile(folder, &config)?;
        let devices: Vec<Device> = devices(&config).into_values().collect();
        let engine = engine.running(Runs::Everything);
        let site = zone(&config.site.timezone)?;
        let until = self.until.map(|until| until.next_after(Time::MIN, &site));
        let out = io::BufWriter::new(io::stdout().lock());
        let (format, withheld, counts) = (common.format, self.withheld, Counts::default());
        let mut printer = Printer { out, format, withheld, templates: &templates, counts, last_lines: Vec::new() };
        let replayed = self.replay(&engine, &devices, until, &mut printer);
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
        until: Option<Time>,
        printer: &mut Printer<'_, impl Write>,
    ) -> Result<(), ReplayError> {
        let trace = Trace::open(&self.trace, TraceSchema { devices, rules: engine.rules() })?;
        let mut replay = Replay::new(engine, devices);
        for report in trace {
            let report = report?;
            if until.is_some_and(|until| until < report.at) {
                break;
            }
            printer.counts.rows += report.readings.len();
            replay.report(report, &mut |decision| printer.print(decision))?;
        }
        if let Some(until) = until {
            replay.advance(until, &mut |decision| printer.print(decision).map_err(ReplayError::from))?;
        }
        if let Some(end @ (Time::MIN | Time::MAX)) = until {
            let place = if end == Time::MIN { "begins" } else { "ends" };
            printer.last_lines.push(format!("`--until` is taken as {end}: there the calendar {place}"));
        }
        let pending = replay.pending().map(|(device, rule, due)| {
            format!("{rule} of {} was waiting until {}: see `--until`", device.id, local(due, device))
        });
        printer.last_lines.extend(pending);
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
    Withheld {
        at: Time,
        device: &'a str,
        rule: Option<&'a str>,
        incident: Option<Id>,
        kind: Kind,
        recipient: &'a str,
        channel: Channel,
        reason: Withholding,
    },
    Held {
        at: Time,
        device: &'a str,
        rule: Option<&'a str>,
        incident: Option<Id>,
        step: u32,
        reason: Hold,
    },
    #[serde(rename = "nobody_to_tell")]
    NobodyToTell {
        at: Time,
        device: &'a str,
        rule: Option<&'a str>,
        incident: Option<Id>,
        step: u32,
    },
}

impl Line<'_> {
    /// Returns whether it says what was not sent.
    fn is_withheld(&self) -> bool {
        matches!(self, Line::Withheld { .. } | Line::Held { .. } | Line::NobodyToTell { .. })
    }
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
    /// The messages that were withheld, and the steps that were held or reached nobody.
    withheld: usize,
}

/// Prints each decision at once, so that a trace of any length needs the same memory.
struct Printer<'a, W> {
    out: W,
    format: Format,
    /// What was not sent is printed too.
    withheld: bool,
    templates: &'a Templates,
    counts: Counts,
    /// The lines for people at the end: what was taken as the end, and each rule that was waiting then.
    last_lines: Vec<String>,
}

impl<W: Write> Printer<'_, W> {
    fn print(&mut self, decision: DeviceDecision<'_>) -> io::Result<()> {
        let Some(line) = self.line(decision) else { return Ok(()) };
        match &line {
            Line::Incident { state: IncidentState::Open, .. } => self.counts.incidents += 1,
            Line::Incident { .. } => {}
            Line::Notification { .. } => self.counts.messages += 1,
            Line::Withheld { .. } | Line::Held { .. } | Line::NobodyToTell { .. } => self.counts.withheld += 1,
        }
        if line.is_withheld() && !self.withheld {
            return Ok(());
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
            let Counts { rows, incidents, messages, withheld } = self.counts;
            let (rows, incidents) = (count(rows, "row"), count(incidents, "incident"));
            let withheld = match withheld {
                0 => String::new(),
                some if self.withheld => format!(", {some} withheld"),
                some => format!(", {some} withheld: see `--withheld`"),
            };
            writeln!(self.out, "{rows}: {incidents}, {}{withheld}", count(messages, "message"))?;
            for line in &self.last_lines {
                writeln!(self.out, "{line}")?;
            }
        }
        Ok(())
    }

    /// Returns the line for a decision. Most decisions are intermediate steps and have none.
    fn line<'a>(&self, DeviceDecision { at, device, decision }: DeviceDecision<'a>) -> Option<Line<'a>> {
        let (rule, incident) = (decision.rule.as_deref(), decision.incident);
        let episode = |since: Time, ended: Option<Time>, ended_by: Option<EndedBy>| {
            let (rule, incident, device) = (rule?, incident?, device.id.as_str());
            let state = if ended.is_some() { IncidentState::Resolved } else { IncidentState::Open };
            Some(Line::Incident { at, device, rule, incident, state, since, ended, ended_by })
        };
        match &decision.outcome {
            Outcome::Opened { since } => episode(*since, None, None),
            Outcome::Resolved { since, ended, by } => episode(*since, Some(*ended), *by),
            Outcome::Notify(notification) => Some(self.message(at, notification)),
            Outcome::Withheld { kind, recipient, channel, reason } => {
                let (kind, channel, reason) = (*kind, *channel, *reason);
                Some(Line::Withheld { at, device: &device.id, rule, incident, kind, recipient, channel, reason })
            }
            Outcome::Held { step, reason } => {
                let (step, reason) = (*step, *reason);
                Some(Line::Held { at, device: &device.id, rule, incident, step, reason })
            }
            Outcome::NobodyToTell { step } => {
                Some(Line::NobodyToTell { at, device: &device.id, rule, incident, step: *step })
            }
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
        Line::Incident { at, device, rule, since, ended: Some(ended), ended_by, .. } => {
            // What ended it is not that the power is back.
            let by = ended_by.map(|by| format!(" ({})", by.describe())).unwrap_or_default();
            format!("{}  {device}  {rule} is over{by}, from {} to {}", local(at), local(since), local(ended))
        }
        Line::Notification { at, device, recipient, channel, kind, subject, .. } => {
            let (kind, channel) = (kind.as_str(), channel.as_str());
            format!("{}  {device}    {kind} to {recipient} by {channel}: {subject}", local(at))
        }
        Line::Withheld { at, device, rule, kind, recipient, channel, reason, .. } => {
            let of = rule.map(|rule| format!(" of {rule}")).unwrap_or_default();
            let (kind, channel, reason) = (kind.as_str(), channel.as_str(), reason.describe());
            format!("{}  {device}    {kind}{of} to {recipient} by {channel} is withheld: {reason}", local(at))
        }
        Line::Held { at, device, rule, step, reason, .. } => {
            let rule = rule.unwrap_or("engine");
            format!("{}  {device}    step {step} of {rule} is held: {}", local(at), reason.describe())
        }
        Line::NobodyToTell { at, device, rule, step, .. } => {
            let rule = rule.unwrap_or("engine");
            format!("{}  {device}    step {step} of {rule} names nobody who can be reached", local(at))
        }
    }
}
