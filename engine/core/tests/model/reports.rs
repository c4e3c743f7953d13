//! Reports: applied in order, waiting for what is missing, refused.

use std::collections::BTreeMap;

use dag_engine::{Millis, Name, Outcome, Refusal, Report, Time};

use crate::model::Model;

/// The state of a source.
#[derive(Clone, Debug, Default)]
pub struct Source {
    /// Of the last reading applied.
    pub boot: u64,
    pub last: u64,
    /// The time that the last reading of each fact counted for, in this boot.
    pub read: BTreeMap<Name, Time>,
    /// Its last report said that further parts follow.
    pub more: bool,
}

/// A report that waits for what is missing before it.
#[derive(Clone, Debug)]
pub struct WaitingReport {
    pub report: Report,
    pub came: Time,
}

/// The time that a report waits for a missing one.
pub const WAIT: Millis = Millis::new(60_000);

impl Model {
    pub fn report(&mut self, report: &Report) {
        if report.readings.len() > 10_000 {
            return self.refuse(Refusal::TooManyReadings, &report.source);
        }
        if report.source.len() > 200 {
            return self.refuse(Refusal::TooLong, &report.source);
        }
        if !self.sources.contains_key(&report.source) && self.sources.len() >= 64 {
            return self.refuse(Refusal::TooManySources, &report.source);
        }
        if self.is_older(report) {
            return self.refuse(Refusal::OlderBoot, &report.source);
        }
        if self.is_beyond(report) {
            self.waiting_reports.push(WaitingReport { report: report.clone(), came: self.now });
            let (source, until) = (report.source.clone(), self.now + WAIT);
            self.decide(self.now, None, None, &Outcome::Waits { source, until });
            while self.waiting_reports.len() > 64 || self.readings_waiting() > 2_000 {
                self.give_up_waiting();
            }
            return;
        }
        self.apply(report);
        self.apply_what_follows(&report.source);
    }

    fn readings_waiting(&self) -> usize {
        self.waiting_reports.iter().map(|waiting| waiting.report.readings.len()).sum()
    }

    fn is_older(&self, report: &Report) -> bool {
        self.sources.get(&report.source).is_some_and(|source| report.boot < source.boot)
    }

    /// The boot and number of the last reading applied.
    fn last_of(&self, report: &Report) -> (u64, u64) {
        self.sources.get(&report.source).map_or((report.boot, 0), |source| (source.boot, source.last))
    }

    fn is_beyond(&self, report: &Report) -> bool {
        let (boot, last) = self.last_of(report);
        if report.boot == boot {
            return report.first > last + 1;
        }
        let applied_before = if report.boot == boot + 1 { last } else { 0 };
        report.boot > boot && (report.first > 1 || report.before.is_some_and(|before| before > applied_before))
    }

    /// Returns the report's source, reset if the report is of a later boot.
    fn in_boot_of(&mut self, report: &Report) -> &mut Source {
        let source = self.sources.entry(report.source.clone()).or_default();
        if report.boot > source.boot {
            *source = Source { boot: report.boot, last: 0, read: BTreeMap::new(), more: source.more };
        }
        source
    }

    /// Applies a report, whatever is missing before it.
    fn apply(&mut self, report: &Report) {
        let now = self.now;
        let source = self.in_boot_of(report);
        let numbered: Vec<_> =
            (report.first..).zip(&report.readings).filter(|(number, _)| *number > source.last).collect();
        let last = numbered.last().map_or(source.last, |(number, _)| *number);
        let end = report.first + report.readings.len() as u64;
        let is_last_word = report.first <= last + 1 && end == last + 1;
        if is_last_word {
            source.more = report.more;
            self.uncertain = report.uncertain;
        }
        if numbered.is_empty() && report.readings.len() as u64 > report.resent {
            self.refuse(Refusal::Stale, &report.source);
        }
        for (number, reading) in numbered {
            let source = self.sources.get_mut(&report.source).unwrap();
            source.last = number;
            match self.holds(&reading.fact, reading.value) {
                Err(()) => self.refuse(Refusal::UnknownFact, &reading.fact),
                Ok(false) => self.refuse(Refusal::WrongValue, &reading.fact),
                Ok(true) => {
                    let source = self.sources.get_mut(&report.source).unwrap();
                    let before = source.read.get(&reading.fact).copied();
                    let at = reading.at.min(now).max(before.unwrap_or(Time::MIN));
                    source.read.insert(reading.fact.clone(), at);
                    self.set_fact(reading, at);
                }
            }
        }
    }

    /// Applies the waiting reports of a source that are no longer beyond its next number.
    fn apply_what_follows(&mut self, source: &Name) {
        loop {
            let follows =
                |waiting: &&WaitingReport| waiting.report.source == *source && !self.is_beyond(&waiting.report);
            let Some(place) = self.lowest(follows) else { return };
            let report = self.waiting_reports.remove(place).report;
            if self.is_older(&report) {
                self.refuse(Refusal::OlderBoot, source);
            } else {
                self.apply(&report);
            }
        }
    }

    /// Returns the index of the waiting report with the lowest boot and number.
    fn lowest(&self, of: impl Fn(&&WaitingReport) -> bool) -> Option<usize> {
        let lowest =
            self.waiting_reports.iter().filter(of).min_by_key(|waiting| (waiting.report.boot, waiting.report.first))?;
        self.waiting_reports.iter().position(|waiting| std::ptr::eq(waiting, lowest))
    }

    /// Applies reports whose time of waiting is over.
    pub fn apply_overdue_reports(&mut self) {
        while self.waiting_reports.iter().any(|waiting| waiting.came + WAIT <= self.now) {
            self.give_up_waiting();
        }
    }

    /// Gives up what is missing before the report that has waited longest.
    fn give_up_waiting(&mut self) {
        let longest = self.waiting_reports.iter().min_by_key(|waiting| waiting.came).unwrap();
        let source = longest.report.source.clone();
        let place = self.lowest(|waiting| waiting.report.source == source).unwrap();
        let report = self.waiting_reports.remove(place).report;
        let (boot, last) = self.last_of(&report);
        let gap = Outcome::Gap { source: source.clone(), boot, last, next_boot: report.boot, next: report.first };
        self.decide(self.now, None, None, &gap);
        // The missing readings are skipped: they are stale if they come later.
        let passed_over = report.first.saturating_sub(1);
        let remembered = self.in_boot_of(&report);
        remembered.last = remembered.last.max(passed_over);
        self.apply(&report);
        self.apply_what_follows(&source);
    }
}
