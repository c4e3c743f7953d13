//! Tells readings of a line from glitches. Pure: the time is an argument.

use dag_config::Level;
use dag_engine::Time;
use std::time::Duration;
use tokio::time::Instant;

/// The time after which a line that never holds a level is unknown: it floats, or picks up the hum of the mains.
const RESTLESS: Duration = Duration::from_secs(10);

/// The result of an edge or of a look at the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FilterOutput {
    /// No reading.
    Nothing,
    /// A reading: the line holds this level, and has held it since this time.
    Settled(Level, Time),
    /// The line does not hold a level: its fact is unknown.
    Restless,
}

/// A level that is a reading only if it lasts.
#[derive(Clone, Copy, Debug)]
struct Candidate {
    /// When it began, by the wall clock: the time of the reading.
    at: Time,
    /// The same moment by the monotonic clock.
    since: Instant,
    /// The level; `None` after an edge, until the line is read.
    level: Option<Level>,
}

/// Makes readings of edges and looks: a level that lasted counts from its first moment on.
#[derive(Debug)]
pub(super) struct Filter {
    glitch: Duration,
    /// The last reported level.
    reported: Option<Level>,
    candidate: Option<Candidate>,
    /// The time since which there always was a candidate.
    unrest: Option<Instant>,
    restless: bool,
}

impl Filter {
    /// Creates a filter by which a level that lasts `glitch` is a reading.
    pub fn new(glitch: Duration) -> Self {
        Filter { glitch, reported: None, candidate: None, unrest: None, restless: false }
    }

    /// Takes an edge at `at`, which is `since` by the monotonic clock.
    pub fn edge(&mut self, at: Time, since: Instant) -> FilterOutput {
        self.begin(Candidate { at, since, level: None })
    }

    /// Takes a look at the line, which has `level` now: at the deadline, or to find what an interrupt missed.
    pub fn look(&mut self, level: Level, at: Time, now: Instant) -> FilterOutput {
        let fresh = Candidate { at, since: now, level: Some(level) };
        match self.candidate {
            None if self.reported == Some(level) => FilterOutput::Nothing,
            None => self.begin(fresh),
            // An edge was missed: the candidate's level is gone.
            Some(Candidate { level: Some(began), .. }) if began != level => self.begin(fresh),
            Some(candidate) if now < candidate.since + self.glitch => FilterOutput::Nothing,
            Some(candidate) => self.settle(level, candidate.at),
        }
    }

    /// Returns when to look at the line, if no edge comes before.
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
        self.reported = None;
        FilterOutput::Restless
    }

    fn settle(&mut self, level: Level, at: Time) -> FilterOutput {
        (self.candidate, self.unrest, self.restless) = (None, None, false);
        if self.reported.replace(level) == Some(level) {
            FilterOutput::Nothing
        } else {
            FilterOutput::Settled(level, at)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use FilterOutput::{Nothing, Restless, Settled};
    use Level::{High, Low};

    /// An event of a line, and its millisecond.
    enum Step {
        Edge(i64),
        Look(i64, Level),
    }
    use Step::{Edge, Look};

    fn t(millis: i64) -> Time {
        Time::from_millis(millis)
    }

    /// Compares the result of each step, for a filter with a glitch of 50 ms whose line was high before.
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
    fn an_edge_beside_a_look_gives_the_reading_its_time() {
        // The look saw the new level before the interrupt of the edge arrived.
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
    fn there_is_a_deadline_only_for_a_candidate() {
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
