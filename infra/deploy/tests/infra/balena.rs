//! `dag-infra provision --balena`, with a stand-in of balena's program, and the start of the device's container.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, process::Command};

use crate::{
    stack::{HEX_ID, Stack},
    work_folder::RunOutput,
};

#[test]
fn a_bundle_reaches_its_device_by_balena() {
    let stack = Stack::start();
    let without = stack.run_err(&["provision", HEX_ID, "--balena", "fleet"], "");
    insta::assert_snapshot!(without, @"there is no program `balena`: install balena's command line (`npm install --global balena-cli`), then run `balena login`");
    insta::assert_snapshot!(stack.run_err(&["provision", "cottage", "--balena", "fleet"], ""), @"balena names devices by 32 small hex digits, and `cottage` is none of those names: take one that `openssl rand -hex 16` prints, and give the device its name by `--name`");

    let order = ["provision", HEX_ID, "--balena", "fleet", "--image", "pi.img"];
    // The first download is interrupted.
    let short = run_with_balena(&stack, &order, &["no download"]);
    assert_eq!(short.code, 1, "{short:?}");
    assert!(stack.folder.path("partial-pi.img").exists() && !stack.folder.path("pi.img").exists());
    for _ in 0..2 {
        let said = run_with_balena(&stack, &order, &[]);
        assert_eq!(said.code, 0, "{said:?}");
    }
    stack.folder.write("wifi", "[connection]");
    let wifi = [&order[..], &["--connection", "wifi"]].concat();
    assert_eq!(run_with_balena(&stack, &wifi, &[]).code, 0);
    let calls = stack.read("calls");
    assert_eq!(calls.matches("device register fleet --uuid").count(), 1, "{calls}");
    assert_eq!(calls.matches("os download").count(), 2, "{calls}");
    let first: Vec<&str> = calls.lines().take(11).filter(|line| !line.contains("AWS_ENDPOINT")).collect();
    insta::assert_snapshot!(first.join("\n"), @"
    device 0123456789abcdef0123456789abcdef
    device register fleet --uuid 0123456789abcdef0123456789abcdef
    env set AWS_THING_NAME --device 0123456789abcdef0123456789abcdef --quiet = 0123456789abcdef0123
    env set AWS_THING_CERT --device 0123456789abcdef0123456789abcdef --quiet = LS0tLS1CRUdJTiBDRVJU
    env set AWS_THING_KEY --device 0123456789abcdef0123456789abcdef --quiet = LS0tLS1CRUdJTiBQUklW
    env set AWS_ROOT_CERT --device 0123456789abcdef0123456789abcdef --quiet = LS0tLS1CRUdJTiBDRVJU
    env set CONFIG_TOML --device 0123456789abcdef0123456789abcdef --quiet = IyBNYWRlIGZvciB0aGUg
    env set RULES_ZIP --device 0123456789abcdef0123456789abcdef --quiet = UEsDBBQAAAAIAAAAIQD5
    env set DAG_DEVICE --device 0123456789abcdef0123456789abcdef --quiet = 0123456789abcdef0123
    os download raspberry-pi --output partial-pi.img
    ");
    let configured: Vec<&str> = calls.lines().filter(|line| line.starts_with("os configure")).collect();
    insta::assert_snapshot!(configured.join("\n"), @"
    os configure pi.img --device 0123456789abcdef0123456789abcdef --config-network ethernet
    os configure pi.img --device 0123456789abcdef0123456789abcdef --config-network ethernet
    os configure pi.img --device 0123456789abcdef0123456789abcdef --config-network ethernet --system-connection wifi
    ");
    check_container_start(&stack);
}

/// Checks that the container's start makes the bundle from the variables.
fn check_container_start(stack: &Stack) {
    stack.folder.write("bin/dag", "#!/bin/sh\necho \"$@\"\n");
    fs::set_permissions(stack.folder.path("bin/dag"), fs::Permissions::from_mode(0o755)).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("balena-start.sh");
    let start = || {
        let variables = fs::read_dir(stack.folder.path("variables")).unwrap().map(|entry| entry.unwrap());
        let variables = variables.map(|entry| (entry.file_name(), fs::read_to_string(entry.path()).unwrap()));
        let mut command = Command::new("sh");
        command.arg(&script).arg(stack.folder.path("data")).env_clear().envs(variables);
        command.env("PATH", format!("{}:/usr/bin:/bin", stack.folder.path("bin").display()));
        let ran = command.output().unwrap();
        assert!(ran.status.success(), "{ran:?}");
        String::from_utf8(ran.stdout).unwrap()
    };
    let said = start();
    assert_eq!(said.trim_end(), format!("run --config {}", stack.folder.path("data/config.toml").display()));
    let rules = |root: &str| dag_rulebook::RulesFolder::read(&stack.folder.path(root).join("rules")).unwrap().id();
    assert_eq!(rules("data"), rules(""));
    for name in ["config.toml", "uplink/ca.pem", "uplink/device.pem", "uplink/device.key"] {
        assert_eq!(stack.read(&format!("data/{name}")), stack.read(&format!("provisioned/{HEX_ID}/{name}")), "{name}");
    }
    let key = fs::metadata(stack.folder.path("data/uplink/device.key")).unwrap();
    assert_eq!(key.permissions().mode() & 0o777, 0o600);
    // Rules from `rules push` stay until the variable has other ones.
    stack.folder.write("data/rules/pushed.toml", "");
    start();
    assert!(stack.folder.path("data/rules/pushed.toml").exists());
    stack.folder.write("rules/new.rhai", "");
    assert_eq!(run_with_balena(stack, &["provision", HEX_ID, "--balena", "fleet"], &[]).code, 0);
    start();
    assert_eq!(rules("data"), rules(""));
}

/// A stand-in of balena's program. It writes its arguments to the file `calls`, and the value of each variable to a
/// file in the folder `variables`. It knows a device once that is registered. A line `no download` in the file `faults`
/// makes a download fail.
const BALENA: &str = r#"#!/bin/sh
case "$1" in --version) exit 0;; esac
if [ "$1 $2" = "env set" ]; then
  eval "value=\$$3"
  mkdir -p variables && printf %s "$value" > "variables/$3"
fi
echo "$*${value:+ = $(echo "$value" | cut -c1-20)}" >> calls
case "$1 $2" in
  "device register") ;;
  "device "*) grep -q "device register" calls;;
  "os download") echo image > "$5" && ! grep -q "no download" faults;;
esac
"#;

/// Runs a command with balena's stand-in. `before` are calls that it got already, and faults.
pub fn run_with_balena(stack: &Stack, arguments: &[&str], before: &[&str]) -> RunOutput {
    let folder = &stack.folder;
    folder.write("bin/balena", BALENA);
    fs::set_permissions(folder.path("bin/balena"), fs::Permissions::from_mode(0o755)).unwrap();
    folder.write("faults", &before.join("\n"));
    let calls = fs::read_to_string(folder.path("calls")).unwrap_or_default();
    let registered: String =
        before.iter().filter(|line| line.starts_with("device register")).map(|line| format!("{line}\n")).collect();
    folder.write("calls", &(calls + registered.as_str()));
    let endpoint = stack.moto.endpoint();
    let path = format!("{}:/usr/bin:/bin", folder.path("bin").display());
    let environment = [
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_ENDPOINT_URL", endpoint.as_str()),
        ("PATH", path.as_str()),
    ];
    folder.run_with(&environment, arguments, None)
}
