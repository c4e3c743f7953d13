//! `dag`: the detectordag daemon and its commands.

use std::process::ExitCode;

use dag::cli::Cli;

fn main() -> ExitCode {
    // Whatever speaks TLS here speaks it by ring, which builds for the Pi Zero. It is set once, so nobody was before us.
    let _ = rustls::crypto::ring::default_provider().install_default();
    dag_cli::main(Cli::run)
}
