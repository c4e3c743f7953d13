//! The credentials of a log-in, as the SDK's clients take them.

use std::{sync::Arc, time::Duration};

use aws_credential_types::{
    Credentials,
    provider::{self, ProvideCredentials, SharedCredentialsProvider, error::CredentialsError, future},
};
use tokio::time::timeout;

use super::{failure::NotLoggedIn, method::Login};

/// The time after which the user is told what is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// The time limit. A command of `credential_process` may ask for a code, or open a browser. It is below the time limit
/// of an attempt, since the SDK would repeat the attempt, and the command with it.
const LIMIT: Duration = Duration::from_secs(240);

/// The SDK's chain, with errors that say what to do.
#[derive(Debug)]
struct Explained<P> {
    chain: P,
    login: Arc<Login>,
    /// Shows a note to the user.
    note: fn(&str),
}

impl Login {
    /// Returns the credentials of `chain` for clients, with errors that say what to do about this log-in.
    pub fn credentials(self: &Arc<Self>, chain: SharedCredentialsProvider) -> SharedCredentialsProvider {
        let note = |text: &str| eprintln!("{text}");
        SharedCredentialsProvider::new(Explained { chain, login: Arc::clone(self), note })
    }
}

impl<P: ProvideCredentials> Explained<P> {
    async fn load(&self) -> provider::Result {
        let mut load = self.chain.provide_credentials();
        let loaded = match timeout(PATIENCE, &mut load).await {
            Ok(loaded) => loaded,
            Err(_) => {
                (self.note)(&self.login.waiting());
                let loaded = timeout(LIMIT - PATIENCE, load).await;
                loaded.unwrap_or_else(|_| Err(CredentialsError::provider_timed_out(LIMIT)))
            }
        };
        loaded.map_err(|error| CredentialsError::provider_error(NotLoggedIn::new(&self.login, &error)))
    }
}

impl<P: ProvideCredentials> ProvideCredentials for Explained<P> {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.load())
    }

    fn fallback_on_interrupt(&self) -> Option<Credentials> {
        self.chain.fallback_on_interrupt()
    }
}

#[cfg(test)]
mod tests {
    use std::{error::Error as _, sync::Mutex};

    use tokio::time::{Instant, sleep};

    use super::*;
    use crate::login::method::{Method, ProfileLogin};

    /// A command of `credential_process` that takes some time.
    #[derive(Debug)]
    struct Slow(Duration);

    impl ProvideCredentials for Slow {
        fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
        where
            Self: 'a,
        {
            future::ProvideCredentials::new(async {
                sleep(self.0).await;
                Ok(Credentials::for_tests())
            })
        }
    }

    static NOTES: Mutex<Vec<String>> = Mutex::new(Vec::new());

    /// Returns the result of a command that takes `seconds`, and the notes that the user sees meanwhile.
    async fn load(seconds: u64) -> (provider::Result, Vec<String>) {
        let name = || "work".to_owned();
        let login = ProfileLogin { name: name(), source: name(), method: Method::Process, role: None, region: None };
        let note = |text: &str| NOTES.lock().unwrap().push(text.to_owned());
        let chain = Slow(Duration::from_secs(seconds));
        let loaded = Explained { chain, login: Arc::new(Login::Profile(login)), note }.provide_credentials().await;
        (loaded, std::mem::take(&mut NOTES.lock().unwrap()))
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_command_is_waited_for_and_the_user_is_told() {
        let (loaded, notes) = load(1).await;
        assert!(loaded.is_ok() && notes.is_empty(), "{notes:?}");
        let (loaded, notes) = load(239).await;
        assert!(loaded.is_ok());
        insta::assert_snapshot!(notes.join("\n"), @"Waiting for the command of `credential_process` in profile `work`. If it asks for something, its question is not shown here: end this with Ctrl-C, run that command by itself, and then repeat this one");
        let began = Instant::now();
        let (loaded, notes) = load(10_000).await;
        assert_eq!((began.elapsed().as_secs(), notes.len()), (LIMIT.as_secs(), 1));
        insta::assert_snapshot!(loaded.unwrap_err().source().unwrap(), @"not logged in to AWS: the command of `credential_process` in profile `work` gave nothing in 240 seconds. Run it by itself, to see what it waits for");
    }
}
