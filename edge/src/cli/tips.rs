//! Commands that people try and that `dag` has under another name, or not at all.

use dag_cli::Tips;

/// What to type instead.
pub const TIPS: Tips = &[
    (&["start", "up", "daemon", "serve"], "start the daemon with `dag run` in a terminal, or `systemctl start dag`"),
    (&["stop", "down", "quit", "kill"], "stop the daemon with Ctrl-C in its terminal, or `systemctl stop dag`"),
    (&["restart"], "edits are followed without a restart; else `systemctl restart dag`"),
    (
        &["log", "logs", "tail", "journal"],
        "the log is in the terminal of `dag run`, or `journalctl -u dag`; see also `dag status`",
    ),
    (&["show", "list", "ls", "ps", "info", "state", "incidents"], "`dag status` shows facts, incidents and messages"),
    (&["enable"], "`systemctl enable --now dag` starts the daemon at every boot"),
    (&["disable"], "`systemctl disable --now dag` stops the daemon and starts it no more"),
    (&["validate", "lint", "verify", "config"], "`dag check` checks config.toml and rules/"),
    (&["acknowledge", "take"], "`dag ack` takes an incident on"),
    (
        &["mute", "hold", "pause", "maintenance"],
        "`dag silence --for 2h` holds all steps, `dag snooze --for 2h` those of one incident",
    ),
    (&["unmute", "unsilence", "resume"], "`dag silence --lift` ends a silence, `dag snooze --lift` a snooze"),
    (&["apply"], "edits are followed by themselves; `dag reload` reads the files at once, and says what is wrong"),
    (&["deploy", "provision", "rollback"], "the cloud side has a program of its own: `dag-infra`"),
    (&["version"], "`dag --version`"),
];
