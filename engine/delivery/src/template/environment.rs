//! The template language: minijinja, strict and bounded, with filters that write times as people read them.

use dag_engine::Time;
use minijinja::{AutoEscape, Environment, Error, ErrorKind, State, UndefinedBehavior, Value, syntax::SyntaxConfig};

use super::{
    TemplateProblem,
    limits::{DEPTH, FUEL, LARGEST},
};
use crate::words::{TimeFormatter, length, seconds, title};

/// Returns an environment without templates.
pub(super) fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|name| match name.rsplit_once('.') {
        Some((_, "mjml")) => AutoEscape::Html,
        Some((_, "json")) => AutoEscape::Json,
        _ => AutoEscape::None,
    });
    environment.set_fuel(Some(FUEL));
    environment.set_recursion_limit(DEPTH);
    // Debug information names the expression of a problem.
    environment.set_debug(true);
    // A line with only a tag is left out of the output.
    if let Ok(syntax) = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build() {
        environment.set_syntax(syntax);
    }
    environment
        .add_filter("time", |state: &State<'_, '_>, at: Value| Ok::<_, Error>(formatter(state)?.time(time(&at)?)));
    environment
        .add_filter("stamp", |state: &State<'_, '_>, at: Value| Ok::<_, Error>(formatter(state)?.stamp(time(&at)?)));
    environment.add_filter("title", title);
    environment.add_function("span", |state: &State<'_, '_>, from: Value, to: Value| {
        Ok::<_, Error>(formatter(state)?.span(time(&from)?, time(&to)?))
    });
    environment.add_function("length", |from: Value, to: Value| Ok::<_, Error>(length(time(&from)?, time(&to)?)));
    environment.add_function("seconds", |from: Value, to: Value| Ok::<_, Error>(seconds(time(&from)?, time(&to)?)));
    environment
}

/// Renders the template `name`, without the white space around it.
pub(super) fn render(environment: &Environment<'_>, name: &str, context: Value) -> Result<String, TemplateProblem> {
    let text = environment.get_template(name).and_then(|template| template.render(context));
    let text = text.map_err(|error| TemplateProblem::of(name, &error))?;
    let text = text.trim();
    if text.is_empty() {
        return Err(TemplateProblem::new(name, "this renders to nothing: a message must say something"));
    }
    if text.len() > LARGEST {
        let message = format!("this renders to {} bytes: {LARGEST} are the most", text.len());
        return Err(TemplateProblem::new(name, message));
    }
    Ok(text.to_owned())
}

/// Returns the format of times, from the variables that every rendering has.
fn formatter(state: &State<'_, '_>) -> Result<TimeFormatter, Error> {
    let variable = |name: &str| state.lookup(name).unwrap_or_default();
    let zone = variable("timezone");
    Ok(TimeFormatter::new(zone.as_str().unwrap_or_default(), time(&variable("time"))?))
}

fn time(value: &Value) -> Result<Time, Error> {
    let wrong = |what: String| Error::new(ErrorKind::InvalidOperation, what);
    match value.as_str() {
        Some(text) => text.parse().map_err(|_| wrong(format!("`{text}` is no time"))),
        None if value.is_undefined() => Err(wrong("it is given a key that does not exist".to_owned())),
        None if value.is_none() => Err(wrong("there is no such time yet: ask with `if` first".to_owned())),
        None => Err(wrong(format!("`{value}` is no time"))),
    }
}
