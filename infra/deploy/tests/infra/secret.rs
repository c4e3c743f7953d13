//! `dag-infra secret` with a stack.

use insta::assert_snapshot;

use crate::stack::Stack;

#[test]
fn an_entry_is_set_beside_the_others_and_shown_by_name_alone() {
    let stack = Stack::start();
    let endpoint = stack.moto.endpoint();
    let hook = "[recipient.hook]\nwebhook = { url = \"https://example.com/hook\", secret = \"env:NOR_HOOK\" }\n";
    stack.folder.write("rules/hook.toml", hook);
    assert_snapshot!(stack.run_ok(&["secret", "list"], ""), @"
    DAG_TOKEN_KEY
    NOR_HOOK  MISSING: set it by `dag-infra secret set NOR_HOOK`
    ");
    let key = stack.secret()["DAG_TOKEN_KEY"].clone();
    assert!(key.is_string());
    let said = stack.run_ok(&["secret", "set", "NOR_HOOK", "--stdin"], "hunter2\n");
    assert_snapshot!(said, @"`NOR_HOOK` is set");
    assert_eq!(stack.secret(), serde_json::json!({ "DAG_TOKEN_KEY": key, "NOR_HOOK": "hunter2" }));
    let names = stack.run_ok(&["secret", "list"], "");
    assert_snapshot!(names, @"
    DAG_TOKEN_KEY
    NOR_HOOK
    ");
    // Entries that are set at the same time are all kept.
    std::thread::scope(|scope| {
        for n in 0..6 {
            let folder = &stack.folder;
            let endpoint = endpoint.as_str();
            scope.spawn(move || {
                let said = folder.run(endpoint, &["secret", "set", &format!("HOOK_{n}"), "--stdin"], Some("x"));
                assert_eq!(said.code, 0, "{said:?}");
            });
        }
    });
    assert_eq!(stack.secret().as_object().unwrap().len(), 8);

    let long = "x".repeat(70_000);
    assert_snapshot!(stack.run_err(&["secret", "set", "NOR_HOOK", "--stdin"], &long), @"the stack's secret would have 70116 bytes, and AWS takes 65536: make the value shorter");
    assert_eq!(stack.secret()["NOR_HOOK"], "hunter2");
}
