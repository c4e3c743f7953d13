//! A daemon that is killed at any moment loses no step that was committed.

use std::{
    env,
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
};

use crate::{Random, open, scratch, step, steps};

const STORE: &str = "DAG_TEST_KILLED_STORE";

#[test]
fn kill_9_at_any_moment_loses_no_committed_step() {
    if let Some(path) = env::var_os(STORE) {
        commit_until_killed(Path::new(&path));
    }
    let (_folder, path) = scratch();
    let mut random = Random(20_260_110);
    let (mut boot, mut committed) = (0, 0);
    for _ in 0..20 {
        // The first lines are `opening` and `boot`: some are killed while the file is made or opened.
        let lines = random.below(25) + 1;
        let (counted, last) = run_and_kill(&path, lines);
        if let Some(counted) = counted {
            assert_eq!(counted, boot + 1);
        }
        committed = last.unwrap_or(committed);

        let (store, opened) = open(&path);
        let least = counted.unwrap_or(boot) + 1;
        assert!(opened.boot == least || counted.is_none() && opened.boot == least + 1, "boot {}", opened.boot);
        boot = opened.boot;
        let found = steps(&store);
        assert!(found >= committed, "step {committed} was committed, but {found} is the last one left");
        committed = found;
    }
    assert!(committed > 20, "too few steps: {committed}");
}

/// The child: commits steps after the last one that is left, and prints each one that is committed.
fn commit_until_killed(path: &Path) -> ! {
    eprintln!("opening");
    let (store, opened) = open(path);
    eprintln!("boot {}", opened.boot);
    for number in steps(&store) + 1.. {
        store.commit(&step(number)).unwrap();
        eprintln!("committed {number}");
    }
    unreachable!("numbers do not end")
}

/// Runs this test as a child, and kills it after `lines` lines. Returns the boot and the last step that it printed.
fn run_and_kill(path: &Path, lines: u64) -> (Option<u64>, Option<u64>) {
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["--exact", "kill::kill_9_at_any_moment_loses_no_committed_step", "--nocapture"])
        .env(STORE, path)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let output = BufReader::new(child.stderr.take().unwrap());
    let (mut boot, mut committed) = (None, None);
    for (count, line) in (1..).zip(output.lines()) {
        let line = line.unwrap();
        match line.split_once(' ') {
            Some(("boot", number)) => boot = Some(number.parse().unwrap()),
            Some(("committed", number)) => committed = Some(number.parse().unwrap()),
            _ => assert_eq!(line, "opening", "an unexpected line of the child"),
        }
        if count == lines {
            // Lines that it prints until it is dead count, too: the loop reads on to the end.
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    (boot, committed)
}
