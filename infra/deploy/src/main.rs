//! `dag-infra`: deploys the cloud side of detectordag, and manages its devices and accounts.

use std::process::ExitCode;

use dag_infra::cli::{Cli, TIPS};

fn main() -> ExitCode {
    dag_cli::main(Cli::run, TIPS)
}
