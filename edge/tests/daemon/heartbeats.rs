//! Signs of life, to a service that answers as the real ones do.

use crate::{
    home::{Home, text, wait_until},
    peer::Peer,
};

const WEBHOOK: &str = "../../../engine/delivery/tests/peers/webhook.py";

/// Adds sections of heartbeats to the configuration.
fn add(home: &Home, sections: &str) {
    home.edit("config.toml", "allow_private = []", "allow_private = [\"127.0.0.1\"]");
    home.edit("config.toml", "# The limits of webhooks", &format!("{sections}\n# The limits of webhooks"));
}

fn call(service: &mut Peer) -> String {
    let call = service.next();
    format!("{} {}", call["method"].as_str().unwrap(), call["path"].as_str().unwrap())
}

#[test]
fn a_service_is_told_of_the_start_and_then_that_the_monitor_is_well() {
    let home = Home::new();
    let mut service = Peer::start(WEBHOOK, &[]);
    let section = format!("[heartbeat.hc]\nurl = \"http://127.0.0.1:{}/ok/5b7c\"\nevery = \"10s\"\n", service.port);
    add(&home, &section);
    let _daemon = home.run();
    assert_eq!([call(&mut service), call(&mut service)], ["GET /ok/5b7c/start", "GET /ok/5b7c"]);
    let status = wait_until(|| {
        let status = home.json(&["status"])["heartbeats"]["hc"].clone();
        status["last_taken"].is_string().then_some(status)
    });
    assert_eq!((&status["said_well"], &status["failure"]), (&true.into(), &serde_json::Value::Null));
    let shown = text(&home.dag(&["status"]).stdout);
    assert!(shown.contains("Heartbeat hc: the monitor is well, last told "), "{shown}");
    home.edit("config.toml", &section, "");
    wait_until(|| (home.json(&["status"])["heartbeats"] == serde_json::json!({})).then_some(()));
}

#[test]
fn a_service_that_hangs_delays_neither_another_nor_an_outage() {
    let home = Home::new();
    let service = Peer::start(WEBHOOK, &[]);
    let url = |path: &str| format!("http://127.0.0.1:{}/{path}", service.port);
    std::fs::write(home.path("kuma"), url("api/push/k?status=up&msg=OK&ping=")).unwrap();
    add(
        &home,
        &format!(
            "[heartbeat.stuck]\nurl = \"{}\"\n[heartbeat.kuma]\nurl = \"file:kuma\"\nevery = \"10s\"\n\
             [heartbeat.gone]\nurl = \"{}\"\nevery = \"10s\"\n",
            url("hang/secret"),
            url("gone/secret"),
        ),
    );
    let daemon = home.run();
    home.json(&["unplug"]);
    home.wait_for_outage();
    daemon.wait_for("a sign of life was not taken");
    let heartbeats = wait_until(|| {
        let heartbeats = home.json(&["status"])["heartbeats"].clone();
        (heartbeats["kuma"]["said_well"] == true && heartbeats["gone"]["failure"].is_string()).then_some(heartbeats)
    });
    assert_eq!(heartbeats["gone"]["failure"], "127.0.0.1 answered 410 Gone: is the address right?");
    assert!(heartbeats["stuck"]["last_taken"].is_null());
    let shown = text(&home.dag(&["status"]).stdout);
    assert!(
        shown.contains(
            "HEARTBEAT gone IS NOT TAKEN, last taken never: 127.0.0.1 answered 410 Gone: is the address right?"
        ),
        "{shown}"
    );
    assert!(!shown.contains("secret"), "{shown}");
}
