//! A world whose table is moto's; all else of it is in memory.

use std::sync::MutexGuard;

use dag_cloud::{
    Clock, Commit, CommitError, Devices, Due, Fault, Inside, Mark, Memory, Post, Queues, Registration, Store, Stored,
    aws::Aws,
};
use dag_delivery::{Failure, Prepared, Receipt};
use dag_engine::{Id, Millis, Notification, Time};
use dag_uplink::{Command, SignedRules};

use crate::{fleet::Bench, stack::Stack};

pub struct Moto {
    table: Aws,
    memory: Memory,
}

impl Moto {
    pub fn new(stack: &Stack, now: Time) -> Moto {
        Moto { table: stack.world(), memory: Memory::new(now) }
    }
}

impl Bench for Moto {
    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.memory.inside()
    }
}

impl Store for Moto {
    async fn load(&self, device: &str) -> Result<Option<Stored>, Fault> {
        self.table.load(device).await
    }

    async fn commit(&self, commit: &Commit) -> Result<(), CommitError> {
        self.table.commit(commit).await
    }

    async fn prepared(&self, device: &str, message: Id) -> Result<Option<Prepared>, Fault> {
        self.table.prepared(device, message).await
    }

    async fn due(&self, shard: u8, until: Time) -> Result<Vec<Due>, Fault> {
        self.table.due(shard, until).await
    }

    async fn registration(&self, device: &str) -> Result<Option<Registration>, Fault> {
        // The registry is no part of what is measured.
        self.memory.registration(device).await
    }

    async fn rules(&self, hash: Id) -> Result<Option<SignedRules>, Fault> {
        self.memory.rules(hash).await
    }

    async fn mark(&self, address: &str, mark: &Mark) -> Result<(), Fault> {
        self.table.mark(address, mark).await
    }
}

impl Queues for Moto {
    async fn events(&self, records: Vec<(String, Millis)>) -> Result<(), Fault> {
        self.memory.events(records).await
    }

    async fn deliveries(&self, records: Vec<String>) -> Result<(), Fault> {
        self.memory.deliveries(records).await
    }

    async fn dead(&self, body: &str, reason: &str) -> Result<(), Fault> {
        self.memory.dead(body, reason).await
    }
}

impl Devices for Moto {
    async fn command(&self, device: &str, command: &Command) -> Result<(), Fault> {
        self.memory.command(device, command).await
    }
}

impl Post for Moto {
    async fn send(&self, notification: &Notification, prepared: &Prepared, now: Time) -> Result<Receipt, Failure> {
        self.memory.send(notification, prepared, now).await
    }
}

impl Clock for Moto {
    fn now(&self) -> Time {
        self.memory.now()
    }
}
