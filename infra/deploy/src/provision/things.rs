//! The registry of things: what AWS IoT knows of devices and certificates. Each call may be made again.

use anyhow::{Context as _, Result, bail};
use aws_config::SdkConfig;
use aws_sdk_iot::{
    Client,
    types::{AttributePayload, CertificateStatus, ThingPrincipalType},
};

use super::note::Certificate;
use crate::{
    cloud::{Cloud, Outputs},
    explain::explain,
    template::Output,
};

/// By this attribute people find the devices of an account.
const ACCOUNT: &str = "account";

/// By this one an older fleet knew them.
const OLDER_ACCOUNT: &str = "account-id";

/// The things of a stack.
pub(crate) struct Things {
    client: Client,
    pub policy: String,
    pub thing_type: String,
    pub group: String,
}

/// What is known of a thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Thing {
    pub thing_type: Option<String>,
    /// The id of its account.
    pub account: Option<String>,
    /// The same, as an older fleet has it.
    pub older_account: Option<String>,
}

impl Things {
    pub fn new(cloud: &Cloud, outputs: &Outputs) -> Result<Things> {
        Ok(Things {
            client: Client::new(&cloud.sdk),
            policy: outputs.get(Output::DevicePolicy)?.to_owned(),
            thing_type: outputs.get(Output::DeviceType)?.to_owned(),
            group: outputs.get(Output::DeviceGroup)?.to_owned(),
        })
    }

    /// The things of a stack that may not say any more what they are called. The template has these names.
    pub fn of_stack(sdk: &SdkConfig, stack: &str) -> Things {
        Things {
            client: Client::new(sdk),
            policy: format!("{stack}-device"),
            thing_type: stack.to_owned(),
            group: stack.to_owned(),
        }
    }

    /// The broker's name, as devices reach it.
    pub async fn endpoint(&self) -> Result<String> {
        let endpoint = self.client.describe_endpoint().endpoint_type("iot:Data-ATS").send().await;
        let endpoint = endpoint.map_err(|error| explain("asking where the broker is", &error))?;
        endpoint.endpoint_address.context("AWS IoT does not say where the broker is")
    }

    pub async fn find(&self, device: &str) -> Result<Option<Thing>> {
        match self.client.describe_thing().thing_name(device).send().await {
            Ok(thing) => {
                let mut attributes = thing.attributes.unwrap_or_default();
                Ok(Some(Thing {
                    thing_type: thing.thing_type_name,
                    account: attributes.remove(ACCOUNT),
                    older_account: attributes.remove(OLDER_ACCOUNT),
                }))
            }
            Err(error) if error.as_service_error().is_some_and(|e| e.is_resource_not_found_exception()) => Ok(None),
            Err(error) => Err(explain("looking for the thing", &error)),
        }
    }

    pub async fn make(&self, device: &str) -> Result<()> {
        let made = self.client.create_thing().thing_name(device).thing_type_name(&self.thing_type).send().await;
        made.map(|_| ()).map_err(|error| explain("making the thing", &error))
    }

    /// Gives a thing that has none the type of devices.
    pub async fn set_type(&self, device: &str) -> Result<()> {
        let update = self.client.update_thing().thing_name(device).thing_type_name(&self.thing_type);
        update.send().await.map(|_| ()).map_err(|error| explain("giving the thing its type", &error))
    }

    pub async fn set_account(&self, device: &str, account: &str) -> Result<()> {
        let attribute = AttributePayload::builder().attributes(ACCOUNT, account).merge(true).build();
        let update = self.client.update_thing().thing_name(device).attribute_payload(attribute);
        update.send().await.map(|_| ()).map_err(|error| explain("noting the account with the thing", &error))
    }

    /// Has a thing name another account, or none: an empty value removes an attribute ("AttributePayload"). A device that was
    /// not provisioned yet has no thing, which names its account once it is made.
    pub async fn name_account(&self, device: &str, account: Option<&str>) -> Result<()> {
        let account = account.unwrap_or_default();
        let attribute = AttributePayload::builder().attributes(ACCOUNT, account).merge(true).build();
        match self.client.update_thing().thing_name(device).attribute_payload(attribute).send().await {
            Err(error) if error.as_service_error().is_some_and(|e| e.is_resource_not_found_exception()) => Ok(()),
            named => named.map(|_| ()).map_err(|error| explain("noting the account with the thing", &error)),
        }
    }

    /// How many certificates let a device in: those that are attached to its thing and active. One without a thing has none.
    pub async fn active_certificates(&self, device: &str) -> Result<usize> {
        if self.find(device).await?.is_none() {
            return Ok(0);
        }
        Ok(self.active(&self.certificates(device).await?).await?.len())
    }

    pub async fn is_in_group(&self, device: &str) -> Result<bool> {
        let mut pages = self.client.list_thing_groups_for_thing().thing_name(device).into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| explain("asking for the groups of the thing", &error))?;
            if page.thing_groups().iter().any(|group| group.group_name() == Some(&self.group)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    pub async fn join_group(&self, device: &str) -> Result<()> {
        let join = self.client.add_thing_to_thing_group().thing_name(device).thing_group_name(&self.group);
        join.send().await.map(|_| ()).map_err(|error| explain("putting the thing into its group", &error))
    }

    /// The certificates that are attached to a thing.
    pub async fn certificates(&self, device: &str) -> Result<Vec<Certificate>> {
        let mut found = Vec::new();
        let mut pages = self.client.list_thing_principals().thing_name(device).into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| explain("asking for the certificates of the thing", &error))?;
            found.extend(page.principals().iter().filter_map(|arn| Certificate::of(arn)));
        }
        Ok(found)
    }

    /// Those of some certificates that are active.
    pub async fn active(&self, certificates: &[Certificate]) -> Result<Vec<Certificate>> {
        let mut active = Vec::new();
        for certificate in certificates {
            if matches!(self.look(certificate).await?, Some((_, CertificateStatus::Active))) {
                active.push(certificate.clone());
            }
        }
        Ok(active)
    }

    /// The other things that have a certificate of a device, too: whoever has that can be any of them.
    pub async fn sharing(&self, device: &str, certificate: &Certificate) -> Result<Vec<String>> {
        let mut found = Vec::new();
        let mut pages = self.client.list_principal_things().principal(&certificate.arn).into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| explain("asking for the things of the certificate", &error))?;
            found.extend(page.things.unwrap_or_default());
        }
        found.retain(|thing| thing != device);
        Ok(found)
    }

    /// A certificate for a request, inactive: it opens nothing yet.
    pub async fn issue(&self, request: &str) -> Result<Certificate> {
        let create = self.client.create_certificate_from_csr().certificate_signing_request(request);
        let issued = create.set_as_active(false).send().await;
        let issued = issued.map_err(|error| explain("asking for a certificate", &error))?;
        let arn = issued.certificate_arn.context("AWS IoT does not say which certificate it made")?;
        Certificate::of(&arn).with_context(|| format!("AWS IoT made `{arn}`, which is no certificate"))
    }

    /// A certificate in PEM, and what it is good for; `None` if it was deleted.
    pub async fn look(&self, certificate: &Certificate) -> Result<Option<(String, CertificateStatus)>> {
        match self.client.describe_certificate().certificate_id(&certificate.id).send().await {
            Ok(found) => {
                let found = found.certificate_description.context("AWS IoT says nothing of the certificate")?;
                let pem = found.certificate_pem.context("AWS IoT does not show the certificate")?;
                Ok(Some((pem, found.status.context("AWS IoT does not say whether the certificate is active")?)))
            }
            Err(error) if error.as_service_error().is_some_and(|e| e.is_resource_not_found_exception()) => Ok(None),
            Err(error) => Err(explain("looking for the certificate", &error)),
        }
    }

    pub async fn set_status(&self, certificate: &Certificate, status: CertificateStatus) -> Result<()> {
        let update = self.client.update_certificate().certificate_id(&certificate.id).new_status(status);
        update.send().await.map(|_| ()).map_err(|error| explain("changing what the certificate is good for", &error))
    }

    pub async fn policies(&self, certificate: &Certificate) -> Result<Vec<String>> {
        let mut found = Vec::new();
        let mut pages = self.client.list_attached_policies().target(&certificate.arn).into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| explain("asking for the policies of the certificate", &error))?;
            found.extend(page.policies().iter().filter_map(|policy| policy.policy_name.clone()));
        }
        Ok(found)
    }

    pub async fn allow(&self, certificate: &Certificate) -> Result<()> {
        let attach = self.client.attach_policy().policy_name(&self.policy).target(&certificate.arn);
        attach.send().await.map(|_| ()).map_err(|error| explain("attaching the policy to the certificate", &error))
    }

    /// To this thing alone, so that nobody can be two devices by one certificate.
    pub async fn attach(&self, device: &str, certificate: &Certificate) -> Result<()> {
        let attach = self.client.attach_thing_principal().thing_name(device).principal(&certificate.arn);
        let attach = attach.thing_principal_type(ThingPrincipalType::ExclusiveThing);
        attach.send().await.map(|_| ()).map_err(|error| explain("attaching the certificate to the thing", &error))
    }

    /// Has nobody connect by a certificate any more. One that was revoked stays so.
    pub async fn deactivate(&self, certificate: &Certificate) -> Result<()> {
        match self.look(certificate).await? {
            Some((_, CertificateStatus::Active)) => self.set_status(certificate, CertificateStatus::Inactive).await,
            _ => Ok(()),
        }
    }

    /// Takes every policy from a certificate.
    pub async fn forbid(&self, certificate: &Certificate) -> Result<()> {
        for policy in self.policies(certificate).await? {
            self.detach_policy(&policy, certificate).await?;
        }
        Ok(())
    }

    async fn detach_policy(&self, policy: &str, certificate: &Certificate) -> Result<()> {
        let detach = self.client.detach_policy().policy_name(policy).target(&certificate.arn).send().await;
        detach.map(|_| ()).map_err(|error| explain("detaching a policy from the certificate", &error))
    }

    /// Takes a certificate from its thing.
    pub async fn detach(&self, device: &str, certificate: &Certificate) -> Result<()> {
        let detach = self.client.detach_thing_principal().thing_name(device).principal(&certificate.arn);
        detach.send().await.map(|_| ()).map_err(|error| explain("detaching the certificate from the thing", &error))
    }

    /// Makes a certificate the device's: policy, thing, and then active. Answers what there was to do.
    pub async fn put_to_work(&self, device: &str, certificate: &Certificate) -> Result<Vec<&'static str>> {
        let Some((_, status)) = self.look(certificate).await? else {
            bail!("the certificate of `{device}` was deleted: give it another by `--rotate`");
        };
        if !matches!(status, CertificateStatus::Active | CertificateStatus::Inactive) {
            let status = status.as_str().to_lowercase();
            bail!("the certificate of `{device}` is {status} and stays so: give the device another by `--rotate`");
        }
        let mut done = Vec::new();
        if !self.policies(certificate).await?.contains(&self.policy) {
            self.allow(certificate).await?;
            done.push("the policy is attached to the certificate");
        }
        if !self.certificates(device).await?.contains(certificate) {
            self.attach(device, certificate).await?;
            done.push("the certificate is attached to the thing");
        }
        if status == CertificateStatus::Inactive {
            self.set_status(certificate, CertificateStatus::Active).await?;
            done.push("the certificate is active");
        }
        Ok(done)
    }
    /// Every device of the group.
    pub async fn devices(&self) -> Result<Vec<String>> {
        let mut devices = Vec::new();
        let group = self.client.list_things_in_thing_group().thing_group_name(&self.group);
        let mut pages = group.into_paginator().send();
        while let Some(page) = pages.next().await {
            match page {
                Ok(page) => devices.extend(page.things.unwrap_or_default()),
                // A stack that was never made has no group.
                Err(error) if error.as_service_error().is_some_and(|said| said.is_resource_not_found_exception()) => {
                    break;
                }
                Err(error) => return Err(explain("asking for the devices", &error)),
            }
        }
        Ok(devices)
    }

    /// Shuts a device out for good: its certificates are at an end, and its thing is deleted, without which its type could not
    /// be. A certificate that a thing outside has, too, loses the stack's policy and nothing else.
    pub async fn shut_out(&self, device: &str) -> Result<()> {
        for certificate in self.certificates(device).await? {
            if self.sharing(device, &certificate).await?.is_empty() {
                self.deactivate(&certificate).await?;
                self.forbid(&certificate).await?;
            } else if self.policies(&certificate).await?.contains(&self.policy) {
                self.detach_policy(&self.policy, &certificate).await?;
            }
            self.detach(device, &certificate).await?;
        }
        let deleted = self.client.delete_thing().thing_name(device).send().await;
        deleted.map(drop).map_err(|error| explain("deleting the thing", &error))
    }
}
