//! The conversion of MJML to HTML, which mail clients show alike.

use std::{borrow::Cow, collections::HashMap};

use dag_engine::did_you_mean;
use htmlparser::{ElementEnd, Token, Tokenizer};
use mrml::prelude::{parser, render::RenderOptions};

/// The largest page that is sent, in bytes. Some mail clients cut a page off at 102 KiB.
const LARGEST: usize = 256 * 1024;

/// The deepest nesting of elements. `mrml` calls itself for each level, and the stack must be large enough.
const DEEPEST: usize = 48;

/// Elements that have no end tag.
const VOID: [&str; 14] =
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr"];

/// The elements of MJML.
const MJML: [&str; 34] = [
    "mj-accordion",
    "mj-accordion-element",
    "mj-accordion-text",
    "mj-accordion-title",
    "mj-all",
    "mj-attributes",
    "mj-body",
    "mj-breakpoint",
    "mj-button",
    "mj-carousel",
    "mj-carousel-image",
    "mj-class",
    "mj-column",
    "mj-divider",
    "mj-font",
    "mj-group",
    "mj-head",
    "mj-hero",
    "mj-html-attributes",
    "mj-image",
    "mj-include",
    "mj-navbar",
    "mj-navbar-link",
    "mj-preview",
    "mj-raw",
    "mj-section",
    "mj-social",
    "mj-social-element",
    "mj-spacer",
    "mj-style",
    "mj-table",
    "mj-text",
    "mj-title",
    "mj-wrapper",
];

/// Converts MJML to HTML.
///
/// # Errors
/// The MJML is invalid, or the page is too large. The text says why.
pub(super) fn from_mjml(mjml: &str) -> Result<String, String> {
    // XML cannot contain control characters. One in the name of a device must not cost the page.
    let mjml = &mjml.replace(|c: char| c.is_control() && !c.is_whitespace(), " ");
    inspect(mjml)?;
    let parsed = mrml::parse(mjml).map_err(|error| describe(mjml, &error))?;
    if let Some(warning) = parsed.warnings.first() {
        let place = mjml.get(warning.span.start..warning.span.end).unwrap_or_default();
        return Err(format!("this is not MJML: {} `{place}`", warning.kind.as_str().replace('-', " ")));
    }
    // The default fonts would be fetched from another server when the mail is read.
    let fonts: HashMap<String, Cow<'static, str>> = HashMap::new();
    let options = RenderOptions { disable_comments: true, social_icon_origin: None, fonts };
    let html = parsed.element.render(&options).map_err(|error| format!("this is not MJML: {error}"))?;
    if html.len() > LARGEST {
        return Err(format!("this renders to {} bytes: {LARGEST} are the most", html.len()));
    }
    Ok(html)
}

/// Checks every element before `mrml` does, which passes unknown elements on unchanged.
///
/// # Errors
/// An element of MJML is misspelt, or elements are nested too deeply.
fn inspect(mjml: &str) -> Result<(), String> {
    let (mut depth, mut void) = (0_usize, false);
    for token in Tokenizer::from(mjml).map_while(Result::ok) {
        match token {
            Token::ElementStart { local, .. } => {
                let name = local.as_str();
                if name.starts_with("mj-") && !MJML.contains(&name) {
                    let help = did_you_mean(name, MJML);
                    let help = help.map_or(String::new(), |help| format!(": {help}"));
                    return Err(format!("MJML has no element `{name}`{help}"));
                }
                void = VOID.contains(&name);
            }
            Token::ElementEnd { end: ElementEnd::Open, .. } if !void => depth += 1,
            Token::ElementEnd { end: ElementEnd::Close(..), .. } => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > DEEPEST {
            return Err(format!("elements stand more than {DEEPEST} deep in each other"));
        }
    }
    Ok(())
}

/// Returns the text of an error, with the piece of MJML that it is about.
fn describe(mjml: &str, error: &parser::Error) -> String {
    use parser::Error;
    let (what, place) = match error {
        Error::UnexpectedElement { position, .. } => ("there may be no such element here", Some(position)),
        Error::UnexpectedToken { position, .. } => ("this may not stand here", Some(position)),
        Error::MissingAttribute { position, .. } => ("an attribute is missing", Some(position)),
        Error::InvalidAttribute { position, .. } => ("no such attribute", Some(position)),
        Error::InvalidFormat { position, .. } => ("this has not the form that it must have", Some(position)),
        Error::EndOfStream { .. } => ("an element is not closed", None),
        Error::IncludeLoaderError { position, .. } => ("nothing can be included", Some(position)),
        Error::NoRootNode => ("it must begin with `<mjml>`", None),
        _ => ("it cannot be read", None),
    };
    let place = place.and_then(|span| mjml.get(span.start..span.end)).map(|place| format!(": `{place}`"));
    format!("this is not MJML: {what}{}", place.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(inside: &str) -> String {
        format!("<mjml><mj-body><mj-section><mj-column>{inside}</mj-column></mj-section></mj-body></mjml>")
    }

    #[test]
    fn a_page_loads_nothing_from_other_servers() {
        let html = from_mjml(&page("<mj-text font-family=\"Ubuntu, Arial\">off<br/>since 14:02</mj-text>")).unwrap();
        assert!(html.contains("since 14:02"), "{html}");
        assert!(!html.contains("fonts.googleapis.com"), "{html}");
    }

    #[test]
    fn an_error_in_mjml_names_its_place() {
        let refusal = |text: &str| from_mjml(text).unwrap_err();
        insta::assert_snapshot!(
            refusal(&page("<mj-textt>x</mj-textt>")),
            @"MJML has no element `mj-textt`: did you mean `mj-text`?"
        );
        insta::assert_snapshot!(
            refusal("<mjml langg=\"en\"><mj-body></mj-body></mjml>"),
            @r#"this is not MJML: unexpected attribute `langg="en"`"#
        );
        insta::assert_snapshot!(refusal("<mjml><mj-body>"), @"this is not MJML: an element is not closed");
        insta::assert_snapshot!(refusal("power is off"), @"this is not MJML: it cannot be read");
    }

    #[test]
    fn elements_that_are_nested_too_deeply_are_refused() {
        let deep = format!("<mj-text>{}x{}</mj-text>", "<div>".repeat(9_000), "</div>".repeat(9_000));
        insta::assert_snapshot!(
            from_mjml(&page(&deep)).unwrap_err(),
            @"elements stand more than 48 deep in each other"
        );
        let allowed = format!("<mj-text>{}x{}</mj-text>", "<b>".repeat(40), "</b>".repeat(40));
        from_mjml(&page(&allowed)).unwrap();
        from_mjml(&page(&format!("<mj-text>{}</mj-text>", "line<br>".repeat(200)))).unwrap();
    }

    proptest::proptest! {
        /// Damaged files give an error or a page, never a panic.
        #[test]
        fn no_text_makes_a_page_panic(
            cuts in proptest::collection::vec((0.0..1.0, 0_usize..40, "[<>/\"= a-z&;0-9%-]{0,6}"), 0..8)
        ) {
            let mut text = include_str!("../../templates/message.mjml").to_owned();
            for (place, length, put) in cuts {
                let at = text.floor_char_boundary((text.len() as f64 * place) as usize);
                let end = text.floor_char_boundary((at + length).min(text.len())).max(at);
                text.replace_range(at..end, &put);
            }
            let page = text.find("<mjml").and_then(|start| text.get(start..)).unwrap_or(&text);
            let _ = from_mjml(page);
        }
    }
}
