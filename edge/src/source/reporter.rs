//! The choice of the readings that are reported.

use std::collections::BTreeMap;

use dag_engine::{Name, Time, Value};
use tokio::sync::mpsc;

use super::event::{Observation, SourceEvent, SourceStatus};

/// The error of a channel without its receiver: the daemon stops, and the source ends.
#[derive(Debug)]
pub(super) struct ReceiverDropped;

/// Reports a source to the daemon: first readings, changes, losses and recoveries, each once.
pub(super) struct Reporter {
    source: Name,
    events: mpsc::Sender<SourceEvent>,
    /// The change of the battery, in percent, that is reported.
    step: u8,
    /// The last reported value of each fact.
    reported: BTreeMap<Name, Option<Value>>,
    /// The last reported reason, while the source is lost.
    lost: Option<String>,
}

impl Reporter {
    pub fn new(source: &str, events: mpsc::Sender<SourceEvent>, step: u8) -> Self {
        Reporter { source: Name::new(source), events, step, reported: BTreeMap::new(), lost: None }
    }

    /// Reports the values that the source read at `at`. With `exact` a number is reported however little it changed.
    pub async fn works(
        &mut self,
        values: &[(Name, Option<Value>)],
        at: Time,
        exact: bool,
    ) -> Result<(), ReceiverDropped> {
        let status = if self.lost.take().is_some() { SourceStatus::Recovered } else { SourceStatus::Working };
        let news = values.iter().filter(|(fact, value)| self.is_reported(fact, *value, exact)).cloned().collect();
        let observations = self.observe(news, at);
        if status == SourceStatus::Working && observations.is_empty() {
            return Ok(());
        }
        self.send(status, observations).await
    }

    /// Reports that the source is lost and its `facts` are unknown. The same reason is reported once.
    pub async fn lost(&mut self, facts: &[Name], reason: String, at: Time) -> Result<(), ReceiverDropped> {
        if self.lost.as_ref() == Some(&reason) {
            return Ok(());
        }
        self.lost = Some(reason.clone());
        let news =
            facts.iter().filter(|fact| self.is_reported(fact, None, true)).map(|fact| (fact.clone(), None)).collect();
        let observations = self.observe(news, at);
        self.send(SourceStatus::Lost(reason), observations).await
    }

    fn is_reported(&self, fact: &str, value: Option<Value>, exact: bool) -> bool {
        let Some(&last) = self.reported.get(fact) else { return true };
        match (last, value) {
            (Some(Value::Number(last)), Some(Value::Number(now))) if !exact => {
                last != now && (last.abs_diff(now) >= self.step_of(fact, last) || is_end(fact, now))
            }
            _ => last != value,
        }
    }

    /// Returns the change of a number that is reported. A hundredth of the voltage is some five percent of a
    /// battery's charge.
    fn step_of(&self, fact: &str, last: i64) -> u64 {
        if fact == "battery_mv" { last.unsigned_abs() / 100 } else { u64::from(self.step) }
    }

    fn observe(&mut self, news: Vec<(Name, Option<Value>)>, at: Time) -> Vec<Observation> {
        self.reported.extend(news.iter().cloned());
        news.into_iter().map(|(fact, value)| Observation { fact, value, at }).collect()
    }

    async fn send(&self, status: SourceStatus, observations: Vec<Observation>) -> Result<(), ReceiverDropped> {
        let event = SourceEvent { source: self.source.clone(), status, observations };
        self.events.send(event).await.map_err(|_| ReceiverDropped)
    }
}

/// Returns whether the battery is full or empty: people look for that, and the last step may be shorter.
fn is_end(fact: &str, value: i64) -> bool {
    fact == "battery" && (value == 0 || value == 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns which of `values`, read one after the other, are reported.
    async fn report_all(fact: &'static str, values: &[i64], exact: bool) -> Vec<i64> {
        let (events, mut receiver) = mpsc::channel(64);
        let mut reporter = Reporter::new("test", events, 5);
        for value in values {
            reporter
                .works(&[(Name::new_static(fact), Some(Value::Number(*value)))], Time::from_millis(0), exact)
                .await
                .unwrap();
        }
        drop(reporter);
        let mut out = Vec::new();
        while let Some(event) = receiver.recv().await {
            assert_eq!(event.status, SourceStatus::Working);
            out.extend(event.observations.iter().map(|seen| match seen.value {
                Some(Value::Number(value)) => value,
                other => panic!("{other:?}"),
            }));
        }
        out
    }

    #[tokio::test]
    async fn the_battery_is_reported_by_steps_and_when_full_or_empty() {
        assert_eq!(report_all("battery", &[97, 96, 95, 93, 92, 88, 87, 90, 92], false).await, [97, 92, 87, 92]);
        assert_eq!(report_all("battery", &[97, 99, 100, 99, 100, 96, 95], false).await, [97, 100, 95]);
        assert_eq!(report_all("battery", &[3, 1, 0, 1, 0], false).await, [3, 0]);
        assert_eq!(report_all("battery", &[50, 51, 51, 50], true).await, [50, 51, 50]);
    }

    #[tokio::test]
    async fn the_voltage_is_reported_by_hundredths() {
        assert_eq!(report_all("battery_mv", &[13_400, 13_390, 13_300, 13_266, 13_300], false).await, [13_400, 13_266]);
        assert_eq!(report_all("battery_mv", &[0, 0, 1], false).await, [0, 1]);
    }

    #[tokio::test]
    async fn a_loss_is_reported_once_for_each_reason_and_its_end_once() {
        let (events, mut receiver) = mpsc::channel(64);
        let mut reporter = Reporter::new("test", events, 5);
        let at = Time::from_millis(7);
        let facts = [Name::new("power"), Name::new("battery")];
        for reason in ["refused", "refused", "stalled"] {
            reporter.lost(&facts, reason.to_owned(), at).await.unwrap();
        }
        for value in [Value::Off, Value::Off] {
            reporter
                .works(&[(Name::new("power"), Some(value)), (Name::new("battery"), None)], at, false)
                .await
                .unwrap();
        }
        drop(reporter);
        let seen = |fact: &str, value| Observation { fact: Name::new(fact), value, at };
        for (status, observations) in [
            (SourceStatus::Lost("refused".to_owned()), vec![seen("power", None), seen("battery", None)]),
            (SourceStatus::Lost("stalled".to_owned()), vec![]),
            (SourceStatus::Recovered, vec![seen("power", Some(Value::Off))]),
        ] {
            assert_eq!(receiver.recv().await, Some(SourceEvent { source: Name::new("test"), status, observations }));
        }
        assert_eq!(receiver.recv().await, None);
    }
}
