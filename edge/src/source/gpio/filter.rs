//! Which levels of a line are readings, and which are glitches. Pure: time comes in as an argument.

use dag_config::Level;
use dag_engine::Time;
use std::time::Duration;
use tokio::time::Instant;

/// A line that for this long held no level as long as a glitch may last tells nothing: it floats, or hums.
const RESTLESS: Duration = Duration::from_secs(10);

/// What a look at the line brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FilterOutput {
    /// Nothing to tell.
    Nothing,
    /// The line holds this level, and has since then: a reading.
    Settled(Level, Time),
    /// The line does not come to rest: its level is not known.
    Restless,
}

/// A level that is a reading only if it lasts.
#[derive(Clone, Copy, Debug)]
struct Candidate {
    /// When it began, by the wall clock: the reading's time.
    at: Time,
    /// The same moment by the clock that never jumps.
    since: Instant,
    /// Which level; not known where an edge started it, until the line is read.
    level: Option<Level>,
}

/// Turns edges and looks at a line into readings: a level counts once it lasted, from its first moment on.
#[derive(Debug)]
pub(super) struct Filter {
    glitch: Duration,
    /// The level last told.
    told: Option<Level>,
    candidate: Option<Candidate>,
    /// Since when there was always a candidate.
    unrest: Option<Instant>,
    restless: bool,
}

impl Filter {
    /// A level that lasts `glitch` is a reading.
    pub fn new(glitch: Duration) -> Self {
        Filter { glitch, told: None, candidate: None, unrest: None, restless: false }
    }

    /// The line changed its level at `at`, which is `since` by the other clock.
    pub fn edge(&mut self, at: Time, since: Instant) -> FilterOutput {
        self.begin(Candidate { at, since, level: None })
    }

    /// The line has `level` now: looked at because it was due, or to find what an interrupt missed.
    pub fn look(&mut self, level: Level, at: Time, now: Instant) -> FilterOutput {
        let fresh = Candidate { at, since: now, level: Some(level) };
        match self.candidate {
            None if self.told == Some(level) => FilterOutput::Nothing,
            None => self.begin(fresh),
            // An edge was missed: the level that was about to last is gone.
            Some(Candidate { level: Some(began), .. }) if began != level => self.begin(fresh),
            Some(candidate) if now < candidate.since + self.glitch => FilterOutput::Nothing,
            Some(candidate) => self.settle(level, candidate.at),
        }
    }

    /// When the line must be looked at, if no edge comes first.
    pub fn deadline(&self) -> Option<Instant> {
        self.candidate.map(|candidate| candidate.since + self.glitch)
    }

    fn begin(&mut self, candidate: Candidate) -> FilterOutput {
        self.candidate = Some(candidate);
        let unrest = *self.unrest.get_or_insert(candidate.since);
        if self.restless || candidate.since.duration_since(unrest) < RESTLESS {
            return FilterOutput::Nothing;
        }
        self.restless = true;
        self.told = None;
        FilterOutput::Restless
    }

    fn settle(&mut self, level: Level, at: Time) -> FilterOutput {
        (self.candidate, self.unrest, self.restless) = (None, None, false);
        if self.told.replace(level) == Some(level) { FilterOutput::Nothing } else { FilterOutput::Settled(level, at) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use FilterOutput::{Nothing, Restless, Settled};
    use Level::{High, Low};

    /// What happens to a line, at which millisecond.
    enum Step {
        Edge(i64),
        Look(i64, Level),
    }
    use Step::{Edge, Look};

    fn t(millis: i64) -> Time {
        Time::from_millis(millis)
    }

    /// Drives a filter with a glitch of 50 ms that knows the line as high, and compares what each step brought.
    fn check(steps: &[(Step, FilterOutput)]) {
        let start = Instant::now();
        let when = |millis: i64| start + Duration::from_millis(millis.unsigned_abs());
        let mut filter = Filter::new(Duration::from_millis(50));
        assert_eq!(filter.look(High, t(-100), start), Nothing);
        assert_eq!(filter.look(High, t(-50), when(50)), Settled(High, t(-100)));
        for (number, (step, expect)) in steps.iter().enumerate() {
            let seen = match *step {
                Edge(at) => filter.edge(t(at), when(100 + at)),
                Look(at, level) => filter.look(level, t(at), when(100 + at)),
            };
            assert_eq!(seen, *expect, "step {number}");
        }
    }

    #[test]
    fn a_level_that_lasts_is_a_reading_from_its_edge_on() {
        check(&[(Edge(0), Nothing), (Look(50, Low), Settled(Low, t(0))), (Look(60_000, Low), Nothing)]);
    }

    #[test]
    fn a_short_glitch_is_no_reading() {
        check(&[(Edge(0), Nothing), (Edge(10), Nothing), (Look(60, High), Nothing)]);
    }

    #[test]
    fn a_storm_of_edges_ends_in_one_reading_from_the_last_edge_on() {
        let mut steps: Vec<_> = (0..1000).map(|at| (Edge(at), Nothing)).collect();
        steps.push((Look(1049, Low), Settled(Low, t(999))));
        check(&steps);
    }

    #[test]
    fn a_missed_edge_is_found_by_a_look_and_must_last_too() {
        check(&[(Look(0, Low), Nothing), (Look(50, Low), Settled(Low, t(0)))]);
        check(&[(Look(0, Low), Nothing), (Look(50, High), Nothing), (Look(100, High), Nothing)]);
    }

    #[test]
    fn an_edge_during_a_re_read_gives_the_reading_its_time() {
        // The look saw the new level before the edge's interrupt came through.
        check(&[(Look(2, Low), Nothing), (Edge(1), Nothing), (Look(51, Low), Settled(Low, t(1)))]);
        // The edge came first: the look is too early to count.
        check(&[(Edge(1), Nothing), (Look(2, Low), Nothing), (Look(51, Low), Settled(Low, t(1)))]);
    }

    #[test]
    fn a_line_that_never_rests_is_not_known_until_it_does() {
        let mut steps: Vec<_> = (0..500).map(|number| (Edge(number * 20), Nothing)).collect();
        steps.extend([(Edge(10_000), Restless), (Edge(10_020), Nothing), (Look(10_030, High), Nothing)]);
        steps.extend([(Look(10_070, High), Settled(High, t(10_020))), (Look(10_080, High), Nothing)]);
        check(&steps);
    }

    #[test]
    fn only_a_line_in_doubt_wants_a_look() {
        let now = Instant::now();
        let mut filter = Filter::new(Duration::from_millis(50));
        assert_eq!(filter.deadline(), None);
        filter.edge(t(0), now);
        let due = now + Duration::from_millis(50);
        assert_eq!(filter.deadline(), Some(due));
        assert_eq!(filter.look(High, t(50), due), Settled(High, t(0)));
        assert_eq!(filter.deadline(), None);
    }
}
