//! `dag silence`

use clap::Args;
use dag_cli::Done;
use dag_engine::{Moment, Name, Time};
use serde::Deserialize;

use super::{
    common::{Common, ask, local, shell_user},
    end_options::{EndOptions, moment},
};
use crate::daemon::{Matcher, Request};

#[derive(Debug, Args)]
pub(super) struct Silence {
    #[command(flatten)]
    end: EndOptions,
    /// End the silence
    #[arg(long, group = "end")]
    lift: bool,
    /// From when, as for --until; from now on where none is given
    ///
    /// --for counts from there, and a time of the day given as --until is the first such moment after it. There is one
    /// silence of the same --device, --label and --rule: a later one takes its place. While it holds, one that begins
    /// later is refused.
    #[arg(long, value_name = "TIME", value_parser = moment, allow_hyphen_values = true, conflicts_with = "lift")]
    from: Option<Moment>,
    /// Only incidents of this device
    #[arg(long, value_name = "ID")]
    device: Option<Name>,
    /// Only incidents of devices with this label; may be given several times
    #[arg(long = "label", value_name = "KEY=VALUE", value_parser = label)]
    labels: Vec<(String, String)>,
    /// Only incidents of this rule
    #[arg(long, value_name = "NAME")]
    rule: Option<Name>,
    /// Who asks; this shell's user where none is given
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
}

/// The daemon's answer.
#[derive(Deserialize)]
struct SilenceAnswer {
    silence: dag_engine::Silence,
    ended: bool,
    /// The time of the answer.
    now: Time,
    /// The silence of the same matcher whose place it takes.
    replaces: Option<dag_engine::Silence>,
    timezone: Option<Name>,
}

impl Silence {
    pub fn run(self, common: &Common) -> Done {
        let matcher = Matcher { device: self.device, labels: self.labels.into_iter().collect(), rule: self.rule };
        let by = self.by.unwrap_or_else(shell_user);
        let answer = ask(common, &Request::Silence { matcher, from: self.from, until: self.end.into(), by })?;
        common.print(text(&serde_json::from_value(answer.clone())?), &answer)?;
        Ok(())
    }
}

fn text(SilenceAnswer { silence, ended, now, replaces, timezone }: &SilenceAnswer) -> String {
    let about = describe(silence);
    let mut letters = about.chars();
    let about: String = letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect();
    if *ended {
        return format!("{about} is not silenced any more: what is due is told now.");
    }
    let time = |at| local(at, timezone.as_deref());
    let from = match silence.from < *now {
        true => "now".to_owned(),
        false => format!("{}{}", time(silence.from), silence.from_given.note()),
    };
    let (until, given) = (time(silence.until), silence.until_given.note());
    let replaced = replaces.as_ref().map(|replaced| match replaced.from <= *now {
        true => format!(" This replaces the silence until {}, which has ended.", time(replaced.until)),
        false => {
            let (from, until) = (time(replaced.from), time(replaced.until));
            format!(" This replaces the silence from {from} until {until}, which does not begin.")
        }
    });
    format!(
        "{about} is silenced from {from} until {until}{given}: no step fires in this time, but ends are told.{}",
        replaced.unwrap_or_default()
    )
}

/// Returns in words what a silence is about.
pub(super) fn describe(silence: &dag_engine::Silence) -> String {
    let rule = silence.rule.as_ref().map_or_else(|| "everything".to_owned(), |rule| format!("the rule {rule}"));
    let device = silence.device.iter().map(|device| format!("the device {device}"));
    let labels = silence.labels.iter().map(|(label, value)| format!("{label}={value}"));
    let of: Vec<String> = device.chain(labels).collect();
    if of.is_empty() { rule } else { format!("{rule} of {}", of.join(", ")) }
}

fn label(text: &str) -> Result<(String, String), String> {
    dag_cli::key_value(text, "area=hay-on-wye")
}

#[cfg(test)]
mod tests {
    use dag_engine::GivenAs;

    use super::*;

    #[test]
    fn an_answer_says_what_holds_now() {
        let answer = |rule: Option<&str>, device: Option<&str>, label: Option<&str>, ended| {
            let silence = dag_engine::Silence {
                device: device.map(Name::new),
                labels: label.map(|area| ("area".to_owned(), area.to_owned())).into_iter().collect(),
                rule: rule.map(Name::new),
                from: "2026-01-10T18:00:00Z".parse().unwrap(),
                from_given: GivenAs::Length,
                until: "2026-01-11T02:00:00Z".parse().unwrap(),
                until_given: GivenAs::Length,
                by: "nor".to_owned(),
            };
            let (now, timezone) = ("2026-01-10T18:00:00Z".parse().unwrap(), Some("Europe/London".into()));
            text(&SilenceAnswer { silence, ended, now, replaces: None, timezone })
        };
        assert_eq!(
            answer(None, None, None, false),
            "Everything is silenced from Sat 10 Jan 2026 18:00:00 GMT until Sun 11 Jan 2026 02:00:00 GMT: no step \
             fires in this time, but ends are told."
        );
        assert_eq!(
            answer(Some("power-outage"), Some("cottage"), Some("hay"), true),
            "The rule power-outage of the device cottage, area=hay is not silenced any more: what is due is told now."
        );
    }
    #[test]
    fn an_answer_names_the_silence_that_is_replaced_and_a_beginning_in_the_past_is_now() {
        let silence = |from: &str, until: &str| dag_engine::Silence {
            device: None,
            labels: Default::default(),
            rule: None,
            from: from.parse().unwrap(),
            from_given: GivenAs::Date,
            until: until.parse().unwrap(),
            until_given: GivenAs::Length,
            by: "nor".to_owned(),
        };
        let answer = |replaced| {
            let silence = silence("2026-01-10T12:00:00Z", "2026-01-10T20:00:00Z");
            let (now, timezone) = ("2026-01-10T18:00:00Z".parse().unwrap(), Some("Europe/London".into()));
            text(&SilenceAnswer { silence, ended: false, now, replaces: Some(replaced), timezone })
        };
        let silenced = "Everything is silenced from now until Sat 10 Jan 2026 20:00:00 GMT: no step fires in this time, \
                        but ends are told. This replaces the silence";
        assert_eq!(
            answer(silence("2026-01-10T17:00:00Z", "2026-01-10T19:17:29Z")),
            format!("{silenced} until Sat 10 Jan 2026 19:17:29 GMT, which has ended.")
        );
        assert_eq!(
            answer(silence("2026-01-10T22:00:00Z", "2026-01-11T06:00:00Z")),
            format!(
                "{silenced} from Sat 10 Jan 2026 22:00:00 GMT until Sun 11 Jan 2026 06:00:00 GMT, which does not begin."
            )
        );
    }
}
