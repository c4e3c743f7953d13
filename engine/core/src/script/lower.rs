//! From Rhai's syntax tree to a [`Condition`]: names resolved, types checked, every problem with its place.

use std::ops::Range;

use jiff::civil::{self, Weekday};
use rhai::{ASTFlags, Expr, FnCallExpr, Position, Stmt};

use super::{CONDITIONS, offset, slips, token};
use crate::{
    FactKind, Millis, Name, Value,
    condition::{Comparison, Condition, Data, Node, Operator},
    problem::{did_you_mean, nearest},
    rules::DeclaredFacts,
    wall_clock::{WallSpan, wall_time},
};

/// A problem in an expression, at bytes of the expression.
pub(crate) struct SpannedProblem {
    pub span: Range<usize>,
    pub message: String,
    pub help: Option<String>,
}

/// Compiles the expression `text` over `facts`.
pub(crate) fn lower(text: &str, facts: &DeclaredFacts) -> Result<Condition, Vec<SpannedProblem>> {
    let mut lowering = Lowering { text, facts, problems: Vec::new() };
    let ast = match CONDITIONS.compile_expression(text) {
        Ok(ast) => ast,
        Err(error) => {
            let at = offset(text, error.position());
            let slip = slips::in_condition(text).map(|(span, help)| (span, Some(help)));
            let (span, help) = slip.unwrap_or((at..at, None));
            lowering.problem(span, format!("this is not an expression: {}", error.err_type()), help);
            return Err(lowering.problems);
        }
    };
    let root = match ast.statements() {
        [Stmt::Expr(expr)] => lowering.lower(expr),
        _ => {
            lowering.problem(0..text.len(), "a condition is one expression".into(), None);
            None
        }
    };
    match root {
        Some((node, Type::Bool)) if lowering.problems.is_empty() => Ok(Condition::new(node, text)),
        Some((_, kind)) if lowering.problems.is_empty() => {
            let message = format!("a condition is true or false, this is {}", kind.describe());
            lowering.problem(0..text.len(), message, Some("compare it, as in `power == off`".into()));
            Err(lowering.problems)
        }
        _ => Err(lowering.problems),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Type {
    Bool,
    Fact(FactKind),
    Day,
}

impl Type {
    fn describe(self) -> &'static str {
        match self {
            Type::Bool => "true or false",
            Type::Fact(kind) => kind.describe(),
            Type::Day => "a day of the week",
        }
    }
}

type Typed = (Node, Type);

const NUMBER: Type = Type::Fact(FactKind::Number);

const DAYS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Monday),
    ("tue", Weekday::Tuesday),
    ("wed", Weekday::Wednesday),
    ("thu", Weekday::Thursday),
    ("fri", Weekday::Friday),
    ("sat", Weekday::Saturday),
    ("sun", Weekday::Sunday),
];

const FUNCTIONS: [&str; 5] = ["known", "between", "weekday", "changes", "held"];

struct Lowering<'a> {
    text: &'a str,
    facts: &'a DeclaredFacts,
    problems: Vec<SpannedProblem>,
}

impl Lowering<'_> {
    fn problem(&mut self, span: Range<usize>, message: String, help: Option<String>) {
        self.problems.push(SpannedProblem { span, message, help });
    }

    fn at(&mut self, position: Position, message: impl Into<String>, help: Option<String>) -> Option<Typed> {
        let span = token(self.text, offset(self.text, position));
        self.problem(span, message.into(), help);
        None
    }

    fn lower(&mut self, expr: &Expr) -> Option<Typed> {
        match expr {
            Expr::BoolConstant(truth, _) => Some((Node::Constant(Data::Bool(*truth)), Type::Bool)),
            Expr::IntegerConstant(number, _) => Some((number_node(*number), NUMBER)),
            Expr::Variable(name, _, position) => self.name(&name.1, *position),
            Expr::And(parts, _) => Some((Node::And(self.truths(parts)?), Type::Bool)),
            Expr::Or(parts, _) => Some((Node::Or(self.truths(parts)?), Type::Bool)),
            Expr::FnCall(call, position) => self.call(call, *position),
            Expr::Dot(pair, flags, _) => match (&pair.lhs, &pair.rhs) {
                // `?.` reads like a question for an unknown fact, which `known` asks.
                (Expr::Variable(fact, _, fact_at), Expr::MethodCall(call, at))
                    if !flags.contains(ASTFlags::NEGATED) =>
                {
                    self.method(&fact.1, *fact_at, call, *at)
                }
                (_, rhs) => {
                    let help = "a fact knows `.changes(\"10m\")` and `.held(\"1m\")`";
                    self.at(rhs.position(), "this cannot stand behind a dot here", Some(help.into()))
                }
            },
            Expr::StringConstant(text, position) => {
                let help = nearest(text, self.names()).map(|name| format!("write `{name}` without quotes"));
                self.at(*position, "a text in quotes cannot stand here", help)
            }
            other => {
                let help = "conditions are made of facts, numbers, comparisons, `&&`, `||`, `!`, `+ - * / %` and the \
                            functions `known`, `changes`, `held`, `between`, `weekday`";
                self.at(other.position(), "this cannot stand in a condition", Some(help.into()))
            }
        }
    }

    /// Every name that may stand alone.
    fn names(&self) -> impl Iterator<Item = &str> {
        self.facts.names().chain(Value::NAMED.iter().map(|(name, _)| *name))
    }

    fn name(&mut self, name: &str, position: Position) -> Option<Typed> {
        if let Some(kind) = self.facts.kind(name) {
            return Some((Node::Fact(name.into()), Type::Fact(kind)));
        }
        if let Some((_, value)) = Value::NAMED.iter().find(|(known, _)| *known == name) {
            let kind = if FactKind::Switch.holds(*value) { FactKind::Switch } else { FactKind::Link };
            return Some((Node::Constant(Data::Fact(*value)), Type::Fact(kind)));
        }
        if let Some(kind) = self.facts.of_another_device(name) {
            return Some((Node::Fact(name.into()), Type::Fact(kind)));
        }
        let help = did_you_mean(name, self.names());
        let help = help.or_else(|| {
            let facts: Vec<String> = self.facts.names().map(|fact| format!("`{fact}`")).collect();
            Some(format!("the facts are {}", facts.join(", ")))
        });
        self.at(position, format!("there is no fact or value `{name}`"), help)
    }

    fn truths(&mut self, parts: &[Expr]) -> Option<Vec<Node>> {
        // All of them, so that each one's problems are told, before any missing one ends it.
        let parts: Vec<Option<Node>> = parts.iter().map(|part| self.of_type(part, Type::Bool)).collect();
        parts.into_iter().collect()
    }

    fn of_type(&mut self, expr: &Expr, wanted: Type) -> Option<Node> {
        let (node, kind) = self.lower(expr)?;
        if kind == wanted {
            return Some(node);
        }
        let message = format!("this is {}, where {} is needed", kind.describe(), wanted.describe());
        let help = (wanted == Type::Bool).then(|| "compare it, as in `power == off`".to_owned());
        self.at(expr.start_position(), message, help)?;
        None
    }

    fn call(&mut self, call: &FnCallExpr, position: Position) -> Option<Typed> {
        let args = call.args.as_slice();
        if call.capture_parent_scope {
            return self.at(position, "`!` cannot stand behind a function", None);
        }
        match (call.name.as_str(), args) {
            ("!", [inner]) => Some((Node::Not(Box::new(self.of_type(inner, Type::Bool)?)), Type::Bool)),
            ("-", [inner]) => {
                let zero = Box::new(number_node(0));
                let inner = Box::new(self.of_type(inner, NUMBER)?);
                Some((Node::Arithmetic(Operator::Subtract, zero, inner), NUMBER))
            }
            ("==", [left, right]) => self.equality(Comparison::Equal, left, right),
            ("!=", [left, right]) => self.equality(Comparison::NotEqual, left, right),
            ("<", [left, right]) => self.order(Comparison::Less, left, right),
            ("<=", [left, right]) => self.order(Comparison::LessOrEqual, left, right),
            (">", [left, right]) => self.order(Comparison::Greater, left, right),
            (">=", [left, right]) => self.order(Comparison::GreaterOrEqual, left, right),
            ("+", [left, right]) => self.arithmetic(Operator::Add, left, right),
            ("-", [left, right]) => self.arithmetic(Operator::Subtract, left, right),
            ("*", [left, right]) => self.arithmetic(Operator::Multiply, left, right),
            ("/", [left, right]) => self.arithmetic(Operator::Divide, left, right),
            ("%", [left, right]) => self.arithmetic(Operator::Remainder, left, right),
            ("known", [Expr::Variable(fact, _, at)]) => {
                let fact = self.fact(&fact.1, *at)?.0;
                Some((Node::Known(fact), Type::Bool))
            }
            ("between", [Expr::StringConstant(from, from_at), Expr::StringConstant(to, to_at)]) => {
                let (start, end) = (self.wall_time(from, *from_at), self.wall_time(to, *to_at));
                let span = WallSpan { from: start?, to: end? };
                if span.from == span.to {
                    let help = "a span that begins when it ends is never; leave `between` out for always";
                    return self.at(*to_at, "both ends are the same", Some(help.into()));
                }
                Some((Node::Between(span), Type::Bool))
            }
            ("weekday", []) => Some((Node::Weekday, Type::Day)),
            ("known", _) => self.at(position, "`known` takes one fact", Some("write `known(battery)`".into())),
            ("between", _) => {
                let help = "write `between(\"22:00\", \"07:00\")`";
                self.at(position, "`between` takes two times of the day", Some(help.into()))
            }
            ("weekday", _) => self.at(position, "`weekday` takes nothing", Some("write `weekday() == \"sat\"`".into())),
            (name @ ("changes" | "held"), _) => {
                let help = format!("write `power.{name}(\"10m\")`");
                self.at(position, format!("`{name}` stands behind a fact"), Some(help))
            }
            (name, _) => {
                // Rhai reads `a in b` as a call of `contains`.
                let name = if name == "contains" { "in" } else { name };
                let help = slips::for_word(name).or_else(|| did_you_mean(name, FUNCTIONS));
                self.at(position, format!("there is no function or operator `{name}` in conditions"), help)
            }
        }
    }

    fn method(&mut self, fact: &str, fact_at: Position, call: &FnCallExpr, at: Position) -> Option<Typed> {
        let fact = self.fact(fact, fact_at);
        match (call.name.as_str(), call.args.as_slice()) {
            (name @ ("changes" | "held"), [Expr::StringConstant(length, length_at)]) => {
                let length: Millis = match length.parse() {
                    Ok(length) => length,
                    Err(error) => return self.at(*length_at, format!("{error}"), None),
                };
                if length == Millis::ZERO {
                    return self.at(*length_at, format!("`{name}` needs a length of time above zero"), None);
                }
                let fact = fact?.0;
                Some(match name {
                    "changes" => (Node::Changes(fact, length), NUMBER),
                    _ => (Node::Held(fact, length), Type::Bool),
                })
            }
            (name @ ("changes" | "held"), _) => {
                let help = format!("write `power.{name}(\"10m\")`");
                self.at(at, format!("`{name}` takes one length of time"), Some(help))
            }
            (name, _) => {
                let help = did_you_mean(name, FUNCTIONS);
                self.at(at, format!("a fact has no function `{name}`"), help)
            }
        }
    }

    fn fact(&mut self, name: &str, position: Position) -> Option<(Name, FactKind)> {
        if let Some(kind) = self.facts.kind(name).or_else(|| self.facts.of_another_device(name)) {
            return Some((name.into(), kind));
        }
        let help = did_you_mean(name, self.facts.names());
        self.at(position, format!("there is no fact `{name}`"), help)?;
        None
    }

    fn wall_time(&mut self, text: &str, position: Position) -> Option<civil::Time> {
        let tell = |(message, help)| self.at(position, message, Some(help));
        wall_time(text).map_err(tell).ok()
    }

    fn order(&mut self, comparison: Comparison, left: &Expr, right: &Expr) -> Option<Typed> {
        let (left, right) = (self.of_type(left, NUMBER), self.of_type(right, NUMBER));
        Some((Node::Compare(comparison, Box::new(left?), Box::new(right?)), Type::Bool))
    }

    fn equality(&mut self, comparison: Comparison, left: &Expr, right: &Expr) -> Option<Typed> {
        let compare = |left, right| (Node::Compare(comparison, Box::new(left), Box::new(right)), Type::Bool);
        // Days are the one type whose constants are texts: `weekday() == "sat"`.
        if let (day, Expr::StringConstant(text, at)) | (Expr::StringConstant(text, at), day) = (left, right) {
            let (day, kind) = self.lower(day)?;
            if kind != Type::Day {
                let text = if matches!(left, Expr::StringConstant(..)) { left } else { right };
                return self.lower(text);
            }
            let Some((_, constant)) = DAYS.iter().find(|(name, _)| *name == text.as_str()) else {
                let help = did_you_mean(text, DAYS.iter().map(|(name, _)| *name));
                let help = help.or_else(|| Some("the days are mon, tue, wed, thu, fri, sat, sun".to_owned()));
                return self.at(*at, format!("there is no day `{text}`"), help);
            };
            return Some(compare(day, Node::Constant(Data::Day(*constant))));
        }
        let (left_typed, right_typed) = (self.lower(left), self.lower(right));
        let ((left_node, left_type), (right_node, right_type)) = (left_typed?, right_typed?);
        if left_type != right_type {
            let message = format!(
                "{} can never equal {}: one is {}, the other {}",
                self.source(left),
                self.source(right),
                left_type.describe(),
                right_type.describe()
            );
            let help = self.switch_advice(comparison, (left, left_type), right);
            let help = help.or_else(|| self.switch_advice(comparison, (right, right_type), left));
            return self.at(right.start_position(), message, help);
        }
        Some(compare(left_node, right_node))
    }

    /// Returns the advice where a switch is compared with `true` or `false`.
    fn switch_advice(&self, comparison: Comparison, switch: (&Expr, Type), other: &Expr) -> Option<String> {
        let (expr @ Expr::Variable(..), Type::Fact(FactKind::Switch)) = switch else { return None };
        let Expr::BoolConstant(truth, _) = other else { return None };
        let fact = self.source(expr);
        let operator = if comparison == Comparison::NotEqual { "!=" } else { "==" };
        let value = if *truth { "on" } else { "off" };
        Some(format!("write `{} {operator} {value}`", fact.trim_matches('`')))
    }

    fn arithmetic(&mut self, operator: Operator, left: &Expr, right: &Expr) -> Option<Typed> {
        let (left, divisor) = (self.of_type(left, NUMBER), self.of_type(right, NUMBER));
        let divides = matches!(operator, Operator::Divide | Operator::Remainder);
        let fixed = matches!(divisor, Some(Node::Constant(Data::Fact(Value::Number(number)))) if number != 0);
        if divides && divisor.is_some() && !fixed {
            let help = "divide by a number that is written out and not zero";
            return self.at(right.start_position(), "this may divide by zero", Some(help.into()));
        }
        Some((Node::Arithmetic(operator, Box::new(left?), Box::new(divisor?)), NUMBER))
    }

    /// Returns what was written at the start of an expression, for a message.
    fn source(&self, expr: &Expr) -> String {
        let span = token(self.text, offset(self.text, expr.start_position()));
        format!("`{}`", self.text.get(span).unwrap_or_default())
    }
}

fn number_node(number: i64) -> Node {
    Node::Constant(Data::Fact(Value::Number(number)))
}
