//! Mail by Amazon SES. The bytes are those that a mail server would get: one renderer for every host.

use aws_config::{Region, SdkConfig, retry::RetryConfig};
use aws_sdk_sesv2::{
    Client,
    config::Builder,
    error::{ProvideErrorMetadata as _, SdkError},
    operation::send_email::SendEmailError,
    primitives::Blob,
    types::{Destination, EmailContent, MessageTag, RawMessage},
};
use dag_delivery::{Failure, Mail, Mailer, Receipt, Sending};

use super::{error::told, verified::Verified};
use crate::feedback::tags;

/// The longest value of a tag ("MessageTag").
const LONGEST_TAG: usize = 256;

/// The mail service.
pub(super) struct Ses {
    client: Client,
    configuration_set: Option<String>,
    /// What is known of identities, while the account is in the sandbox.
    sandbox: Option<Verified>,
}

impl Ses {
    /// `configuration_set` is the stack's own.
    pub fn new(sdk: &SdkConfig, ses: &dag_config::Ses, configuration_set: Option<&str>) -> Self {
        // A mail of which no answer came may have been sent: whether it is tried again is for the outbox to say.
        let mut config = Builder::from(sdk).retry_config(RetryConfig::disabled());
        if let Some(region) = &ses.region {
            config = config.region(Region::new(region.clone()));
        }
        Ses {
            client: Client::from_conf(config.build()),
            configuration_set: ses.configuration_set.as_deref().or(configuration_set).map(str::to_owned),
            sandbox: ses.sandbox.then(Verified::default),
        }
    }

    async fn hand_over(&self, mut mail: Mail<'_>) -> Result<Receipt, Failure> {
        if let Some(verified) = &self.sandbox
            && !verified.covers(&self.client, mail.to).await
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
            // Without it a mail that comes back is not known again. It goes all the same.
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
    fn send<'a>(&'a self, mail: Mail<'a>) -> Sending<'a> {
        Box::pin(self.hand_over(mail))
    }
}

fn unverified(to: &str) -> String {
    format!(
        "{to} is not verified with SES, and the sandbox sends to verified addresses only: have it confirm the mail that \
         `aws sesv2 create-email-identity --email-identity {to}` sends, or ask AWS for production access and set \
         `sandbox = false` in `[email.ses]`"
    )
}

/// Whether another attempt makes sense. What is ours to mend, and may be mended within a day, costs no message; what SES
/// says of the mail or the address does.
fn failure<R: std::fmt::Debug>(error: &SdkError<SendEmailError, R>, mail: &Mail<'_>) -> Failure {
    let said = told(error);
    let later = |error: String| Failure::Retry { error, after: None };
    let never = |error: String| Failure::Permanent { error };
    let Some(service) = error.as_service_error() else {
        return later(format!("SES cannot be reached: {said}"));
    };
    match service {
        SendEmailError::MailFromDomainNotVerifiedException(_) => never(format!(
            "SES does not know the sender's domain: verify {} or its domain with SES ({said})",
            mail.from
        )),
        SendEmailError::MessageRejected(_) if service.message().is_some_and(|text| text.contains("not verified")) => {
            never(format!(
                "SES sends only between verified addresses: verify {} with SES, and {} too while the account is in the \
                 sandbox ({said})",
                mail.from, mail.to
            ))
        }
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
