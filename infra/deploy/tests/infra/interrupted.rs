//! Commands of which one call after the other fails: it is refused, or its answer is lost. Run again, each command ends
//! as if nothing had failed.

use std::collections::BTreeMap;

use dag_cloud::Account;
use dag_engine::Name;
use serde_json::Value;

use crate::{adopt::add_older_thing, moto::Moto, stack::Stack};

/// The addresses of each device that the consumer knows: those of the registry when the device was last announced.
#[derive(Default)]
struct KnownEmails(BTreeMap<String, Vec<String>>);

impl KnownEmails {
    fn update(&mut self, stack: &Stack) {
        for device in stack.announced() {
            let registered = stack.runtime.block_on(stack.registry().registration(&device)).unwrap().unwrap();
            self.0.insert(device, registered.account_emails);
        }
    }

    fn of(&self, device: &str) -> Option<&[String]> {
        self.0.get(device).map(Vec::as_slice)
    }
}

/// Fails every call of a command once, before it has its effect and after, each time for another device. Then the
/// command runs again and has to succeed. `before` prepares what the command needs, and `check` looks at the end.
fn fail_every_call(
    command: impl Fn(&str) -> Vec<String>,
    before: impl Fn(&Stack, &str),
    check: impl Fn(&Stack, &str, &KnownEmails),
) {
    let (stack, mut known) = (Stack::start(), KnownEmails::default());
    let arguments = |device: &str| [command(device), vec!["--format".to_owned(), "json".to_owned()]].concat();
    let run = |device: &str| stack.run(&arguments(device).iter().map(String::as_str).collect::<Vec<_>>(), "");
    before(&stack, "whole");
    stack.moto.requests();
    let said = run("whole");
    assert!(said.code == 0 && said.err.is_empty(), "{said:?}");
    let calls = stack.moto.requests().len();
    known.update(&stack);
    check(&stack, "whole", &known);
    for call in 0..calls {
        for when in Moto::fault_modes(call) {
            let device = format!("{when}-{call}");
            before(&stack, &device);
            stack.moto.fail(call, when);
            let said = run(&device);
            assert_eq!(said.code, 1, "{device}: {said:?}");
            assert!(said.out.contains("Refused"), "{device}: {said:?}");
            // In the worst case the consumer reads the registry before the rest is done.
            known.update(&stack);
            let again = run(&device);
            // Where only the answer was lost, the account is gone already.
            let removed = again.out.contains("there is no account");
            assert!((again.code == 0 || removed) && again.err.is_empty(), "{device}: {again:?}");
            known.update(&stack);
            check(&stack, &device, &known);
        }
    }
}

/// Returns a command about a device, whose id takes the place of `DEVICE`.
fn command(words: &'static [&'static str]) -> impl Fn(&str) -> Vec<String> {
    |device| words.iter().map(|word| word.replace("DEVICE", device)).collect()
}

/// Checks that a device has a number of active certificates with the policy, and a whole bundle with one of them.
fn check_certificates(stack: &Stack, device: &str, certificates: usize) {
    let attached = stack.certificates(device);
    assert_eq!(attached.len(), certificates, "{device}: {attached:?}");
    let expected = ("ACTIVE".to_owned(), vec!["detectordag-device".to_owned()]);
    assert!(attached.values().all(|certificate| *certificate == expected), "{device}: {attached:?}");
    let registered = stack.runtime.block_on(stack.registry().registration(device)).unwrap();
    assert!(registered.is_some(), "{device}");
    let bundle = |name: &str| stack.folder.path(&format!("provisioned/{device}/{name}"));
    for name in ["config.toml", "rules/power.toml", "uplink/ca.pem", "uplink/device.pem", "uplink/device.key"] {
        assert!(bundle(name).exists(), "{device} has no {name}");
    }
    let noted: Value = serde_json::from_str(&stack.read(&format!("provisioned/{device}/provision.json"))).unwrap();
    assert!(attached.contains_key(noted["certificate"]["id"].as_str().unwrap()), "{device}: {noted}");
    assert_eq!(noted.get("next"), None, "{device}");
}

fn provision(stack: &Stack, device: &str) {
    stack.run_json(&["provision", device], "");
}

fn provision_and_rotate(stack: &Stack, device: &str) {
    provision(stack, device);
    stack.run_json(&["provision", device, "--rotate"], "");
}

/// Adds an account of the device's name with an address, and gives it two devices, of which the first has a thing.
fn add_owned_devices(stack: &Stack, device: &str) {
    add_unowned_devices(stack, device);
    for device in [device.to_owned(), format!("{device}-too")] {
        let own =
            |registered: &mut dag_cloud::Registration| registered.account = Some(id(device.trim_end_matches("-too")));
        stack.runtime.block_on(stack.registry().change(&device, own)).unwrap();
    }
    let names = aws_sdk_iot::types::AttributePayload::builder().attributes("account", id(device).to_string()).build();
    let named = stack.iot().update_thing().thing_name(device).attribute_payload(names).send();
    stack.runtime.block_on(named).unwrap();
}

/// Adds the same account and devices, which have no account.
fn add_unowned_devices(stack: &Stack, device: &str) {
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

/// Checks that the registry, the thing and the consumer agree on the account of both devices and on its addresses.
fn check_owner(stack: &Stack, device: &str, known: &KnownEmails, account: Option<Name>, emails: &[&str]) {
    assert_eq!(stack.account_of(device), account.as_ref().map(Name::to_string), "{device}");
    for device in [device.to_owned(), format!("{device}-too")] {
        let registered = stack.runtime.block_on(stack.registry().registration(&device)).unwrap().unwrap();
        assert_eq!(registered.account, account, "{device}");
        assert_eq!(registered.account_emails, emails, "{device}");
        assert_eq!(known.of(&device).unwrap(), emails, "{device}");
    }
}

#[test]
fn making_a_device_goes_on_after_any_call() {
    fail_every_call(
        command(&["provision", "DEVICE"]),
        |_, _| {},
        |stack, device, _| check_certificates(stack, device, 1),
    );
}

#[test]
fn rotating_goes_on_after_any_call() {
    let rotate = command(&["provision", "DEVICE", "--rotate"]);
    fail_every_call(rotate, provision, |stack, device, _| check_certificates(stack, device, 2));
}

#[test]
fn finishing_a_rotation_goes_on_after_any_call() {
    let finish = command(&["provision", "DEVICE", "--rotate", "--finish", "--yes"]);
    fail_every_call(finish, provision_and_rotate, |stack, device, _| check_certificates(stack, device, 1));
}

#[test]
fn revoking_goes_on_after_any_call() {
    let none = |stack: &Stack, device: &str, _: &KnownEmails| assert_eq!(stack.certificates(device).len(), 0);
    fail_every_call(command(&["provision", "DEVICE", "--revoke", "--yes"]), provision_and_rotate, none);
}

#[test]
fn giving_devices_to_an_account_goes_on_after_any_call() {
    let assign = command(&["account", "assign", "DEVICE", "DEVICE", "DEVICE-too"]);
    fail_every_call(assign, add_unowned_devices, |stack, device, known| {
        check_owner(stack, device, known, Some(id(device)), &["nor@example.com"]);
    });
}

#[test]
fn taking_devices_from_an_account_goes_on_after_any_call() {
    let unassign = command(&["account", "unassign", "DEVICE", "DEVICE", "DEVICE-too"]);
    fail_every_call(unassign, add_owned_devices, |stack, device, known| check_owner(stack, device, known, None, &[]));
}

#[test]
fn removing_an_account_goes_on_after_any_call() {
    fail_every_call(command(&["account", "rm", "DEVICE", "--unassign"]), add_owned_devices, |stack, device, known| {
        check_owner(stack, device, known, None, &[]);
        assert_eq!(stack.runtime.block_on(stack.registry().account(device)).unwrap(), None, "{device}");
    });
}

#[test]
fn changing_addresses_goes_on_after_any_call() {
    let set = command(&["account", "set-email", "DEVICE", "--email", "kim@example.com"]);
    fail_every_call(set, add_owned_devices, |stack, device, known| {
        check_owner(stack, device, known, Some(id(device)), &["kim@example.com"]);
    });
}

#[test]
fn adopting_goes_on_after_any_call() {
    let both = |stack: &Stack, device: &str, _: &KnownEmails| {
        let mut policies: Vec<String> =
            stack.certificates(device).into_values().flat_map(|(_, policies)| policies).collect();
        policies.sort();
        assert_eq!(policies, ["detectordag-device", "old"], "{device}");
        assert!(stack.runtime.block_on(stack.registry().registration(device)).unwrap().is_some(), "{device}");
        assert!(stack.folder.path(&format!("provisioned/{device}/rules/power.toml")).exists(), "{device}");
    };
    fail_every_call(
        command(&["provision", "DEVICE", "--adopt"]),
        |stack, device| drop(add_older_thing(stack, device, 1)),
        both,
    );
}
