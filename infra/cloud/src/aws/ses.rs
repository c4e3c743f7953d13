//! Mail by Amazon SES. One renderer makes the mail for SES and for SMTP servers.

use aws_config::{Region, SdkConfig, retry::RetryConfig};
use aws_sdk_sesv2::{
    Client,
    config::Builder,
    error::SdkError,
    operation::send_email::SendEmailError,
    primitives::Blob,
    types::{Destination, EmailContent, MessageTag, RawMessage},
};
use dag_delivery::{Failure, Mail, Mailer, Receipt, SendFuture};

use super::{error::describe_error, identities::IdentityCache};
use crate::feedback::tags;

/// The most characters in the value of a tag (Amazon SES API, "MessageTag").
const LONGEST_TAG: usize = 256;

/// The mail service.
pub(super) struct Ses {
    client: Client,
    configuration_set: Option<String>,
    /// The verified identities, while the account is in the sandbox.
    sandbox: Option<IdentityCache>,
}

impl Ses {
    /// `configuration_set` is the stack's own. The one of the configuration takes precedence.
    pub fn new(sdk: &SdkConfig, ses: &dag_config::Ses, configuration_set: Option<&str>) -> Self {
        // After a lost answer the mail may have been sent, so only the outbox decides on another attempt.
        let mut config = Builder::from(sdk).retry_config(RetryConfig::disabled());
        if let Some(region) = &ses.region {
            config = config.region(Region::new(region.clone()));
        }
        Ses {
            client: Client::from_conf(config.build()),
            configuration_set: ses.configuration_set.as_deref().or(configuration_set).map(str::to_owned),
            sandbox: ses.sandbox.then(IdentityCache::default),
        }
    }

    async fn hand_over(&self, mut mail: Mail<'_>) -> Result<Receipt, Failure> {
        if let Some(identities) = &self.sandbox
            && !identities.is_verified(&self.client, mail.to).await
        {
            return Err(Failure::Permanent { error: unverified(mail.to) });
        }
        let impossible = |error: &dyn std::fmt::Display| Failure::Permanent { error: error.to_string() };
        let raw = std::mem::take(&mut mail.raw);
        let raw = RawMessage::builder().data(Blob::new(raw)).build().map_err(|error| impossible(&error))?;
        let mut request = self
            .client
            .send_email()
            .from_email_address(mail.from)
            .destination(Destination::builder().to_addresses(mail.to).build())
            .content(EmailContent::builder().raw(raw).build())
            .set_configuration_set_name(self.configuration_set.clone());
        for (name, value) in tags(&mail.notification.device.id, mail.notification) {
            // A mail without this tag is sent all the same, but a bounce of it cannot be identified.
            if (1..=LONGEST_TAG).contains(&value.len()) {
                let tag = MessageTag::builder().name(name).value(value).build().map_err(|error| impossible(&error))?;
                request = request.email_tags(tag);
            }
        }
        let sent = request.send().await.map_err(|error| failure(&error, &mail))?;
        Ok(Receipt { answer: format!("taken by SES as {}", sent.message_id().unwrap_or("?")) })
    }
}

impl Mailer for Ses {
    fn send<'a>(&'a self, mail: Mail<'a>) -> SendFuture<'a> {
        Box::pin(self.hand_over(mail))
    }
}

fn unverified(to: &str) -> String {
    format!(
        "{to} is not verified with SES, and the sandbox sends to verified addresses only: have it confirm the mail \
         that `aws sesv2 create-email-identity --email-identity {to}` sends, or ask AWS for production access and set \
         `sandbox = false` in `[email.ses]`"
    )
}

/// Returns whether another attempt makes sense. It does if the operator can fix the problem within a day. It does not
/// if SES refuses the mail or the address.
fn failure<R: std::fmt::Debug>(error: &SdkError<SendEmailError, R>, mail: &Mail<'_>) -> Failure {
    let said = describe_error(error);
    let later = |error: String| Failure::Retry { error, after: None };
    let never = |error: String| Failure::Permanent { error };
    let Some(service) = error.as_service_error() else {
        return later(format!("SES cannot be reached: {said}"));
    };
    match service {
        SendEmailError::MailFromDomainNotVerifiedException(_) => later(format!(
            "SES does not know the sender's domain: verify {} or its domain with SES ({said})",
            mail.from
        )),
        SendEmailError::MessageRejected(_) if said.contains("not verified") && names(&said, mail.from) => {
            later(format!("SES does not know the sender yet: verify {} or its domain with SES ({said})", mail.from))
        }
        SendEmailError::MessageRejected(_) if said.contains("not verified") => never(format!(
            "SES sends only between verified addresses: verify {} with SES, and {} too while the account is in the \
                 sandbox ({said})",
            mail.from, mail.to
        )),
        SendEmailError::MessageRejected(_) => never(format!("SES did not take the mail to {}: {said}", mail.to)),
        SendEmailError::BadRequestException(_) => {
            never(format!("SES can do nothing with the mail to {}: is the address right? ({said})", mail.to))
        }
        SendEmailError::SendingPausedException(_) | SendEmailError::AccountSuspendedException(_) => {
            later(format!("SES sends nothing for this account now: see the account's dashboard in SES ({said})"))
        }
        SendEmailError::NotFoundException(_) => later(format!(
            "SES lacks what the configuration names: look at `configuration_set` in `[email.ses]` ({said})"
        )),
        _ => later(format!("SES did not take the mail now: {said}")),
    }
}

/// Returns whether SES lists the sender or its domain among the identities that are not verified: "Email address is not
/// verified. The following identities failed the check in region EU-WEST-1: dag@example.com, kim@example.com".
fn names(said: &str, from: &str) -> bool {
    let address = from.rsplit_once('<').map_or(from, |(_, rest)| rest.trim_end_matches('>'));
    let domain = address.rsplit_once('@').map_or(address, |(_, domain)| domain);
    let failed =
        said.rsplit_once("region ").and_then(|(_, rest)| rest.split_once(": ")).map_or("", |(_, failed)| failed);
    let mut failed = failed.split([',', ' ', ')']).filter(|word| !word.is_empty());
    failed.any(|one| one.eq_ignore_ascii_case(address) || one.eq_ignore_ascii_case(domain))
}

#[cfg(test)]
mod tests {
    use aws_sdk_sesv2::types::error::{
        AccountSuspendedException, BadRequestException, MailFromDomainNotVerifiedException, MessageRejected,
        NotFoundException, SendingPausedException, TooManyRequestsException,
    };
    use dag_engine::{Decision, notifications};

    use super::*;

    /// Returns any message. These tests do not depend on its content.
    fn notification() -> dag_engine::Notification {
        let top = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let config = dag_config::Config::load(&top.join("config.toml"), &[]).unwrap();
        let rulebook =
            dag_rulebook::Rulebook::compile(dag_rulebook::RulesFolder::read(&top.join("rules")).unwrap(), &config)
                .unwrap();
        let device = config.device(None).unwrap();
        let samples: Vec<Decision> = rulebook.engine.samples(&device, dag_engine::Time::MIN);
        notifications(&samples).next().unwrap().clone()
    }

    /// Breaks a text into lines of at most 100 columns.
    fn wrapped(text: &str) -> String {
        let mut lines = String::new();
        let mut column = 0;
        for word in text.split(' ') {
            if column > 0 && column + 1 + word.len() > 100 {
                lines.push_str("\n    ");
                column = 4;
            } else if column > 0 {
                lines.push(' ');
                column += 1;
            }
            lines.push_str(word);
            column += word.len();
        }
        lines
    }

    #[test]
    fn only_a_refusal_of_the_mail_or_the_address_is_permanent() {
        let notification = notification();
        let mail =
            Mail { from: "Dag <dag@example.com>", to: "kim@example.com", raw: Vec::new(), notification: &notification };
        let unverified = "Email address is not verified. The following identities failed the check in region \
                          EU-WEST-1: kim@example.com";
        let bad = BadRequestException::builder().message("Invalid domain name").build();
        let from = MailFromDomainNotVerifiedException::builder().build();
        let suspended = AccountSuspendedException::builder().build();
        let set = NotFoundException::builder().message("Configuration set <dag> does not exist.").build();
        let cases = [
            SendEmailError::MessageRejected(MessageRejected::builder().message(unverified).build()),
            SendEmailError::MessageRejected(
                MessageRejected::builder().message(unverified.replace("kim@", "dag@example.com, kim@")).build(),
            ),
            SendEmailError::MessageRejected(MessageRejected::builder().message("Illegal content").build()),
            SendEmailError::BadRequestException(bad),
            SendEmailError::MailFromDomainNotVerifiedException(from),
            SendEmailError::AccountSuspendedException(suspended),
            SendEmailError::SendingPausedException(SendingPausedException::builder().build()),
            SendEmailError::NotFoundException(set),
            SendEmailError::TooManyRequestsException(TooManyRequestsException::builder().build()),
        ];
        let texts = cases.map(|error| match failure(&SdkError::service_error(error, ()), &mail) {
            Failure::Retry { error, .. } => format!("later: {error}"),
            Failure::Permanent { error } => format!("never: {error}"),
        });
        insta::assert_snapshot!(texts.map(|text| wrapped(&text)).join("\n"), @"
        never: SES sends only between verified addresses: verify Dag <dag@example.com> with SES, and
            kim@example.com too while the account is in the sandbox (service error: MessageRejected: Email
            address is not verified. The following identities failed the check in region EU-WEST-1:
            kim@example.com)
        later: SES does not know the sender yet: verify Dag <dag@example.com> or its domain with SES
            (service error: MessageRejected: Email address is not verified. The following identities failed
            the check in region EU-WEST-1: dag@example.com, kim@example.com)
        never: SES did not take the mail to kim@example.com: service error: MessageRejected: Illegal content
        never: SES can do nothing with the mail to kim@example.com: is the address right? (service error:
            BadRequestException: Invalid domain name)
        later: SES does not know the sender's domain: verify Dag <dag@example.com> or its domain with SES
            (service error: MailFromDomainNotVerifiedException)
        later: SES sends nothing for this account now: see the account's dashboard in SES (service error:
            AccountSuspendedException)
        later: SES sends nothing for this account now: see the account's dashboard in SES (service error:
            SendingPausedException)
        later: SES lacks what the configuration names: look at `configuration_set` in `[email.ses]` (service
            error: NotFoundException: Configuration set <dag> does not exist.)
        later: SES did not take the mail now: service error: TooManyRequestsException
        ");
        let lost = failure::<()>(&SdkError::timeout_error("5 seconds have passed"), &mail);
        assert!(
            matches!(&lost, Failure::Retry { error, .. } if error.starts_with("SES cannot be reached: ")),
            "{lost:?}"
        );
    }
}
