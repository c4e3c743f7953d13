//! The input `ClockSet`: a clock that was wrong is set.

use crate::{
    Outcome, Time,
    asked::Asked,
    clock_shift::{ClockShift, RecordShift},
    step::Step,
};

impl Step<'_> {
    /// Moves everything that was recorded since `began`, the last `now` too, and goes on at `now` by the right clock.
    pub(crate) fn set_clock(&mut self, boot: u64, clock: ClockShift, estimated: bool, now: Time) {
        let shift = RecordShift::new(clock, estimated, self.state.now);
        self.state.shift(boot, shift, &self.zone);
        self.now = now.max(shift.latest());
        self.decide(self.now, None, None, Outcome::ClockSet { boot, shift_ms: clock.shift_ms, estimated });
        // The moment of the last step is asked about again, by the right clock; then the time since passes.
        self.ask_all(shift.latest(), Asked::Time);
    }
}
