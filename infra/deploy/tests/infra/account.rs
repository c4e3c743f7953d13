//! `dag-infra account`.

use argon2::{Argon2, PasswordVerifier as _, password_hash::phc::PasswordHash};
use insta::assert_snapshot;
use serde_json::json;

use crate::stack::Stack;

#[test]
fn accounts_are_added_changed_given_devices_and_removed() {
    let stack = Stack::start();
    let registry = stack.registry();
    for device in ["cabin", "cottage"] {
        stack.runtime.block_on(registry.change(device, |_| {})).unwrap();
    }
    assert_snapshot!(stack.run_ok(&["account", "list"], ""), @"There is no account yet: add one by `dag-infra account add USERNAME`.");
    let add = |name, more: &[&str], password| {
        stack.run(&[&["account", "add", name, "--password-stdin"], more].concat(), password)
    };
    let said = add("nor", &["--email", "nor@example.com", "--email", "kim@example.com"], "correct horse\n");
    assert_eq!((said.code, said.err.as_str()), (0, ""));
    let nor = stack.runtime.block_on(registry.account("nor")).unwrap().unwrap();
    assert_snapshot!(said.out.replace(nor.id.as_str(), "UUID"), @"
    The account `nor` is added: UUID.
    Give it devices by `dag-infra account assign nor DEVICE`.
    ");
    assert_eq!((nor.id.len(), nor.emails.len()), (36, 2));
    assert_eq!(add("kim", &[], "correct horse").code, 0);
    let fits = |name, password: &str| {
        let account = stack.runtime.block_on(registry.account(name)).unwrap().unwrap();
        Argon2::default().verify_password(password.as_bytes(), &PasswordHash::new(&account.password).unwrap()).is_ok()
    };
    assert!(fits("nor", "correct horse"));

    // Mistakes, each with its sentence.
    let bad = [
        add("NOR", &[], "correct horse"),
        add("pat", &[], "short"),
        add("pat", &[], ""),
        add("pat", &["--email", "Pat <pat@example.com>"], "correct horse"),
        add("two words", &[], "correct horse"),
        add("n\u{202e}or", &[], "correct horse"),
        add("n\u{200b}or", &[], "correct horse"),
        add("\u{3164}", &[], "correct horse"),
        stack.run(&["account", "add", "pat"], "correct horse"),
        stack.run(&["account", "set-password", "nir", "--password-stdin"], "another horse"),
        stack.run(&["account", "assign", "nor", "cottage", "cabim"], ""),
        stack.run(&["account", "unassign", "nor", "cabim"], ""),
        stack.run(&["account", "set-email", "nor", "--email", "nor"], ""),
        stack.run(&["account", "set-email", "nir", "--email", "nor@example.com"], ""),
        stack.run(&["account", "rm", "pat"], ""),
    ];
    assert!(bad.iter().all(|said| said.code == 1 && said.out.is_empty()), "{bad:?}");
    assert_snapshot!(bad.map(|said| said.err).join("\n"), @r"
    the user name `NOR` is taken: take another one, or give its owner a new password by `dag-infra account set-password NOR`, or other addresses by `dag-infra account set-email NOR`
    a password has 10 characters at least, and this one has 5: take some words that are easy to remember
    a password has 10 characters at least, and this one has 0: take some words that are easy to remember
    `Pat <pat@example.com>` is not an email address: write it as user@host, without a name
    `two words` cannot be a user name: it has 1 to 64 letters, digits and signs like `.`, `-`, `_` and `@`, and no spaces
    `n\u{202e}or` cannot be a user name: it has 1 to 64 letters, digits and signs like `.`, `-`, `_` and `@`, and no spaces
    `n\u{200b}or` cannot be a user name: it has 1 to 64 letters, digits and signs like `.`, `-`, `_` and `@`, and no spaces
    `\u{3164}` cannot be a user name: it has 1 to 64 letters, digits and signs like `.`, `-`, `_` and `@`, and no spaces
    there is no terminal to ask for the password at: give it on the standard input, with `--password-stdin`
    there is no account `nir`: did you mean `nor`? `dag-infra account list` shows all
    the device `cabim` is not registered: did you mean `cabin`? `dag-infra list` shows those that are, and `dag-infra provision cabim` makes it one
    the device `cabim` is not registered: did you mean `cabin`? `dag-infra list` shows those that are, and `dag-infra provision cabim` makes it one
    `nor` is not an email address: write it as user@host, without a name
    there is no account `nir`: did you mean `nor`? `dag-infra account list` shows all
    there is no account `pat`: `dag-infra account list` shows all
    ");
    assert_eq!(stack.announced(), [""; 0]);

    assert_snapshot!(stack.run_ok(&["account", "set-password", "nor", "--password-stdin"], "another horse\r\n"), @"The account `nor` has a new password.");
    assert!(fits("nor", "another horse") && !fits("nor", "correct horse"));

    assert_snapshot!(stack.run_ok(&["account", "assign", "nor", "cottage", "cabin"], ""), @"The account `nor` has cottage, cabin: nor@example.com, kim@example.com stands for `@account` there.");
    assert_eq!(stack.announced(), ["cabin", "cottage"]);
    let emails = |device| stack.runtime.block_on(registry.registration(device)).unwrap().unwrap().account_emails;
    assert_eq!(emails("cabin"), ["nor@example.com", "kim@example.com"]);
    assert_snapshot!(stack.run_err(&["account", "assign", "kim", "cabin"], ""), @"`cabin` belongs to `nor`, who would not be told of it any more: `dag-infra account unassign nor cabin` first, then assign it to `kim`");
    assert_snapshot!(stack.run_err(&["account", "unassign", "kim", "cabin"], ""), @"`cabin` is not a device of `kim`: `dag-infra account list` shows which are");
    assert_snapshot!(stack.run_ok(&["account", "unassign", "nor", "cabin"], ""), @"The account `nor` has cabin no more.");
    assert_eq!((stack.announced(), emails("cabin")), (vec!["cabin".to_owned()], vec![]));
    assert_snapshot!(stack.run_ok(&["account", "assign", "kim", "cabin"], ""), @"The account `kim` has cabin: it has no address for messages.");
    stack.announced();

    let kim = stack.runtime.block_on(registry.account("kim")).unwrap().unwrap();
    let listed = stack.run_ok(&["account", "list"], "");
    assert_snapshot!(listed.replace(kim.id.as_str(), "UUID").replace(nor.id.as_str(), "UUID"), @"
    kim  UUID
      emails:  -
      devices: cabin
    nor  UUID
      emails:  nor@example.com, kim@example.com
      devices: cottage
    ");
    let expected = json!([
        { "id": kim.id, "username": "kim", "emails": [], "devices": ["cabin"] },
        { "id": nor.id, "username": "nor", "emails": ["nor@example.com", "kim@example.com"], "devices": ["cottage"] },
    ]);
    assert_eq!(stack.run_json(&["account", "list"], ""), expected);

    assert_snapshot!(stack.run_err(&["account", "rm", "nor"], ""), @"the account `nor` still has `cottage`: take them from it by `dag-infra account unassign`, or say `--unassign`, and nobody has them");
    assert_snapshot!(stack.run_ok(&["account", "rm", "nor", "--unassign"], ""), @"The account `nor` is removed. Nobody has its devices now: cottage.");
    assert_eq!(stack.announced(), ["cottage", "cottage"], "before it is given up, and after");
    assert_eq!(stack.runtime.block_on(registry.registration("cottage")).unwrap().unwrap().account, None);
    assert_eq!(stack.run_json(&["account", "list"], "").as_array().unwrap().len(), 1);
}

#[test]
fn in_the_sandbox_ses_asks_the_owners_of_addresses() {
    let stack = Stack::start();
    let config = std::fs::read_to_string(stack.folder.path("config.toml")).unwrap();
    stack.folder.write("config.toml", &(config + "\n[email.ses]\nregion = \"eu-central-1\"\nsandbox = true\n"));
    let region = aws_config::Region::new("eu-central-1");
    let mail = aws_sdk_sesv2::Client::new(&stack.sdk.to_builder().region(region).build());
    let add = |name, email| {
        let said = stack.run_ok(&["account", "add", name, "--email", email, "--password-stdin"], "correct horse");
        said.lines().nth(1).unwrap().to_owned()
    };
    // moto never verifies an identity, neither an address nor a domain.
    assert_snapshot!(add("nor", "nor@example.com"), @"SES asks nor@example.com by mail whether it may write there: nothing else arrives until the link in it is followed.");
    assert_snapshot!(add("kim", "nor@example.com"), @"SES asked nor@example.com before, and nothing arrives there until the link in that mail is followed.");
    let identities = stack.runtime.block_on(mail.list_email_identities().send()).unwrap();
    let identities: Vec<_> =
        identities.email_identities().iter().filter_map(|identity| identity.identity_name()).collect();
    assert_eq!(identities, ["nor@example.com"]);
    stack.runtime.block_on(mail.create_email_identity().email_identity("example.org").send()).unwrap();
    assert_snapshot!(add("pat", "pat@example.org"), @"SES asks pat@example.org by mail whether it may write there: nothing else arrives until the link in it is followed.");
}

#[test]
fn setting_addresses_asks_ses_again_after_a_failure() {
    let stack = Stack::start();
    let config = std::fs::read_to_string(stack.folder.path("config.toml")).unwrap();
    stack.folder.write("config.toml", &(config + "\n[email.ses]\nsandbox = true\n"));
    let add = ["account", "add", "nor", "--email", "nor@example.com", "--email", "Nor@Example.com", "--password-stdin"];
    // The first two requests are about the stack and the account.
    stack.moto.fail(2, "before");
    assert_snapshot!(stack.run_err(&add, "correct horse"), @"the account `nor` is added, and not every owner of its addresses was asked. For that run `dag-infra account set-email nor --email nor@example.com` when this is mended: asking SES what it may write to failed: Refused: for a test");
    assert_snapshot!(stack.run_err(&add, "correct horse"), @"the user name `nor` is taken: take another one, or give its owner a new password by `dag-infra account set-password nor`, or other addresses by `dag-infra account set-email nor`");
    let registry = stack.registry();
    stack.runtime.block_on(registry.change("cottage", |_| {})).unwrap();
    stack.run_ok(&["account", "assign", "nor", "cottage"], "");
    stack.announced();
    assert_snapshot!(stack.run_ok(&["account", "set-email", "nor", "--email", "nor@example.com", "--email", "kim@example.com"], ""), @"
    The account `nor` gets messages at nor@example.com, kim@example.com.
    SES asks nor@example.com by mail whether it may write there: nothing else arrives until the link in it is followed.
    SES asks kim@example.com by mail whether it may write there: nothing else arrives until the link in it is followed.
    ");
    assert_eq!(stack.announced(), ["cottage"]);
    let emails = stack.runtime.block_on(registry.registration("cottage")).unwrap().unwrap().account_emails;
    assert_eq!(emails, ["nor@example.com", "kim@example.com"]);
}
