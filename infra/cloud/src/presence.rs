//! Whether a device is connected, as far as the broker's events and the device's own reports tell.
//!
//! The broker's events come doubled, late and out of order. `versionNumber` orders them: it rises by one with each connect,
//! a connect and its disconnect share it, and it falls back to 0 after the device was gone for about an hour. Their
//! `timestamp` is good to two minutes only, so it says when something happened, never what came first.

use dag_engine::{Millis, Name, Time};
use serde::{Deserialize, Serialize};

/// After so long without a connection the broker may count from 0 again: a little less than its hour.
const COUNTS_ANEW: Millis = Millis::new(50 * 60_000);

/// What the broker says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PresenceEvent {
    /// The device.
    pub client_id: Name,
    /// What happened.
    pub event_type: ConnectionChange,
    /// When, to about two minutes.
    #[serde(with = "millis")]
    pub timestamp: Time,
    /// The connection that it is about.
    pub session_identifier: String,
    /// Which connect of the device it belongs to.
    pub version_number: u64,
    /// Why it ended, in the broker's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disconnect_reason: Option<String>,
}

/// What happened to a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConnectionChange {
    /// It began.
    Connected,
    /// It ended.
    Disconnected,
}

/// What is known of a device's connection.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Presence {
    /// The connection that was heard of last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    connection: Option<Connection>,
    /// Since when there is a connection or none; the first is that there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    state: Option<(bool, Time)>,
    /// When the last disconnect was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    gone: Option<Time>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Connection {
    version: u64,
    session: String,
    /// Its disconnect was seen.
    ended: bool,
}

/// Why an event says nothing new.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stale {
    /// A later connection is known.
    OlderVersion,
    /// It was seen before, or what came after it in this version was.
    Known,
    /// It ends another connection than the one that is there.
    OtherSession,
}

impl Presence {
    /// Takes an event of the broker over. Answers the reading that it amounts to: connected or not, since when; `None` where
    /// that was known already.
    ///
    /// # Errors
    /// Why it says nothing new.
    pub fn event(&mut self, event: &PresenceEvent) -> Result<Option<(ConnectionChange, Time)>, Stale> {
        let at = event.timestamp;
        if let Some(known) = &self.connection {
            let later = event.version_number > known.version || self.counts_anew(at);
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

    /// A report of the device proves that it had a connection when the broker took it; not if a disconnect came later.
    pub fn report(&mut self, received_at: Time) -> Option<(ConnectionChange, Time)> {
        if self.gone.is_some_and(|gone| received_at <= gone) {
            return None;
        }
        self.set(ConnectionChange::Connected, received_at)
    }

    /// Whether the device is connected, and since when; `None` where nothing was heard yet.
    pub fn state(&self) -> Option<(bool, Time)> {
        self.state
    }

    /// Whether the broker may have forgotten how far it had counted. The last connection has to have ended then; what a
    /// report proved since does not matter, for it may overtake the event that its connection began.
    fn counts_anew(&self, at: Time) -> bool {
        self.connection.as_ref().is_some_and(|known| known.ended)
            && self.gone.is_some_and(|gone| at.since(gone) >= COUNTS_ANEW)
    }

    /// Whether an event was so long before what is known that its version may be of a count that is over: a high one says
    /// nothing then.
    fn is_of_another_count(&self, at: Time) -> bool {
        self.state.is_some_and(|(_, since)| since.since(at) >= COUNTS_ANEW)
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

/// The broker writes times as milliseconds since 1970.
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

    /// `c` or `d`, a version, a session, and when, in minutes.
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

    /// What each event of a story led to: `+5` connected since minute 5, `-5` not, `=` as before, else why it is stale.
    fn told(story: &[PresenceEvent]) -> String {
        let mut presence = Presence::default();
        let told = story.iter().map(|event| match presence.event(event) {
            Ok(Some((ConnectionChange::Connected, at))) => format!("+{}", at.as_millis() / 60_000),
            Ok(Some((ConnectionChange::Disconnected, at))) => format!("-{}", at.as_millis() / 60_000),
            Ok(None) => "=".to_owned(),
            Err(stale) => format!("{stale:?}"),
        });
        told.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_connection_begins_and_ends() {
        assert_eq!(told(&[event('c', 0, "a", 1), event('d', 0, "a", 5), event('c', 1, "b", 6)]), "+1 -5 +6");
    }

    #[test]
    fn doubled_events_say_nothing_new() {
        let (begins, ends) = (event('c', 3, "a", 1), event('d', 3, "a", 5));
        assert_eq!(told(&[begins.clone(), begins.clone(), ends.clone(), ends, begins]), "+1 Known -5 Known Known");
    }

    #[test]
    fn in_one_version_a_disconnect_beats_a_connect_that_comes_late() {
        assert_eq!(told(&[event('c', 1, "a", 1), event('d', 2, "b", 9), event('c', 2, "b", 8)]), "+1 -9 Known");
    }

    #[test]
    fn a_late_disconnect_of_an_old_connection_ends_nothing() {
        assert_eq!(told(&[event('c', 1, "a", 1), event('c', 2, "b", 3), event('d', 1, "a", 4)]), "+1 = OlderVersion");
        assert_eq!(told(&[event('c', 2, "b", 3), event('d', 2, "a", 4)]), "+3 OtherSession");
    }

    #[test]
    fn a_lower_version_counts_only_after_the_device_was_gone_for_long() {
        let gone = [event('c', 7, "a", 1), event('d', 7, "a", 10)];
        let back = |minute| told(&[gone.as_slice(), &[event('c', 0, "b", minute)]].concat());
        assert_eq!(back(59), "+1 -10 OlderVersion");
        assert_eq!(back(60), "+1 -10 +60");
    }

    #[test]
    fn a_counter_that_fell_back_is_followed_though_a_report_overtook_the_connect() {
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
    fn a_doubled_end_from_before_the_counter_fell_back_ends_nothing() {
        let ends = event('d', 7, "a", 10);
        let story = [event('c', 7, "a", 1), ends.clone(), event('c', 0, "b", 70), ends, event('d', 0, "b", 80)];
        assert_eq!(told(&story), "+1 -10 +70 OlderVersion -80");
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
