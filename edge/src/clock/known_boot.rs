//! The boots of the machine of which the store has notes, each by the clock that it went by.
//!
//! # Design
//! A wrong clock is often noticed only in a later boot: a machine that was in the year 2066 is set right when a time
//! server answers, and the router was off until then. The times of that boot have to move as a whole, and apart from
//! those of other boots. So the store knows where each boot began.

use dag_engine::{ClockShift, Id, Time};
use serde::{Deserialize, Serialize};

/// The most boots that are kept. Of more the two between which the least time passed become one: their clocks differ
/// least.
const MOST_BOOTS: usize = 16;

/// A boot of the machine, by the clock that the daemon went by. The daemon may have been started several times in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnownBoot {
    /// The number of the daemon's last start in it.
    pub number: u64,
    /// When the daemon was first started in it. `None` where an earlier version did not note that.
    #[serde(default, skip_serializing_if = "dag_engine::is_default")]
    pub began: Option<Time>,
    /// The last time that was noted in it.
    pub last: Time,
    /// The machine's id of the boot: see [`Machine::boot_id`](super::Machine::boot_id).
    #[serde(default, skip_serializing_if = "dag_engine::is_default")]
    pub id: Option<Id>,
    /// For how long the machine had been running at `began`, in milliseconds.
    #[serde(default, skip_serializing_if = "dag_engine::is_default")]
    pub running_ms: u64,
}

/// The shift of a boot whose clock was ahead: an estimate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EarlierShift {
    /// The number of the daemon's last start in that boot.
    pub boot: u64,
    /// The shift. It concerns everything that was noted since, that of later boots too.
    pub shift: ClockShift,
}

/// Returns the shifts of the boots whose clocks were ahead, oldest first, as they are to be applied one after the
/// other. `boots` are the earlier ones, oldest first, and `start` is when the present boot began in truth.
///
/// A boot's clock was ahead if its last time is more than `tolerance_ms` after `start`. It moves so that its last time
/// is where the next boot began. How long the machine was off in between is not known:
///
/// ```text
/// boot 2, in 2066   12:00 to 15:00
/// boot 3, in 2066   16:00 to 18:00
/// boot 4            began in 2026 at 20:00, says a time server
/// boot 3 moves to   18:00 to 20:00, and boot 2 to 15:00 to 18:00
/// ```
pub(super) fn shifts_of_boots_ahead(boots: &[KnownBoot], start: Time, tolerance_ms: i64) -> Vec<EarlierShift> {
    let latest_right = start.moved(tolerance_ms);
    let mut end = start;
    let ahead = boots.iter().rev().take_while(|boot| boot.last > latest_right).map(|boot| {
        // Where it is not known when the boot began, at least what is noted after the true time is of its clock.
        let began = boot.began.unwrap_or(latest_right.moved(1)).min(boot.last);
        let by_ms = end.as_millis().saturating_sub(boot.last.as_millis());
        end = began.moved(by_ms);
        (boot.number, began, by_ms)
    });
    let mut ahead: Vec<(u64, Time, i64)> = ahead.collect();
    ahead.reverse();
    let mut before_ms = 0;
    let shifts = ahead.into_iter().map(|(boot, began, by_ms)| {
        // The shifts of the boots before it have moved this one, too.
        let shift = ClockShift { began: began.moved(before_ms), shift_ms: by_ms.saturating_sub(before_ms) };
        before_ms = by_ms;
        EarlierShift { boot, shift }
    });
    shifts.collect()
}

/// Joins boots until they are few enough.
pub(super) fn join_boots(boots: &mut Vec<KnownBoot>) {
    let gap = |pair: &[KnownBoot]| match pair {
        [one, next] => next.began.map_or(0, |began| began.since(one.last).get()),
        _ => i64::MAX,
    };
    while boots.len() > MOST_BOOTS {
        let Some((at, _)) = boots.windows(2).map(gap).enumerate().min_by_key(|(_, gap)| *gap) else { return };
        let joined = boots.remove(at);
        if let Some(next) = boots.get_mut(at) {
            next.began = joined.began;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Time {
        text.parse().unwrap()
    }

    fn boot(number: u64, began: &str, last: &str) -> KnownBoot {
        KnownBoot { number, began: Some(time(began)), last: time(last), id: None, running_ms: 0 }
    }

    /// Returns where the shifts leave the beginning and the end of each boot.
    fn moved(boots: &[KnownBoot], start: &str) -> Vec<String> {
        let shifts = shifts_of_boots_ahead(boots, time(start), 2_000);
        let place = |at: Time| shifts.iter().fold(at, |at, earlier| earlier.shift.apply(at));
        boots.iter().map(|boot| format!("{} to {}", place(boot.began.unwrap()), place(boot.last))).collect()
    }

    #[test]
    fn a_boot_that_was_ahead_ends_where_the_next_one_began_and_one_that_was_right_stays() {
        let right = boot(1, "2026-03-01T08:00:00Z", "2026-03-01T11:00:00Z");
        let ahead = boot(2, "2066-07-01T12:00:00Z", "2066-07-01T15:00:00Z");
        assert_eq!(
            moved(&[right.clone(), ahead], "2026-03-01T20:00:00Z"),
            [
                "2026-03-01T08:00:00Z to 2026-03-01T11:00:00Z".to_owned(),
                "2026-03-01T17:00:00Z to 2026-03-01T20:00:00Z".to_owned()
            ]
        );
        assert_eq!(shifts_of_boots_ahead(&[right], time("2026-03-01T10:59:59Z"), 2_000), [], "that is drift");
    }

    #[test]
    fn several_boots_that_were_ahead_follow_each_other_whatever_lay_between() {
        let boots = [
            boot(2, "2066-07-01T12:00:00Z", "2066-07-01T15:00:00Z"),
            boot(3, "2066-07-01T15:00:00.001Z", "2066-07-01T15:30:00Z"),
            boot(4, "2070-01-01T00:00:00Z", "2070-01-01T02:00:00Z"),
        ];
        assert_eq!(
            moved(&boots, "2026-03-01T20:00:00Z"),
            [
                "2026-03-01T14:30:00.001Z to 2026-03-01T17:30:00.001Z".to_owned(),
                "2026-03-01T17:30:00.001Z to 2026-03-01T18:00:00Z".to_owned(),
                "2026-03-01T18:00:00Z to 2026-03-01T20:00:00Z".to_owned(),
            ]
        );
    }

    #[test]
    fn of_a_boot_of_an_earlier_version_only_what_lies_in_the_future_moves() {
        let unknown = KnownBoot { began: None, ..boot(2, "2066-07-01T12:00:00Z", "2066-07-01T15:00:00Z") };
        let shifts = shifts_of_boots_ahead(&[unknown], time("2026-03-01T20:00:00Z"), 2_000);
        let place = |at: &str| shifts.iter().fold(time(at), |at, earlier| earlier.shift.apply(at)).to_string();
        assert_eq!(place("2026-03-01T11:00:00Z"), "2026-03-01T11:00:00Z");
        assert_eq!(place("2066-07-01T12:00:00Z"), "2026-03-01T17:00:00Z");
    }

    #[test]
    fn many_boots_are_joined_where_the_least_time_lies_between_them() {
        let mut boots: Vec<KnownBoot> = (0..20)
            .map(|number| {
                let began = time("2026-03-01T00:00:00Z").moved(number * 3_600_000 * (20 - number));
                KnownBoot { number: number.unsigned_abs(), began: Some(began), last: began, id: None, running_ms: 0 }
            })
            .collect();
        let ends: Vec<Time> = boots.iter().map(|boot| boot.last).collect();
        boots.sort_by_key(|boot| boot.last);
        join_boots(&mut boots);
        assert_eq!(boots.len(), MOST_BOOTS);
        assert_eq!(boots.last().map(|boot| boot.last), ends.iter().max().copied());
        assert_eq!(boots.first().and_then(|boot| boot.began), ends.iter().min().copied());
    }
}
