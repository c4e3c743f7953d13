//! Starts, stops, and the commands of a running daemon.

use std::{
    fs::File,
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    process::Stdio,
};

use crate::home::{Daemon, Home, text, wait_until};

#[test]
fn an_outage_is_told_and_so_is_its_end() {
    let (home, _daemon) = Home::with_outage();
    home.json(&["plug"]);
    let mails = home.wait_for_mails(2);
    assert!(mails.iter().all(|subject| subject.contains("Cottage")), "{mails:?}");
    assert_eq!(home.json(&["status"])["incidents"].as_array().unwrap().len(), 0);
}

#[test]
fn an_acknowledgement_names_who_took_it_on() {
    let (home, _daemon) = Home::with_outage();
    let answer = home.json(&["ack", "--by", "kim"]);
    assert_eq!(answer["rule"], "power-outage");
    assert_eq!(home.json(&["status"])["incidents"][0]["acknowledged_by"], "kim");
}

#[test]
fn an_acknowledgement_of_nothing_is_refused() {
    let home = Home::new();
    let _daemon = home.run();
    let output = home.dag(&["ack"]);
    assert_eq!((output.status.code(), text(&output.stderr).as_str()), (Some(1), "no incident is open\n"));
}

#[test]
fn an_acknowledgement_by_no_name_is_refused() {
    let (home, _daemon) = Home::with_outage();
    for by in ["", "kim\nBcc: eve@example.com", &"x".repeat(201), &"x".repeat(50_000)] {
        assert_eq!(home.dag(&["ack", "--by", by]).status.code(), Some(1), "{by:?}");
    }
    assert!(home.json(&["status"])["incidents"][0]["acknowledged_by"].is_null());
}

#[test]
fn a_log_that_cannot_be_written_ends_nothing() {
    let home = Home::new();
    let full = File::options().write(true).open("/dev/full").unwrap();
    let mut child = home.command(&["run"]).stderr(full).spawn().unwrap();
    wait_until(|| home.dag(&["unplug"]).status.success().then_some(()));
    home.wait_for_mails(1);
    assert!(child.try_wait().unwrap().is_none(), "it runs on");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_reader_that_has_read_enough_is_no_failure() {
    let home = Home::new();
    let mut child = home.command(&["check"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), text(&output.stderr).as_str()), (Some(0), ""));
}

/// Answers as a mail server does, up to the answer to a mail. Returns whether there was one.
fn takes_a_mail(stream: &TcpStream) -> bool {
    let answer = |line: &str| {
        // A client that has all it wants may be gone.
        let _ = { stream }.write_all(format!("{line}\r\n").as_bytes());
    };
    answer("220 here");
    for line in BufReader::new(stream).lines().map_while(Result::ok) {
        match line.as_str() {
            "DATA" => answer("354 go on"),
            "." => return true,
            _ if ["EHLO", "MAIL", "RCPT", "RSET", "QUIT"].iter().any(|command| line.starts_with(command)) => {
                answer("250 good");
            }
            _ => {}
        }
    }
    false
}

#[test]
fn a_mail_that_is_under_way_at_a_stop_is_not_sent_again() {
    let home = Home::new();
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let smtp = format!(
        "transport = \"smtp\"\nsmtp = {{ server = \"127.0.0.1\", port = {}, security = \"plain\" }}",
        server.local_addr().unwrap().port()
    );
    home.edit("config.toml", "transport = \"outbox\"", &smtp);
    let mut daemon = home.run();
    home.json(&["unplug"]);
    // The check of the receivers connects too, and sends no mail.
    let stream = loop {
        let (stream, _) = server.accept().unwrap();
        if takes_a_mail(&stream) {
            break stream;
        }
    };
    daemon.signal("TERM");
    daemon.wait_for("stopping");
    (&stream).write_all(b"250 taken\r\n").unwrap();
    assert!(daemon.child.wait().unwrap().success());

    home.edit("config.toml", "transport = \"smtp\"", "transport = \"outbox\"");
    let _daemon = home.run();
    assert!(home.json(&["status"])["waiting"].as_array().unwrap().is_empty());
    assert!(home.mails().is_empty());
}

#[test]
fn a_terminated_daemon_ends_well_and_takes_its_socket_along() {
    let home = Home::new();
    let mut daemon = home.run();
    daemon.signal("TERM");
    assert!(daemon.child.wait().unwrap().success());
    assert!(!home.path("var/dag.sock").exists());
}

#[test]
fn an_outage_goes_on_over_a_kill() {
    let (home, daemon) = Home::with_outage();
    let before = home.json(&["status"])["incidents"][0]["id"].clone();
    drop(daemon);
    let _daemon = home.run();
    let status = home.json(&["status"]);
    assert_eq!(status["incidents"][0]["id"], before);
    assert_eq!(status["facts"]["power"][0], "off", "the simulated mains stay as they were");
    home.json(&["plug"]);
    assert_eq!(home.wait_for_mails(2).len(), 2);
}

#[test]
fn a_second_daemon_on_the_same_store_is_refused() {
    let home = Home::new();
    let _daemon = home.run();
    let output = home.dag(&["run"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        text(&output.stderr).contains("is in use by another daemon: stop that one first"),
        "{}",
        text(&output.stderr)
    );
    assert_eq!(home.json(&["status"])["device"]["id"], "cottage", "the first one goes on");
}

#[test]
fn a_store_that_is_cut_off_is_refused_and_left_as_it_is() {
    let home = Home::new();
    drop(home.run());
    let store = home.path("var/dag.redb");
    let whole = std::fs::read(&store).unwrap();
    std::fs::write(&store, &whole[..whole.len() / 2]).unwrap();
    let output = home.dag(&["run"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("is damaged"), "{}", text(&output.stderr));
    assert_eq!(std::fs::read(&store).unwrap(), whole[..whole.len() / 2]);
}

#[test]
fn a_command_without_a_daemon_says_how_to_start_one() {
    let home = Home::new();
    let output = home.dag(&["status"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("start it with `dag run`"), "{}", text(&output.stderr));
}

#[test]
fn wrong_use_is_told_apart_from_problems() {
    let home = Home::new();
    assert_eq!(home.dag(&["unplgu"]).status.code(), Some(2));
    assert_eq!(home.dag(&["--help"]).status.code(), Some(0));
}

#[test]
fn several_daemons_of_one_machine_do_not_meet() {
    let (one, other) = (Home::new(), Home::new());
    let (_one, _other) = (one.run(), other.run());
    one.json(&["unplug"]);
    wait_until(|| (one.json(&["status"])["incidents"].as_array().unwrap().len() == 1).then_some(()));
    assert_eq!(other.json(&["status"])["incidents"].as_array().unwrap().len(), 0);
}

#[test]
fn daemons_whose_stores_share_a_folder_do_not_meet() {
    let home = Home::new();
    let other = ["--set", "storage.path=var/other.redb"];
    let ask = |words: &[&str]| home.json(&[words, &other].concat());
    let (_one, _other) = (home.run(), Daemon::start(home.command(&[&["run"][..], &other].concat())));
    ask(&["unplug"]);
    wait_until(|| (ask(&["status"])["incidents"].as_array().unwrap().len() == 1).then_some(()));
    assert_eq!(home.json(&["status"])["incidents"].as_array().unwrap().len(), 0);
}

#[test]
fn a_store_in_the_control_sockets_place_is_refused_and_left_as_it_is() {
    let home = Home::new();
    drop(home.run());
    std::fs::rename(home.path("var/dag.redb"), home.path("var/kept.sock")).unwrap();
    let output = home.dag(&["run", "--set", "storage.path=var/kept.sock"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("where the control socket goes"), "{}", text(&output.stderr));
    assert!(home.path("var/kept.sock").exists());
}
