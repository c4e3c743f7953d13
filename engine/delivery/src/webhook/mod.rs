//! Webhooks: signed requests to addresses that may be called.

mod address;
mod answer;
mod signature;

use std::{sync::Arc, time::Duration};

use dag_config::{Secrets, Webhook};
use dag_engine::{Id, SecretRef, Time};
use reqwest::{Client, Response, redirect::Policy};
use url::{Host, Url};

use self::address::{AddressPolicy, ForbiddenAddress};
use crate::{Failure, Receipt, SetupError, failure::chain};

/// The most bytes of a response that are read.
const LARGEST_ANSWER: usize = 64 * 1024;

/// A request that is ready to be sent.
#[derive(Debug)]
pub(crate) struct WebhookRequest<'a> {
    /// The URL.
    pub url: Url,
    /// The headers, in order.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: &'a str,
}

/// The HTTP client of webhooks.
#[derive(Clone, Debug)]
pub(crate) struct WebhookClient {
    client: Client,
    policy: AddressPolicy,
    secrets: Secrets,
    timeout: Duration,
}

impl WebhookClient {
    pub fn new(webhook: &Webhook, secrets: Secrets, timeout: Duration) -> Result<Self, SetupError> {
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
        Ok(WebhookClient { client, policy, secrets, timeout })
    }

    /// Returns the request of a message, signed at `now` if there are secrets.
    ///
    /// # Errors
    /// [`Failure::Permanent`] if the URL is invalid. A secret that cannot be read is retried, and nothing is sent
    /// unsigned meanwhile.
    pub fn prepare<'a>(
        &self,
        (url, secrets, template): (&str, &[SecretRef], Option<&str>),
        id: Id,
        (content_type, body): (&str, &'a str),
        now: Time,
    ) -> Result<WebhookRequest<'a>, Failure> {
        // The URL may contain a token, so that no error shows it.
        let url = Url::parse(url).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        let wrong = || Failure::Permanent { error: "the webhook's address is not an `https://` URL".to_owned() };
        let mut url = url.ok_or_else(wrong)?;
        if template == Some("ntfy") {
            // ntfy publishes JSON at the server's root, with the topic in the body.
            if let Ok(mut path) = url.path_segments_mut() {
                path.pop_if_empty().pop().push("");
            }
        }
        let mut headers = vec![("content-type", content_type.to_owned())];
        let id = id.to_string();
        let timestamp = now.as_millis().div_euclid(1_000);
        let secrets = secrets.iter().map(|secret| self.secrets.resolve(secret));
        let secrets: Vec<String> = secrets.collect::<Result<_, _>>().map_err(|error| unsigned(&error.to_string()))?;
        headers.push(("webhook-id", id.clone()));
        headers.push(("webhook-timestamp", timestamp.to_string()));
        if !secrets.is_empty() {
            let signature = signature::sign(&secrets, &id, timestamp, body).map_err(|error| unsigned(&error))?;
            headers.push(("webhook-signature", signature));
        }
        Ok(WebhookRequest { url, headers, body })
    }

    /// Sends a request and returns the result by its response.
    ///
    /// # Errors
    /// [`Failure::Permanent`] if the address may not be called, or the response is permanent. [`Failure::Retry`] for
    /// the other responses, and if there was none.
    pub async fn send(&self, webhook: &WebhookRequest<'_>, now: Time) -> Result<Receipt, Failure> {
        let refused = |refused: ForbiddenAddress| Failure::Permanent { error: refused.to_string() };
        match webhook.url.host() {
            // The resolver does not see addresses, since they are not looked up.
            Some(Host::Ipv4(address)) => self.policy.check(address.into()).map_err(refused)?,
            Some(Host::Ipv6(address)) => self.policy.check(address.into()).map_err(refused)?,
            _ => {}
        }
        let mut request = self.client.post(webhook.url.clone()).body(webhook.body.to_owned());
        for (name, value) in &webhook.headers {
            request = request.header(*name, value);
        }
        let response = request.send().await.map_err(|error| self.unanswered(&webhook.url, error))?;
        if let Some(address) = response.remote_addr() {
            self.policy.check(address.ip()).map_err(refused)?;
        }
        let (status, headers) = (response.status(), response.headers().clone());
        let body = if answer::needs_body(status) { read(response).await } else { Vec::new() };
        answer::judge(status, &headers, &body, now)
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

/// Reads the body of a response, up to the limit. A body that breaks off is returned as far as it came.
async fn read(mut response: Response) -> Vec<u8> {
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

/// Returns the last part of a URL's path, which ntfy calls a topic.
pub(crate) fn topic(url: &Url) -> Option<String> {
    url.path_segments()?.rfind(|part| !part.is_empty()).map(str::to_owned)
}

fn unsigned(error: &str) -> Failure {
    Failure::later(format!("the webhook cannot be signed, and nothing is sent unsigned: {error}"))
}

/// Returns the TLS settings: rustls with ring. It is named here, so that no other provider of the process is used.
fn tls() -> Result<rustls::ClientConfig, SetupError> {
    let roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| SetupError::Tls(error.to_string()))?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}
