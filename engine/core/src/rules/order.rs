//! Names that lead to names: rules that inhibit rules, recipients that fall back on recipients.

use std::{collections::BTreeMap, slice::Iter};

use super::compile::NameUse;

/// Returns the names in `uses`, each before all that it leads to.
///
/// A use that leads back to a name on the way to it closes a cycle: `on_cycle` is given the names of the cycle, in
/// order, and that use, which is then left out. So every cycle is broken where it was reported.
///
/// Each use is followed once and nothing recurses: chains may be as long as files allow.
pub(super) fn in_order<'a, 'u>(
    uses: &'u [NameUse<'a>],
    mut on_cycle: impl FnMut(&[&'a str], &'u NameUse<'a>),
) -> Vec<&'a str> {
    let mut leads: BTreeMap<&str, Vec<&'u NameUse<'a>>> = BTreeMap::new();
    for used in uses {
        leads.entry(used.by).or_default().push(used);
    }
    let leads_from = |name: &str| leads.get(name).map_or([].iter(), |uses| uses.iter());

    // Where on the way a name stands; `None` once all behind it was seen.
    let mut places: BTreeMap<&str, Option<usize>> = BTreeMap::new();
    let mut way: Vec<&str> = Vec::new();
    // What is still to be followed from each name of the way.
    let mut ahead: Vec<Iter<'_, &NameUse<'_>>> = Vec::new();
    let mut last_first: Vec<&str> = Vec::new();
    for start in uses.iter().map(|used| used.by) {
        let mut next = (!places.contains_key(start)).then_some(start);
        loop {
            if let Some(name) = next.take() {
                places.insert(name, Some(way.len()));
                way.push(name);
                ahead.push(leads_from(name));
            }
            let Some(left) = ahead.last_mut() else { break };
            match left.next() {
                Some(used) => match places.get(used.name) {
                    None => next = Some(used.name),
                    Some(Some(place)) => on_cycle(way.get(*place..).unwrap_or_default(), used),
                    Some(None) => {}
                },
                None => {
                    ahead.pop();
                    if let Some(name) = way.pop() {
                        places.insert(name, None);
                        last_first.push(name);
                    }
                }
            }
        }
    }
    last_first.reverse();
    last_first
}
