//! `dag`: the detectordag daemon and its commands.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    // Whatever speaks TLS here speaks it by ring, which builds for the Pi Zero. It is set once, so nobody was before us.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let cli = match dag::cli::Cli::try_parse() {
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
