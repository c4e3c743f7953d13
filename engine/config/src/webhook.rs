//! `[webhook]`: what webhooks may do.

use serde::Deserialize;

/// The section `[webhook]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Webhook {
    /// Private addresses that may be called, as IP addresses or networks (`192.168.1.0/24`). All others in loopback,
    /// link-local, metadata and private ranges are refused.
    #[serde(default)]
    pub allow_private: Vec<Network>,
}

/// An IP network in CIDR notation; a bare address is the network of that one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Network {
    address: std::net::IpAddr,
    prefix: u8,
}

impl Network {
    /// Whether `address` lies in this network. IPv4 addresses mapped into IPv6 count as IPv4.
    pub fn contains(&self, address: std::net::IpAddr) -> bool {
        fn bits(address: std::net::IpAddr) -> (u128, u32) {
            match address.to_canonical() {
                std::net::IpAddr::V4(v4) => (u128::from(u32::from(v4)), 32),
                std::net::IpAddr::V6(v6) => (u128::from(v6), 128),
            }
        }
        let ((ours, width), (theirs, other)) = (bits(self.address), bits(address));
        let rest = width.saturating_sub(u32::from(self.prefix));
        width == other && (rest >= 128 || ours >> rest == theirs >> rest)
    }
}

impl TryFrom<String> for Network {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let wrong = || format!("`{text}` is neither an IP address nor a network like `192.168.1.0/24`");
        let (address, prefix) = text.split_once('/').map_or((text.as_str(), None), |(a, p)| (a, Some(p)));
        let address: std::net::IpAddr = address.parse().map_err(|_| wrong())?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.map_or(Ok(width), str::parse).ok().filter(|prefix| *prefix <= width).ok_or_else(wrong)?;
        Ok(Network { address, prefix })
    }
}
