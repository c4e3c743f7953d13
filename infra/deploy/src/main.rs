//! `dag-infra`: stands up the cloud side of detectordag, and looks after its devices and accounts.

use std::process::ExitCode;

use dag_infra::cli::Cli;

fn main() -> ExitCode {
    dag_cli::main(Cli::run)
}
