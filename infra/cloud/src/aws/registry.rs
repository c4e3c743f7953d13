//! The registry in the table, for the programs that change it: devices, the rules that they should run, and accounts.
//!
//! The consumer applies a change when it receives [`Event::registered`](crate::Event::registered) in the queue
//! `events`.

use std::collections::BTreeMap;

use aws_config::SdkConfig;
use aws_sdk_dynamodb::{
    operation::transact_write_items::TransactWriteItemsError,
    types::{Delete, TransactWriteItem},
};
use dag_engine::{Id, Name};
use dag_uplink::SignedRules;
use futures::{StreamExt as _, TryStreamExt as _};

use super::{
    dynamo::{Table, Unchanged, incomplete},
    error::fault,
    rows::{self, Row},
};
use crate::{
    registry::{Account, Registration, Signing},
    world::{CommitError, Fault, Store as _, Stored},
};

/// The most attempts of a change that conflicts with other writers.
const ATTEMPTS: usize = 10;

/// The most accounts that are read at the same time.
const AT_ONCE: usize = 16;

const READING: &str = "reading the registry";
const WRITING: &str = "writing the registry";

/// The registry of devices and accounts.
pub struct Registry {
    table: Table,
}

impl Registry {
    /// The registry in a table. Sends no request.
    pub fn new(sdk: &SdkConfig, table: &str) -> Registry {
        Registry { table: Table::new(sdk, table) }
    }

    /// Returns the registration of a device, with the addresses of its account.
    ///
    /// # Errors
    /// The table cannot be read.
    pub async fn registration(&self, device: &str) -> Result<Option<Registration>, Fault> {
        self.table.registration(device).await
    }

    /// Changes the registration of a device, and registers the device if it is new.
    ///
    /// `change` is repeated on the new registration if another writer changed it meanwhile, so that no change is lost.
    /// Returns the new registration without the addresses of the account, which the account stores.
    ///
    /// # Errors
    /// The table cannot be read or written, or every attempt conflicts with another writer.
    pub async fn change(&self, device: &str, mut change: impl FnMut(&mut Registration)) -> Result<Registration, Fault> {
        let key = rows::registration_key(device);
        for _ in 0..ATTEMPTS {
            let read = self.table.get(key.clone()).await?;
            let mut registration: Registration = match &read {
                Some(row) => rows::content(row, "registration")?,
                None => Registration::default(),
            };
            change(&mut registration);
            registration.account_emails.clear();
            if self.put(&key, "registration", &registration, read.as_ref()).await? {
                return Ok(registration);
            }
        }
        Err(contended(&format!("the device `{device}`")))
    }

    /// Returns every registration, as [`change`](Self::change) does.
    ///
    /// # Errors
    /// The table cannot be read.
    pub async fn devices(&self) -> Result<BTreeMap<Name, Registration>, Fault> {
        let rows = self.query(rows::FLEET, rows::DEVICES).await?;
        let device = |row: &Row| Ok((rows::registered(row)?, rows::content(row, "registration")?));
        rows.iter().map(device).collect()
    }

    /// Returns the consumer's item of a device, if the consumer knows the device.
    ///
    /// # Errors
    /// The table cannot be read.
    pub async fn item(&self, device: &str) -> Result<Option<Stored>, Fault> {
        self.table.load(device).await
    }

    /// Stores signed rules, so that the consumer can send them to devices.
    ///
    /// # Errors
    /// The rules are too large for a row, or the table cannot be written.
    pub async fn keep_rules(&self, rules: &SignedRules) -> Result<(), Fault> {
        self.put_row(rows::rules(rules)?).await
    }

    /// Returns the signed rules with this hash.
    ///
    /// # Errors
    /// The table cannot be read.
    pub async fn rules(&self, hash: Id) -> Result<Option<SignedRules>, Fault> {
        self.table.rules(hash).await
    }

    /// Returns the hash of the rules that the whole fleet should run. A new device starts with them.
    ///
    /// # Errors
    /// The table cannot be read.
    pub async fn desired_rules(&self) -> Result<Option<Id>, Fault> {
        let row = self.table.get(rows::desired_rules_key()).await?;
        row.map(|row| rows::content(&row, "rules")).transpose()
    }

    /// Sets the rules that the whole fleet should run. The desired rules of registered devices stay: they are for
    /// [`change`](Self::change).
    ///
    /// # Errors
    /// The table cannot be written.
    pub async fn set_desired_rules(&self, rules: Id) -> Result<(), Fault> {
        self.put_row(rows::desired_rules(rules)?).await
    }

    /// Returns the signature of the fleet's rules, or `None` if no rules were signed.
    ///
    /// # Errors
    /// The table cannot be read.
    pub async fn signing(&self) -> Result<Option<Signing>, Fault> {
        let row = self.table.get(rows::signing_key()).await?;
        row.map(|row| rows::content(&row, "signing")).transpose()
    }

    /// Replaces the signature of the fleet's rules if it is still `read`. Returns `false` if another writer changed it
    /// meanwhile.
    ///
    /// # Errors
    /// The table cannot be read or written.
    pub async fn set_signing(&self, signing: &Signing, read: Option<&Signing>) -> Result<bool, Fault> {
        let key = rows::signing_key();
        let row = self.table.get(key.clone()).await?;
        let here: Option<Signing> = row.as_ref().map(|row| rows::content(row, "signing")).transpose()?;
        Ok(here.as_ref() == read && self.put(&key, "signing", signing, row.as_ref()).await?)
    }

    /// Returns every account, in the order of the user names.
    ///
    /// # Errors
    /// The table cannot be read.
    pub async fn accounts(&self) -> Result<Vec<Account>, Fault> {
        let names = self.query(rows::ACCOUNTS, "").await?;
        let ids: Vec<String> = names.iter().map(|row| rows::plain(row, "account")).collect::<Result<_, _>>()?;
        let read = |id: String| async move { self.table.get(rows::account_key(&id)).await };
        let rows: Vec<Option<Row>> = futures::stream::iter(ids).map(read).buffered(AT_ONCE).try_collect().await?;
        // An account may have been removed meanwhile.
        rows.iter().flatten().map(|row| rows::content(row, "account")).collect()
    }

    /// Returns the account of a user name. Upper and lower case are the same.
    ///
    /// # Errors
    /// The table cannot be read.
    pub async fn account(&self, username: &str) -> Result<Option<Account>, Fault> {
        let row = self.account_row(username).await?;
        row.map(|row| rows::content(&row, "account")).transpose()
    }

    /// Adds an account. Returns `false` if its user name or its id is taken.
    ///
    /// # Errors
    /// The table cannot be written.
    pub async fn add_account(&self, account: &Account) -> Result<bool, Fault> {
        let mut name = rows::username_key(&account.username);
        name.insert("account".to_owned(), rows::text(account.id.as_str()));
        let row = rows::versioned(rows::account_key(&account.id), "account", account, 0)?;
        let free = Unchanged::since(0);
        let actions = [name, row].map(|row| self.table.item_action(row, free));
        self.transact(actions.into_iter().collect::<Result<_, _>>()?).await
    }

    /// Changes an account, but not its id and its user name. Returns the new account, or `None` if there is no such
    /// account.
    ///
    /// `change` is repeated on the new account if another writer changed it meanwhile.
    ///
    /// # Errors
    /// The table cannot be read or written, or every attempt conflicts with another writer.
    pub async fn change_account(
        &self,
        username: &str,
        mut change: impl FnMut(&mut Account),
    ) -> Result<Option<Account>, Fault> {
        for _ in 0..ATTEMPTS {
            let Some(read) = self.account_row(username).await? else { return Ok(None) };
            let before: Account = rows::content(&read, "account")?;
            let mut account = before.clone();
            change(&mut account);
            let account = Account { id: before.id, username: before.username, ..account };
            if self.put(&rows::account_key(&account.id), "account", &account, Some(&read)).await? {
                return Ok(Some(account));
            }
        }
        Err(contended(&format!("the account `{username}`")))
    }

    /// Removes an account. Returns it, or `None` if there is no such account. Its devices have no owner then.
    ///
    /// # Errors
    /// The table cannot be read or written, or every attempt conflicts with another writer.
    pub async fn remove_account(&self, username: &str) -> Result<Option<Account>, Fault> {
        for _ in 0..ATTEMPTS {
            let Some(read) = self.account_row(username).await? else { return Ok(None) };
            let account: Account = rows::content(&read, "account")?;
            let delete = |key: Row| {
                let delete = Delete::builder().table_name(&self.table.name).set_key(Some(key));
                delete.condition_expression("attribute_exists(pk)")
            };
            let name = delete(rows::username_key(username)).build().map_err(incomplete)?;
            let row = delete(rows::account_key(&account.id)).build().map_err(incomplete)?;
            let actions = [name, row].map(|delete| TransactWriteItem::builder().delete(delete).build());
            if self.transact(actions.to_vec()).await? {
                return Ok(Some(account));
            }
        }
        Err(contended(&format!("the account `{username}`")))
    }

    async fn account_row(&self, username: &str) -> Result<Option<Row>, Fault> {
        let Some(name) = self.table.get(rows::username_key(username)).await? else { return Ok(None) };
        self.table.get(rows::account_key(&rows::plain(&name, "account")?)).await
    }

    /// Puts the next version of a row. Returns `false` if another writer changed it since it was read.
    async fn put(
        &self,
        key: &Row,
        name: &str,
        content: &impl serde::Serialize,
        read: Option<&Row>,
    ) -> Result<bool, Fault> {
        let version = read.map(rows::version).transpose()?.unwrap_or(0);
        let row = rows::versioned(key.clone(), name, content, version)?;
        match self.table.put_item(row, Unchanged::since(version)).await {
            Ok(()) => Ok(true),
            Err(CommitError::Conflict) => Ok(false),
            Err(CommitError::Fault(fault)) => Err(fault),
            Err(other @ CommitError::Suppressed { .. }) => Err(Fault { what: WRITING, error: other.to_string() }),
        }
    }

    async fn put_row(&self, row: Row) -> Result<(), Fault> {
        let put = self.table.client.put_item().table_name(&self.table.name).set_item(Some(row)).send().await;
        put.map(|_| ()).map_err(|error| fault(WRITING, &error))
    }

    /// Makes a transaction. Returns `false` if a condition failed or another writer changed the same rows.
    async fn transact(&self, actions: Vec<TransactWriteItem>) -> Result<bool, Fault> {
        let sent = self.table.client.transact_write_items().set_transact_items(Some(actions)).send().await;
        let Err(error) = sent else { return Ok(true) };
        let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) = error.as_service_error() else {
            return Err(fault(WRITING, &error));
        };
        let ours = |code: &str| matches!(code, "None" | "ConditionalCheckFailed" | "TransactionConflict");
        match cancelled.cancellation_reasons().iter().filter_map(|reason| reason.code()).all(ours) {
            true => Ok(false),
            false => Err(fault(WRITING, &error)),
        }
    }

    /// Returns every row of a partition whose `sk` begins with `begins`.
    async fn query(&self, partition: &str, begins: &str) -> Result<Vec<Row>, Fault> {
        let query = self.table.client.query().table_name(&self.table.name).consistent_read(true);
        let query = query.expression_attribute_values(":pk", rows::text(partition));
        let query = match begins {
            "" => query.key_condition_expression("pk = :pk"),
            _ => query
                .key_condition_expression("pk = :pk AND begins_with(sk, :begins)")
                .expression_attribute_values(":begins", rows::text(begins)),
        };
        let mut rows = Vec::new();
        let mut after: Option<Row> = None;
        loop {
            let page = query.clone().set_exclusive_start_key(after.take()).send().await;
            let page = page.map_err(|error| fault(READING, &error))?;
            after = page.last_evaluated_key.filter(|key| !key.is_empty());
            rows.extend(page.items.unwrap_or_default());
            if after.is_none() {
                return Ok(rows);
            }
        }
    }
}

fn contended(what: &str) -> Fault {
    Fault { what: WRITING, error: format!("others keep changing {what}: try again") }
}
