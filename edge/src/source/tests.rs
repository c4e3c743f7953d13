//! Sources as a device's configuration asks for them.

use dag_engine::Millis;

use super::*;

fn inputs(list: &[(&str, Source)]) -> BTreeMap<Name, Source> {
    list.iter().map(|(fact, source)| (Name::new(fact), source.clone())).collect()
}

fn begin(list: &[(&str, Source)], last: &[(&str, Value)]) -> Result<Sources, SourceError> {
    let last = last.iter().map(|(fact, value)| (Name::new(fact), *value)).collect();
    start(&inputs(list), &SourceSettings { last, ..SourceSettings::default() }, || Time::from_millis(7))
}

fn nut(address: &str, ups: &str, poll: i64) -> Source {
    Source::Nut { address: address.to_owned(), ups: ups.to_owned(), poll: Millis::new(poll) }
}

fn gpio(pin: u8) -> Source {
    Source::Gpio { pin, on_when: dag_config::Level::High, glitch: Millis::new(50) }
}

/// Returns the observations that wait, as `fact=value`.
fn waiting(sources: &mut Sources) -> Vec<String> {
    let mut seen = Vec::new();
    while let Ok(event) = sources.events.try_recv() {
        assert_eq!((event.source.as_str(), &event.status), ("simulated", &SourceStatus::Working));
        for Observation { fact, value, at } in event.observations {
            assert_eq!(at, Time::from_millis(7));
            seen.push(format!("{fact}={}", value.unwrap()));
        }
    }
    seen
}

#[tokio::test]
async fn simulated_facts_start_on_or_with_the_last_known_value() {
    let facts = [("power", Source::Simulated), ("battery", Source::Simulated), ("door", Source::None)];
    assert_eq!(waiting(&mut begin(&facts, &[]).unwrap()), ["battery=100", "power=on"]);
    let last = [("power", Value::Off), ("battery", Value::Number(40)), ("door", Value::On)];
    assert_eq!(waiting(&mut begin(&facts, &last).unwrap()), ["battery=40", "power=off"]);
    let nonsense = [("power", Value::Number(3)), ("battery", Value::Number(400))];
    assert_eq!(waiting(&mut begin(&facts, &nonsense).unwrap()), ["battery=100", "power=on"]);
}

#[tokio::test]
async fn the_names_of_the_sources_are_those_of_their_events() {
    let lost = nut("127.0.0.1:1", "ups", 5_000);
    let mut sources = begin(&[("power", lost), ("door", Source::Simulated)], &[]).unwrap();
    let mut silent = sources.names.clone();
    assert_eq!(silent.len(), 2);
    while !silent.is_empty() {
        let event = sources.events.recv().await.unwrap();
        assert!(sources.names.contains(&event.source), "{event:?}");
        silent.remove(&event.source);
    }
    assert!(begin(&[("door", Source::None)], &[]).unwrap().names.is_empty());
}

#[tokio::test]
async fn only_a_change_of_a_simulated_fact_is_reported() {
    let mut sources = begin(&[("power", Source::Simulated)], &[]).unwrap();
    for value in [Value::Off, Value::Off, Value::On] {
        sources.simulate("power", value).unwrap();
    }
    sources.reread();
    assert_eq!(waiting(&mut sources), ["power=on", "power=off", "power=on"]);
}

#[tokio::test]
async fn what_cannot_be_simulated_is_refused_with_the_remedy() {
    let mut sources = begin(&[("power", Source::Simulated), ("battery", Source::Simulated)], &[]).unwrap();
    for (fact, value, text) in [
        (
            "door",
            Value::On,
            "`door` is not simulated here; to try an outage out, set `door = { source = \"simulated\" }` for this \
             device in config.toml and save",
        ),
        ("power", Value::Connected, "`power` cannot be connected: it is on or off"),
        ("battery", Value::Number(101), "`battery` cannot be 101: it is a number from 0 to 100"),
    ] {
        assert_eq!(sources.simulate(fact, value).unwrap_err().to_string(), text);
    }
}

#[tokio::test]
async fn changes_without_room_are_refused_and_not_half_applied() {
    let mut sources = begin(&[("power", Source::Simulated)], &[]).unwrap();
    for number in 1..MOST_WAITING {
        sources.simulate("power", if number % 2 == 1 { Value::Off } else { Value::On }).unwrap();
    }
    let refused = sources.simulate("power", Value::On).unwrap_err();
    assert_eq!(refused.to_string(), "too many changes wait already: try again in a moment");
    assert_eq!(waiting(&mut sources).len(), MOST_WAITING);
    sources.simulate("power", Value::On).unwrap();
    assert_eq!(waiting(&mut sources), ["power=on"]);
}

#[tokio::test]
async fn a_source_that_cannot_have_its_fact_is_refused_with_the_remedy() {
    let upsd = "127.0.0.1:3493";
    for (list, text) in [
        (
            vec![("connection", Source::Simulated)],
            "`connection` cannot have a source: only the cloud knows it; remove its line from `[device]`",
        ),
        (
            vec![("battery_mv", Source::Simulated)],
            "`battery_mv` cannot have a source of its own: it comes with `battery`; remove its line from `[device]`",
        ),
        (vec![("battery", gpio(4))], "`battery` cannot come from a pin: a pin is on or off, `battery` is a number"),
        (vec![("door", nut(upsd, "ups", 2_000))], "`door` cannot come from a UPS: a UPS gives `power` and `battery`"),
        (
            vec![("power", gpio(4)), ("door", gpio(4))],
            "pin 4 is the source of both `door` and `power`: give each its own pin",
        ),
        (
            vec![("power", nut(upsd, "my ups", 2_000))],
            "`my ups` is not a UPS's name: it is the word in square brackets in the server's ups.conf, of letters, \
             digits, `-`, `_` and `.`",
        ),
        (
            vec![("power", nut(upsd, "ups", 0))],
            "`poll = \"0s\"` is too short: a UPS is asked every 10ms at most, and every 2s is enough",
        ),
    ] {
        assert_eq!(begin(&list, &[]).unwrap_err().to_string(), text);
    }
}

#[tokio::test]
async fn a_missing_pin_is_refused_before_anything_runs() {
    let error = begin(&[("power", gpio(200))], &[]).unwrap_err().to_string();
    let is_expected = error.starts_with("no GPIO here: ") || error.starts_with("there is no pin 200: ");
    assert!(is_expected, "{error}");
}

#[tokio::test]
async fn power_and_battery_of_one_ups_are_one_source() {
    let ups = nut("127.0.0.1:3493", "ups", 2_000);
    let other = nut("127.0.0.1:3493", "other", 2_000);
    let running = |list: &[(&str, Source)]| begin(list, &[]).unwrap().tasks.len();
    assert_eq!(running(&[("power", ups.clone()), ("battery", ups.clone())]), 1);
    assert_eq!(running(&[("power", ups), ("battery", other)]), 2);
}
