//! The log as JSON: every line is an object in which each key stands once.
//!
//! RFC 8259 leaves open what a reader makes of a key that comes twice. Most keep the last value, so that something is
//! lost, and some refuse the line. The subscriber writes a field named `message` beside the message of the event
//! (tokio-rs/tracing#3195), so no event may have such a field.

use std::{
    collections::BTreeMap,
    fmt,
    fs::{self, File},
    net::TcpListener,
    process::{Child, Command},
};

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::Value;

use crate::home::{Home, wait_until};

#[test]
fn each_key_of_a_line_stands_once_whatever_happens() {
    let home = Home::new();
    // Nothing listens there: a source that is lost, and from the second configuration on a mail server that is away.
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let nut = format!("source = \"nut\", address = \"{closed}\", ups = \"ups\"");
    home.edit("config.toml", "battery = { source = \"none\"", &format!("battery = {{ {nut}"));

    let log = home.path("log");
    let mut command = home.command(&["run", "--log", "debug"]);
    let mut daemon = Killed(command.stderr(File::create(&log).unwrap()).spawn().unwrap());
    let text = || fs::read_to_string(&log).unwrap();
    let wait_for = |part: &str| wait_until(|| text().contains(part).then_some(()));
    wait_for("\"ready\"");
    wait_for("a source is lost");
    home.json(&["unplug"]);
    wait_for("\"delivered\"");
    home.json(&["ack", "--by", "nor"]);
    home.json(&["silence", "--for", "8h"]);
    home.json(&["silence", "--lift"]);
    home.edit("rules/power.toml", "power == off", "pwoer == off");
    wait_for("stay in force");
    assert!(!home.dag(&["reload"]).status.success());
    home.edit("rules/power.toml", "pwoer == off", "power == off");
    let smtp = format!("[email.smtp]\nserver = \"127.0.0.1\"\nport = {}\nsecurity = \"plain\"\n", closed.port());
    home.edit("config.toml", "# [email.smtp]\n", &smtp);
    home.edit("config.toml", "transport = \"outbox\"", "transport = \"smtp\"");
    home.json(&["reload"]);
    home.json(&["plug"]);
    wait_for("incident over");
    wait_for("not delivered yet");
    let stopped = Command::new("kill").arg("-TERM").arg(daemon.0.id().to_string()).status();
    assert!(stopped.unwrap().success() && daemon.0.wait().unwrap().success());

    let text = text();
    assert!(text.contains("\"stopping\""), "{text}");
    for line in text.lines() {
        let object: Object = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert!(["timestamp", "level", "message"].iter().all(|key| object.0.contains_key(*key)), "{line}");
    }
}

/// A process that does not outlive its test.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_key_that_comes_twice_is_noticed() {
    for line in [r#"{"message":"a","message":"b"}"#, r#"{"a":1,"message":"x","a":1}"#] {
        assert!(serde_json::from_str::<Object>(line).is_err(), "{line}");
    }
}

/// A JSON object without keys that come twice.
struct Object(BTreeMap<String, Value>);

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Keys;
        impl<'de> Visitor<'de> for Keys {
            type Value = Object;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
                let mut keys = BTreeMap::new();
                while let Some((key, value)) = map.next_entry::<String, Value>()? {
                    if keys.insert(key.clone(), value).is_some() {
                        return Err(A::Error::custom(format!("the key `{key}` comes twice")));
                    }
                }
                Ok(Object(keys))
            }
        }
        deserializer.deserialize_map(Keys)
    }
}
