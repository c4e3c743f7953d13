//! Boots of a machine whose clock is wrong: engine, outbox and store go through them together, with the time as an
//! argument.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests may fail the test"
)]

use std::{
    collections::BTreeSet,
    fs,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use dag::{
    clock::{Clock, ClockUncertainty, KnownBoot, Machine, Timesync},
    daemon::DurableEngine,
    source::Observation,
    store::{Retention, Store, Window},
};
use dag_config::Config;
use dag_delivery::{Failure, LeasedMessage, Receipt};
use dag_engine::{GivenAs, Id, Input, Millis, Notification, Outcome, Silence, Time, Value};
use dag_rulebook::Rulebook;
use tempfile::TempDir;

const RULES: &str = r#"
    [rule.outage]
    when       = "power == off"
    open_after = "1m"
    escalation = "owners"
    [escalation]
    owners = [{ notify = ["nor"] }, { after = "4h", notify = ["kim"] }]
    [group]
    owners = ["nor"]
    [recipient.nor]
    email = "nor@example.com"
    [recipient.kim]
    email = "kim@example.com"
    quiet = { from = "22:00", to = "07:00" }
"#;

/// The clocks of a machine, which move as the test says.
#[derive(Debug)]
struct House(Mutex<Clocks>);

#[derive(Clone, Copy, Debug)]
struct Clocks {
    system: Time,
    running: Duration,
    timesync: Timesync,
    id: Id,
}

impl Machine for House {
    fn system(&self) -> Time {
        self.0.lock().unwrap().system
    }
    fn running(&self) -> Duration {
        self.0.lock().unwrap().running
    }
    fn timesync(&self) -> Timesync {
        self.0.lock().unwrap().timesync
    }
    fn boot_id(&self) -> Option<Id> {
        Some(self.0.lock().unwrap().id)
    }
}

/// A start of the daemon: what it does, without its sources and connections.
struct Daemon<'a> {
    folder: &'a Path,
    house: Arc<House>,
    clock: Clock,
    engine: DurableEngine,
}

/// Starts the machine with this time of its clock, and the daemon a minute later. Each boot has another number.
fn boot<'a>(folder: &'a TempDir, number: u8, system: &str, timesync: Timesync) -> Daemon<'a> {
    let id = Id::parse(&format!("{number:032x}")).unwrap();
    let clocks = Clocks { system: time(system), running: Duration::from_secs(60), timesync, id };
    start(folder.path(), Arc::new(House(Mutex::new(clocks))))
}

fn open(folder: &Path) -> (DurableEngine, Config, Option<Time>) {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    fs::copy(top.join("config.toml"), folder.join("config.toml")).unwrap();
    fs::create_dir_all(folder.join("rules")).unwrap();
    fs::write(folder.join("rules/all.toml"), RULES).unwrap();
    let config = Config::load(&folder.join("config.toml"), &[("site.timezone".into(), "UTC".into())]).unwrap();
    let rulebook = Rulebook::prove(&folder.join("rules"), &config).unwrap();
    let (store, opened) = Store::open(folder.join("dag.redb"), Retention { bytes: 64 << 20 }).unwrap();
    let mut engine = DurableEngine::open(rulebook, config.device(None).unwrap(), store, opened.boot).unwrap();
    engine.report_to_the_cloud(Some(1 << 20));
    (engine, config, opened.last_alive)
}

fn start(folder: &Path, house: Arc<House>) -> Daemon<'_> {
    let (mut engine, config, last_alive) = open(folder);
    let clock = engine.start_clock(Arc::<House>::clone(&house), last_alive).unwrap();
    engine.follow(&clock);
    engine.begin(config.device(None).unwrap(), &clock);
    engine.start_sending();
    Daemon { folder, house, clock, engine }
}

impl<'a> Daemon<'a> {
    /// Lets so many minutes pass. The daemon looks at the clock each minute, and does what is due.
    fn pass(&mut self, minutes: u32) {
        for _ in 0..minutes {
            let minute = Duration::from_secs(60);
            let mut clocks = self.house.0.lock().unwrap();
            clocks.system = clocks.system + Millis::new(60_000);
            clocks.running += minute;
            drop(clocks);
            self.look();
        }
    }

    fn look(&mut self) {
        self.engine.follow(&self.clock);
        let now = self.clock.now();
        if self.engine.next_step_at().is_some_and(|at| at <= now) {
            self.engine.apply(Input::Elapsed, now);
        }
        self.engine.record_alive(now);
    }

    /// A time server answers, and sets the system's clock.
    fn answer(&mut self, system: &str) {
        let mut clocks = self.house.0.lock().unwrap();
        (clocks.system, clocks.timesync) = (time(system), Timesync::Answered(time(system)));
        drop(clocks);
        self.look();
    }

    fn read(&mut self, value: Value) {
        let (at, uncertain) = (self.clock.now(), self.clock.uncertainty().is_some());
        let seen = Observation { fact: "power".into(), value: Some(value), at };
        self.engine.observe(&"bench".into(), vec![seen], uncertain, at);
    }

    /// Makes the attempts that are due. Returns the messages.
    fn send(&mut self, result: Result<(), &str>) -> Vec<Notification> {
        let now = self.clock.now();
        let leased = self.engine.take_leased(now);
        for LeasedMessage { notification, .. } in &leased {
            let result = match result {
                Ok(()) => Ok(Receipt { answer: "taken".to_owned() }),
                Err(error) => Err(Failure::Retry { error: error.to_owned(), after: None }),
            };
            self.engine.settle(notification.id, result, now);
        }
        leased.into_iter().map(|message| message.notification).collect()
    }

    /// Starts the daemon again, a minute later. The machine runs on.
    fn restart(self) -> Daemon<'a> {
        let (folder, house) = (self.folder, Arc::clone(&self.house));
        self.engine.record_alive(self.clock.now());
        drop(self);
        let mut clocks = house.0.lock().unwrap();
        clocks.system = clocks.system + Millis::new(60_000);
        clocks.running += Duration::from_secs(60);
        drop(clocks);
        start(folder, house)
    }

    fn now(&self) -> String {
        self.clock.now().to_string()
    }

    /// Returns since when the incident is open.
    fn since(&self) -> String {
        self.engine.state().open_incidents().next().unwrap().since.to_string()
    }

    /// Panics where anything that is kept waits for a time, or has one, that is further away than a day.
    #[track_caller]
    fn check_nothing_is_stuck(&self) {
        let now = self.clock.now();
        let latest = now + Millis::new(86_400_000);
        let engine = &self.engine;
        let dues = engine.outbox().iter().flat_map(|entry| [entry.due(), Some(entry.queued_at)]).flatten();
        let holds = engine.state().silences().map(|silence| silence.until);
        let times = dues.chain(holds).chain(engine.state().next_deadline()).chain(engine.next_due());
        for at in times {
            assert!(at <= latest, "{at}, and it is {now}");
        }
        let seen = engine.state().facts().map(|(.., at)| at);
        let queued = engine.store().queued_readings(usize::MAX).unwrap().into_iter();
        let queued = queued.map(|(_, queued)| queued.reading.reading.at);
        let boots = engine.store().boots().unwrap().into_iter().map(|boot| boot.last);
        for at in seen.chain(queued).chain(boots).chain([engine.state().now()]) {
            assert!(at <= now, "{at}, and it is {now}");
        }
    }
}

fn time(text: &str) -> Time {
    text.parse().unwrap()
}

fn answered(at: &str) -> Timesync {
    Timesync::Answered(time(at))
}

/// Returns the words of a message.
fn words(daemon: &Daemon<'_>, message: &Notification) -> String {
    let (content, problems) = daemon.engine.rulebook().templates.prepare(message);
    assert!(problems.is_empty());
    format!("{content:?}")
}

/// Boot 1: right, with power.
fn right_boot(folder: &TempDir) {
    let mut daemon = boot(folder, 1, "2026-03-01T08:00:00Z", answered("2026-03-01T08:00:00Z"));
    daemon.read(Value::On);
    daemon.pass(180);
    assert_eq!((daemon.now().as_str(), daemon.clock.uncertainty()), ("2026-03-01T11:00:00Z", None));
}

/// Boot 2: in 2066, from 12:00 to 15:00 by its clock. The power goes at 12:30, and no message gets through.
fn boot_in_2066(folder: &TempDir) {
    let mut daemon = boot(folder, 2, "2066-07-01T12:00:00Z", Timesync::Waits);
    daemon.pass(30);
    daemon.read(Value::Off);
    for _ in 0..150 {
        daemon.pass(1);
        daemon.send(Err("no network"));
    }
    assert_eq!((daemon.now().as_str(), daemon.since().as_str()), ("2066-07-01T15:00:00Z", "2066-07-01T12:30:00Z"));
}

#[test]
fn a_boot_in_2066_does_not_hold_the_next_one_there() {
    let folder = tempfile::tempdir().unwrap();
    right_boot(&folder);
    boot_in_2066(&folder);
    let mut daemon = boot(&folder, 3, "2026-03-01T17:00:00Z", answered("2026-03-01T16:59:30Z"));
    assert_eq!((daemon.now().as_str(), daemon.clock.uncertainty()), ("2026-03-01T17:00:00Z", None));
    // Two and a half hours before the end of that boot, which ended when this one began.
    assert_eq!(daemon.since(), "2026-03-01T14:30:00Z");
    daemon.check_nothing_is_stuck();

    // The mail is due within the pause between attempts, and the next step 4 hours after the first one fired.
    daemon.pass(15);
    let mails = daemon.send(Ok(()));
    assert_eq!(mails.len(), 1);
    daemon.pass(76);
    let mails = daemon.send(Ok(()));
    assert_eq!(mails.iter().map(|mail| mail.recipient.as_str()).collect::<Vec<_>>(), ["kim"]);
    assert_eq!(daemon.now(), "2026-03-01T18:31:00Z");

    daemon.read(Value::On);
    let mails = daemon.send(Ok(()));
    assert_eq!(mails.iter().map(|mail| mail.recipient.as_str()).collect::<BTreeSet<_>>(), ["kim", "nor"].into());
    let over = mails[0].incident().unwrap();
    assert_eq!((over.since, over.ended), (time("2026-03-01T14:30:00Z"), Some(time("2026-03-01T18:31:00Z"))));
    assert!(over.uncertain);
    let words = words(&daemon, &mails[0]);
    assert!(words.contains("clock") && !words.contains("2066"), "{words}");
}

#[test]
fn a_time_server_that_answers_hours_after_the_start_moves_both_boots() {
    let folder = tempfile::tempdir().unwrap();
    right_boot(&folder);
    boot_in_2066(&folder);
    let mut daemon = boot(&folder, 3, "2026-03-01T17:00:00Z", Timesync::Waits);
    assert_eq!(daemon.now(), "2066-07-01T15:00:00.001Z");
    assert_eq!(daemon.clock.uncertainty(), Some(ClockUncertainty::Behind));
    daemon.pass(120);
    let until = daemon.clock.now() + Millis::new(7_200_000);
    let silence = Silence {
        device: None,
        labels: Default::default(),
        rule: Some("outage".into()),
        from: daemon.clock.now(),
        from_given: GivenAs::Length,
        until,
        until_given: GivenAs::Length,
        by: "nor".to_owned(),
    };
    daemon.engine.apply(Input::Silence(silence), daemon.clock.now());
    daemon.pass(60);
    daemon.answer("2026-03-01T20:00:00Z");
    assert_eq!((daemon.now().as_str(), daemon.clock.uncertainty()), ("2026-03-01T20:00:00Z", None));
    assert_eq!(daemon.since(), "2026-03-01T14:30:00Z");
    assert_eq!(daemon.engine.state().silences().next().unwrap().until, time("2026-03-01T21:00:00Z"));
    daemon.check_nothing_is_stuck();
    // The step of kim has waited for the silence, which ends in time. His quiet hours begin at 22:00.
    daemon.pass(61);
    let told: BTreeSet<String> = daemon.send(Ok(())).iter().map(|mail| mail.recipient.to_string()).collect();
    assert!(told.contains("kim"), "{told:?}");
}

#[test]
fn a_clock_that_was_twelve_hours_ahead_goes_back() {
    let folder = tempfile::tempdir().unwrap();
    right_boot(&folder);
    {
        // At 12:00, by a battery-backed clock that shows midnight. Nobody knows of a time server.
        let mut daemon = boot(&folder, 2, "2026-03-02T00:00:00Z", Timesync::Unknown);
        daemon.read(Value::Off);
        let mut told = Vec::new();
        for _ in 0..180 {
            daemon.pass(1);
            told.extend(daemon.send(Ok(())).into_iter().map(|mail| mail.recipient));
        }
        assert_eq!(told, ["nor"]);
    }
    let mut daemon = boot(&folder, 3, "2026-03-02T03:30:00Z", Timesync::Unknown);
    daemon.pass(10);
    daemon.answer("2026-03-01T15:40:00Z");
    assert_eq!((daemon.now().as_str(), daemon.clock.uncertainty()), ("2026-03-01T15:40:00Z", None));
    // Half an hour late: the machine was off for that long.
    assert_eq!(daemon.since(), "2026-03-01T12:30:00Z");
    daemon.check_nothing_is_stuck();
}

#[test]
fn two_boots_in_a_row_that_were_ahead_follow_each_other() {
    let folder = tempfile::tempdir().unwrap();
    right_boot(&folder);
    boot_in_2066(&folder);
    {
        let mut daemon = boot(&folder, 3, "2070-01-01T00:00:00Z", Timesync::Waits);
        daemon.pass(60);
        daemon.read(Value::On);
        daemon.pass(60);
    }
    let mut daemon = boot(&folder, 4, "2026-03-01T20:00:00Z", answered("2026-03-01T20:00:00Z"));
    daemon.check_nothing_is_stuck();
    let past = daemon.engine.store().decisions(Window::newest(1_000)).unwrap();
    let shifts: Vec<(u64, bool)> = past
        .iter()
        .filter_map(|decision| match decision.outcome {
            Outcome::ClockSet { boot, estimated, .. } => Some((boot, estimated)),
            _ => None,
        })
        .collect();
    assert_eq!(shifts, [(2, true), (3, true), (4, false)]);
    let queued = daemon.engine.store().queued_readings(usize::MAX).unwrap();
    let queued: Vec<String> = queued.iter().map(|(_, queued)| queued.reading.reading.at.to_string()).collect();
    // The last reading came an hour before the end of boot 3, and that before it an hour and two and a half earlier.
    assert_eq!(queued, ["2026-03-01T08:00:00Z", "2026-03-01T15:30:00Z", "2026-03-01T19:00:00Z"]);
    daemon.read(Value::Off);
    daemon.pass(2);
    assert_eq!(daemon.since(), "2026-03-01T20:00:00Z");
    daemon.check_nothing_is_stuck();
}

#[test]
fn without_a_time_server_time_goes_on_from_the_last_one_noted_and_is_uncertain() {
    let folder = tempfile::tempdir().unwrap();
    right_boot(&folder);
    boot_in_2066(&folder);
    let mut daemon = boot(&folder, 3, "2026-03-01T17:00:00Z", Timesync::Unknown);
    daemon.pass(90);
    assert_eq!((daemon.now().as_str(), daemon.since().as_str()), ("2066-07-01T16:30:00.001Z", "2066-07-01T12:30:00Z"));
    let uncertainty = daemon.clock.uncertainty().unwrap();
    assert_eq!(
        uncertainty.describe(),
        "the system's clock is before the last time noted, and no time server is known to have set it"
    );
    // Waits last as long as they should.
    let told: BTreeSet<String> = daemon.send(Ok(())).iter().map(|mail| mail.recipient.to_string()).collect();
    assert!(told.contains("nor"), "{told:?}");
}

#[test]
fn a_daemon_that_starts_again_in_a_wrong_boot_goes_on_with_its_clock() {
    let folder = tempfile::tempdir().unwrap();
    right_boot(&folder);
    let mut daemon = boot(&folder, 2, "2066-07-01T12:00:00Z", Timesync::Waits);
    daemon.read(Value::Off);
    daemon.pass(30);
    let mut daemon = daemon.restart();
    assert_eq!(daemon.now(), "2066-07-01T12:31:00Z");
    daemon.pass(29);
    daemon.answer("2026-03-01T18:00:00Z");
    assert_eq!(daemon.since(), "2026-03-01T17:00:00Z", "exactly: it is the same clock");
    let past = daemon.engine.store().decisions(Window::newest(1_000)).unwrap();
    assert!(!past.iter().any(|decision| matches!(decision.outcome, Outcome::ClockSet { estimated: true, .. })));
    daemon.send(Ok(()));
    daemon.read(Value::On);
    let over = daemon.send(Ok(()));
    let over = over.iter().find_map(|mail| mail.incident()).unwrap();
    assert!(over.ended.is_some() && !over.uncertain, "{over:?}");
    daemon.check_nothing_is_stuck();
}

#[test]
fn boots_whose_clocks_were_right_stay_and_one_that_noted_nothing_is_none() {
    let folder = tempfile::tempdir().unwrap();
    right_boot(&folder);
    // Cut before the daemon noted anything, in 2066.
    drop(open(folder.path()));
    {
        let mut daemon = boot(&folder, 3, "2026-03-01T11:00:30Z", Timesync::Waits);
        daemon.read(Value::Off);
        daemon.pass(10);
        daemon.answer("2026-03-01T11:10:30Z");
        daemon.pass(50);
    }
    let daemon = boot(&folder, 4, "2026-03-01T11:00:31Z", Timesync::Waits);
    assert_eq!(daemon.now(), "2026-03-01T12:00:30.001Z", "a Pi starts with an old time");
    drop(daemon);
    let mut daemon = boot(&folder, 5, "2026-03-01T11:00:31Z", Timesync::Waits);
    daemon.pass(5);
    daemon.answer("2026-03-01T12:20:00Z");
    assert_eq!((daemon.now().as_str(), daemon.since().as_str()), ("2026-03-01T12:20:00Z", "2026-03-01T11:00:30Z"));
    let past = daemon.engine.store().decisions(Window::newest(1_000)).unwrap();
    assert!(!past.iter().any(|decision| matches!(decision.outcome, Outcome::ClockSet { estimated: true, .. })));
}

#[test]
fn a_boot_of_an_earlier_version_moves_as_far_as_it_lies_in_the_future() {
    let folder = tempfile::tempdir().unwrap();
    right_boot(&folder);
    boot_in_2066(&folder);
    // That version noted no boots.
    let (store, _) = Store::open(folder.path().join("dag.redb"), Retention { bytes: 64 << 20 }).unwrap();
    let mut boots = store.boots().unwrap();
    let newest = boots.pop().unwrap();
    let at = newest.last;
    store.commit(&dag::store::Commit::at(at).boots(vec![KnownBoot { began: None, ..newest }])).unwrap();
    drop(store);
    let daemon = boot(&folder, 4, "2026-03-01T17:00:00Z", answered("2026-03-01T16:59:30Z"));
    assert_eq!(daemon.since(), "2026-03-01T14:30:00Z");
    let queued = daemon.engine.store().queued_readings(usize::MAX).unwrap();
    assert_eq!(queued[0].1.reading.reading.at, time("2026-03-01T08:00:00Z"), "of the boot that was right");
    daemon.check_nothing_is_stuck();
}
