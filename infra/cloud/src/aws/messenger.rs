//! The way to people: mail by SES, and webhooks that are signed with entries of the stack's secret.

use dag_delivery::{Delivery, Failure, Prepared, Receipt};
use dag_engine::{Notification, Time};

use super::secret::Secret;
use crate::world::Messenger;

/// The channels of the shared delivery, and the secret that they sign with.
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
    async fn send(&self, notification: &Notification, prepared: &Prepared, now: Time) -> Result<Receipt, Failure> {
        let ready = self.secret.ready_for(notification, now).await;
        ready.map_err(|fault| Failure::later(fault.to_string()))?;
        self.delivery.send(notification, prepared, now).await
    }
}
