//! The reason for which a condition is asked: it tells what turned it.

/// The reason for which a condition is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// A fact was read.
    Reading,
    /// A fact became unknown.
    Lost,
    /// Time has passed.
    Time,
    /// All conditions are asked: others are in force, or the device is another.
    Edit,
}
