//! A rule's `when`, compiled: its answer at a time, and until when that answer holds.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{civil, tz::TimeZone};

use crate::{Id, Millis, Name, Time, Value, state::Facts, wall_clock::WallSpan};

/// The fact that says whether the mains are on.
const POWER: &str = "power";

/// A compiled condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Condition {
    root: Node,
    /// Another text is another condition.
    pub id: Id,
    /// The facts whose change can change the answer.
    pub reads: BTreeSet<Name>,
    /// It reads values of facts, and nothing else.
    facts_alone: bool,
    /// It reads the time of day or the weekday.
    reads_wall_clock: bool,
}

/// The value of a part of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Data {
    Bool(bool),
    Fact(Value),
    Day(civil::Weekday),
}

/// One node of a condition. The compiler has checked the types of its children.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Node {
    Constant(Data),
    Fact(Name),
    Not(Box<Node>),
    And(Vec<Node>),
    Or(Vec<Node>),
    Compare(Comparison, Box<Node>, Box<Node>),
    Arithmetic(Operator, Box<Node>, Box<Node>),
    /// `known(fact)`
    Known(Name),
    /// `fact.changes("10m")`
    Changes(Name, Millis),
    /// `fact.held("1m")`
    Held(Name, Millis),
    /// `between("22:00", "07:00")`
    Between(WallSpan),
    /// `weekday()`
    Weekday,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    Add,
    Subtract,
    Multiply,
    /// The divisor is a constant other than zero.
    Divide,
    /// The divisor is a constant other than zero.
    Remainder,
}

/// The answer of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    /// `None`: it reads a fact that is not known.
    pub holds: Option<bool>,
    /// The next moment at which the answer may change by the passing of time alone.
    pub until: Option<Time>,
}

impl Condition {
    pub fn new(root: Node, text: &str) -> Self {
        let mut reads = BTreeSet::new();
        let (mut facts_alone, mut reads_wall_clock) = (true, false);
        root.visit(&mut |node| match node {
            Node::Fact(fact) => drop(reads.insert(fact.clone())),
            Node::Known(fact) | Node::Changes(fact, _) | Node::Held(fact, _) => {
                facts_alone = false;
                reads.insert(fact.clone());
            }
            Node::Between(_) | Node::Weekday => (facts_alone, reads_wall_clock) = (false, true),
            _ => {}
        });
        Condition { root, id: Id::of(&[b"condition", text.as_bytes()]), reads, facts_alone, reads_wall_clock }
    }

    /// Returns the numbers that each fact is compared with. Where a comparison calculates, they are also the products
    /// of its numbers: in `battery_mv / 1000 < 3` the limit is 3000.
    pub fn limits(&self) -> BTreeMap<Name, BTreeSet<i64>> {
        let mut limits: BTreeMap<Name, BTreeSet<i64>> = BTreeMap::new();
        self.root.visit(&mut |node| {
            let Node::Compare(..) = node else { return };
            let (mut facts, mut numbers) = (Vec::new(), BTreeSet::new());
            node.visit(&mut |part| match part {
                Node::Fact(fact) => facts.push(fact.clone()),
                Node::Constant(Data::Fact(Value::Number(number))) => drop(numbers.insert(*number)),
                _ => {}
            });
            let product = numbers.iter().copied().reduce(i64::saturating_mul);
            numbers.extend(product);
            facts.into_iter().for_each(|fact| limits.entry(fact).or_default().extend(&numbers));
        });
        limits
    }

    /// The answer at `at`, by the values of that time, and by the wall clock of `zone` where the condition reads one.
    pub fn answer(&self, facts: &Facts, at: Time, zone: &TimeZone) -> Answer {
        let mut moment = Moment { facts, at, wall: at, zone, remembered: false, until: None };
        Answer { holds: moment.holds(&self.root), until: moment.until }
    }

    /// Returns whether it would be true at `at`, had the wall clock stood still just before.
    pub fn was_moved_by_clock(&self, facts: &Facts, at: Time, zone: &TimeZone) -> bool {
        let wall = at.moved(-1);
        let mut moment = Moment { facts, at, wall, zone, remembered: false, until: None };
        self.reads_wall_clock && moment.holds(&self.root) == Some(true)
    }

    /// Returns the earliest moment from which it has been true without interruption until `at`, by the values that are
    /// remembered. It is `at`, if it does not read facts alone: what else it reads is not remembered.
    pub fn true_since(&self, facts: &Facts, at: Time, zone: &TimeZone) -> Time {
        let mut since = at;
        if !self.facts_alone {
            return since;
        }
        loop {
            // From one of these to the next nothing changes that it reads.
            let turns = self.reads.iter().filter_map(|fact| facts.get(fact)?.turned_before(since));
            let Some(turn) = turns.max() else { return since };
            if self.reads.iter().filter_map(|fact| facts.get(fact)).any(|fact| fact.flickered_at(since)) {
                return since;
            }
            let mut moment = Moment { facts, at: turn, wall: turn, zone, remembered: true, until: None };
            if moment.holds(&self.root) != Some(true) {
                return since;
            }
            since = turn;
        }
    }

    /// Returns whether it is false at `from`, and stays so until `until`, by the values of each moment.
    pub fn is_false_between(&self, facts: &Facts, from: Time, until: Time, zone: &TimeZone) -> bool {
        let mut at = from;
        loop {
            let answer = self.answer(facts, at, zone);
            match (answer.holds, answer.until.filter(|next| *next < until)) {
                (Some(false), Some(next)) => at = next,
                (holds, _) => return holds == Some(false),
            }
        }
    }

    /// Returns the values at `at` of the facts that it reads.
    pub fn values_at(&self, facts: &Facts, at: Time) -> BTreeMap<Name, Option<Value>> {
        let value = |fact: &Name| facts.get(fact).and_then(|fact| fact.value_at(at));
        self.reads.iter().map(|fact| (fact.clone(), value(fact))).collect()
    }

    /// Returns whether a fact that it reads changed at `at`.
    pub fn reads_a_change_at(&self, facts: &Facts, at: Time) -> bool {
        self.reads.iter().filter_map(|fact| facts.get(fact)).any(|fact| fact.changed_at(at))
    }

    /// Returns whether it says that the mains are off, and nothing else: it is true while `power` is `off` and false
    /// while it is `on`. Whatever also asks for the time, for `known(power)` or for another fact may be false while the
    /// mains are off, so that its end is no news of the mains.
    pub fn is_mains_outage(&self) -> bool {
        let mut plain = self.reads.len() == 1 && self.reads.contains(POWER);
        self.root.visit(&mut |node| {
            plain &= matches!(
                node,
                Node::Constant(_) | Node::Fact(_) | Node::Not(_) | Node::And(_) | Node::Or(_) | Node::Compare(..)
            );
        });
        let holds = |power| {
            let mut facts = Facts::default();
            facts.set(&Name::new_static(POWER), Some(power), Time::MIN);
            self.answer(&facts, Time::MIN, &TimeZone::UTC).holds
        };
        plain && holds(Value::Off) == Some(true) && holds(Value::On) == Some(false)
    }
}

impl Node {
    /// Calls `on` for this node and all below it.
    pub fn visit(&self, on: &mut impl FnMut(&Node)) {
        on(self);
        match self {
            Node::Not(inner) => inner.visit(on),
            Node::And(parts) | Node::Or(parts) => parts.iter().for_each(|part| part.visit(on)),
            Node::Compare(_, left, right) | Node::Arithmetic(_, left, right) => {
                left.visit(on);
                right.visit(on);
            }
            _ => {}
        }
    }
}

/// One evaluation: what may be read, and the moments met on the way at which the answer may change.
struct Moment<'a> {
    facts: &'a Facts,
    at: Time,
    /// The time by which the wall clock is read.
    wall: Time,
    zone: &'a TimeZone,
    /// Only what is remembered counts: before that, a fact is unknown.
    remembered: bool,
    until: Option<Time>,
}

impl Moment<'_> {
    fn holds(&mut self, root: &Node) -> Option<bool> {
        match self.eval(root) {
            Some(Data::Bool(holds)) => Some(holds),
            _ => None,
        }
    }

    /// Left to right, with short circuit; `None` as soon as an unknown fact is read.
    fn eval(&mut self, node: &Node) -> Option<Data> {
        Some(match node {
            Node::Constant(data) => *data,
            Node::Fact(name) => {
                let fact = self.facts.get(name)?;
                let value = if self.remembered { fact.remembered_at(self.at) } else { fact.value_at(self.at) };
                // A condition that is asked late is asked before changes that are known already.
                if let Some(next) = fact.next_change(self.at) {
                    self.may_change(next);
                }
                Data::Fact(value?)
            }
            Node::Not(inner) => Data::Bool(!self.truth(inner)?),
            Node::And(parts) => {
                for part in parts {
                    if !self.truth(part)? {
                        return Some(Data::Bool(false));
                    }
                }
                Data::Bool(true)
            }
            Node::Or(parts) => {
                for part in parts {
                    if self.truth(part)? {
                        return Some(Data::Bool(true));
                    }
                }
                Data::Bool(false)
            }
            Node::Compare(comparison, left, right) => {
                let (left, right) = (self.eval(left)?, self.eval(right)?);
                Data::Bool(comparison.holds(left, right))
            }
            Node::Arithmetic(operator, left, right) => {
                let (left, right) = (self.number(left)?, self.number(right)?);
                Data::Fact(Value::Number(operator.apply(left, right)))
            }
            Node::Known(fact) => Data::Bool(self.facts.get(fact).is_some_and(|fact| fact.value.is_some())),
            Node::Changes(name, window) => {
                let fact = self.facts.get(name).filter(|fact| fact.value.is_some())?;
                if let Some(next) = fact.next_change(self.at) {
                    self.may_change(next);
                }
                // Before its first reading the fact is unknown.
                fact.value_at(self.at)?;
                let (count, oldest) = fact.changes(self.at - *window, self.at);
                if let Some(oldest) = oldest {
                    self.may_change(oldest + *window);
                }
                Data::Fact(Value::Number(i64::try_from(count).unwrap_or(i64::MAX)))
            }
            Node::Held(name, length) => {
                let fact = self.facts.get(name).filter(|fact| fact.value.is_some())?;
                if let Some(next) = fact.next_change(self.at) {
                    self.may_change(next);
                }
                let held_at = fact.held_since(self.at)? + *length;
                if held_at > self.at {
                    self.may_change(held_at);
                }
                Data::Bool(held_at <= self.at)
            }
            Node::Between(span) => {
                self.may_change(span.next_edge(self.at, self.zone));
                Data::Bool(span.contains(self.wall, self.zone))
            }
            Node::Weekday => {
                let midnight = WallSpan { from: civil::Time::midnight(), to: civil::Time::midnight() };
                self.may_change(midnight.next_edge(self.at, self.zone));
                Data::Day(self.wall.in_zone(self.zone).weekday())
            }
        })
    }

    fn truth(&mut self, node: &Node) -> Option<bool> {
        match self.eval(node)? {
            Data::Bool(truth) => Some(truth),
            _ => None,
        }
    }

    fn number(&mut self, node: &Node) -> Option<i64> {
        match self.eval(node)? {
            Data::Fact(Value::Number(number)) => Some(number),
            _ => None,
        }
    }

    /// A moment that is not ahead is at the end of the calendar, where time no longer passes.
    fn may_change(&mut self, at: Time) {
        if at > self.at {
            self.until = Some(self.until.map_or(at, |until| until.min(at)));
        }
    }
}

impl Comparison {
    fn holds(self, left: Data, right: Data) -> bool {
        let order = match (left, right) {
            (Data::Fact(Value::Number(left)), Data::Fact(Value::Number(right))) => left.cmp(&right),
            // Only numbers have an order; for the rest the compiler lets `==` and `!=` through alone.
            (left, right) if left == right => std::cmp::Ordering::Equal,
            _ => std::cmp::Ordering::Less,
        };
        match self {
            Comparison::Equal => order.is_eq(),
            Comparison::NotEqual => order.is_ne(),
            Comparison::Less => order.is_lt(),
            Comparison::LessOrEqual => order.is_le(),
            Comparison::Greater => order.is_gt(),
            Comparison::GreaterOrEqual => order.is_ge(),
        }
    }
}

impl Operator {
    fn apply(self, left: i64, right: i64) -> i64 {
        match self {
            Operator::Add => left.saturating_add(right),
            Operator::Subtract => left.saturating_sub(right),
            Operator::Multiply => left.saturating_mul(right),
            Operator::Divide => left.checked_div(right).unwrap_or(0),
            Operator::Remainder => left.checked_rem(right).unwrap_or(0),
        }
    }
}
