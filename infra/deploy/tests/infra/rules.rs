//! `dag-infra rules`.

use std::fs;

use dag_cloud::Signing;
use dag_config::Config;
use dag_engine::{Id, Time};
use dag_uplink::PublicKey;
use insta::assert_snapshot;
use serde_json::Value;

use crate::stack::Stack;

#[test]
fn rules_are_signed_stored_and_set_as_desired() {
    let stack = Stack::start();
    assert_snapshot!(stack.run_err(&["rules", "push", "--all"], ""), @"there is no signing key at `…/rules-signing.key`: make one by `dag-infra rules key`, or name it by `--key`");
    let said = stack.run_ok(&["rules", "key"], "");
    let key = said.split_whitespace().find_map(|word| PublicKey::parse(word.trim_end_matches(',')).ok()).unwrap();
    assert_snapshot!(said.replace(&key.to_text(), "KEY"), @"
    `…/rules-signing.key` is the key that signs your rules: keep a copy of it where nobody else gets it.
    Devices check by the public key KEY, which `dag-infra provision` gives them.
    ");
    assert_snapshot!(stack.run_err(&["rules", "key"], ""), @"`…/rules-signing.key` is there already, and devices take no rules but those that it signed. For another key move it away, run this again, and give every device the new public key by `dag-infra provision`");
    let neither = stack.run(&["rules", "push"], "");
    assert_eq!(neither.code, 2);
    assert_snapshot!(neither.err, @"
    error: say which devices should run the rules: `--device DEVICE` for one, or `--all` for every one

    Usage: dag-infra rules push [OPTIONS]

    For more information, try '--help'.
    ");

    // Without devices.
    let hash = dag_rulebook::RulesFolder::read(&stack.folder.path("rules")).unwrap().id();
    let shown = |said: String, hash: Id| said.replace(&hash.to_string(), "HASH");
    assert_snapshot!(shown(stack.run_ok(&["rules", "push", "--all"], ""), hash), @"
    The rules HASH (9 files) are signed.
    No device is registered yet: those that are provisioned from now on run them.
    ");
    let registry = stack.registry();
    let run = |device: &str| stack.runtime.block_on(registry.registration(device)).unwrap().unwrap().desired_rules;
    assert_eq!(stack.runtime.block_on(registry.desired_rules()).unwrap(), Some(hash));
    assert_eq!(stack.announced(), [""; 0]);

    let fleet: Vec<String> = (10..35).map(|n| format!("d{n}")).collect();
    for device in &fleet {
        stack.runtime.block_on(registry.change(device, |device| device.name = Some("Cottage".to_owned()))).unwrap();
    }
    assert_snapshot!(shown(stack.run_ok(&["rules", "push", "--all"], ""), hash), @"
    The rules HASH (9 files) are signed.
    They are sent to 25 devices now, or when next there is a connection. A device checks them itself, and runs them or says why not: `dag-infra list` shows who runs what.
    ");
    assert_eq!(stack.announced(), fleet);
    assert_eq!(run("d17"), Some(hash));
    let kept = stack.runtime.block_on(registry.rules(hash)).unwrap().unwrap();
    assert_eq!(kept.verify(&key), Ok(()));

    // A second push signs them again and sends them again.
    let again = stack.run_json(&["rules", "push", "--all"], "");
    assert_eq!((again["rules"].as_str(), again["devices"].as_array().unwrap().len()), (Some(&*hash.to_string()), 25));
    assert_eq!(stack.announced(), fleet);
    assert!(stack.runtime.block_on(registry.rules(hash)).unwrap().unwrap().signed_at > kept.signed_at);

    // Another key, which devices do not know, is refused.
    stack.run_ok(&["rules", "key", "--key", "other.key"], "");
    let said = stack.run_err(&["rules", "push", "--all", "--key", "other.key"], "");
    assert_snapshot!(said.replace(&key.to_text(), "KEY"), @"the fleet's rules are signed by another key, and devices take none that this one signs: sign by the key whose public half is KEY, or, if that is lost, say `--new-key` and give every device a new bundle by `dag-infra provision`");
    assert_eq!(stack.runtime.block_on(registry.rules(hash)).unwrap().unwrap().verify(&key), Ok(()));
    assert_eq!(stack.announced(), [""; 0]);

    // `--new-key` accepts it, and `--device` changes one device alone.
    stack.folder.write("rules/more.toml", "# Nothing yet.\n");
    let other = dag_rulebook::RulesFolder::read(&stack.folder.path("rules")).unwrap().id();
    let said = stack.run_ok(&["rules", "push", "--device", "d17", "--key", "other.key", "--new-key"], "");
    assert_snapshot!(shown(said, other), @"
    The rules HASH (10 files) are signed.
    They are sent to `d17` now, or when next there is a connection. A device checks them itself, and runs them or says why not: `dag-infra list` shows who runs what.
    ");
    assert_eq!((run("d17"), run("d18")), (Some(other), Some(hash)));
    assert_eq!(stack.runtime.block_on(registry.desired_rules()).unwrap(), Some(hash), "the fleet's rules stay");
    assert_eq!(stack.announced(), ["d17"]);
    assert!(stack.runtime.block_on(registry.rules(other)).unwrap().unwrap().verify(&key).is_err());

    assert_snapshot!(stack.run_err(&["rules", "push", "--device", "d17", "--device", "d1x", "--key", "other.key"], ""), @"the device `d1x` is not registered: did you mean `d10`? `dag-infra list` shows those that are, and `dag-infra provision d1x` makes it one");
    stack.folder.write("rules/more.toml", "[rule.more]\nwhen = \"power = off\"\n");
    let said = stack.run_err(&["rules", "push", "--all"], "");
    assert!(said.ends_with("nothing was sent: no device would take these rules"), "{said}");
    assert_eq!(stack.announced(), [""; 0]);
}

#[test]
fn a_push_announces_the_devices_that_it_could_change() {
    let stack = Stack::start();
    stack.run_ok(&["rules", "key"], "");
    for device in 10..35 {
        stack.runtime.block_on(stack.registry().change(&format!("d{device}"), |_| {})).unwrap();
    }
    stack.moto.requests();
    stack.run_ok(&["rules", "push", "--all"], "");
    let puts = |request: &Value| request["operation"] == "DynamoDB_20120810.PutItem";
    let last = stack.moto.requests().iter().rposition(puts).unwrap();
    assert_eq!(stack.announced().len(), 25);
    stack.moto.fail(last, "before");
    let said = stack.run_err(&["rules", "push", "--all"], "");
    let announced = stack.announced();
    assert_eq!(announced.len(), 24);
    let missing = (10..35).map(|device| format!("d{device}")).find(|device| !announced.contains(device)).unwrap();
    assert_snapshot!(said.replace(&missing, "MISSING"), @"
    The rules are sent to 24 of 25 devices. The others were not changed:
      `MISSING`: writing the table failed: Refused: for a test
    Run the command again: those that have the rules keep them.
    ");
    stack.run_ok(&["rules", "push", "--all"], "");
    assert_eq!(stack.announced().len(), 25);
}

#[test]
fn rules_are_not_signed_by_a_clock_that_is_behind() {
    let stack = Stack::start();
    stack.run_ok(&["rules", "key"], "");
    stack.run_ok(&["rules", "push", "--all"], "");
    let registry = stack.registry();
    let signing = stack.runtime.block_on(registry.signing()).unwrap().unwrap();
    let ahead = Signing { signed_at: "2099-01-01T00:00:00Z".parse().unwrap(), ..signing.clone() };
    assert!(stack.runtime.block_on(registry.set_signing(&ahead, Some(&signing))).unwrap());
    let said = stack.run_err(&["rules", "push", "--all"], "");
    let (now, rest) = said.strip_prefix("here it is ").unwrap().split_once(", ").unwrap();
    assert!(now.parse::<Time>().unwrap() > signing.signed_at);
    assert_snapshot!(rest, @"and rules were signed at 2099-01-01T00:00:00Z already: this machine's clock is wrong, or that of the other machine was. Set this one's; if the other's was wrong, say `--clock-is-right`, and a device that took those rules takes these only with a new store");
    assert_eq!(stack.runtime.block_on(registry.signing()).unwrap(), Some(ahead));
    stack.run_ok(&["rules", "push", "--all", "--clock-is-right"], "");
    let now = stack.runtime.block_on(registry.signing()).unwrap().unwrap();
    assert!(now.signed_at > signing.signed_at && now.key == signing.key, "{now:?}");
    stack.run_ok(&["rules", "push", "--all"], "");
}

#[test]
fn devices_get_the_fleets_key_wherever_they_are_provisioned() {
    let stack = Stack::start();
    let key = |device: &str| {
        let config = stack.folder.path(&format!("provisioned/{device}/config.toml"));
        Config::load(&config, &[]).unwrap().uplink.unwrap().rules_key
    };
    let (here, away) = (stack.folder.path("rules-signing.key"), stack.folder.path("away.key"));
    // Before the first push a device keeps the key of its bundle.
    stack.run_ok(&["rules", "key"], "");
    stack.run_json(&["provision", "cottage"], "");
    let public = key("cottage");
    assert!(public.is_some());
    fs::rename(&here, &away).unwrap();
    stack.run_json(&["provision", "cottage"], "");
    stack.run_json(&["provision", "barn"], "");
    assert_eq!((key("cottage"), key("barn")), (public.clone(), None));

    stack.run_ok(&["rules", "push", "--all", "--key", "away.key"], "");
    let said = stack.run(&["provision", "barn"], "");
    assert_eq!((said.code, key("barn")), (0, public.clone()));
    assert_snapshot!(said.err, @"
    There is no signing key at `…/rules-signing.key`: the device gets the public key by which the fleet's rules are signed.
    warning: config.toml has no section `[device.barn]`: the device reads the mains at GPIO pin 4, where a UPS-Lite tells of them. Write the section if yours is wired otherwise, and run this again
    ");

    // A new key at its usual place is given to the device, with a warning.
    stack.run_ok(&["rules", "key"], "");
    let said = stack.run(&["provision", "barn"], "");
    assert_eq!(said.code, 0);
    assert_ne!(key("barn"), public);
    assert_snapshot!(said.err, @"
    `…/rules-signing.key` is not the key that signs the fleet's rules: the device gets it, and takes no rules until some are pushed by it (`dag-infra rules push --new-key`)
    warning: config.toml has no section `[device.barn]`: the device reads the mains at GPIO pin 4, where a UPS-Lite tells of them. Write the section if yours is wired otherwise, and run this again
    ");
}

#[cfg(unix)]
#[test]
fn a_signing_key_that_others_can_read_is_warned_of() {
    use std::os::unix::fs::PermissionsExt as _;
    let stack = Stack::start();
    stack.run_ok(&["rules", "key"], "");
    let push = |mode| {
        fs::set_permissions(stack.folder.path("rules-signing.key"), fs::Permissions::from_mode(mode)).unwrap();
        let said = stack.run(&["rules", "push", "--all"], "");
        assert_eq!(said.code, 0, "{said:?}");
        said.err
    };
    assert_snapshot!(push(0o640), @"Others on this machine can read the signing key, and could send rules to your devices: run `chmod 600 …/rules-signing.key`.");
    assert_eq!(push(0o600), "");
}
