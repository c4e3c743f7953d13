//! Webhooks: signed requests to addresses that may be called.

mod answer;
mod signature;

use dag_config::Secrets;
use dag_engine::{Id, SecretRef, Time};
use reqwest::Method;
use url::Url;

use crate::{
    Failure, Receipt,
    http::{CheckedHosts, HttpClient, callable, read},
};

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

/// The client of webhooks.
#[derive(Clone, Debug)]
pub(crate) struct WebhookClient {
    http: HttpClient,
    secrets: Secrets,
}

impl WebhookClient {
    pub fn new(http: HttpClient, secrets: Secrets) -> Self {
        WebhookClient { http, secrets }
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
        let wrong = || Failure::Permanent { error: "the webhook's address is not an `https://` URL".to_owned() };
        let mut url = callable(url).ok_or_else(wrong)?;
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
        let mut request = self.http.request(Method::POST, &webhook.url).body(webhook.body.to_owned());
        for (name, value) in &webhook.headers {
            request = request.header(*name, value);
        }
        let response = self.http.send(&webhook.url, request).await?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = if answer::needs_body(status) { read(response).await } else { Vec::new() };
        answer::judge(status, &headers, &body, now)
    }

    /// Checks that a request could be sent: its address may be called. It sends nothing. `hosts` are those of the same
    /// check.
    ///
    /// # Errors
    /// The failure that an attempt would have.
    pub async fn check(&self, webhook: &WebhookRequest<'_>, hosts: &CheckedHosts) -> Result<(), Failure> {
        hosts.check(&self.http, &webhook.url).await
    }
}

/// Returns the last part of a URL's path, which ntfy calls a topic.
pub(crate) fn topic(url: &Url) -> Option<String> {
    url.path_segments()?.rfind(|part| !part.is_empty()).map(str::to_owned)
}

fn unsigned(error: &str) -> Failure {
    Failure::later(format!("the webhook cannot be signed, and nothing is sent unsigned: {error}"))
}
