//! The laws that hold at the end of every story.

use std::collections::{BTreeMap, BTreeSet};

use dag_delivery::{Entry, EntryState, LEASE};
use dag_engine::{Channel, Id, Kind, Millis, Name, Outcome, Time};

use crate::{broken::Arrival, fleet::Fleet};

/// The kinds of messages that arrived: device, rule, recipient, channel, kind.
pub type Arrived = BTreeSet<ArrivedKind>;

pub type ArrivedKind = (Name, Name, Name, Channel, &'static str);

/// The number of decided messages, and of their ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    pub required: usize,
    pub delivered: usize,
    pub undelivered: usize,
    pub withdrawn: usize,
    pub withheld: usize,
    /// Messages that arrived again.
    pub again: usize,
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Opened => "opened",
        Kind::Escalated => "escalated",
        Kind::Reminder => "reminder",
        Kind::Acknowledged => "acknowledged",
        Kind::Resolved => "resolved",
        Kind::Past => "past",
        Kind::System => "system",
        Kind::Test => "test",
    }
}

fn what(arrival: &Arrival) -> ArrivedKind {
    let told = &arrival.notification;
    let rule = told.incident().map(|incident| incident.rule.clone()).unwrap_or_default();
    (told.device.id.clone(), rule, told.recipient.clone(), told.channel(), kind(told.kind))
}

impl Fleet {
    /// Returns the kinds of messages that arrived.
    pub fn arrived_kinds(&self) -> Arrived {
        self.world().rig().arrivals.iter().map(what).collect()
    }

    /// Returns when each kind of message arrived first.
    pub fn when(&self) -> BTreeMap<ArrivedKind, Time> {
        self.world().rig().arrivals.iter().rev().map(|arrival| (what(arrival), arrival.at)).collect()
    }

    /// Returns how many messages of a kind a recipient got. One that came twice counts once.
    pub fn arrived(&self, recipient: &str, what: Kind) -> usize {
        let rig = self.world().rig();
        let arrived = rig.arrivals.iter().map(|arrival| &arrival.notification);
        let same = arrived.filter(|told| told.recipient == recipient && told.kind == what);
        same.map(|told| told.id).collect::<BTreeSet<_>>().len()
    }

    /// Checks the laws that hold in every story. Dead letters are not looked at.
    pub fn holds(&self) -> Sum {
        let mut sum = self.adds_up();
        sum.again = self.repeats_only_after_a_failure();
        self.tells_the_end();
        self.leaves_nothing();
        sum
    }

    /// Every decided message came to one end.
    fn adds_up(&self) -> Sum {
        let state = self.world().memory.lock();
        let rig = self.world().rig();
        let mut sum = Sum::default();
        let mut required = BTreeSet::new();
        let mut finished: BTreeMap<Id, &Entry> = BTreeMap::new();
        for (device, entry) in &state.finished {
            let before = finished.insert(entry.notification.id, entry);
            assert!(before.is_none(), "two ends of one message of {device}: {before:?}, {entry:?}");
        }
        for decision in state.decisions.values().flatten() {
            match &decision.outcome {
                Outcome::Notify(message) => {
                    assert!(required.insert(message.id), "decided twice: {message:?}");
                    let entry = finished.get(&message.id).unwrap_or_else(|| panic!("nothing became of {message:?}"));
                    let arrived = rig.arrivals.iter().any(|arrival| arrival.notification.id == message.id);
                    match entry.state {
                        EntryState::Delivered { .. } => {
                            assert!(arrived, "counts as delivered and never arrived: {message:?}");
                            sum.delivered += 1;
                        }
                        EntryState::Undelivered { .. } => {
                            assert!(entry.last_error.is_some(), "undelivered without a reason: {message:?}");
                            sum.undelivered += 1;
                        }
                        EntryState::Withdrawn { .. } => {
                            assert!(!arrived, "withdrawn though it arrived: {message:?}");
                            sum.withdrawn += 1;
                        }
                        _ => panic!("no end: {entry:?}"),
                    }
                }
                Outcome::Withheld { .. } => sum.withheld += 1,
                _ => {}
            }
        }
        sum.required = required.len();
        assert_eq!(sum.required, finished.len(), "messages that nobody decided");
        assert_eq!(sum.required, sum.delivered + sum.undelivered + sum.withdrawn, "{sum:?}");
        sum
    }

    /// A message arrives twice only if something went wrong after it arrived, when its lease had run out; and it is the
    /// same.
    fn repeats_only_after_a_failure(&self) -> usize {
        let rig = self.world().rig();
        let mut last: BTreeMap<Id, &Arrival> = BTreeMap::new();
        let mut again = 0;
        for arrival in &rig.arrivals {
            let Some(before) = last.insert(arrival.notification.id, arrival) else { continue };
            again += 1;
            assert_eq!(before.notification, arrival.notification);
            assert_eq!(before.prepared, arrival.prepared);
            let leased = before.at + Millis::new(LEASE.get() - 5_000);
            assert!(before.unheard || arrival.at >= leased, "twice at once: {arrival:?}");
            let failure = rig.failures.iter().any(|(_, when, _)| (before.at..=arrival.at).contains(when));
            assert!(failure, "twice, and nothing went wrong: {arrival:?}");
        }
        again
    }

    /// A recipient who was told of the begin is told of the end once, and of nothing after it.
    fn tells_the_end(&self) {
        let state = self.world().memory.lock();
        let arrivals = &self.world().rig().arrivals;
        let mut lanes: BTreeMap<(Id, &Name, Channel), Vec<&Arrival>> = BTreeMap::new();
        for arrival in arrivals {
            let told = &arrival.notification;
            let Some(incident) = told.incident() else { continue };
            let lane = lanes.entry((incident.id, &told.recipient, told.channel())).or_default();
            if lane.iter().all(|other| other.notification.id != told.id) {
                lane.push(arrival);
            }
        }
        let is_last = |kind: Kind| matches!(kind, Kind::Resolved | Kind::Past);
        for (lane, told) in lanes {
            let (last, before) = told.split_last().unwrap();
            assert!(before.iter().all(|told| !is_last(told.notification.kind)), "more after the end: {told:?}");
            let given_up = state.finished.iter().any(|(_, entry)| {
                let told = &entry.notification;
                told.incident().is_some_and(|incident| incident.id == lane.0)
                    && (&told.recipient, told.channel()) == (lane.1, lane.2)
                    && is_last(told.kind)
                    && matches!(entry.state, EntryState::Undelivered { .. })
            });
            assert!(is_last(last.notification.kind) || given_up, "{lane:?} is never told of the end: {told:?}");
        }
    }

    /// No incident is open, no message waits, no deadline is overdue.
    fn leaves_nothing(&self) {
        let state = self.world().memory.lock();
        for device in state.items.keys() {
            let item = state.item(device).unwrap();
            assert!(item.outbox.is_empty(), "{:?}", item.outbox);
            assert_eq!(item.state.open_incidents().count(), 0, "of {device}");
            assert!(item.due().is_none_or(|due| due > state.now), "{device} is overdue since {:?}", item.due());
        }
        assert_eq!(state.prepared, BTreeMap::new(), "what was said is kept for longer than is needed");
    }

    /// Checks that there are no dead letters.
    pub fn has_no_dead_letters(&self) {
        let state = self.world().memory.lock();
        assert_eq!(state.dead_letters, []);
        let rig = self.world().rig();
        let dead: Vec<_> = rig.events.dead.iter().chain(&rig.deliveries.dead).map(|message| &message.body).collect();
        assert_eq!(dead, Vec::<&String>::new(), "came too often");
    }
}
