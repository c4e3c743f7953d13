//! Templates: the words and the layout of messages.
//!
//! The `.txt` templates make the words: subject and text. All other templates lay these out, so that the words of a
//! rule's script appear in every layout. Messages about the monitor itself have word templates of their own, since
//! those for incidents name an incident and speak of the mains. If a template fails, the built-in one is used, and the
//! problem is returned with the result.

mod environment;
mod html;
mod limits;
mod problem;

use std::collections::BTreeSet;

use dag_engine::{About, Address, Name, Notification, did_you_mean};
use minijinja::{Environment, Value, value::Serde};

pub use self::problem::TemplateProblem;
use self::{
    environment::{environment, render},
    limits::LARGEST,
};
use crate::{
    content::{MailContent, MessageContent},
    document::{Context, Document},
    words::{one_line, title},
};

/// The templates for subject and text about an incident.
const SUBJECT: &str = "subject.txt";
const MESSAGE: &str = "message.txt";

/// The templates for subject and text about the monitor itself.
const SYSTEM_SUBJECT: &str = "system-subject.txt";
const SYSTEM_MESSAGE: &str = "system-message.txt";

/// The templates for subject and text of a test message.
const TEST_SUBJECT: &str = "test-subject.txt";
const TEST_MESSAGE: &str = "test-message.txt";

/// The template that all texts include at their end.
const FACTS: &str = "facts.txt";

const PAGE: &str = "message.mjml";

/// The longest subject, in characters.
const LONGEST_SUBJECT: usize = 200;

/// The built-in templates.
const BUILT_IN: [(&str, &str); 12] = [
    (SUBJECT, include_str!("../../templates/subject.txt")),
    (MESSAGE, include_str!("../../templates/message.txt")),
    (SYSTEM_SUBJECT, include_str!("../../templates/system-subject.txt")),
    (SYSTEM_MESSAGE, include_str!("../../templates/system-message.txt")),
    (TEST_SUBJECT, include_str!("../../templates/test-subject.txt")),
    (TEST_MESSAGE, include_str!("../../templates/test-message.txt")),
    (FACTS, include_str!("../../templates/facts.txt")),
    (PAGE, include_str!("../../templates/message.mjml")),
    ("slack.json", include_str!("../../templates/slack.json")),
    ("discord.json", include_str!("../../templates/discord.json")),
    ("telegram.json", include_str!("../../templates/telegram.json")),
    ("ntfy.json", include_str!("../../templates/ntfy.json")),
];

/// The templates in force: the user's, and the built-in ones for all other names.
#[derive(Clone, Debug)]
pub struct Templates {
    current: Environment<'static>,
    /// The templates that are used when one of the user's fails.
    built_in: Environment<'static>,
    /// The rules about an outage of the mains.
    mains_outages: BTreeSet<Name>,
}

impl Templates {
    /// Returns the built-in templates.
    pub fn built_in() -> Self {
        let mut environment = environment();
        for (name, text) in BUILT_IN {
            // A test shows that they compile. Without one of them messages would still have the plainest words.
            let _ = environment.add_template(name, text);
        }
        Templates { current: environment.clone(), built_in: environment, mains_outages: BTreeSet::new() }
    }

    /// Sets the rules about an outage of the mains, as [`Ruleset::mains_outages`](dag_engine::Ruleset::mains_outages)
    /// returns them. Messages about them say that the power is out, or back. Those of all other rules have the rule's
    /// name in these places.
    #[must_use]
    pub fn with_mains_outages<'a>(mut self, rules: impl IntoIterator<Item = &'a Name>) -> Self {
        self.mains_outages = rules.into_iter().cloned().collect();
        self
    }

    /// Loads the user's files, as name and text. They replace the built-in ones of the same names. Any other
    /// `NAME.json` is a webhook template of the user's own.
    ///
    /// # Errors
    /// All files that cannot be used: of another name, too large, or not a template.
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

    /// Returns the names that a webhook's `template` may have.
    pub fn webhooks(&self) -> Vec<String> {
        let names = self.current.templates().filter_map(|(name, _)| name.strip_suffix(".json"));
        let mut names: Vec<String> = names.map(str::to_owned).collect();
        names.sort();
        names
    }

    /// Renders every template on every sample and returns the problems, each once. So most templates that would fail on
    /// a message are found when they are loaded.
    pub fn check<'a>(&self, samples: impl IntoIterator<Item = &'a Notification>) -> Vec<TemplateProblem> {
        let (incidents, troubles): (Vec<_>, Vec<_>) =
            samples.into_iter().partition(|sample| sample.incident().is_some());
        let mut problems = self.problems_of(incidents);
        // A problem of every message has nothing to do with the kind.
        for problem in self.problems_of(troubles) {
            if !problems.contains(&problem) {
                problems.push(problem.of_system());
            }
        }
        problems
    }

    /// Returns the problems on any of these samples, each once.
    fn problems_of(&self, samples: Vec<&Notification>) -> Vec<TemplateProblem> {
        let mut problems = Vec::new();
        for sample in samples {
            // The words of a script would take the place of the word templates.
            let sample = Notification { wording: None, ..sample.clone() };
            let (subject, text) = self.words(&sample, &mut problems);
            let words = Some((subject.as_str(), text.as_str()));
            problems.extend(self.page(&self.current, &sample, words).err());
            for name in self.webhooks() {
                problems.extend(self.body(&self.current, &format!("{name}.json"), &sample, words).err());
            }
        }
        let mut distinct = Vec::new();
        for problem in problems {
            if !distinct.contains(&problem) {
                distinct.push(problem);
            }
        }
        distinct
    }

    /// Returns the subject of a message, as its receiver reads it.
    pub fn subject(&self, notification: &Notification) -> String {
        let own = notification.wording.as_ref().map(|wording| wording.subject.trim());
        let subject = match own {
            Some(own) if !own.is_empty() => own.to_owned(),
            _ => self.word(names(notification).0, notification, &mut Vec::new()),
        };
        one_line(&subject, LONGEST_SUBJECT)
    }

    /// Renders the content of a message. Hosts keep it in the outbox entry, so that every attempt sends the same bytes.
    /// The problems are those of templates that failed and were replaced.
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
                    Some(name) => self.webhook_body(name, notification, words, &mut problems),
                    None => None,
                };
                let body = body.unwrap_or_else(|| self.document(notification, words));
                MessageContent::Webhook { content_type: "application/json".to_owned(), body }
            }
        };
        (prepared, problems)
    }

    /// Returns subject and text.
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

    /// Renders subject or text by its template, else by the built-in one, else in the plainest words.
    fn word(&self, name: &str, notification: &Notification, problems: &mut Vec<TemplateProblem>) -> String {
        let context = self.variables(notification, None);
        let environments = [&self.current, &self.built_in];
        let texts = environments.into_iter().map(|environment| render(environment, name, context.clone()));
        first(texts, problems).unwrap_or_else(|| plainest(notification))
    }

    /// Renders the body of the webhook template `name`, if possible.
    fn webhook_body(
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
        first(environments.into_iter().map(|environment| self.body(environment, &file, notification, words)), problems)
    }

    fn page(
        &self,
        environment: &Environment<'_>,
        notification: &Notification,
        words: Option<(&str, &str)>,
    ) -> Result<String, TemplateProblem> {
        let mjml = render(environment, PAGE, self.variables(notification, words))?;
        html::from_mjml(&mjml).map_err(|message| TemplateProblem::new(PAGE, message))
    }

    /// Renders the body of a webhook by the template `file`.
    fn body(
        &self,
        environment: &Environment<'_>,
        file: &str,
        notification: &Notification,
        words: Option<(&str, &str)>,
    ) -> Result<String, TemplateProblem> {
        let text = render(environment, file, self.variables(notification, words))?;
        match serde_json::from_str::<serde_json::Value>(&text) {
            Ok(value) => Ok(value.to_string()),
            Err(error) => {
                let message =
                    format!("this renders to what is not JSON ({error}): write `{{{{ text }}}}` without quotes");
                Err(TemplateProblem::new(file, message))
            }
        }
    }

    /// Returns the plain document.
    fn document(&self, notification: &Notification, words: Option<(&str, &str)>) -> String {
        let document = Document::new(notification, words, &self.mains_outages);
        // Cannot fail: there are only strings, numbers and maps with strings for keys.
        serde_json::to_string(&document).unwrap_or_default()
    }

    /// Returns the variables of templates. `words` are subject and text, once they are rendered.
    fn variables(&self, notification: &Notification, words: Option<(&str, &str)>) -> Value {
        Value::from(Serde(Context::new(notification, words, &self.mains_outages)))
    }
}

/// Returns the names of the templates of subject and text.
fn names(notification: &Notification) -> (&'static str, &'static str) {
    match notification.about {
        About::Incident(_) => (SUBJECT, MESSAGE),
        About::Trouble(_) => (SYSTEM_SUBJECT, SYSTEM_MESSAGE),
        About::Test(_) => (TEST_SUBJECT, TEST_MESSAGE),
    }
}

/// Returns the first success, and adds the problems of those before it to `problems`.
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

/// Returns the words for a message for which even the built-in templates fail.
fn plainest(notification: &Notification) -> String {
    let (kind, place) = (notification.kind.as_str(), &notification.device.name);
    match &notification.about {
        About::Incident(incident) => format!("{}: {kind} at {place}", title(&incident.rule)),
        About::Trouble(trouble) => format!("Trouble with the monitor itself at {place}: {}", trouble.cause.key()),
        About::Test(_) => format!("A test message from detectordag at {place}: nothing happened"),
    }
}
