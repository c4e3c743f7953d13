//! Patterns of sentences, with holes: `out since {since}, for {lasted}`.

/// Returns the first way to fill the holes of `pattern` so that it reads as `text` and `fits` every hole.
pub fn fill<'p, 't>(
    pattern: &'p str,
    text: &'t str,
    fits: &dyn Fn(&str, &str) -> bool,
) -> Option<Vec<(&'p str, &'t str)>> {
    let Some((before, rest)) = pattern.split_once('{') else {
        return (pattern == text).then(Vec::new);
    };
    let text = text.strip_prefix(before)?;
    let (hole, rest) = rest.split_once('}')?;
    let ends = text.char_indices().map(|(at, letter)| at + letter.len_utf8());
    ends.into_iter().find_map(|end| {
        let (filled, after) = text.split_at(end);
        if !fits(hole, filled) {
            return None;
        }
        let mut holes = fill(rest, after, fits)?;
        holes.insert(0, (hole, filled));
        Some(holes)
    })
}

/// Returns the sentences of a paragraph, without their full stops.
pub fn sentences(paragraph: &str) -> Vec<&str> {
    let mut sentences = Vec::new();
    let mut begin = 0;
    for (at, _) in paragraph.match_indices(". ") {
        if paragraph[at + 2..].starts_with(|letter: char| letter.is_uppercase()) {
            sentences.push(&paragraph[begin..at]);
            begin = at + 2;
        }
    }
    sentences.push(paragraph[begin..].trim_end_matches('.'));
    sentences
}

#[test]
fn a_pattern_is_filled_so_that_every_hole_fits() {
    let fits = |hole: &str, text: &str| hole != "place" || text == "Cottage at sea";
    assert_eq!(
        fill("Out at {place} at {since}", "Out at Cottage at sea at 14:02", &fits),
        Some(vec![("place", "Cottage at sea"), ("since", "14:02")])
    );
    assert_eq!(fill("Out at {place} at {since}", "Back at Cottage at sea at 14:02", &fits), None);
}

#[test]
fn a_sentence_ends_before_a_capital() {
    assert_eq!(sentences("It was out, e.g. here. It is back."), ["It was out, e.g. here", "It is back"]);
}
