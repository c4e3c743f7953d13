//! A world whose calls fail by a plan.

use std::{
    collections::BTreeMap,
    future::{Future, pending},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use dag_cloud::{
    Commit, CommitError, Devices, Due, Fault, Messenger, Queues, Registration, Store, Stored, Suppression, World,
};
use dag_delivery::{Failure, MessageContent, Receipt};
use dag_engine::{Id, Millis, Name, Notification, Outcome, Time};
use dag_uplink::{Command, SignedRules};
use tokio::{sync::Notify, time::Instant};

use crate::{
    memory::{Memory, MemoryState},
    plan::{Call, CallFailure, Dice, Plan, Timers},
    queue::Queue,
};

tokio::task_local! {
    /// Notified when the process that makes the call dies.
    pub static PROCESS: Arc<Notify>;
}

/// A message that reached its receiver.
#[derive(Clone, Debug)]
pub struct Arrival {
    pub at: Time,
    /// Whether the answer was lost, so that the sender may try again.
    pub unheard: bool,
    pub notification: Notification,
    pub prepared: MessageContent,
}

pub struct Broken {
    pub memory: Memory,
    rig: Mutex<Rig>,
}

pub struct Rig {
    start: Time,
    epoch: Option<Instant>,
    pub plan: Plan,
    pub dice: Dice,
    /// All calls.
    pub calls: Vec<Call>,
    counts: BTreeMap<Call, usize>,
    attempts: BTreeMap<Name, usize>,
    /// The failures: the number of the call, the time, and the kind.
    pub failures: Vec<(usize, Time, CallFailure)>,
    pub events: Queue,
    pub deliveries: Queue,
    pub commands: Vec<(Name, Command)>,
    pub arrivals: Vec<Arrival>,
}

impl Broken {
    pub fn new(start: Time) -> Broken {
        Broken { memory: Memory::new(start), rig: Mutex::new(Rig::new(start, Plan::default())) }
    }

    /// Starts again with another plan.
    pub fn reset(&self, start: Time, plan: Plan) {
        *self.memory.lock() = MemoryState { now: start, ..Default::default() };
        *self.rig() = Rig { epoch: Some(Instant::now()), ..Rig::new(start, plan) };
    }

    pub fn rig(&self) -> MutexGuard<'_, Rig> {
        self.rig.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn around<T, E>(
        &self,
        call: Call,
        to: Option<&Name>,
        refused: impl Fn(CallFailure) -> Option<E>,
        act: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let (failure, pause) = self.rig().begin(call, to);
        // Gives concurrent tasks a turn.
        tokio::time::sleep(pause).await;
        let Some((number, failure)) = failure else { return act.await };
        let struck = |rig: &mut Rig| rig.failures.push((number, rig.now(), failure));
        struck(&mut self.rig());
        match failure {
            CallFailure::DieBefore => return die().await,
            CallFailure::Lost | CallFailure::DieAfter => {
                let done = act.await;
                if failure == CallFailure::DieAfter {
                    return die().await;
                }
                // A call that failed by itself keeps its error.
                return done.and_then(|done| refused(failure).map_or(Ok(done), Err));
            }
            CallFailure::Hang => tokio::time::sleep(Duration::from_secs(3)).await,
            _ => {}
        }
        match refused(failure) {
            Some(error) => Err(error),
            None => act.await,
        }
    }

    async fn calling<T>(&self, call: Call, act: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
        let refused = |failure| {
            let fault = Fault { what: "the test", error: format!("{call:?} {failure:?}") };
            (failure != CallFailure::Conflict).then_some(fault)
        };
        self.around(call, None, refused, act).await
    }
}

async fn die<T>() -> T {
    PROCESS.with(|process| process.notify_one());
    pending().await
}

impl Rig {
    fn new(start: Time, plan: Plan) -> Rig {
        Rig {
            start,
            epoch: None,
            dice: Dice(plan.seed),
            plan,
            calls: Vec::new(),
            counts: BTreeMap::new(),
            attempts: BTreeMap::new(),
            failures: Vec::new(),
            events: Queue::default(),
            deliveries: Queue::default(),
            commands: Vec::new(),
            arrivals: Vec::new(),
        }
    }

    pub fn now(&self) -> Time {
        let gone = self.epoch.map_or(Duration::ZERO, |epoch| epoch.elapsed());
        self.start + Millis::new(i64::try_from(gone.as_millis()).unwrap())
    }

    fn begin(&mut self, call: Call, to: Option<&Name>) -> (Option<(usize, CallFailure)>, Duration) {
        let number = self.calls.len();
        self.calls.push(call);
        let nth = *self.counts.entry(call).and_modify(|count| *count += 1).or_insert(1);
        let attempt = to.map(|to| *self.attempts.entry(to.clone()).and_modify(|count| *count += 1).or_insert(1));
        let of = self.plan.of.iter().find(|(kind, which, _)| *kind == call && which.contains(&nth));
        let about = self.plan.to.iter().find(|(name, which, _)| {
            to.is_some_and(|to| to == name) && attempt.is_some_and(|attempt| which.contains(&attempt))
        });
        let planned = self.plan.at.get(&number).copied();
        let planned = planned.or(of.map(|(.., failure)| *failure)).or(about.map(|(.., failure)| *failure));
        let chance = self.plan.until.is_none_or(|until| self.now() < until) && self.dice.one_of(self.plan.chance);
        let failure = planned.or_else(|| chance.then(|| self.dice.failure()));
        (failure.map(|failure| (number, failure)), Duration::from_millis(1 + self.dice.below(20)))
    }

    /// Puts a record into `events`, with the disorder of the plan.
    pub fn put(&mut self, body: &str, delay: Millis) {
        let timer = body.contains(r#""event":"timer""#) && delay > Millis::ZERO;
        let early = if timer && self.plan.timers == Timers::Early { 1 + self.dice.below(900) } else { 0 };
        let times = match self.plan.timers {
            Timers::Lost if timer => 0,
            Timers::Doubled if timer => 2,
            _ => 1,
        };
        let delay = Millis::new(delay.get() - i64::try_from(early).unwrap());
        for _ in 0..times {
            let manners = self.plan.manners;
            let more = if self.dice.one_of(manners.doubled) { 2 } else { 1 };
            for _ in 0..more {
                let late = if self.dice.one_of(manners.delayed) { manners.late.get().unsigned_abs() } else { 0 };
                let late = Millis::new(i64::try_from(self.dice.below(late + 1)).unwrap());
                let visible = self.now() + delay + late;
                self.events.send(body.to_owned(), visible);
            }
        }
    }
}

impl World for Broken {
    fn store(&self) -> &impl Store {
        self
    }

    fn queues(&self) -> &impl Queues {
        self
    }

    fn devices(&self) -> &impl Devices {
        self
    }

    fn messenger(&self) -> &impl Messenger {
        self
    }

    fn now(&self) -> Time {
        self.rig().now()
    }
}

impl Store for Broken {
    async fn load(&self, device: &str) -> Result<Option<Stored>, Fault> {
        self.calling(Call::Load, self.memory.load(device)).await
    }

    async fn commit(&self, commit: &Commit) -> Result<(), CommitError> {
        let refused = |failure| {
            Some(match failure {
                CallFailure::Conflict => CommitError::Conflict,
                _ => CommitError::Fault(Fault { what: "the test", error: format!("Commit {failure:?}") }),
            })
        };
        self.around(Call::Commit, None, refused, self.memory.commit(commit)).await
    }

    async fn prepared(&self, device: &str, message: Id) -> Result<Option<MessageContent>, Fault> {
        self.calling(Call::MessageContent, self.memory.prepared(device, message)).await
    }

    async fn due(&self, shard: u8, until: Time) -> Result<Vec<Due>, Fault> {
        self.calling(Call::Due, self.memory.due(shard, until)).await
    }

    async fn registration(&self, device: &str) -> Result<Option<Registration>, Fault> {
        self.calling(Call::Registration, self.memory.registration(device)).await
    }

    async fn rules(&self, hash: Id) -> Result<Option<SignedRules>, Fault> {
        self.calling(Call::Rules, self.memory.rules(hash)).await
    }

    async fn suppress(&self, address: &str, suppression: &Suppression) -> Result<(), Fault> {
        self.calling(Call::Suppress, self.memory.suppress(address, suppression)).await
    }
}

impl Queues for Broken {
    async fn events(&self, records: Vec<(String, Millis)>) -> Result<(), Fault> {
        let put = async {
            records.iter().for_each(|(body, delay)| self.rig().put(body, *delay));
            assert!(records.iter().all(|(_, delay)| *delay <= dag_cloud::LONGEST_DELAY), "{records:?}");
            Ok(())
        };
        self.calling(Call::Events, put).await
    }

    async fn deliveries(&self, records: Vec<String>) -> Result<(), Fault> {
        let put = async {
            let mut rig = self.rig();
            let now = rig.now();
            records.into_iter().for_each(|body| rig.deliveries.send(body, now));
            Ok(())
        };
        self.calling(Call::Deliveries, put).await
    }

    async fn dead_letter(&self, body: &str, reason: &str) -> Result<(), Fault> {
        self.calling(Call::DeadLetter, self.memory.dead_letter(body, reason)).await
    }
}

impl Devices for Broken {
    async fn command(&self, device: &str, command: &Command) -> Result<(), Fault> {
        let put = async {
            self.rig().commands.push((Name::new(device), command.clone()));
            Ok(())
        };
        self.calling(Call::Command, put).await
    }
}

impl Messenger for Broken {
    async fn send(&self, notification: &Notification, prepared: &MessageContent, _: Time) -> Result<Receipt, Failure> {
        self.is_durable(notification, prepared);
        let refused = |failure| match failure {
            CallFailure::Permanent => Some(Failure::Permanent { error: "no such address".to_owned() }),
            CallFailure::Conflict => None,
            _ => Some(Failure::Retry { error: format!("Send {failure:?}"), after: None }),
        };
        let arrive = async {
            let (notification, prepared) = (notification.clone(), prepared.clone());
            let mut rig = self.rig();
            let at = rig.now();
            let unheard = rig.failures.last().is_some_and(|(_, when, how)| *when == at && *how == CallFailure::Lost);
            rig.arrivals.push(Arrival { at, unheard, notification, prepared });
            Ok(Receipt { answer: "taken".to_owned() })
        };
        self.around(Call::Send, Some(&notification.recipient), refused, arrive).await
    }
}

impl Broken {
    /// Checks that the decision, the lease and the prepared message are durable before the message is sent.
    fn is_durable(&self, notification: &Notification, prepared: &MessageContent) {
        let state = self.memory.lock();
        let device = &notification.device.id;
        let decided = |outcome: &Outcome| matches!(outcome, Outcome::Notify(told) if told.id == notification.id);
        assert!(state.decisions[device].iter().any(|decision| decided(&decision.outcome)), "sent before it was kept");
        let item = state.item(device).expect("a device that tells is kept");
        assert!(item.outbox.get(notification.id).unwrap().is_leased(), "sent without a lease: {notification:?}");
        assert_eq!(state.prepared.get(&(device.clone(), notification.id)), Some(prepared));
    }
}
