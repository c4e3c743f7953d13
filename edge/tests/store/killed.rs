//! A daemon that dies at any moment loses nothing that it was told is noted.

use std::{
    env,
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
};

use crate::{Random, open, scratch, step, steps};

const STORE: &str = "DAG_TEST_KILLED_STORE";

#[test]
fn kill_9_at_any_moment_loses_nothing_that_was_acknowledged() {
    if let Some(path) = env::var_os(STORE) {
        commit_until_killed(Path::new(&path));
    }
    let (_folder, path) = scratch();
    let mut random = Random(20_260_110);
    let (mut boot, mut noted) = (0, 0);
    for _ in 0..20 {
        // The first lines are `opening` and `boot`: some die while the file is made or opened.
        let lines = random.below(25) + 1;
        let (counted, acknowledged) = run_and_kill(&path, lines);
        if let Some(counted) = counted {
            assert_eq!(counted, boot + 1);
        }
        noted = acknowledged.unwrap_or(noted);

        let (store, opened) = open(&path);
        let least = counted.unwrap_or(boot) + 1;
        assert!(opened.boot == least || counted.is_none() && opened.boot == least + 1, "boot {}", opened.boot);
        boot = opened.boot;
        let found = steps(&store);
        assert!(found >= noted, "step {noted} was acknowledged, {found} is the last that is left");
        noted = found;
    }
    assert!(noted > 20, "the children did not come far: {noted} steps");
}

/// The child: goes on after the last step that is left, and tells every one that is noted.
fn commit_until_killed(path: &Path) -> ! {
    eprintln!("opening");
    let (store, opened) = open(path);
    eprintln!("boot {}", opened.boot);
    for number in steps(&store) + 1.. {
        store.commit(&step(number)).unwrap();
        eprintln!("noted {number}");
    }
    unreachable!("numbers do not end")
}

/// Runs this test as a child and kills it after so many `lines`. Gives the boot and the last step that it told.
fn run_and_kill(path: &Path, lines: u64) -> (Option<u64>, Option<u64>) {
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["--exact", "killed::kill_9_at_any_moment_loses_nothing_that_was_acknowledged", "--nocapture"])
        .env(STORE, path)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let told = BufReader::new(child.stderr.take().unwrap());
    let (mut boot, mut noted) = (None, None);
    for (count, line) in (1..).zip(told.lines()) {
        let line = line.unwrap();
        match line.split_once(' ') {
            Some(("boot", number)) => boot = Some(number.parse().unwrap()),
            Some(("noted", number)) => noted = Some(number.parse().unwrap()),
            _ => assert_eq!(line, "opening", "the child says what it should not"),
        }
        if count == lines {
            // What it tells between now and its death counts, too: the loop reads on to the end.
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    (boot, noted)
}
