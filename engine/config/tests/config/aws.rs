//! The section `[aws]`.

use insta::assert_snapshot;

use crate::{file, problems, read};

fn aws(text: &str) -> String {
    file(&format!("[aws]\nregion = \"eu-west-1\"\n{text}\n"))
}

#[test]
fn a_name_beyond_what_aws_takes_is_refused() {
    for good in ["detectordag", "dag-2", "A", "a2345678901234567890123456ab"] {
        assert!(read(&aws(&format!("stack = \"{good}\"")), &[], &[]).is_ok(), "{good}");
    }
    for bad in ["", "2dag", "dag-", "d_g", "dag dag", "däg", "a2345678901234567890123456abc"] {
        assert!(problems(&aws(&format!("stack = \"{bad}\""))).contains("cannot be the name of a stack"), "{bad}");
    }
    assert_snapshot!(problems(&aws("stack = \"d_g\"")), @r#"
    error: `d_g` cannot be the name of a stack
      --> /home/dag/config.toml:12:9
       |
    12 | stack = "d_g"
       |         ^^^^^
       |
       = help: letters, digits and `-`, a letter first, at most 28 of them
    "#);
}

#[test]
fn the_domain_of_mail_is_that_of_its_sender() {
    assert!(read(&aws("sender_domain = \"example.com\""), &[], &[]).is_ok());
    assert_snapshot!(problems(&aws("sender_domain = \"example.org\"")), @r#"
    error: mail is sent from `example.com`, which is not of `example.org`
      --> /home/dag/config.toml:12:17
       |
    12 | sender_domain = "example.org"
       |                 ^^^^^^^^^^^^^
       |
       = help: write `example.com`, or change `from` in `[email]`
    "#);
    assert_snapshot!(problems(&aws("sender_domain = \"192.168.1.1\"")), @r#"
    error: `192.168.1.1` is not a domain
      --> /home/dag/config.toml:12:17
       |
    12 | sender_domain = "192.168.1.1"
       |                 ^^^^^^^^^^^^^
       |
       = help: write it like `example.com`
    "#);
}

#[test]
fn an_operator_is_an_address_and_logs_have_their_days() {
    assert_snapshot!(problems(&aws("operator_email = \"Nor <nor@example.com>\"\nlog_days = 31")), @r#"
    error: `Nor <nor@example.com>` is more than an address
      --> /home/dag/config.toml:12:18
       |
    12 | operator_email = "Nor <nor@example.com>"
       |                  ^^^^^^^^^^^^^^^^^^^^^^^
       |
       = help: write the address alone

    error: logs cannot be kept for so many days
      --> /home/dag/config.toml:13:12
       |
    13 | log_days = 31
       |            ^^
       |
       = help: the next one that can be had is 60
    "#);
}
