//! The history of a fact: its last changes, each with its value.

use std::collections::VecDeque;

use crate::{FactKind, Time, Value, clock_shift::RecordShift};

/// The number of a fact's changes that are remembered.
const CHANGES_KEPT: usize = 64;

/// A value that became known, and since when it held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    pub value: Value,
    pub at: Time,
}

/// The last changes of a fact.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct History {
    /// Oldest first. Before the changes stands what they changed: the first reading; or, where that is forgotten, the
    /// change before them, which does not count as one any more.
    changes: VecDeque<Change>,
    /// The last of them once more: nearly all that is asked is about it, and it is at hand here.
    last: Option<Change>,
    /// The first of them is not the first reading.
    pub forgot: bool,
}

impl History {
    fn new(changes: Vec<Change>, forgot: bool) -> History {
        let last = changes.last().copied();
        History { changes: changes.into(), last, forgot }
    }

    /// Notes a known value. It is a change if it differs from the last one. A change never counts as earlier than the
    /// one before it: a source with a wrong clock cannot put changes out of order.
    pub fn note(&mut self, Change { value, at }: Change) {
        match self.last {
            Some(last) if last.value == value => {}
            Some(last) if last.value.kind() == value.kind() => {
                if self.changes.len() > CHANGES_KEPT {
                    self.changes.pop_front();
                    self.forgot = true;
                }
                let change = Change { value, at: at.max(last.at) };
                self.changes.push_back(change);
                self.last = Some(change);
            }
            // The name was given to another input: it begins anew.
            _ => *self = History::new(vec![Change { value, at }], false),
        }
    }

    /// The clock was set. Changes stay in order: none moves before the one before it.
    pub fn shift(&mut self, shift: RecordShift) {
        let mut last = Time::MIN;
        for change in &mut self.changes {
            last = shift.apply(change.at).max(last);
            change.at = last;
        }
        self.last = self.changes.back().copied();
    }

    pub fn last(&self) -> Option<Change> {
        self.last
    }

    /// Returns the time of the oldest value that is remembered.
    pub fn begins(&self) -> Option<Time> {
        self.changes.front().map(|change| change.at)
    }

    /// Returns the last of them at or before `at`. Before what is remembered, that is the oldest; before the first
    /// reading there is none.
    pub fn at(&self, at: Time) -> Option<Change> {
        // Nearly always that is the last one.
        self.last.filter(|last| last.at <= at).or_else(|| {
            let later = self.changes.partition_point(|change| change.at <= at);
            let place = later.checked_sub(1).or(self.forgot.then_some(0))?;
            self.changes.get(place).copied()
        })
    }

    /// Returns the time of the last of them before `at`, the first reading too.
    pub fn before(&self, at: Time) -> Option<Time> {
        let later = self.changes.partition_point(|change| change.at < at);
        later.checked_sub(1).and_then(|place| self.changes.get(place)).map(|change| change.at)
    }

    /// Returns the number of changes `c` with `after < c <= until`, and the time of the oldest of them.
    pub fn changes(&self, after: Time, until: Time) -> (usize, Option<Time>) {
        let from = self.changes.partition_point(|change| change.at <= after).max(1);
        let to = self.changes.partition_point(|change| change.at <= until);
        let oldest = self.changes.get(from).filter(|_| from < to).map(|change| change.at);
        (to.saturating_sub(from), oldest)
    }

    /// Returns the time of the first of them after `at`, the first reading too.
    pub fn next(&self, at: Time) -> Option<Time> {
        // Nearly always there is none.
        self.last.filter(|last| last.at > at)?;
        self.changes.get(self.changes.partition_point(|change| change.at <= at)).map(|change| change.at)
    }

    /// Returns whether more than one of them was at `at`.
    pub fn flickered_at(&self, at: Time) -> bool {
        let from = self.changes.partition_point(|change| change.at < at);
        self.changes.get(from + 1).is_some_and(|change| change.at == at)
    }

    /// Returns whether one of the changes was at `at`.
    pub fn changed_at(&self, at: Time) -> bool {
        let from = self.changes.partition_point(|change| change.at < at).max(1);
        self.changes.get(from).is_some_and(|change| change.at == at)
    }
}

/// Storage: the last of them stands beside.
impl History {
    /// Returns what is before the last value, the newest first, as digits: how many milliseconds before the one after it
    /// each was, and of numbers how much it differed.
    pub fn pack(&self) -> String {
        let mut before = String::new();
        for (earlier, later) in self.changes.iter().zip(self.changes.iter().skip(1)).rev() {
            digits::push(&mut before, later.at.since(earlier.at).get().unsigned_abs());
            if let (Value::Number(earlier), Value::Number(later)) = (earlier.value, later.value) {
                digits::push(&mut before, digits::zigzag(earlier.wrapping_sub(later)));
            }
        }
        before
    }

    /// Reads what [`pack`](History::pack) wrote; `None` if it is something else.
    pub fn unpack(last: Option<Change>, before: &str, forgot: bool) -> Option<History> {
        let Some(mut later) = last else { return Some(History::default()) };
        let mut changes = vec![later];
        let mut numbers = digits::read(before)?.into_iter();
        while let Some(gap) = numbers.next() {
            let value = match later.value {
                Value::Number(number) => Value::Number(number.wrapping_add(digits::unzigzag(numbers.next()?))),
                two_valued => two_valued.opposite(),
            };
            later = Change { value, at: earlier(later.at, gap)? };
            changes.push(later);
        }
        changes.reverse();
        Some(History::new(changes, forgot))
    }

    /// Reads the times alone of all changes, as an earlier version stored them: the newest, and the gaps before it. What
    /// numbers were then is not known, so that their history begins with the last one. `None` if it is something else.
    pub fn unpack_times(last: Option<Change>, times: &str) -> Option<History> {
        let mut later = last?;
        let mut changes = vec![later];
        let gaps = digits::read(times)?;
        if later.value.kind() != FactKind::Number {
            for gap in gaps.get(1..).unwrap_or_default() {
                later = Change { value: later.value.opposite(), at: earlier(later.at, *gap)? };
                changes.push(later);
            }
            // The first reading was not stored. It was before the first change.
            changes.push(Change { value: later.value.opposite(), at: later.at });
        }
        changes.reverse();
        Some(History::new(changes, true))
    }
}

fn earlier(at: Time, gap: u64) -> Option<Time> {
    i64::try_from(gap).ok().map(|gap| at.moved(gap.saturating_neg()))
}

/// Numbers as text: digits of five bits, the lowest first. A digit that is not the last of its number has a sixth bit.
/// It takes a fifth of the bytes of a list of times.
mod digits {
    const DIGITS: &[u8; 64] = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_";

    pub fn push(text: &mut String, number: u64) {
        let mut rest = number;
        loop {
            let more = rest > 31;
            let digit = usize::try_from(rest % 32).unwrap_or(0) + if more { 32 } else { 0 };
            text.extend(DIGITS.get(digit).copied().map(char::from));
            rest /= 32;
            if !more {
                break;
            }
        }
    }

    /// Returns the numbers of a text; `None` if it is no such text.
    pub fn read(text: &str) -> Option<Vec<u64>> {
        let mut numbers = Vec::new();
        let (mut number, mut place) = (0_u64, 1_u64);
        let mut open = false;
        for letter in text.bytes() {
            let digit = DIGITS.iter().position(|digit| *digit == letter).and_then(|at| u64::try_from(at).ok())?;
            number = number.checked_add((digit % 32).checked_mul(place)?)?;
            open = digit > 31;
            if open {
                place = place.checked_mul(32)?;
            } else {
                numbers.push(number);
                (number, place) = (0, 1);
            }
        }
        (!open).then_some(numbers)
    }

    /// Returns a small number for a small difference, of either sign.
    pub fn zigzag(difference: i64) -> u64 {
        ((difference << 1) ^ (difference >> 63)).cast_unsigned()
    }

    pub fn unzigzag(number: u64) -> i64 {
        (number >> 1).cast_signed() ^ (number & 1).cast_signed().wrapping_neg()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn t(millis: i64) -> Time {
        Time::from_millis(millis)
    }

    fn noted(values: impl IntoIterator<Item = (Value, i64)>) -> History {
        let mut history = History::default();
        values.into_iter().for_each(|(value, at)| history.note(Change { value, at: t(at) }));
        history
    }

    fn stored(history: &History) -> History {
        History::unpack(history.last(), &history.pack(), history.forgot).unwrap()
    }

    #[test]
    fn the_last_64_changes_survive_storage_with_their_values() {
        let start = 1_700_000_000_000;
        let numbers = noted((0..100).map(|n| (Value::Number(n * n * 7919 % 4_096 - 2_048), start + n * n)));
        assert_eq!((numbers.changes.len(), stored(&numbers)), (CHANGES_KEPT + 1, numbers));
        let two_valued = noted((0..9).map(|n| (if n % 2 == 0 { Value::Disconnected } else { Value::Connected }, n)));
        assert_eq!(stored(&two_valued), two_valued);
        let extremes = noted([i64::MIN, i64::MAX, 0, i64::MIN].into_iter().map(|n| (Value::Number(n), 5)));
        assert_eq!(stored(&extremes), extremes);
        assert_eq!(stored(&History::default()), History::default());
    }

    #[test]
    fn a_value_of_another_kind_begins_anew() {
        let history = noted([(Value::On, 1), (Value::Off, 2), (Value::Number(7), 3)]);
        assert_eq!(history.changes, [Change { value: Value::Number(7), at: t(3) }]);
    }

    #[test]
    fn a_history_of_times_alone_is_read_as_far_as_it_says_something() {
        let read = |value| History::unpack_times(Some(Change { value, at: t(40) }), "E1aa").unwrap();
        let all = [(Value::Off, 20), (Value::On, 20), (Value::Off, 30), (Value::On, 40)];
        assert_eq!(read(Value::On), History { forgot: true, ..noted(all) });
        assert_eq!(read(Value::Number(7)), History { forgot: true, ..noted([(Value::Number(7), 40)]) });
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["!", "W", "-_-_-_-_-_-_-_-_1"] {
            assert_eq!(History::unpack(Some(Change { value: Value::On, at: t(40) }), text, false), None, "{text}");
        }
    }
}
