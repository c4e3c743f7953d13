//! Names of servers.

use std::net::{IpAddr, Ipv6Addr};

/// Returns whether `text` is a host name or an IP address, without a port or brackets.
pub(crate) fn is_host(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    text.parse::<IpAddr>().is_ok() || (!text.is_empty() && text.bytes().all(plain))
}

/// Returns whether `text` is `host:port`, with an IPv6 address in brackets.
pub(crate) fn is_host_and_port(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else { return false };
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let host = bare.map_or_else(|| is_host(host) && !host.contains(':'), |v6| v6.parse::<Ipv6Addr>().is_ok());
    host && port.parse().is_ok_and(|port: u16| port > 0)
}

/// Returns whether a connection to `host` stays on this machine for certain.
pub(crate) fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_and_its_port_are_told_apart() {
        for good in ["127.0.0.1:3493", "[::1]:3493", "ups.local:1", "nut_1:65535"] {
            assert!(is_host_and_port(good), "{good}");
        }
        for bad in ["", "ups", ":3493", "ups:", "ups:0", "ups:65536", "::1:3493", "[ups]:3493", "a b:1", "http://ups:1"]
        {
            assert!(!is_host_and_port(bad), "{bad}");
        }
    }

    #[test]
    fn only_this_machine_is_loopback() {
        for here in ["localhost", "LOCALHOST", "127.0.0.1", "127.8.9.10", "::1"] {
            assert!(is_loopback(here), "{here}");
        }
        for elsewhere in ["localhost.example.com", "128.0.0.1", "::2", "0.0.0.0", "mail", "127.1"] {
            assert!(!is_loopback(elsewhere), "{elsewhere}");
        }
    }
}
