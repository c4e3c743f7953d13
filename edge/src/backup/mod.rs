//! Backups: a whole monitor in one file, and a monitor out of it.
//!
//! A backup is a tar of `config.toml`, `rules/`, `store/dag.redb` and, at the end, `manifest.json`, which has the hash
//! of each of them. It is written beside its place, read back, and gets its name when it is good.

mod archive;
mod contents;
mod make;
mod manifest;
mod restore;

pub(crate) use make::{Made, StoreFrom, make};
pub(crate) use restore::{Restored, restore};
