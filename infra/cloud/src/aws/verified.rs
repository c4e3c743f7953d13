//! Which addresses SES's sandbox sends to: those that are verified, or whose domain is.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use aws_sdk_sesv2::{Client, operation::get_email_identity::GetEmailIdentityError};
use tokio::time::Instant;

use super::error::describe_error;

/// For how long an answer counts: whoever has just confirmed an address waits so long at most.
const COUNTS: Duration = Duration::from_secs(300);

/// So many answers are kept.
const MOST: usize = 1_000;

/// What SES said of identities, kept for a while: it answers one such question a second.
#[derive(Default)]
pub(super) struct Verified(Mutex<BTreeMap<String, (Instant, bool)>>);

impl Verified {
    /// Whether SES sends to an address while it is in the sandbox. Where that cannot be found out the answer is yes: SES
    /// itself refuses what it must, and a message is better tried than not.
    pub async fn covers(&self, client: &Client, address: &str) -> bool {
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
                        "whether this is verified with SES is not known"
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
        (now.duration_since(*since) < COUNTS).then_some(*verified)
    }

    fn keep(&self, identity: &str, verified: bool, now: Instant) {
        let mut answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if answers.len() >= MOST {
            answers.retain(|_, (since, _)| now.duration_since(*since) < COUNTS);
        }
        if answers.len() >= MOST {
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
    fn answers_count_for_a_while_and_have_an_end() {
        let (verified, now) = (Verified::default(), Instant::now());
        assert_eq!(verified.known("nor@example.com", now), None);
        verified.keep("nor@example.com", true, now);
        verified.keep("example.com", false, now);
        assert_eq!(verified.known("nor@example.com", now + Duration::from_secs(299)), Some(true));
        assert_eq!(verified.known("example.com", now), Some(false));
        assert_eq!(verified.known("nor@example.com", now + COUNTS), None);

        for one in 0..2 * MOST {
            verified.keep(&format!("{one}@example.com"), true, now + Duration::from_millis(one as u64));
        }
        assert_eq!(verified.0.lock().unwrap().len(), MOST);
        assert_eq!(verified.known("nor@example.com", now), None, "the oldest go first");
        assert_eq!(verified.known("1999@example.com", now + Duration::from_secs(2)), Some(true));
    }
}
