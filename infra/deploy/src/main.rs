//! `dag-infra`: stands up the cloud side of detectordag, and looks after its devices and accounts.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let cli = match dag_infra::cli::Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are asked for; all else is wrong use.
            let code = if error.use_stderr() { 2 } else { 0 };
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    cli.run()
}
