//! Commands of which one call after the other is refused, or answered to nobody: done again, each ends as if nothing
//! had been.

use std::collections::BTreeMap;

use dag_cloud::Account;
use dag_engine::Name;
use serde_json::Value;

use crate::{adopt::older, moto::Moto, stack::Stack};

/// Where the consumer tells of a device, as it learned when the device was announced to it last.
#[derive(Default)]
struct Consumer(BTreeMap<String, Vec<String>>);

impl Consumer {
    fn hears(&mut self, stack: &Stack) {
        for device in stack.announced() {
            let registered = stack.runtime.block_on(stack.registry().registration(&device)).unwrap().unwrap();
            self.0.insert(device, registered.account_emails);
        }
    }

    fn tells(&self, device: &str) -> Option<&[String]> {
        self.0.get(device).map(Vec::as_slice)
    }
}

/// Refuses every call of a command once, before it did anything and after, each time for another device. What it leaves
/// is to be found by the command itself, done again. `before` is what there is before the command; `check` is for the
/// end.
fn at_every_call(
    command: impl Fn(&str) -> Vec<String>,
    before: impl Fn(&Stack, &str),
    check: impl Fn(&Stack, &str, &Consumer),
) {
    let (stack, mut consumer) = (Stack::start(), Consumer::default());
    let arguments = |device: &str| [command(device), vec!["--format".to_owned(), "json".to_owned()]].concat();
    let run = |device: &str| stack.run(&arguments(device).iter().map(String::as_str).collect::<Vec<_>>(), "");
    before(&stack, "whole");
    stack.moto.requests();
    let said = run("whole");
    assert!(said.code == 0 && said.err.is_empty(), "{said:?}");
    let calls = stack.moto.requests().len();
    consumer.hears(&stack);
    check(&stack, "whole", &consumer);
    for call in 0..calls {
        for when in Moto::ways(call) {
            let device = format!("{when}-{call}");
            before(&stack, &device);
            stack.moto.fail(call, when);
            let said = run(&device);
            assert_eq!(said.code, 1, "{device}: {said:?}");
            assert!(said.out.contains("Refused"), "{device}: {said:?}");
            // The worst that can be is that the consumer hears of it before the rest is done.
            consumer.hears(&stack);
            let again = run(&device);
            // Only the answer may have been lost.
            let removed = again.out.contains("there is no account");
            assert!((again.code == 0 || removed) && again.err.is_empty(), "{device}: {again:?}");
            consumer.hears(&stack);
            check(&stack, &device, &consumer);
        }
    }
}

/// A command about a device.
fn of(words: &'static [&'static str]) -> impl Fn(&str) -> Vec<String> {
    |device| words.iter().map(|word| word.replace("DEVICE", device)).collect()
}

/// That a device has so many active certificates attached, all with the policy, and its bundle is whole and has one of
/// them.
fn has(stack: &Stack, device: &str, certificates: usize) {
    let attached = stack.certificates(device);
    assert_eq!(attached.len(), certificates, "{device}: {attached:?}");
    let at_work = ("ACTIVE".to_owned(), vec!["detectordag-device".to_owned()]);
    assert!(attached.values().all(|certificate| *certificate == at_work), "{device}: {attached:?}");
    let registered = stack.runtime.block_on(stack.registry().registration(device)).unwrap();
    assert!(registered.is_some(), "{device}");
    let bundle = |name: &str| stack.place.path(&format!("provisioned/{device}/{name}"));
    for name in ["config.toml", "rules/power.toml", "uplink/ca.pem", "uplink/device.pem", "uplink/device.key"] {
        assert!(bundle(name).exists(), "{device} has no {name}");
    }
    let noted: Value = serde_json::from_str(&stack.text(&format!("provisioned/{device}/provision.json"))).unwrap();
    assert!(attached.contains_key(noted["certificate"]["id"].as_str().unwrap()), "{device}: {noted}");
    assert_eq!(noted.get("next"), None, "{device}");
}

fn provisioned(stack: &Stack, device: &str) {
    stack.json(&["provision", device], "");
}

fn rotated(stack: &Stack, device: &str) {
    provisioned(stack, device);
    stack.json(&["provision", device, "--rotate"], "");
}

/// An account of the device's name, with an address, and two devices of which the first has a thing.
fn owned(stack: &Stack, device: &str) {
    unowned(stack, device);
    for device in [device.to_owned(), format!("{device}-too")] {
        let own =
            |registered: &mut dag_cloud::Registration| registered.account = Some(id(device.trim_end_matches("-too")));
        stack.runtime.block_on(stack.registry().change(&device, own)).unwrap();
    }
    let names = aws_sdk_iot::types::AttributePayload::builder().attributes("account", id(device).to_string()).build();
    let named = stack.iot().update_thing().thing_name(device).attribute_payload(names).send();
    stack.runtime.block_on(named).unwrap();
}

fn unowned(stack: &Stack, device: &str) {
    let emails = vec!["nor@example.com".to_owned()];
    let account = Account { id: id(device), username: device.to_owned(), password: String::new(), emails };
    assert!(stack.runtime.block_on(stack.registry().add_account(&account)).unwrap());
    for device in [device.to_owned(), format!("{device}-too")] {
        stack.runtime.block_on(stack.registry().change(&device, |_| {})).unwrap();
    }
    stack.runtime.block_on(stack.iot().create_thing().thing_name(device).send()).unwrap();
}

fn id(device: &str) -> Name {
    Name::new(format!("id-{device}"))
}

/// That the registry, the thing and the consumer say the same of both devices: whose they are, and where that one is
/// told.
fn belongs(stack: &Stack, device: &str, consumer: &Consumer, account: Option<Name>, emails: &[&str]) {
    assert_eq!(stack.account_of(device), account.as_ref().map(Name::to_string), "{device}");
    for device in [device.to_owned(), format!("{device}-too")] {
        let registered = stack.runtime.block_on(stack.registry().registration(&device)).unwrap().unwrap();
        assert_eq!(registered.account, account, "{device}");
        assert_eq!(registered.account_emails, emails, "{device}");
        assert_eq!(consumer.tells(&device).unwrap(), emails, "{device}");
    }
}

#[test]
fn making_a_device_goes_on_after_any_call() {
    at_every_call(of(&["provision", "DEVICE"]), |_, _| {}, |stack, device, _| has(stack, device, 1));
}

#[test]
fn rotating_goes_on_after_any_call() {
    let rotate = of(&["provision", "DEVICE", "--rotate"]);
    at_every_call(rotate, provisioned, |stack, device, _| has(stack, device, 2));
}

#[test]
fn finishing_a_rotation_goes_on_after_any_call() {
    let finish = of(&["provision", "DEVICE", "--rotate", "--finish", "--yes"]);
    at_every_call(finish, rotated, |stack, device, _| has(stack, device, 1));
}

#[test]
fn revoking_goes_on_after_any_call() {
    let none = |stack: &Stack, device: &str, _: &Consumer| assert_eq!(stack.certificates(device).len(), 0);
    at_every_call(of(&["provision", "DEVICE", "--revoke", "--yes"]), rotated, none);
}

#[test]
fn giving_devices_to_an_account_goes_on_after_any_call() {
    let assign = of(&["account", "assign", "DEVICE", "DEVICE", "DEVICE-too"]);
    at_every_call(assign, unowned, |stack, device, consumer| {
        belongs(stack, device, consumer, Some(id(device)), &["nor@example.com"]);
    });
}

#[test]
fn taking_devices_from_an_account_goes_on_after_any_call_and_its_owner_is_not_told_any_more() {
    let unassign = of(&["account", "unassign", "DEVICE", "DEVICE", "DEVICE-too"]);
    at_every_call(unassign, owned, |stack, device, consumer| belongs(stack, device, consumer, None, &[]));
}

#[test]
fn removing_an_account_goes_on_after_any_call_and_its_owner_is_not_told_any_more() {
    at_every_call(of(&["account", "rm", "DEVICE", "--unassign"]), owned, |stack, device, consumer| {
        belongs(stack, device, consumer, None, &[]);
        assert_eq!(stack.runtime.block_on(stack.registry().account(device)).unwrap(), None, "{device}");
    });
}

#[test]
fn changing_addresses_goes_on_after_any_call() {
    let set = of(&["account", "set-email", "DEVICE", "--email", "kim@example.com"]);
    at_every_call(set, owned, |stack, device, consumer| {
        belongs(stack, device, consumer, Some(id(device)), &["kim@example.com"]);
    });
}

#[test]
fn adopting_goes_on_after_any_call() {
    let both = |stack: &Stack, device: &str, _: &Consumer| {
        let mut policies: Vec<String> =
            stack.certificates(device).into_values().flat_map(|(_, policies)| policies).collect();
        policies.sort();
        assert_eq!(policies, ["detectordag-device", "old"], "{device}");
        assert!(stack.runtime.block_on(stack.registry().registration(device)).unwrap().is_some(), "{device}");
        assert!(stack.place.path(&format!("provisioned/{device}/rules/power.toml")).exists(), "{device}");
    };
    at_every_call(of(&["provision", "DEVICE", "--adopt"]), |stack, device| drop(older(stack, device, 1)), both);
}
