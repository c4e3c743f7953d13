//! `dag-infra list`.

use dag_engine::{Id, Time};
use serde_json::json;

use crate::stack::Stack;

#[test]
fn the_fleet_is_listed_with_what_is_known_of_it() {
    let stack = Stack::start();
    assert_eq!(stack.run(&["list"], "").out, "There are no devices yet: `dag-infra provision DEVICE` makes one");
    stack.run_json(&["provision", "cottage"], "");
    stack.run_json(&["provision", "barn", "--name", "The barn"], "");
    insta::assert_snapshot!(stack.run(&["list"], "").out, @"
    DEVICE   NAME      ACCOUNT  LAST REPORT  CONNECTION      RULES
    barn     The barn  -        never        never heard of  -
    cottage  Cottage   -        never        never heard of  -
    ");
    let listed = stack.run_json(&["list"], "");
    assert_eq!(listed[1]["device"], json!("cottage"));
    assert_eq!(listed[1]["last_contact"], json!(null));

    // It reported at noon, and the broker sent no event of its connection yet.
    stack.set_heard_at("cottage", Time::from_millis(1_768_046_400_000));
    let listed = stack.run_json(&["list"], "");
    assert_eq!(listed[1]["last_contact"], json!("2026-01-10T12:00:00Z"));
    assert_eq!(listed[1]["connected"], json!(true));
    assert_eq!(listed[1]["rules"], json!(Id::of(&[b"rules"]).to_string()));
}

#[test]
fn a_revoked_device_has_no_active_certificates() {
    let stack = Stack::start();
    for device in ["barn", "cottage", "mill"] {
        stack.run_json(&["provision", device], "");
    }
    stack.run_ok(&["provision", "barn", "--revoke", "--yes"], "");
    stack.run_json(&["provision", "cottage", "--rotate"], "");
    stack.runtime.block_on(stack.registry().change("shed", |_| {})).unwrap();
    insta::assert_snapshot!(stack.run_ok(&["list", "--certificates"], ""), @"
    DEVICE   NAME     ACCOUNT  LAST REPORT  CONNECTION      CERTIFICATES  RULES
    barn     -        -        never        never heard of  0             -
    cottage  Cottage  -        never        never heard of  2             -
    mill     -        -        never        never heard of  1             -
    shed     -        -        never        never heard of  0             -
    ");
    let listed = stack.run_json(&["list", "--certificates"], "");
    let counted: Vec<_> = listed.as_array().unwrap().iter().map(|device| device["certificates"].clone()).collect();
    assert_eq!(counted, [json!(0), json!(2), json!(1), json!(0)]);
    assert_eq!(stack.run_json(&["list"], "")[0].get("certificates"), None, "it was not asked for");
}

#[test]
fn without_credentials_every_command_says_where_they_come_from() {
    let folder = crate::work_folder::WorkFolder::new();
    for command in
        [&["list"][..], &["provision", "cottage"], &["account", "list"], &["destroy", "--yes", "x"], &["diff"]]
    {
        let said = folder.run_with(&[], command, None);
        assert_eq!((said.code, said.out.as_str()), (1, ""), "{command:?}");
        assert!(
            said.err.contains("failed: not logged in to AWS: no credentials are found. Log in by `aws login`"),
            "{said:?}"
        );
    }
}
