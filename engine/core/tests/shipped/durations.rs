//! The shipped durations and quiet hours, to the second.

use dag_engine::Engine;

use crate::{compile, folder::shipped, play};

#[test]
fn the_shipped_durations_are_those_that_the_comments_name() {
    play(&Engine::new(compile(&shipped())), "to-the-second.toml", TO_THE_SECOND);
}

#[test]
fn a_low_battery_waits_for_the_morning_and_an_outage_does_not() {
    play(&Engine::new(compile(&shipped())), "at-night.toml", AT_NIGHT);
}

/// The stories about the shipped rules leave room for other durations; this one pins the shipped ones.
const TO_THE_SECOND: &str = r#"
    name = "an outage, step by step, to the second"
    device = "cottage"
    start = "2026-01-10T18:00:00Z"

    [[step]]
    at = "0s"
    set = { power = "off", battery = 18 }

    [[step]]
    at = "29s"
    expect = []

    [[step]]
    at = "30s"
    expect = [{ to = "nor", by = "email", kind = "opened", step = 0, subject = "Cottage: power-outage, opened" }]

    # At 18:01 with 18 percent: some 21 minutes, if a full battery lasts two hours.
    [[step]]
    at = "1m"
    expect = [{ to = "nor", kind = "opened", subject = "Cottage: battery at 18 %, enough until about 18:22" }]

    [[step]]
    at = "30m29s"
    expect = []

    [[step]]
    at = "30m30s"
    expect = [{ to = "neighbour", by = "email", kind = "escalated", step = 1 }]

    [[step]]
    at = "2h30m29s"
    expect = []

    [[step]]
    at = "2h30m30s"
    set = { power = "on" }
    expect = [{ to = "neighbour", kind = "reminder", step = 1 }]

    [[step]]
    at = "2h30m39s"
    expect = []

    [[step]]
    at = "2h30m40s"
    expect = [{ to = "nor", kind = "resolved" }, { to = "neighbour", kind = "resolved" }]
"#;

/// The README's tour, taken at night.
const AT_NIGHT: &str = r#"
    name = "at three in the morning"
    device = "cottage"
    start = "2026-07-10T02:00:00Z"      # 03:00 in London

    [[step]]
    at = "0s"
    set = { power = "on", battery = 18 }

    [[step]]
    at = "10m"
    set = { power = "off" }
    expect = []

    [[step]]
    at = "10m30s"
    expect = [{ to = "nor", kind = "opened", subject = "Cottage: power-outage, opened" }]

    [[step]]
    at = "11m"
    set = { power = "on" }
    expect = []

    [[step]]
    at = "11m10s"
    expect = [{ to = "nor", kind = "resolved" }]

    [[step]]
    at = "3h59m59s"
    expect = []

    [[step]]
    at = "4h"
    expect = [{ to = "nor", kind = "opened", subject = "Cottage: battery at 18 %, on mains" }]
"#;
