//! The limits of the template language, which keep a template from using up memory or stack.

/// The most steps in one rendering. 64 bytes of output count as one step, so that this bounds memory too. The built-in
/// templates take some hundreds.
pub(super) const FUEL: u64 = 20_000;

/// The most templates that call each other at one time: few enough for the stack of any thread.
pub(super) const DEPTH: usize = 40;

/// The largest template, and the largest text or JSON that is rendered, in bytes.
pub(super) const LARGEST: usize = 64 * 1024;
