//! A store that an earlier version wrote opens, and its story goes on.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use dag::{
    clock::KnownBoot,
    store::{StoreInfo, Window},
};
use dag_engine::Id;
use serde_json::Value;

use crate::{open, scratch};

/// The rules in the store, and the status of the daemon that wrote it, just before it was killed.
const RULES: &str = include_str!("format-1/rules.toml");
const STATUS: &str = include_str!("format-1/status.json");

fn folder_of(format: u32) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/store/format-{format}"))
}

/// Writes the store of format 1 to `path`.
pub fn unpack(path: &Path) {
    unpack_format(1, path);
}

fn unpack_format(format: u32, path: &Path) {
    let mut gzip = Command::new("gzip");
    gzip.arg("-dc").arg(folder_of(format).join("dag.redb.gz")).stdout(File::create(path).unwrap());
    assert!(gzip.status().unwrap().success());
}

fn id(hex: &str) -> Id {
    Id::parse(hex).unwrap()
}

fn words<'a>(values: impl IntoIterator<Item = &'a Value>) -> String {
    let words = values.into_iter().map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
    words.collect::<Vec<_>>().join(" ")
}

/// Returns the start of an outbox entry's id, its recipient, kind, state and attempts.
fn entry(entry: &Value) -> String {
    let message = &entry["notification"];
    let id = message["id"].as_str().unwrap()[..8].to_owned();
    format!("{id} {}", words([&message["recipient"], &message["kind"], &entry["state"]["state"], &entry["attempts"]]))
}

#[test]
fn a_store_of_format_1_is_migrated_with_all_that_it_holds() {
    let (_folder, path) = scratch();
    unpack(&path);
    let (store, info) = open(&path);
    let expected = StoreInfo {
        format: 3,
        migrated_from: Some(1),
        incarnation: Some(id("4a54b211976c4a16b6cbeb08f0a73656")),
        boot: 3,
        last_alive: Some("2026-11-30T14:11:40.532Z".parse().unwrap()),
    };
    assert_eq!(info, expected);
    // When the boot before began was not noted then.
    let before = KnownBoot { number: 2, began: None, last: info.last_alive.unwrap(), id: None, running_ms: 0 };
    assert_eq!(store.boots().unwrap(), [before]);

    let state: Value = store.state("cottage").unwrap().unwrap();
    let incident = &state["incidents"][0];
    assert_eq!(incident["id"], "0a7de05e3e248e83f0d1df152f95523d");
    assert_eq!(incident["acknowledged"]["by"], "kim");
    assert_eq!(state["silences"][0]["silence"]["labels"]["area"], "hay-on-wye");

    let outbox: Vec<String> = store.outbox::<Value>().unwrap().iter().map(|(_, found)| entry(found)).collect();
    let expected = [
        "70ff74d3 refusing opened queued 1",
        "d4d8889e silent opened leased 1",
        "c7b23e66 refusing acknowledged queued 0",
        "2d27b381 silent acknowledged queued 0",
    ];
    assert_eq!(outbox, expected);
    let finished = store.finished_entries::<Value>(Window::newest(10)).unwrap();
    let finished: Vec<String> = finished.iter().map(entry).collect();
    assert_eq!(finished, ["1af0fe22 nor opened delivered 1", "cf4a5468 nor acknowledged delivered 1"]);

    let decisions = store.decisions_of(id("0a7de05e3e248e83f0d1df152f95523d")).unwrap();
    let decisions: Vec<Value> = decisions.iter().map(|decision| serde_json::to_value(decision).unwrap()).collect();
    assert_eq!(
        words(decisions.iter().map(|decision| &decision["decision"])),
        "opened fired notify notify notify acknowledged notify notify notify"
    );

    let queued = store.queued_readings(10).unwrap();
    let queued: Vec<_> = queued.iter().map(|(_, queued)| (queued.reading.boot, queued.reading.number)).collect();
    assert_eq!(queued, [(1, 1), (2, 1), (2, 2)]);
    assert_eq!(store.backlog().unwrap().bytes, 565);

    let rules = store.rules().unwrap().unwrap();
    assert_eq!(rules.files, [("rules.toml".to_owned(), RULES.as_bytes().to_vec())]);
}

#[test]
fn a_store_of_format_2_is_migrated_and_has_its_last_boot() {
    let (_folder, path) = scratch();
    unpack_format(2, &path);
    let (store, info) = open(&path);
    assert_eq!((info.format, info.migrated_from, info.boot), (3, Some(2), 3));
    let before = KnownBoot { number: 2, began: None, last: info.last_alive.unwrap(), id: None, running_ms: 0 };
    assert_eq!(store.boots().unwrap(), [before]);

    let status: Value = serde_json::from_str(include_str!("format-2/status.json")).unwrap();
    let state: Value = store.state("cottage").unwrap().unwrap();
    assert_eq!(state["incidents"][0]["id"], status["incidents"][0]["id"]);
    let waiting = store.outbox::<Value>().unwrap().len();
    assert_eq!(Some(waiting), status["waiting"].as_array().map(Vec::len));
    assert_eq!(store.queued_readings(10).unwrap().len(), 3);
}

/// A daemon in a folder with the store of format 1.
struct Daemon {
    home: PathBuf,
    child: Child,
}

impl Daemon {
    fn start(home: &Path) -> Daemon {
        for folder in ["rules", "var"] {
            fs::create_dir(home.join(folder)).unwrap();
        }
        fs::copy(folder_of(1).join("config.toml"), home.join("config.toml")).unwrap();
        fs::write(home.join("rules/rules.toml"), RULES).unwrap();
        unpack(&home.join("var/dag.redb"));
        let child = Command::new(env!("CARGO_BIN_EXE_dag"))
            .args(["run", "--config"])
            .arg(home.join("config.toml"))
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Daemon { home: home.to_owned(), child }
    }

    /// Returns the lines of the log up to `"ready"`. What comes later is not read.
    fn log_of_start(&mut self) -> String {
        let mut log = BufReader::new(self.child.stderr.take().unwrap());
        let mut lines = String::new();
        while !lines.contains("\"ready\"") {
            assert_ne!(log.read_line(&mut lines).unwrap(), 0, "the daemon ended:\n{lines}");
        }
        thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        lines
    }

    fn json(&self, command: &str) -> Value {
        let mut dag = Command::new(env!("CARGO_BIN_EXE_dag"));
        let output = dag.args([command, "--format", "json", "--config"]).arg(self.home.join("config.toml")).output();
        serde_json::from_slice(&output.unwrap().stdout).unwrap()
    }

    /// Waits until exactly these messages are in the outbox: kind, recipient, start of the id.
    fn wait_for_messages(&self, expected: &[&str]) {
        let end = Instant::now() + Duration::from_secs(30);
        loop {
            let files = fs::read_dir(self.home.join("var/outbox")).into_iter().flatten();
            let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
            let names: BTreeSet<String> = names.filter(|name| !name.starts_with('.')).collect();
            let found: BTreeSet<&str> =
                names.iter().map(|name| name.split_once("Z-").unwrap().1.split_once('.').unwrap().0).collect();
            if found == expected.iter().copied().collect() {
                return;
            }
            assert!(Instant::now() < end, "{found:?}");
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_daemon_goes_on_with_a_store_of_format_1() {
    let folder = tempfile::tempdir().unwrap();
    let mut daemon = Daemon::start(folder.path());
    let log = daemon.log_of_start();
    assert!(log.contains("the store was migrated to the format of this version\",\"from\":1,\"to\":3"), "{log}");
    assert!(log.contains("\"boot\":3,\"format\":3"), "{log}");

    let (before, now): (Value, Value) = (serde_json::from_str(STATUS).unwrap(), daemon.json("status"));
    for what in ["silences", "rules", "device"] {
        assert_eq!(now[what], before[what]);
    }
    // The status tells more of an incident than that of format 1 did.
    for (key, value) in before["incidents"][0].as_object().unwrap() {
        assert_eq!(now["incidents"][0][key], *value, "{key}");
    }
    assert_eq!(now["incidents"].as_array().map(Vec::len), Some(1));
    assert_eq!(now["facts"]["power"][0], "off");

    // Messages that were leased or waited go out under their ids. The mails to nor were delivered before.
    let mut messages = vec![
        "opened-refusing-70ff74d3",
        "opened-silent-d4d8889e",
        "acknowledged-refusing-c7b23e66",
        "acknowledged-silent-2d27b381",
    ];
    daemon.wait_for_messages(&messages);
    daemon.json("plug");
    messages.extend(["resolved-nor-cc167ca3", "resolved-refusing-9bf73301", "resolved-silent-77263ae7"]);
    daemon.wait_for_messages(&messages);
    assert_eq!(daemon.json("status")["incidents"], Value::Array(Vec::new()));
    drop(daemon);

    let (store, info) = open(&folder.path().join("var/dag.redb"));
    assert_eq!((info.boot, info.migrated_from), (4, None));
    let decisions = store.decisions_of(id("0a7de05e3e248e83f0d1df152f95523d")).unwrap();
    let resolved = decisions.iter().map(|decision| serde_json::to_value(decision).unwrap());
    assert_eq!(resolved.filter(|decision| decision["decision"] == "resolved").count(), 1);
}
