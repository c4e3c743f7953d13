//! Rhai: the language of conditions and hooks. No other module names its API.
//!
//! A condition is parsed by Rhai and lowered into [`Condition`](crate::condition::Condition), so that names and types
//! are checked when it is compiled, an unknown fact can have no answer, and the moment is known at which the answer
//! may change by time alone. Hooks run in Rhai itself, bounded by operations, depth and sizes.

mod hooks;
mod lower;
mod slips;

use std::{ops::Range, sync::LazyLock};

use rhai::{
    Engine, EvalAltResult, OptimizationLevel, Position,
    packages::{Package, StandardPackage},
};

pub(crate) use hooks::{Context, Hook, HookError, HookResult, Script};
pub(crate) use lower::{SpannedProblem, lower};

/// The limits of one call of a hook: operations, nested calls, bytes of a text, items of a list or map.
const OPERATIONS: u64 = 50_000;
const CALL_DEPTH: usize = 16;
const STRING_BYTES: usize = 16 * 1024;
const ITEMS: usize = 1_024;

/// The interpreter that compiles and runs scripts: one for the process, without state of any script.
static INTERPRETER: LazyLock<Engine> = LazyLock::new(|| {
    let mut engine = interpreter();
    engine.set_strict_variables(true);
    engine
});

/// The parser of conditions: to it the facts are variables that are defined nowhere.
static CONDITIONS: LazyLock<Engine> = LazyLock::new(interpreter);

/// An interpreter without a way to the outside: nothing to print to, nothing to load, no clock, no `eval`.
fn interpreter() -> Engine {
    let mut engine = Engine::new_raw();
    engine.register_global_module(StandardPackage::new().as_shared_module());
    engine.set_optimization_level(OptimizationLevel::None);
    engine.set_fail_on_invalid_map_property(true);
    engine.set_max_operations(OPERATIONS);
    engine.set_max_call_levels(CALL_DEPTH);
    engine.set_max_expr_depths(64, 32);
    engine.set_max_string_size(STRING_BYTES);
    engine.set_max_array_size(ITEMS);
    engine.set_max_map_size(ITEMS);
    engine.set_max_variables(256);
    engine.set_max_functions(256);
    for name in ["eval", "print", "debug"] {
        engine.disable_symbol(name);
    }
    // It would hold the host up. `KNOWN_FUNCTIONS` lacks it; `Fn("sleep")` finds this one before Rhai's own.
    engine.register_fn("sleep", |_: i64| -> Result<(), Box<EvalAltResult>> { Err("a script cannot sleep".into()) });
    engine
}

/// The byte of `text` at a position that Rhai gives in lines and characters.
fn offset(text: &str, position: Position) -> usize {
    let line = position.line().unwrap_or(1).saturating_sub(1);
    let start: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
    let column = position.position().unwrap_or(1).saturating_sub(1);
    let rest = text.get(start..).unwrap_or_default();
    start + rest.char_indices().nth(column).map_or(rest.len(), |(at, _)| at)
}

/// The word, text in quotes or sign that begins at `from`, for a caret under all of it.
fn token(text: &str, from: usize) -> Range<usize> {
    let rest = text.get(from..).unwrap_or_default();
    let word = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
    let text = rest.strip_prefix('"').and_then(|text| text.find('"')).map(|end| end + 2);
    let sign = rest.chars().next().map_or(0, char::len_utf8);
    let length = if word > 0 { word } else { text.unwrap_or(sign) };
    from..from + length
}
