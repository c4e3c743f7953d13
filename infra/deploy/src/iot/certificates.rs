//! The certificates of devices: issue, status, policies, and attachment to things.

use anyhow::{Context as _, Result, bail};
use aws_sdk_iot::types::{CertificateStatus, ThingPrincipalType};

use super::{certificate::Certificate, client::Iot};
use crate::explain::explain;

impl Iot {
    /// Returns the certificates that are attached to a thing.
    pub async fn certificates(&self, device: &str) -> Result<Vec<Certificate>> {
        let mut found = Vec::new();
        let mut pages = self.client.list_thing_principals().thing_name(device).into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| explain("asking for the certificates of the thing", &error))?;
            found.extend(page.principals().iter().filter_map(|arn| Certificate::of(arn)));
        }
        Ok(found)
    }

    /// Returns the active ones among certificates.
    pub async fn active_among(&self, certificates: &[Certificate]) -> Result<Vec<Certificate>> {
        let mut active = Vec::new();
        for certificate in certificates {
            if matches!(self.describe(certificate).await?, Some((_, CertificateStatus::Active))) {
                active.push(certificate.clone());
            }
        }
        Ok(active)
    }

    /// Returns the number of active certificates that are attached to a device's thing: 0 without a thing.
    pub async fn count_active(&self, device: &str) -> Result<usize> {
        if self.find_thing(device).await?.is_none() {
            return Ok(0);
        }
        Ok(self.active_among(&self.certificates(device).await?).await?.len())
    }

    /// Returns the other things that share a certificate with a device. Whoever has the certificate can act as each of
    /// them.
    pub async fn other_things(&self, device: &str, certificate: &Certificate) -> Result<Vec<String>> {
        let mut found = Vec::new();
        let mut pages = self.client.list_principal_things().principal(&certificate.arn).into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| explain("asking for the things of the certificate", &error))?;
            found.extend(page.things.unwrap_or_default());
        }
        found.retain(|thing| thing != device);
        Ok(found)
    }

    /// Issues a certificate for a request. It is inactive, so that nobody can connect by it yet.
    pub async fn issue(&self, request: &str) -> Result<Certificate> {
        let create = self.client.create_certificate_from_csr().certificate_signing_request(request);
        let issued = create.set_as_active(false).send().await;
        let issued = issued.map_err(|error| explain("asking for a certificate", &error))?;
        let arn = issued.certificate_arn.context("AWS IoT does not say which certificate it made")?;
        Certificate::of(&arn).with_context(|| format!("AWS IoT made `{arn}`, which is no certificate"))
    }

    /// Returns a certificate in PEM and its status, or `None` if it was deleted.
    pub async fn describe(&self, certificate: &Certificate) -> Result<Option<(String, CertificateStatus)>> {
        match self.client.describe_certificate().certificate_id(&certificate.id).send().await {
            Ok(found) => {
                let found = found.certificate_description.context("AWS IoT says nothing of the certificate")?;
                let pem = found.certificate_pem.context("AWS IoT does not show the certificate")?;
                Ok(Some((pem, found.status.context("AWS IoT does not say whether the certificate is active")?)))
            }
            Err(error) if error.as_service_error().is_some_and(|error| error.is_resource_not_found_exception()) => {
                Ok(None)
            }
            Err(error) => Err(explain("looking for the certificate", &error)),
        }
    }

    /// Sets the status of a certificate.
    pub async fn set_status(&self, certificate: &Certificate, status: CertificateStatus) -> Result<()> {
        let update = self.client.update_certificate().certificate_id(&certificate.id).new_status(status);
        update.send().await.map(|_| ()).map_err(|error| explain("changing the status of the certificate", &error))
    }

    /// Makes an active certificate inactive. One that was revoked stays so.
    pub async fn deactivate(&self, certificate: &Certificate) -> Result<()> {
        match self.describe(certificate).await? {
            Some((_, CertificateStatus::Active)) => self.set_status(certificate, CertificateStatus::Inactive).await,
            _ => Ok(()),
        }
    }

    /// Attaches a certificate to a thing exclusively, so that it cannot be attached to another one.
    pub async fn attach_certificate(&self, device: &str, certificate: &Certificate) -> Result<()> {
        let attach = self.client.attach_thing_principal().thing_name(device).principal(&certificate.arn);
        let attach = attach.thing_principal_type(ThingPrincipalType::ExclusiveThing);
        attach.send().await.map(|_| ()).map_err(|error| explain("attaching the certificate to the thing", &error))
    }

    /// Detaches a certificate from a thing.
    pub async fn detach_certificate(&self, device: &str, certificate: &Certificate) -> Result<()> {
        let detach = self.client.detach_thing_principal().thing_name(device).principal(&certificate.arn);
        detach.send().await.map(|_| ()).map_err(|error| explain("detaching the certificate from the thing", &error))
    }

    /// Returns the names of the policies of a certificate.
    pub async fn policies(&self, certificate: &Certificate) -> Result<Vec<String>> {
        let mut found = Vec::new();
        let mut pages = self.client.list_attached_policies().target(&certificate.arn).into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| explain("asking for the policies of the certificate", &error))?;
            found.extend(page.policies().iter().filter_map(|policy| policy.policy_name.clone()));
        }
        Ok(found)
    }

    /// Attaches the policy of devices to a certificate.
    pub async fn attach_policy(&self, certificate: &Certificate) -> Result<()> {
        let attach = self.client.attach_policy().policy_name(&self.policy).target(&certificate.arn);
        attach.send().await.map(|_| ()).map_err(|error| explain("attaching the policy to the certificate", &error))
    }

    /// Detaches every policy from a certificate.
    pub async fn detach_policies(&self, certificate: &Certificate) -> Result<()> {
        for policy in self.policies(certificate).await? {
            self.detach_policy(&policy, certificate).await?;
        }
        Ok(())
    }

    pub(super) async fn detach_policy(&self, policy: &str, certificate: &Certificate) -> Result<()> {
        let detach = self.client.detach_policy().policy_name(policy).target(&certificate.arn).send().await;
        detach.map(|_| ()).map_err(|error| explain("detaching a policy from the certificate", &error))
    }

    /// Attaches the policy and the thing to a certificate, and then activates it. Returns the steps that were needed.
    ///
    /// # Errors
    /// The certificate was deleted or revoked, or a call failed.
    pub async fn put_into_service(&self, device: &str, certificate: &Certificate) -> Result<Vec<&'static str>> {
        let Some((_, status)) = self.describe(certificate).await? else {
            bail!("the certificate of `{device}` was deleted: give it another by `--rotate`");
        };
        if !matches!(status, CertificateStatus::Active | CertificateStatus::Inactive) {
            let status = status.as_str().to_lowercase();
            bail!("the certificate of `{device}` is {status} and stays so: give the device another by `--rotate`");
        }
        let mut done = Vec::new();
        if !self.policies(certificate).await?.contains(&self.policy) {
            self.attach_policy(certificate).await?;
            done.push("the policy is attached to the certificate");
        }
        if !self.certificates(device).await?.contains(certificate) {
            self.attach_certificate(device, certificate).await?;
            done.push("the certificate is attached to the thing");
        }
        if status == CertificateStatus::Inactive {
            self.set_status(certificate, CertificateStatus::Active).await?;
            done.push("the certificate is active");
        }
        Ok(done)
    }
}
