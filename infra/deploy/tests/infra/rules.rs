//! `dag-infra rules`.

use dag_engine::Id;
use dag_uplink::PublicKey;
use insta::assert_snapshot;

use crate::stack::Stack;

#[test]
fn rules_are_signed_kept_and_wanted_of_devices() {
    let stack = Stack::start();
    assert_snapshot!(stack.bad(&["rules", "push", "--all"], ""), @"there is no signing key at `…/rules-signing.key`: make one by `dag-infra rules key`, or name it by `--key`");
    let said = stack.good(&["rules", "key"], "");
    let key = said.split_whitespace().find_map(|word| PublicKey::parse(word.trim_end_matches(',')).ok()).unwrap();
    assert_snapshot!(said.replace(&key.to_text(), "KEY"), @"
    `…/rules-signing.key` is the key that signs your rules: keep a copy of it where nobody else gets it.
    Devices check by the public key KEY, which `dag-infra provision` gives them.
    ");
    assert_snapshot!(stack.bad(&["rules", "key"], ""), @"`…/rules-signing.key` is there already, and devices take no rules but those that it signed. For another key move it away, run this again, and give every device the new public key by `dag-infra provision`");
    let neither = stack.run(&["rules", "push"], "");
    assert!(neither.code == 2 && neither.err.contains("--device <DEVICE>"), "{neither:?}");

    // Before there are devices.
    let hash = dag_book::Folder::read(&stack.place.path("rules")).unwrap().id();
    let shown = |said: String, hash: Id| said.replace(&hash.to_string(), "HASH");
    assert_snapshot!(shown(stack.good(&["rules", "push", "--all"], ""), hash), @"
    The rules HASH (46 files) are signed.
    No device is registered yet: those that are provisioned from now on run them.
    ");
    let registry = stack.registry();
    let run = |device: &str| stack.runtime.block_on(registry.registration(device)).unwrap().unwrap().rules;
    assert_eq!(stack.runtime.block_on(registry.wanted()).unwrap(), Some(hash));
    assert_eq!(stack.announced(), [""; 0]);

    let fleet: Vec<String> = (10..35).map(|n| format!("d{n}")).collect();
    for device in &fleet {
        stack.runtime.block_on(registry.change(device, |device| device.name = Some("Cottage".to_owned()))).unwrap();
    }
    assert_snapshot!(shown(stack.good(&["rules", "push", "--all"], ""), hash), @"
    The rules HASH (46 files) are signed.
    They are sent to 25 devices now, or when next there is a connection. A device checks them itself, and runs them or says why not: `dag-infra list` shows who runs what.
    ");
    assert_eq!(stack.announced(), fleet);
    assert_eq!(run("d17"), Some(hash));
    let kept = stack.runtime.block_on(registry.rules(hash)).unwrap().unwrap();
    assert_eq!(kept.verify(&key), Ok(()));

    // Once more: they are sent again, and signed anew.
    let again = stack.json(&["rules", "push", "--all"], "");
    assert_eq!((again["rules"].as_str(), again["devices"].as_array().unwrap().len()), (Some(&*hash.to_string()), 25));
    assert_eq!(stack.announced(), fleet);
    assert!(stack.runtime.block_on(registry.rules(hash)).unwrap().unwrap().signed_at > kept.signed_at);

    // Others for one of them, signed by a key that lies elsewhere.
    stack.good(&["rules", "key", "--key", "other.key"], "");
    stack.place.write("rules/more.toml", "# Nothing yet.\n");
    let other = dag_book::Folder::read(&stack.place.path("rules")).unwrap().id();
    let said = stack.good(&["rules", "push", "--device", "d17", "--key", "other.key"], "");
    assert_snapshot!(shown(said, other), @"
    The rules HASH (47 files) are signed.
    They are sent to `d17` now, or when next there is a connection. A device checks them itself, and runs them or says why not: `dag-infra list` shows who runs what.
    ");
    assert_eq!((run("d17"), run("d18")), (Some(other), Some(hash)));
    assert_eq!(stack.runtime.block_on(registry.wanted()).unwrap(), Some(hash), "the fleet's are others");
    assert_eq!(stack.announced(), ["d17"]);
    assert!(stack.runtime.block_on(registry.rules(other)).unwrap().unwrap().verify(&key).is_err());

    assert_snapshot!(stack.bad(&["rules", "push", "--device", "d17", "--device", "d1x"], ""), @"the device `d1x` is not registered: did you mean `d10`? `dag-infra list` shows those that are, and `dag-infra provision d1x` makes it one");
    stack.place.write("rules/more.toml", "[rule.more]\nwhen = \"power = off\"\n");
    let said = stack.bad(&["rules", "push", "--all"], "");
    assert!(said.ends_with("nothing was sent: no device would take these rules"), "{said}");
    assert_eq!(stack.announced(), [""; 0]);
}
