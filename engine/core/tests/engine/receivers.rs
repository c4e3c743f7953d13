//! Who can be told, and test messages to them.

use dag_engine::{About, Channel, Device, Engine, Kind, Reachable, Runs, Severity};

use crate::host::{Host, OUTAGE, PEOPLE, compile, cottage, engine_alone};

fn names(receivers: &[Reachable]) -> Vec<(&str, Channel)> {
    receivers.iter().map(|to| (to.recipient.as_str(), to.address.channel())).collect()
}

#[test]
fn a_name_stands_for_a_recipient_a_group_or_the_account() {
    let rules = compile(OUTAGE, None).unwrap();
    let owner = Device { account_emails: vec!["ann@example.com".to_owned()], ..cottage() };
    let reached = |name: &str, device: &Device| rules.reachable(&name.into(), device);
    assert_eq!(names(&reached("pager", &owner).unwrap()), [("pager", Channel::Email), ("pager", Channel::Webhook)]);
    let owners = reached("owners", &owner).unwrap();
    assert_eq!(names(&owners), [("nor", Channel::Email), ("ann@example.com", Channel::Email)]);
    assert_eq!(reached("@account", &Device { account_emails: Vec::new(), ..cottage() }), Some(Vec::new()));
    assert_eq!(reached("nro", &owner), None);
    assert_eq!(rules.targets().collect::<Vec<_>>(), ["kim", "nor", "pager", "owners"]);
}

/// A device that reports to the cloud does not have the secrets of those whom only the cloud tells.
#[test]
fn a_device_of_the_cloud_has_only_the_receivers_of_its_own_rules() {
    let device = Device { account_emails: Vec::new(), ..cottage() };
    let own = OUTAGE.replace("escalation = \"all\"", "escalation = \"all\"\nrun_on = \"edge\"");
    let people = PEOPLE.replace("[recipient.kim]", "fallback = \"kim\"\n[recipient.kim]");
    let engine = |rules: &str, runs| engine_alone(&format!("{rules}\n{people}"), &[]).running(runs);
    let everybody = ["kim", "nor", "pager", "pager"];
    let reached = |engine: Engine| engine.receivers(&device).into_iter().map(|to| to.recipient).collect::<Vec<_>>();
    assert_eq!(reached(engine(&own, Runs::Standalone)), everybody);
    assert_eq!(reached(engine(&own, Runs::Device)), ["nor", "kim"], "the fallback may be told as well");
    assert_eq!(reached(engine(OUTAGE, Runs::Device)), [""; 0]);
}

#[test]
fn a_test_message_changes_nothing_and_has_an_id_of_its_own() {
    let mut host = Host::with(engine_alone(&format!("{OUTAGE}\n{PEOPLE}"), &["owners"]));
    host.play("0s power=off");
    let before = host.state.clone();
    let to = host.engine.rules().reachable(&"pager".into(), host.state.device()).unwrap();
    let message = |to: &Reachable, at: &str| host.engine.test_message(&host.state, to.clone(), "marc", host.time(at));
    let (mail, call) = (message(&to[0], "5s"), message(&to[1], "5s"));
    assert_eq!(host.state, before);
    assert_eq!((mail.kind, mail.severity(), mail.incident()), (Kind::Test, Severity::Info, None));
    assert!(matches!(&mail.about, About::Test(test) if test.by == "marc"));
    assert_eq!(mail.facts["power"].since, Some(host.time("0s")));
    let ids = [mail.id, call.id, message(&to[0], "6s").id];
    assert!(ids[0] != ids[1] && ids[0] != ids[2]);
    assert_eq!(message(&to[0], "5s"), mail);
    assert!(!Kind::ALL.contains(&Kind::Test), "the engine never decides to send one");
}
