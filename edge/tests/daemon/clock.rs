//! A daemon on a machine whose clock is wrong, and then set.

use std::{
    future::pending,
    sync::{Arc, Mutex},
    time::Duration,
};

use dag::{
    clock::{Machine, Timesync},
    daemon::{self, Request, Start, Status},
};
use dag_config::Config;
use dag_engine::{Millis, Time, Value};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
};

use crate::home::Home;

/// A machine whose clocks move only as the test says.
#[derive(Debug)]
struct SettableMachine(Mutex<Clocks>);

#[derive(Clone, Copy, Debug)]
struct Clocks {
    system: Time,
    running: Duration,
    timesync: Timesync,
}

impl SettableMachine {
    fn at(time: &str, timesync: Timesync) -> Arc<SettableMachine> {
        Arc::new(SettableMachine(Mutex::new(Clocks {
            system: time.parse().unwrap(),
            running: Duration::ZERO,
            timesync,
        })))
    }

    fn set(&self, time: &str, timesync: Timesync) {
        let mut clocks = self.0.lock().unwrap();
        (clocks.system, clocks.timesync) = (time.parse().unwrap(), timesync);
    }

    fn pass(&self, length: Duration) {
        let mut clocks = self.0.lock().unwrap();
        clocks.system = clocks.system + Millis::new(i64::try_from(length.as_millis()).unwrap());
        clocks.running += length;
    }
}

impl Machine for SettableMachine {
    fn system(&self) -> Time {
        self.0.lock().unwrap().system
    }
    fn running(&self) -> Duration {
        self.0.lock().unwrap().running
    }
    fn timesync(&self) -> Timesync {
        self.0.lock().unwrap().timesync
    }
}

/// Starts a daemon in this process. Returns a function that sends it a request. It runs until the test ends.
async fn run(home: &Home, machine: Arc<SettableMachine>) -> impl AsyncFn(Request) -> serde_json::Value {
    let (ask, stop) = run_until_stopped(home, machine).await;
    // Kept, or the daemon would stop.
    tokio::spawn(async move {
        let _stop = stop;
        pending::<()>().await;
    });
    ask
}

/// A daemon that can be stopped.
struct Running {
    shutdown: oneshot::Sender<()>,
    daemon: JoinHandle<()>,
}

impl Running {
    async fn stop(self) {
        self.shutdown.send(()).unwrap();
        self.daemon.await.unwrap();
    }
}

async fn run_until_stopped(
    home: &Home,
    machine: Arc<SettableMachine>,
) -> (impl AsyncFn(Request) -> serde_json::Value, Running) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let config_path = home.path("config.toml");
    let config = Config::load(&config_path, &[]).unwrap();
    let socket = daemon::socket(&config);
    let start = Start { config, config_path, overrides: Vec::new(), device: None, machine };
    let (hangup, hangups) = mpsc::channel(1);
    let (shutdown, asked) = oneshot::channel();
    let daemon = tokio::spawn(async move {
        let _hangup = hangup;
        daemon::run(start, async { asked.await.unwrap_or(()) }, hangups).await.unwrap();
    });
    let ask = async move |request| daemon::ask(&socket, &request).await;
    while ask(Request::Status).await.is_err() {
        tokio::task::yield_now().await;
    }
    (async move |request| ask(request).await.unwrap(), Running { shutdown, daemon })
}

async fn status(ask: &impl AsyncFn(Request) -> serde_json::Value) -> Status {
    serde_json::from_value(ask(Request::Status).await).unwrap()
}

fn time(text: &str) -> Time {
    text.parse().unwrap()
}

#[tokio::test]
async fn a_clock_that_is_set_is_followed_and_so_is_when_the_daemon_started() {
    let home = Home::new();
    let machine = SettableMachine::at("2026-03-01T12:00:00Z", Timesync::Waits);
    let ask = run(&home, Arc::clone(&machine)).await;
    let before = status(&ask).await;
    assert_eq!((before.now, before.started), (time("2026-03-01T12:00:00Z"), time("2026-03-01T12:00:00Z")));
    assert_eq!(before.clock.as_deref(), Some("no time server has answered since the machine was started"));

    for set in ["2026-03-01T15:00:00Z", "2026-03-01T09:00:00Z"] {
        machine.set(set, Timesync::Answered(time(set)));
        // It looks at the clock before it answers.
        let after = status(&ask).await;
        assert_eq!((after.now, after.started, after.clock), (time(set), time(set), None));
    }
}

#[tokio::test]
async fn a_machine_that_boots_with_an_old_clock_goes_on_after_what_was_noted() {
    let home = Home::new();
    {
        let ask = run(&home, SettableMachine::at("2026-03-01T12:00:00Z", Timesync::Unknown)).await;
        ask(Request::Simulate { fact: "power".into(), value: Value::Off }).await;
        while status(&ask).await.incidents.is_empty() {}
    }
    // The first daemon still runs, until this test ends. So the second one gets a copy of its store.
    let other = Home::new();
    std::fs::create_dir_all(other.path("var")).unwrap();
    std::fs::copy(home.path("var/dag.redb"), other.path("var/dag.redb")).unwrap();
    let machine = SettableMachine::at("2026-03-01T11:17:01Z", Timesync::Unknown);
    let ask = run(&other, Arc::clone(&machine)).await;
    let status = status(&ask).await;
    assert_eq!(status.now, time("2026-03-01T12:00:00.001Z"));
    assert_eq!(status.incidents.len(), 1);
    let behind = "the system's clock is before the last time noted, and no time server is known to have set it";
    assert_eq!(status.clock.as_deref(), Some(behind));
}

#[tokio::test]
async fn a_boot_in_2066_is_put_where_the_next_one_began_when_that_one_hears_a_time_server() {
    let home = Home::new();
    let (_, right) = run_until_stopped(&home, SettableMachine::at("2026-03-01T12:00:00Z", Timesync::Waits)).await;
    right.stop().await;

    let machine = SettableMachine::at("2066-07-01T12:00:00Z", Timesync::Waits);
    let (ask, ahead) = run_until_stopped(&home, Arc::clone(&machine)).await;
    ask(Request::Simulate { fact: "power".into(), value: Value::Off }).await;
    while status(&ask).await.incidents.is_empty() {
        machine.pass(Duration::from_secs(60));
    }
    let began = status(&ask).await.incidents[0].since;
    machine.pass(Duration::from_secs(3_600));
    // The last that is noted in this boot.
    ask(Request::Acknowledge { incident: None, by: "kim".into() }).await;
    let lasted = status(&ask).await.now.since(began);
    ahead.stop().await;

    let machine = SettableMachine::at("2026-03-02T08:00:00Z", Timesync::Answered(time("2026-03-02T08:00:00Z")));
    let (ask, running) = run_until_stopped(&home, machine).await;
    let now = status(&ask).await;
    let start = time("2026-03-02T08:00:00Z");
    assert_eq!((now.now, now.started, now.last_alive, now.clock), (start, start, Some(start), None));
    assert_eq!(now.incidents[0].since, start - lasted);
    assert_eq!(now.incidents[0].acknowledged_at, Some(start));
    let day = start + Millis::new(86_400_000);
    assert!(now.next_deadline.is_none_or(|at| at < day), "{:?}", now.next_deadline);
    for message in &now.waiting {
        assert!(message.due.is_none_or(|at| at < day), "{message:?}");
    }
    running.stop().await;
}
