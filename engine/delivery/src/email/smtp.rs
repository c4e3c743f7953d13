//! The mail server. Each mail has a connection of its own, since mails are few.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use dag_config::{Security, Smtp, read_bounded, resolve};
use dag_engine::SecretRef;
use lettre::{
    Address, Message,
    transport::smtp::{
        Error,
        authentication::{Credentials, DEFAULT_MECHANISMS},
        client::{AsyncSmtpConnection, Certificate, CertificateStore, TlsParameters},
        commands::{Ehlo, Mail, Rcpt, Rset},
        extension::{ClientId, Extension, MailParameter},
    },
};
use tokio::{
    net::TcpStream,
    time::{Instant, timeout_at},
};

use super::bounded_stream::BoundedStream;
use crate::{Failure, Receipt, SetupError, failure::chain, words::one_line};

/// The longest wait for the end of the connection after the mail was accepted.
const GOODBYE: Duration = Duration::from_secs(1);

/// Reply codes that refuse the login and not the mail (RFC 4954, section 6).
const LOGIN: [u16; 4] = [530, 534, 535, 538];

/// The most recipients that a server is asked about in a check. Servers take 100 at least (RFC 5321, section 4.5.3.1.8),
/// but some slow down long before.
const MOST_ASKED: usize = 32;

/// The largest file of certificates, in bytes. Those of all usual authorities take some 220 KiB.
const LARGEST_CA: u64 = 1 << 20;

/// The longest list of the log-ins that a server offers, in characters.
const LONGEST_OFFER: usize = 100;

/// Endings of names that only a local network knows. No mail server takes them for a name of this machine.
const LOCAL_NAMES: [&str; 6] = [".local", ".localdomain", ".lan", ".home", ".internal", ".home.arpa"];

/// The keys of the configuration to look at, by what failed.
const ADDRESS: &str = "check `server`, `port` and `security` in `[email.smtp]`";
const CA: &str = "check `ca` in `[email.smtp]`";
const GREETING: &str = "it does not serve this machine at this port: use your provider's port for log-ins, mostly 587 \
                        or 465, or another server";
const LOGIN_KEYS: &str = "check `username` and `password` in `[email.smtp]`";
const NO_LOGIN: &str = "use another `port` in `[email.smtp]`, or no `username` if none is needed";
const SENDER: &str = "check `from` in `[email]`, and the user in `[email.smtp]`";
const RECIPIENT: &str = "check the address, `from` in `[email]`, and the user in `[email.smtp]`";
const SMTPUTF8: &str = "use an address of the letters a to z, or another server";

/// What a refused login says of a password with spaces in it.
const SPACES: &str = "Google shows app passwords with spaces: remove them";

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
    hello: ClientId,
    timeout: Duration,
}

impl SmtpServer {
    /// Reads the configuration. It connects to nothing, and opens no file: a file that is missing at the start may be
    /// there when a mail is due. `domain` is that of the sender.
    pub fn new(smtp: &Smtp, domain: &str, timeout: Duration) -> Result<Self, SetupError> {
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
            hello: hello(&host_name(), domain),
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

    /// Checks that the server would take a mail of `sender` to these recipients: connects, protects the connection, logs
    /// in, and begins a mail that is reset before its content. No mail is sent. Returns the recipients that are refused,
    /// each by its place and with the problem. A server that defers one (4xx), as greylisting does, refuses nobody.
    ///
    /// Recipients are asked about since many servers refuse everything only there (Postfix, `smtpd_delay_reject`). Those
    /// after the first 32, and those for whom the time is too short, count as taken.
    ///
    /// # Errors
    /// The problem of all mail, and the keys of the configuration that may be wrong.
    pub async fn check(&self, sender: &Address, to: &[Address]) -> Result<BTreeMap<usize, String>, String> {
        let end = Instant::now() + self.timeout;
        let told = |refusal: Refusal| format!("{}: {}", refusal.failure, refusal.advice);
        let late = |_| {
            let (name, port, within) = (&self.name, self.port, self.timeout.as_millis());
            format!("the mail server {name}:{port} did not answer within {within} ms: {ADDRESS}")
        };
        let wants_utf8 = !to.iter().chain([sender]).all(is_ascii);
        let begun = timeout_at(end, self.begin_mail(sender, wants_utf8)).await.map_err(late)?;
        let mut connection = begun.map_err(told)?;
        let mut refused = BTreeMap::new();
        for (place, to) in to.iter().enumerate().take(MOST_ASKED) {
            if !is_ascii(to) && !offers_utf8(&connection) {
                refused.insert(place, told(self.without_utf8(to)));
                continue;
            }
            let error = match timeout_at(end, connection.command(Rcpt::new(to.clone(), Vec::new()))).await {
                Ok(Ok(_)) => continue,
                Ok(Err(error)) => error,
                // It takes its time, and has refused nothing.
                Err(_) => break,
            };
            let (name, why) = (&self.name, chain(&error));
            if error.is_permanent() {
                refused.insert(place, format!("the mail server {name} refuses mail to {to}: {why}: {RECIPIENT}"));
            } else if error.status().is_none() {
                if place == 0 {
                    return Err(format!("the mail server {name} broke off before it took a recipient: {why}"));
                }
                // It has enough of questions.
                break;
            }
        }
        // Nothing was begun that a server would keep, so that an error from here on does not matter.
        let _ = tokio::time::timeout(GOODBYE, async {
            let _ = connection.command(Rset).await;
            connection.abort().await;
        })
        .await;
        Ok(refused)
    }

    async fn begin_mail(&self, sender: &Address, wants_utf8: bool) -> Result<AsyncSmtpConnection, Refusal> {
        let mut connection = self.connect().await?;
        let offers_utf8 = offers_utf8(&connection);
        if !is_ascii(sender) && !offers_utf8 {
            return Err(self.without_utf8(sender));
        }
        let parameters = if wants_utf8 && offers_utf8 { vec![MailParameter::SmtpUtfEight] } else { Vec::new() };
        let taken = connection.command(Mail::new(Some(sender.clone()), parameters)).await;
        taken.map_err(|error| {
            let (name, error) = (&self.name, chain(&error));
            let told = format!("the mail server {name} does not take mails from {sender}: {error}");
            Refusal { failure: Failure::later(told), advice: SENDER }
        })?;
        Ok(connection)
    }

    fn without_utf8(&self, address: &Address) -> Refusal {
        let told = format!("the mail server {} takes no address with letters as in {address} (SMTPUTF8)", self.name);
        Refusal { failure: Failure::later(told), advice: SMTPUTF8 }
    }

    /// Connects, protects the connection, and logs in.
    async fn connect(&self) -> Result<AsyncSmtpConnection, Refusal> {
        let hello = &self.hello;
        let mut tls = match self.security {
            Security::Plain => None,
            Security::Starttls | Security::Tls => Some(self.tls()?),
        };
        let wrapper = if self.security == Security::Tls { tls.take() } else { None };
        let address = (self.name.as_str(), self.port);
        let connected = if wrapper.is_some() {
            // What is read is from the server that the certificate names.
            AsyncSmtpConnection::connect_tokio1(address, Some(self.timeout), hello, wrapper, None).await
        } else {
            let stream = TcpStream::connect(address).await.map_err(|error| self.unreachable(&chain(&error)))?;
            AsyncSmtpConnection::connect_with_transport(Box::new(BoundedStream::new(stream)), hello).await
        };
        let mut connection = connected.map_err(|error| self.not_greeted(&error))?;
        if let Some(tls) = tls {
            if !connection.can_starttls() {
                let error = format!(
                    "the mail server {} offers no STARTTLS, and nothing is sent unprotected: use `security = \"tls\"`, \
                     or another port",
                    self.name
                );
                return Err(Refusal { failure: Failure::later(error), advice: ADDRESS });
            }
            connection.starttls(tls, hello).await.map_err(|error| self.not_greeted(&error))?;
        }
        if let Some((user, password)) = &self.login {
            self.log_in(&mut connection, user, password).await?;
        }
        Ok(connection)
    }

    /// Returns the TLS settings: the usual certificate authorities and the user's own, whose file is read now.
    fn tls(&self) -> Result<TlsParameters, Refusal> {
        let unusable = |error: String| Refusal { failure: Failure::later(error), advice: CA };
        let mut builder = TlsParameters::builder(self.name.clone()).certificate_store(CertificateStore::WebpkiRoots);
        if let Some(path) = &self.ca {
            let wrong = |error: String| unusable(format!("`ca = \"{}\"` cannot be used: {error}", path.display()));
            let pem = read_bounded(path, LARGEST_CA).map_err(|error| wrong(error.to_string()))?;
            if !pem.contains("-----BEGIN CERTIFICATE-----") {
                return Err(wrong("there is no PEM certificate in it".to_owned()));
            }
            let certificate = Certificate::from_pem(pem.as_bytes()).map_err(|error| wrong(chain(&error)))?;
            builder = builder.add_root_certificate(certificate);
        }
        builder.build().map_err(|error| unusable(format!("TLS cannot be set up: {}", chain(&error))))
    }

    async fn log_in(
        &self,
        connection: &mut AsyncSmtpConnection,
        user: &str,
        password: &SecretRef,
    ) -> Result<(), Refusal> {
        let password = resolve(password)
            .map_err(|error| Refusal { failure: Failure::later(error.to_string()), advice: LOGIN_KEYS })?;
        if connection.server_info().get_auth_mechanism(DEFAULT_MECHANISMS).is_none() {
            let offer = match self.offered_logins(connection).await {
                Some(offer) => format!("offers only other log-ins than by password here: {offer}"),
                None => "offers no log-in here".to_owned(),
            };
            let failure = Failure::later(format!("the mail server {}:{} {offer}", self.name, self.port));
            return Err(Refusal { failure, advice: NO_LOGIN });
        }
        let has_spaces = password.contains(char::is_whitespace);
        let login = connection.auth(DEFAULT_MECHANISMS, &Credentials::new(user.to_owned(), password)).await;
        login.map(drop).map_err(|error| {
            let mut told = format!("the mail server {} refused the login of {user}: {}", self.name, chain(&error));
            if has_spaces && error.is_permanent() {
                told = format!("{told}. {SPACES}");
            }
            Refusal { failure: Failure::later(told), advice: LOGIN_KEYS }
        })
    }

    /// Asks for the log-ins that the server offers, as it writes them: lettre keeps only those that it knows.
    async fn offered_logins(&self, connection: &mut AsyncSmtpConnection) -> Option<String> {
        let answer = connection.command(Ehlo::new(self.hello.clone())).await.ok()?;
        let offered = answer.message().find_map(|line| line.strip_prefix("AUTH "))?.trim();
        (!offered.is_empty()).then(|| one_line(offered, LONGEST_OFFER))
    }

    /// Returns the refusal of a connection that was not made, or whose greeting or `EHLO` was refused.
    fn not_greeted(&self, error: &Error) -> Refusal {
        let (name, port, why) = (&self.name, self.port, chain(error));
        if error.status().is_some() {
            let told = format!("the mail server {name}:{port} answered, and refused: {why}");
            return Refusal { failure: Failure::later(told), advice: GREETING };
        }
        self.unreachable(&why)
    }

    fn unreachable(&self, why: &str) -> Refusal {
        let told = format!("the mail server {}:{} cannot be reached: {why}", self.name, self.port);
        Refusal { failure: Failure::later(told), advice: ADDRESS }
    }

    fn refused(&self, error: &Error) -> Failure {
        let told = format!("the mail server {} did not take the mail: {}", self.name, chain(error));
        let wants_login = error.status().is_some_and(|code| LOGIN.contains(&u16::from(code)));
        if error.is_permanent() && !wants_login { Failure::Permanent { error: told } } else { Failure::later(told) }
    }
}

fn is_ascii(address: &Address) -> bool {
    AsRef::<str>::as_ref(address).is_ascii()
}

fn offers_utf8(connection: &AsyncSmtpConnection) -> bool {
    connection.server_info().supports_feature(Extension::SmtpUtfEight)
}

/// Returns the name by which this machine greets a server: its own if it is a full one, or else the sender's domain.
/// Some servers refuse an address like `[127.0.0.1]`, among them Google's relay (smtp-relay.gmail.com).
fn hello(host_name: &str, domain: &str) -> ClientId {
    let name = host_name.trim().trim_end_matches('.');
    let is_name = name.split('.').all(|label| {
        !label.is_empty() && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') && !label.starts_with('-')
    });
    let lower = name.to_ascii_lowercase();
    let is_full = is_name && name.contains('.') && !LOCAL_NAMES.iter().any(|end| lower.ends_with(end));
    ClientId::Domain(if is_full { name } else { domain }.to_owned())
}

/// Returns the name of this machine as Linux has it, or nothing.
fn host_name() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_greeted_by_a_full_name() {
        for (host_name, said) in [
            ("pi.example.net\n", "pi.example.net"),
            ("pi.example.net.", "pi.example.net"),
            ("raspberrypi\n", "example.com"),
            ("raspberrypi.local", "example.com"),
            ("localhost.localdomain", "example.com"),
            ("pi.fritz.LAN", "example.com"),
            ("", "example.com"),
            (".", "example.com"),
            ("nör.example.net", "example.com"),
            ("pi.example.net\r\nQUIT", "example.com"),
        ] {
            assert_eq!(hello(host_name, "example.com").to_string(), said, "{host_name:?}");
        }
    }
}
