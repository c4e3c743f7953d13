//! A new version of the program in the place of a running one.

use std::{fs, path::Path, process::Command};

use crate::home::{Daemon, Home, text};

fn run(program: &Path, home: &Home) -> Daemon {
    let mut command = Command::new(program);
    command.arg("run").arg("--config").arg(home.path("config.toml"));
    Daemon::start(command)
}

/// Copies the program by another process: a child of another test could hold a copy of this one open for writing, and
/// then it would not start.
fn copy(words: &[&str], to: &Path) -> std::process::Output {
    Command::new(words[0]).args(&words[1..]).arg(env!("CARGO_BIN_EXE_dag")).arg(to).output().unwrap()
}

#[test]
fn an_upgrade_over_a_running_daemon_takes_effect_at_its_restart() {
    let home = Home::new();
    let program = home.path("dag");
    assert!(copy(&["install", "-m", "0755"], &program).status.success());
    let mut daemon = run(&program, &home);
    home.json(&["unplug"]);
    home.wait_for_mails(1);
    let before = home.json(&["status"])["incidents"].clone();

    // A copy into the file of a program that runs is refused by the system. `install` makes another file.
    let busy = copy(&["cp"], &program);
    assert!(!busy.status.success() && text(&busy.stderr).contains("Text file busy"), "{}", text(&busy.stderr));
    assert!(copy(&["install", "-m", "0755"], &program).status.success());
    assert_eq!(home.json(&["status"])["incidents"], before, "the old one runs on");
    let second = Command::new(&program).args(["run", "--config"]).arg(home.path("config.toml")).output().unwrap();
    assert_eq!(second.status.code(), Some(1));
    let error = text(&second.stderr);
    assert!(error.contains("is in use by another daemon: stop that one first"), "{error}");

    daemon.signal("TERM");
    assert!(daemon.child.wait().unwrap().success());
    let _daemon = run(&program, &home);
    assert_eq!(home.json(&["status"])["incidents"], before, "the outage goes on");
    home.json(&["plug"]);
    let mails = home.wait_for_mails(2);
    assert_eq!(mails.len(), 2, "nothing is told twice: {mails:?}");
}

#[test]
fn files_of_the_owner_survive_an_upgrade_as_the_page_describes_it() {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/README.md")).unwrap();
    let upgrade = page.split_once("\n## Upgrade\n").unwrap().1.split("\n## ").next().unwrap();
    assert!(upgrade.contains("dag backup"), "a way back comes first");
    for owners in ["config.toml", "rules"] {
        let copies = upgrade.lines().filter(|line| line.starts_with("    ") && line.contains(owners));
        let copies: Vec<&str> =
            copies.filter(|line| ["cp ", "scp ", "install "].iter().any(|copy| line.contains(copy))).collect();
        assert!(copies.is_empty(), "{copies:?}");
    }
}
