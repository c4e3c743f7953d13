//! The connection of a device, as the broker's events and the device's own reports show it.
//!
//! The broker's events come doubled, late and out of order ("Lifecycle events" in the Developer Guide of AWS IoT Core).
//! `versionNumber` orders them: each connect increments it, a connect and its disconnect share it, and it restarts at 0
//! after the device was gone for about an hour. `timestamp` is accurate to two minutes. So it gives the time of an
//! event, and not the order of events.

use dag_engine::{Millis, Name, Time};
use serde::{Deserialize, Serialize};

/// How long a device is gone before the broker may restart its count at 0: a little less than the broker's hour.
const COUNT_RESTARTS_AFTER: Millis = Millis::new(50 * 60_000);

/// An event of the broker about a connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PresenceEvent {
    /// The device.
    pub client_id: Name,
    /// The begin or the end.
    pub event_type: ConnectionChange,
    /// The time of the event, accurate to about two minutes.
    #[serde(with = "millis")]
    pub timestamp: Time,
    /// The identity of the connection.
    pub session_identifier: String,
    /// The count of the device's connects.
    pub version_number: u64,
    /// The broker's reason for the end.
    #[serde(default, skip_serializing_if = "dag_engine::is_default")]
    pub disconnect_reason: Option<String>,
}

/// The begin or the end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConnectionChange {
    /// It began.
    Connected,
    /// It ended.
    Disconnected,
}

/// The known state of a device's connection.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Presence {
    /// The last connection that an event named.
    #[serde(default, skip_serializing_if = "dag_engine::is_default")]
    connection: Option<Connection>,
    /// The state of the connection (true: connected), and since when.
    #[serde(default, skip_serializing_if = "dag_engine::is_default")]
    state: Option<(bool, Time)>,
    /// The time of the last disconnect.
    #[serde(default, skip_serializing_if = "dag_engine::is_default")]
    gone: Option<Time>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Connection {
    version: u64,
    session: String,
    /// Its disconnect was seen.
    ended: bool,
}

/// The reasons why an event is ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stale {
    /// A later connection is known.
    OlderVersion,
    /// This event, or a later one of the same version, was seen before.
    Known,
    /// The event ends a connection that is not the current one.
    OtherSession,
}

impl Presence {
    /// Applies an event of the broker. Returns the change and its time, or `None` if the device was known to be in that
    /// state.
    ///
    /// # Errors
    /// The event is stale.
    pub fn event(&mut self, event: &PresenceEvent) -> Result<Option<(ConnectionChange, Time)>, Stale> {
        let at = event.timestamp;
        if let Some(known) = &self.connection {
            let later = event.version_number > known.version || self.count_may_restart(at);
            match event.event_type {
                _ if self.is_of_another_count(at) => return Err(Stale::OlderVersion),
                _ if later => {}
                _ if event.version_number < known.version => return Err(Stale::OlderVersion),
                ConnectionChange::Disconnected if known.ended => return Err(Stale::Known),
                ConnectionChange::Disconnected if event.session_identifier != known.session => {
                    return Err(Stale::OtherSession);
                }
                ConnectionChange::Disconnected => {}
                ConnectionChange::Connected => return Err(Stale::Known),
            }
        }
        let ended = event.event_type == ConnectionChange::Disconnected;
        let (version, session) = (event.version_number, event.session_identifier.clone());
        self.connection = Some(Connection { version, session, ended });
        Ok(self.set(event.event_type, at))
    }

    /// Applies a report of the device: it proves a connection at the time when the broker received it, unless a later
    /// disconnect is known. Returns the change as [`event`](Self::event) does.
    pub fn report(&mut self, received_at: Time) -> Option<(ConnectionChange, Time)> {
        if self.gone.is_some_and(|gone| received_at <= gone) {
            return None;
        }
        self.set(ConnectionChange::Connected, received_at)
    }

    /// Returns whether the device is connected, and since when. Returns `None` before the first event or report.
    pub fn state(&self) -> Option<(bool, Time)> {
        self.state
    }

    /// Returns whether the broker may have restarted its count. For that the last connection must have ended. A report
    /// that came since does not matter, because it may overtake the event of its connection's begin.
    fn count_may_restart(&self, at: Time) -> bool {
        self.connection.as_ref().is_some_and(|known| known.ended)
            && self.gone.is_some_and(|gone| at.since(gone) >= COUNT_RESTARTS_AFTER)
    }

    /// Returns whether an event is so much older than the known state that its version may belong to an earlier count.
    /// A high version means nothing then.
    fn is_of_another_count(&self, at: Time) -> bool {
        self.state.is_some_and(|(_, since)| since.since(at) >= COUNT_RESTARTS_AFTER)
    }

    fn set(&mut self, change: ConnectionChange, at: Time) -> Option<(ConnectionChange, Time)> {
        let connected = change == ConnectionChange::Connected;
        if !connected {
            self.gone = Some(at);
        }
        if self.state.is_some_and(|(was, _)| was == connected) {
            return None;
        }
        self.state = Some((connected, at));
        Some((change, at))
    }
}

/// Times as the broker writes them: milliseconds since 1970.
mod millis {
    use dag_engine::Time;
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(time: &Time, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(time.as_millis())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Time, D::Error> {
        i64::deserialize(deserializer).map(Time::from_millis)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns an event: `c` connects, `d` disconnects.
    fn event(what: char, version: u64, session: &str, minute: i64) -> PresenceEvent {
        let event_type = if what == 'c' { ConnectionChange::Connected } else { ConnectionChange::Disconnected };
        PresenceEvent {
            client_id: Name::new("cottage"),
            event_type,
            timestamp: Time::from_millis(minute * 60_000),
            session_identifier: session.to_owned(),
            version_number: version,
            disconnect_reason: None,
        }
    }

    /// Returns the result of each event: `+5` connected since minute 5, `-5` disconnected since then, `=` no change,
    /// else the reason why the event is stale.
    fn results(story: &[PresenceEvent]) -> String {
        let mut presence = Presence::default();
        let results = story.iter().map(|event| match presence.event(event) {
            Ok(Some((ConnectionChange::Connected, at))) => format!("+{}", at.as_millis() / 60_000),
            Ok(Some((ConnectionChange::Disconnected, at))) => format!("-{}", at.as_millis() / 60_000),
            Ok(None) => "=".to_owned(),
            Err(stale) => format!("{stale:?}"),
        });
        results.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_connection_begins_and_ends() {
        assert_eq!(results(&[event('c', 0, "a", 1), event('d', 0, "a", 5), event('c', 1, "b", 6)]), "+1 -5 +6");
    }

    #[test]
    fn doubled_events_are_ignored() {
        let (begins, ends) = (event('c', 3, "a", 1), event('d', 3, "a", 5));
        assert_eq!(results(&[begins.clone(), begins.clone(), ends.clone(), ends, begins]), "+1 Known -5 Known Known");
    }

    #[test]
    fn in_one_version_a_disconnect_beats_a_connect_that_comes_late() {
        assert_eq!(results(&[event('c', 1, "a", 1), event('d', 2, "b", 9), event('c', 2, "b", 8)]), "+1 -9 Known");
    }

    #[test]
    fn a_late_disconnect_of_an_old_connection_ends_nothing() {
        assert_eq!(
            results(&[event('c', 1, "a", 1), event('c', 2, "b", 3), event('d', 1, "a", 4)]),
            "+1 = OlderVersion"
        );
        assert_eq!(results(&[event('c', 2, "b", 3), event('d', 2, "a", 4)]), "+3 OtherSession");
    }

    #[test]
    fn a_lower_version_counts_only_after_the_device_was_gone_for_long() {
        let gone = [event('c', 7, "a", 1), event('d', 7, "a", 10)];
        let back = |minute| results(&[gone.as_slice(), &[event('c', 0, "b", minute)]].concat());
        assert_eq!(back(59), "+1 -10 OlderVersion");
        assert_eq!(back(60), "+1 -10 +60");
    }

    #[test]
    fn a_restarted_count_is_followed_though_a_report_overtook_the_connect() {
        let minute = |minute: i64| Time::from_millis(minute * 60_000);
        let mut presence = Presence::default();
        for event in [event('c', 7, "a", 1), event('d', 7, "a", 10)] {
            assert!(presence.event(&event).unwrap().is_some());
        }
        assert_eq!(presence.report(minute(81)), Some((ConnectionChange::Connected, minute(81))));
        assert_eq!(presence.event(&event('c', 0, "b", 80)), Ok(None));
        assert_eq!(presence.event(&event('d', 0, "b", 90)), Ok(Some((ConnectionChange::Disconnected, minute(90)))));
        // And if the connect never came.
        assert_eq!(presence.report(minute(161)), Some((ConnectionChange::Connected, minute(161))));
        assert_eq!(presence.event(&event('d', 0, "c", 170)), Ok(Some((ConnectionChange::Disconnected, minute(170)))));
    }

    #[test]
    fn a_doubled_disconnect_from_before_the_restart_is_ignored() {
        let ends = event('d', 7, "a", 10);
        let story = [event('c', 7, "a", 1), ends.clone(), event('c', 0, "b", 70), ends, event('d', 0, "b", 80)];
        assert_eq!(results(&story), "+1 -10 +70 OlderVersion -80");
    }

    #[test]
    fn a_report_proves_a_connection_unless_a_later_disconnect_is_known() {
        let minute = |minute: i64| Time::from_millis(minute * 60_000);
        let mut presence = Presence::default();
        assert_eq!(presence.report(minute(1)), Some((ConnectionChange::Connected, minute(1))));
        assert_eq!(presence.report(minute(2)), None);
        assert!(presence.event(&event('d', 4, "a", 5)).unwrap().is_some());
        assert_eq!(presence.report(minute(5)), None);
        assert_eq!(presence.state(), Some((false, minute(5))));
        assert_eq!(presence.report(minute(6)), Some((ConnectionChange::Connected, minute(6))));
        // The disconnect that was seen does not end it again.
        assert_eq!(presence.event(&event('d', 4, "a", 5)), Err(Stale::Known));
    }
}
