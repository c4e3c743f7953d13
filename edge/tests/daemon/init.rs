//! `dag init`: a new monitor from the program alone.

use std::{
    fs,
    io::Write as _,
    path::Path,
    process::{Command, Output, Stdio},
};

use serde_json::Value;

use crate::home::{Daemon, text, wait_until};

/// Runs `dag init` without a terminal, in a folder that has nothing of the repository.
fn init(top: &Path, words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dag"));
    command.arg("init").args(words).current_dir(top).stdin(Stdio::null()).output().unwrap()
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn dag(folder: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dag"));
    command.args(words).current_dir(folder);
    command
}

#[test]
fn a_new_monitor_is_good_runs_and_tells_its_owner() {
    let top = tempfile::tempdir().unwrap();
    let words = ["house", "--name", "Sea house", "--email", "kim@sea.example", "--timezone", "Europe/Paris"];
    let output = init(top.path(), &words);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let said = text(&output.stdout);
    for part in ["kim is told at kim@sea.example", "  cd house\n", "  dag run ", "dag notify kim", "dag unplug"] {
        assert!(said.contains(part), "{said}");
    }
    let house = top.path().join("house");
    assert_eq!(names(&house), ["config.toml", "rules"]);
    assert!(dag(&house, &["check"]).output().unwrap().status.success());

    let power = house.join("rules/power.toml");
    let shorter = fs::read_to_string(&power).unwrap().replace("open_after = \"30s\"", "open_after = \"0s\"");
    fs::write(&power, shorter).unwrap();
    // The stories are about the waiting time.
    fs::remove_dir_all(house.join("rules/tests")).unwrap();
    let _daemon = Daemon::start(dag(&house, &["run"]));
    assert!(dag(&house, &["unplug"]).output().unwrap().status.success());
    let subject = wait_until(|| crate::home::mails(&house.join("var/outbox")).into_iter().next());
    assert!(subject.contains("Sea house"), "{subject}");
    let mail = fs::read_dir(house.join("var/outbox")).unwrap().next().unwrap().unwrap().path();
    assert!(fs::read_to_string(mail).unwrap().contains("kim@sea.example"));
}

/// Root works in a folder of somebody else: here in one that was given away, or as the root of a namespace in which the
/// folder `/` is nobody's.
#[test]
fn as_root_the_daemon_makes_nothing_in_a_folder_of_somebody_else() {
    use std::os::unix::fs::{MetadataExt as _, chown};
    let top = tempfile::tempdir().unwrap();
    let house = top.path().join("house");
    fs::create_dir(&house).unwrap();
    let is_root = fs::metadata(&house).unwrap().uid() == 0;
    if is_root {
        chown(&house, Some(65_534), None).unwrap();
    }
    let output = init(top.path(), &["house", "--email", "kim@sea.example", "--timezone", "UTC"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let run = ["run", "--config", "house/config.toml"];
    let output = if is_root {
        assert!(text(&output.stdout).contains("Next, as the owner of this folder and not as root:"));
        dag(top.path(), &run).output().unwrap()
    } else {
        let mut command = Command::new("unshare");
        command.args(["--map-root-user", env!("CARGO_BIN_EXE_dag")]).args(run).current_dir(top.path());
        command.args(["--set", "storage.path=/no-such-folder/dag.redb"]).output().unwrap()
    };
    let error = text(&output.stderr);
    assert!(error.contains("belongs to another user (id 65534), who could not read what root makes there"), "{error}");
    assert!(error.contains("sudo systemctl enable --now dag"), "{error}");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(names(&house), ["config.toml", "rules"]);
}

#[test]
fn json_names_what_was_made() {
    let top = tempfile::tempdir().unwrap();
    let output = init(top.path(), &["--email", "kim@sea.example", "--timezone", "UTC", "--format", "json"]);
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&answer["device"], &answer["person"]), (&"home".into(), &"kim".into()));
    assert!(answer["files"].as_array().unwrap().contains(&"rules/people.toml".into()));
}

#[test]
fn flags_of_a_real_monitor_are_in_its_configuration() {
    let top = tempfile::tempdir().unwrap();
    let common =
        ["--email", "kim@sea.example", "--timezone", "UTC", "--smtp", "mail.sea.example", "--smtp-user", "kim"];
    for (folder, flags, power) in [
        ("gpio", &["--source", "gpio", "--pin", "17"][..], "power = { source = \"gpio\", pin = 17,"),
        ("pin", &["--pin", "17"], "power = { source = \"gpio\", pin = 17,"),
        ("nut", &["--ups", "eaton@nas"], "power = { source = \"nut\", address = \"nas:3493\", ups = \"eaton\" }"),
    ] {
        let output = init(top.path(), &[&[folder], &common[..], flags].concat());
        assert!(output.status.success(), "{}", text(&output.stderr));
        let said = text(&output.stdout);
        assert!(said.contains("export SMTP_PASSWORD=") && said.contains("Try it"), "{said}");
        let config = fs::read_to_string(top.path().join(folder).join("config.toml")).unwrap();
        assert!(config.contains(power) && config.contains("\nserver = \"mail.sea.example\"\n"), "{config}");
    }
}

#[test]
fn without_a_terminal_it_says_what_to_add() {
    let top = tempfile::tempdir().unwrap();
    let said = |words: &[&str]| {
        let output = init(top.path(), words);
        assert_eq!(output.status.code(), Some(2));
        assert!(names(top.path()).is_empty());
        text(&output.stderr)
    };
    assert_eq!(
        said(&["house", "--timezone", "UTC"]),
        "there is no terminal to ask at, and nothing was made. Add --email ADDRESS (who is told)\n"
    );
    assert_eq!(
        said(&["house", "--timezone", "UTC", "--yes"]),
        "with --yes nothing is asked, and nothing was made. Add --email ADDRESS (who is told)\n"
    );
}

#[test]
fn wrong_flags_make_nothing() {
    let top = tempfile::tempdir().unwrap();
    let good = ["house", "--email", "kim@sea.example", "--timezone", "UTC"];
    for (flags, words) in [
        (&["--timezone", "Europe/Lodnon"][..], "there is no time zone `Europe/Lodnon`: did you mean `Europe/London`?"),
        (&["--email", "kim"], "`kim` is not an email address: write it as user@host"),
        (&["--name", ""], "a name is one line of text"),
        (&["--pin", "40"], "40 is not in 0..=27"),
        (&["--set", "site.name=Sea"], "`dag init` takes its values from flags of its own, like --name"),
        (&["--source", "nut", "--pin", "4"], "--pin is for --source gpio: leave one of them out"),
        (&["--source", "gpio", "--ups", "ups"], "--ups is for --source nut: leave one of them out"),
        (&["--smtp-user", "kim"], "--smtp <HOST[:PORT]>"),
        (&["--device", "a/b"], "cannot be the id of a device"),
        (&["--person", "owners"], "cannot be the name of a recipient"),
    ] {
        // A flag that is given twice is wrong by itself.
        let base = good.iter().position(|word| *word == flags[0]);
        let base: Vec<&str> = good
            .iter()
            .enumerate()
            .filter(|(at, _)| base.is_none_or(|base| *at != base && *at != base + 1))
            .map(|(_, word)| *word)
            .collect();
        let output = init(top.path(), &[&base[..], flags].concat());
        let error = text(&output.stderr);
        assert!(error.contains(words), "{flags:?}: {error}");
        assert_eq!(output.status.code(), Some(2), "{flags:?}");
        assert!(names(top.path()).is_empty(), "{flags:?}");
    }
    // What only the configuration knows to be wrong.
    let plain = ["--smtp", "mail.sea.example", "--smtp-security", "plain"];
    let output = init(top.path(), &[&good[..], &plain].concat());
    assert!(text(&output.stderr).contains("mail and password would cross the network unprotected"));
    assert_eq!(output.status.code(), Some(1));
    assert!(names(top.path()).is_empty());
}

#[test]
fn a_folder_in_use_is_left_as_it_is() {
    let flags = ["--email", "kim@sea.example", "--timezone", "UTC"];
    for (name, content) in [("config.toml", "mine"), ("rules/mine.toml", "mine"), ("var/dag.redb", "mine")] {
        let top = tempfile::tempdir().unwrap();
        let file = top.path().join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, content).unwrap();
        let before = names(top.path());
        let output = init(top.path(), &flags);
        let error = text(&output.stderr);
        assert!(error.contains("is there already, so this folder is in use, and nothing is overwritten"), "{error}");
        assert_eq!(output.status.code(), Some(1));
        assert_eq!((names(top.path()), fs::read_to_string(&file).unwrap()), (before, content.to_owned()));
    }
    // A file of another kind is in nobody's way; a file in the folder's place is.
    let top = tempfile::tempdir().unwrap();
    fs::write(top.path().join("notes.txt"), "mine").unwrap();
    assert!(init(top.path(), &flags).status.success());
    assert_eq!(names(top.path()), ["config.toml", "notes.txt", "rules"]);
    let output = init(top.path(), &[&["notes.txt"], &flags[..]].concat());
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("`notes.txt` is there already"), "{}", text(&output.stderr));
}

#[test]
fn a_folder_that_may_not_be_written_is_named() {
    let top = tempfile::tempdir().unwrap();
    let script = "mount -t tmpfs -o size=16k tmpfs . && cd . && \"$dag\" init \"$PWD/new\" --email a@b --timezone UTC";
    let mut command = Command::new("unshare");
    command.args(["--mount", "--map-root-user", "sh", "-c", script]).current_dir(top.path());
    let output = command.env("dag", env!("CARGO_BIN_EXE_dag")).output().unwrap();
    let error = text(&output.stderr);
    assert!(error.contains("the disk is full. Nothing is left of it"), "{error}");
    let output = init(top.path(), &["/proc/new", "--email", "a@b", "--timezone", "UTC"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).starts_with("`/proc/new` cannot be made"), "{}", text(&output.stderr));
}

/// Runs `dag init house` at a terminal of its own, and types `lines`. Returns what the terminal showed.
fn at_a_terminal(top: &Path, lines: &str) -> (Option<i32>, String) {
    let command = format!("'{}' init house", env!("CARGO_BIN_EXE_dag"));
    let mut script = Command::new("script");
    script.args(["--quiet", "--return", "--command", &command, "/dev/null"]).env("TZ", "Europe/Paris");
    let script = script.current_dir(top).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = script.spawn().unwrap();
    // The end of these lines is Ctrl-D at the terminal.
    child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    (output.status.code(), text(&output.stdout))
}

#[test]
fn a_terminal_is_asked() {
    let top = tempfile::tempdir().unwrap();
    let lines = "Sea house\nkim\nkim@sea.example\n\nnut\nups@nas\nmail.sea.example\nnone\n";
    let (code, shown) = at_a_terminal(top.path(), lines);
    assert_eq!(code, Some(0), "{shown}");
    for part in [
        "The name of the place [Home]: ",
        "`kim` is not an email address: write it as user@host, without a name",
        "The time zone [Europe/Paris]: ",
        "The mail server (none: mails become files, to try things) [none]: ",
        "kim is told at kim@sea.example",
    ] {
        assert!(shown.contains(part), "{shown}");
    }
    let config = fs::read_to_string(top.path().join("house/config.toml")).unwrap();
    for line in [
        "name = \"Sea house\"",
        "timezone = \"Europe/Paris\"",
        "[device.sea-house]",
        "power = { source = \"nut\", address = \"nas:3493\", ups = \"ups\" }",
        "# username = \"dag\"",
    ] {
        assert!(config.lines().any(|found| found == line), "{line}\n{config}");
    }
}

#[test]
fn questions_that_end_in_the_middle_make_nothing() {
    for lines in ["", "Sea house\n", "Sea house\nkim@sea.example\n\n"] {
        let top = tempfile::tempdir().unwrap();
        let (code, shown) = at_a_terminal(top.path(), lines);
        assert_eq!(code, Some(1), "{shown}");
        assert!(shown.contains("the input ended before the last question, so nothing was made"), "{shown}");
        assert!(names(top.path()).is_empty());
    }
}
