//! Commands that people try and that `dag-infra` has under another name, or not at all.

use dag_cli::Tips;

/// What to type instead.
pub const TIPS: Tips = &[
    (&["up", "apply", "create", "update", "push"], "`dag-infra deploy` shows every change and asks before it makes it"),
    (&["plan", "preview"], "`dag-infra diff` shows what a deploy would change"),
    (
        &["down", "delete", "remove"],
        "`dag-infra destroy` deletes the cloud side; a device ends with `dag-infra provision DEVICE --revoke`",
    ),
    (
        &["status", "ls", "show", "devices"],
        "`dag-infra list` lists the devices, and `dag-infra account list` the accounts",
    ),
    (
        &["log", "logs", "tail"],
        "the log of the cloud side is in CloudWatch: `aws logs tail --follow /aws/lambda/STACK-consumer`",
    ),
    (&["check", "test", "run", "init"], "that is a command of `dag`, the program for devices"),
    (&["price", "prices"], "`dag-infra cost` shows what a fleet costs in a month"),
    (&["version"], "`dag-infra --version`"),
];
