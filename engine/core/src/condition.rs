//! A rule's `when`, compiled: its answer at a time, and until when that answer holds.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{civil, tz::TimeZone};

use crate::{Millis, Name, Time, Value, state::Facts, wall_clock::WallSpan};

/// The fact that says whether the mains are on.
const POWER: &str = "power";

/// A compiled condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Condition {
    root: Node,
    /// The facts whose change can change the answer.
    pub reads: BTreeSet<Name>,
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
    pub fn new(root: Node) -> Self {
        let mut reads = BTreeSet::new();
        root.visit(&mut |node| {
            if let Node::Fact(fact) | Node::Known(fact) | Node::Changes(fact, _) | Node::Held(fact, _) = node {
                reads.insert(fact.clone());
            }
        });
        Condition { root, reads }
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

    /// The answer at `at`, by the wall clock of `zone` where the condition reads one.
    pub fn answer(&self, facts: &Facts, at: Time, zone: &TimeZone) -> Answer {
        let mut moment = Moment { facts, at, zone, until: None };
        let holds = match moment.eval(&self.root) {
            Some(Data::Bool(holds)) => Some(holds),
            _ => None,
        };
        Answer { holds, until: moment.until }
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
    zone: &'a TimeZone,
    until: Option<Time>,
}

impl Moment<'_> {
    /// Left to right, with short circuit; `None` as soon as an unknown fact is read.
    fn eval(&mut self, node: &Node) -> Option<Data> {
        Some(match node {
            Node::Constant(data) => *data,
            Node::Fact(fact) => Data::Fact(self.facts.get(fact)?.value?),
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
                let inside = fact.changes(self.at - *window, self.at);
                if let Some(oldest) = inside.first() {
                    self.may_change(*oldest + *window);
                }
                // A reading that came late is evaluated before changes that are known already.
                if let Some(next) = fact.changes(self.at, Time::MAX).first() {
                    self.may_change(*next);
                }
                Data::Fact(Value::Number(i64::try_from(inside.len()).unwrap_or(i64::MAX)))
            }
            Node::Held(name, length) => {
                let fact = self.facts.get(name).filter(|fact| fact.value.is_some())?;
                let (_, since) = fact.last?;
                let held_at = since + *length;
                if held_at > self.at {
                    self.may_change(held_at);
                }
                Data::Bool(held_at <= self.at)
            }
            Node::Between(span) => {
                self.may_change(span.next_edge(self.at, self.zone));
                Data::Bool(span.contains(self.at, self.zone))
            }
            Node::Weekday => {
                let midnight = WallSpan { from: civil::Time::midnight(), to: civil::Time::midnight() };
                self.may_change(midnight.next_edge(self.at, self.zone));
                Data::Day(self.at.in_zone(self.zone).weekday())
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
