//! How often the random stories reached each claim: a claim that none reaches decides nothing.

use std::{cell::RefCell, collections::BTreeMap};

use crate::claims::ALL;

thread_local! {
    static REACHED: RefCell<BTreeMap<&'static str, u32>> = const { RefCell::new(BTreeMap::new()) };
}

/// The fewest stories by which every claim is reached.
const MANY: u32 = 4_000;

pub fn note(pattern: &'static str) {
    REACHED.with_borrow_mut(|reached| *reached.entry(pattern).or_default() += 1);
}

/// Prints how often each claim was reached. After many stories every one of them must have been.
pub fn print(stories: u32) {
    REACHED.with_borrow(|reached| {
        let count = |pattern: &str| reached.get(pattern).copied().unwrap_or(0);
        let patterns: Vec<&str> = ALL.iter().flat_map(|claims| claims.iter()).map(|(pattern, _)| *pattern).collect();
        patterns.iter().for_each(|pattern| println!("{:>8}  {pattern}", count(pattern)));
        let never: Vec<_> = patterns.into_iter().filter(|pattern| count(pattern) == 0).collect();
        assert!(stories < MANY || never.is_empty(), "no story of {stories} reaches {never:#?}");
    });
}
