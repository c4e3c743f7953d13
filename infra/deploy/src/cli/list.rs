//! `dag-infra list`: the fleet, a line for each device.

use std::fmt::Write as _;

use anyhow::Result;
use clap::Args;
use dag_engine::{Id, Time};

use super::common::{Common, with_cloud};
use crate::{
    fleet::{self, DeviceStatus},
    iot::Iot,
    words::visible,
};

#[derive(Debug, Args)]
pub(super) struct List {
    /// Count the active certificates of each device, which takes longer; a revoked device has none
    #[arg(long)]
    certificates: bool,
}

const HEAD: [&str; 7] = ["DEVICE", "NAME", "ACCOUNT", "LAST REPORT", "CONNECTION", "CERTIFICATES", "RULES"];

/// The index of the column of certificates, which is left out unless they were counted.
const CERTIFICATES: usize = 5;

/// The digits of the id of rules that are shown. They suffice to tell rules apart.
const DIGITS: usize = 12;

impl List {
    pub fn run(&self, common: &Common) -> Result<()> {
        with_cloud(common, async |_, cloud| {
            let outputs = cloud.outputs().await?;
            let iot = self.certificates.then(|| Iot::new(&cloud, &outputs)).transpose()?;
            let statuses = fleet::statuses(cloud.registry(&outputs)?, iot).await?;
            common.print(table(&statuses).trim_end(), &serde_json::to_value(&statuses)?)?;
            Ok(())
        })
    }
}

fn table(statuses: &[DeviceStatus]) -> String {
    if statuses.is_empty() {
        return "There are no devices yet: `dag-infra provision DEVICE` makes one".to_owned();
    }
    let mut rows: Vec<Vec<String>> = vec![HEAD.map(str::to_owned).to_vec()];
    rows.extend(statuses.iter().map(|status| row(status).to_vec()));
    if statuses.iter().all(|status| status.certificates.is_none()) {
        rows.iter_mut().for_each(|row| drop(row.remove(CERTIFICATES)));
    }
    let widths: [usize; HEAD.len()] = std::array::from_fn(|column| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or_default()
    });
    let mut text = String::new();
    for (index, row) in rows.iter().enumerate() {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(widths) {
            let _ = write!(line, "{cell:width$}  ");
        }
        let _ = writeln!(text, "{}", line.trim_end());
        let status = index.checked_sub(1).and_then(|index| statuses.get(index));
        if let Some(refused) = status.and_then(|status| status.refused.as_ref()) {
            // The reason is text of the device. It stays in one line, so that it cannot imitate the table.
            let reason = refused.reason.lines().collect::<Vec<_>>().join(" ");
            let _ = writeln!(text, "  refused {}: {}", short(refused.rules), visible(&reason));
        }
    }
    text
}

fn row(status: &DeviceStatus) -> [String; HEAD.len()] {
    let or_none = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    let connection = match (status.connected, status.since) {
        (Some(true), Some(since)) => format!("connected since {}", minute(since)),
        (Some(false), Some(since)) => format!("gone since {}", minute(since)),
        _ => "never heard of".to_owned(),
    };
    let rules = match (status.reported_rules, status.desired_rules) {
        (Some(reported), Some(desired)) if reported != desired => {
            format!("{}, should run {}", short(reported), short(desired))
        }
        (Some(rules), _) => short(rules),
        (None, Some(desired)) => format!("should run {}", short(desired)),
        (None, None) => "-".to_owned(),
    };
    [
        status.device.to_string(),
        or_none(status.name.as_deref().map(visible)),
        or_none(status.account.as_deref().map(visible)),
        status.last_contact.map_or_else(|| "never".to_owned(), minute),
        connection,
        or_none(status.certificates.map(|count| count.to_string())),
        rules,
    ]
}

fn short(rules: Id) -> String {
    rules.to_string().chars().take(DIGITS).collect()
}

/// Returns a time in UTC, to the minute: `2026-01-10 12:00Z`.
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
        let cottage = DeviceStatus {
            device: Name::new("cottage"),
            name: Some("Nor's \"hut\"".to_owned()),
            account: Some("nor".to_owned()),
            last_contact: Some(noon),
            connected: Some(true),
            since: Some(noon),
            reported_rules: rules(b"old"),
            desired_rules: rules(b"new"),
            refused: Some(RefusedRules::new(Id::of(&[b"new"]), "broken\n\u{1b}[2Jnew".to_owned())),
            certificates: None,
        };
        let barn = DeviceStatus {
            device: Name::new("barn"),
            name: None,
            account: None,
            last_contact: None,
            connected: None,
            since: None,
            reported_rules: None,
            desired_rules: None,
            refused: None,
            certificates: None,
        };
        let counted = [
            DeviceStatus { certificates: Some(0), ..barn.clone() },
            DeviceStatus { certificates: Some(2), ..cottage.clone() },
        ];
        insta::assert_snapshot!(table(&counted), @r#"
        DEVICE   NAME         ACCOUNT  LAST REPORT        CONNECTION                         CERTIFICATES  RULES
        barn     -            -        never              never heard of                     0             -
        cottage  Nor's "hut"  nor      2026-01-10 12:00Z  connected since 2026-01-10 12:00Z  2             600216153fa9, should run fa09f48e5746
          refused fa09f48e5746: broken \u{1b}[2Jnew
        "#);
        insta::assert_snapshot!(table(&[barn, cottage]), @r#"
        DEVICE   NAME         ACCOUNT  LAST REPORT        CONNECTION                         RULES
        barn     -            -        never              never heard of                     -
        cottage  Nor's "hut"  nor      2026-01-10 12:00Z  connected since 2026-01-10 12:00Z  600216153fa9, should run fa09f48e5746
          refused fa09f48e5746: broken \u{1b}[2Jnew
        "#);
        insta::assert_snapshot!(table(&[]), @"There are no devices yet: `dag-infra provision DEVICE` makes one");
    }
}
