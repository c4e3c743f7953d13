//! `on` and `off` of an input: the words that people read for its two states.

use dag_engine::SwitchLabels;

use crate::{
    diagnostic::Diagnostic,
    section::{Section, is_line},
};

/// The longest label, in characters. It stands in the middle of a line of a message.
const LONGEST: usize = 40;

/// Reads the labels of the input that `section` describes; `None` if it gives none.
pub(crate) fn read(section: &mut Section<'_>) -> Option<SwitchLabels> {
    let [on, off] = ["on", "off"].map(|state| label(section, state));
    // Whoever read such a message could not tell the two states apart.
    let (shown_on, shown_off) = (on.as_deref().unwrap_or("on"), off.as_deref().unwrap_or("off"));
    if shown_on.to_lowercase() == shown_off.to_lowercase() {
        let wrong = format!("both states would be shown as `{shown_on}`");
        let help = "give each a word of its own, like `on = \"open\", off = \"closed\"`; to swap the states of a pin, \
                    set `on_when`";
        section.reject_key(if on.is_some() { "on" } else { "off" }, Diagnostic::new(wrong, help));
    }
    let labels = SwitchLabels { on, off };
    (labels != SwitchLabels::default()).then_some(labels)
}

fn label(section: &mut Section<'_>, state: &str) -> Option<String> {
    let text: String = section.get(state)?;
    let text = text.trim().to_owned();
    let good = is_line(&text) && text.chars().count() <= LONGEST;
    let wrong = || {
        let help = format!("write one line of at most {LONGEST} characters, like `{state} = \"open\"`");
        Diagnostic::new(format!("`{state}` cannot be shown in a message"), help)
    };
    section.check(state, if good { Ok(text) } else { Err(wrong()) })
}
