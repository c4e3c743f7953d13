//! The `config.toml` that comes with detectordag.

use std::path::Path;

use dag_config::{Config, DeviceError, Network};
use dag_engine::Value;
use insta::{assert_debug_snapshot, assert_snapshot};

use crate::{EMAIL, SITE, file, read};

const SHIPPED: &str = include_str!("../../../../config.toml");

#[test]
fn the_shipped_file_is_the_demo() {
    assert_debug_snapshot!(read(SHIPPED, &[], &[]).unwrap(), @r#"
    Config {
        mode: Standalone,
        site: Site {
            name: "Home",
            timezone: "Europe/London",
            operators: [
                "owners",
            ],
            public_url: None,
        },
        devices: {
            "cottage": DeviceConfig {
                name: "Cottage",
                labels: {
                    "area": "hay-on-wye",
                },
                account: Some(
                    "home",
                ),
                timezone: None,
                inputs: {
                    "battery": None,
                    "power": Simulated,
                },
                switch_labels: {},
                report_step: 5,
            },
        },
        storage: Storage {
            path: "/home/dag/var/dag.redb",
            keep: 67108864,
        },
        web: Web {
            listen: 127.0.0.1:8080,
        },
        email: Email {
            transport: Outbox,
            from: "detectordag <dag@example.com>",
            outbox: "/home/dag/var/outbox",
            smtp: None,
            ses: Ses {
                region: None,
                configuration_set: None,
                sandbox: false,
            },
        },
        webhook: Webhook {
            allow_private: [],
        },
        heartbeats: {},
        home_assistant: None,
        uplink: None,
        topics: "dag",
        aws: Some(
            Aws {
                region: "eu-west-1",
                stack: "detectordag",
                sender_domain: None,
                sender_exists: false,
                operator_email: None,
                log_days: 30,
            },
        ),
        root: "/home/dag",
    }
    "#);
}

#[test]
fn the_commented_keys_of_the_shipped_file_can_be_used() {
    // Every commented line that is a key or a section, without its `#`.
    let shown = |line: &str| line.starts_with('[') || line.split_once(" = ").is_some_and(|(key, _)| is_key(key));
    let lines = SHIPPED.lines().map(|line| line.strip_prefix("# ").filter(|line| shown(line)).unwrap_or(line));
    let text = lines.collect::<Vec<_>>().join("\n");
    assert_ne!(text, SHIPPED.trim_end());
    let config = read(&text, &[], &[]).unwrap();
    assert_debug_snapshot!(config.email.smtp, @r#"
        Some(
            Smtp {
                server: "mail.example.com",
                port: Some(
                    587,
                ),
                security: Starttls,
                ca: Some(
                    "/home/dag/mail-ca.pem",
                ),
                username: Some(
                    "dag",
                ),
                password: Some(
                    Env(
                        "SMTP_PASSWORD",
                    ),
                ),
            },
        )
        "#);
    assert_debug_snapshot!(config.home_assistant, @r#"
    Some(
        HomeAssistant {
            broker: Broker {
                host: "192.168.1.10",
                port: 8883,
                tls: true,
            },
            username: Some(
                "dag",
            ),
            password: Some(
                Env(
                    "MQTT_PASSWORD",
                ),
            ),
            ca: Some(
                "/home/dag/broker-ca.pem",
            ),
            prefix: "homeassistant",
        },
    )
    "#);
    let device = config.device(None).unwrap();
    assert_eq!(config.site.public_url.map(String::from).as_deref(), Some("https://dag.example.com/"));
    assert_eq!(config.devices["cottage"].timezone.as_deref(), Some("Europe/Paris"));
    assert_debug_snapshot!(config.devices["cottage"].inputs["freezer_door"], @r"
        Gpio {
            pin: 17,
            on_when: Low,
            glitch: 50ms,
        }
        ");
    assert_eq!(device.label("freezer_door", Value::On), Some("open"));
    assert_eq!(device.label("freezer_door", Value::Off), Some("closed"));
    assert_eq!(device.label("power", Value::On), None);
}

fn is_key(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

/// Every key that is read is named by some help: what a section knows is listed where nothing near is.
#[test]
fn every_key_is_explained_in_the_shipped_file() {
    let gpio =
        "[device.d]\npower = { source = \"gpio\", pin = 4, Q = 1 }\nbattery = { source = \"nut\", Q = 1 }\nQ = 1\n";
    let more = "Q = 1\n[email.smtp]\nserver = \"localhost\"\nQ = 1\n[email.ses]\nQ = 1\n[uplink]\nendpoint = \"h\"\n\
                certificate = \"c\"\nkey = \"k\"\nQ = 1\n[storage]\nQ = 1\n[web]\nQ = 1\n[webhook]\nQ = 1\n\
                [home_assistant]\nbroker = \"mqtt://localhost\"\nQ = 1\n\
                [heartbeat.h]\nurl = \"env:H\"\nQ = 1\n[QQQQ]\n";
    let wrong = read(&format!("{SITE}Q = 1\n{gpio}{EMAIL}{more}"), &[], &[]).unwrap_err();
    let text = wrong.to_string();
    let helps = text.lines().filter_map(|line| line.split_once("help: ")).map(|(_, help)| help);
    let keys: Vec<&str> = helps.flat_map(|help| help.split('`').skip(1).step_by(2)).collect();
    assert!(keys.len() > 30, "{keys:?}");
    for key in keys {
        let written = |line: &str| {
            let line = line.trim_start_matches(['#', ' ']);
            line.starts_with(&format!("{key} = "))
                || line.starts_with(&format!("[{key}"))
                || line.ends_with(&format!(".{key}]"))
        };
        let inline = SHIPPED.contains(&format!(" {key} = "));
        assert!(SHIPPED.lines().any(written) || inline, "{key}");
    }
}

#[test]
fn keys_that_the_file_leaves_out_have_defaults() {
    assert_debug_snapshot!(read(&file(""), &[], &[]).unwrap(), @r#"
    Config {
        mode: Standalone,
        site: Site {
            name: "Home",
            timezone: "Europe/London",
            operators: [],
            public_url: None,
        },
        devices: {
            "cottage": DeviceConfig {
                name: "cottage",
                labels: {},
                account: None,
                timezone: None,
                inputs: {
                    "battery": None,
                    "power": Simulated,
                },
                switch_labels: {},
                report_step: 5,
            },
        },
        storage: Storage {
            path: "/home/dag/var/dag.redb",
            keep: 67108864,
        },
        web: Web {
            listen: 127.0.0.1:8080,
        },
        email: Email {
            transport: Outbox,
            from: "dag@example.com",
            outbox: "/home/dag/var/outbox",
            smtp: None,
            ses: Ses {
                region: None,
                configuration_set: None,
                sandbox: false,
            },
        },
        webhook: Webhook {
            allow_private: [],
        },
        heartbeats: {},
        home_assistant: None,
        uplink: None,
        topics: "dag",
        aws: None,
        root: "/home/dag",
    }
    "#);
}

#[test]
fn paths_count_from_the_folder_of_the_file() {
    let text = file(
        "outbox = \"/mail\"\n[email.smtp]\nserver = \"mail\"\nca = \"ca.pem\"\nusername = \"dag\"\n\
         password = \"file:key\"\n",
    );
    let config = Config::parse(&text, "conf/config.toml".as_ref(), [], &[]).unwrap();
    assert_eq!(config.root, Path::new("conf"));
    assert_eq!(config.storage.path, Path::new("conf/var/dag.redb"));
    assert_eq!(config.email.outbox, Path::new("/mail"));
    let smtp = config.email.smtp.unwrap();
    assert_eq!(smtp.ca.unwrap(), Path::new("conf/ca.pem"));
    assert_eq!(smtp.password, Some("file:conf/key".parse().unwrap()));
    assert_eq!(Config::parse(&text, "config.toml".as_ref(), [], &[]).unwrap().root, Path::new("."));
}

#[test]
fn a_loaded_configuration_has_an_absolute_root() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("config.toml"), file("")).unwrap();
    let config = Config::load(&folder.path().join("config.toml"), &[("site.name".into(), "Here".into())]).unwrap();
    assert_eq!(config.root, folder.path());
    assert_eq!(config.site.name, "Here");
}

#[test]
fn the_only_device_is_meant_unless_there_are_several() {
    let one = read(&file(""), &[], &[]).unwrap();
    assert_eq!(one.device(None).unwrap().id, "cottage");
    assert_eq!(one.device(None).unwrap().timezone.as_deref(), Some("Europe/London"));
    assert_snapshot!(
        one.device(Some("cotage")).unwrap_err(),
        @r"the configuration has no device `cotage`: it has `cottage`"
    );
    let shed = "[device.shed]\ntimezone = \"asia/tokyo\"\npower.source = \"none\"\n";
    let two = read(&file(shed), &[], &[]).unwrap();
    assert_eq!(two.device(Some("shed")).unwrap().timezone.as_deref(), Some("Asia/Tokyo"));
    assert_snapshot!(
        two.device(None).unwrap_err(),
        @r"the configuration has several devices (`cottage`, `shed`): say which one this is with `--device NAME`"
    );
    assert_eq!(two.device(None), Err(DeviceError::Several("`cottage`, `shed`".into())));
}

#[test]
fn the_facts_are_the_inputs_of_all_devices() {
    let more =
        "[device.shed]\npower.source = \"none\"\ndoor = { source = \"simulated\" }\nwater = { source = \"none\" }\n";
    let facts = read(&file(more), &[], &[]).unwrap().facts();
    assert_eq!(facts.iter().map(|fact| fact.as_str()).collect::<Vec<_>>(), ["door", "water"]);
}

#[test]
fn webhooks_may_call_what_the_file_allows() {
    let config = read(&file("[webhook]\nallow_private = [\"192.168.1.0/24\", \"::1\"]\n"), &[], &[]).unwrap();
    let network = |text: &str| Network::try_from(text.to_owned()).unwrap();
    assert_eq!(config.webhook.allow_private, [network("192.168.1.0/24"), network("::1")]);
}

#[test]
fn a_problem_says_where_it_is() {
    let wrong = read("mode = \"standalone\"\n[site]\nname = \"höhle\"; x\n", &[], &[]).unwrap_err();
    assert!(wrong.to_string().contains("--> /home/dag/config.toml:3:15"), "{wrong}");
}

#[test]
fn line_ends_and_byte_order_marks_of_windows_do_not_count() {
    let windows = format!("\u{feff}{}", SHIPPED.replace('\n', "\r\n"));
    assert_eq!(read(&windows, &[], &[]).unwrap(), read(SHIPPED, &[], &[]).unwrap());
}
