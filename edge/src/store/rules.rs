//! The last good rules: what a boot with broken files runs on.

use dag_engine::Id;
use redb::WriteTransaction;

use super::{
    error::TransactionError,
    tables::{Meta, RULES},
};

/// The rules that were in force last: the files as they were read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GoodRules {
    /// The hash that names them in decisions.
    pub hash: Id,
    /// Content by path below the rules' folder, in the order of the paths.
    pub files: Vec<(String, Vec<u8>)>,
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
