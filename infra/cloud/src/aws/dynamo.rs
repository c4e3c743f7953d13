//! The table: Amazon DynamoDB.

use aws_config::SdkConfig;
use aws_sdk_dynamodb::{
    Client,
    error::SdkError,
    operation::{put_item::PutItemError, transact_write_items::TransactWriteItemsError},
    types::{CancellationReason, ConditionCheck, Delete, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem},
};
use dag_delivery::MessageContent;
use dag_engine::{Decision, Id, Time};
use dag_uplink::SignedRules;

use super::{
    error::{describe_error, fault},
    rows::{self, Row},
};
use crate::{
    registry::{Account, Registration},
    world::{Commit, CommitError, Due, Fault, Store, Stored, Suppression},
};

/// The most actions in one transaction (Amazon DynamoDB, "Quotas and limits").
const MOST_ACTIONS: usize = 100;

/// The most devices of a shard in one sweep. The longest overdue come first, and the others wait for the next sweep.
/// The number is high because a fleet of 100,000 devices whose mains fail together escalates together, too.
const MOST_DUE: usize = 10_000;

/// The name of the index of deadlines.
const DUE: &str = "due";

const READING: &str = "reading the table";
const WRITING: &str = "writing the table";

/// The table.
pub struct Table {
    pub(super) client: Client,
    pub(super) name: String,
}

/// The condition that a row was not written since it was read.
#[derive(Clone, Copy)]
pub(super) struct Unchanged {
    pub expression: &'static str,
    pub read: Option<u64>,
}

impl Unchanged {
    pub fn since(version: u64) -> Self {
        match version {
            0 => Unchanged { expression: "attribute_not_exists(pk)", read: None },
            _ => Unchanged { expression: "#version = :read", read: Some(version) },
        }
    }
}

impl Table {
    /// The table of this name. Sends no request.
    pub fn new(sdk: &SdkConfig, name: &str) -> Self {
        Table { client: Client::new(sdk), name: name.to_owned() }
    }

    pub(super) async fn get(&self, key: Row) -> Result<Option<Row>, Fault> {
        let got = self.client.get_item().table_name(&self.name).set_key(Some(key)).consistent_read(true).send().await;
        Ok(got.map_err(|error| fault(READING, &error))?.item)
    }

    pub(super) fn item_action(&self, item: Row, unchanged: Unchanged) -> Result<TransactWriteItem, Fault> {
        let mut put =
            Put::builder().table_name(&self.name).set_item(Some(item)).condition_expression(unchanged.expression);
        if let Some(read) = unchanged.read {
            put = put
                .expression_attribute_names("#version", "version")
                .expression_attribute_values(":read", rows::number(read));
        }
        Ok(TransactWriteItem::builder().put(put.build().map_err(incomplete)?).build())
    }

    fn check_action(&self, key: Row) -> Result<TransactWriteItem, Fault> {
        let check = ConditionCheck::builder()
            .table_name(&self.name)
            .set_key(Some(key))
            .condition_expression("attribute_not_exists(pk)")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        Ok(TransactWriteItem::builder().condition_check(check.build().map_err(incomplete)?).build())
    }

    pub(super) async fn put_item(&self, item: Row, unchanged: Unchanged) -> Result<(), CommitError> {
        let mut put = self
            .client
            .put_item()
            .table_name(&self.name)
            .set_item(Some(item))
            .condition_expression(unchanged.expression);
        if let Some(read) = unchanged.read {
            put = put
                .expression_attribute_names("#version", "version")
                .expression_attribute_values(":read", rows::number(read));
        }
        match put.send().await {
            Ok(_) => Ok(()),
            // The other writer may be an earlier attempt of this request whose answer was lost. Then the step is
            // repeated, and changes nothing.
            Err(error) => Err(match error.as_service_error() {
                Some(
                    PutItemError::ConditionalCheckFailedException(_) | PutItemError::TransactionConflictException(_),
                ) => CommitError::Conflict,
                _ => CommitError::Fault(fault(WRITING, &error)),
            }),
        }
    }

    /// Returns the decisions about a device from `from` to before `until`, in their order.
    ///
    /// # Errors
    /// The table cannot be read.
    pub async fn decisions(&self, device: &str, from: Time, until: Time) -> Result<Vec<Decision>, Fault> {
        let query = self
            .client
            .query()
            .table_name(&self.name)
            .key_condition_expression("pk = :pk AND sk BETWEEN :from AND :until")
            .expression_attribute_values(":pk", rows::text(rows::partition(device)))
            .expression_attribute_values(":from", rows::text(rows::decisions_at(from)))
            .expression_attribute_values(":until", rows::text(rows::decisions_at(until)));
        let mut decisions = Vec::new();
        let mut after: Option<Row> = None;
        loop {
            let page = query.clone().set_exclusive_start_key(after.take()).send().await;
            let page = page.map_err(|error| fault("reading decisions", &error))?;
            for row in page.items() {
                decisions.extend(rows::content::<Vec<Decision>>(row, "decisions")?);
            }
            after = page.last_evaluated_key.filter(|key| !key.is_empty());
            if after.is_none() {
                return Ok(decisions);
            }
        }
    }
}

impl Store for Table {
    async fn load(&self, device: &str) -> Result<Option<Stored>, Fault> {
        self.get(rows::item_key(device)).await?.as_ref().map(rows::stored).transpose()
    }

    async fn prepared(&self, device: &str, message: Id) -> Result<Option<MessageContent>, Fault> {
        let row = self.get(rows::prepared_key(device, message)).await?;
        row.map(|row| rows::content(&row, "said")).transpose()
    }

    async fn registration(&self, device: &str) -> Result<Option<Registration>, Fault> {
        let Some(row) = self.get(rows::registration_key(device)).await? else { return Ok(None) };
        let mut registration: Registration = rows::content(&row, "registration")?;
        if let Some(account) = &registration.account
            && let Some(row) = self.get(rows::account_key(account)).await?
        {
            registration.account_emails = rows::content::<Account>(&row, "account")?.emails;
        }
        Ok(Some(registration))
    }

    async fn rules(&self, hash: Id) -> Result<Option<SignedRules>, Fault> {
        let row = self.get(rows::rules_key(hash)).await?;
        row.map(|row| rows::content(&row, "rules")).transpose()
    }

    /// Makes one request: a transaction, or a simple write where only the item changes.
    async fn commit(&self, commit: &Commit) -> Result<(), CommitError> {
        let item = rows::device(commit)?;
        // The suppression list has one row for all spellings of an address.
        let mut checked: Vec<(Row, &str)> = Vec::new();
        for address in &commit.unsuppressed {
            let key = rows::suppression_key(address);
            if !checked.iter().any(|(known, _)| *known == key) {
                checked.push((key, address));
            }
        }
        let room = MOST_ACTIONS.checked_sub(1 + checked.len()).ok_or_else(|| Fault {
            what: WRITING,
            error: format!("{} addresses are too many for one transaction", checked.len()),
        })?;
        let others = rows::other_rows(commit, room)?;
        let unchanged = Unchanged::since(commit.version);
        if checked.is_empty() && others.puts.is_empty() && others.deletes.is_empty() {
            return self.put_item(item, unchanged).await;
        }
        let mut actions = vec![self.item_action(item, unchanged)?];
        for (key, _) in &checked {
            actions.push(self.check_action(key.clone())?);
        }
        for row in others.puts {
            let put = Put::builder().table_name(&self.name).set_item(Some(row)).build().map_err(incomplete)?;
            actions.push(TransactWriteItem::builder().put(put).build());
        }
        for key in others.deletes {
            let delete = Delete::builder().table_name(&self.name).set_key(Some(key)).build().map_err(incomplete)?;
            actions.push(TransactWriteItem::builder().delete(delete).build());
        }
        // The SDK adds a client request token, so that a transaction that it retries is made once.
        let sent = self.client.transact_write_items().set_transact_items(Some(actions)).send().await;
        sent.map(|_| ()).map_err(|error| cancelled(&error, commit, &checked))
    }

    async fn due(&self, shard: u8, until: Time) -> Result<Vec<Due>, Fault> {
        let query = self
            .client
            .query()
            .table_name(&self.name)
            .index_name(DUE)
            .key_condition_expression("#shard = :shard AND #due <= :until")
            .expression_attribute_names("#shard", "shard")
            .expression_attribute_names("#due", "due")
            .expression_attribute_values(":shard", rows::number(shard))
            .expression_attribute_values(":until", rows::number(until.as_millis()));
        let mut due = Vec::new();
        let mut after: Option<Row> = None;
        while due.len() < MOST_DUE {
            let left = i32::try_from(MOST_DUE - due.len()).unwrap_or(i32::MAX);
            let page = query.clone().limit(left).set_exclusive_start_key(after.take()).send().await;
            let page = page.map_err(|error| fault("reading what is due", &error))?;
            for row in page.items() {
                due.push(rows::due(row)?);
            }
            after = page.last_evaluated_key.filter(|key| !key.is_empty());
            if after.is_none() {
                break;
            }
        }
        Ok(due)
    }

    async fn suppress(&self, address: &str, suppression: &Suppression) -> Result<(), Fault> {
        let row = rows::suppression_row(address, suppression);
        let put = self.client.put_item().table_name(&self.name).set_item(Some(row)).send().await;
        put.map(|_| ()).map_err(|error| fault("adding an address to the suppression list", &error))
    }
}

pub(super) fn incomplete(error: impl std::fmt::Display) -> Fault {
    Fault { what: WRITING, error: error.to_string() }
}

/// Returns why a transaction was not made. The reasons are in the order of the actions: the item, the addresses, the
/// rest.
fn cancelled<R: std::fmt::Debug>(
    error: &SdkError<TransactWriteItemsError, R>,
    commit: &Commit,
    checked: &[(Row, &str)],
) -> CommitError {
    let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) = error.as_service_error() else {
        return CommitError::Fault(fault(WRITING, error));
    };
    let reasons = cancelled.cancellation_reasons();
    let is = |reason: &CancellationReason, code: &str| reason.code() == Some(code);
    let failed = |reason: &CancellationReason| is(reason, "ConditionalCheckFailed");
    if reasons.first().is_some_and(failed) {
        return CommitError::Conflict;
    }
    for ((_, address), reason) in checked.iter().zip(reasons.iter().skip(1)) {
        if failed(reason) {
            // An entry that cannot be read suppresses all the same.
            let suppression = reason.item().and_then(|row| rows::suppression(row).ok());
            let suppression =
                suppression.unwrap_or_else(|| Suppression { at: commit.at, text: "no reason is kept".to_owned() });
            return CommitError::Suppressed { address: (*address).to_owned(), suppression };
        }
    }
    let others = |reason: &&CancellationReason| reason.code().is_some_and(|code| code != "None");
    if reasons.iter().filter(others).all(|reason| is(reason, "TransactionConflict"))
        && reasons.iter().any(|reason| is(reason, "TransactionConflict"))
    {
        return CommitError::Conflict;
    }
    let why = reasons.iter().filter(others).map(|reason| {
        format!("{} {}", reason.code().unwrap_or_default(), reason.message().unwrap_or_default()).trim_end().to_owned()
    });
    let why: Vec<String> = why.collect();
    CommitError::Fault(Fault { what: WRITING, error: format!("{} ({})", describe_error(error), why.join("; ")) })
}
