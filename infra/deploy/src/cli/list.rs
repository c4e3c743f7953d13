//! `dag-infra list`: the fleet, one line a device.

use std::fmt::Write as _;

use clap::Args;
use dag_cloud::aws::Registry;
use dag_engine::{Id, Time};

use super::{Common, Done};
use crate::{
    fleet::{self, Member},
    template::Output,
};

#[derive(Debug, Args)]
pub(super) struct List {}

const HEAD: [&str; 6] = ["DEVICE", "NAME", "ACCOUNT", "LAST REPORT", "CONNECTION", "RULES"];

/// So many digits of what names rules tell them apart.
const DIGITS: usize = 12;

impl List {
    pub fn run(&self, common: &Common) -> Done {
        common.with_cloud(async |_, cloud| {
            let outputs = cloud.outputs().await?;
            let members = fleet::members(Registry::new(&cloud.sdk, outputs.get(Output::Table)?)).await?;
            common.print(table(&members).trim_end(), &serde_json::to_value(&members)?);
            Ok(())
        })
    }
}

fn table(members: &[Member]) -> String {
    if members.is_empty() {
        return "there are no devices yet: `dag-infra provision DEVICE` makes one".to_owned();
    }
    let rows: Vec<[String; 6]> = std::iter::once(HEAD.map(str::to_owned)).chain(members.iter().map(row)).collect();
    let widths: [usize; 6] = std::array::from_fn(|column| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or_default()
    });
    let mut text = String::new();
    for (index, row) in rows.iter().enumerate() {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(widths) {
            let _ = write!(line, "{cell:width$}  ");
        }
        let _ = writeln!(text, "{}", line.trim_end());
        let member = index.checked_sub(1).and_then(|index| members.get(index));
        if let Some(refused) = member.and_then(|member| member.refused.as_ref()) {
            // What a device says is not ours: no line of it may look like one of the table.
            let reason = refused.reason.lines().collect::<Vec<_>>().join(" ");
            let _ = writeln!(text, "  refused {}: {}", short(refused.rules), reason.escape_debug());
        }
    }
    text
}

fn row(member: &Member) -> [String; 6] {
    let or_none = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    let connection = match (member.connected, member.since) {
        (Some(true), Some(since)) => format!("connected since {}", minute(since)),
        (Some(false), Some(since)) => format!("gone since {}", minute(since)),
        _ => "never heard of".to_owned(),
    };
    let rules = match (member.rules, member.wanted) {
        (Some(rules), Some(wanted)) if rules != wanted => format!("{}, should run {}", short(rules), short(wanted)),
        (Some(rules), _) => short(rules),
        (None, Some(wanted)) => format!("should run {}", short(wanted)),
        (None, None) => "-".to_owned(),
    };
    [
        member.device.to_string(),
        or_none(member.name.as_ref().map(|name| name.escape_debug().to_string())),
        or_none(member.account.clone()),
        member.last_contact.map_or_else(|| "never".to_owned(), minute),
        connection,
        rules,
    ]
}

fn short(rules: Id) -> String {
    rules.to_string().chars().take(DIGITS).collect()
}

/// A time in UTC, to the minute: `2026-01-10 12:00Z`.
fn minute(time: Time) -> String {
    let text = time.to_string();
    text.get(..16).map_or(text.clone(), |minute| format!("{}Z", minute.replace('T', " ")))
}

#[cfg(test)]
mod tests {
    use dag_engine::Name;
    use dag_uplink::RefusedRules;

    use super::*;

    #[test]
    fn the_fleet_is_a_table() {
        let noon = Time::from_millis(1_768_046_400_000);
        let rules = |name: &[u8]| Some(Id::of(&[name]));
        let cottage = Member {
            device: Name::new("cottage"),
            name: Some("Cottage".to_owned()),
            account: Some("nor".to_owned()),
            last_contact: Some(noon),
            connected: Some(true),
            since: Some(noon),
            rules: rules(b"old"),
            wanted: rules(b"new"),
            refused: Some(RefusedRules::new(Id::of(&[b"new"]), "broken\n\u{1b}[2Jnew".to_owned())),
        };
        let barn = Member {
            device: Name::new("barn"),
            name: None,
            account: None,
            last_contact: None,
            connected: None,
            since: None,
            rules: None,
            wanted: None,
            refused: None,
        };
        insta::assert_snapshot!(table(&[barn, cottage]), @r"
        DEVICE   NAME     ACCOUNT  LAST REPORT        CONNECTION                         RULES
        barn     -        -        never              never heard of                     -
        cottage  Cottage  nor      2026-01-10 12:00Z  connected since 2026-01-10 12:00Z  600216153fa9, should run fa09f48e5746
          refused fa09f48e5746: broken \u{1b}[2Jnew
        ");
        insta::assert_snapshot!(table(&[]), @"there are no devices yet: `dag-infra provision DEVICE` makes one");
    }
}
