//! `dag notify`

use clap::{Args, ValueEnum};
use dag_cli::{Done, Failure};
use dag_engine::{Channel, Name};

use super::common::{Common, ask, shell_user};
use crate::daemon::{Request, TestResult};

#[derive(Debug, Args)]
pub(super) struct Notify {
    /// The recipient, or a group, as in rules/
    #[arg(value_name = "NAME")]
    to: Name,
    /// The channel: every one that the recipient has where none is given
    #[arg(long, value_enum, value_name = "CHANNEL")]
    by: Option<By>,
}

/// A channel on the command line.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum By {
    Email,
    Webhook,
}

impl Notify {
    pub fn run(self, common: &Common) -> Done {
        let channel = self.by.map(|by| match by {
            By::Email => Channel::Email,
            By::Webhook => Channel::Webhook,
        });
        let answer = ask(common, &Request::Notify { to: self.to, channel, by: shell_user() })?;
        let results: Vec<TestResult> = serde_json::from_value(answer.clone())?;
        let lines: Vec<String> = results.iter().map(line).collect();
        let failed = results.iter().filter(|result| result.error.is_some()).count();
        if failed > 0 {
            let of_all = format!("\n{failed} of {} did not get through", results.len());
            let of_all = if results.len() == 1 { String::new() } else { of_all };
            return Err(Failure::from(format!("{}{of_all}", lines.join("\n"))));
        }
        common.print(lines.join("\n"), &answer)?;
        Ok(())
    }
}

/// Returns one result as people read it.
fn line(result: &TestResult) -> String {
    let TestResult { recipient, channel, to, answer, error, templates } = result;
    let channel = channel.as_str();
    let mut line = match (answer, error) {
        (Some(answer), _) => format!("{recipient}: {channel} to {to}: accepted: {answer}"),
        (None, error) => {
            let error = error.as_deref().unwrap_or("no answer");
            format!("{recipient}: {channel} to {to}: FAILED: {error}")
        }
    };
    for problem in templates {
        line.push_str(&format!("\n  the built-in template took the place of {problem}"));
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_says_who_answered_what() {
        let result = TestResult {
            recipient: "nor".into(),
            channel: Channel::Email,
            to: "nor@example.com".into(),
            answer: Some("250 OK".into()),
            error: None,
            templates: Vec::new(),
        };
        assert_eq!(line(&result), "nor: email to nor@example.com: accepted: 250 OK");
        let failed = TestResult {
            answer: None,
            error: Some("hooks.example.org cannot be called: refused".into()),
            channel: Channel::Webhook,
            to: "hooks.example.org".into(),
            templates: vec!["pager.json:1: this is not JSON".into()],
            ..result
        };
        assert_eq!(
            line(&failed),
            "nor: webhook to hooks.example.org: FAILED: hooks.example.org cannot be called: refused\n  the built-in \
             template took the place of pager.json:1: this is not JSON"
        );
    }
}
