//! Commands that `dag` does not have.

use crate::home::{Home, text};

#[test]
fn a_command_of_another_program_is_answered_with_what_to_type() {
    let home = Home::new();
    for (command, tip) in [
        ("start", "start the daemon with `dag run` in a terminal, or `systemctl start dag`"),
        ("stop", "stop the daemon with Ctrl-C in its terminal, or `systemctl stop dag`"),
        ("restart", "edits are followed without a restart; else `systemctl restart dag`"),
        ("log", "the log is in the terminal of `dag run`, or `journalctl -u dag`; see also `dag status`"),
        ("tail", "the log is in the terminal of `dag run`, or `journalctl -u dag`; see also `dag status`"),
    ] {
        let output = home.dag(&[command]);
        let told = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{told}");
        assert!(told.starts_with(&format!("error: unrecognized subcommand '{command}'\n\n  tip: {tip}\n\n")), "{told}");
    }
    let told = text(&home.dag(&["statsu"]).stderr);
    assert!(told.contains("a similar subcommand exists: 'status'"), "{told}");
}
