//! The pin's task, on a line that the test controls.

use std::sync::{
    Mutex,
    atomic::{AtomicBool, Ordering::SeqCst},
};

use dag_engine::Time;
use tokio::sync::mpsc;

use super::*;
use crate::source::{Observation, SourceEvent, SourceStatus};

/// The begin of a test by the clock of the readings, in milliseconds.
const BEGIN: i64 = 1_768_046_400_000;

/// A line whose level and edges the test makes.
struct Wire {
    high: AtomicBool,
    edges: Mutex<Option<watch::Sender<Edge>>>,
}

struct End(Arc<Wire>);

impl Line for End {
    fn level(&self) -> Level {
        if self.0.high.load(SeqCst) { Level::High } else { Level::Low }
    }
    fn why_ended(&mut self) -> String {
        "unplugged".to_owned()
    }
}

impl Wire {
    fn open(self: &Arc<Self>) -> (End, watch::Receiver<Edge>) {
        let (edges, latest) = watch::channel(None);
        *self.edges.lock().unwrap() = Some(edges);
        (End(Arc::clone(self)), latest)
    }

    fn silently(&self, high: bool) {
        self.high.store(high, SeqCst);
    }

    fn edge(&self, high: bool) {
        self.silently(high);
        let now = Instant::now();
        if let Some(edges) = &*self.edges.lock().unwrap() {
            edges.send_replace(Some((Time::from_millis(BEGIN - 1), now)));
        }
    }
}

/// A watched line that is high, `on` when high, with a glitch of 50 ms. The clock counts milliseconds from the start.
struct Bench {
    wire: Arc<Wire>,
    events: mpsc::Receiver<SourceEvent>,
    reread: Arc<Notify>,
    start: Instant,
}

impl Bench {
    fn new() -> Self {
        let start = Instant::now();
        let (sender, events) = mpsc::channel(8);
        let wire = Arc::new(Wire { high: AtomicBool::new(true), edges: Mutex::new(None) });
        let reread = Arc::new(Notify::new());
        let mut watch = Watch {
            input: Input { fact: Name::new("power"), pin: 4, on_when: Level::High, glitch: Millis::new(50) },
            reporter: Reporter::new("gpio:4", sender, 5),
            clock: Arc::new(move || Time::from_millis(BEGIN + i64::try_from(start.elapsed().as_millis()).unwrap())),
            reread: Arc::clone(&reread),
        };
        let opened = Arc::clone(&wire);
        tokio::spawn(async move { watch.keep(Ok(opened.open()), || Ok(opened.open())).await });
        Bench { wire, events, reread, start }
    }

    /// Returns the next event: its status, value and time, and after how many milliseconds it came.
    async fn next(&mut self) -> (SourceStatus, Option<Value>, i64, u128) {
        let event = self.events.recv().await.unwrap();
        let [Observation { value, at, .. }] = event.observations.as_slice() else { panic!("{event:?}") };
        (event.status, *value, at.as_millis() - BEGIN, self.start.elapsed().as_millis())
    }
}

#[tokio::test(start_paused = true)]
async fn the_first_reading_follows_the_glitch_and_an_edge_has_its_own_time() {
    let mut bench = Bench::new();
    assert_eq!(bench.next().await, (SourceStatus::Working, Some(Value::On), 0, 50));
    bench.wire.edge(false);
    assert_eq!(bench.next().await, (SourceStatus::Working, Some(Value::Off), -1, 100));
}

#[tokio::test(start_paused = true)]
async fn a_missed_edge_is_found_within_a_minute_or_at_a_reread() {
    let mut bench = Bench::new();
    bench.next().await;
    bench.wire.silently(false);
    assert_eq!(bench.next().await, (SourceStatus::Working, Some(Value::Off), 60_000, 60_050));
    bench.wire.silently(true);
    bench.reread.notify_one();
    assert_eq!(bench.next().await, (SourceStatus::Working, Some(Value::On), 60_050, 60_100));
}

#[tokio::test(start_paused = true)]
async fn a_pin_whose_interrupts_end_is_unknown_until_it_is_opened_again() {
    let mut bench = Bench::new();
    bench.next().await;
    bench.wire.edges.lock().unwrap().take();
    let reason = "pin 4 is no longer watched (unplugged): see which program holds it with `gpioinfo`";
    assert_eq!(bench.next().await, (SourceStatus::Lost(reason.to_owned()), None, 50, 50));
    let (status, value, _, after) = bench.next().await;
    assert_eq!((status, value), (SourceStatus::Recovered, Some(Value::On)));
    assert!((800..=1_100).contains(&after), "{after} ms");
}

#[tokio::test(start_paused = true)]
async fn a_pin_that_floats_is_unknown_until_it_rests() {
    let mut bench = Bench::new();
    bench.next().await;
    let wire = Arc::clone(&bench.wire);
    tokio::spawn(async move {
        for number in 0..600 {
            wire.edge(number % 2 == 0);
            time::sleep(Duration::from_millis(20)).await;
        }
    });
    let reason = "pin 4 holds no level for 50ms: check that it is connected, and to ground too";
    assert_eq!(bench.next().await, (SourceStatus::Lost(reason.to_owned()), None, 10_050, 10_050));
    assert_eq!(bench.next().await.0, SourceStatus::Recovered);
}
