//! Measures the daemon: time to start, memory, wake-ups, latency and reloads. It prints figures beside their targets
//! and asserts nothing. Machines are shared, so only ratios within one run are reliable.
//!
//! `cargo bench -p dag` uses the folder for temporary files. `DAG_BENCH_DIR` names a folder on another disk.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a benchmark may stop where a test may"
)]

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use dag::{
    daemon::DurableEngine,
    source::Observation,
    store::{Commit, Retention, Store},
};
use dag_config::Config;
use dag_engine::{Engine, Input, Reading, Report, State, Time, Value};
use dag_rulebook::Rulebook;

fn main() {
    let root = std::env::var_os("DAG_BENCH_DIR").map_or_else(std::env::temp_dir, PathBuf::from);
    let dir = tempfile::tempdir_in(root).expect("a folder for the benchmark");
    let home = home(dir.path(), "shipped", None);
    start_and_rest(&home);
    let sync = fdatasync(dir.path());
    measure_commit(dir.path(), sync);
    measure_delivery(dir.path(), sync);
    measure_backup(dir.path());
    measure_edit(dir.path());
    measure_reloads(&home);
}

/// Writes a folder with the shipped configuration and rules, or with `rules` in one file instead.
fn home(dir: &Path, name: &str, rules: Option<&str>) -> PathBuf {
    let home = dir.join(name);
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    fs::create_dir_all(home.join("rules")).unwrap();
    let config = fs::read_to_string(top.join("config.toml")).unwrap();
    fs::write(home.join("config.toml"), config.replace("allow_private = []", "allow_private = [\"127.0.0.1\"]"))
        .unwrap();
    match rules {
        Some(rules) => fs::write(home.join("rules/all.toml"), rules).unwrap(),
        None => copy(&top.join("rules"), &home.join("rules")),
    }
    home
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts the daemon and waits until it says that it is ready.
fn run(home: &Path) -> (Running, Duration) {
    let begin = Instant::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_dag"))
        .args(["run", "--config"])
        .arg(home.join("config.toml"))
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("\"ready\"") {
        line.clear();
        assert_ne!(log.read_line(&mut line).unwrap(), 0, "the daemon ended");
    }
    let ready = begin.elapsed();
    thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
    (Running(child), ready)
}

fn ask(home: &Path, request: &str) -> String {
    let mut stream = UnixStream::connect(home.join("var/dag.sock")).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    stream.write_all(b"\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn status_of(pid: &str, field: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with(field)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn start_and_rest(home: &Path) {
    let mut times: Vec<Duration> = (0..20).map(|_| run(home).1).collect();
    report("ready after", "100 ms", &mut times);
    let (daemon, _) = run(home);
    thread::sleep(Duration::from_secs(1));
    let pid = daemon.0.id().to_string();
    let wakes = || -> u64 {
        let tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
        let names = tasks.map(|task| task.unwrap().file_name().into_string().unwrap());
        names.map(|task| status_of(&format!("{pid}/task/{task}"), "voluntary_ctxt_switches")).sum()
    };
    let (before, seconds) = (wakes(), 20);
    thread::sleep(Duration::from_secs(seconds));
    let wakes = wakes() - before;
    println!("wake-ups at rest          {:.2} a second            target: at most 2", wakes as f64 / seconds as f64);
    println!(
        "resident memory           {} KiB, at most {} KiB    target: at most 10240 KiB",
        status_of(&pid, "VmRSS"),
        status_of(&pid, "VmHWM")
    );
}

/// Measures how long the disk itself takes to make a small write durable.
fn fdatasync(dir: &Path) -> Duration {
    let mut file = fs::File::create(dir.join("sync")).unwrap();
    file.write_all(&[0; 1 << 16]).unwrap();
    file.sync_data().unwrap();
    let mut times: Vec<Duration> = (0..300)
        .map(|_| {
            let begin = Instant::now();
            file.write_all(&[1; 4096]).unwrap();
            file.sync_data().unwrap();
            begin.elapsed()
        })
        .collect();
    report("fdatasync alone", "the measure", &mut times)
}

const AT_ONCE: &str = r#"
    [rule.power-outage]
    when       = "power == off"
    escalation = "household"
    [escalation]
    household = [{ after = "0s", notify = ["nor"] }]
    [group]
    owners = ["nor"]
    [recipient.nor]
"#;

/// Measures from a change at the source to the durable outbox: the engine's step and the store's transaction.
fn measure_commit(dir: &Path, sync: Duration) {
    let home = home(dir, "durable", Some(&format!("{AT_ONCE} email = \"nor@example.com\"")));
    let config = Config::load(&home.join("config.toml"), &[]).unwrap();
    let rulebook = Rulebook::prove(&home.join("rules"), &config).unwrap();
    let (store, opened) = Store::open(home.join("dag.redb"), Retention { bytes: 64 << 20 }).unwrap();
    let mut engine = DurableEngine::open(rulebook, config.device(None).unwrap(), store, opened.boot).unwrap();
    engine.start_sending();
    let mut now = 1_768_046_400_000;
    let mut times: Vec<Duration> = (0..600)
        .map(|flip| {
            now += 60_000;
            let value = if flip % 2 == 0 { Value::Off } else { Value::On };
            let at = Time::from_millis(now);
            let begin = Instant::now();
            engine.observe(
                &"bench".into(),
                vec![Observation { fact: "power".into(), value: Some(value), at }],
                false,
                at,
            );
            begin.elapsed()
        })
        .collect();
    let p99 = report("change to outbox", "3 ms above fdatasync at p99", &mut times);
    println!("  above fdatasync at p99  {:.2} ms", (p99.as_secs_f64() - sync.as_secs_f64()) * 1e3);
}

/// Measures from `dag unplug` to the request at a webhook receiver on loopback, through the running daemon.
fn measure_delivery(dir: &Path, sync: Duration) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let rules = format!("{AT_ONCE} webhook = {{ url = \"http://127.0.0.1:{port}/\" }}");
    let home = home(dir, "delivered", Some(&rules));
    let config = fs::read_to_string(home.join("config.toml")).unwrap();
    let smtp = "transport = \"smtp\"\nsmtp = { server = \"127.0.0.1\", port = 9, security = \"plain\" }";
    fs::write(home.join("config.toml"), config.replace("transport = \"outbox\"", smtp)).unwrap();
    let (arrived, arrivals) = mpsc::channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let arrived = arrived.clone();
            thread::spawn(move || {
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                loop {
                    let (mut line, mut length) = (String::new(), 0);
                    loop {
                        line.clear();
                        if reader.read_line(&mut line).unwrap_or(0) == 0 {
                            return;
                        }
                        let lower = line.to_ascii_lowercase();
                        if let Some(value) = lower.strip_prefix("content-length:") {
                            length = value.trim().parse().unwrap();
                        }
                        if line == "\r\n" {
                            break;
                        }
                    }
                    let _ = arrived.send(Instant::now());
                    std::io::copy(&mut (&mut reader).take(length), &mut std::io::sink()).unwrap();
                    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").unwrap();
                }
            });
        }
    });
    let (_daemon, _) = run(&home);
    let mut times: Vec<Duration> = (0..1_000)
        .map(|flip| {
            let value = if flip % 2 == 0 { "off" } else { "on" };
            let begin = Instant::now();
            ask(&home, &format!("{{\"request\":\"simulate\",\"fact\":\"power\",\"value\":\"{value}\"}}"));
            let arrived = arrivals.recv_timeout(Duration::from_secs(10)).unwrap();
            // The receiver's answer is stored too before the next switch.
            thread::sleep(Duration::from_millis(20));
            arrived.duration_since(begin)
        })
        .collect();
    let p99 = report("change to webhook", "two durable steps, and 3 ms at p99", &mut times);
    println!("  above two fdatasyncs    {:.2} ms at p99", (p99.as_secs_f64() - 2.0 * sync.as_secs_f64()) * 1e3);
}

/// Measures from the last write of a file with 200 rules to the new rules in force.
fn measure_edit(dir: &Path) {
    let rules = |open_after: u32| {
        let mut text = format!("{AT_ONCE} email = \"nor@example.com\"\n");
        for rule in 0..200 {
            text.push_str(&format!(
                "[rule.r{rule}]\nwhen = \"battery < {} && power == off\"\n\
                 open_after = \"{open_after}s\"\nescalation = \"household\"\n",
                rule % 100
            ));
        }
        text
    };
    let home = home(dir, "followed", Some(&rules(1)));
    let (_daemon, _) = run(&home);
    let in_force = || {
        let answer: serde_json::Value = serde_json::from_str(&ask(&home, "{\"request\":\"status\"}")).unwrap();
        answer["ok"]["rules"].as_str().unwrap().to_owned()
    };
    let mut times: Vec<Duration> = (2..22)
        .map(|open_after| {
            let before = in_force();
            fs::write(home.join("rules/all.toml"), rules(open_after)).unwrap();
            let begin = Instant::now();
            while in_force() == before {
                thread::sleep(Duration::from_millis(2));
            }
            begin.elapsed()
        })
        .collect();
    report("edit to in force", "500 ms with 200 rules", &mut times);
}

/// Measures commits of a store with full logs, alone and while it is copied for a backup.
fn measure_backup(dir: &Path) {
    const KEEP: u64 = 64 << 20;
    let (store, _) = Store::open(dir.join("full.redb"), Retention { bytes: KEEP }).unwrap();
    let step = |number: i64, rows: u64| {
        let reading = |_| Reading { fact: "power".into(), value: Some(Value::On), at: Time::from_millis(number) };
        let readings = (0..rows).map(reading).collect();
        let report = Report { source: "gpio".into(), boot: 1, first: 1, readings, ..Report::default() };
        Commit::at(Time::from_millis(number)).report(&report)
    };
    while store.file_size().unwrap() < KEEP {
        store.commit(&step(0, 4_096)).unwrap();
    }
    let commits = |until: &dyn Fn(usize) -> bool| {
        let mut times = Vec::new();
        while !until(times.len()) {
            let begin = Instant::now();
            store.commit(&step(times.len() as i64, 1)).unwrap();
            times.push(begin.elapsed());
        }
        times
    };
    let mut alone = commits(&|count| count == 200);
    let copy = fs::File::options().read(true).write(true).create_new(true).open(dir.join("copy.redb")).unwrap();
    let begin = Instant::now();
    let (mut beside, took) = thread::scope(|scope| {
        let copying = scope.spawn(|| {
            store.copy_to(&copy).unwrap();
            begin.elapsed()
        });
        let times = commits(&|_| copying.is_finished());
        (times, copying.join().unwrap())
    });
    let size = |bytes: u64| bytes >> 20;
    let (from, to) = (size(store.file_size().unwrap()), size(copy.metadata().unwrap().len()));
    println!("backup of {from} MiB          {:.1} s, {to} MiB copied", took.as_secs_f64());
    report("  commit, no backup", "none", &mut alone);
    report("  commit during a backup", "as without, within the disk", &mut beside);
}

/// Measures ten thousand reloads of rules with hooks.
fn measure_reloads(home: &Path) {
    let config = Config::load(&home.join("config.toml"), &[]).unwrap();
    let script = "fn open_after(ctx) { if ctx.local.hour < 6 { \"2m\" } else { () } }\nfn allow(ctx) { ctx.step < 9 }";
    fs::write(home.join("rules/bench.rhai"), script).unwrap();
    let rule = "[rule.bench]\nwhen = \"power == off\"\nescalation = \"household\"\nscript = \"bench.rhai\"\n";
    fs::write(home.join("rules/bench.toml"), rule).unwrap();
    fs::remove_dir_all(home.join("rules/tests")).unwrap();
    let mut state = State::new(config.device(None).unwrap());
    let resident = || status_of("self", "VmRSS");
    let mut sizes = Vec::new();
    let begin = Instant::now();
    for reload in 0..10_000_i64 {
        let engine: Engine = Rulebook::prove(&home.join("rules"), &config).unwrap().engine;
        engine.step(&mut state, Input::RulesChanged, Time::from_millis(1_768_046_400_000 + reload));
        if [99, 999, 4_999, 9_999].contains(&reload) {
            sizes.push(format!("{} KiB after {}", resident(), reload + 1));
        }
    }
    println!("reloads with hooks        {}    target: where it was", sizes.join(", "));
    println!("  each                    {:.2} ms", begin.elapsed().as_secs_f64() * 1e3 / 10_000.0);
}

/// Prints the median and the 99th percentile. Returns the latter.
fn report(what: &str, target: &str, times: &mut [Duration]) -> Duration {
    times.sort();
    let at = |share: usize| times[(times.len() * share / 100).min(times.len() - 1)];
    let (median, p99) = (at(50), at(99));
    println!(
        "{what:<25} {:.2} ms median, {:.2} ms p99    target: {target}",
        median.as_secs_f64() * 1e3,
        p99.as_secs_f64() * 1e3
    );
    p99
}
