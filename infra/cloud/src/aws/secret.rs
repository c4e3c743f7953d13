//! The stack's secret: AWS Secrets Manager. Its value is a JSON object. The member `NAME` is the value of `env:NAME` in
//! `rules/`.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use aws_config::SdkConfig;
use aws_sdk_secretsmanager::Client;
use dag_engine::{Address, Millis, Notification, SecretRef, Time};

use super::error::fault;
use crate::world::Fault;

/// How long the entries are used before they are read again, in milliseconds.
const TIME_TO_LIVE: Millis = Millis::new(300_000);

const READING: &str = "reading the stack's secret";

/// The secret. It is read when a message needs it for the first time.
pub(super) struct Secret {
    client: Client,
    /// `None` if the stack has no secret.
    arn: Option<String>,
    cache: Arc<Mutex<Cache>>,
}

#[derive(Default)]
struct Cache {
    entries: BTreeMap<String, String>,
    read_at: Option<Time>,
}

impl Secret {
    pub fn new(sdk: &SdkConfig, arn: Option<&str>) -> Self {
        Secret { client: Client::new(sdk), arn: arn.map(str::to_owned), cache: Arc::default() }
    }

    /// Returns a function that looks an entry up in the cache.
    pub fn entries(&self) -> impl Fn(&str) -> Option<String> + Send + Sync + 'static {
        let cache = self.cache.clone();
        move |name| lock(&cache).entries.get(name).cloned()
    }

    /// Reads the secret if the message needs it and the cache is too old. If it cannot be read again, the old entries
    /// are used, so that an outage of the service stops no message.
    pub async fn refresh_for(&self, notification: &Notification, now: Time) -> Result<(), Fault> {
        let needed = match &notification.address {
            Address::Webhook { secrets, .. } => secrets.iter().any(|secret| matches!(secret, SecretRef::Env(_))),
            Address::Email(_) => false,
        };
        let Some(arn) = self.arn.as_deref().filter(|_| needed) else { return Ok(()) };
        let read_at = lock(&self.cache).read_at;
        if read_at.is_some_and(|at| now.since(at) < TIME_TO_LIVE) {
            return Ok(());
        }
        match self.read(arn).await {
            Ok(entries) => {
                *lock(&self.cache) = Cache { entries, read_at: Some(now) };
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
        // The parser's error is left out, because it may contain a part of the secret.
        let entries = serde_json::from_str(got.secret_string().unwrap_or_default());
        entries.map_err(|_| Fault {
            what: READING,
            error: "it is no JSON object of strings: set its entries by `dag-infra secret set NAME`".to_owned(),
        })
    }
}

fn lock(cache: &Mutex<Cache>) -> MutexGuard<'_, Cache> {
    cache.lock().unwrap_or_else(PoisonError::into_inner)
}
