//! `[site]`: the place that is watched.

use dag_engine::Name;
use url::Url;

use crate::{diagnostic::Diagnostic, section::Section, zone::zone};

/// The section `[site]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// The name that people read in messages.
    pub name: String,
    /// The IANA name of the time zone of devices and recipients without their own.
    pub timezone: Name,
    /// The groups that are told when the monitor itself is in trouble. The rules are checked for them.
    pub operators: Vec<Name>,
    /// The public address of the web page. It is for a later version: no message has links to it yet.
    pub public_url: Option<Url>,
}

impl Site {
    pub(crate) fn read(mut section: Section<'_>) -> Option<Site> {
        let name = section.need("name", "name = \"Home\"").line("name");
        let timezone = section.need("timezone", "timezone = \"Europe/London\"").get("timezone");
        let timezone = timezone.and_then(|name: String| section.check("timezone", zone(&name)));
        let operators: Vec<String> = section.get("operators").unwrap_or_default();
        let public_url = section.get("public_url").and_then(|text: String| section.check("public_url", web_url(&text)));
        section.finish();
        let operators = operators.iter().map(Name::new).collect();
        Some(Site { name: name?, timezone: timezone?, operators, public_url })
    }
}

/// Checks that a page's path can be joined to a URL.
fn web_url(text: &str) -> Result<Url, Diagnostic> {
    let plain = |url: &Url| url.query().is_none() && url.fragment().is_none();
    Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https")).filter(plain).ok_or_else(|| {
        Diagnostic::new(
            format!("`{text}` is not the address of a web site"),
            "write it like `https://dag.example.com/`",
        )
    })
}
