//! The HTTP client of webhooks and heartbeats. It calls only addresses that may be called, and follows no redirect.

mod address;
mod checked_hosts;

use std::{sync::Arc, time::Duration};

use dag_config::Webhook;
use reqwest::{Client, Method, RequestBuilder, Response, redirect::Policy};
use url::{Host, Url};

pub(crate) use self::checked_hosts::CheckedHosts;

use self::address::{AddressPolicy, ForbiddenAddress};
use crate::{Failure, SetupError, failure::chain};

/// The most bytes of a response that are read.
const LARGEST_ANSWER: usize = 64 * 1024;

/// Returns why a URL is never called: its host is an address that `webhook` does not allow. Names are checked when they
/// are called, since they can point anywhere.
pub fn forbidden_address(url: &Url, webhook: &Webhook) -> Option<String> {
    let address = match url.host()? {
        Host::Ipv4(address) => address.into(),
        Host::Ipv6(address) => address.into(),
        Host::Domain(_) => return None,
    };
    AddressPolicy::new(&webhook.allow_private).check(address).err().map(|error| error.to_string())
}

/// The HTTP client.
#[derive(Clone, Debug)]
pub(crate) struct HttpClient {
    client: Client,
    policy: AddressPolicy,
    timeout: Duration,
}

impl HttpClient {
    /// Sets the client up. `timeout` is the limit of a request, from the DNS lookup to the end of the response.
    pub fn new(webhook: &Webhook, timeout: Duration) -> Result<Self, SetupError> {
        let policy = AddressPolicy::new(&webhook.allow_private);
        let client = Client::builder()
            .tls_backend_preconfigured(tls()?)
            .dns_resolver(policy.clone())
            .redirect(Policy::none())
            .no_proxy()
            .referer(false)
            .timeout(timeout)
            .user_agent(concat!("detectordag/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| SetupError::Http(chain(&error)))?;
        Ok(HttpClient { client, policy, timeout })
    }

    /// Returns a request to be [sent](HttpClient::send).
    pub fn request(&self, method: Method, url: &Url) -> RequestBuilder {
        self.client.request(method, url.clone())
    }

    /// Sends a request to `url` and returns the response, whatever its status.
    ///
    /// # Errors
    /// [`Failure::Permanent`] if the address may not be called. [`Failure::Retry`] if there was no response. No error
    /// shows more of the URL than its host, since the rest may be secret.
    pub async fn send(&self, url: &Url, request: RequestBuilder) -> Result<Response, Failure> {
        self.check_literal(url)?;
        let response = request.send().await.map_err(|error| self.unanswered(url, error))?;
        if let Some(address) = response.remote_addr() {
            self.policy.check(address.ip()).map_err(refused)?;
        }
        Ok(response)
    }

    /// Checks that the host of `url` may be called, as [`HttpClient::send`] does, without calling it.
    ///
    /// # Errors
    /// The name cannot be looked up in the time of a request, or the address may not be called.
    pub async fn check(&self, url: &Url) -> Result<(), Failure> {
        self.check_literal(url)?;
        let Some(Host::Domain(name)) = url.host() else { return Ok(()) };
        match tokio::time::timeout(self.timeout, self.policy.lookup_in_turn(name)).await {
            Ok(Ok(found)) if found.is_empty() => Err(Failure::later(format!("{name} has no address"))),
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(Failure::later(format!("{name} cannot be called: {}", chain(&*error)))),
            Err(_) => {
                Err(Failure::later(format!("{name} could not be looked up within {} ms", self.timeout.as_millis())))
            }
        }
    }

    /// Checks a URL whose host is an address. The resolver does not see those, since they are not looked up.
    fn check_literal(&self, url: &Url) -> Result<(), Failure> {
        match url.host() {
            Some(Host::Ipv4(address)) => self.policy.check(address.into()).map_err(refused),
            Some(Host::Ipv6(address)) => self.policy.check(address.into()).map_err(refused),
            _ => Ok(()),
        }
    }

    /// Returns the failure of a request without a response. It is always retried, also if the address of a name is
    /// forbidden: a name may point elsewhere later. A modem without a line, say, points every name at itself.
    fn unanswered(&self, url: &Url, error: reqwest::Error) -> Failure {
        let host = url.host_str().unwrap_or_default();
        if error.is_timeout() {
            return Failure::later(format!("{host} did not answer within {} ms", self.timeout.as_millis()));
        }
        Failure::later(format!("{host} cannot be called: {}", chain(&error.without_url())))
    }
}

fn refused(refused: ForbiddenAddress) -> Failure {
    Failure::Permanent { error: refused.to_string() }
}

/// Parses a URL that can be called.
pub(crate) fn callable(url: &str) -> Option<Url> {
    Url::parse(url).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}

/// Reads the body of a response, up to the limit. A body that breaks off is returned as far as it came.
pub(crate) async fn read(mut response: Response) -> Vec<u8> {
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        let room = LARGEST_ANSWER.saturating_sub(body.len());
        body.extend(chunk.iter().take(room));
        if body.len() >= LARGEST_ANSWER {
            break;
        }
    }
    body
}

/// Returns the TLS settings: rustls with ring. It is named here, so that no other provider of the process is used.
fn tls() -> Result<rustls::ClientConfig, SetupError> {
    let roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| SetupError::Tls(error.to_string()))?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}
