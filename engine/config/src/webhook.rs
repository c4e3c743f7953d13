//! `[webhook]`: the limits of webhooks.

use crate::section::Section;

/// The section `[webhook]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Webhook {
    /// Private addresses that may be called, as IP addresses or networks (`192.168.1.0/24`). All other addresses in
    /// loopback, link-local, metadata and private ranges are refused.
    pub allow_private: Vec<Network>,
}

impl Webhook {
    pub(crate) fn read(mut section: Section<'_>) -> Webhook {
        let networks: Vec<String> = section.get("allow_private").unwrap_or_default();
        let network = |(at, text): (usize, String)| section.check_entry("allow_private", at, Network::try_from(text));
        let allow_private = networks.into_iter().enumerate().filter_map(network).collect();
        section.finish();
        Webhook { allow_private }
    }
}

/// An IP network in CIDR notation; a bare address is the network of that one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: std::net::IpAddr,
    prefix: u8,
}

impl Network {
    /// Returns whether `address` lies in this network. IPv4 addresses mapped into IPv6 count as IPv4.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_holds_its_own_addresses_only() {
        let cases = [
            ("192.168.1.0/24", "192.168.1.9", true),
            ("192.168.1.0/24", "192.168.2.9", false),
            ("192.168.1.7", "192.168.1.7", true),
            ("192.168.1.7", "::ffff:192.168.1.7", true),
            ("192.168.1.7", "192.168.1.8", false),
            ("0.0.0.0/0", "8.8.8.8", true),
            ("0.0.0.0/0", "::1", false),
            ("fd00::/8", "fd12::1", true),
            ("fd00::/8", "fe80::1", false),
            ("::/0", "::1", true),
        ];
        for (network, address, inside) in cases {
            let held = Network::try_from(network.to_owned()).unwrap().contains(address.parse().unwrap());
            assert_eq!(held, inside, "{address} in {network}");
        }
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for text in ["", "home", "192.168.1", "192.168.1.0/33", "192.168.1.0/", "::/129", "10.0.0.1:80", "10.0.0.0/-1"]
        {
            let refused = Network::try_from(text.to_owned());
            assert_eq!(
                refused.unwrap_err(),
                format!("`{text}` is neither an IP address nor a network like `192.168.1.0/24`")
            );
        }
    }
}
