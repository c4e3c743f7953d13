//! The mail server. Each mail has a connection of its own, since mails are few.

use std::{path::PathBuf, time::Duration};

use dag_config::{Security, Smtp, resolve};
use dag_engine::SecretRef;
use lettre::{
    Message,
    transport::smtp::{
        Error,
        authentication::{Credentials, DEFAULT_MECHANISMS},
        client::{AsyncSmtpConnection, Certificate, CertificateStore, TlsParameters},
        commands::{Mail, Rset},
        extension::ClientId,
    },
};

use crate::{Failure, Receipt, SetupError, failure::chain};

/// The longest wait for the end of the connection after the mail was accepted.
const GOODBYE: Duration = Duration::from_secs(1);

/// Reply codes that refuse the login and not the mail (RFC 4954, section 6).
const LOGIN: [u16; 4] = [530, 534, 535, 538];

/// The keys of the configuration to look at, by what failed.
const ADDRESS: &str = "check `server`, `port` and `security` in `[email.smtp]`";
const CA: &str = "check `ca` in `[email.smtp]`";
const LOGIN_KEYS: &str = "check `username` and `password` in `[email.smtp]`";
const SENDER: &str = "check `from` in `[email]`, and the user in `[email.smtp]`";

/// A server that cannot be used, and the keys of the configuration to look at.
struct Refusal {
    failure: Failure,
    advice: &'static str,
}

/// A mail server and its connection settings.
#[derive(Clone)]
pub(crate) struct SmtpServer {
    name: String,
    port: u16,
    security: Security,
    /// A file of certificates that are trusted beside the usual ones.
    ca: Option<PathBuf>,
    login: Option<(String, SecretRef)>,
    timeout: Duration,
}

impl SmtpServer {
    /// Reads the configuration. It connects to nothing, and opens no file: a file that is missing at the start may be
    /// there when a mail is due.
    pub fn new(smtp: &Smtp, timeout: Duration) -> Result<Self, SetupError> {
        let here = |name: &str| name.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback());
        if smtp.security == Security::Plain && !smtp.server.eq_ignore_ascii_case("localhost") && !here(&smtp.server) {
            return Err(SetupError::Plain(smtp.server.clone()));
        }
        let usual = match smtp.security {
            Security::Starttls => 587,
            Security::Tls => 465,
            Security::Plain => 25,
        };
        Ok(SmtpServer {
            name: smtp.server.clone(),
            port: smtp.port.unwrap_or(usual),
            security: smtp.security,
            ca: smtp.ca.clone(),
            login: smtp.username.clone().zip(smtp.password.clone()),
            timeout,
        })
    }

    /// Sends one mail.
    ///
    /// # Errors
    /// [`Failure::Permanent`] if the server refuses the mail with a 5xx reply. Every other failure is retried. A
    /// refused login is one of them, since the operator can correct it.
    pub async fn send(&self, message: &Message) -> Result<Receipt, Failure> {
        let result = tokio::time::timeout(self.timeout, self.deliver(message)).await;
        result.unwrap_or_else(|_| {
            let within = self.timeout.as_millis();
            Err(Failure::later(format!("the mail server {} did not take the mail within {within} ms", self.name)))
        })
    }

    async fn deliver(&self, message: &Message) -> Result<Receipt, Failure> {
        let mut connection = self.connect().await.map_err(|refusal| refusal.failure)?;
        let answer = connection.send(message.envelope(), &message.formatted()).await;
        let answer = answer.map_err(|error| self.refused(&error))?;
        // The server has the mail, so that an error from here on does not matter.
        let _ = tokio::time::timeout(GOODBYE, connection.abort()).await;
        Ok(Receipt { answer: format!("{} {}", answer.code(), answer.message().collect::<Vec<_>>().join(" ")) })
    }

    /// Checks that the server would take a mail of `sender`: connects, protects the connection, logs in, and begins a
    /// mail that is reset at once. No mail is sent.
    ///
    /// # Errors
    /// The problem, and the keys of the configuration that may be wrong.
    pub async fn check(&self, sender: &str) -> Result<(), String> {
        match tokio::time::timeout(self.timeout, self.begin_mail(sender)).await {
            Ok(done) => done.map_err(|refusal| format!("{}: {}", refusal.failure, refusal.advice)),
            Err(_) => {
                let (name, port, within) = (&self.name, self.port, self.timeout.as_millis());
                Err(format!("the mail server {name}:{port} did not answer within {within} ms: {ADDRESS}"))
            }
        }
    }

    async fn begin_mail(&self, sender: &str) -> Result<(), Refusal> {
        let mut connection = self.connect().await?;
        let taken = connection.command(Mail::new(sender.parse().ok(), Vec::new())).await;
        taken.map_err(|error| {
            let (name, error) = (&self.name, chain(&error));
            let told = format!("the mail server {name} does not take mails from {sender}: {error}");
            Refusal { failure: Failure::later(told), advice: SENDER }
        })?;
        // Nothing was begun that a server would keep, so that an error from here on does not matter.
        let _ = tokio::time::timeout(GOODBYE, async {
            let _ = connection.command(Rset).await;
            connection.abort().await;
        })
        .await;
        Ok(())
    }

    /// Connects, protects the connection, and logs in.
    async fn connect(&self) -> Result<AsyncSmtpConnection, Refusal> {
        let hello = ClientId::default();
        let mut tls = match self.security {
            Security::Plain => None,
            Security::Starttls | Security::Tls => Some(self.tls()?),
        };
        let wrapper = if self.security == Security::Tls { tls.take() } else { None };
        let address = (self.name.as_str(), self.port);
        let unreachable = |error: Error| Refusal { failure: self.unreachable(&error), advice: ADDRESS };
        let connected = AsyncSmtpConnection::connect_tokio1(address, Some(self.timeout), &hello, wrapper, None).await;
        let mut connection = connected.map_err(unreachable)?;
        if let Some(tls) = tls {
            if !connection.can_starttls() {
                let error = format!(
                    "the mail server {} offers no STARTTLS, and nothing is sent unprotected: use `security = \"tls\"`, \
                     or another port",
                    self.name
                );
                return Err(Refusal { failure: Failure::later(error), advice: ADDRESS });
            }
            connection.starttls(tls, &hello).await.map_err(unreachable)?;
        }
        if let Some((user, password)) = &self.login {
            let password = resolve(password)
                .map_err(|error| Refusal { failure: Failure::later(error.to_string()), advice: LOGIN_KEYS })?;
            let credentials = Credentials::new(user.clone(), password);
            let login = connection.auth(DEFAULT_MECHANISMS, &credentials).await;
            login.map_err(|error| {
                let told = format!("the mail server {} refused the login of {user}: {}", self.name, chain(&error));
                Refusal { failure: Failure::later(told), advice: LOGIN_KEYS }
            })?;
        }
        Ok(connection)
    }

    /// Returns the TLS settings: the usual certificate authorities and the user's own, whose file is read now.
    fn tls(&self) -> Result<TlsParameters, Refusal> {
        let unusable = |error: String| Refusal { failure: Failure::later(error), advice: CA };
        let mut builder = TlsParameters::builder(self.name.clone()).certificate_store(CertificateStore::WebpkiRoots);
        if let Some(path) = &self.ca {
            let wrong = |error: String| unusable(format!("`ca = \"{}\"` cannot be used: {error}", path.display()));
            let pem = std::fs::read(path).map_err(|error| wrong(error.to_string()))?;
            if !pem.windows(27).any(|window| window == b"-----BEGIN CERTIFICATE-----") {
                return Err(wrong("there is no PEM certificate in it".to_owned()));
            }
            let certificate = Certificate::from_pem(&pem).map_err(|error| wrong(chain(&error)))?;
            builder = builder.add_root_certificate(certificate);
        }
        builder.build().map_err(|error| unusable(format!("TLS cannot be set up: {}", chain(&error))))
    }

    fn unreachable(&self, error: &Error) -> Failure {
        Failure::later(format!("the mail server {}:{} cannot be reached: {}", self.name, self.port, chain(error)))
    }

    fn refused(&self, error: &Error) -> Failure {
        let told = format!("the mail server {} did not take the mail: {}", self.name, chain(error));
        let wants_login = error.status().is_some_and(|code| LOGIN.contains(&u16::from(code)));
        if error.is_permanent() && !wants_login { Failure::Permanent { error: told } } else { Failure::later(told) }
    }
}
