//! `mode`: who decides and delivers.

/// Who decides and delivers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The device itself.
    Standalone,
    /// The cloud, by what devices report to it. A device runs by itself the rules that say `run_on = "edge"`.
    Cloud,
}
