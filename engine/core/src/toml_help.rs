//! Advice for texts that the TOML parser refuses.

use std::ops::Range;

/// Returns the advice for a syntax error of the TOML parser at the bytes `at` of `text`, where its sentence alone
/// does not say what to do: quotes that are not closed, and names in headings that TOML reads only in quotes.
pub fn toml_help(text: &str, at: Range<usize>, message: &str) -> Option<String> {
    if message.starts_with("invalid")
        && (message.contains("string, expected `\"") || message.contains("string, expected `'"))
    {
        return Some("the quote is not closed".to_owned());
    }
    let start = text.get(..at.start)?.rfind('\n').map_or(0, |newline| newline + 1);
    let line = text.get(start..)?.lines().next()?;
    let heading = line.trim_start().strip_prefix('[')?.split_once(']')?.0;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '"' | '\'' | '[');
    if heading.chars().all(plain) {
        return None;
    }
    let help = if heading.starts_with("device.") {
        "an id has letters a–z, digits, `-` and `_`; `name` may be anything"
    } else {
        "a name in a heading has letters a–z, digits, `-` and `_`"
    };
    Some(help.to_owned())
}
