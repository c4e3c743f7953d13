//! Words for people.

use std::fmt::Display;

/// Returns a number of things: `1 attempt`, `2 attempts`, `0 entries` for the noun `entry`. Its plural must end in `s`.
pub fn count(number: impl Display, noun: &str) -> String {
    let number = number.to_string();
    let vowel_before_y = noun.strip_suffix('y').is_some_and(|stem| stem.ends_with(['a', 'e', 'o', 'u']));
    match (number.as_str(), noun.strip_suffix('y')) {
        ("1", _) => format!("1 {noun}"),
        (_, Some(stem)) if !vowel_before_y => format!("{number} {stem}ies"),
        _ => format!("{number} {noun}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_thing_is_singular_and_any_other_number_is_plural() {
        for (number, noun, words) in [
            (0, "attempt", "0 attempts"),
            (1, "attempt", "1 attempt"),
            (2, "attempt", "2 attempts"),
            (2, "entry", "2 entries"),
            (1, "entry", "1 entry"),
            (3, "day", "3 days"),
            (3, "key", "3 keys"),
        ] {
            assert_eq!(count(number, noun), words);
        }
        assert_eq!((count(1.0, "outage"), count(1.5, "outage")), ("1 outage".to_owned(), "1.5 outages".to_owned()));
    }
}
