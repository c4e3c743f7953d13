//! The registry.

use std::collections::BTreeMap;

use dag_cloud::{Account, Registration, Signing, Store as _, aws::Registry};
use dag_engine::{Id, Name};
use dag_uplink::SignedRules;

use crate::stack::{NOON, Stack};

fn account(username: &str, id: &'static str) -> Account {
    Account {
        id: Name::new_static(id),
        username: username.to_owned(),
        password: "$argon2id$".to_owned(),
        emails: vec![format!("{id}@example.com")],
    }
}

fn rules(text: &str) -> SignedRules {
    let files = BTreeMap::from([("power.toml".to_owned(), text.to_owned())]);
    SignedRules { files, signed_at: NOON, signature: "c2lnbmVk".to_owned() }
}

fn of(stack: &Stack) -> Registry {
    Registry::new(&stack.sdk, &stack.environment.table)
}

#[tokio::test]
async fn devices_are_registered_by_the_first_change_and_no_change_is_lost() {
    let stack = Stack::start().await;
    let registry = of(&stack);
    assert_eq!(registry.registration("cottage").await.unwrap(), None);
    let named = registry.change("cottage", |device| device.name = Some("Cottage".to_owned())).await.unwrap();
    assert_eq!(named, Registration { name: Some("Cottage".to_owned()), ..Registration::default() });
    assert_eq!(registry.registration("cottage").await.unwrap(), Some(named));

    // Concurrent changes, each with a label of its own.
    let other = of(&stack);
    let add = async |registry: &Registry, label: &str| {
        let add = |device: &mut Registration| {
            device.labels.get_or_insert_default().insert(label.to_owned(), "yes".to_owned());
        };
        registry.change("cottage", add).await.unwrap();
    };
    futures::join!(add(&registry, "a"), add(&other, "b"), add(&registry, "c"), add(&other, "d"));
    let labels = registry.registration("cottage").await.unwrap().unwrap().labels.unwrap();
    assert_eq!(labels.into_keys().collect::<String>(), "abcd");

    // The consumer reads the same.
    let table = stack.table();
    assert_eq!(table.registration("cottage").await.unwrap(), registry.registration("cottage").await.unwrap());
    assert_eq!(registry.item("cottage").await.unwrap(), None, "nothing was heard of it");
}

#[tokio::test]
async fn a_fleet_of_many_pages_is_read_as_a_whole() {
    let stack = Stack::start().await;
    let registry = of(&stack);
    registry.set_desired_rules(rules("a").hash()).await.unwrap();
    // A page has 1 MB: hashes cannot be compressed.
    let noise: Vec<String> = (0..5_000_u64).map(|n| Id::of(&[&n.to_be_bytes()]).to_string()).collect();
    for n in 0..20 {
        let change = |device: &mut Registration| device.name = Some(format!("{n}{}", noise.concat()));
        registry.change(&format!("d{n}"), change).await.unwrap();
    }
    let devices = registry.devices().await.unwrap();
    assert_eq!(devices.len(), 20);
    let named = |(id, device): (&Name, &Registration)| {
        device
            .name
            .as_ref()
            .is_some_and(|name| id.as_str() == format!("d{}", name.split_at(name.len() - noise.concat().len()).0))
    };
    assert!(devices.iter().all(named));
}

#[tokio::test]
async fn rules_are_stored_by_hash_and_the_fleet_has_desired_ones() {
    let stack = Stack::start().await;
    let (registry, rules) = (of(&stack), rules("[rule.outage]"));
    assert_eq!(registry.rules(rules.hash()).await.unwrap(), None);
    assert_eq!(registry.desired_rules().await.unwrap(), None);
    registry.keep_rules(&rules).await.unwrap();
    registry.set_desired_rules(rules.hash()).await.unwrap();
    assert_eq!(registry.desired_rules().await.unwrap(), Some(rules.hash()));
    assert_eq!(stack.table().rules(rules.hash()).await.unwrap(), Some(rules.clone()));
    let again = SignedRules { signed_at: NOON + dag_engine::Millis::new(1), ..rules.clone() };
    registry.keep_rules(&again).await.unwrap();
    assert_eq!(registry.rules(rules.hash()).await.unwrap(), Some(again), "what was signed last counts");

    let noise: Vec<String> = (0..30_000_u64).map(|n| Id::of(&[&n.to_be_bytes()]).to_string()).collect();
    let error = registry.keep_rules(&self::rules(&noise.concat())).await.unwrap_err().to_string();
    let told = "writing the table failed: the rules have ";
    let end = " bytes though they are compressed, and the table takes 409600";
    assert!(error.starts_with(told) && error.ends_with(end), "{error}");
}

#[tokio::test]
async fn of_two_concurrent_signatures_the_second_is_refused() {
    let stack = Stack::start().await;
    let registry = of(&stack);
    assert_eq!(registry.signing().await.unwrap(), None);
    let signing = |key: &str| Signing { key: key.to_owned(), signed_at: NOON };
    let (one, other) = (signing("one"), signing("other"));
    assert!(registry.set_signing(&one, None).await.unwrap());
    assert!(!registry.set_signing(&other, None).await.unwrap(), "it is no longer as it was read");
    assert_eq!(registry.signing().await.unwrap(), Some(one.clone()));
    assert!(registry.set_signing(&other, Some(&one)).await.unwrap());
    assert_eq!(registry.signing().await.unwrap(), Some(other));
    registry.change("cottage", |_| {}).await.unwrap();
    assert_eq!(registry.devices().await.unwrap().len(), 1, "only devices are among them");
}

#[tokio::test]
async fn accounts_have_names_that_nobody_else_has() {
    let stack = Stack::start().await;
    let registry = of(&stack);
    assert_eq!(registry.account("nor").await.unwrap(), None);
    let (nor, kim) = (account("Nor", "1"), account("kim", "2"));
    assert!(registry.add_account(&nor).await.unwrap());
    assert!(registry.add_account(&kim).await.unwrap());
    assert!(!registry.add_account(&account("nOR", "3")).await.unwrap(), "the name is taken");
    assert!(!registry.add_account(&account("robin", "1")).await.unwrap(), "the id is taken");
    assert_eq!(registry.account("robin").await.unwrap(), None, "all or nothing");
    assert_eq!(registry.account("nor").await.unwrap(), Some(nor.clone()));
    assert_eq!(registry.accounts().await.unwrap(), [kim.clone(), nor.clone()]);

    // The registration of a device has the addresses of its account.
    registry.change("cottage", |device| device.account = Some(nor.id.clone())).await.unwrap();
    let told = |address: &'static str| {
        let registry = &registry;
        async move {
            let device = registry.registration("cottage").await.unwrap().unwrap();
            assert_eq!(device.account_emails, [address]);
        }
    };
    told("1@example.com").await;
    let change = |account: &mut Account| {
        account.emails = vec!["nor@example.com".to_owned()];
        account.username = "other".to_owned();
    };
    let changed = registry.change_account("nor", change).await.unwrap().unwrap();
    assert_eq!((changed.username.as_str(), &changed.id), ("Nor", &nor.id), "these stay");
    told("nor@example.com").await;
    let renamed = registry.change("cottage", |device| device.name = Some("C".to_owned())).await.unwrap();
    assert!(renamed.account_emails.is_empty(), "{renamed:?}");
    told("nor@example.com").await;
    assert_eq!(registry.change_account("robin", change).await.unwrap(), None);

    assert_eq!(registry.remove_account("NOR").await.unwrap(), Some(changed));
    assert_eq!(registry.remove_account("nor").await.unwrap(), None);
    assert_eq!(registry.accounts().await.unwrap(), [kim]);
    assert!(registry.add_account(&nor).await.unwrap(), "the name is free again");
}

#[tokio::test]
async fn two_who_change_an_account_at_once_lose_nothing() {
    let stack = Stack::start().await;
    let (one, other) = (of(&stack), of(&stack));
    assert!(one.add_account(&account("nor", "1")).await.unwrap());
    let add = async |registry: &Registry, address: &str| {
        registry.change_account("nor", |account| account.emails.push(address.to_owned())).await.unwrap();
    };
    futures::join!(add(&one, "a@example.com"), add(&other, "b@example.com"), add(&one, "c@example.com"));
    let mut emails = one.account("nor").await.unwrap().unwrap().emails;
    emails.sort();
    assert_eq!(emails, ["1@example.com", "a@example.com", "b@example.com", "c@example.com"]);
}
