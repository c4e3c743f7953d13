//! Webhooks: a signed call to an address that may be called.

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

/// How much of an answer is read, in bytes.
const LARGEST_ANSWER: usize = 64 * 1024;

/// One call, ready to be made.
#[derive(Debug)]
pub(crate) struct WebhookRequest<'a> {
    /// Where to.
    pub url: Url,
    /// The headers, in order.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: &'a str,
}

/// What makes the calls.
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

    /// Makes a call, signed at `now` if there are secrets.
    ///
    /// # Errors
    /// [`Failure::Permanent`] where the URL is none. A secret that cannot be had may be there later; nothing goes out
    /// unsigned meanwhile.
    pub fn prepare<'a>(
        &self,
        (url, secrets, template): (&str, &[SecretRef], Option<&str>),
        id: Id,
        (content_type, body): (&str, &'a str),
        now: Time,
    ) -> Result<WebhookRequest<'a>, Failure> {
        // The URL itself may hold a token, so it is not told.
        let url = Url::parse(url).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        let wrong = || Failure::Permanent { error: "the webhook's address is not an `https://` URL".to_owned() };
        let mut url = url.ok_or_else(wrong)?;
        if template == Some("ntfy") {
            // A message published as JSON goes to the server's root and names its topic in the body.
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

    /// Makes the call and judges the answer.
    ///
    /// # Errors
    /// [`Failure::Permanent`] where the address may not be called, and for the answers that say so; [`Failure::Retry`]
    /// for the other answers, and where there was none.
    pub async fn send(&self, webhook: &WebhookRequest<'_>, now: Time) -> Result<Receipt, Failure> {
        let refused = |refused: ForbiddenAddress| Failure::Permanent { error: refused.to_string() };
        match webhook.url.host() {
            // Addresses are not looked up, so the resolver does not see them.
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

    /// No answer. A name may point elsewhere at the next look (a modem without a line points every name at itself), so
    /// even a refused address is worth another attempt here.
    fn unanswered(&self, url: &Url, error: reqwest::Error) -> Failure {
        let host = url.host_str().unwrap_or_default();
        if error.is_timeout() {
            return Failure::later(format!("{host} did not answer within {} ms", self.timeout.as_millis()));
        }
        Failure::later(format!("{host} cannot be called: {}", chain(&error.without_url())))
    }
}

/// The body of an answer, as far as it is read. What came before it broke off is enough.
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

/// The last part of a URL's path, which ntfy calls a topic.
pub(crate) fn topic(url: &Url) -> Option<String> {
    url.path_segments()?.rfind(|part| !part.is_empty()).map(str::to_owned)
}

fn unsigned(error: &str) -> Failure {
    Failure::later(format!("the webhook cannot be signed, and nothing is sent unsigned: {error}"))
}

/// rustls with ring, named here, so that no other provider in the process is taken instead.
fn tls() -> Result<rustls::ClientConfig, SetupError> {
    let roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| SetupError::Tls(error.to_string()))?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}
