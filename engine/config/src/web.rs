//! `[web]`: the address of the web page and the API.

use std::net::{Ipv4Addr, SocketAddr};

use crate::{diagnostic::Diagnostic, section::Section};

/// The section `[web]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Web {
    /// The address and port to listen at. Nothing listens there yet.
    pub listen: SocketAddr,
}

impl Web {
    pub(crate) fn read(mut section: Section<'_>) -> Web {
        let listen = section.get("listen").and_then(|text: String| {
            let help = "write an IP address and a port, like `127.0.0.1:8080`, or `0.0.0.0:8080` for every network";
            section.check(
                "listen",
                text.parse().map_err(|_| Diagnostic::new(format!("`{text}` is nowhere to listen at"), help)),
            )
        });
        section.finish();
        Web { listen: listen.unwrap_or_else(|| (Ipv4Addr::LOCALHOST, 8080).into()) }
    }
}
