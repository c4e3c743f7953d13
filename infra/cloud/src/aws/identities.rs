//! The addresses that SES's sandbox sends to: those that are verified with SES, or whose domain is.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use aws_sdk_sesv2::{Client, operation::get_email_identity::GetEmailIdentityError};
use tokio::time::Instant;

use super::error::describe_error;

/// How long an answer of SES is used. A person who has just confirmed an address waits at most this long.
const TIME_TO_LIVE: Duration = Duration::from_secs(300);

/// The most answers in the cache.
const MOST_ANSWERS: usize = 1_000;

/// A cache of SES's answers: SES allows one `GetEmailIdentity` request per second.
#[derive(Default)]
pub(super) struct IdentityCache(Mutex<BTreeMap<String, (Instant, bool)>>);

impl IdentityCache {
    /// Returns whether the sandbox sends to an address. If SES cannot say, the answer is yes: SES itself refuses the
    /// mail if it must.
    pub async fn is_verified(&self, client: &Client, address: &str) -> bool {
        if self.identity(client, address).await {
            return true;
        }
        match address.rsplit_once('@') {
            Some((_, domain)) => self.identity(client, domain).await,
            None => false,
        }
    }

    async fn identity(&self, client: &Client, identity: &str) -> bool {
        if let Some(known) = self.known(identity, Instant::now()) {
            return known;
        }
        let verified = match client.get_email_identity().email_identity(identity).send().await {
            Ok(identity) => identity.verified_for_sending_status(),
            Err(error) => match error.as_service_error() {
                Some(GetEmailIdentityError::NotFoundException(_)) => false,
                _ => {
                    tracing::warn!(
                        identity,
                        error = describe_error(&error),
                        "cannot find out whether this identity is verified with SES"
                    );
                    return true;
                }
            },
        };
        self.keep(identity, verified, Instant::now());
        verified
    }

    fn known(&self, identity: &str, now: Instant) -> Option<bool> {
        let answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, verified) = answers.get(identity)?;
        (now.duration_since(*since) < TIME_TO_LIVE).then_some(*verified)
    }

    fn keep(&self, identity: &str, verified: bool, now: Instant) {
        let mut answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if answers.len() >= MOST_ANSWERS {
            answers.retain(|_, (since, _)| now.duration_since(*since) < TIME_TO_LIVE);
        }
        if answers.len() >= MOST_ANSWERS {
            let oldest = answers.iter().min_by_key(|(_, (since, _))| *since).map(|(identity, _)| identity.clone());
            oldest.and_then(|oldest| answers.remove(&oldest));
        }
        answers.insert(identity.to_owned(), (now, verified));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_expire_and_the_cache_is_bounded() {
        let (cache, now) = (IdentityCache::default(), Instant::now());
        assert_eq!(cache.known("nor@example.com", now), None);
        cache.keep("nor@example.com", true, now);
        cache.keep("example.com", false, now);
        assert_eq!(cache.known("nor@example.com", now + Duration::from_secs(299)), Some(true));
        assert_eq!(cache.known("example.com", now), Some(false));
        assert_eq!(cache.known("nor@example.com", now + TIME_TO_LIVE), None);

        for one in 0..2 * MOST_ANSWERS {
            cache.keep(&format!("{one}@example.com"), true, now + Duration::from_millis(one as u64));
        }
        assert_eq!(cache.0.lock().unwrap().len(), MOST_ANSWERS);
        assert_eq!(cache.known("nor@example.com", now), None, "the oldest go first");
        assert_eq!(cache.known("1999@example.com", now + Duration::from_secs(2)), Some(true));
    }
}
