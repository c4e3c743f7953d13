//! The channels to people: mail by SES, and webhooks, which the stack's secret signs.

use dag_delivery::{Delivery, Failure, MessageContent, Receipt};
use dag_engine::{Notification, Time};

use super::secret::Secret;
use crate::world::Messenger;

/// The delivery of `dag-delivery`, and the secret for its webhooks.
pub(super) struct AwsMessenger {
    secret: Secret,
    delivery: Delivery,
}

impl AwsMessenger {
    pub fn new(secret: Secret, delivery: Delivery) -> Self {
        AwsMessenger { secret, delivery }
    }
}

impl Messenger for AwsMessenger {
    async fn send(
        &self,
        notification: &Notification,
        prepared: &MessageContent,
        now: Time,
    ) -> Result<Receipt, Failure> {
        let refreshed = self.secret.refresh_for(notification, now).await;
        refreshed.map_err(|fault| Failure::later(fault.to_string()))?;
        self.delivery.send(notification, prepared, now).await
    }
}
