//! The fleet, as the registry and the consumer know it.

use std::{collections::BTreeMap, sync::Arc};

use anyhow::Result;
use dag_cloud::{Registration, aws::Registry};
use dag_engine::{Id, Name, Time};
use dag_uplink::RefusedRules;
use serde::Serialize;
use tokio::task::JoinSet;

use crate::iot::Iot;

/// So many devices are read at a time: a large fleet takes a while, and must not take the table from the consumer.
const AT_A_TIME: usize = 32;

/// One device of the fleet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Member {
    pub device: Name,
    pub name: Option<String>,
    /// The user name of its account; the id of one that is gone.
    pub account: Option<String>,
    /// When its last report came.
    pub last_contact: Option<Time>,
    pub connected: Option<bool>,
    /// Since when it is connected, or is not.
    pub since: Option<Time>,
    /// What names the rules that it runs.
    pub rules: Option<Id>,
    /// What names those that it should run.
    pub wanted: Option<Id>,
    /// What it was sent and did not take.
    pub refused: Option<RefusedRules>,
    /// How many certificates let it in, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificates: Option<usize>,
}

/// Everybody, in the order of the ids. Certificates are counted where there is `iot` to ask: that is two calls a device
/// more, and one for each certificate.
///
/// # Errors
/// The table or AWS IoT cannot be read.
pub(crate) async fn members(registry: Registry, iot: Option<Iot>) -> Result<Vec<Member>> {
    let accounts = registry.accounts().await?;
    let accounts: BTreeMap<Name, String> = accounts.into_iter().map(|account| (account.id, account.username)).collect();
    let clients = Arc::new((registry, iot));
    let mut reading = JoinSet::new();
    let mut members = Vec::new();
    for (device, registration) in clients.0.devices().await? {
        if reading.len() >= AT_A_TIME
            && let Some(read) = reading.join_next().await
        {
            members.push(read??);
        }
        let account = registration.account.as_ref().map(|id| accounts.get(id).cloned().unwrap_or(id.to_string()));
        let clients = clients.clone();
        reading.spawn(async move {
            let certificates = match &clients.1 {
                Some(iot) => Some(iot.active_certificates(&device).await?),
                None => None,
            };
            let member = member(&clients.0, device, registration, account).await?;
            Ok::<_, anyhow::Error>(Member { certificates, ..member })
        });
    }
    while let Some(read) = reading.join_next().await {
        members.push(read??);
    }
    members.sort_by(|a, b| a.device.cmp(&b.device));
    Ok(members)
}

async fn member(
    registry: &Registry,
    device: Name,
    registration: Registration,
    account: Option<String>,
) -> Result<Member> {
    let item = registry.item(&device).await?.map(|stored| stored.item);
    let state = item.as_ref().and_then(|item| item.presence.state());
    Ok(Member {
        device,
        name: registration.name,
        account,
        last_contact: item.as_ref().and_then(|item| item.heard_at),
        connected: state.map(|(connected, _)| connected),
        since: state.map(|(_, since)| since),
        rules: item.as_ref().and_then(|item| item.reported_rules),
        wanted: registration.desired_rules,
        refused: item.and_then(|item| item.refused),
        certificates: None,
    })
}
