//! Slips of beginners in texts that the parser refuses: its own sentence names a sign, not the mistake.

use std::ops::Range;

/// Returns the first known slip in a condition that is no expression, with its place and advice.
pub(super) fn in_condition(text: &str) -> Option<(Range<usize>, String)> {
    let mut from = 0;
    while let Some(rest) = text.get(from..).filter(|rest| !rest.is_empty()) {
        let end = from + piece(rest);
        let after = text.get(end..).unwrap_or_default();
        let found = text.get(from..end).unwrap_or_default();
        let help = match found {
            "=" => Some("compare with `==`".to_owned()),
            number if number.starts_with(|c: char| c.is_ascii_digit()) => number_slip(number, after),
            word => for_word(word),
        };
        if let Some(help) = help {
            return Some((from..end, help));
        }
        from = end;
    }
    None
}

/// Returns the advice for a word that stands for an operator in other languages.
pub(super) fn for_word(word: &str) -> Option<String> {
    let operators = [("and", "&&"), ("or", "||"), ("not", "!")];
    let (_, operator) = operators.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(word))?;
    Some(format!("write `{operator}` for `{word}`"))
}

fn number_slip(number: &str, after: &str) -> Option<String> {
    if number.contains('.') {
        return Some("write a whole number: facts have no fractions".to_owned());
    }
    let next = after.trim_start().strip_prefix('%')?.trim_start();
    let word: String = next.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    let ends = next.is_empty() || next.starts_with([')', '&', '|']) || for_word(&word).is_some();
    ends.then(|| format!("write the number alone: `{number}`"))
}

/// Returns the length of the text in quotes, word, number or run of signs at the start of `text`.
fn piece(text: &str) -> usize {
    let first = text.chars().next().unwrap_or_default();
    let run = |fits: fn(char) -> bool| text.find(|c| !fits(c)).unwrap_or(text.len());
    match first {
        '"' | '`' | '\'' => text.get(1..).and_then(|rest| rest.find(first)).map_or(text.len(), |end| end + 2),
        '0'..='9' => {
            let length = run(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_'));
            text.get(..length).map_or(length, |number| number.trim_end_matches('.').len())
        }
        c if c.is_alphanumeric() || c == '_' => run(|c| c.is_alphanumeric() || c == '_'),
        '=' | '!' | '<' | '>' => run(|c| matches!(c, '=' | '!' | '<' | '>')),
        other => other.len_utf8(),
    }
}

/// Returns the advice for a script with a brace that is not closed: the parser names another sign, where it gave up.
pub(super) fn open_brace(script: &str) -> Option<String> {
    let mut open: Vec<usize> = Vec::new();
    for (at, line) in script.lines().enumerate() {
        // Functions stand side by side: at the next one every brace should be closed.
        if line.starts_with("fn ") && !open.is_empty() {
            break;
        }
        let mut from = 0;
        while let Some(rest) = line.get(from..).filter(|rest| !rest.is_empty() && !rest.starts_with("//")) {
            match rest.chars().next() {
                Some('{') => open.push(at + 1),
                Some('}') => drop(open.pop()),
                _ => {}
            }
            from += piece(rest);
        }
    }
    open.last().map(|line| format!("the `{{` of line {line} is not closed: a `}}` is missing"))
}
