//! Home Assistant, whose part a listener at a real broker plays.

use std::{
    io::{Read, Write},
    net::TcpListener,
    process::Command,
};

use serde_json::Value;

use crate::{
    home::{Home, wait_until},
    listener::Listener,
    mosquitto::{Mosquitto, free_port},
};

const DISCOVERY: &str = "homeassistant/device/detectordag_cottage/config";

/// Returns a home whose daemon publishes to a broker without TLS.
fn home_with(broker: &Mosquitto) -> Home {
    home_at(&format!("mqtt://127.0.0.1:{}", broker.port))
}

/// Returns a home whose daemon publishes to the broker at this address.
fn home_at(broker: &str) -> Home {
    let home = Home::new();
    home.edit("config.toml", "# [home_assistant]\n", &format!("[home_assistant]\nbroker = \"{broker}\"\n"));
    home
}

fn link(home: &Home) -> Value {
    home.json(&["status"])["home_assistant"].clone()
}

fn wait_until_lost(home: &Home) -> String {
    wait_until(|| link(home)["reason"].as_str().map(str::to_owned))
}

fn wait_until_connected(home: &Home) {
    wait_until(|| (link(home)["state"] == "connected").then_some(()));
}

#[test]
fn an_outage_is_seen_and_a_press_acknowledges_it() {
    let broker = Mosquitto::start();
    let home = home_with(&broker);
    let daemon = home.run();
    wait_until_connected(&home);
    Listener::at(broker.port).wait_for("detectordag/cottage/availability", |payload| payload == "online");
    // A later subscriber gets the retained messages.
    let mut here = Listener::at(broker.port);
    assert!(here.wait_for("detectordag/cottage/availability", |payload| payload == "online").retained);
    let message = here.wait_for(DISCOVERY, |_| true);
    assert!(message.retained);
    let document: Value = serde_json::from_str(&message.payload).unwrap();
    assert_eq!(document["device"]["name"], "Cottage");
    let topic = |entity: &str, key: &str| document["components"][entity][key].as_str().unwrap().to_owned();
    let (power, incident) = (topic("power", "state_topic"), topic("incident", "state_topic"));
    let (attributes, press) = (topic("incident", "json_attributes_topic"), topic("acknowledge", "command_topic"));
    assert!(here.wait_for(&power, |payload| payload == "ON").retained);
    here.wait_for(&incident, |payload| payload == "OFF");
    here.wait_for(&attributes, |payload| payload == "{}");

    home.json(&["unplug"]);
    here.wait_for(&power, |payload| payload == "OFF");
    here.wait_for(&incident, |payload| payload == "ON");
    let message = here.wait_for(&attributes, |payload| payload.contains("power-outage"));
    let shown: Value = serde_json::from_str(&message.payload).unwrap();
    assert_eq!((&shown["rule"], &shown["severity"]), (&"power-outage".into(), &"critical".into()));
    assert_eq!(shown["acknowledged_by"], Value::Null);

    here.publish(&press, "PRESS", false);
    here.wait_for(&attributes, |payload| payload.contains("\"acknowledged_by\":\"Home Assistant\""));
    assert_eq!(home.json(&["status"])["incidents"][0]["acknowledged_by"], "Home Assistant");
    home.json(&["plug"]);
    here.wait_for(&incident, |payload| payload == "OFF");

    drop(daemon);
    here.wait_for("detectordag/cottage/availability", |payload| payload == "offline");
}

#[test]
fn a_fact_without_a_source_is_unknown_and_a_new_battery_is_announced() {
    let broker = Mosquitto::start();
    let home = home_with(&broker);
    let _daemon = home.run();
    let mut here = Listener::at(broker.port);
    here.wait_for("detectordag/cottage/power", |payload| payload == "ON");
    here.wait_for(DISCOVERY, |payload| !payload.contains("detectordag/cottage/battery"));
    home.edit("config.toml", "power = { source = \"simulated\" }", "power = { source = \"none\" }");
    here.wait_for("detectordag/cottage/power", |payload| payload == "None");
    // A UPS that is not there.
    home.edit(
        "config.toml",
        "battery = { source = \"none\"",
        "battery = { source = \"nut\", address = \"127.0.0.1:1\"",
    );
    here.wait_for(DISCOVERY, |payload| payload.contains("detectordag/cottage/battery"));
    here.wait_for("detectordag/cottage/battery", |payload| payload == "None");
}

#[test]
fn everything_is_published_again_when_home_assistant_starts() {
    let broker = Mosquitto::start();
    let home = home_with(&broker);
    let _daemon = home.run();
    let mut here = Listener::at(broker.port);
    here.wait_for("detectordag/cottage/availability", |payload| payload == "online");
    for topic in [DISCOVERY, "detectordag/cottage/power", "detectordag/cottage/availability"] {
        here.forget(topic);
    }
    here.publish("homeassistant/status", "online", false);
    here.wait_for(DISCOVERY, |payload| payload.contains("Cottage"));
    here.wait_for("detectordag/cottage/power", |payload| payload == "ON");
    here.wait_for("detectordag/cottage/availability", |payload| payload == "online");
}

#[test]
fn other_messages_than_a_press_acknowledge_nothing() {
    let broker = Mosquitto::start();
    let home = home_with(&broker);
    let mut here = Listener::at(broker.port);
    let press = "detectordag/cottage/acknowledge";
    // A retained press is an old one.
    here.publish(press, "PRESS", true);
    here.wait_for(press, |_| true);
    let _daemon = home.run();
    wait_until_connected(&home);
    home.json(&["unplug"]);
    here.wait_for("detectordag/cottage/incident", |payload| payload == "ON");
    for payload in [&b""[..], b"press", b"PRESS ", b"\xff\0", &[b'P'; 10_000]] {
        here.publish(press, payload, false);
    }
    // A message that is too long ends the connection, and the next connection works.
    here.publish(press, [b'x'; 100_000], false);
    wait_until_lost(&home);
    wait_until_connected(&home);
    assert!(home.json(&["status"])["incidents"][0]["acknowledged_by"].is_null());
    here.publish(press, "PRESS", false);
    here.wait_for("detectordag/cottage/incident/attributes", |payload| payload.contains("Home Assistant"));
}

#[test]
fn an_edit_of_the_section_counts_while_the_daemon_runs() {
    let (one, other) = (Mosquitto::start(), Mosquitto::start());
    let home = Home::new();
    let _daemon = home.run();
    assert!(link(&home).is_null());
    let at = |port: u16| format!("[home_assistant]\nbroker = \"mqtt://127.0.0.1:{port}\"\n");
    home.edit("config.toml", "# [home_assistant]\n", &at(one.port));
    let mut here = Listener::at(one.port);
    here.wait_for("detectordag/cottage/availability", |payload| payload == "online");
    home.edit("config.toml", &at(one.port), &at(other.port));
    here.wait_for("detectordag/cottage/availability", |payload| payload == "offline");
    let mut there = Listener::at(other.port);
    there.wait_for("detectordag/cottage/availability", |payload| payload == "online");
    home.edit("config.toml", "name = \"Cottage\"", "name = \"Hut\"");
    there.wait_for(DISCOVERY, |payload| payload.contains("Hut"));
    home.edit("config.toml", &at(other.port), "");
    there.wait_for("detectordag/cottage/availability", |payload| payload == "offline");
    wait_until(|| link(&home).is_null().then_some(()));
}

#[test]
fn everything_is_published_again_when_the_broker_restarts() {
    let mut broker = Mosquitto::start();
    let home = home_with(&broker);
    let _daemon = home.run();
    wait_until_connected(&home);
    broker.restart("allow_anonymous false");
    let reason = wait_until(|| Some(wait_until_lost(&home)).filter(|reason| reason.contains("refuses")));
    assert_eq!(reason, "the broker refuses this user: check `username` and `password` in config.toml");
    broker.restart("allow_anonymous true");
    wait_until_connected(&home);
    Listener::at(broker.port).wait_for(DISCOVERY, |payload| payload.contains("Cottage"));
}

#[test]
fn a_broker_with_tls_needs_a_known_certificate_and_the_password() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str| dir.path().join(name).display().to_string();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(file("cert.pem"), made.cert.pem()).unwrap();
    std::fs::write(file("key.pem"), made.signing_key.serialize_pem()).unwrap();
    let mut passwords = Command::new("mosquitto_passwd");
    assert!(passwords.args(["-b", "-c", &file("passwords"), "dag", "hunter2"]).status().unwrap().success());
    let protected =
        format!("certfile {}\nkeyfile {}\npassword_file {}", file("cert.pem"), file("key.pem"), file("passwords"));
    let (ca, lines) = (file("cert.pem"), format!("{protected}\nallow_anonymous false"));
    let broker = Mosquitto::start_with(dir, &lines);

    let home = home_at(&format!("mqtts://localhost:{}", broker.port));
    let _daemon = home.run();
    let reason = wait_until_lost(&home);
    assert!(reason.starts_with("the TLS connection to the broker failed ("), "{reason}");
    let section = format!("localhost:{}\"\n", broker.port);
    home.edit("config.toml", &section, &format!("{section}ca = \"{ca}\"\n"));
    wait_until(|| Some(wait_until_lost(&home)).filter(|reason| reason.contains("refuses this user")));
    std::fs::write(home.path("password"), "hunter2\n").unwrap();
    home.edit("config.toml", &section, &format!("{section}username = \"dag\"\npassword = \"file:password\"\n"));
    wait_until_connected(&home);
}

#[test]
fn status_shows_that_the_broker_cannot_be_reached() {
    let home = home_at(&format!("mqtt://127.0.0.1:{}", free_port()));
    let _daemon = home.run();
    assert_eq!(wait_until_lost(&home), "the broker cannot be reached: Connection refused (os error 111)");
    let shown = String::from_utf8(home.dag(&["status"]).stdout).unwrap();
    assert!(shown.contains("HOME ASSISTANT IS NOT TOLD: the broker cannot be reached"), "{shown}");
}

#[test]
fn status_shows_that_the_password_cannot_be_read() {
    let home = home_at("mqtt://127.0.0.1\"\nusername = \"dag\"\npassword = \"file:missing");
    let _daemon = home.run();
    let reason = wait_until_lost(&home);
    assert!(reason.starts_with("the secret's file `") && reason.contains("missing"), "{reason}");
}

/// Each of the answers is given to a request to connect, and once more after the connection was accepted.
#[test]
fn a_broker_that_breaks_the_protocol_harms_nothing() {
    let taken = b"\x20\x02\x00\x00";
    let endless = [0xff; 5_000];
    let nonsense: [&[u8]; 12] = [
        b"",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        &endless,
        // A connection that is accepted twice; an invalid answer; parts of one.
        b"\x20\x02\x00\x00\x20\x02\x00\x00",
        b"\x20\x02\xff\xff",
        b"\x20\x00",
        b"\x20",
        // Acknowledgements of nothing.
        b"\x40\x02\x00\x01\x50\x02\xff\xff\x62\x02\x00\x00\x70\x02\x00\x00",
        // A message without a topic, with a topic longer than the packet, and of an impossible length.
        b"\x30\x02\x00\x00",
        b"\x32\x04\xff\xffab",
        b"\x30\xff\xff\xff\x7f",
        // Packets of a client: to connect, to subscribe, to disconnect.
        b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x3c\x00\x00\x82\x03\x00\x01\x00\xe0\x00",
    ];
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let home = home_at(&format!("mqtt://{}", server.local_addr().unwrap()));
    let _daemon = home.run();
    // The waits between connections grow. An edit starts a new bridge, which connects at once.
    let mut answers = nonsense.iter().flat_map(|answer| [answer.to_vec(), [&taken[..], answer].concat()]);
    for turn in 0.. {
        let Some(answer) = answers.next() else { break };
        wait_until(|| (home.json(&["status"])["device"]["name"] == name(turn)).then_some(()));
        let (mut stream, _) = server.accept().unwrap();
        let mut asked = [0; 512];
        let _ = stream.read(&mut asked).unwrap();
        let _ = stream.write_all(&answer);
        drop(stream);
        wait_until_lost(&home);
        let line = |turn| format!("name = \"{}\"", name(turn));
        home.edit("config.toml", &line(turn), &line(turn + 1));
    }
    home.json(&["unplug"]);
    home.wait_for_outage();
}

fn name(turn: usize) -> String {
    if turn == 0 { "Cottage".to_owned() } else { format!("Cottage {turn}") }
}
