//! The fixed scripts of random rules. The battery decides what their hooks do.

use dag_engine::{Millis, Time, Value};
use jiff::tz::TimeZone;

use crate::fact::Fact;

/// One of the fixed scripts; what they do depends on the battery.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Script {
    Waits,
    People,
}

impl Script {
    pub const fn file(self) -> &'static str {
        match self {
            Script::Waits => "waits.rhai",
            Script::People => "people.rhai",
        }
    }

    /// At 7 every hook throws, at 13 it returns a wrong type, at 11 it returns a value of its own.
    pub const fn text(self) -> &'static str {
        match self {
            Script::Waits => {
                "fn wait(ctx) {
    if ctx.facts.battery == 7 { throw \"no\" }
    if ctx.facts.battery == 13 { return 42; }
    if ctx.facts.battery == 11 { if ctx.local.minute < 30 { \"2m\" } else { \"5m\" } } else { () }
}
fn open_after(ctx) { wait(ctx) }
fn close_after(ctx) { wait(ctx) }
"
            }
            Script::People => {
                "fn recipients(ctx, names) {
    if ctx.facts.battery == 7 { throw \"no\" }
    if ctx.facts.battery == 13 { return [\"nobody\"]; }
    if ctx.facts.battery == 11 { [\"nor\"] } else { names }
}
fn allow(ctx) {
    if ctx.facts.battery == 7 { throw \"no\" }
    if ctx.facts.battery == 13 { return \"perhaps\"; }
    ctx.facts.battery != 11
}
"
            }
        }
    }
}

impl Script {
    /// Returns how long a hook of [`Script::Waits`] waits by itself, asked for the time `t`.
    pub fn own_wait(t: Time, zone: &TimeZone) -> Millis {
        Millis::new(if t.in_zone(zone).minute() < 30 { 120_000 } else { 300_000 })
    }
}

/// The behaviour of a hook of the fixed scripts.
#[derive(Clone, Copy, PartialEq)]
pub enum Hook {
    Fails,
    AnswersItsOwn,
    LeavesIt,
}

impl Hook {
    /// Returns what a hook does that is asked for the time `t`.
    pub fn by(battery: Option<&Fact>, t: Time) -> Self {
        match battery.and_then(|fact| fact.at(t)) {
            Some((_, Value::Number(7 | 13))) => Hook::Fails,
            Some((_, Value::Number(11))) => Hook::AnswersItsOwn,
            _ => Hook::LeavesIt,
        }
    }
}
