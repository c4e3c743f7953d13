//! Checks that a program adds to those of this crate.

use crate::diagnostic::Diagnostic;

/// A check of a value by what only the program knows, such as the regions of AWS.
///
/// Its diagnostic is reported like every other, at the value's place in the file.
#[derive(Clone, Copy, Debug)]
pub struct Check {
    /// The key, from the top of the file: `aws.region`. Its value is text.
    pub key: &'static str,
    /// Returns why the text is refused, if it is.
    pub judge: fn(&str) -> Result<(), Diagnostic>,
}
