//! A full disk: messages wait until their decisions are on the disk, and none is lost.

use std::{fs, path::Path, process::Command};

use crate::home::{Daemon, Home, mails, text, wait_until};

#[test]
fn a_full_disk_holds_messages_back_until_there_is_room_again() {
    let home = Home::new();
    let disk = home.path("disk");
    fs::create_dir(&disk).unwrap();
    home.edit("config.toml", "path = \"var/dag.redb\"", &format!("path = \"{}/dag.redb\"", disk.display()));
    // A small disk that only this daemon sees. The mails are written elsewhere.
    let mut command = Command::new("unshare");
    let mount = "mount -t tmpfs -o size=4m tmpfs \"$1\" && exec \"$2\" run --config \"$3\"";
    command.args(["--mount", "--map-root-user", "sh", "-c", mount, "sh"]);
    command.arg(&disk).arg(env!("CARGO_BIN_EXE_dag")).arg(home.path("config.toml"));
    let daemon = Daemon::start(command);
    let inside = Path::new("/proc").join(daemon.child.id().to_string()).join("root");
    let inside = inside.join(disk.strip_prefix("/").unwrap());
    let ask = |request: &str| {
        let target = daemon.child.id().to_string();
        let mut command = Command::new("nsenter");
        command.args(["--user", "--mount", "--preserve-credentials", "--target", &target]);
        let words = [request, "--format", "json", "--config"];
        let output = command.arg(env!("CARGO_BIN_EXE_dag")).args(words).arg(home.path("config.toml")).output().unwrap();
        assert!(output.status.success(), "{request}: {} {}", text(&output.stdout), text(&output.stderr));
        serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap()
    };

    let ballast = inside.join("ballast");
    fs::write(&ballast, vec![0; 8 << 20]).unwrap_err();
    // The file of the store has free pages: switch the mains until it needs more of the disk.
    let full = wait_until(|| {
        ask("unplug");
        ask("plug");
        ask("status")["store"].as_str().map(str::to_owned)
    });
    assert!(full.contains("is on a full disk: free some space"), "{full}");
    ask("unplug");
    let before = mails(&home.path("var/outbox")).len();
    let waiting = ask("status")["waiting"].as_array().unwrap().len();
    assert!(waiting > 0);
    assert_eq!(mails(&home.path("var/outbox")).len(), before, "nothing leaves that is not noted");

    fs::remove_file(&ballast).unwrap();
    wait_until(|| ask("status")["store"].is_null().then_some(()));
    wait_until(|| (mails(&home.path("var/outbox")).len() >= before + waiting).then_some(()));
}
