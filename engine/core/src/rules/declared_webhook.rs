//! Webhooks with their place in the rules files.

use std::ops::Range;

use crate::Name;

/// A webhook as a recipient declares it. Its URL and template are checked where the templates are known, so the places
/// are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeclaredWebhook {
    /// The file.
    pub file: String,
    /// The URL.
    pub url: String,
    /// The bytes of the file that hold the URL.
    pub url_span: Range<usize>,
    /// The template of the body, and the bytes of the file that name it. `None` is the plain document.
    pub template: Option<(Name, Range<usize>)>,
}
