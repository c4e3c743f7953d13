//! The verification of addresses. SES in its sandbox sends mail to verified addresses alone.

use anyhow::Result;
use aws_sdk_sesv2::{
    Client,
    config::Region,
    operation::{create_email_identity::CreateEmailIdentityError, get_email_identity::GetEmailIdentityError},
};
use dag_config::Config;

use crate::{cloud::Cloud, explain::explain};

/// The state of an address at SES.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verification {
    /// SES sends its owner a link now.
    Requested,
    /// SES sent a link before, which was not followed yet.
    Pending,
    /// SES writes there already.
    Done,
}

impl Verification {
    /// Returns the state as a sentence for people.
    pub fn to_text(self, address: &str) -> String {
        match self {
            Verification::Requested => format!(
                "SES asks {address} by mail whether it may write there: nothing else arrives until the link in it is \
                 followed."
            ),
            Verification::Pending => format!(
                "SES asked {address} before, and nothing arrives there until the link in that mail is followed."
            ),
            Verification::Done => format!("SES writes to {address} already."),
        }
    }
}

/// Makes SES ask the owner of an address. Returns `None` if SES is not in its sandbox.
pub(crate) async fn verify(cloud: &Cloud, config: &Config, address: &str) -> Result<Option<Verification>> {
    if !config.email.ses.sandbox {
        return Ok(None);
    }
    let mut sdk = cloud.sdk.to_builder();
    if let Some(region) = &config.email.ses.region {
        sdk = sdk.region(Region::new(region.clone()));
    }
    let client = Client::new(&sdk.build());
    // A verified domain covers its addresses.
    if let Some((_, domain)) = address.rsplit_once('@')
        && verified(&client, domain).await? == Some(true)
    {
        return Ok(Some(Verification::Done));
    }
    match verified(&client, address).await? {
        Some(true) => return Ok(Some(Verification::Done)),
        Some(false) => return Ok(Some(Verification::Pending)),
        None => {}
    }
    match client.create_email_identity().email_identity(address).send().await {
        Ok(_) => Ok(Some(Verification::Requested)),
        Err(error) => match error.as_service_error() {
            // Another command created it meanwhile.
            Some(CreateEmailIdentityError::AlreadyExistsException(_)) => Ok(Some(Verification::Pending)),
            _ => Err(explain(&format!("having SES ask {address} whether it may write there"), &error)),
        },
    }
}

/// Returns whether an identity is verified, or `None` if SES does not know it.
async fn verified(client: &Client, identity: &str) -> Result<Option<bool>> {
    match client.get_email_identity().email_identity(identity).send().await {
        Ok(identity) => Ok(Some(identity.verified_for_sending_status())),
        Err(error) => match error.as_service_error() {
            Some(GetEmailIdentityError::NotFoundException(_)) => Ok(None),
            _ => Err(explain("asking SES what it may write to", &error)),
        },
    }
}
