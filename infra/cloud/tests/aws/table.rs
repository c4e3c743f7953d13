//! The table.

use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use dag_cloud::{Commit, CommitError, DeviceItem, Store as _, Stored, Suppression, shard};
use dag_delivery::{MailContent, MessageContent, Outbox};
use dag_engine::{Decision, Millis};

use crate::stack::{NOON, Stack, entry, entry_due, item, named};

fn commit(item: DeviceItem, version: u64) -> Commit {
    Commit {
        item,
        version,
        at: NOON,
        decisions: Vec::new(),
        prepared: Vec::new(),
        finished: Vec::new(),
        unsuppressed: Vec::new(),
    }
}

fn said(text: &str) -> MessageContent {
    MessageContent::Email(MailContent { subject: "Power is out".to_owned(), text: text.to_owned(), html: None })
}

fn decision() -> Decision {
    let config = crate::stack::config("");
    let rulebook = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../rules");
    let rulebook =
        dag_rulebook::Rulebook::compile(dag_rulebook::RulesFolder::read(&rulebook).unwrap(), &config).unwrap();
    rulebook.engine.samples(&config.device(Some("cottage")).unwrap(), NOON).remove(0)
}

#[tokio::test]
async fn an_item_is_written_only_if_it_is_as_it_was_read() {
    let stack = Stack::start().await;
    let table = stack.table();
    assert_eq!(table.load("cottage").await.unwrap(), None);

    // Without decisions and messages the commit is one simple write.
    let mut item = item();
    table.commit(&commit(item.clone(), 0)).await.unwrap();
    let stored = Stored { item: item.clone(), version: 1 };
    assert_eq!(table.load("cottage").await.unwrap(), Some(stored.clone()));
    assert_eq!(table.commit(&commit(item.clone(), 0)).await, Err(CommitError::Conflict), "it is there by now");

    // With them the commit is a transaction.
    item.outbox = Outbox::new((1..=3).map(entry));
    item.armed = Some(NOON + Millis::new(5_000));
    let whole = Commit { decisions: vec![decision()], ..commit(item.clone(), 1) };
    table.commit(&whole).await.unwrap();
    assert_eq!(table.commit(&whole).await, Err(CommitError::Conflict), "that was version 1");
    assert_eq!(table.commit(&commit(item.clone(), 1)).await, Err(CommitError::Conflict), "and so it is without more");
    assert_eq!(table.load("cottage").await.unwrap(), Some(Stored { item, version: 2 }));

    let until = NOON + Millis::new(1);
    assert_eq!(table.decisions("cottage", NOON, until).await.unwrap(), [decision()]);
    assert_eq!(table.decisions("cottage", until, until + Millis::new(1)).await.unwrap(), []);
    insta::assert_snapshot!(stack.keys().await.join("\n"), @r"
    decisions#1768046400000#000000000002
    item
    ");
    let rows = stack.rows().await;
    let decisions = &rows[0].2;
    assert_eq!(decisions["expires"].as_n().unwrap(), &(NOON.as_millis() / 1_000 + 90 * 86_400).to_string());
    let text = rows[1].2["item"].as_s().unwrap();
    assert!(text.contains("Cottage") && !text.contains("outbox"), "for a person to read: {text}");
}

#[tokio::test]
async fn of_two_writers_one_has_to_read_again() {
    let stack = Stack::start().await;
    let (one, other) = (stack.table(), stack.table());
    one.commit(&commit(item(), 0)).await.unwrap();
    for version in 1..6 {
        let decided = Commit { decisions: vec![decision()], ..commit(item(), version) };
        let (first, second) = tokio::join!(one.commit(&decided), other.commit(&decided));
        let (won, lost) = if first.is_ok() { (first, second) } else { (second, first) };
        assert_eq!((won, lost), (Ok(()), Err(CommitError::Conflict)));
    }
    let decided = one.decisions("cottage", NOON, NOON + Millis::new(1)).await.unwrap();
    assert_eq!(decided.len(), 5, "nothing of whoever lost was written");
}

#[tokio::test]
async fn nothing_is_written_for_an_address_on_the_suppression_list() {
    let stack = Stack::start().await;
    let table = stack.table();
    let suppression = Suppression { at: NOON, text: "the mail came back".to_owned() };
    table.suppress("Nor@Example.com", &suppression).await.unwrap();

    let to = |addresses: &[&str]| Commit {
        unsuppressed: addresses.iter().map(|address| (*address).to_owned()).collect(),
        ..commit(item(), 0)
    };
    let suppressed = CommitError::Suppressed { address: "nor@example.com".to_owned(), suppression };
    assert_eq!(table.commit(&to(&["kim@example.com", "nor@example.com"])).await, Err(suppressed));
    assert_eq!(table.load("cottage").await.unwrap(), None);
    table.commit(&to(&["kim@example.com", "KIM@example.com"])).await.unwrap();
    // A conflict is reported before a suppressed address.
    assert_eq!(table.commit(&to(&["nor@example.com"])).await, Err(CommitError::Conflict));
}

#[tokio::test]
async fn a_prepared_message_is_kept_until_the_message_ends() {
    let stack = Stack::start().await;
    let table = stack.table();
    let (mut first, second) = (entry(1), entry(2));
    let (one, two) = (first.notification.id, second.notification.id);
    let long = said(&"It is dark. ".repeat(5_000));
    let prepared = vec![(one, long.clone()), (two, said("short"))];
    table.commit(&Commit { prepared, ..commit(item(), 0) }).await.unwrap();
    assert_eq!(table.prepared("cottage", one).await.unwrap(), Some(long));
    assert_eq!(table.prepared("cabin", one).await.unwrap(), None);

    first.attempts = 1;
    let finished = vec![first.clone()];
    table.commit(&Commit { finished, ..commit(item(), 1) }).await.unwrap();
    assert_eq!(table.prepared("cottage", one).await.unwrap(), None);
    assert_eq!(table.prepared("cottage", two).await.unwrap(), Some(said("short")));
    let rows = stack.rows().await;
    let (_, sk, row) = rows.iter().find(|(_, sk, _)| sk.starts_with("finished#")).unwrap();
    assert_eq!(sk, &format!("finished#1768046400000#{one}"));
    let kept: Vec<dag_delivery::Entry> = serde_json::from_str(row["entries"].as_s().unwrap()).unwrap();
    assert_eq!(kept, [first]);
}

#[tokio::test]
async fn a_whole_fleet_of_messages_fits_into_one_transaction() {
    let stack = Stack::start().await;
    let table = stack.table();
    let sample = entry(0);
    let entries = (0..1_000_u64).map(|number| {
        let mut entry = sample.clone();
        entry.notification.id = dag_engine::Id::of(&[b"many", &number.to_be_bytes()]);
        entry.sequence = number;
        entry
    });
    let mut finished: Vec<_> = entries.collect();
    let full = DeviceItem { outbox: Outbox::new(finished.clone()), ..item() };
    let decisions = vec![decision(); 500];
    table.commit(&Commit { decisions: decisions.clone(), ..commit(full.clone(), 0) }).await.unwrap();
    assert_eq!(table.load("cottage").await.unwrap(), Some(Stored { item: full, version: 1 }));
    assert_eq!(table.decisions("cottage", NOON, NOON + Millis::new(1)).await.unwrap(), decisions);

    // All of them end at once, after one attempt each.
    finished.iter_mut().for_each(|entry| entry.attempts = 1);
    let unsuppressed = vec!["nor@example.com".to_owned()];
    table.commit(&Commit { finished, unsuppressed, ..commit(item(), 1) }).await.unwrap();
    let finished = stack.keys().await.iter().filter(|sk| sk.starts_with("finished#")).count();
    assert!(finished < 20, "{finished} rows");
}

#[tokio::test]
async fn an_item_that_is_too_large_for_a_row_is_an_error() {
    let stack = Stack::start().await;
    let table = stack.table();
    let mut item = item();
    // Hashes cannot be compressed.
    let noise =
        |seed: u64| (0..200_u64).map(move |n| dag_engine::Id::of(&[&seed.to_be_bytes(), &n.to_be_bytes()]).to_string());
    let entries = (0..150).map(|number| {
        let mut entry = entry(0);
        entry.notification.id = dag_engine::Id::of(&[b"noise", &u64::to_be_bytes(number)]);
        entry.last_error = Some(noise(number).collect());
        entry
    });
    item.outbox = Outbox::new(entries);
    let error = table.commit(&commit(item, 0)).await.unwrap_err().to_string();
    let told = "writing the table failed: the item of the device `cottage` has grown to ";
    assert!(error.starts_with(told) && error.ends_with("150 messages wait in it"), "{error}");
}

#[tokio::test]
async fn the_index_has_what_is_due_and_nothing_else() {
    let stack = Stack::start().await;
    let table = stack.table();
    let minutes = |minutes: i64| NOON + Millis::new(minutes * 60_000);
    // One device of each kind in the same shard.
    let same: Vec<String> = (0..).map(|n| format!("d{n}")).filter(|id| shard(id) == 3).take(4).collect();
    for (id, minutes_off, armed) in [
        (&same[0], Some(4), Some(minutes(4))),
        (&same[1], Some(2), None),
        (&same[2], Some(9), None),
        (&same[3], None, None),
    ] {
        let mut item = named(id);
        item.armed = armed;
        if let Some(off) = minutes_off {
            item.outbox = Outbox::new([entry_due(1, minutes(off))]);
        }
        table.commit(&commit(item, 0)).await.unwrap();
    }
    let due = table.due(3, minutes(5)).await.unwrap();
    let due: Vec<_> = due.into_iter().map(|due| (due.device.to_string(), due.at, due.armed)).collect();
    assert_eq!(due, [(same[1].clone(), minutes(2), None), (same[0].clone(), minutes(4), Some(minutes(4)))]);
    assert_eq!(table.due(4, minutes(5)).await.unwrap(), []);

    // A device without a deadline leaves the index.
    table.commit(&commit(named(&same[1]), 1)).await.unwrap();
    assert_eq!(table.due(3, minutes(5)).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_fleet_that_is_due_at_once_is_found_at_once() {
    let stack = Stack::start().await;
    let table = stack.table();
    let mut ids = (0..).map(|n| format!("d{n}")).filter(|id| shard(id) == 3).take(600);
    let mut item = named(&ids.next().unwrap());
    item.outbox = Outbox::new([entry(1)]);
    table.commit(&commit(item, 0)).await.unwrap();
    // The others are like the first.
    let (.., row) = stack.rows().await.remove(0);
    let ids: Vec<String> = ids.collect();
    for some in ids.chunks(25) {
        let put = |id: &String| {
            let key = [("pk".to_owned(), AttributeValue::S(format!("device#{id}")))];
            let put = PutRequest::builder().set_item(Some(row.clone().into_iter().chain(key).collect()));
            WriteRequest::builder().put_request(put.build().unwrap()).build()
        };
        let requests = some.iter().map(put).collect();
        stack.dynamo().batch_write_item().request_items("dag", requests).send().await.unwrap();
    }
    assert_eq!(table.due(3, NOON).await.unwrap().len(), 600);
}
