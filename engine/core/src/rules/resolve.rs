//! Looks up every name that was used, now that everything is defined.

use super::{
    ACCOUNT,
    compile::{Compiling, Use},
    document::Document,
};
use crate::{Name, problem::did_you_mean};

impl Compiling<'_> {
    pub(super) fn resolve(&mut self, documents: &[Document<'_>]) {
        self.escalations(documents);
        self.targets(documents);
        self.members(documents);
    }

    fn escalations(&self, documents: &[Document<'_>]) {
        for used in &self.escalations_used {
            if !self.is_defined("escalation", used.name) {
                let known = self.escalations.keys().map(Name::as_str);
                let define =
                    format!("define it: [escalation] {} = [{{ after = \"0s\", notify = [\"...\"] }}]", used.name);
                unknown(documents, used, "escalation", known, define);
            }
        }
    }

    fn targets(&self, documents: &[Document<'_>]) {
        for used in &self.targets_used {
            if used.name != ACCOUNT && !self.is_defined("recipient", used.name) {
                let known = self.recipients.keys().chain(self.groups.keys()).map(Name::as_str).chain([ACCOUNT]);
                let define = format!("define it: [recipient.{}]", used.name);
                unknown(documents, used, "recipient or group", known, define);
            }
        }
    }

    fn members(&self, documents: &[Document<'_>]) {
        for used in &self.members_used {
            if self.groups.contains_key(used.name) {
                let own = used.name == used.by;
                let help = if own { "leave it out" } else { "list its members here instead" };
                let message = format!("`{}` is a group, and a group holds recipients only", used.name);
                tell(documents, used, message, Some(help.into()));
            } else if used.name != ACCOUNT && !self.is_defined("recipient", used.name) {
                let known = self.recipients.keys().map(Name::as_str).chain([ACCOUNT]);
                unknown(documents, used, "recipient", known, format!("define it: [recipient.{}]", used.name));
            }
        }
    }
}

fn tell(documents: &[Document<'_>], used: &Use<'_>, message: String, help: Option<String>) {
    if let Some(document) = documents.get(used.file) {
        document.problem(used.span.clone(), message, help);
    }
}

/// Nothing has the name: the nearest of `known` is told, else how to define it.
fn unknown<'n>(
    documents: &[Document<'_>],
    used: &Use<'_>,
    what: &str,
    known: impl IntoIterator<Item = &'n str>,
    define: String,
) {
    let full = documents.get(used.file).is_none_or(Document::is_full);
    let help = if full { None } else { did_you_mean(used.name, known) };
    tell(documents, used, format!("there is no {what} `{}`", used.name), help.or(Some(define)));
}
