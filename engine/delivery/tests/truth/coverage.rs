//! Every sentence of the shipped templates is among the claims.

use std::collections::BTreeSet;

use crate::{claims::ALL, plan::SCRIPTS};

/// The templates that make words about incidents, and the page, which adds some.
const TEMPLATES: [(&str, &str); 3] = [
    ("subject.txt", include_str!("../../templates/subject.txt")),
    ("message.txt", include_str!("../../templates/message.txt")),
    ("message.mjml", include_str!("../../templates/message.mjml")),
];

/// The code that writes sentences for them.
const CODE: [(&str, &str); 3] = [
    ("ending.rs", include_str!("../../src/ending.rs")),
    ("then_and_now.rs", include_str!("../../src/then_and_now.rs")),
    ("late_report.rs", include_str!("../../src/late_report.rs")),
];

/// Words of these templates that stand in no claim, and why.
const ELSEWHERE: &[(&str, &str)] = &[
    ("Power outage", "the hole `what` may hold it"),
    ("mains power", "the hole `fact` may hold it"),
    ("battery voltage", "the hole `fact` may hold it"),
    ("connection of the monitor", "the hole `fact` may hold it"),
    ("somebody", "an acknowledgement always has a name"),
    ("A test message", "a test message is about no incident and no fact"),
    ("Only a test", "a test message is about no incident and no fact"),
];

#[test]
fn every_word_of_the_templates_stands_in_a_claim() {
    let claims = ALL.into_iter().flatten().map(|(pattern, _)| *pattern);
    let claims: Vec<String> = claims.map(without_holes).collect();
    for (name, template) in TEMPLATES {
        for words in literals(&without_markup(template)) {
            let elsewhere = ELSEWHERE.iter().any(|(text, _)| *text == words);
            let claimed = claims.iter().any(|claim| claim.contains(&words));
            assert!(elsewhere || claimed, "{name} says `{words}`: give that sentence a row in claims.rs");
        }
    }
}

#[test]
fn every_word_of_the_code_and_the_shipped_scripts_stands_in_a_claim() {
    let claims: Vec<String> = ALL.into_iter().flatten().map(|(pattern, _)| without_holes(pattern)).collect();
    let code = CODE.into_iter().map(|(name, code)| (name, code, "{"));
    for (name, code, hole) in code.chain(SCRIPTS.into_iter().map(|(name, script)| (name, script, "${"))) {
        let is_code = |line: &&str| !line.trim_start().starts_with("//") && !line.trim_start().starts_with("#[");
        let code: String = code.lines().filter(is_code).map(|line| format!("{line}\n")).collect();
        let texts = quoted_texts(&code, ['"', '`']);
        let parts = texts.iter().flat_map(|text| text.split(hole).enumerate()).map(|(at, part)| match at {
            0 => part,
            _ => part.split_once('}').map_or("", |(_, rest)| rest),
        });
        let sentences = parts.flat_map(|part| part.split(". ")).map(|part| part.trim_matches([' ', '.', ',']));
        for words in sentences.filter(|words| words.contains(' ')) {
            let claimed = claims.iter().any(|claim| claim.contains(words));
            let elsewhere = ELSEWHERE.iter().any(|(text, _)| *text == words);
            assert!(claimed || elsewhere, "{name} says `{words}`: give that sentence a row in claims.rs");
        }
    }
}

/// A hole may hold anything, also a choice of words: the parts between holes stand for themselves.
fn without_holes(pattern: &str) -> String {
    let mut text = String::new();
    let mut rest = pattern;
    while let Some((before, after)) = rest.split_once('{') {
        text += before;
        text.push('\u{1}');
        rest = after.split_once('}').map_or("", |(_, rest)| rest);
    }
    text + rest
}

/// Returns the words that a template can write: the text between tags, and the texts within them, by sentence.
fn literals(template: &str) -> BTreeSet<String> {
    let mut texts = Vec::new();
    let mut rest = template;
    while let Some(at) = rest.find('{') {
        texts.push(rest[..at].to_owned());
        let (end, quoted) = match rest.as_bytes().get(at + 1) {
            Some(b'#') => ("#}", false),
            Some(b'%') => ("%}", true),
            Some(b'{') => ("}}", true),
            _ => ("{", false),
        };
        let body = &rest[at + 1..];
        let close = body.find(end).unwrap_or(body.len());
        if quoted {
            texts.extend(quoted_texts(&body[..close], ['"', '\'']));
        }
        rest = body.get(close + end.len().min(body.len() - close)..).unwrap_or_default();
    }
    texts.push(rest.to_owned());
    let sentences =
        texts.iter().flat_map(|text| text.split(['.', '\n', '[', ']']).map(str::to_owned).collect::<Vec<_>>());
    let words = sentences.map(|text| text.trim_matches([' ', ',', ';', '"', ':']).to_owned());
    // A word alone is a key or a state, unless it is written large.
    let says = |text: &String| text.contains(' ') || text.starts_with(|letter: char| letter.is_uppercase());
    words.filter(|text| text.chars().any(char::is_alphabetic) && says(text)).collect()
}

/// Returns the texts of an expression, which stand in quotes of two kinds.
fn quoted_texts(expression: &str, quotes: [char; 2]) -> Vec<String> {
    let mut texts = Vec::new();
    let mut open: Option<(char, String)> = None;
    for letter in expression.chars() {
        open = match open.take() {
            Some((quote, text)) if quote == letter => {
                texts.push(text);
                None
            }
            Some((quote, text)) => Some((quote, text + letter.to_string().as_str())),
            None => quotes.contains(&letter).then(|| (letter, String::new())),
        };
    }
    texts
}

/// Leaves out the elements of MJML with all their attributes, and the style sheet.
fn without_markup(template: &str) -> String {
    let (before, style) = template.split_once("<mj-style>").unwrap_or((template, ""));
    let after = style.split_once("</mj-style>").map_or("", |(_, after)| after);
    let mut words = String::new();
    let mut inside = false;
    for letter in before.chars().chain(after.chars()) {
        match letter {
            '<' => inside = true,
            '>' => inside = false,
            letter if !inside => words.push(letter),
            _ => {}
        }
    }
    words
}
