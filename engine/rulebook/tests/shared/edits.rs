//! The edits that an owner is likely to make of the shipped `config.toml` and `rules/`: those that everybody makes, and
//! those that the comments there invite.
//!
//! None of them may be refused, by `dag check` or by a daemon.

use std::{fs, path::Path};

/// An edit of a folder with the shipped files.
pub struct Edit {
    pub name: &'static str,
    changes: &'static [Change],
    /// The device that a daemon runs as after it. A running daemon stays the device that it was started as.
    pub device: &'static str,
}

enum Change {
    /// Replaces a text in a file, wherever it is there.
    Replace(&'static str, &'static str, &'static str),
    /// Removes a text of a file and all that follows it.
    CutFrom(&'static str, &'static str),
    /// Adds a text to the end of a file, or makes the file.
    Add(&'static str, &'static str),
    Remove(&'static str),
    Copy(&'static str, &'static str),
}

use Change::{Add, Copy, CutFrom, Remove, Replace};

const CONFIG: &str = "config.toml";
const PEOPLE: &str = "rules/people.toml";
const POWER: &str = "rules/power.toml";

/// The line of nor's quiet hours.
const QUIET: &str = "quiet = { from = \"22:30\", to = \"07:00\", unless = \"critical\" }";
/// The step of the neighbour.
const STEP: &str = "{ after = \"30m\", notify = [\"neighbour\"], repeat = \"2h\", at_most = 6 }";
const OWNERS: &str = "owners = [\"nor\", \"@account\"]";
const DEBOUNCE: &str = "open_after = \"30s\"";
const SCRIPT: &str = "# script = \"longer-at-night.rhai\"";

const fn edit(name: &'static str, changes: &'static [Change]) -> Edit {
    Edit { name, changes, device: "cottage" }
}

pub const EDITS: &[Edit] = &[
    // People.
    edit(
        "nor and the neighbour have other names",
        &[
            Replace(PEOPLE, "[recipient.nor]", "[recipient.ada]"),
            Replace(PEOPLE, OWNERS, "owners = [\"ada\", \"@account\"]"),
            Replace(PEOPLE, "[recipient.neighbour]", "[recipient.grace]"),
            Replace(PEOPLE, "fallback = \"neighbour\"", "fallback = \"grace\""),
            Replace(PEOPLE, "notify = [\"neighbour\"]", "notify = [\"grace\"]"),
        ],
    ),
    edit(
        "other addresses",
        &[Replace(PEOPLE, "nor@example.com", "me@example.org"), Replace(PEOPLE, "kim@example.com", "them@example.org")],
    ),
    edit(
        "a second recipient is among the owners",
        &[
            Add(PEOPLE, "\n[recipient.pat]\nemail = \"pat@example.com\"\n"),
            Replace(PEOPLE, OWNERS, "owners = [\"nor\", \"pat\", \"@account\"]"),
        ],
    ),
    edit("the owners are nor alone", &[Replace(PEOPLE, OWNERS, "owners = [\"nor\"]")]),
    edit("the owners are the account alone", &[Replace(PEOPLE, OWNERS, "owners = [\"@account\"]")]),
    edit(
        "the owners have another name, also among the operators",
        &[
            Replace(PEOPLE, OWNERS, "family = [\"nor\", \"@account\"]"),
            Replace(PEOPLE, "notify = [\"owners\"]", "notify = [\"family\"]"),
            Replace(CONFIG, "operators = [\"owners\"]", "operators = [\"family\"]"),
        ],
    ),
    edit(
        "a second group",
        &[
            Replace(PEOPLE, OWNERS, "owners = [\"nor\", \"@account\"]\nkeyholders = [\"neighbour\", \"nor\"]"),
            Replace(PEOPLE, "notify = [\"neighbour\"]", "notify = [\"keyholders\"]"),
        ],
    ),
    edit("nobody is told of the monitor's own trouble", &[Replace(CONFIG, "operators = [\"owners\"]\n", "")]),
    edit("nor has a webhook, too", &[Replace(PEOPLE, "# webhook = {", "webhook = {")]),
    edit(
        "nor has a webhook alone",
        &[
            Replace(PEOPLE, "email = \"nor@example.com\"", ""),
            Replace(PEOPLE, "# webhook = {", "webhook = {"),
            Replace(PEOPLE, "secret = \"env:NOR_HOOK_SECRET\" }", "template = \"ntfy\" }"),
        ],
    ),
    edit(
        "nor lives in another time zone",
        &[Replace(PEOPLE, "# timezone = \"Europe/London\"", "timezone = \"Asia/Tokyo\"")],
    ),
    edit("the fallback waits longer", &[Replace(PEOPLE, "# fallback_after", "fallback_after")]),
    edit("nor has no fallback", &[Replace(PEOPLE, "fallback = \"neighbour\"\n", "")]),
    // Quiet hours.
    edit("quiet hours hold outages, too", &[Replace(PEOPLE, QUIET, "quiet = { from = \"22:30\", to = \"07:00\" }")]),
    edit(
        "quiet hours are nearly the whole day",
        &[Replace(PEOPLE, QUIET, "quiet = { from = \"17:01\", to = \"17:00\" }")],
    ),
    edit(
        "everybody has quiet hours",
        &[
            Replace(PEOPLE, QUIET, "quiet = { from = \"17:00\", to = \"09:30\" }"),
            Replace(
                PEOPLE,
                "email = \"kim@example.com\"",
                "email = \"kim@example.com\"\nquiet = { from = \"09:00\", to = \"19:00\" }",
            ),
        ],
    ),
    edit("there are no quiet hours", &[Replace(PEOPLE, QUIET, "")]),
    // Durations.
    edit("an outage is told at once", &[Replace(POWER, DEBOUNCE, "open_after = \"0s\"")]),
    edit("an outage is told after a quarter of an hour", &[Replace(POWER, DEBOUNCE, "open_after = \"15m\"")]),
    edit("an outage is told after six hours", &[Replace(POWER, DEBOUNCE, "open_after = \"6h\"")]),
    edit("an outage ends at once", &[Replace(POWER, "close_after = \"10s\"\n", "")]),
    edit("an outage ends after an hour", &[Replace(POWER, "close_after = \"10s\"", "close_after = \"1h\"")]),
    // Escalations.
    edit("the neighbour is told after ten minutes", &[Replace(PEOPLE, "after = \"30m\"", "after = \"10m\"")]),
    edit(
        "the neighbour is reminded every minute, for as long as it lasts",
        &[Replace(PEOPLE, STEP, "{ after = \"30m\", notify = [\"neighbour\"], repeat = \"1m\" }")],
    ),
    edit("the neighbour is never told", &[Replace(PEOPLE, STEP, "{ after = \"5m\", notify = [\"owners\"] }")]),
    edit(
        "steps have names",
        &[
            Replace(PEOPLE, "{ after = \"30m\",", "{ name = \"key\", after = \"30m\","),
            Replace(PEOPLE, "  { after = \"0s\",", "  { name = \"first\", after = \"0s\","),
        ],
    ),
    edit(
        "acknowledgements lapse",
        &[
            Replace(PEOPLE, "# patient = {", "patient = {"),
            Replace(POWER, "escalation = \"household\"", "escalation = \"patient\""),
        ],
    ),
    // Rules.
    edit(
        "the rule for outages has another name, and was the old one",
        &[
            Replace(POWER, "[rule.power-outage]", "[rule.mains]"),
            Replace(POWER, "# was = \"mains-failure\"", "was = \"power-outage\""),
            Replace(POWER, "inhibits = [\"power-outage\"]", "inhibits = [\"mains\"]"),
        ],
    ),
    edit(
        "the rule for outages is another one",
        &[
            Replace(POWER, "[rule.power-outage]", "[rule.mains]"),
            Replace(POWER, "inhibits = [\"power-outage\"]", "inhibits = [\"mains\"]"),
        ],
    ),
    edit("an unstable supply inhibits nothing", &[Replace(POWER, "inhibits = [\"power-outage\"]", "")]),
    edit("there is no rule for an unstable supply", &[CutFrom(POWER, "# The supply is unstable")]),
    edit("outages are warnings", &[Replace(POWER, "severity = \"critical\"", "severity = \"warning\"")]),
    edit("outages are good to know", &[Replace(POWER, "severity = \"critical\"", "severity = \"info\"")]),
    edit("there is no battery", &[Remove("rules/battery.toml")]),
    edit(
        "there is no battery, and no script for it",
        &[Remove("rules/battery.toml"), Remove("rules/battery-low.rhai")],
    ),
    edit("there is no cloud", &[Remove("rules/contact.toml"), Remove("rules/contact.rhai")]),
    edit("rules are in another file", &[Copy(POWER, "rules/mains.toml"), Remove(POWER)]),
    edit(
        "the freezer has a rule, as README.md there shows it",
        &[
            Replace(
                CONFIG,
                "# freezer_door = { source = \"gpio\", pin = 17, on_when = \"low\",",
                "freezer_door = { source = \"simulated\",",
            ),
            Add(
                "rules/freezer.toml",
                "[rule.freezer-open]\nwhen = \"freezer_door == on\"\nopen_after = \"10m\"\n\
                 escalation = \"owners-only\"\n",
            ),
        ],
    ),
    // Scripts, words and scenarios.
    edit(
        "the debounce is longer at night",
        &[
            Copy("rules/examples/longer-at-night.rhai", "rules/longer-at-night.rhai"),
            Replace(POWER, SCRIPT, "script = \"longer-at-night.rhai\""),
        ],
    ),
    edit(
        "outages are told in other words",
        &[
            Copy("rules/examples/reworded.rhai", "rules/reworded.rhai"),
            Replace(POWER, SCRIPT, "script = \"reworded.rhai\""),
        ],
    ),
    edit(
        "recipients depend on the place",
        &[
            Copy("rules/examples/recipients-by-label.rhai", "rules/recipients-by-label.rhai"),
            Replace(POWER, SCRIPT, "script = \"recipients-by-label.rhai\""),
        ],
    ),
    edit("a template for subjects", &[Add("rules/templates/subject.txt", "{{ device.name }}, {{ kind }}\n")]),
    edit("the example of a scenario", &[Copy("rules/examples/to-the-second.toml", "rules/tests/to-the-second.toml")]),
    edit(
        "there are no scenarios",
        &[
            Remove("rules/tests/outage.toml"),
            Remove("rules/tests/lost-sensor.toml"),
            Remove("rules/tests/mains-on.toml"),
        ],
    ),
    // The device and its place.
    Edit {
        name: "the device has another id",
        changes: &[Replace(CONFIG, "[device.cottage]", "[device.cabin]")],
        device: "cabin",
    },
    edit(
        "the device has another name, other labels and another account",
        &[
            Replace(CONFIG, "name = \"Cottage\"", "name = \"Grandma's house\""),
            Replace(CONFIG, "labels = { area = \"hay-on-wye\" }", "labels = { floor = \"2\" }"),
            Replace(CONFIG, "account = \"home\"", "account = \"grandma\""),
        ],
    ),
    edit(
        "the device has nothing but its power",
        &[
            Replace(CONFIG, "name = \"Cottage\"\n", ""),
            Replace(CONFIG, "labels = { area = \"hay-on-wye\" }\n", ""),
            Replace(CONFIG, "account = \"home\"\n", ""),
            Replace(CONFIG, "battery = { source = \"none\", report_step = 5 }\n", ""),
        ],
    ),
    edit(
        "the device is in another time zone",
        &[Replace(CONFIG, "# timezone = \"Europe/Paris\"", "timezone = \"Europe/Paris\"")],
    ),
    edit("there is a second device", &[Add(CONFIG, "\n[device.attic]\npower = { source = \"simulated\" }\n")]),
    edit(
        "the site is elsewhere",
        &[
            Replace(CONFIG, "name = \"Home\"", "name = \"Station\""),
            Replace(CONFIG, "\ntimezone = \"Europe/London\"", "\ntimezone = \"Australia/Sydney\""),
        ],
    ),
];

impl Edit {
    /// Makes the edit in a folder.
    pub fn make(&self, folder: &Path) {
        for change in self.changes {
            let path = |file: &str| folder.join(file);
            match change {
                Replace(file, from, to) => {
                    let text = fs::read_to_string(path(file)).unwrap();
                    assert!(text.contains(from), "{}: {file} has no {from:?}", self.name);
                    fs::write(path(file), text.replace(from, to)).unwrap();
                }
                CutFrom(file, from) => {
                    let text = fs::read_to_string(path(file)).unwrap();
                    let (rest, _) = text.split_once(from).unwrap_or_else(|| panic!("{}: {from:?}", self.name));
                    fs::write(path(file), rest).unwrap();
                }
                Add(file, text) => {
                    fs::create_dir_all(path(file).parent().unwrap()).unwrap();
                    let before = fs::read_to_string(path(file)).unwrap_or_default();
                    fs::write(path(file), before + *text).unwrap();
                }
                Remove(file) => fs::remove_file(path(file)).unwrap(),
                Copy(from, to) => drop(fs::copy(path(from), path(to)).unwrap()),
            }
        }
    }
}
