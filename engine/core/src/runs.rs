//! Hosts and the rules that they run.

/// The rules that a host runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Runs {
    /// All of them: what tests and simulations do.
    Everything,
    /// Those of a device that decides by itself: `run_on` is `edge` or `anywhere`.
    Standalone,
    /// Those of a device that reports to the cloud: `run_on` is `edge`.
    Device,
    /// Those of the cloud: `run_on` is `cloud` or `anywhere`.
    Cloud,
}

impl Runs {
    /// Returns whether such a host runs a rule with this `run_on`.
    pub(crate) fn takes(self, run_on: RunOn) -> bool {
        match self {
            Runs::Everything => true,
            Runs::Standalone => run_on != RunOn::Cloud,
            Runs::Device => run_on == RunOn::Edge,
            Runs::Cloud => run_on != RunOn::Edge,
        }
    }
}

/// The hosts that a rule runs on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum RunOn {
    Edge,
    Cloud,
    /// The device when it is standalone, the consumer in cloud mode.
    #[default]
    Anywhere,
}

impl RunOn {
    /// The word that rules use.
    pub const fn as_str(self) -> &'static str {
        match self {
            RunOn::Edge => "edge",
            RunOn::Cloud => "cloud",
            RunOn::Anywhere => "anywhere",
        }
    }
}
