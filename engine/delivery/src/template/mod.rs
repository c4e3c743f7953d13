//! Templates: the words and the dress of messages.
//!
//! The `.txt` templates make the words; every other one only dresses them, so the words of a rule's own script appear in
//! every dress. Messages about the monitor itself have words of their own: a template that was written for incidents
//! would find none to tell of, or would speak of the mains where nothing is known of them. A template that fails never
//! costs a message: the built-in one takes its place, and the problem is told beside the result.

mod environment;
mod html;
mod limits;
mod problem;

use dag_engine::{About, Address, Notification, did_you_mean};
use minijinja::{Environment, Value, value::Serde};

use self::environment::{environment, render};
use self::limits::LARGEST;
pub use self::problem::TemplateProblem;
use crate::{
    content::{MailContent, MessageContent},
    document::{Context, Document},
    words::{one_line, title},
};

/// The words about an incident.
const SUBJECT: &str = "subject.txt";
const MESSAGE: &str = "message.txt";

/// The words about the monitor itself.
const SYSTEM_SUBJECT: &str = "system-subject.txt";
const SYSTEM_MESSAGE: &str = "system-message.txt";

/// The end of both texts.
const FACTS: &str = "facts.txt";

const PAGE: &str = "message.mjml";

/// The longest subject, in characters.
const LONGEST_SUBJECT: usize = 200;

/// The templates that serve where the user has none.
const BUILT_IN: [(&str, &str); 10] = [
    (SUBJECT, include_str!("../../templates/subject.txt")),
    (MESSAGE, include_str!("../../templates/message.txt")),
    (SYSTEM_SUBJECT, include_str!("../../templates/system-subject.txt")),
    (SYSTEM_MESSAGE, include_str!("../../templates/system-message.txt")),
    (FACTS, include_str!("../../templates/facts.txt")),
    (PAGE, include_str!("../../templates/message.mjml")),
    ("slack.json", include_str!("../../templates/slack.json")),
    ("discord.json", include_str!("../../templates/discord.json")),
    ("telegram.json", include_str!("../../templates/telegram.json")),
    ("ntfy.json", include_str!("../../templates/ntfy.json")),
];

/// The templates in force: the user's, and the built-in ones where the user has none.
#[derive(Clone, Debug)]
pub struct Templates {
    current: Environment<'static>,
    /// What serves where one of the user's fails.
    built_in: Environment<'static>,
}

impl Templates {
    /// The built-in templates alone.
    pub fn built_in() -> Self {
        let mut environment = environment();
        for (name, text) in BUILT_IN {
            // They compile: a test shows it. A release in which one did not would still tell people in plain words.
            let _ = environment.add_template(name, text);
        }
        Templates { current: environment.clone(), built_in: environment }
    }

    /// Takes the user's files, as name and text, over the built-in ones of the same names; any other `NAME.json` is a
    /// webhook template of their own.
    ///
    /// # Errors
    /// Everything that is wrong with them: a file of another name, one that is too large, one that is no template.
    pub fn load(files: impl IntoIterator<Item = (String, String)>) -> Result<Self, Vec<TemplateProblem>> {
        let mut templates = Templates::built_in();
        let mut problems = Vec::new();
        for (name, text) in files {
            let known = BUILT_IN.iter().any(|(built_in, _)| *built_in == name);
            if !known && name.strip_suffix(".json").is_none_or(str::is_empty) {
                let help = did_you_mean(&name, BUILT_IN.iter().map(|(name, _)| *name)).unwrap_or_else(|| {
                    let names = BUILT_IN.iter().map(|(name, _)| format!("`{name}`")).collect::<Vec<_>>();
                    format!("templates are {}, and any `NAME.json` for webhooks", names.join(", "))
                });
                problems.push(TemplateProblem::new(&name, format!("no message uses this: {help}")));
            } else if text.len() > LARGEST {
                let message = format!("this has {} bytes: {LARGEST} are the most", text.len());
                problems.push(TemplateProblem::new(&name, message));
            } else if let Err(error) = templates.current.add_template_owned(name.clone(), text) {
                problems.push(TemplateProblem::of(&name, &error));
            }
        }
        if problems.is_empty() { Ok(templates) } else { Err(problems) }
    }

    /// The names that a webhook's `template` may have.
    pub fn webhooks(&self) -> Vec<String> {
        let names = self.current.templates().filter_map(|(name, _)| name.strip_suffix(".json"));
        let mut names: Vec<String> = names.map(str::to_owned).collect();
        names.sort();
        names
    }

    /// Renders every template on every sample and tells what went wrong, each problem once. This catches what a
    /// message would otherwise stumble over one day.
    pub fn check<'a>(&self, samples: impl IntoIterator<Item = &'a Notification>) -> Vec<TemplateProblem> {
        let (incidents, troubles): (Vec<_>, Vec<_>) =
            samples.into_iter().partition(|sample| sample.incident().is_some());
        let mut problems = self.failing(incidents);
        // What fails on every message is no matter of the kind.
        for problem in self.failing(troubles) {
            if !problems.contains(&problem) {
                problems.push(problem.of_system());
            }
        }
        problems
    }

    /// What goes wrong on any of these samples, each problem once.
    fn failing(&self, samples: Vec<&Notification>) -> Vec<TemplateProblem> {
        let mut problems = Vec::new();
        for sample in samples {
            // A script's words would keep the templates of the words from being tried.
            let sample = Notification { wording: None, ..sample.clone() };
            let (subject, text) = self.words(&sample, &mut problems);
            let words = Some((subject.as_str(), text.as_str()));
            problems.extend(self.page(&self.current, &sample, words).err());
            for name in self.webhooks() {
                problems.extend(body(&self.current, &format!("{name}.json"), &sample, words).err());
            }
        }
        let mut told = Vec::new();
        for problem in problems {
            if !told.contains(&problem) {
                told.push(problem);
            }
        }
        told
    }

    /// The subject of a message, as its receiver reads it.
    pub fn subject(&self, notification: &Notification) -> String {
        let own = notification.wording.as_ref().map(|wording| wording.subject.trim());
        let subject = match own {
            Some(own) if !own.is_empty() => own.to_owned(),
            _ => self.word(names(notification).0, notification, &mut Vec::new()),
        };
        one_line(&subject, LONGEST_SUBJECT)
    }

    /// Renders what is sent, once; hosts keep it beside the outbox entry, so that every attempt sends the same bytes.
    /// The problems are of templates that failed, in whose place others served.
    pub fn prepare(&self, notification: &Notification) -> (MessageContent, Vec<TemplateProblem>) {
        let mut problems = Vec::new();
        let (subject, text) = self.words(notification, &mut problems);
        let words = Some((subject.as_str(), text.as_str()));
        let prepared = match &notification.address {
            Address::Email(_) => {
                let environments = [&self.current, &self.built_in];
                let pages = environments.into_iter().map(|environment| self.page(environment, notification, words));
                let html = first(pages, &mut problems);
                MessageContent::Email(MailContent { subject, text, html })
            }
            Address::Webhook { template, .. } => {
                let body = match template {
                    Some(name) => self.dressed(name, notification, words, &mut problems),
                    None => None,
                };
                let body = body.unwrap_or_else(|| document(notification, &subject, &text));
                MessageContent::Webhook { content_type: "application/json".to_owned(), body }
            }
        };
        (prepared, problems)
    }

    /// Subject and text.
    fn words(&self, notification: &Notification, problems: &mut Vec<TemplateProblem>) -> (String, String) {
        let wording = notification.wording.as_ref();
        let own = |word: Option<&str>| word.map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned);
        let subject = own(wording.map(|wording| wording.subject.as_str()));
        let text = own(wording.map(|wording| wording.text.as_str()));
        let (subject_file, text_file) = names(notification);
        let subject = subject.unwrap_or_else(|| self.word(subject_file, notification, problems));
        let text = text.unwrap_or_else(|| self.word(text_file, notification, problems));
        (one_line(&subject, LONGEST_SUBJECT), text)
    }

    /// Subject or text by its template, else by the built-in one, else in the plainest words.
    fn word(&self, name: &str, notification: &Notification, problems: &mut Vec<TemplateProblem>) -> String {
        let context = variables(notification, None);
        let environments = [&self.current, &self.built_in];
        let texts = environments.into_iter().map(|environment| render(environment, name, context.clone()));
        first(texts, problems).unwrap_or_else(|| plainest(notification))
    }

    /// The body of the webhook template `name`; `None` where none can be made.
    fn dressed(
        &self,
        name: &str,
        notification: &Notification,
        words: Option<(&str, &str)>,
        problems: &mut Vec<TemplateProblem>,
    ) -> Option<String> {
        let file = format!("{name}.json");
        let there = |environment: &&Environment<'_>| environment.get_template(&file).is_ok();
        let environments: Vec<_> = [&self.current, &self.built_in].into_iter().filter(there).collect();
        if environments.is_empty() {
            problems.push(TemplateProblem::new(&file, "there is no such template: the plain document took its place"));
        }
        first(environments.into_iter().map(|environment| body(environment, &file, notification, words)), problems)
    }

    fn page(
        &self,
        environment: &Environment<'_>,
        notification: &Notification,
        words: Option<(&str, &str)>,
    ) -> Result<String, TemplateProblem> {
        let mjml = render(environment, PAGE, variables(notification, words))?;
        html::from_mjml(&mjml).map_err(|message| TemplateProblem::new(PAGE, message))
    }
}

/// The templates of subject and text.
fn names(notification: &Notification) -> (&'static str, &'static str) {
    match notification.about {
        About::Incident(_) => (SUBJECT, MESSAGE),
        About::Trouble(_) => (SYSTEM_SUBJECT, SYSTEM_MESSAGE),
    }
}

/// What templates can name; `words` once they are rendered.
fn variables(notification: &Notification, words: Option<(&str, &str)>) -> Value {
    Value::from(Serde(Context::new(notification, words)))
}

/// The body that the webhook template `file` makes.
fn body(
    environment: &Environment<'_>,
    file: &str,
    notification: &Notification,
    words: Option<(&str, &str)>,
) -> Result<String, TemplateProblem> {
    let text = render(environment, file, variables(notification, words))?;
    match serde_json::from_str::<serde_json::Value>(&text) {
        Ok(value) => Ok(value.to_string()),
        Err(error) => {
            let message = format!("this renders to what is not JSON ({error}): write `{{{{ text }}}}` without quotes");
            Err(TemplateProblem::new(file, message))
        }
    }
}

/// The plain document.
fn document(notification: &Notification, subject: &str, text: &str) -> String {
    let document = Document::new(notification, Some((subject, text)));
    // It is made of strings and numbers only, which always can be written.
    serde_json::to_string(&document).unwrap_or_default()
}

/// The first that can be made; the problems of those before it are told.
fn first<T>(
    results: impl Iterator<Item = Result<T, TemplateProblem>>,
    problems: &mut Vec<TemplateProblem>,
) -> Option<T> {
    for result in results {
        match result {
            Ok(made) => return Some(made),
            Err(problem) if !problems.contains(&problem) => problems.push(problem),
            Err(_) => {}
        }
    }
    None
}

/// What is told when even the built-in templates fail.
fn plainest(notification: &Notification) -> String {
    let (kind, place) = (notification.kind.as_str(), &notification.device.name);
    match &notification.about {
        About::Incident(incident) => format!("{}: {kind} at {place}", title(&incident.rule)),
        About::Trouble(trouble) => format!("Trouble with the monitor itself at {place}: {}", trouble.cause.key()),
    }
}
