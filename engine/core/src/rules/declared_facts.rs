//! The facts that rules and scripts may name.

use std::{cell::RefCell, collections::BTreeMap};

use crate::{FactKind, Name};

/// The facts that are declared here, and those of devices that are not.
#[derive(Debug, Default)]
pub(crate) struct DeclaredFacts {
    kinds: BTreeMap<Name, FactKind>,
    /// The names that somebody else's device is taken to have; none where every device is known here.
    elsewhere: Option<RefCell<BTreeMap<Name, FactKind>>>,
}

impl DeclaredFacts {
    /// `kinds` in their order: where a name comes twice the last one counts. With `other_devices` a name that is not
    /// among them is no mistake.
    pub fn new(kinds: impl IntoIterator<Item = (Name, FactKind)>, other_devices: bool) -> DeclaredFacts {
        DeclaredFacts { kinds: kinds.into_iter().collect(), elsewhere: other_devices.then(RefCell::default) }
    }

    /// Returns the kind of a fact that is declared here.
    pub fn kind(&self, name: &str) -> Option<FactKind> {
        self.kinds.get(name).copied()
    }

    /// Returns the kind of a fact that nobody here declares: it is a digital input, as all are that users declare.
    pub fn of_another_device(&self, name: &str) -> Option<FactKind> {
        let elsewhere = self.elsewhere.as_ref()?;
        Some(*elsewhere.borrow_mut().entry(name.into()).or_insert(FactKind::Switch))
    }

    /// The names that are declared here.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.kinds.keys().map(Name::as_str)
    }

    /// All of them, those of other devices too, now that everything that names them was read.
    pub fn into_kinds(self) -> BTreeMap<Name, FactKind> {
        let mut kinds = self.elsewhere.map(RefCell::into_inner).unwrap_or_default();
        kinds.extend(self.kinds);
        kinds
    }
}
