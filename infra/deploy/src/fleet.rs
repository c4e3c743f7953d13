//! The state of the fleet in the registry and in the items of the consumer.

use std::{collections::BTreeMap, sync::Arc};

use anyhow::Result;
use dag_cloud::{Registration, aws::Registry};
use dag_engine::{Id, Name, Time};
use dag_uplink::RefusedRules;
use serde::Serialize;
use tokio::task::JoinSet;

use crate::iot::Iot;

/// The most devices that are read at the same time. A large fleet must leave capacity of the table to the consumer.
const AT_A_TIME: usize = 32;

/// The present state of a device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct DeviceStatus {
    pub device: Name,
    pub name: Option<String>,
    /// The user name of its account, or the id of an account that was removed.
    pub account: Option<String>,
    /// The time of its last report.
    pub last_contact: Option<Time>,
    pub connected: Option<bool>,
    /// The time of the last change of `connected`.
    pub since: Option<Time>,
    /// The id of the rules that it runs.
    #[serde(rename = "rules")]
    pub reported_rules: Option<Id>,
    /// The id of the rules that it should run.
    #[serde(rename = "wanted")]
    pub desired_rules: Option<Id>,
    /// The rules that it refused, with its reason.
    pub refused: Option<RefusedRules>,
    /// The number of its active certificates, if they were counted.
    #[serde(skip_serializing_if = "dag_engine::is_default")]
    pub certificates: Option<usize>,
}

/// Returns every device, in the order of the ids. With `iot` it counts certificates, which takes two more calls for
/// each device and one for each certificate.
///
/// # Errors
/// The table or AWS IoT cannot be read.
pub(crate) async fn statuses(registry: Registry, iot: Option<Iot>) -> Result<Vec<DeviceStatus>> {
    let accounts = registry.accounts().await?;
    let accounts: BTreeMap<Name, String> = accounts.into_iter().map(|account| (account.id, account.username)).collect();
    let clients = Arc::new((registry, iot));
    let mut reading = JoinSet::new();
    let mut statuses = Vec::new();
    for (device, registration) in clients.0.devices().await? {
        if reading.len() >= AT_A_TIME
            && let Some(read) = reading.join_next().await
        {
            statuses.push(read??);
        }
        let account = registration.account.as_ref().map(|id| accounts.get(id).cloned().unwrap_or(id.to_string()));
        let clients = clients.clone();
        reading.spawn(async move {
            let certificates = match &clients.1 {
                Some(iot) => Some(iot.count_active(&device).await?),
                None => None,
            };
            let status = read_status(&clients.0, device, registration, account).await?;
            Ok::<_, anyhow::Error>(DeviceStatus { certificates, ..status })
        });
    }
    while let Some(read) = reading.join_next().await {
        statuses.push(read??);
    }
    statuses.sort_by(|a, b| a.device.cmp(&b.device));
    Ok(statuses)
}

async fn read_status(
    registry: &Registry,
    device: Name,
    registration: Registration,
    account: Option<String>,
) -> Result<DeviceStatus> {
    let item = registry.item(&device).await?.map(|stored| stored.item);
    let state = item.as_ref().and_then(|item| item.presence.state());
    Ok(DeviceStatus {
        device,
        name: registration.name,
        account,
        last_contact: item.as_ref().and_then(|item| item.last_report_at),
        connected: state.map(|(connected, _)| connected),
        since: state.map(|(_, since)| since),
        reported_rules: item.as_ref().and_then(|item| item.reported_rules),
        desired_rules: registration.desired_rules,
        refused: item.and_then(|item| item.refused_rules),
        certificates: None,
    })
}
