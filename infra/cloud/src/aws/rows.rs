//! The rows of the table. All rows of a device have the key `device#ID`, so that one query reads them:
//!
//! | `sk` | what |
//! |---|---|
//! | `item` | the device item, with the attributes of the index `due` |
//! | `decisions#AT#VERSION` | the decisions of one commit; a long list continues in `…#001` |
//! | `said#MESSAGE` | a prepared message, until the message ends |
//! | `finished#AT#MESSAGE` | messages that ended; the first one names the row |
//!
//! The rows of no single device:
//!
//! | `pk` | `sk` | what |
//! |---|---|---|
//! | `fleet` | `device#ID` | the registration of the device, with a version |
//! | `fleet` | `rules` | the hash of the rules that the whole fleet should run |
//! | `fleet` | `signing` | the public key of the fleet's rules and the time of the last signature, with a version |
//! | `rules` | `HASH` | signed rules for devices |
//! | `account#ID` | `account` | an account, with a version |
//! | `accounts` | `USERNAME` | the id of the account of a user name, in lower case |
//! | `address#ADDRESS` | `mark` | an address on the suppression list |

use std::collections::{BTreeMap, BTreeSet, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;
use dag_delivery::{Outbox, email_in_ascii};
use dag_engine::{Id, Name, Time};
use dag_uplink::SignedRules;
use serde::Serialize;

use super::packed::{json, packed, readable, unpacked};
use crate::{
    item::DeviceItem,
    world::{Commit, Due, Fault, Stored, Suppression, shard},
};

/// A row, or its key.
pub(super) type Row = HashMap<String, AttributeValue>;

/// The time in seconds that decisions and finished messages are kept: 90 days.
const KEEP: i64 = 90 * 86_400;

/// The time in seconds after which a prepared message expires: three days. A message ends within a day, and its
/// prepared message is deleted then. The expiry is for one that was not deleted.
const KEEP_PREPARED: i64 = 3 * 86_400;

/// The most bytes of a row with the names of its attributes: 400 KB (Amazon DynamoDB, "Quotas and limits").
const LARGEST_ROW: usize = 400 << 10;

/// The most bytes of a list in one row. They fit into a row even if they cannot be compressed.
const LONGEST_PART: usize = 256 << 10;

const READING: &str = "reading the table";
const WRITING: &str = "writing the table";

/// The rows that a commit writes and deletes, except the device item.
#[derive(Debug, Default)]
pub(super) struct OtherRows {
    pub puts: Vec<Row>,
    pub deletes: Vec<Row>,
}

pub(super) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

pub(super) fn number(value: impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

fn row<const N: usize>(pairs: [(&str, AttributeValue); N]) -> Row {
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn key_of(device: &str, sk: String) -> Row {
    row([("pk", text(partition(device))), ("sk", text(sk))])
}

/// The partition of a device.
pub(super) fn partition(device: &str) -> String {
    format!("device#{device}")
}

pub(super) fn item_key(device: &str) -> Row {
    key_of(device, "item".to_owned())
}

pub(super) fn prepared_key(device: &str, message: Id) -> Row {
    key_of(device, format!("said#{message}"))
}

/// Returns the same key for upper and lower case, because mail servers seldom distinguish them, and for both spellings
/// of a domain: SES reports the one that mails have.
pub(super) fn suppression_key(address: &str) -> Row {
    row([("pk", text(format!("address#{}", email_in_ascii(address).to_lowercase()))), ("sk", text("mark"))])
}

/// The key of a device's registration.
pub(super) fn registration_key(device: &str) -> Row {
    row([("pk", text(FLEET)), ("sk", text(partition(device)))])
}

/// The partition of the registry's devices.
pub(super) const FLEET: &str = "fleet";

/// The partition of user names.
pub(super) const ACCOUNTS: &str = "accounts";

/// The beginning of `sk` in the registry's rows of devices.
pub(super) const DEVICES: &str = "device#";

/// The key of the rules that the fleet should run.
pub(super) fn desired_rules_key() -> Row {
    row([("pk", text(FLEET)), ("sk", text("rules"))])
}

/// The key of the signature of the fleet's rules.
pub(super) fn signing_key() -> Row {
    row([("pk", text(FLEET)), ("sk", text("signing"))])
}

/// Returns the same key for upper and lower case, so that no two people have names that look alike.
pub(super) fn username_key(username: &str) -> Row {
    row([("pk", text(ACCOUNTS)), ("sk", text(username.to_lowercase()))])
}

pub(super) fn rules_key(hash: Id) -> Row {
    row([("pk", text("rules")), ("sk", text(hash.to_string()))])
}

pub(super) fn account_key(account: &str) -> Row {
    row([("pk", text(format!("account#{account}"))), ("sk", text("account"))])
}

/// Returns a row of the registry: `key`, the content as attribute `name`, and the version after `read`.
pub(super) fn versioned(key: Row, name: &str, content: &impl Serialize, read: u64) -> Result<Row, Fault> {
    let mut row = key;
    row.insert(name.to_owned(), readable(WRITING, content)?);
    row.insert("version".to_owned(), number(read + 1));
    Ok(row)
}

/// Returns the version of a row of the registry.
pub(super) fn version(row: &Row) -> Result<u64, Fault> {
    integer(row, "version")
}

/// Returns the row of signed rules, or an error if they are too large for a row.
pub(super) fn rules(rules: &SignedRules) -> Result<Row, Fault> {
    let mut row = rules_key(rules.hash());
    row.insert("rules".to_owned(), packed(WRITING, rules)?);
    let size = size(&row);
    if size > LARGEST_ROW {
        let error =
            format!("the rules have {size} bytes though they are compressed, and the table takes {LARGEST_ROW}");
        return Err(Fault { what: WRITING, error });
    }
    Ok(row)
}

/// Returns the row of the rules that the fleet should run.
pub(super) fn desired_rules(rules: Id) -> Result<Row, Fault> {
    let mut row = desired_rules_key();
    row.insert("rules".to_owned(), readable(WRITING, &rules)?);
    Ok(row)
}

/// Returns the text of an attribute, like the id of an account.
pub(super) fn plain(row: &Row, name: &str) -> Result<String, Fault> {
    let plain = field(row, name)?.as_s().ok().cloned();
    plain.ok_or_else(|| Fault { what: READING, error: format!("`{name}` of a row is no text") })
}

/// Returns the device of a row of the registry.
pub(super) fn registered(row: &Row) -> Result<Name, Fault> {
    let device = plain(row, "sk")?;
    let device = device
        .strip_prefix(DEVICES)
        .ok_or_else(|| Fault { what: READING, error: format!("`{device}` in the registry is no device") })?;
    Ok(Name::new(device))
}

/// Returns the beginning of `sk` in the decisions of `at`.
pub(super) fn decisions_at(at: Time) -> String {
    format!("decisions#{:013}", at.as_millis())
}

/// Returns the row of the device item.
pub(super) fn device(commit: &Commit) -> Result<Row, Fault> {
    let item = &commit.item;
    let mut row = item_key(item.id());
    // The outbox has an attribute of its own: it is long during a large outage, and a person reads the rest.
    let without = DeviceItem { outbox: Outbox::default(), ..item.clone() };
    row.insert("item".to_owned(), readable(WRITING, &without)?);
    if !item.outbox.is_empty() {
        row.insert("outbox".to_owned(), packed(WRITING, &item.outbox)?);
    }
    row.insert("version".to_owned(), number(commit.version + 1));
    // Only a device with a deadline is in the index.
    if let Some(due) = item.due() {
        row.insert("due".to_owned(), number(due.as_millis()));
        row.insert("shard".to_owned(), number(shard(item.id())));
        row.extend(item.armed.map(|armed| ("armed".to_owned(), number(armed.as_millis()))));
    }
    let size = size(&row);
    if size > LARGEST_ROW {
        let error = format!(
            "the item of the device `{}` has grown to {size} bytes, and the table takes {LARGEST_ROW}: \
             {} messages wait in it",
            item.id(),
            item.outbox.len()
        );
        return Err(Fault { what: WRITING, error });
    }
    Ok(row)
}

/// Returns the other rows of a commit. They are at most `room`, so that they fit into the transaction.
pub(super) fn other_rows(commit: &Commit, room: usize) -> Result<OtherRows, Fault> {
    let device = commit.item.id();
    let at = commit.at.as_millis();
    let expires = |keep: i64| number(at / 1_000 + keep);
    let mut puts = Vec::new();
    for (index, part) in parts(&commit.decisions)?.into_iter().enumerate() {
        let more = if index == 0 { String::new() } else { format!("#{index:03}") };
        let sk = format!("{}#{:012}{more}", decisions_at(commit.at), commit.version + 1);
        let mut row = key_of(device, sk);
        row.insert("decisions".to_owned(), readable(WRITING, &part)?);
        row.insert("expires".to_owned(), expires(KEEP));
        puts.push(row);
    }
    for part in parts(&commit.finished)? {
        let Some(first) = part.first() else { continue };
        let mut row = key_of(device, format!("finished#{at:013}#{}", first.notification.id));
        row.insert("entries".to_owned(), readable(WRITING, &part)?);
        row.insert("expires".to_owned(), expires(KEEP));
        puts.push(row);
    }
    let over: BTreeSet<Id> = commit.finished.iter().map(|entry| entry.notification.id).collect();
    // A transaction may have only one action for each row.
    let prepared: BTreeMap<Id, _> = commit.prepared.iter().map(|(id, prepared)| (*id, prepared)).collect();
    for (message, prepared) in prepared.into_iter().filter(|(message, _)| !over.contains(message)) {
        let mut row = prepared_key(device, message);
        row.insert("said".to_owned(), packed(WRITING, prepared)?);
        row.insert("expires".to_owned(), expires(KEEP_PREPARED));
        puts.push(row);
    }
    let Some(left) = room.checked_sub(puts.len()) else {
        let error = format!("{} rows are too many for one transaction, which has room for {room}", puts.len());
        return Err(Fault { what: WRITING, error });
    };
    // Only a message with an attempt was prepared. A row that has no room in this transaction expires later.
    let tried = commit.finished.iter().filter(|entry| entry.attempts > 0).map(|entry| entry.notification.id);
    let tried: BTreeSet<Id> = tried.collect();
    let deletes = tried.into_iter().take(left).map(|message| prepared_key(device, message)).collect();
    Ok(OtherRows { puts, deletes })
}

/// Splits a list into parts that fit into a row.
fn parts<T: Serialize>(list: &[T]) -> Result<Vec<Vec<&T>>, Fault> {
    let mut parts: Vec<Vec<&T>> = Vec::new();
    let mut room = 0;
    for one in list {
        let length = json(WRITING, one)?.len() + 1;
        match parts.last_mut() {
            Some(part) if length <= room => part.push(one),
            _ => {
                parts.push(vec![one]);
                room = LONGEST_PART;
            }
        }
        room = room.saturating_sub(length);
    }
    Ok(parts)
}

/// Returns the size of a row in bytes, as DynamoDB counts it.
fn size(row: &Row) -> usize {
    let value = |value: &AttributeValue| match value {
        AttributeValue::S(text) | AttributeValue::N(text) => text.len(),
        AttributeValue::B(bytes) => bytes.as_ref().len(),
        _ => 1,
    };
    row.iter().map(|(name, content)| name.len() + value(content)).sum()
}

fn field<'r>(row: &'r Row, name: &str) -> Result<&'r AttributeValue, Fault> {
    row.get(name).ok_or_else(|| Fault { what: READING, error: format!("a row has no `{name}`") })
}

fn integer<T: std::str::FromStr>(row: &Row, name: &str) -> Result<T, Fault> {
    let number = field(row, name)?.as_n().ok().and_then(|number| number.parse().ok());
    number.ok_or_else(|| Fault {
        what: READING,
        error: format!("`{name}` of a row is no number of the kind it has to be"),
    })
}

fn time(row: &Row, name: &str) -> Result<Time, Fault> {
    integer(row, name).map(Time::from_millis)
}

/// Reads a device item.
pub(super) fn stored(row: &Row) -> Result<Stored, Fault> {
    let mut item: DeviceItem = unpacked(READING, field(row, "item")?)?;
    if let Some(outbox) = row.get("outbox") {
        item.outbox = unpacked(READING, outbox)?;
    }
    Ok(Stored { item, version: integer(row, "version")? })
}

/// Reads the JSON of an attribute.
pub(super) fn content<T: serde::de::DeserializeOwned>(row: &Row, name: &str) -> Result<T, Fault> {
    unpacked(READING, field(row, name)?)
}

/// Reads a row of the index.
pub(super) fn due(row: &Row) -> Result<Due, Fault> {
    let device = field(row, "pk")?.as_s().ok().and_then(|key| key.strip_prefix("device#"));
    let device = device.ok_or_else(|| Fault { what: READING, error: "a row of the index is no device".to_owned() })?;
    let armed = row.contains_key("armed").then(|| time(row, "armed")).transpose()?;
    Ok(Due { device: Name::new(device), at: time(row, "due")?, armed })
}

/// Returns the row of an entry in the suppression list.
pub(super) fn suppression_row(address: &str, suppression: &Suppression) -> Row {
    let mut row = suppression_key(address);
    row.insert("at".to_owned(), number(suppression.at.as_millis()));
    row.insert("text".to_owned(), text(&suppression.text));
    row
}

/// Reads an entry of the suppression list.
pub(super) fn suppression(row: &Row) -> Result<Suppression, Fault> {
    let text = field(row, "text")?.as_s().cloned().unwrap_or_default();
    Ok(Suppression { at: time(row, "at")?, text })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_spellings_of_an_address_are_one_entry_of_the_suppression_list() {
        let key = suppression_key("nor@xn--mller-kva.ch");
        for address in ["Nor@müller.ch", "nor@MÜLLER.ch", "NOR@XN--MLLER-KVA.CH"] {
            assert_eq!(suppression_key(address), key, "{address}");
        }
        assert_ne!(suppression_key("nor@mueller.ch"), key);
    }
}
