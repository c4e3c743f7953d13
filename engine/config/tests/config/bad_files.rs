//! Files that are no configuration.

use std::fs;

use dag_config::Config;
use insta::assert_snapshot;

use crate::{file, problems};

/// Returns the problems of the file at a path in a new folder, after `make` was called with the path.
fn file_problems(make: impl FnOnce(&std::path::Path)) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    make(&path);
    let told = Config::load(&path, &[]).unwrap_err().to_string();
    told.replace(&folder.path().display().to_string(), "/home/dag")
}

#[test]
fn a_missing_file_says_how_to_get_one() {
    assert_snapshot!(file_problems(|_| ()), @r"
        error: there is no file `/home/dag/config.toml`
        --> /home/dag/config.toml
         = help: `dag init` makes one; name yours with `--config PATH`
        ");
}

#[test]
fn a_folder_is_no_file() {
    assert_snapshot!(file_problems(|path| fs::create_dir(path).unwrap()), @r"
        error: `/home/dag/config.toml` is a folder
        --> /home/dag/config.toml
         = help: name the file in it: `--config PATH`
        ");
}

#[test]
fn a_socket_is_no_file() {
    assert_snapshot!(file_problems(|path| drop(std::os::unix::net::UnixListener::bind(path).unwrap())), @r"
        error: `/home/dag/config.toml` is not a file
        --> /home/dag/config.toml
        ");
}

#[test]
fn other_bytes_than_utf_8_are_refused_with_their_line() {
    assert_snapshot!(file_problems(|path| fs::write(path, b"mode = \"standalone\"\n# caf\xe9\n").unwrap()), @r"
        error: `/home/dag/config.toml` is not UTF-8 text: line 2 holds other bytes
        --> /home/dag/config.toml
         = help: save it as UTF-8
        ");
}

#[test]
fn a_file_over_one_mebibyte_is_refused() {
    let large = format!("{}#{}", file(""), "x".repeat(1 << 20));
    assert_snapshot!(file_problems(|path| fs::write(path, large).unwrap()), @r"
        error: `/home/dag/config.toml` is larger than 1 MiB
        --> /home/dag/config.toml
         = help: is it the right file? name it with `--config PATH`
        ");
}

#[test]
fn a_file_that_is_not_toml_is_shown_at_its_places() {
    assert_snapshot!(problems("mode = standalone\n[site\nname = \"Home\"\n"), @r"
        error: this is not TOML: string values must be quoted, expected literal string
         --> /home/dag/config.toml:1:8
          |
        1 | mode = standalone
          |        ^^^^^^^^^^

        error: this is not TOML: unclosed table, expected `]`
         --> /home/dag/config.toml:2:6
          |
        2 | [site
          |      ^
        ");
}

#[test]
fn a_file_cut_off_in_the_middle_of_a_save_is_not_toml() {
    assert_snapshot!(problems("mode = \"standalone\"\n[site]\nname = \"Ho"), @r#"
        error: this is not TOML: invalid basic string, expected `"`
         --> /home/dag/config.toml:3:11
          |
        3 | name = "Ho
          |           ^
          |
          = help: the quote is not closed
        "#);
}

#[test]
fn a_key_given_twice_is_not_toml() {
    assert_snapshot!(problems("mode = \"standalone\"\nmode = \"standalone\"\n"), @r#"
        error: this is not TOML: duplicate key
         --> /home/dag/config.toml:2:1
          |
        2 | mode = "standalone"
          | ^^^^
        "#);
}

#[test]
fn an_integer_beyond_all_bounds_is_not_read() {
    assert_snapshot!(problems("mode = 99999999999999999999999\n"), @r"
        error: `site` is missing
        --> /home/dag/config.toml
         = help: add `[site]`

        error: `device` is missing
        --> /home/dag/config.toml
         = help: add `[device.NAME]`

        error: `email` is missing
        --> /home/dag/config.toml
         = help: add `[email]`

        error: `mode` must be text in quotes, not 99999999999999999999999
         --> /home/dag/config.toml:1:8
          |
        1 | mode = 99999999999999999999999
          |        ^^^^^^^^^^^^^^^^^^^^^^^
        ");
}

#[test]
fn tables_nested_without_end_are_refused() {
    let nested = format!("mode = {}", "[".repeat(100_000));
    assert_snapshot!(problems(&nested), @r"
        error: this is not TOML: cannot recurse further; max recursion depth met
         --> /home/dag/config.toml:1:88
          |
        1 | mode = [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[...
          |                                                                                        ^

        error: this is not TOML: unclosed array, expected `]`
         --> /home/dag/config.toml:1:100008
          |
        1 | ...[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[
          |                                                                    ^
        ");
}

#[test]
fn only_the_first_hundred_problems_are_shown() {
    let unknown = |n: usize| format!("key_{n} = 1\n");
    let told = problems(&(0..2_000).map(unknown).collect::<String>());
    assert_eq!(told.matches("error: ").count(), 101);
    assert!(told.ends_with("error: there are 1904 more problems\n--> /home/dag/config.toml"), "{told}");
}

#[test]
fn an_empty_file_says_what_is_missing() {
    assert_snapshot!(problems(""), @r#"
        error: `mode` is missing
        --> /home/dag/config.toml
         = help: add `mode = "standalone"`

        error: `site` is missing
        --> /home/dag/config.toml
         = help: add `[site]`

        error: `device` is missing
        --> /home/dag/config.toml
         = help: add `[device.NAME]`

        error: `email` is missing
        --> /home/dag/config.toml
         = help: add `[email]`
        "#);
}

#[test]
fn a_brief_text_has_the_first_problems_and_says_where_the_others_are() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    let brief = |text: String| {
        fs::write(&path, text).unwrap();
        Config::load(&path, &[]).unwrap_err().brief()
    };
    let wrong: String = (0..6).map(|at| format!("unknown{at} = 1\n")).collect();
    let told = brief(format!("{wrong}{}", file("")));
    assert_eq!(told.matches("error: ").count(), 5, "{told}");
    assert!(told.ends_with("\n\n`dag check` shows the other 1"), "{told}");
    let told = brief(format!("unknown = 1\n{}", file("")));
    assert!(told.starts_with("error: ") && !told.contains("dag check"), "{told}");
}

#[test]
fn slips_that_the_parser_names_by_a_sign_get_advice() {
    let id = "an id has letters a–z, digits, `-` and `_`; `name` may be anything";
    let table = [
        ("mode = \"standalone\n", "the quote is not closed"),
        ("mode = 'standalone\n", "the quote is not closed"),
        ("[device.my cottage]\n", id),
        ("[device.Häuschen]\n", id),
    ];
    for (text, help) in table {
        let problems = problems(text);
        assert!(problems.contains(&format!("= help: {help}")), "{problems}");
    }
}
