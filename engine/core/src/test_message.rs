//! Test messages: somebody asked for one, to see that it arrives.

use crate::{About, Engine, Id, Kind, Notification, Reachable, State, TestSnapshot, Time};

impl Engine {
    /// Returns a message of kind [`Test`](Kind::Test) to one channel, which `by` asked for. It is no decision: nothing
    /// is changed or kept, and neither quiet hours nor silences hold it.
    pub fn test_message(&self, state: &State, to: Reachable, by: &str, now: Time) -> Notification {
        let device = state.device().clone();
        let id = Id::of(&[
            b"test",
            device.id.as_bytes(),
            &now.as_millis().to_be_bytes(),
            to.recipient.as_bytes(),
            to.address.channel().as_str().as_bytes(),
        ]);
        Notification {
            id,
            at: now,
            kind: Kind::Test,
            step: 0,
            repeat: 0,
            recipient: to.recipient,
            address: to.address,
            timezone: to.timezone,
            device,
            about: About::Test(TestSnapshot { by: by.to_owned() }),
            facts: state.fact_snapshots(),
            wording: None,
        }
    }
}
