//! `dag snooze`

use clap::Args;
use dag_cli::Done;
use dag_engine::{GivenAs, Id, Name, Time};
use serde::Deserialize;

use super::{
    common::{Common, ask, local, shell_user},
    end_options::EndOptions,
};
use crate::daemon::Request;

#[derive(Debug, Args)]
pub(super) struct Snooze {
    /// The incident's id, or its beginning, as `dag status` shows it; the only open one where none is given
    #[arg(value_name = "INCIDENT")]
    incident: Option<String>,
    #[command(flatten)]
    end: EndOptions,
    /// End the snooze
    #[arg(long, group = "end")]
    lift: bool,
    /// Who asks; this shell's user where none is given
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
}

/// The daemon's answer.
#[derive(Deserialize)]
struct SnoozeAnswer {
    incident: Id,
    rule: Name,
    until: Option<Time>,
    #[serde(default)]
    until_given: GivenAs,
    timezone: Option<Name>,
}

impl Snooze {
    pub fn run(self, common: &Common) -> Done {
        let by = self.by.unwrap_or_else(shell_user);
        let answer = ask(common, &Request::Snooze { incident: self.incident, until: self.end.into(), by })?;
        common.print(text(&serde_json::from_value(answer.clone())?), &answer)?;
        Ok(())
    }
}

fn text(SnoozeAnswer { incident, rule, until, until_given, timezone }: &SnoozeAnswer) -> String {
    match until {
        Some(until) => {
            let until = format!("{}{}", local(*until, timezone.as_deref()), until_given.note());
            format!("{rule} ({incident}) is snoozed until {until}: no step of it fires before, but its end is told")
        }
        None => format!("{rule} ({incident}) is not snoozed any more: what is due is told now"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_says_what_holds_now() {
        let incident = Id::parse(&"7".repeat(32)).unwrap();
        let answer = |until: Option<&str>, until_given| {
            let (until, timezone) = (until.map(|until| until.parse().unwrap()), Some("Europe/London".into()));
            text(&SnoozeAnswer { incident, rule: "power-outage".into(), until, until_given, timezone })
        };
        let id = "7".repeat(32);
        assert_eq!(
            answer(Some("2026-07-10T18:00:00Z"), GivenAs::Length),
            format!(
                "power-outage ({id}) is snoozed until Fri 10 Jul 2026 19:00:00 BST: no step of it fires before, but \
                 its end is told"
            )
        );
        assert_eq!(
            answer(Some("2026-07-10T18:00:00Z"), GivenAs::TimeOfDay("19:00".parse().unwrap())),
            format!(
                "power-outage ({id}) is snoozed until Fri 10 Jul 2026 19:00:00 BST (given as 19:00): no step of it \
                 fires before, but its end is told"
            )
        );
        assert_eq!(
            answer(None, GivenAs::Length),
            format!("power-outage ({id}) is not snoozed any more: what is due is told now")
        );
    }
}
