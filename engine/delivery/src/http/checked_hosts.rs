//! The hosts of one check: each is looked up once, however many receivers it has.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::OnceCell;
use url::Url;

use super::HttpClient;
use crate::Failure;

/// The hosts of a check, each with its result once that is known.
#[derive(Debug, Default)]
pub(crate) struct CheckedHosts(Mutex<BTreeMap<String, Arc<HostResult>>>);

type HostResult = OnceCell<Result<(), Failure>>;

impl CheckedHosts {
    /// Checks that the host of `url` may be called, as [`HttpClient::check`] does. The result of an earlier call, or of
    /// one that is under way, is that of a later one.
    ///
    /// # Errors
    /// As for [`HttpClient::check`].
    pub async fn check(&self, http: &HttpClient, url: &Url) -> Result<(), Failure> {
        self.result_of(url.host_str().unwrap_or_default(), || http.check(url)).await
    }

    async fn result_of<F: Future<Output = Result<(), Failure>>>(
        &self,
        host: &str,
        check: impl FnOnce() -> F,
    ) -> Result<(), Failure> {
        let result = {
            let mut hosts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(hosts.entry(host.to_owned()).or_default())
        };
        result.get_or_init(check).await.clone()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[tokio::test]
    async fn a_host_is_looked_up_once() {
        let (hosts, lookups) = (CheckedHosts::default(), Cell::new(0));
        let check = |host: &'static str| {
            let lookups = &lookups;
            hosts.result_of(host, move || async move {
                lookups.set(lookups.get() + 1);
                tokio::task::yield_now().await;
                Err(Failure::later(format!("{host} has no address")))
            })
        };
        let (first, second, other) = tokio::join!(check("a.example"), check("a.example"), check("b.example"));
        assert_eq!(first.unwrap_err().to_string(), "a.example has no address");
        assert_eq!(second.unwrap_err().to_string(), "a.example has no address");
        assert_eq!(other.unwrap_err().to_string(), "b.example has no address");
        assert_eq!(lookups.get(), 2);
    }
}
