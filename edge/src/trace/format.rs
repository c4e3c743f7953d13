//! The format of a trace: its two headers and its limit.

/// The first line of a trace.
pub(super) const HEADER: &str = "at,device,fact,value";
/// The first line of a trace that says when each row arrived.
pub(super) const HEADER_WITH_ARRIVAL: &str = "at,device,fact,value,received_at";

/// The longest line, in bytes. A row takes some sixty.
pub(super) const LONGEST_LINE: usize = 4_096;
