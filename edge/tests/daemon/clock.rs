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
use dag_engine::{Time, Value};
use tokio::sync::mpsc;

use crate::home::Home;

/// A machine whose clock moves only when it is set.
#[derive(Debug)]
struct SettableMachine(Mutex<(Time, Timesync)>);

impl SettableMachine {
    fn at(time: &str, timesync: Timesync) -> Arc<SettableMachine> {
        Arc::new(SettableMachine(Mutex::new((time.parse().unwrap(), timesync))))
    }

    fn set(&self, time: &str, timesync: Timesync) {
        *self.0.lock().unwrap() = (time.parse().unwrap(), timesync);
    }
}

impl Machine for SettableMachine {
    fn system(&self) -> Time {
        self.0.lock().unwrap().0
    }
    fn running(&self) -> Duration {
        Duration::ZERO
    }
    fn timesync(&self) -> Timesync {
        self.0.lock().unwrap().1
    }
}

/// Starts a daemon in this process. Returns a function that sends it a request.
async fn run(home: &Home, machine: Arc<SettableMachine>) -> impl AsyncFn(Request) -> serde_json::Value {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let config_path = home.path("config.toml");
    let config = Config::load(&config_path, &[]).unwrap();
    let socket = daemon::socket(&config);
    let start = Start { config, config_path, overrides: Vec::new(), device: None, machine };
    let (hangup, hangups) = mpsc::channel(1);
    tokio::spawn(async move {
        let _hangup = hangup;
        daemon::run(start, pending(), hangups).await.unwrap();
    });
    let ask = async move |request| daemon::ask(&socket, &request).await;
    while ask(Request::Status).await.is_err() {
        tokio::task::yield_now().await;
    }
    async move |request| ask(request).await.unwrap()
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
        // Each request wakes the daemon, and it looks at the clock before it sleeps again.
        status(&ask).await;
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
