//! The file, over it the environment, over that the flags.

use std::{ffi::OsString, os::unix::ffi::OsStringExt as _};

use dag_config::{Config, Security, Source};
use insta::assert_snapshot;

use crate::{EMAIL, SITE, file, read};

#[test]
fn a_variable_wins_over_the_file_and_a_flag_over_both() {
    let text = file("[storage]\npath = \"file\"\n");
    let variable = [("DAG_STORAGE__PATH", "/variable")];
    let path = |variables, flags| read(&text, variables, flags).unwrap().storage.path;
    assert_eq!(path(&[], &[]), std::path::Path::new("/home/dag/file"));
    assert_eq!(path(&variable, &[]), std::path::Path::new("/variable"));
    assert_eq!(path(&variable, &[("storage.path", "/flag")]), std::path::Path::new("/flag"));
}

#[test]
fn text_from_outside_becomes_what_the_key_needs() {
    let variables = [
        ("DAG_SITE__NAME", "1234"),
        ("DAG_SITE__OPERATORS", "[\"owners\", \"kim\"]"),
        ("DAG_EMAIL__SMTP__SERVER", "127.0.0.1"),
        ("DAG_EMAIL__SMTP__PORT", "2525"),
        ("DAG_EMAIL__SMTP__SECURITY", "plain"),
        ("DAG_DEVICE__COTTAGE__POWER", "{ source = 'gpio', pin = 4 }"),
    ];
    let config = read(&file(""), &variables, &[("device.cottage.battery.report_step", "10")]).unwrap();
    assert_eq!(config.site.name, "1234");
    assert_eq!(config.site.operators, ["owners", "kim"]);
    let smtp = config.email.smtp.unwrap();
    assert_eq!((smtp.server.as_str(), smtp.port, smtp.security), ("127.0.0.1", Some(2525), Security::Plain));
    assert!(matches!(config.devices["cottage"].inputs["power"], Source::Gpio { pin: 4, .. }));
    assert_eq!(config.devices["cottage"].report_step, 10);
}

#[test]
fn variables_find_names_that_the_file_writes_with_capitals() {
    let text = format!("{SITE}[device.Cottage]\npower.source = \"none\"\n{EMAIL}");
    let config = read(&text, &[("DAG_DEVICE__COTTAGE__NAME", "by the river")], &[]).unwrap();
    assert_eq!(config.devices["Cottage"].name, "by the river");
}

#[test]
fn other_variables_are_no_keys() {
    let others = ["DAG_CONFIG", "DAG_DEVICE", "DAG_LOG", "DAG_TEST_VENV", "PATH", "STORAGE__PATH", "dag_mode"];
    let variables: Vec<_> = others.iter().map(|name| (*name, "x")).collect();
    assert_eq!(read(&file(""), &variables, &[]).unwrap(), read(&file(""), &[], &[]).unwrap());
}

#[test]
fn a_problem_outside_the_file_names_the_variable_or_the_flag() {
    let variables = [
        ("DAG_STORAGE__KEEP", "lots"),
        ("DAG_STORAG__PATH", "/x"),
        ("DAG_STORAGE_PATH", "/x"),
        ("DAG_SITE", "Home"),
        ("DAG_EMAIL__SMTP__PORT", "many"),
        ("DAG_EMAIL__SMTP__SERVER", "localhost"),
    ];
    let told = read(&file(""), &variables, &[("webhook.allow_private", "[\"home\"]"), ("web.listn", "x")]);
    assert_snapshot!(told.unwrap_err().to_string(), @r#"
    error: `site` must be a table, not the text "Home"
     |
     = note: from the environment variable `DAG_SITE`
     = help: write a section `[site]`, or a table `{ key = value }`

    error: `lots` is not a size: write a whole number and a unit, like `500 KiB`, `64 MiB` or `1 GiB`
     |
     = note: from the environment variable `DAG_STORAGE__KEEP`

    error: `web.listn` is not a key of this file
     |
     = note: from the flag `--set web.listn`
     = help: did you mean `listen`?

    error: `port` must be a whole number, not the text "many"
     |
     = note: from the environment variable `DAG_EMAIL__SMTP__PORT`

    error: `home` is neither an IP address nor a network like `192.168.1.0/24`
     |
     = note: from the flag `--set webhook.allow_private`

    error: `storag` is not a key of this file
     |
     = note: from the environment variable `DAG_STORAG__PATH`
     = help: did you mean `storage`? (a variable `DAG_…` sets a key of this file, with `__` between section and key)

    error: `storage_path` is not a key of this file
     |
     = note: from the environment variable `DAG_STORAGE_PATH`
     = help: expected one of `aws`, `device`, `email`, `heartbeat`, `home_assistant`, `mode`, `site`, `storage`, `uplink`, `web`, `webhook` (a variable `DAG_…` sets a key of this file, with `__` between section and key)
    "#);
}

#[test]
fn a_variable_of_other_bytes_than_utf_8_is_told() {
    let variable = (OsString::from("DAG_STORAGE__PATH"), OsString::from_vec(vec![0xff]));
    let told = Config::parse(&file(""), "config.toml".as_ref(), [variable], &[]);
    assert_snapshot!(told.unwrap_err().to_string(), @r"
        error: the environment variable `DAG_STORAGE__PATH` is not UTF-8 text
         |
         = note: from the environment
        ");
}
