//! The sender of mail, which a person may have to verify before SES accepts mail.

use anyhow::Result;
use aws_config::{Region, SdkConfig};
use aws_sdk_sesv2::operation::get_email_identity::GetEmailIdentityError;

use crate::{explain::explain, template::Facts};

/// Returns what a person has to do before SES accepts mail of the sender, or `None` if it is verified.
///
/// # Errors
/// SES cannot be asked.
pub(crate) async fn sender(sdk: &SdkConfig, facts: &Facts) -> Result<Option<String>> {
    let region = facts.mail_region().unwrap_or(&facts.region).to_owned();
    let identity = facts.sender_domain.as_ref().unwrap_or(&facts.sender);
    let sdk = sdk.to_builder().region(Region::new(region.clone())).build();
    let identity_state = aws_sdk_sesv2::Client::new(&sdk).get_email_identity().email_identity(identity).send().await;
    let what = match identity_state {
        Ok(known) if known.verified_for_sending_status() => return Ok(None),
        Ok(_) => match facts.sender_domain {
            Some(_) => "put the three records of the outputs into its DNS",
            None => "follow the link in the mail that SES sent there",
        },
        Err(error) => match error.as_service_error() {
            Some(GetEmailIdentityError::NotFoundException(_)) if facts.sender_exists => {
                "verify it there, or leave out `sender_exists` in `[aws]`, so that the stack does"
            }
            Some(GetEmailIdentityError::NotFoundException(_)) => "deploy again: the stack makes it",
            _ => return Err(explain("asking SES for the sender", &error)),
        },
    };
    Ok(Some(format!(
        "no mail leaves yet: SES in {region} does not know `{identity}` as a sender. To have it so, {what}"
    )))
}
