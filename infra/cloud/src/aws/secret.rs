//! The stack's secret: AWS Secrets Manager. Its value is a JSON object, and each of its members is what a name like
//! `env:NAME` in `rules/` stands for.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use aws_config::SdkConfig;
use aws_sdk_secretsmanager::Client;
use dag_engine::{Address, Millis, Notification, SecretRef, Time};

use super::error::fault;
use crate::world::Fault;

/// A changed secret counts after so long.
const KEEP: Millis = Millis::new(300_000);

const READING: &str = "reading the stack's secret";

/// The secret, read when it is needed for the first time.
pub(super) struct Secret {
    client: Client,
    /// None where the stack has none.
    arn: Option<String>,
    held: Arc<Mutex<Held>>,
}

#[derive(Default)]
struct Held {
    entries: BTreeMap<String, String>,
    read_at: Option<Time>,
}

impl Secret {
    pub fn new(sdk: &SdkConfig, arn: Option<&str>) -> Self {
        Secret { client: Client::new(sdk), arn: arn.map(str::to_owned), held: Arc::default() }
    }

    /// What an entry holds, as it was read last.
    pub fn entries(&self) -> impl Fn(&str) -> Option<String> + Send + Sync + 'static {
        let held = self.held.clone();
        move |name| lock(&held).entries.get(name).cloned()
    }

    /// Sees to it that what a message needs is there. While it cannot be read again, what was read before counts: a
    /// service that is down for an hour stops no message.
    pub async fn ready_for(&self, notification: &Notification, now: Time) -> Result<(), Fault> {
        let needed = match &notification.address {
            Address::Webhook { secrets, .. } => secrets.iter().any(|secret| matches!(secret, SecretRef::Env(_))),
            Address::Email(_) => false,
        };
        let Some(arn) = self.arn.as_deref().filter(|_| needed) else { return Ok(()) };
        let read_at = lock(&self.held).read_at;
        if read_at.is_some_and(|at| now.since(at) < KEEP) {
            return Ok(());
        }
        match self.read(arn).await {
            Ok(entries) => {
                *lock(&self.held) = Held { entries, read_at: Some(now) };
                Ok(())
            }
            Err(fault) if read_at.is_some() => {
                tracing::warn!(%fault, "the secret that was read before is used");
                Ok(())
            }
            Err(fault) => Err(fault),
        }
    }

    async fn read(&self, arn: &str) -> Result<BTreeMap<String, String>, Fault> {
        let got = self.client.get_secret_value().secret_id(arn).send().await.map_err(|error| fault(READING, &error))?;
        // What is wrong is not told in the words of the parser, which may hold a part of the secret.
        let entries = serde_json::from_str(got.secret_string().unwrap_or_default());
        entries.map_err(|_| Fault {
            what: READING,
            error: "it is no JSON object of strings: set its entries by `dag-infra secret set NAME`".to_owned(),
        })
    }
}

fn lock(held: &Mutex<Held>) -> MutexGuard<'_, Held> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}
