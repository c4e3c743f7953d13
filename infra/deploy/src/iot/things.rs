//! Things of AWS IoT: one for each device, with its type, its group and its account.

use anyhow::Result;
use aws_sdk_iot::types::AttributePayload;

use super::client::Iot;
use crate::explain::explain;

/// The attribute with the account, by which people can search for its devices.
const ACCOUNT: &str = "account";

/// The same attribute of an older fleet.
const OLDER_ACCOUNT: &str = "account-id";

/// The properties of a thing that are used here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Thing {
    pub thing_type: Option<String>,
    /// The id of its account.
    pub account: Option<String>,
    /// The id of its account in an older fleet.
    pub older_account: Option<String>,
}

impl Iot {
    /// Returns the thing of a device, or `None` if there is none.
    pub async fn find_thing(&self, device: &str) -> Result<Option<Thing>> {
        match self.client.describe_thing().thing_name(device).send().await {
            Ok(thing) => {
                let mut attributes = thing.attributes.unwrap_or_default();
                Ok(Some(Thing {
                    thing_type: thing.thing_type_name,
                    account: attributes.remove(ACCOUNT),
                    older_account: attributes.remove(OLDER_ACCOUNT),
                }))
            }
            Err(error) if error.as_service_error().is_some_and(|error| error.is_resource_not_found_exception()) => {
                Ok(None)
            }
            Err(error) => Err(explain("looking for the thing", &error)),
        }
    }

    /// Creates the thing of a device, with the type of devices.
    pub async fn create_thing(&self, device: &str) -> Result<()> {
        let made = self.client.create_thing().thing_name(device).thing_type_name(&self.thing_type).send().await;
        made.map(|_| ()).map_err(|error| explain("making the thing", &error))
    }

    /// Gives the type of devices to a thing without a type.
    pub async fn set_type(&self, device: &str) -> Result<()> {
        let update = self.client.update_thing().thing_name(device).thing_type_name(&self.thing_type);
        update.send().await.map(|_| ()).map_err(|error| explain("giving the thing its type", &error))
    }

    /// Sets the account in a thing's attribute, or removes it: an empty value removes an attribute
    /// ("AttributePayload"). Nothing happens for a device that has no thing yet, whose provisioning sets the account.
    pub async fn set_account(&self, device: &str, account: Option<&str>) -> Result<()> {
        let account = account.unwrap_or_default();
        let attribute = AttributePayload::builder().attributes(ACCOUNT, account).merge(true).build();
        match self.client.update_thing().thing_name(device).attribute_payload(attribute).send().await {
            Err(error) if error.as_service_error().is_some_and(|error| error.is_resource_not_found_exception()) => {
                Ok(())
            }
            result => result.map(|_| ()).map_err(|error| explain("noting the account with the thing", &error)),
        }
    }

    /// Returns whether a thing is in the group of devices.
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

    /// Adds a thing to the group of devices.
    pub async fn join_group(&self, device: &str) -> Result<()> {
        let join = self.client.add_thing_to_thing_group().thing_name(device).thing_group_name(&self.group);
        join.send().await.map(|_| ()).map_err(|error| explain("putting the thing into its group", &error))
    }

    /// Returns the things in the group of devices.
    pub async fn devices(&self) -> Result<Vec<String>> {
        let mut devices = Vec::new();
        let group = self.client.list_things_in_thing_group().thing_group_name(&self.group);
        let mut pages = group.into_paginator().send();
        while let Some(page) = pages.next().await {
            match page {
                Ok(page) => devices.extend(page.things.unwrap_or_default()),
                // A stack that was never made has no group.
                Err(error) if error.as_service_error().is_some_and(|error| error.is_resource_not_found_exception()) => {
                    break;
                }
                Err(error) => return Err(explain("asking for the devices", &error)),
            }
        }
        Ok(devices)
    }

    /// Ends the certificates of a device, and deletes its thing, which would keep the thing type from being deleted. A
    /// certificate that other things share loses the stack's policy alone.
    pub async fn remove_device(&self, device: &str) -> Result<()> {
        for certificate in self.certificates(device).await? {
            if self.other_things(device, &certificate).await?.is_empty() {
                self.deactivate(&certificate).await?;
                self.detach_policies(&certificate).await?;
            } else if self.policies(&certificate).await?.contains(&self.policy) {
                self.detach_policy(&self.policy, &certificate).await?;
            }
            self.detach_certificate(device, &certificate).await?;
        }
        let deleted = self.client.delete_thing().thing_name(device).send().await;
        deleted.map(drop).map_err(|error| explain("deleting the thing", &error))
    }
}
