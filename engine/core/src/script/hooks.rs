//! Hooks: a rule's optional functions, pure in what they are given.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    sync::{Arc, LazyLock},
};

use rhai::{AST, ASTNode, CallFnOptions, Dynamic, EvalAltResult, Expr, Map, ParseErrorType, Position, Scope, Stmt};

use super::{INTERPRETER, lower::SpannedProblem, offset, slips, token};
use crate::{Millis, Name, Problem, Value, Wording, problem::did_you_mean, rules::DeclaredFacts};

/// The hooks by name, with the names of their parameters as the documentation gives them.
const HOOKS: [(Hook, &str, &[&str]); 5] = [
    (Hook::OpenAfter, "open_after", &["ctx"]),
    (Hook::CloseAfter, "close_after", &["ctx"]),
    (Hook::Recipients, "recipients", &["ctx", "names"]),
    (Hook::Allow, "allow", &["ctx"]),
    (Hook::Message, "message", &["ctx"]),
];

/// A function that a script may define.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Hook {
    /// The time for which the condition must hold: asked once, on entering pending.
    OpenAfter,
    /// The time for which it must be false: asked once, on entering closing.
    CloseAfter,
    /// The names of who is told: asked at each firing.
    Recipients,
    /// Lets a message go out, or not: asked for all kinds but `resolved`.
    Allow,
    /// The words of a message.
    Message,
}

impl Hook {
    /// The function's name in the script.
    pub fn name(self) -> &'static str {
        HOOKS.iter().find(|(hook, ..)| *hook == self).map_or("", |(_, name, _)| name)
    }
}

/// A field of `ctx` and the fields below it; no list stands for the names of the facts.
const FIELDS: [(&str, Option<&[&str]>); 9] = [
    ("device", Some(&["id", "name", "labels"])),
    ("facts", None),
    ("rule", Some(&["name", "severity"])),
    ("incident", Some(&["id", "number", "since", "opened_at", "ended", "ended_by", "facts_at_end", "lasted"])),
    ("kind", Some(&[])),
    ("step", Some(&[])),
    ("repeat", Some(&[])),
    ("now", Some(&[])),
    ("local", Some(&["hour", "minute", "weekday", "date", "time"])),
];

/// The parameter `ctx` of a hook.
pub(crate) struct Context(Map);

impl Context {
    pub fn new() -> Self {
        Context(Map::new())
    }

    /// Sets a field that holds a text.
    pub fn text(mut self, field: &str, text: &str) -> Self {
        self.0.insert(field.into(), text.into());
        self
    }

    /// Sets a field that holds a whole number.
    pub fn number(mut self, field: &str, number: i64) -> Self {
        self.0.insert(field.into(), number.into());
        self
    }

    /// Sets a field that holds fields of its own, or nothing.
    pub fn group(mut self, field: &str, inner: Option<Context>) -> Self {
        self.0.insert(field.into(), inner.map_or(Dynamic::UNIT, |inner| inner.0.into()));
        self
    }

    /// Sets a fact; an unknown one is `()`.
    pub fn fact(mut self, name: &str, value: Option<Value>) -> Self {
        let value = match value {
            None => Dynamic::UNIT,
            Some(Value::Number(number)) => number.into(),
            Some(named) => named.name().into(),
        };
        self.0.insert(name.into(), value);
        self
    }
}

/// The result of a hook, or why there is none.
pub(crate) type HookResult<T> = Result<T, HookError>;

/// The failure of a hook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HookError {
    /// The reason, for people.
    pub message: String,
    /// Where the script failed. `None`: it ran to its end, and its answer cannot be used.
    position: Option<Position>,
}

/// The advice where a script calculates with a fact that is unknown.
const NOTHING: &str = "while a fact is unknown it is `()`: ask for it first, like `ctx.facts.battery != ()`";

impl HookError {
    /// Returns whether the script gave `()` to an operator or a function that does not take it.
    fn works_with_nothing(&self) -> bool {
        self.message.starts_with("Function not found: ")
            && ["((),", "(())", ", ()"].iter().any(|part| self.message.contains(part))
    }
}

/// An answer that cannot be used.
impl From<String> for HookError {
    fn from(message: String) -> Self {
        HookError { message, position: None }
    }
}

impl From<Box<EvalAltResult>> for HookError {
    fn from(error: Box<EvalAltResult>) -> Self {
        let position = error.unwrap_inner().position();
        HookError { message: error.to_string(), position: (!position.is_none()).then_some(position) }
    }
}

/// A compiled script.
#[derive(Clone)]
pub(crate) struct Script {
    /// Its file and text, for problems that are found when it runs.
    file: Arc<str>,
    text: Arc<str>,
    ast: Arc<AST>,
    hooks: Vec<Hook>,
}

impl Script {
    /// Compiles a script and checks the names in it.
    pub fn compile(file: &str, text: &str, facts: &DeclaredFacts) -> Result<Script, Vec<SpannedProblem>> {
        let ast = INTERPRETER.compile(text).map_err(|error| {
            let at = offset(text, error.position());
            let (span, message) = match error.err_type() {
                ParseErrorType::VariableUndefined(name) => {
                    (token(text, at), format!("there is no variable `{name}` here"))
                }
                other => (at..at, format!("this is not Rhai: {other}")),
            };
            let help = match error.err_type() {
                // These name the mistake themselves.
                ParseErrorType::VariableUndefined(_) | ParseErrorType::BadInput(_) => None,
                _ => slips::open_brace(text),
            };
            vec![SpannedProblem { span, message, help }]
        })?;
        let mut problems = Vec::new();
        let mut hooks = Vec::new();
        let calls = calls(&ast);
        let mut contexts = BTreeSet::new();
        for function in ast.iter_functions() {
            let known = HOOKS.iter().find(|(_, name, _)| *name == function.name);
            let at = definition(text, function.name);
            match known {
                Some((hook, _, params)) if params.len() == function.params.len() => {
                    hooks.push(*hook);
                    contexts.extend(function.params.first().map(|first| (*first).to_owned()));
                }
                Some((_, name, params)) => problems.push(SpannedProblem {
                    span: at,
                    message: format!("`{name}` takes {} parameters, not {}", params.len(), function.params.len()),
                    help: Some(format!("write `fn {name}({})`", params.join(", "))),
                }),
                // Rhai names a function that is written in place, `|name| name != "kim"`, by itself.
                None if calls.contains_key(function.name) || function.name.starts_with("anon$") => {}
                None => {
                    let names = HOOKS.iter().map(|(_, name, _)| *name);
                    let known: Vec<&str> = names.clone().collect();
                    let help = did_you_mean(function.name, names);
                    problems.push(SpannedProblem {
                        span: at,
                        message: format!("`{}` is no hook, and nothing calls it", function.name),
                        help: help.or_else(|| {
                            Some(format!("a hook is a function with one of the names {}", known.join(", ")))
                        }),
                    });
                }
            }
        }
        hooks.sort();
        problems.extend(loose_statements(text, &ast));
        problems.extend(unknown_fields(text, &ast, &contexts, facts));
        problems.extend(calls.iter().filter_map(|(name, at)| unknown_function(text, &ast, name, *at)));
        problems.sort_by_key(|problem| problem.span.start);
        let script = Script { file: file.into(), text: text.into(), ast: Arc::new(ast), hooks };
        if problems.is_empty() { Ok(script) } else { Err(problems) }
    }

    /// Returns the failure of a hook as a problem of the script's file: at the place where it failed, else at the
    /// hook's definition.
    pub fn problem(&self, hook: Hook, error: &HookError, message: String) -> Problem {
        let failed_at = error.position.map(|position| token(&self.text, offset(&self.text, position)));
        let span = failed_at.unwrap_or_else(|| definition(&self.text, hook.name()));
        let help = error.works_with_nothing().then(|| NOTHING.to_owned());
        Problem::error(&self.file, &self.text, span, message, help)
    }

    /// Returns a warning at the definition of a hook.
    pub fn warning(&self, hook: Hook, message: String, help: &str) -> Problem {
        let span = definition(&self.text, hook.name());
        Problem::warning(&self.file, &self.text, span, message, Some(help.to_owned()))
    }

    /// Returns the whole numbers that are written in the script, each once.
    pub fn numbers(&self) -> BTreeSet<i64> {
        let mut numbers = BTreeSet::new();
        self.ast.walk(&mut |path: &[ASTNode<'_>]| {
            if let Some(ASTNode::Expr(Expr::IntegerConstant(number, _))) = path.last() {
                numbers.insert(*number);
            }
            true
        });
        numbers
    }

    pub fn has(&self, hook: Hook) -> bool {
        self.hooks.contains(&hook)
    }

    /// A duration, or `()` for the value of the TOML file.
    pub fn length(&self, hook: Hook, ctx: Context) -> HookResult<Option<Millis>> {
        let answer = self.call(hook, (ctx.0,))?;
        if answer.is_unit() {
            return Ok(None);
        }
        let text = answer
            .into_immutable_string()
            .map_err(|kind| format!("it answered {kind}, where a duration like \"2m\" or () is expected"))?;
        text.parse().map(Some).map_err(|error: crate::LengthError| error.to_string().into())
    }

    /// A list of names.
    pub fn recipients(&self, ctx: Context, names: &[Name]) -> HookResult<Vec<Name>> {
        let names: rhai::Array = names.iter().map(|name| Dynamic::from(name.to_string())).collect();
        let answer = self.call(Hook::Recipients, (ctx.0, names))?;
        let nonsense = |kind: &str| HookError::from(format!("it answered {kind}, where a list of names is expected"));
        let list = answer.into_array().map_err(nonsense)?;
        list.into_iter()
            .map(|name| name.into_immutable_string().map(|name| name.as_str().into()).map_err(nonsense))
            .collect()
    }

    /// Lets a message go out, or not.
    pub fn allow(&self, ctx: Context) -> HookResult<bool> {
        let answer = self.call(Hook::Allow, (ctx.0,))?;
        answer.as_bool().map_err(|kind| format!("it answered {kind}, where true or false is expected").into())
    }

    /// A map of subject and text, or `()` for the built-in words.
    pub fn message(&self, ctx: Context) -> HookResult<Option<Wording>> {
        let answer = self.call(Hook::Message, (ctx.0,))?;
        if answer.is_unit() {
            return Ok(None);
        }
        let nonsense = || "it answered no map of texts like #{ subject: \"...\", text: \"...\" }, nor ()".to_owned();
        let mut map = answer.try_cast::<Map>().ok_or_else(nonsense)?;
        let mut take =
            |field| map.remove(field).and_then(|text| text.into_immutable_string().ok()).ok_or_else(nonsense);
        let (subject, text) = (take("subject")?, take("text")?);
        if subject.trim().is_empty() || subject.contains(['\r', '\n']) {
            return Err("its subject is empty or has more than one line".to_owned().into());
        }
        if subject.contains(char::is_control) {
            return Err("its subject holds a control character".to_owned().into());
        }
        Ok(Some(Wording { subject: subject.to_string(), text: text.to_string() }))
    }

    fn call(&self, hook: Hook, args: impl rhai::FuncArgs) -> HookResult<Dynamic> {
        let options = CallFnOptions::new().eval_ast(false);
        Ok(INTERPRETER.call_fn_with_options(options, &mut Scope::new(), &self.ast, hook.name(), args)?)
    }
}

impl std::fmt::Debug for Script {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Script").field(&self.hooks).finish()
    }
}

/// Returns where a function's name stands in its definition.
fn definition(text: &str, name: &str) -> Range<usize> {
    let found = text.match_indices("fn ").find_map(|(at, keyword)| {
        let rest = text.get(at + keyword.len()..)?;
        let start = at + keyword.len() + (rest.len() - rest.trim_start().len());
        (text.get(token(text, start)) == Some(name)).then(|| token(text, start))
    });
    found.unwrap_or(0..0)
}

/// Every function that is called, with the first place.
fn calls(ast: &AST) -> BTreeMap<String, Position> {
    let mut calls = BTreeMap::new();
    ast.walk(&mut |path: &[ASTNode<'_>]| {
        if let Some(ASTNode::Expr(Expr::FnCall(call, at) | Expr::MethodCall(call, at))) = path.last() {
            calls.entry(call.name.to_string()).or_insert(*at);
        }
        if let Some(ASTNode::Stmt(Stmt::FnCall(call, at))) = path.last() {
            calls.entry(call.name.to_string()).or_insert(*at);
        }
        true
    });
    calls
}

/// Returns a problem where a statement stands outside every function: it would never run.
fn loose_statements(text: &str, ast: &AST) -> Option<SpannedProblem> {
    let first = ast.statements().iter().find(|stmt| !matches!(stmt, Stmt::Noop(_)))?;
    let span = token(text, offset(text, first.position()));
    let message = "this stands outside every function and would never run".to_owned();
    Some(SpannedProblem { span, message, help: Some("move it into a hook or a function that one calls".to_owned()) })
}

/// Fields of `ctx` that do not exist.
fn unknown_fields(text: &str, ast: &AST, contexts: &BTreeSet<String>, facts: &DeclaredFacts) -> Vec<SpannedProblem> {
    let mut problems = Vec::new();
    let mut unknown = |name: &str, at: Position, known: Vec<&str>| {
        let help = did_you_mean(name, known.iter().copied());
        problems.push(SpannedProblem {
            span: token(text, offset(text, at)),
            message: format!("there is no field `{name}` here"),
            help: help.or_else(|| Some(format!("the fields are {}", known.join(", ")))),
        });
    };
    ast.walk(&mut |path: &[ASTNode<'_>]| {
        let Some(ASTNode::Expr(Expr::Dot(pair, ..))) = path.last() else { return true };
        let Expr::Variable(variable, ..) = &pair.lhs else { return true };
        if !contexts.contains(variable.1.as_str()) {
            return true;
        }
        let (field, below) = match &pair.rhs {
            Expr::Dot(inner, ..) => (&inner.lhs, Some(&inner.rhs)),
            field => (field, None),
        };
        let Expr::Property(field, at) = field else { return true };
        let field = field.2.as_str();
        let Some((_, fields)) = FIELDS.iter().find(|(name, _)| *name == field) else {
            unknown(field, *at, FIELDS.iter().map(|(name, _)| *name).collect());
            return true;
        };
        let below = match below {
            Some(Expr::Dot(inner, ..)) => Some(&inner.lhs),
            Some(Expr::Index(inner, ..)) => Some(&inner.lhs),
            other => other,
        };
        let of_devices = fields.is_none();
        let fields = fields.map_or_else(|| facts.names().collect(), <[&str]>::to_vec);
        if let Some(Expr::Property(name, at)) = below
            && !fields.contains(&name.2.as_str())
            && !fields.is_empty()
            && !(of_devices && facts.of_another_device(&name.2).is_some())
        {
            unknown(name.2.as_str(), *at, fields);
        }
        true
    });
    problems
}

/// A call of a function that neither the script nor Rhai's own packages know.
fn unknown_function(text: &str, ast: &AST, name: &str, at: Position) -> Option<SpannedProblem> {
    let own = ast.iter_functions().any(|function| function.name == name);
    if own || !name.starts_with(|c: char| c.is_alphabetic() || c == '_') || KNOWN_FUNCTIONS.contains(name) {
        return None;
    }
    let own: Vec<&str> = ast.iter_functions().map(|function| function.name).collect();
    let help = did_you_mean(name, own.into_iter().chain(KNOWN_FUNCTIONS.iter().map(String::as_str)));
    let span = token(text, offset(text, at));
    Some(SpannedProblem { span, message: format!("there is no function `{name}`"), help })
}

/// Every function of Rhai's packages and language.
static KNOWN_FUNCTIONS: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
    let registered = INTERPRETER.collect_fn_metadata(None, |function| Some(function.metadata.name.to_string()), true);
    let language = ["call", "curry", "is_def_var", "is_def_fn", "is_shared", "type_of", "Fn"].map(str::to_owned);
    registered.into_iter().chain(language).filter(|name| name != "sleep").collect()
});
