//! Conditions as trees: written as text for the engine, evaluated here node by node.

use std::{collections::BTreeMap, fmt};

use dag_engine::{Millis, Name, Time, Value};
use jiff::{civil::Weekday, tz::TimeZone};

use crate::{
    fact::Fact,
    wall_clock::{self, TimeOfDay},
};

#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    Is { fact: &'static str, not: bool, value: Value },
    Compare(Number, Comparison, Number),
    Known(&'static str),
    Held(&'static str, Millis),
    Between(TimeOfDay, TimeOfDay),
    Weekday { not: bool, day: Weekday },
    And(Box<Condition>, Box<Condition>),
    Or(Box<Condition>, Box<Condition>),
    Not(Box<Condition>),
}

#[derive(Clone, Debug, PartialEq)]
pub enum Number {
    Fact(&'static str),
    Literal(i64),
    Changes(&'static str, Millis),
    Plus(Box<Number>, Box<Number>),
    Minus(Box<Number>, Box<Number>),
    Times(Box<Number>, i64),
    Divided(Box<Number>, i64),
    Rest(Box<Number>, i64),
    Negative(Box<Number>),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Comparison {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

pub const DAYS: [(Weekday, &str); 7] = [
    (Weekday::Monday, "mon"),
    (Weekday::Tuesday, "tue"),
    (Weekday::Wednesday, "wed"),
    (Weekday::Thursday, "thu"),
    (Weekday::Friday, "fri"),
    (Weekday::Saturday, "sat"),
    (Weekday::Sunday, "sun"),
];

/// The facts that conditions read.
pub const FACTS: [&str; 3] = ["power", "battery", "door"];

/// The facts and the time zone that a condition reads.
pub struct World<'a> {
    pub facts: &'a BTreeMap<Name, Fact>,
    /// The device's.
    pub zone: &'a TimeZone,
}

impl World<'_> {
    /// Returns the value of a fact at `t` with the time of its reading, if it is known now and was then.
    pub fn at(&self, fact: &str, t: Time) -> Option<(Time, Value)> {
        self.facts.get(fact)?.at(t)
    }
}

impl Condition {
    /// The answer at `t`; none where a fact that is read is unknown.
    pub fn answer(&self, world: &World<'_>, t: Time) -> Option<bool> {
        self.answer_by(world, t, t)
    }

    /// The answer at `t`, with the time of day and the weekday of `wall`.
    pub fn answer_by(&self, world: &World<'_>, t: Time, wall: Time) -> Option<bool> {
        match self {
            Condition::Is { fact, not, value } => world.at(fact, t).map(|(_, known)| (known == *value) != *not),
            Condition::Compare(left, how, right) => {
                let (left, right) = (left.value(world, t)?, right.value(world, t)?);
                Some(match how {
                    Comparison::Equal => left == right,
                    Comparison::Unequal => left != right,
                    Comparison::Less => left < right,
                    Comparison::LessOrEqual => left <= right,
                    Comparison::Greater => left > right,
                    Comparison::GreaterOrEqual => left >= right,
                })
            }
            Condition::Known(fact) => Some(world.facts.get(*fact).is_some_and(|fact| fact.value.is_some())),
            Condition::Held(fact, length) => world.at(fact, t).map(|(since, _)| since + *length <= t),
            Condition::Between(from, to) => Some(wall_clock::within(world.zone, *from, *to, wall)),
            Condition::Weekday { not, day } => Some((wall.in_zone(world.zone).weekday() == *day) != *not),
            Condition::And(left, right) => {
                if left.answer_by(world, t, wall)? {
                    right.answer_by(world, t, wall)
                } else {
                    Some(false)
                }
            }
            Condition::Or(left, right) => {
                if left.answer_by(world, t, wall)? {
                    Some(true)
                } else {
                    right.answer_by(world, t, wall)
                }
            }
            Condition::Not(inner) => inner.answer_by(world, t, wall).map(|answer| !answer),
        }
    }

    /// Returns whether the condition has neither `known`, `held`, `changes`, `between` nor `weekday`.
    pub fn reads_facts_alone(&self) -> bool {
        self.facts().next().is_some() && self.has_only_facts()
    }

    fn has_only_facts(&self) -> bool {
        match self {
            Condition::Is { .. } => true,
            Condition::Compare(left, _, right) => left.has_only_facts() && right.has_only_facts(),
            Condition::Known(_) | Condition::Held(..) | Condition::Between(..) | Condition::Weekday { .. } => false,
            Condition::And(left, right) | Condition::Or(left, right) => left.has_only_facts() && right.has_only_facts(),
            Condition::Not(inner) => inner.has_only_facts(),
        }
    }

    /// Returns the facts that the condition reads.
    pub fn facts(&self) -> impl Iterator<Item = &'static str> {
        FACTS.into_iter().filter(|fact| self.reads(fact))
    }

    /// Returns whether the condition reads the fact.
    pub fn reads(&self, fact: &str) -> bool {
        match self {
            Condition::Is { fact: read, .. } | Condition::Known(read) | Condition::Held(read, _) => *read == fact,
            Condition::Compare(left, _, right) => left.reads(fact) || right.reads(fact),
            Condition::Between(..) | Condition::Weekday { .. } => false,
            Condition::And(left, right) | Condition::Or(left, right) => left.reads(fact) || right.reads(fact),
            Condition::Not(inner) => inner.reads(fact),
        }
    }

    /// The first moment after `t` at which the answer may be another. May be too early.
    pub fn next_moment(&self, world: &World<'_>, t: Time) -> Option<Time> {
        let (mut lengths, mut clocks) = (vec![Millis::ZERO], Vec::new());
        self.moments(&mut lengths, &mut clocks);
        let read = self.facts().filter_map(|fact| world.facts.get(fact)).flat_map(|fact| &fact.values);
        let moments = read.flat_map(|(at, _)| lengths.iter().map(|length| *at + *length));
        let edge = (!clocks.is_empty()).then(|| wall_clock::next(world.zone, &clocks, t));
        moments.filter(|moment| *moment > t).chain(edge.flatten()).min()
    }

    /// Adds the times that may have to pass after a reading, and the times of the day.
    fn moments(&self, lengths: &mut Vec<Millis>, clocks: &mut Vec<TimeOfDay>) {
        match self {
            Condition::Is { .. } | Condition::Known(_) => {}
            Condition::Compare(left, _, right) => {
                left.moments(lengths);
                right.moments(lengths);
            }
            Condition::Held(_, length) => lengths.push(*length),
            Condition::Between(from, to) => clocks.extend([*from, *to]),
            Condition::Weekday { .. } => clocks.push(TimeOfDay { hour: 0, minute: 0 }),
            Condition::And(left, right) | Condition::Or(left, right) => {
                left.moments(lengths, clocks);
                right.moments(lengths, clocks);
            }
            Condition::Not(inner) => inner.moments(lengths, clocks),
        }
    }
}

impl Number {
    fn value(&self, world: &World<'_>, t: Time) -> Option<i64> {
        Some(match self {
            Number::Fact(fact) => match world.at(fact, t)? {
                (_, Value::Number(number)) => number,
                (_, other) => panic!("{fact} is {other}"),
            },
            Number::Literal(number) => *number,
            Number::Changes(fact, window) => {
                world.at(fact, t)?;
                let inside = |c: &Time| t.moved(-window.get()) < *c && *c <= t;
                world.facts[*fact].changes().filter(inside).count() as i64
            }
            Number::Plus(left, right) => left.value(world, t)?.saturating_add(right.value(world, t)?),
            Number::Minus(left, right) => left.value(world, t)?.saturating_sub(right.value(world, t)?),
            Number::Times(left, right) => left.value(world, t)?.saturating_mul(*right),
            Number::Divided(left, right) => left.value(world, t)?.saturating_div(*right),
            Number::Rest(left, right) => left.value(world, t)?.wrapping_rem(*right),
            Number::Negative(inner) => inner.value(world, t)?.saturating_neg(),
        })
    }

    fn reads(&self, fact: &str) -> bool {
        match self {
            Number::Fact(read) | Number::Changes(read, _) => *read == fact,
            Number::Literal(_) => false,
            Number::Plus(left, right) | Number::Minus(left, right) => left.reads(fact) || right.reads(fact),
            Number::Times(inner, _) | Number::Divided(inner, _) | Number::Rest(inner, _) => inner.reads(fact),
            Number::Negative(inner) => inner.reads(fact),
        }
    }

    fn has_only_facts(&self) -> bool {
        match self {
            Number::Fact(_) | Number::Literal(_) => true,
            Number::Changes(..) => false,
            Number::Plus(left, right) | Number::Minus(left, right) => left.has_only_facts() && right.has_only_facts(),
            Number::Times(inner, _) | Number::Divided(inner, _) | Number::Rest(inner, _) => inner.has_only_facts(),
            Number::Negative(inner) => inner.has_only_facts(),
        }
    }

    fn moments(&self, lengths: &mut Vec<Millis>) {
        match self {
            Number::Fact(_) | Number::Literal(_) => {}
            Number::Changes(_, window) => lengths.push(*window),
            Number::Plus(left, right) | Number::Minus(left, right) => {
                left.moments(lengths);
                right.moments(lengths);
            }
            Number::Times(inner, _) | Number::Divided(inner, _) | Number::Rest(inner, _) => inner.moments(lengths),
            Number::Negative(inner) => inner.moments(lengths),
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let equal = |not: bool| if not { "!=" } else { "==" };
        match self {
            Condition::Is { fact, not, value } => write!(f, "{fact} {} {value}", equal(*not)),
            Condition::Compare(left, how, right) => write!(f, "{left} {how} {right}"),
            Condition::Known(fact) => write!(f, "known({fact})"),
            Condition::Held(fact, length) => write!(f, "{fact}.held(\"{length}\")"),
            Condition::Between(from, to) => write!(f, "between(\"{from}\", \"{to}\")"),
            Condition::Weekday { not, day } => {
                let (_, name) = DAYS.iter().find(|(of, _)| of == day).unwrap();
                write!(f, "weekday() {} \"{name}\"", equal(*not))
            }
            Condition::And(left, right) => write!(f, "({left} && {right})"),
            Condition::Or(left, right) => write!(f, "({left} || {right})"),
            Condition::Not(inner) => write!(f, "!({inner})"),
        }
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Number::Fact(fact) => write!(f, "{fact}"),
            Number::Literal(number) => write!(f, "{number}"),
            Number::Changes(fact, window) => write!(f, "{fact}.changes(\"{window}\")"),
            Number::Plus(left, right) => write!(f, "({left} + {right})"),
            Number::Minus(left, right) => write!(f, "({left} - {right})"),
            Number::Times(left, right) => write!(f, "({left} * {right})"),
            Number::Divided(left, right) => write!(f, "({left} / {right})"),
            Number::Rest(left, right) => write!(f, "({left} % {right})"),
            Number::Negative(inner) => write!(f, "-({inner})"),
        }
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Comparison::Equal => "==",
            Comparison::Unequal => "!=",
            Comparison::Less => "<",
            Comparison::LessOrEqual => "<=",
            Comparison::Greater => ">",
            Comparison::GreaterOrEqual => ">=",
        })
    }
}
