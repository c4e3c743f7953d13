//! A fleet with its cloud: devices, the broker, both queues, the schedule, and the function that processes batches.

use std::{collections::VecDeque, future::Future, path::Path, pin::Pin, sync::Arc, time::Duration};

use dag_cloud::{Consumer, Event, Record, Request, SWEEP};
use dag_config::Config;
use dag_engine::{Millis, Name, Time};
use dag_rulebook::{Rulebook, RulesFolder};
use dag_uplink::Command;
use futures::{StreamExt as _, stream::FuturesUnordered};
use tokio::sync::Notify;

use crate::{
    broken::{Broken, PROCESS},
    device::{Device, record},
    plan::Plan,
    queue::Message,
    story::{Act, DEVICES, Story},
};

const CONFIG: &str = r#"
mode = "standalone"
[site]
name = "Home"
timezone = "Europe/London"
operators = ["keepers"]
[device.cottage]
name = "Cottage"
power = { source = "simulated" }
[device.barn]
name = "Barn"
power = { source = "simulated" }
[device.mill]
name = "Mill"
power = { source = "simulated" }
[email]
transport = "outbox"
from = "detectordag <dag@example.com>"
outbox = "var/outbox"
"#;

const RULES: &str = r#"
[rule.power-outage]
when = "power == off"
open_after = "30s"
close_after = "10s"
severity = "critical"
escalation = "household"
[rule.lost-contact]
when = "connection == disconnected && (!known(power) || power == on)"
open_after = "15m"
close_after = "1m"
escalation = "owners-only"
run_on = "cloud"
[escalation]
household = [
  { after = "0s", notify = ["nor", "ola"] },
  { after = "30m", notify = ["kim"], repeat = "2h", at_most = 3 },
]
owners-only = [{ after = "0s", notify = ["nor"] }]
[recipient.nor]
email = "nor@example.com"
webhook = { url = "https://example.com/nor" }
fallback = "kim"
[recipient.kim]
email = "kim@example.com"
[recipient.ola]
webhook = { url = "https://example.com/ola" }
quiet = { from = "22:30", to = "07:00" }
[recipient.keeper]
email = "keeper@example.com"
[group]
keepers = ["keeper"]
"#;

/// The number of batches of a queue that are processed concurrently.
const AT_ONCE: usize = 2;

const BATCH: usize = 10;

const SWEEPS: Millis = Millis::new(300_000);

pub struct Fleet {
    pub consumer: Consumer<Broken>,
    pub devices: Vec<Device>,
    pub start: Time,
    /// The number of readings in one part of a device's backlog.
    pub parts: usize,
    /// The commands to devices.
    pub obeyed: Vec<(Name, Command)>,
}

type Working<'f> = Pin<Box<dyn Future<Output = (bool, Vec<Message>, Option<Vec<String>>)> + 'f>>;

pub fn rulebook() -> (Config, Rulebook) {
    let config = Config::parse(CONFIG, Path::new("config.toml"), [], &[]).expect("the configuration is right");
    let folder = RulesFolder::from_stored(vec![("rules.toml".to_owned(), RULES.as_bytes().to_vec())]);
    let rulebook = Rulebook::compile(folder, &config).expect("the rules are right");
    (config, rulebook)
}

impl Fleet {
    pub const START: &str = "2026-01-10T18:00:00Z";

    pub fn new() -> Fleet {
        let start: Time = Fleet::START.parse().unwrap();
        let (config, rulebook) = rulebook();
        let consumer = Consumer::new(Broken::new(start), config, rulebook);
        Fleet { consumer, devices: Vec::new(), start, parts: 100, obeyed: Vec::new() }
    }

    pub fn world(&self) -> &Broken {
        self.consumer.world()
    }

    /// Runs a story from its beginning, for this length of time.
    pub fn live(&mut self, plan: Plan, story: &Story, length: Millis) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        self.devices = DEVICES.iter().map(|id| Device::new(id, self.parts)).collect();
        runtime.block_on(async {
            self.world().reset(self.start, plan);
            self.lives(story, length).await;
        });
        let now = self.start + length;
        self.world().memory.lock().now = now;
    }

    async fn lives(&mut self, story: &Story, length: Millis) {
        let mut devices = std::mem::take(&mut self.devices);
        let mut story: VecDeque<_> = story.iter().collect();
        let mut working: FuturesUnordered<Working<'_>> = FuturesUnordered::new();
        let mut obeyed = Vec::new();
        let (mut busy, mut sweep) = ([0_usize; 2], self.start);
        loop {
            let now = self.world().rig().now();
            if now >= self.start + length {
                break;
            }
            if sweep <= now {
                self.world().rig().put(SWEEP, Millis::ZERO);
                sweep = sweep + SWEEPS;
            }
            while let Some((_, device, act)) = story.pop_front_if(|(at, ..)| self.start + *at <= now) {
                self.act(devices.iter_mut().find(|other| other.id == *device).unwrap(), act, now);
            }
            obeyed.extend(self.obey(&mut devices, now));
            for (which, busy) in busy.iter_mut().enumerate() {
                while *busy < AT_ONCE {
                    let batch = self.receive(which == 0, now);
                    if batch.is_empty() {
                        break;
                    }
                    *busy += 1;
                    working.push(self.invoke(which == 0, batch));
                }
            }
            let next = self.next(story.front().map(|(at, ..)| self.start + *at), busy).into_iter().chain([sweep]).min();
            let wait = next.map_or(Millis::new(1_000), |next| next.since(now)).get().max(1);
            tokio::select! {
                biased;
                Some((events, batch, failed)) = working.next(), if !working.is_empty() => {
                    busy[usize::from(!events)] -= 1;
                    let mut rig = self.world().rig();
                    let Some(failed) = failed else { continue };
                    let queue = if events { &mut rig.events } else { &mut rig.deliveries };
                    let done = batch.iter().filter(|message| !failed.contains(&message.id.to_string()));
                    done.for_each(|message| queue.delete(message.id));
                }
                () = tokio::time::sleep(Duration::from_millis(wait.unsigned_abs())) => {}
            }
        }
        drop(working);
        (self.devices, self.obeyed) = (devices, obeyed);
    }

    fn receive(&self, events: bool, now: Time) -> Vec<Message> {
        let mut rig = self.world().rig();
        let mut dice = rig.dice.clone();
        let shuffle = rig.plan.manners.shuffled.then_some(&mut dice);
        let queue = if events { &mut rig.events } else { &mut rig.deliveries };
        let batch = queue.receive(now, BATCH, shuffle);
        rig.dice = dice;
        batch
    }

    /// Returns when the next act or record is due, for queues that are not busy.
    fn next(&self, story: Option<Time>, busy: [usize; 2]) -> Option<Time> {
        let rig = self.world().rig();
        let free = |which: usize, next: Option<Time>| next.filter(|_| busy[which] < AT_ONCE);
        [story, free(0, rig.events.next()), free(1, rig.deliveries.next())].into_iter().flatten().min()
    }

    /// Invokes the function. There is no answer if its process dies.
    fn invoke(&self, events: bool, batch: Vec<Message>) -> Working<'_> {
        let record = |message: &Message| Record {
            id: message.id.to_string(),
            body: message.body.clone(),
            receives: message.receives,
        };
        let records: Vec<Record> = batch.iter().map(record).collect();
        let process = Arc::new(Notify::new());
        Box::pin(async move {
            let work = PROCESS.scope(process.clone(), self.consumer.handle(&records));
            let failed = tokio::select! {
                biased;
                () = process.notified() => None,
                failed = work => Some(failed),
            };
            (events, batch, failed)
        })
    }

    fn publish(&self, device: &mut Device, now: Time) {
        if device.connected {
            let mut rig = self.world().rig();
            device.reports(now).iter().for_each(|report| rig.put(&record(report, now), Millis::ZERO));
        }
    }

    fn act(&self, device: &mut Device, act: &Act, now: Time) {
        let put = |body: &str| self.world().rig().put(body, Millis::ZERO);
        match act {
            Act::Read(fact, value) => {
                device.read(fact, *value, now);
                self.publish(device, now);
            }
            Act::Lose if device.connected => put(&device.disconnect(now)),
            Act::Back if !device.connected => {
                put(&device.connect(now));
                self.publish(device, now);
            }
            Act::Lose | Act::Back => {}
            Act::Restart => {
                device.restart();
                self.publish(device, now);
            }
            Act::NewCard => {
                device.new_card();
                self.publish(device, now);
            }
            Act::Acknowledge => {
                let item = self.world().memory.lock().item(&device.id);
                let open = item.and_then(|item| item.state.open_incidents().next().map(|incident| incident.id));
                if let Some(incident) = open {
                    put(&Event::request(&device.id, Request::Acknowledge { incident, by: "nor".to_owned() }, now));
                }
            }
            Act::Put(body) => put(body),
            Act::Register(id, registration) => {
                self.world().memory.lock().registrations.insert(id.clone(), registration.clone());
                put(&Event::registered(id));
            }
            Act::Publish(rules) => {
                self.world().memory.lock().rules.insert(rules.hash(), rules.clone());
            }
        }
    }

    /// Has the devices report that were asked to. Returns all commands.
    fn obey(&self, devices: &mut [Device], now: Time) -> Vec<(Name, Command)> {
        let commands = std::mem::take(&mut self.world().rig().commands);
        let asked = |device: &Name| commands.iter().any(|(to, command)| to == device && *command == Command::Report);
        for device in devices.iter_mut().filter(|device| asked(&device.id)) {
            self.publish(device, now);
        }
        commands
    }
}
