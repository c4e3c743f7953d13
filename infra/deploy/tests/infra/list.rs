//! `dag-infra list`.

use dag_engine::{Id, Time};
use serde_json::json;

use crate::stack::Stack;

#[test]
fn the_fleet_is_listed_with_what_is_known_of_it() {
    let stack = Stack::start();
    assert_eq!(stack.run(&["list"], "").out, "there are no devices yet: `dag-infra provision DEVICE` makes one");
    stack.json(&["provision", "cottage"], "");
    stack.json(&["provision", "barn", "--name", "The barn"], "");
    insta::assert_snapshot!(stack.run(&["list"], "").out, @"
    DEVICE   NAME      ACCOUNT  LAST REPORT  CONNECTION      RULES
    barn     The barn  -        never        never heard of  -
    cottage  Cottage   -        never        never heard of  -
    ");
    let listed = stack.json(&["list"], "");
    assert_eq!(listed[1]["device"], json!("cottage"));
    assert_eq!(listed[1]["last_contact"], json!(null));

    // It reported at noon, of a connection that the broker says nothing of yet.
    stack.hear("cottage", Time::from_millis(1_768_046_400_000));
    let listed = stack.json(&["list"], "");
    assert_eq!(listed[1]["last_contact"], json!("2026-01-10T12:00:00Z"));
    assert_eq!(listed[1]["connected"], json!(true));
    assert_eq!(listed[1]["rules"], json!(Id::of(&[b"rules"]).to_string()));
}

#[test]
fn a_revoked_device_has_no_active_certificates() {
    let stack = Stack::start();
    for device in ["barn", "cottage", "mill"] {
        stack.json(&["provision", device], "");
    }
    stack.good(&["provision", "barn", "--revoke", "--yes"], "");
    stack.json(&["provision", "cottage", "--rotate"], "");
    stack.runtime.block_on(stack.registry().change("shed", |_| {})).unwrap();
    insta::assert_snapshot!(stack.good(&["list", "--certificates"], ""), @"
    DEVICE   NAME     ACCOUNT  LAST REPORT  CONNECTION      CERTIFICATES  RULES
    barn     -        -        never        never heard of  0             -
    cottage  Cottage  -        never        never heard of  2             -
    mill     -        -        never        never heard of  1             -
    shed     -        -        never        never heard of  0             -
    ");
    let listed = stack.json(&["list", "--certificates"], "");
    let counted: Vec<_> = listed.as_array().unwrap().iter().map(|device| device["certificates"].clone()).collect();
    assert_eq!(counted, [json!(0), json!(2), json!(1), json!(0)]);
    assert_eq!(stack.json(&["list"], "")[0].get("certificates"), None, "it was not asked for");
}

#[test]
fn without_credentials_every_command_says_where_they_come_from() {
    let place = crate::moto::Place::new();
    for command in
        [&["list"][..], &["provision", "cottage"], &["account", "list"], &["destroy", "--yes", "x"], &["diff"]]
    {
        let said = place.run_with(&[], command, None);
        assert_eq!((said.code, said.out.as_str()), (1, ""), "{command:?}");
        assert!(said.err.contains("failed: no credentials for AWS are found. Log in by `aws sso login`"), "{said:?}");
    }
}
