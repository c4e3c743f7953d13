//! The acts that hold steps back for a while: `snooze` and `silence`.

use jiff::tz::TimeZone;
use toml::{Spanned, de::DeValue};

use super::{
    Act,
    parse::{Reader, length, unknown_device},
};
use crate::{
    GivenAs, Millis, Name, Ruleset, Silence, Time, TimeOfDay,
    rules::document::{Span, Table},
};

/// The name of who snoozes or silences, where a scenario gives none.
const SOMEBODY: &str = "somebody";

impl<'d, 'a> Reader<'d, 'a> {
    /// `snooze`: no step of incidents fires for so long.
    pub fn snooze(&mut self, table: &mut Table<'d, 'a>, now: Time) -> Option<(Span, Act)> {
        let value = table.value("snooze")?;
        if let DeValue::String(_) = value.get_ref() {
            let until = now + table.parsed::<Millis>("snooze")?;
            let (until_given, by) = (GivenAs::Length, SOMEBODY.to_owned());
            return Some((value.span(), Act::Snooze { until, until_given, by, rule: None }));
        }
        if !matches!(value.get_ref(), DeValue::Table(_)) {
            table.wrong("snooze", value, "a duration, like \"2h\", or a table with `for`");
            return None;
        }
        let mut table = Table::at(self.document, value, "`snooze`")?;
        let end = self.end(&mut table, "`snooze`", now);
        let rule = self.rule(&mut table);
        let by = by(&mut table);
        table.finish();
        let (until, until_given) = end?;
        Some((value.span(), Act::Snooze { until, until_given, by, rule }))
    }

    /// `silence`: no step of matching incidents fires for so long.
    pub fn silence(&mut self, table: &mut Table<'d, 'a>, now: Time) -> Option<(Span, Act)> {
        let value = table.value("silence")?;
        let mut table = Table::at(self.document, value, "`silence`")?;
        let (from, from_given) = self.beginning(&mut table, now);
        let end = self.end(&mut table, "`silence`", from);
        let rule = self.rule(&mut table);
        let labels = table.value("labels").and_then(|labels| Table::at(self.document, labels, "`labels`"));
        let labels = labels.iter().flat_map(Table::entries).filter_map(|(label, _, value)| {
            let text = value.get_ref().as_str();
            if text.is_none() {
                self.document.problem(value.span(), "a label's value is a string in quotes", None);
            }
            Some((label.to_owned(), text?.to_owned()))
        });
        let labels = labels.collect();
        let device = table.string("device").inspect(|device| {
            if !self.devices.contains_key(*device.get_ref()) {
                unknown_device(self.document, device, self.devices);
            }
        });
        let device = device.map(|device| Name::new(device.get_ref()));
        let by = by(&mut table);
        table.finish();
        let (until, until_given) = end?;
        let silence = Silence { device, labels, rule, from, from_given, until, until_given, by };
        Some((value.span(), Act::Silence(silence)))
    }

    /// Returns when a silence begins, and how that is given: as a length from the start, or as the next such moment.
    fn beginning(&self, table: &mut Table<'d, 'a>, now: Time) -> (Time, GivenAs) {
        if is_time_of_day(table.value("from")) {
            let time = table.parsed::<TimeOfDay>("from");
            return time.map_or((now, GivenAs::Length), |time| self.next(time, now));
        }
        (table.parsed::<Millis>("from").map_or(now, |from| self.start + from), GivenAs::Length)
    }

    /// Returns when a hold ends that begins at `from`, and how that is given: as a length, `for`, or as the first such
    /// moment after its beginning, `until`.
    fn end(&self, table: &mut Table<'d, 'a>, what: &str, from: Time) -> Option<(Time, GivenAs)> {
        let Some(until) = table.value("until") else {
            return Some((from + length(table, "for", what)?, GivenAs::Length));
        };
        if let Some(length) = table.value("for") {
            let help = "leave out one of them".to_owned();
            self.document.problem(length.span(), format!("{what} has `until` and `for`"), Some(help));
        }
        let text = table.string("until")?;
        if text.get_ref().parse::<Millis>().is_ok() {
            let help = "write it as `for`".to_owned();
            self.document.problem(until.span(), "this is a length, and `until` a time of the day", Some(help));
            return None;
        }
        Some(self.next(table.parsed("until")?, from))
    }

    /// Returns the first such moment after `at`, by the device's clock.
    fn next(&self, time: TimeOfDay, at: Time) -> (Time, GivenAs) {
        let zone = self.rules_in_force().zip(self.device).map(|(rules, device)| Ruleset::zone(rules, device));
        (time.next_after(at, &zone.unwrap_or(TimeZone::UTC)), GivenAs::TimeOfDay(time))
    }
}

/// Returns whether a value is meant as a time of the day and not as a length.
fn is_time_of_day(value: Option<&Spanned<DeValue<'_>>>) -> bool {
    value.and_then(|value| value.get_ref().as_str()).is_some_and(|text| text.contains(':'))
}

fn by(table: &mut Table<'_, '_>) -> String {
    table.string("by").map_or(SOMEBODY, |by| *by.get_ref()).to_owned()
}
