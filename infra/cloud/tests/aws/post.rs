//! Mail, webhooks and commands.

use dag_cloud::{Devices as _, Messenger as _, World as _};
use dag_delivery::{Failure, MailContent, MessageContent};
use dag_engine::{Address, Notification};
use dag_uplink::Command;
use serde_json::json;

use crate::stack::{NOON, Stack, config, notification};

fn to(address: &str) -> Notification {
    Notification { address: Address::Email(address.to_owned()), ..notification(1) }
}

fn words() -> MessageContent {
    let rendered = MailContent { subject: "Power is out".to_owned(), text: "It is dark.".to_owned(), html: None };
    MessageContent::Email(rendered)
}

async fn verify(stack: &Stack, identity: &str) {
    stack.ses().create_email_identity().email_identity(identity).send().await.unwrap();
}

#[tokio::test]
async fn a_mail_goes_out_as_it_was_rendered() {
    let mut stack = Stack::start().await;
    stack.environment.configuration_set = Some("dag".to_owned());
    verify(&stack, "dag@example.com").await;
    let world = stack.world();
    stack.requests();
    let message = to("kim@example.com");
    let receipt = world.messenger().send(&message, &words(), NOON).await.unwrap();
    assert!(receipt.answer.starts_with("taken by SES as "), "{}", receipt.answer);
    let asked = stack.get("/dag/requests");
    assert_eq!(asked[0]["configuration_set"], "dag");
    let tags = asked[0]["tags"].as_array().unwrap();
    let tag = |name: &str| tags.iter().find(|tag| tag["Name"] == name).and_then(|tag| tag["Value"].as_str());
    assert_eq!(tag("dag-device"), Some("cottage"), "a bounce is about this device");
    assert_eq!(tag("dag-notification"), Some(message.id.to_string().as_str()), "and this message");
    let data = stack.get("/moto-api/data.json");
    let mails = data["ses"]["RawMessage"].as_array().cloned().unwrap_or_default();
    let raw = mails[0]["raw_data"].as_str().unwrap();
    assert!(raw.contains("Subject: Power is out") && raw.contains("It is dark."), "{raw}");
    assert!(raw.contains("List-Unsubscribe: <mailto:dag@example.com?subject=unsubscribe>"), "{raw}");
    assert_eq!(mails[0]["destinations"][0], "kim@example.com");
}

#[tokio::test]
async fn a_mail_that_is_refused_is_not_tried_again() {
    let stack = Stack::start().await;
    let error = stack.world().messenger().send(&to("kim@example.com"), &words(), NOON).await.unwrap_err();
    assert!(matches!(&error, Failure::Permanent { error } if error.contains("MessageRejected")), "{error:?}");
}

#[tokio::test]
async fn the_sandbox_sends_to_verified_addresses_only_and_says_so() {
    let stack = Stack::start().await;
    verify(&stack, "dag@example.com").await;
    let world = stack.world_of(&config("\n[email.ses]\nsandbox = true\n")).unwrap();
    stack.requests();
    let error = world.messenger().send(&to("kim@elsewhere.example"), &words(), NOON).await.unwrap_err();
    assert!(matches!(error, Failure::Permanent { .. }), "{error:?}");
    assert_eq!(
        error.to_string(),
        "kim@elsewhere.example is not verified with SES, and the sandbox sends to verified addresses only: \
         have it confirm the mail that `aws sesv2 create-email-identity --email-identity \
         kim@elsewhere.example` sends, or ask AWS for production access and set `sandbox = false` in \
         `[email.ses]`"
    );
    assert_eq!(world.messenger().send(&to("kim@elsewhere.example"), &words(), NOON).await.unwrap_err(), error);
    // One request for the address and one for its domain.
    let asked = stack.requests();
    assert_eq!(asked.len(), 2, "{asked:?}");
}

#[tokio::test]
async fn a_service_that_is_not_there_is_tried_again() {
    let stack = Stack::start().await;
    let world = stack.world();
    drop(stack);
    let error = world.messenger().send(&to("kim@example.com"), &words(), NOON).await.unwrap_err();
    assert!(
        matches!(&error, Failure::Retry { error, .. } if error.starts_with("SES cannot be reached: ")),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_command_is_published_on_the_devices_topic() {
    let stack = Stack::start().await;
    let world = stack.world();
    stack.requests();
    world.devices().command("cottage", &Command::Report).await.unwrap();
    let asked = stack.requests();
    assert_eq!(asked.len(), 1);
    assert!(asked[0].0.contains("/topics/dag/cottage/cmd"), "{asked:?}");
}

#[tokio::test]
async fn a_webhook_waits_for_the_stacks_secret_and_is_signed_by_it() {
    let mut stack = Stack::start().await;
    let secrets = aws_sdk_secretsmanager::Client::new(&stack.sdk);
    let made = secrets.create_secret().name("dag").secret_string("{}").send().await.unwrap();
    stack.environment.secret = made.arn;
    let call = Notification {
        address: Address::Webhook {
            // An address that calls may not reach. It is checked after the call is signed.
            url: "http://127.0.0.1:9/hook".to_owned(),
            secrets: vec!["env:HOOK".parse().unwrap()],
            template: None,
        },
        ..notification(1)
    };
    let said = MessageContent::Webhook { content_type: "application/json".to_owned(), body: "{}".to_owned() };
    let told = async |world: &dag_cloud::aws::Aws, at| world.messenger().send(&call, &said, at).await.unwrap_err();
    let world = stack.world();

    let missing = told(&world, NOON).await;
    assert!(
        matches!(&missing, Failure::Retry { error, .. } if error.contains("`dag-infra secret set HOOK`")),
        "{missing:?}"
    );

    let entries = json!({ "HOOK": "whsec_aHVudGVyMmh1bnRlcjJodW50ZXIy" }).to_string();
    secrets.put_secret_value().secret_id("dag").secret_string(entries).send().await.unwrap();
    let later = NOON + dag_engine::Millis::new(300_000);
    let called = told(&world, later).await;
    assert!(matches!(&called, Failure::Permanent { .. }), "{called:?}");

    secrets.put_secret_value().secret_id("dag").secret_string("hunter2").send().await.unwrap();
    let kept = told(&world, later + dag_engine::Millis::new(300_000)).await;
    assert_eq!(kept, called, "a secret that is broken later stops nothing");
    let fresh = told(&stack.world(), NOON).await;
    assert!(!fresh.to_string().contains("hunter2") && fresh.to_string().contains("no JSON object"), "{fresh}");
}
