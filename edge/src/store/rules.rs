//! The last good rules. A boot with broken files runs on them.

use dag_engine::Id;
use redb::{Database, ReadableDatabase, ReadableTable, WriteTransaction};

use super::{
    error::TransactionError,
    meta::{META, Meta},
    tables::RULES,
};

/// The rules that were last in force: their files as they were read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GoodRules {
    /// The hash that names the rules in decisions.
    pub hash: Id,
    /// Path below the folder of rules, and content, in the order of the paths.
    pub files: Vec<(String, Vec<u8>)>,
}

pub(super) fn load(database: &Database) -> Result<Option<GoodRules>, TransactionError> {
    let reading = database.begin_read()?;
    let Some(hash) = Meta::of(&reading.open_table(META)?)?.rules else { return Ok(None) };
    let mut files = Vec::new();
    for row in reading.open_table(RULES)?.iter()? {
        let (path, content) = row?;
        files.push((path.value().to_owned(), content.value().to_vec()));
    }
    Ok(Some(GoodRules { hash, files }))
}

pub(super) fn replace(
    transaction: &WriteTransaction,
    meta: &mut Meta,
    rules: &GoodRules,
) -> Result<(), TransactionError> {
    let mut table = transaction.open_table(RULES)?;
    table.retain(|_, _| false)?;
    for (path, content) in &rules.files {
        table.insert(path.as_str(), content.as_slice())?;
    }
    meta.rules = Some(rules.hash);
    Ok(())
}
