//! The host's own troubles, which it reports to the engine so that the operators get a message: broken rules, scenarios
//! that fail, a disk that cannot be written, a clock that is not set, a receiver that cannot be reached. The engine
//! notices lost sensors and failed deliveries by itself.

use std::time::{Duration, Instant};

use dag_engine::{Input, Name};

use super::{files_state::FilesState, health::NETWORK_PATIENCE};

/// The shortest failure of the disk that is reported. A shorter one delays no message noticeably.
const STORE_PATIENCE: Duration = Duration::from_secs(60);

/// The longest text of a trouble in a message, in characters. The whole of it is in the log and in `dag status`.
const LONGEST_TEXT: usize = 200;

/// The troubles, each with the last report of it.
#[derive(Debug)]
pub(super) struct HostTroubles {
    rules: HostTrouble,
    scenarios: HostTrouble,
    clock: HostTrouble,
    receivers: HostTrouble,
    store: StoreTrouble,
}

impl HostTroubles {
    pub fn new() -> HostTroubles {
        HostTroubles {
            rules: HostTrouble::about("rules", Duration::ZERO),
            scenarios: HostTrouble::about("scenarios", Duration::ZERO),
            clock: HostTrouble::about("clock", NETWORK_PATIENCE),
            receivers: HostTrouble::about("receivers", NETWORK_PATIENCE),
            store: StoreTrouble::new(),
        }
    }

    /// Returns the engine's inputs for troubles that began, changed or are over.
    pub fn observe(
        &mut self,
        files: &FilesState,
        clock: Option<&str>,
        write_failure: Option<&str>,
        receivers: Option<String>,
        now: Instant,
    ) -> Vec<Input> {
        let mut inputs = self.store.observe(write_failure, now);
        inputs.extend(self.rules.observe(files.rejected().map(first_problem), now));
        inputs.extend(self.scenarios.observe(files.failing().map(first_problem), now));
        inputs.extend(self.clock.observe(clock.map(str::to_owned), now));
        inputs.extend(self.receivers.observe(receivers, now));
        inputs
    }
}

/// One part of the host that can be in trouble.
#[derive(Debug)]
struct HostTrouble {
    about: &'static str,
    /// The shortest trouble that is reported.
    patience: Duration,
    since: Option<Instant>,
    /// The last report: the text of the trouble, or that there is none. The reports before a restart are not known.
    last_report: Option<Option<String>>,
}

impl HostTrouble {
    const fn about(about: &'static str, patience: Duration) -> HostTrouble {
        HostTrouble { about, patience, since: None, last_report: None }
    }

    /// Returns the engine's input if there is news: `text` is the trouble as it is now.
    fn observe(&mut self, text: Option<String>, now: Instant) -> Option<Input> {
        self.since = text.is_some().then(|| self.since.unwrap_or(now));
        let lasts_long_enough = self.since.is_none_or(|since| now.duration_since(since) >= self.patience);
        if !lasts_long_enough || self.last_report.as_ref() == Some(&text) {
            return None;
        }
        self.last_report = Some(text.clone());
        Some(Input::Trouble { about: Name::new_static(self.about), text: text.as_deref().map(shorten) })
    }
}

/// A disk that cannot be written. Only what is on the disk is sent, so no message can go out while this lasts. It is
/// reported afterwards if it lasted long, because the messages of that time came late.
#[derive(Debug)]
struct StoreTrouble {
    trouble: HostTrouble,
    /// The failure while it lasts: its reason and its beginning.
    failure: Option<(String, Instant)>,
}

impl StoreTrouble {
    const fn new() -> StoreTrouble {
        StoreTrouble { trouble: HostTrouble::about("store", Duration::ZERO), failure: None }
    }

    fn observe(&mut self, reason: Option<&str>, now: Instant) -> Vec<Input> {
        if let Some(reason) = reason {
            let since = self.failure.take().map_or(now, |(_, since)| since);
            self.failure = Some((reason.to_owned(), since));
            return Vec::new();
        }
        let over = self.failure.take().map(|(reason, since)| (reason, now.duration_since(since)));
        let begin = over.filter(|(_, length)| *length >= STORE_PATIENCE).and_then(|(reason, length)| {
            let text = format!(
                "for {} nothing could be noted or sent: {reason}",
                dag_cli::count(length.as_secs() / 60, "minute")
            );
            self.trouble.observe(Some(text), now)
        });
        begin.into_iter().chain(self.trouble.observe(None, now)).collect()
    }
}

/// Returns the first of several problems in one line, with its place and whether there are others.
fn first_problem(problems: &str) -> String {
    let others =
        if problems.lines().filter(|line| line.starts_with("error: ")).count() > 1 { " (and others)" } else { "" };
    let mut lines = problems.lines().map(str::trim).filter(|line| !line.is_empty());
    let what = lines.next().unwrap_or_default();
    let what = what.strip_prefix("error: ").unwrap_or(what);
    let next = lines.next().unwrap_or_default();
    match next.strip_prefix("--> ") {
        Some(place) => format!("{place}: {what}{others}"),
        // A list of scenarios.
        None if what.ends_with(':') => format!("{what} {next}"),
        None => format!("{what}{others}"),
    }
}

fn shorten(text: &str) -> String {
    match text.char_indices().nth(LONGEST_TEXT) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trouble_text(input: Option<Input>) -> Option<Option<String>> {
        input.map(|input| match input {
            Input::Trouble { text, .. } => text,
            other => panic!("{other:?}"),
        })
    }

    #[test]
    fn a_trouble_is_told_when_it_begins_when_it_changes_and_when_it_is_over() {
        let now = Instant::now();
        let mut rules = HostTrouble::about("rules", Duration::ZERO);
        let mut seen = |text: Option<&str>| trouble_text(rules.observe(text.map(str::to_owned), now));
        assert_eq!(seen(None), Some(None), "what was told before a restart is taken back");
        assert_eq!(seen(None), None);
        assert_eq!(seen(Some("one")), Some(Some("one".to_owned())));
        assert_eq!(seen(Some("one")), None);
        assert_eq!(seen(Some("another")), Some(Some("another".to_owned())));
        assert_eq!(seen(None), Some(None));
        assert_eq!(seen(Some(&"x".repeat(300))), Some(Some(format!("{}…", "x".repeat(200)))));
    }

    #[test]
    fn a_trouble_that_passes_by_itself_is_not_told() {
        let begun = Instant::now();
        let mut clock = HostTrouble::about("clock", NETWORK_PATIENCE);
        let mut seen = |text: Option<&str>, seconds| {
            trouble_text(clock.observe(text.map(str::to_owned), begun + Duration::from_secs(seconds)))
        };
        assert_eq!(seen(Some("not set"), 0), None);
        assert_eq!(seen(Some("not set"), 299), None);
        assert_eq!(seen(None, 300), Some(None));
        assert_eq!(seen(Some("not set"), 400), None);
        assert_eq!(seen(Some("not set"), 700), Some(Some("not set".to_owned())));
        assert_eq!(seen(None, 701), Some(None));
    }

    #[test]
    fn a_receiver_that_is_out_of_reach_while_the_network_starts_is_not_told() {
        let begun = Instant::now();
        let mut troubles = HostTroubles::new();
        let mut seen = |receivers: Option<&str>, seconds| -> Vec<Input> {
            let receivers = receivers.map(str::to_owned);
            let inputs =
                troubles.observe(&FilesState::InForce, None, None, receivers, begun + Duration::from_secs(seconds));
            let about = |input: &Input| matches!(input, Input::Trouble { about, .. } if about == "receivers");
            inputs.into_iter().filter(about).collect()
        };
        assert_eq!(seen(Some("mail: cannot be reached"), 0), []);
        assert_eq!(seen(Some("mail: cannot be reached"), 299), []);
        let told = trouble_text(seen(Some("mail: refused the login"), 300).pop());
        assert_eq!(told, Some(Some("mail: refused the login".to_owned())));
        assert_eq!(trouble_text(seen(None, 400).pop()), Some(None));
    }

    #[test]
    fn a_disk_that_took_nothing_for_long_is_told_afterwards() {
        let begun = Instant::now();
        let mut store = StoreTrouble::new();
        let mut seen = |reason: Option<&str>, seconds| -> Vec<Option<String>> {
            let inputs = store.observe(reason, begun + Duration::from_secs(seconds));
            inputs.into_iter().filter_map(|input| trouble_text(Some(input))).collect()
        };
        assert_eq!(seen(None, 0), [None]);
        assert_eq!(seen(Some("full"), 1), []);
        assert_eq!(seen(None, 60), [], "it was soon over");
        assert_eq!(seen(Some("full"), 100), []);
        assert_eq!(seen(Some("still full"), 200), []);
        let told = "for 2 minutes nothing could be noted or sent: still full";
        assert_eq!(seen(None, 220), [Some(told.to_owned()), None]);
    }

    #[test]
    fn of_many_problems_the_first_is_told_with_its_place() {
        let one = "error: there is no fact `pwoer`\n --> power.toml:2:9\n  |\n";
        assert_eq!(first_problem(one), "power.toml:2:9: there is no fact `pwoer`");
        let two = format!("{one}\nerror: there is no rule\n --> power.toml:3:1\n\n2 problems found");
        assert_eq!(first_problem(&two), "power.toml:2:9: there is no fact `pwoer` (and others)");
        assert_eq!(
            first_problem("config.toml: the device `cottage` is gone"),
            "config.toml: the device `cottage` is gone"
        );
        assert_eq!(
            first_problem("2 of 3 scenarios went otherwise than expected:\n  rules/tests/a.toml:6:1: no\n  and more"),
            "2 of 3 scenarios went otherwise than expected: rules/tests/a.toml:6:1: no"
        );
        assert_eq!(first_problem(""), "");
    }
}
