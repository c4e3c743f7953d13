//! A timeline, read from the page.

use std::fmt;

use dag_engine::{GivenAs, Millis, Name, Reading, Time, Value, zone};
use toml::Table;

use crate::clock;

/// A timeline: what is in force when it begins, and its lines.
pub struct Block {
    /// The rules with their keys, and those of the recipients nor and kim that are not the usual ones.
    pub head: Vec<(Name, Table)>,
    /// The recipient who is told of troubles of the monitor itself.
    pub operator: Option<Name>,
    pub lines: Vec<Line>,
}

/// A line: at its time an event happens, or time has passed, and this is decided.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    pub at: Time,
    /// As it is written, and `None` where only time passes.
    pub event: Option<(String, Event)>,
    pub decided: Vec<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    Report {
        first: Option<u64>,
        readings: Vec<Reading>,
        more: bool,
        uncertain: bool,
    },
    /// These keys of a rule are others, or it is a new one.
    Edit(Name, Table),
    Remove(Name),
    Rename(Name, Name),
    Clock {
        shift: Millis,
        estimated: bool,
    },
    Ack(String),
    Snooze(Moment),
    Silence {
        from: Option<Moment>,
        until: Moment,
    },
    /// From here on every attempt to reach the recipient fails.
    Fail(Name),
    /// From here on nothing is attempted.
    Stuck,
    /// From here on readings are of the source's next boot.
    Boot,
}

/// A moment as somebody gives it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Moment {
    Length(Millis),
    Given(Time, GivenAs),
}

impl Block {
    pub fn parse(lines: &[&str]) -> Result<Block, String> {
        let mut block = Block { head: Vec::new(), operator: None, lines: Vec::new() };
        for text in lines {
            let is_line = text.starts_with(|letter: char| letter.is_ascii_digit());
            if let Some(more) = text.strip_prefix(' ') {
                let last = block.lines.last_mut().ok_or("the first line goes on from nothing")?;
                last.decided.extend(decisions(more));
            } else if is_line && block.head.is_empty() {
                return Err("no rule stands before the first time".to_owned());
            } else if is_line {
                block.lines.push(Line::parse(text)?);
            } else if let Some(operator) = text.strip_prefix("operators: ") {
                block.operator = Some(operator.into());
            } else {
                block.head.push(keys(text)?);
            }
        }
        Ok(block)
    }
}

impl Line {
    fn parse(text: &str) -> Result<Line, String> {
        let (what, decided) = text.split_once("->").unwrap_or((text, ""));
        let (at, event) = what.trim().split_once(' ').unwrap_or((what.trim(), ""));
        let (at, event) = (clock::parse(at)?, event.trim());
        let event = match event {
            "" => None,
            _ => Some((event.to_owned(), Event::parse(event, at)?)),
        };
        Ok(Line { at, event, decided: decisions(decided) })
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", clock::write(self.at))?;
        if let Some((event, _)) = &self.event {
            write!(f, "  {event}")?;
        }
        if !self.decided.is_empty() {
            write!(f, "  -> {}", self.decided.join("; "))?;
        }
        Ok(())
    }
}

fn decisions(text: &str) -> Vec<String> {
    text.split(';').map(str::trim).filter(|decision| !decision.is_empty()).map(str::to_owned).collect()
}

/// Reads `outage: when = "power == off", open_after = "5m"`.
fn keys(text: &str) -> Result<(Name, Table), String> {
    let problem = || format!("`{text}`: these are no keys");
    let (name, keys) = text.split_once(": ").ok_or_else(problem)?;
    let table: Table = format!("keys = {{ {keys} }}").parse().map_err(|_| problem())?;
    Ok((name.into(), table.get("keys").and_then(toml::Value::as_table).ok_or_else(problem)?.clone()))
}

impl Event {
    fn parse(text: &str, now: Time) -> Result<Event, String> {
        let problem = || format!("`{text}` is no event");
        let words: Vec<&str> = text.split_whitespace().collect();
        Ok(match words.as_slice() {
            ["edit", ..] => keys(text.trim_start_matches("edit ")).map(|(rule, keys)| Event::Edit(rule, keys))?,
            ["remove", rule] => Event::Remove((*rule).into()),
            ["rename", old, new] => Event::Rename((*old).into(), (*new).into()),
            ["clock", shift] => Event::Clock { shift: shift_of(shift).ok_or_else(problem)?, estimated: false },
            ["clock", "about", shift] => Event::Clock { shift: shift_of(shift).ok_or_else(problem)?, estimated: true },
            ["ack", by] => Event::Ack((*by).to_owned()),
            ["snooze", until @ ..] => Event::Snooze(moment(until, now).ok_or_else(problem)?),
            ["silence", "from", from, until @ ..] => {
                let from = moment(&["until", from], now).ok_or_else(problem)?;
                Event::Silence { from: Some(from), until: moment(until, now).ok_or_else(problem)? }
            }
            ["silence", until @ ..] => Event::Silence { from: None, until: moment(until, now).ok_or_else(problem)? },
            ["fail", recipient] => Event::Fail((*recipient).into()),
            ["stuck"] => Event::Stuck,
            ["boot"] => Event::Boot,
            _ => report(text, now)?,
        })
    }
}

/// Reads `#4 power off at 10:02, battery 40, more`.
fn report(text: &str, now: Time) -> Result<Event, String> {
    let problem = || format!("`{text}` is no event");
    let (first, rest) = match text.strip_prefix('#') {
        Some(rest) => {
            let (first, rest) = rest.split_once(' ').ok_or_else(problem)?;
            (Some(first.parse().map_err(|_| problem())?), rest)
        }
        None => (None, text),
    };
    let (mut readings, mut more, mut uncertain) = (Vec::new(), false, false);
    for item in rest.split(", ") {
        let words: Vec<&str> = item.split_whitespace().collect();
        let (fact, value, at) = match words.as_slice() {
            ["more"] => {
                more = true;
                continue;
            }
            ["uncertain"] => {
                uncertain = true;
                continue;
            }
            [fact, value] => (fact, value, now),
            [fact, value, "at", at] => (fact, value, clock::parse(at)?),
            _ => return Err(problem()),
        };
        let value = (*value != "unknown").then(|| Value::parse(value).ok_or_else(problem)).transpose()?;
        readings.push(Reading { fact: (*fact).into(), value, at });
    }
    Ok(Event::Report { first, readings, more, uncertain })
}

/// Reads `+3h` and `-11h`.
fn shift_of(text: &str) -> Option<Millis> {
    let length = |text: &str| text.parse::<Millis>().ok();
    match text.strip_prefix('-') {
        Some(back) => length(back).map(|length| Millis::new(-length.get())),
        None => length(text.strip_prefix('+')?),
    }
}

/// Reads `for 2h`, `until 22:00` (the next one) and `until 2026-01-10 22:00`.
fn moment(words: &[&str], now: Time) -> Option<Moment> {
    match words {
        ["for", length] => length.parse().ok().map(Moment::Length),
        ["until", time] => {
            let time = time.parse().ok()?;
            let zone = zone("Europe/London").ok()?;
            Some(Moment::Given(dag_engine::TimeOfDay::next_after(time, now, &zone), GivenAs::TimeOfDay(time)))
        }
        ["until", date, time] => format!("{date}T{time}:00Z").parse().ok().map(|at| Moment::Given(at, GivenAs::Date)),
        _ => None,
    }
}
