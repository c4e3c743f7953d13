//! Reports to readings: in sequence for each source and boot, whatever order they come in.

use crate::{
    Millis, Name, Outcome, Reading, Refusal, Report, Time,
    state::{Cursor, WaitingReport},
    step::Step,
};

/// The longest wait of a report for missing ones.
const PATIENCE: Millis = Millis::new(60_000);

/// The most reports that wait at once for a device, and the most readings in them: they are stored with the state.
const MOST_WAITING: usize = 64;
const MOST_WAITING_READINGS: usize = 2_000;

/// The longest time for which missing reports hold up deadlines and messages.
const LONGEST_INCOMPLETE: Millis = Millis::new(300_000);

/// The longest name of a source in bytes, and the most sources of a device: all of them are remembered.
const LONGEST_SOURCE: usize = 200;
const MOST_SOURCES: usize = 64;

impl Report {
    /// The most readings in one report.
    pub const LONGEST: usize = 10_000;

    /// Returns whether readings before this report are missing.
    fn is_beyond(&self, cursor: &Cursor) -> bool {
        if self.boot == cursor.boot {
            return self.first > cursor.last.saturating_add(1);
        }
        let applied = if cursor.boot.checked_add(1) == Some(self.boot) { cursor.last } else { 0 };
        self.first > 1 || self.before.is_some_and(|before| before > applied)
    }

    /// The number of the last reading; of an empty report, of the one before it.
    fn reaches(&self) -> u64 {
        let count = u64::try_from(self.readings.len()).unwrap_or(u64::MAX);
        self.first.saturating_add(count).saturating_sub(1)
    }
}

impl WaitingReport {
    fn until(&self) -> Time {
        self.at + PATIENCE
    }
}

impl Step<'_> {
    /// Applies a report, or lets it wait for those before it.
    pub(crate) fn report(&mut self, report: Report) {
        if report.readings.len() > Report::LONGEST {
            return self.refuse(Refusal::TooManyReadings, report.source);
        }
        if report.source.len() > LONGEST_SOURCE {
            return self.refuse(Refusal::TooLong, "a report");
        }
        let cursor = self.state.sources.get(&report.source);
        if cursor.is_none() && self.state.sources.len() >= MOST_SOURCES {
            return self.refuse(Refusal::TooManySources, report.source);
        }
        match cursor {
            Some(cursor) if report.boot < cursor.boot => self.refuse(Refusal::OlderBoot, report.source),
            Some(cursor) if report.is_beyond(cursor) => self.await_missing(report),
            None if report.is_beyond(&Cursor { boot: report.boot, ..Cursor::default() }) => self.await_missing(report),
            _ => {
                let source = report.source.clone();
                self.apply_report(report);
                self.apply_following(&source);
            }
        }
    }

    fn await_missing(&mut self, report: Report) {
        let until = self.now + PATIENCE;
        self.decide(self.now, None, None, Outcome::Waits { source: report.source.clone(), until });
        self.state.waiting_reports.push(WaitingReport { report, at: self.now });
    }

    /// Applies the readings that are new, each at its own time.
    fn apply_report(&mut self, report: Report) {
        let reaches = report.reaches();
        let cursor = match self.state.sources.get_mut(&report.source) {
            Some(cursor) => cursor,
            None => self.state.sources.entry(report.source.clone()).or_default(),
        };
        if cursor.boot != report.boot {
            *cursor = Cursor { boot: report.boot, ..Cursor::default() };
        }
        let last = cursor.last;
        cursor.last = last.max(reaches);
        if reaches >= last {
            cursor.more = report.more;
            self.state.uncertain = report.uncertain;
        }
        let count = u64::try_from(report.readings.len()).unwrap_or(u64::MAX);
        if count > report.resent && reaches <= last {
            return self.refuse(Refusal::Stale, report.source);
        }
        // Readings that were applied before are sent again on purpose and decide nothing.
        let known = usize::try_from(last.saturating_add(1).saturating_sub(report.first)).unwrap_or(usize::MAX);
        for reading in report.readings.into_iter().skip(known) {
            self.reading(&report.source, reading);
        }
    }

    fn reading(&mut self, source: &Name, reading: Reading) {
        let Some(kind) = self.rules.fact(&reading.fact) else {
            return self.refuse(Refusal::UnknownFact, reading.fact);
        };
        if reading.value.is_some_and(|value| !kind.holds(value)) {
            return self.refuse(Refusal::WrongValue, reading.fact);
        }
        let mut at = reading.at.min(self.now);
        if let Some(cursor) = self.state.sources.get_mut(source) {
            match cursor.read.get_mut(&reading.fact) {
                Some(before) => {
                    at = at.max(*before);
                    *before = at;
                }
                None => drop(cursor.read.insert(reading.fact.clone(), at)),
            }
        }
        self.fire_deadlines(at);
        self.state.applied = Some(at);
        self.set_fact(&reading.fact, reading.value, at);
    }

    /// Applies what waits and follows on what was applied.
    fn apply_following(&mut self, source: &Name) {
        while let Some(at) = self.next_waiting(source) {
            let Some(cursor) = self.state.sources.get(source) else { return };
            let Some(next) = self.state.waiting_reports.get(at) else { return };
            if next.report.boot < cursor.boot {
                self.state.waiting_reports.remove(at);
                self.refuse(Refusal::OlderBoot, source.clone());
            } else if next.report.is_beyond(cursor) {
                return;
            } else {
                let next = self.state.waiting_reports.remove(at);
                self.apply_report(next.report);
            }
        }
    }

    /// Of the reports of a source that wait the one that comes first.
    fn next_waiting(&self, source: &Name) -> Option<usize> {
        let waiting =
            self.state.waiting_reports.iter().enumerate().filter(|(_, waiting)| waiting.report.source == *source);
        waiting.min_by_key(|(_, waiting)| (waiting.report.boot, waiting.report.first)).map(|(at, _)| at)
    }

    /// Applies the reports whose time is over, and notes what is missing still.
    pub(crate) fn apply_overdue_reports(&mut self) {
        self.give_up_missing();
        self.note_missing();
    }

    /// Applies reports that have waited for long enough, or for which there is no room, though some before them are
    /// missing.
    fn give_up_missing(&mut self) {
        while let Some(source) = self.longest_waiting() {
            let Some(at) = self.next_waiting(&source) else { return };
            let WaitingReport { report, .. } = self.state.waiting_reports.remove(at);
            let known = self.state.sources.get(&source);
            let (boot, last) = known.map_or((report.boot, 0), |cursor| (cursor.boot, cursor.last));
            let (next_boot, next) = (report.boot, report.first);
            self.decide(self.now, None, None, Outcome::Gap { source: source.clone(), boot, last, next_boot, next });
            self.apply_report(report);
            self.apply_following(&source);
        }
    }

    /// The source of the longest waiting report, if its time is over or too many wait.
    fn longest_waiting(&self) -> Option<Name> {
        let waiting = &self.state.waiting_reports;
        let readings = waiting.iter().map(|waiting| waiting.report.readings.len()).sum::<usize>();
        let crowded = waiting.len() > MOST_WAITING || readings > MOST_WAITING_READINGS;
        // Not always the first: a clock that is set moves some of them.
        let longest = waiting.iter().min_by_key(|waiting| waiting.at);
        let longest = longest.filter(|longest| crowded || longest.until() <= self.now)?;
        Some(longest.report.source.clone())
    }

    /// Notes since when reports are missing. Parts of a backlog that do not come in time are given up: else one source
    /// that never comes back would hold up the others for ever.
    fn note_missing(&mut self) {
        if self.state.incomplete_since.is_some_and(|since| since + LONGEST_INCOMPLETE <= self.now) {
            self.state.sources.values_mut().for_each(|cursor| cursor.more = false);
        }
        let missing = !self.state.waiting_reports.is_empty() || self.state.sources.values().any(|cursor| cursor.more);
        self.state.incomplete_since = match (missing, self.state.incomplete_since) {
            (true, None) => Some(self.now),
            (true, since) => since,
            (false, _) => None,
        };
    }

    /// Returns whether deadlines and messages wait for missing reports.
    pub(crate) fn is_incomplete(&self) -> bool {
        self.state.incomplete_since.is_some_and(|since| self.now < since + LONGEST_INCOMPLETE)
    }

    /// Up to when deadlines fire; `None` where nothing is known yet of what they would fire on.
    pub(crate) fn horizon(&self) -> Option<Time> {
        if self.is_incomplete() { self.state.applied } else { Some(self.now) }
    }

    /// When missing reports are given up, or no longer hold anything up.
    pub(crate) fn next_patience(&self) -> impl Iterator<Item = Time> {
        let incomplete = self.state.incomplete_since.map(|since| since + LONGEST_INCOMPLETE);
        self.state.waiting_reports.iter().map(WaitingReport::until).chain(incomplete)
    }
}
