//! The build of the consumer for the processor of the function.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, bail};

/// The package and the program to build.
const PACKAGE: &str = "dag-cloud";
const PROGRAM: &str = "consumer";

/// Builds the consumer from the sources at `sources` with the program `cargo`. Returns the path of its `bootstrap`.
///
/// cargo-lambda brings a linker for arm64, so that the build is the same on every machine.
pub(crate) fn consumer(sources: &Path, cargo: &Path) -> Result<PathBuf> {
    if !sources.join("infra/cloud/Cargo.toml").is_file() {
        bail!(
            "the consumer is built from detectordag's sources, and {} is not their folder: name it by `--sources \
             FOLDER`, or a built one by `--consumer FILE`",
            sources.display()
        );
    }
    let there = Command::new(cargo).args(["lambda", "--version"]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    if !there.is_ok_and(|status| status.success()) {
        bail!(
            "cargo-lambda is missing, which builds the function: install it by `pip install cargo-lambda` (it brings \
             zig, the linker, with it) or as https://www.cargo-lambda.info says, or name a built function by \
             `--consumer FILE`"
        );
    }
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| sources.join("target"), PathBuf::from);
    let functions = target.join("functions");
    let mut command = Command::new(cargo);
    command.current_dir(sources).args(["lambda", "build", "--locked", "--arm64", "--profile", "lambda"]);
    command.args(["--package", PACKAGE, "--bin", PROGRAM, "--lambda-dir"]).arg(&functions);
    // The standard output is for the result of our own command.
    let status = command.stdin(Stdio::null()).stdout(std::io::stderr()).status().context("cargo cannot be started")?;
    if !status.success() {
        bail!("the consumer cannot be built: cargo-lambda says why, above");
    }
    Ok(functions.join(PROGRAM).join("bootstrap"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_sources_and_tools_are_named() {
        let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        insta::assert_snapshot!(consumer(&top, Path::new("no-cargo-here")).unwrap_err(), @"cargo-lambda is missing, which builds the function: install it by `pip install cargo-lambda` (it brings zig, the linker, with it) or as https://www.cargo-lambda.info says, or name a built function by `--consumer FILE`");
        insta::assert_snapshot!(consumer(Path::new("nowhere"), Path::new("cargo")).unwrap_err(), @"the consumer is built from detectordag's sources, and nowhere is not their folder: name it by `--sources FOLDER`, or a built one by `--consumer FILE`");
    }
}
