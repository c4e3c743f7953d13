//! Mistakes in keys and values.

use insta::assert_snapshot;

use super::{play, step, steps};

#[test]
fn all_mistakes_of_a_scenario_are_shown_at_once() {
    assert_snapshot!(play("nam = \"a\"\ndevice = \"cotage\"\nstart = \"tomorrow\""), @r#"
    error: a scenario needs `name`
     --> tests/a.toml:1:1
      |
    1 | nam = "a"
      | ^

    error: a scenario without steps shows nothing
     --> tests/a.toml:1:1
      |
    1 | nam = "a"
      | ^
      |
      = help: add a [[step]]

    error: unknown key `nam`
     --> tests/a.toml:1:1
      |
    1 | nam = "a"
      | ^^^
      |
      = help: did you mean `name`?

    error: there is no device `cotage`
     --> tests/a.toml:2:10
      |
    2 | device = "cotage"
      |          ^^^^^^^^
      |
      = help: did you mean `cottage`?

    error: this is no time
     --> tests/a.toml:3:9
      |
    3 | start = "tomorrow"
      |         ^^^^^^^^^^
      |
      = help: write it as "2026-01-10T18:00:00Z"

    5 problems found; nothing was changed
    "#);
    assert_snapshot!(steps(
        "[[step]]\nat = \"1m\"\nset = { powr = \"off\", battery = \"low\" }\n[[step]]\nat = \"30s\"\nexpct = []\n\
         [[step]]\nset = { power = 3 }\nsnooze = 3600\nexpect = [{ kind = \"open\", whom = \"nor\" }]"
    ), @r#"
error: there is no fact `powr`
 --> tests/a.toml:6:9
  |
6 | set = { powr = "off", battery = "low" }
  |         ^^^^
  |
  = help: did you mean `power`?

error: `battery` cannot take this value
 --> tests/a.toml:6:23
  |
6 | set = { powr = "off", battery = "low" }
  |                       ^^^^^^^
  |
  = help: it is a number, or "unknown"

error: a step is not earlier than the one before it
 --> tests/a.toml:8:6
  |
8 | at = "30s"
  |      ^^^^^

error: unknown key `expct`
 --> tests/a.toml:9:1
  |
9 | expct = []
  | ^^^^^
  |
  = help: did you mean `expect`?

error: a step needs `at`
  --> tests/a.toml:10:1
   |
10 | [[step]]
   | ^^^^^^^^

error: `power` cannot take this value
  --> tests/a.toml:11:9
   |
11 | set = { power = 3 }
   |         ^^^^^
   |
   = help: it is `on` or `off`, or "unknown"

error: `snooze` is a duration, like "2h", or a table with `for`, not an integer
  --> tests/a.toml:12:10
   |
12 | snooze = 3600
   |          ^^^^

error: `kind` is one of `opened`, `escalated`, `reminder`, `acknowledged`, `resolved`, `past`, `system`, not `open`
  --> tests/a.toml:13:20
   |
13 | expect = [{ kind = "open", whom = "nor" }]
   |                    ^^^^^^
   |
   = help: did you mean `opened`?

error: unknown key `whom`
  --> tests/a.toml:13:28
   |
13 | expect = [{ kind = "open", whom = "nor" }]
   |                            ^^^^
   |
   = help: known here: `to`, `by`, `kind`, `rule`, `step`, `subject`

9 problems found; nothing was changed
"#);
}

#[test]
fn a_reading_is_not_later_than_the_report_that_brings_it() {
    let late = "readings = [{ at = \"61m\", set = { power = \"off\" } }, { set = {} }, { at = \"1m\" }]";
    assert_snapshot!(step(late), @r#"
    error: a reading is not later than its report
     --> tests/a.toml:6:20
      |
    6 | readings = [{ at = "61m", set = { power = "off" } }, { set = {} }, { at = "1m" }]
      |                    ^^^^^
      |
      = help: its step's `at` is when the report comes in

    error: a reading needs `at`
     --> tests/a.toml:6:54
      |
    6 | readings = [{ at = "61m", set = { power = "off" } }, { set = {} }, { at = "1m" }]
      |                                                      ^^^^^^^^^^^^

    error: a reading needs `set`
     --> tests/a.toml:6:68
      |
    6 | readings = [{ at = "61m", set = { power = "off" } }, { set = {} }, { at = "1m" }]
      |                                                                    ^^^^^^^^^^^^^

    3 problems found; nothing was changed
    "#);
    assert_snapshot!(step("readings = { power = \"off\" }"), @r#"
    error: `readings` is a list, like [{ at = "10m", set = { power = "off" } }], not a table
     --> tests/a.toml:6:12
      |
    6 | readings = { power = "off" }
      |            ^^^^^^^^^^^^^^^^^

    1 problem found; nothing was changed
    "#);
    // They may fall: the engine knows what to make of that.
    let falling = "readings = [{ at = \"1h\", set = { power = \"off\" } }, { at = \"5m\", set = { battery = 5 } }]";
    assert_eq!(step(falling), "as expected");
}

#[test]
fn a_snooze_and_a_silence_say_for_how_long() {
    assert_snapshot!(step("snooze = \"long\""), @r#"
    error: `long` is not a duration: write integers with units, like `500ms`, `30s`, `5m`, `1h30m` or `2d`
     --> tests/a.toml:6:10
      |
    6 | snooze = "long"
      |          ^^^^^^

    1 problem found; nothing was changed
    "#);
    assert_snapshot!(step("snooze = { fro = \"2h\" }"), @r#"
    error: `snooze` needs `for`
     --> tests/a.toml:6:10
      |
    6 | snooze = { fro = "2h" }
      |          ^^^^^^^^^^^^^^

    error: unknown key `fro`
     --> tests/a.toml:6:12
      |
    6 | snooze = { fro = "2h" }
      |            ^^^
      |
      = help: did you mean `for`?

    2 problems found; nothing was changed
    "#);
    assert_snapshot!(step("silence = \"2h\""), @r#"
    error: `silence` is a table, this is a string
     --> tests/a.toml:6:11
      |
    6 | silence = "2h"
      |           ^^^^

    1 problem found; nothing was changed
    "#);
    assert_snapshot!(step("silence = { from = \"1h\", labels = { area = 3 } }"), @r#"
    error: `silence` needs `for`
     --> tests/a.toml:6:11
      |
    6 | silence = { from = "1h", labels = { area = 3 } }
      |           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

    error: a label's value is a string in quotes
     --> tests/a.toml:6:44
      |
    6 | silence = { from = "1h", labels = { area = 3 } }
      |                                            ^

    2 problems found; nothing was changed
    "#);
}

#[test]
fn until_is_a_time_of_the_day_and_stands_alone() {
    assert_snapshot!(step("silence = { until = \"2h\" }"), @r#"
error: this is a length, and `until` a time of the day
 --> tests/a.toml:6:21
  |
6 | silence = { until = "2h" }
  |                     ^^^^
  |
  = help: write it as `for`

1 problem found; nothing was changed
"#);
    assert_snapshot!(step("silence = { until = \"24:00\", from = \"25:00\", for = \"2h\" }"), @r#"
error: `24:00` is not a time of the day: write it as `07:00`, from `00:00` to `23:59`
 --> tests/a.toml:6:21
  |
6 | silence = { until = "24:00", from = "25:00", for = "2h" }
  |                     ^^^^^^^

error: `25:00` is not a time of the day: write it as `07:00`, from `00:00` to `23:59`
 --> tests/a.toml:6:37
  |
6 | silence = { until = "24:00", from = "25:00", for = "2h" }
  |                                     ^^^^^^^

error: `silence` has `until` and `for`
 --> tests/a.toml:6:52
  |
6 | silence = { until = "24:00", from = "25:00", for = "2h" }
  |                                                    ^^^^
  |
  = help: leave out one of them

3 problems found; nothing was changed
"#);
    assert_snapshot!(step("snooze = { until = 22 }"), @r#"
error: `until` is a string in quotes, not an integer
 --> tests/a.toml:6:20
  |
6 | snooze = { until = 22 }
  |                    ^^

1 problem found; nothing was changed
"#);
}
