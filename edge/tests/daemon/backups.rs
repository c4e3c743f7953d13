//! `dag backup` and `dag restore`: a monitor in one file, and a monitor out of it.

use std::{
    fs,
    io::{Read as _, Write as _},
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;

use crate::home::{Daemon, Home, mails, text, wait_until};

/// Makes a backup, and returns its path.
fn backup(home: &Home) -> PathBuf {
    let file = home.path("monitor.dagbackup");
    home.json(&["backup", file.to_str().unwrap()]);
    file
}

fn dag(words: &[&str], config: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dag"));
    command.args(words).arg("--config").arg(config);
    command
}

/// Runs `dag restore` and returns its output.
fn restore(backup: &Path, folder: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_dag")).arg("restore").args([backup, folder]).output().unwrap()
}

/// Checks that a restore is refused with these words, and that nothing is left of it.
#[track_caller]
fn assert_refused(backup: &Path, words: &str) {
    let top = tempfile::tempdir().unwrap();
    let output = restore(backup, &top.path().join("new/monitor"));
    let error = text(&output.stderr);
    assert!(error.contains(words), "{error}");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(fs::read_dir(top.path()).unwrap().count(), 0, "nothing is left");
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn an_outage_goes_on_where_its_backup_is_restored() {
    let (home, daemon) = Home::with_outage();
    home.json(&["ack", "--by", "kim"]);
    wait_until(|| home.json(&["status"])["waiting"].as_array().unwrap().is_empty().then_some(()));
    let told_before = home.mails().len();
    let before = home.json(&["status"]);
    let file = backup(&home);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    // The old monitor goes on after its backup, and dies.
    home.json(&["silence", "--for", "1h"]);
    drop(daemon);

    let top = tempfile::tempdir().unwrap();
    let other = top.path().join("other");
    let output = restore(&file, &other);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("If the old monitor still runs, stop it"), "{}", text(&output.stdout));
    assert_eq!(names(&other), ["config.toml", "rules", "var"]);
    for name in ["config.toml", "rules/power.toml", "rules/people.toml"] {
        assert_eq!(fs::read(other.join(name)).unwrap(), fs::read(home.path(name)).unwrap());
    }
    assert_eq!(fs::metadata(other.join("var/dag.redb")).unwrap().mode() & 0o777, 0o600);

    let config = other.join("config.toml");
    let _daemon = Daemon::start(dag(&["run"], &config));
    let json = |words: &[&str]| -> Value {
        let output = dag(&[words, &["--format", "json"]].concat(), &config).output().unwrap();
        assert!(output.status.success(), "{words:?}: {}", text(&output.stdout));
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let after = json(&["status"]);
    assert_eq!(after["incidents"], before["incidents"], "with its acknowledgement");
    assert_eq!(after["silences"].as_array().unwrap().len(), 0, "the silence came later");
    assert_eq!(after["boot"], 2);
    json(&["plug"]);
    let told = wait_until(|| Some(mails(&other.join("var/outbox"))).filter(|mails| !mails.is_empty()));
    assert!(told_before > 0 && told.iter().all(|subject| subject.contains("Power is back")), "{told:?}");
}

#[test]
fn a_backup_without_a_daemon_changes_nothing() {
    let home = Home::new();
    drop(home.run());
    let store = fs::read(home.path("var/dag.redb")).unwrap();
    let output = home.dag(&["backup", home.path("one").to_str().unwrap()]);
    assert!(text(&output.stdout).contains("the backup of cottage is in "), "{}", text(&output.stdout));
    assert!(fs::read(home.path("var/dag.redb")).unwrap() == store, "the store was changed");
    assert_eq!(names(&home.path("")), ["config.toml", "one", "rules", "var"]);
    // Every tar can read it.
    let listed = Command::new("tar").arg("-tf").arg(home.path("one")).output().unwrap();
    assert_eq!(
        text(&listed.stdout),
        "config.toml\nrules/people.toml\nrules/power.toml\nstore/dag.redb\nmanifest.json\n"
    );
}

#[test]
fn a_backup_works_while_the_configuration_is_broken() {
    let home = Home::new();
    let _daemon = home.run();
    home.edit("config.toml", "mode = \"standalone\"", "mode = standalone");
    let file = backup(&home);
    let top = tempfile::tempdir().unwrap();
    let output = restore(&file, &top.path().join("other"));
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("had mistakes already when the backup was made"), "{}", text(&output.stdout));
    assert!(top.path().join("other/var/dag.redb").exists());
}

#[test]
fn a_backup_overwrites_nothing() {
    let home = Home::new();
    let _daemon = home.run();
    let file = home.path("mine");
    fs::write(&file, "mine").unwrap();
    let output = home.dag(&["backup", file.to_str().unwrap()]);
    let expected = format!("`{}` is there already, and nothing is overwritten: name another file\n", file.display());
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(1), expected));
    assert_eq!(fs::read(&file).unwrap(), b"mine");
    // A link that leads nowhere is there, too.
    std::os::unix::fs::symlink("nowhere", home.path("link")).unwrap();
    assert_eq!(home.dag(&["backup", home.path("link").to_str().unwrap()]).status.code(), Some(1));
    assert!(!home.path("nowhere").exists());
}

#[test]
fn a_backup_of_nothing_says_so() {
    let home = Home::new();
    let output = home.dag(&["backup", home.path("one").to_str().unwrap()]);
    let error = text(&output.stderr);
    assert!(error.contains("there is no store at ") && error.contains("`dag run` makes it"), "{error}");
    assert_eq!(output.status.code(), Some(1));
    let output = home.dag(&["backup", home.path("no/such/folder/one").to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(!home.path("no").exists());
}

/// Runs shell commands with `$disk` on a small disk of their own, `$dag` and `$config`. Returns what they print.
fn on_a_small_disk(home: &Home, size: &str, commands: &str) -> String {
    let disk = home.path("disk");
    fs::create_dir_all(&disk).unwrap();
    let script = format!("mount -t tmpfs -o size={size} tmpfs \"$disk\" || exit 9\n{commands}");
    let mut command = Command::new("unshare");
    command.args(["--mount", "--map-root-user", "sh", "-c", &script]);
    command.env("disk", &disk).env("dag", env!("CARGO_BIN_EXE_dag")).env("config", home.path("config.toml"));
    let output = command.output().unwrap();
    assert_ne!(output.status.code(), Some(9), "{}", text(&output.stderr));
    [output.stdout, output.stderr].map(|bytes| text(&bytes)).concat()
}

#[test]
fn a_full_disk_leaves_no_backup_and_does_not_disturb_the_daemon() {
    let (home, _daemon) = Home::with_outage();
    let commands = "\"$dag\" backup \"$disk/one\" --config \"$config\"; echo \"exit $?\"; ls -A \"$disk\"";
    let said = on_a_small_disk(&home, "64k", commands);
    assert!(said.contains("is full, so there is no backup, and nothing is left of it: free some space"), "{said}");
    assert!(said.starts_with("exit 1\n"), "{said}");
    assert!(!said.contains("one\n`") && !said.contains(".dag-backup"), "{said}");
    home.json(&["plug"]);
    home.wait_for_mails(2);
}

#[test]
fn a_backup_does_not_fill_the_disk_of_the_daemon() {
    let home = Home::new();
    let commands = "
        \"$dag\" run --config \"$config\" --set storage.path=\"$disk/dag.redb\" 2>/dev/null &
        ask() { \"$dag\" \"$@\" --config \"$config\" --set storage.path=\"$disk/dag.redb\"; }
        until ask status >/dev/null 2>&1; do sleep 0.05; done
        ask backup /tmp/dag-never; echo \"exit $?\"
        ls -A \"$disk\" /tmp/dag-never
        ask unplug
        kill $!; wait $!
    ";
    let said = on_a_small_disk(&home, "3m", commands);
    assert!(said.contains("has no room for a copy of the store: a backup needs"), "{said}");
    assert!(said.contains("exit 1\n") && said.contains("power is off"), "{said}");
    assert!(!said.contains("dag.copy"), "{said}");
}

#[test]
fn a_full_disk_restores_nothing() {
    let (home, daemon) = Home::with_outage();
    let file = backup(&home);
    drop(daemon);
    let commands = format!("\"$dag\" restore '{}' \"$disk/new\"; echo \"exit $?\"; ls -A \"$disk\"", file.display());
    let said = on_a_small_disk(&home, "64k", &commands);
    assert!(said.contains("the disk is full. Nothing is left of it"), "{said}");
    assert!(said.starts_with("exit 1\n") && !said.contains("\nnew"), "{said}");
}

#[test]
fn a_restore_overwrites_nothing() {
    let home = Home::new();
    let _daemon = home.run();
    let file = backup(&home);
    let before = fs::read(home.path("config.toml")).unwrap();
    let output = home.dag(&["restore", file.to_str().unwrap()]);
    let error = text(&output.stderr);
    let [config, rules, store] =
        ["config.toml", "rules", "var/dag.redb"].map(|name| format!("`{}`", home.path(name).display()));
    assert_eq!(
        error,
        format!(
            "{config}, {rules}, {store} are there already, and a restore overwrites nothing: name another folder, or \
             stop the daemon and move away what is there\n"
        )
    );
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(fs::read(home.path("config.toml")).unwrap(), before);
    assert_eq!(home.json(&["status"])["device"]["id"], "cottage", "the daemon goes on");
    // One of them is enough.
    let top = tempfile::tempdir().unwrap();
    fs::create_dir(top.path().join("var")).unwrap();
    fs::write(top.path().join("var/dag.redb"), "mine").unwrap();
    let output = restore(&file, top.path());
    assert!(text(&output.stderr).contains("var/dag.redb` is there already"), "{}", text(&output.stderr));
    assert_eq!(names(top.path()), ["var"]);
}

#[test]
fn a_backup_that_is_cut_or_changed_anywhere_is_refused() {
    let home = Home::new();
    drop(home.run());
    let file = backup(&home);
    let whole = fs::read(&file).unwrap();
    for part in 0..8 {
        fs::write(&file, &whole[..whole.len() * part / 8]).unwrap();
        assert_refused(&file, "take another copy of the backup");
    }
    // A bit of each of the files, and of a header.
    let positions =
        ["# This file describes", "# Rules about the mains", "redb\x1a", "\"store_format\"", "rules/people.toml"];
    for words in positions {
        let mut changed = whole.clone();
        let at = changed.windows(words.len()).position(|bytes| bytes == words.as_bytes()).unwrap();
        changed[at + 3] ^= 1;
        fs::write(&file, changed).unwrap();
        assert_refused(&file, "cannot be restored");
    }
    fs::write(&file, &whole).unwrap();
    let top = tempfile::tempdir().unwrap();
    assert!(restore(&file, top.path()).status.success());
}

#[test]
fn other_files_are_no_backups() {
    let home = Home::new();
    let file = home.path("other");
    let no_backup = "it is cut short or damaged, or no backup at all";
    for content in [&b""[..], b"hello", &[0; 4096], &[0xff; 4096]] {
        fs::write(&file, content).unwrap();
        assert_refused(&file, "cannot be restored");
    }
    fs::write(&file, vec![b'x'; 4096]).unwrap();
    assert_refused(&file, no_backup);
    fs::remove_file(&file).unwrap();
    assert_refused(&file, "cannot be read: No such file");
    fs::create_dir(&file).unwrap();
    assert_refused(&file, "cannot be read: it is not a file");
    assert!(Command::new("mkfifo").arg(home.path("pipe")).status().unwrap().success());
    assert_refused(&home.path("pipe"), "cannot be read: it is not a file");
}

#[test]
fn an_archive_that_leads_out_of_its_folder_is_refused() {
    let top = tempfile::tempdir().unwrap();
    let at = |name: &str| top.path().join(name);
    fs::create_dir_all(at("in/rules")).unwrap();
    fs::write(at("in/config.toml"), "x").unwrap();
    fs::write(at("in/rules/a.toml"), "x").unwrap();
    std::os::unix::fs::symlink("/etc", at("in/rules/etc")).unwrap();
    fs::hard_link(at("in/config.toml"), at("in/rules/hard.toml")).unwrap();
    let archive = |words: &[&str]| {
        let file = at("evil.tar");
        let mut tar = Command::new("tar");
        tar.args(["--format=ustar", "-P", "-cf"]).arg(&file).args(words).current_dir(at("in"));
        assert!(tar.status().unwrap().success());
        file
    };
    let rename = |to: &str| format!("--transform=s,^config.toml,{to},");
    for to in ["../evil.toml", "/tmp/evil.toml", "rules/../../evil.toml", "rules/.hidden", "store/other.redb"] {
        assert_refused(&archive(&[&rename(to), "config.toml"]), "and no backup of detectordag does");
    }
    for words in [&["rules/etc"][..], &["config.toml", "rules/hard.toml"], &["rules"]] {
        assert_refused(&archive(words), "which is not an ordinary file");
    }
    assert_refused(&archive(&["config.toml", "config.toml", "--hard-dereference"]), "`config.toml`, and no backup");
    assert_refused(&archive(&["config.toml"]), "it has no `manifest.json`");
    assert_eq!(names(top.path()), ["evil.tar", "in"]);
}

#[test]
fn a_large_file_in_the_place_of_rules_is_refused() {
    let top = tempfile::tempdir().unwrap();
    let file = fs::File::create(top.path().join("config.toml")).unwrap();
    // 4 GiB that are not there: a sparse file, as a header of 512 bytes claims them.
    file.set_len(4 << 30).unwrap();
    let mut tar = Command::new("tar");
    tar.args(["--format=ustar", "-cf", "-", "config.toml"])
        .current_dir(top.path())
        .stdout(std::process::Stdio::piped());
    let mut child = tar.spawn().unwrap();
    let mut begin = vec![0; 4096];
    child.stdout.take().unwrap().read_exact(&mut begin).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    let archive = top.path().join("large.tar");
    fs::File::create(&archive).unwrap().write_all(&begin).unwrap();
    assert_refused(&archive, "`config.toml`, and no backup of detectordag does");
}

#[test]
fn a_backup_of_a_newer_version_is_refused() {
    let top = tempfile::tempdir().unwrap();
    fs::write(top.path().join("config.toml"), "x").unwrap();
    let check = |manifest: &str, words: &str| {
        fs::write(top.path().join("manifest.json"), manifest).unwrap();
        let file = top.path().join("newer.tar");
        let mut tar = Command::new("tar");
        let tar = tar.args(["--format=ustar", "-cf"]).arg(&file).args(["config.toml", "manifest.json"]);
        assert!(tar.current_dir(top.path()).status().unwrap().success());
        assert_refused(&file, words);
    };
    let newer = "it was made by a newer version of detectordag (9.0.0, and this is 0.1.0): install that version first";
    check(r#"{"format":2,"version":"9.0.0","what":"else"}"#, newer);
    let of_store = |format: u32| {
        format!(
            r#"{{"format":1,"version":"9.0.0","store_format":{format},"device":null,"made_at":"2026-01-10T12:00:00Z","files":{{}}}}"#
        )
    };
    check(&of_store(99), newer);
    check(&of_store(2), "it has no `store/dag.redb`");
    check("{}", "`manifest.json` in it was changed");
}

#[test]
fn a_daemon_that_ends_during_a_backup_leaves_no_backup() {
    let home = Home::new();
    let listener = std::os::unix::net::UnixListener::bind({
        fs::create_dir(home.path("var")).unwrap();
        home.path("var/dag.sock")
    })
    .unwrap();
    // A daemon that sends half of what it announced.
    let answers = std::thread::spawn(move || {
        for answer in ["{\"ok\":{\"device\":\"cottage\",\"store_format\":2,\"bytes\":100000}}\nhalf", "", "not json\n"]
        {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 100];
            let _ = stream.read(&mut request).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    for words in ["the daemon ended while it sent its store", "did not answer", "did not answer"] {
        let output = home.dag(&["backup", home.path("one").to_str().unwrap()]);
        let error = text(&output.stderr);
        assert!(output.status.code() == Some(1) && error.contains(words), "{error}");
        assert_eq!(names(&home.path("")), ["config.toml", "rules", "var"]);
    }
    answers.join().unwrap();
}
