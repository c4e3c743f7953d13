//! A world whose table is in moto. The rest is in memory.

use std::sync::MutexGuard;

use dag_cloud::{
    Devices, Messenger, Queues, Registration, Store, World,
    aws::{Registry, Table},
};
use dag_engine::{Name, Time};

use crate::memory::{Memory, MemoryState};
use crate::{fleet::Bench, stack::Stack};

pub struct MotoTable {
    table: Table,
    registry: Registry,
    memory: Memory,
}

impl MotoTable {
    pub fn new(stack: &Stack, now: Time) -> MotoTable {
        let registry = Registry::new(&stack.sdk, &stack.environment.table);
        MotoTable { table: stack.table(), registry, memory: Memory::new(now) }
    }
}

impl Bench for MotoTable {
    fn lock(&self) -> MutexGuard<'_, MemoryState> {
        self.memory.lock()
    }

    async fn register(&self, device: Name) {
        let registered = self.registry.change(&device, |device| *device = Registration::default()).await;
        registered.unwrap_or_else(|fault| panic!("{fault}"));
    }
}

impl World for MotoTable {
    fn store(&self) -> &impl Store {
        &self.table
    }

    fn queues(&self) -> &impl Queues {
        &self.memory
    }

    fn devices(&self) -> &impl Devices {
        &self.memory
    }

    fn messenger(&self) -> &impl Messenger {
        &self.memory
    }

    fn now(&self) -> Time {
        self.memory.now()
    }
}
