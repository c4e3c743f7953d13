//! `dag`: the detectordag daemon and its commands.

use std::process::ExitCode;

use dag::cli::{Cli, TIPS};

fn main() -> ExitCode {
    // All TLS here uses ring, which builds for the Pi Zero. This is the first and only call, so it cannot fail.
    let _ = rustls::crypto::ring::default_provider().install_default();
    dag_cli::main(Cli::run, TIPS)
}
