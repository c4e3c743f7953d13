//! The addresses that may be called: those of the public internet, and those that the configuration allows.
//!
//! The policy checks the address of the connection, not the name: a name can point anywhere, and elsewhere at the next
//! lookup.

use std::{
    error::Error,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
};

use dag_config::Network;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::Semaphore;

/// The error for an address that may not be called.
#[derive(Debug, thiserror::Error)]
#[error("{address} is {kind}: it is called only if `allow_private` in `[webhook]` of config.toml names it")]
pub(crate) struct ForbiddenAddress {
    address: IpAddr,
    kind: &'static str,
}

/// Decides which addresses may be called.
#[derive(Clone, Debug)]
pub(crate) struct AddressPolicy(Arc<[Network]>);

impl AddressPolicy {
    pub fn new(allowed: &[Network]) -> Self {
        AddressPolicy(allowed.into())
    }

    /// Checks an address.
    ///
    /// # Errors
    /// The address is not one of the public internet, and the configuration does not allow it.
    pub fn check(&self, address: IpAddr) -> Result<(), ForbiddenAddress> {
        match kind(address) {
            Some(kind) if !self.0.iter().any(|network| network.contains(address)) => {
                Err(ForbiddenAddress { address, kind })
            }
            _ => Ok(()),
        }
    }
}

impl AddressPolicy {
    /// Looks up a name and returns the addresses that may be called.
    ///
    /// # Errors
    /// The name cannot be looked up, or none of its addresses may be called.
    pub async fn lookup(&self, name: &str) -> Result<Vec<SocketAddr>, Box<dyn Error + Send + Sync>> {
        self.permitted(tokio::net::lookup_host((name, 0)).await?)
    }

    /// The same for a check, of which only some look up at once. A request of a message never waits for them.
    ///
    /// # Errors
    /// As for [`AddressPolicy::lookup`].
    pub async fn lookup_in_turn(&self, name: &str) -> Result<Vec<SocketAddr>, Box<dyn Error + Send + Sync>> {
        let name = name.to_owned();
        let found = in_turn(async move {
            let found = tokio::net::lookup_host((name, 0)).await?;
            Ok::<_, std::io::Error>(found.collect::<Vec<_>>())
        });
        self.permitted(found.await??.into_iter())
    }

    fn permitted(
        &self,
        found: impl Iterator<Item = SocketAddr>,
    ) -> Result<Vec<SocketAddr>, Box<dyn Error + Send + Sync>> {
        let (mut allowed, mut refused) = (Vec::new(), None);
        for found in found {
            match self.check(found.ip()) {
                Ok(()) => allowed.push(found),
                Err(error) => refused = Some(error),
            }
        }
        match refused {
            Some(refused) if allowed.is_empty() => Err(refused.into()),
            _ => Ok(allowed),
        }
    }
}

/// The most lookups of checks at once, in the whole process. The system's resolver takes a thread for each, and may keep
/// it for half a minute where no server answers.
const MOST_LOOKUPS: usize = 8;

static LOOKUPS: Semaphore = Semaphore::const_new(MOST_LOOKUPS);

/// Does a lookup when there is room. It keeps its place to its end, also if nobody waits for it any more: its thread
/// cannot be stopped.
async fn in_turn<T: Send + 'static>(
    lookup: impl Future<Output = T> + Send + 'static,
) -> Result<T, Box<dyn Error + Send + Sync>> {
    let place = LOOKUPS.acquire().await?;
    let lookup = tokio::spawn(async move {
        let found = lookup.await;
        drop(place);
        found
    });
    Ok(lookup.await?)
}

/// Looks up the names of URLs for the HTTP client.
impl Resolve for AddressPolicy {
    fn resolve(&self, name: Name) -> Resolving {
        let policy = self.clone();
        Box::pin(async move { Ok(Box::new(policy.lookup(name.as_str()).await?.into_iter()) as Addrs) })
    }
}

/// Returns the kind of an address that is not one of the public internet, by the special-purpose registries of IANA.
fn kind(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => kind_v4(address),
        IpAddr::V6(address) => kind_v6(address),
    }
}

fn kind_v4(address: Ipv4Addr) -> Option<&'static str> {
    Some(match address.octets() {
        [169, 254, 169, 254] | [100, 100, 100, 200] | [168, 63, 129, 16] => "a cloud's metadata service",
        [0, ..] => "unspecified",
        [127, ..] => "on this machine",
        [169, 254, ..] => "link-local",
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => "private",
        [100, 64..=127, ..] => "shared by a provider's customers",
        [192, 0, 0 | 2, _] | [192, 88, 99, _] | [198, 18 | 19, ..] | [198, 51, 100, _] | [203, 0, 113, _] => "reserved",
        [224..=239, ..] => "multicast",
        [255, 255, 255, 255] => "broadcast",
        [240..=255, ..] => "reserved",
        _ => return None,
    })
}

fn kind_v6(address: Ipv6Addr) -> Option<&'static str> {
    let [a, b, c, d, e, f, g, h] = address.segments();
    let v4 = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    Some(match (a, b, c, d, e, f) {
        _ if address.is_unspecified() => "unspecified",
        _ if address.is_loopback() => "on this machine",
        // An IPv4 address inside an IPv6 address counts as IPv4: mapped, NAT64, 6to4.
        (0, 0, 0, 0, 0, 0xffff) | (0x64, 0xff9b, 0, 0, 0, 0) => return kind_v4(v4(g, h)),
        (0x2002, ..) => return kind_v4(v4(b, c)),
        (0, 0, 0, 0, 0, 0) | (0x64, 0xff9b, 1, ..) | (0x100, 0, 0, ..) => "reserved",
        // Protocol assignments, Teredo among them, and documentation.
        (0x2001, 0..=0x1ff, ..) | (0x2001, 0xdb8, ..) | (0x3fff, 0..=0xfff, ..) => "reserved",
        (0xfd00, 0xec2, 0, 0, 0, 0) if (g, h) == (0, 0x254) => "a cloud's metadata service",
        (0xfc00..=0xfdff, ..) => "private",
        (0xfe80..=0xfebf, ..) => "link-local",
        (0xfec0..=0xfeff, ..) => "private",
        (0xff00..=0xffff, ..) => "multicast",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind_refused(allowed: &[&str], address: &str) -> Option<&'static str> {
        let allowed: Vec<Network> =
            allowed.iter().map(|network| Network::try_from((*network).to_owned()).unwrap()).collect();
        AddressPolicy::new(&allowed).check(address.parse().unwrap()).err().map(|refused| refused.kind)
    }

    #[test]
    fn only_addresses_of_the_public_internet_are_called() {
        for (kind, addresses) in [
            ("on this machine", vec!["127.0.0.1", "127.255.0.9", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1"]),
            ("unspecified", vec!["0.0.0.0", "0.1.2.3", "::", "::ffff:0.0.0.0"]),
            ("link-local", vec!["169.254.0.1", "fe80::1", "febf::1", "::ffff:169.254.1.1"]),
            (
                "a cloud's metadata service",
                vec!["169.254.169.254", "100.100.100.200", "168.63.129.16", "fd00:ec2::254", "64:ff9b::a9fe:a9fe"],
            ),
            (
                "private",
                vec!["10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.8.1", "fc00::1", "fd12::1", "fec0::1"],
            ),
            ("private", vec!["::ffff:10.0.0.1", "2002:a00:1::", "64:ff9b::c0a8:101"]),
            ("shared by a provider's customers", vec!["100.64.0.1", "100.127.255.255"]),
            ("multicast", vec!["224.0.0.1", "239.255.255.250", "ff02::1"]),
            ("broadcast", vec!["255.255.255.255"]),
            ("reserved", vec!["192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "240.0.0.1", "192.0.0.8"]),
            ("reserved", vec!["2001:db8::1", "2001::1", "100::1", "::7f00:1", "64:ff9b:1::1", "3fff::1"]),
        ] {
            for address in addresses {
                assert_eq!(kind_refused(&[], address), Some(kind), "{address}");
            }
        }
        for address in ["8.8.8.8", "172.32.0.1", "172.15.0.1", "100.128.0.1", "192.169.0.1", "2606:4700::1111"] {
            assert_eq!(kind_refused(&[], address), None, "{address}");
        }
        assert_eq!(kind_refused(&[], "64:ff9b::808:808"), None, "NAT64 of a public address");
    }

    #[tokio::test(start_paused = true)]
    async fn a_lookup_keeps_its_place_until_it_ends_even_if_nobody_waits() {
        let patience = std::time::Duration::from_secs(10);
        let (end, ended) = tokio::sync::watch::channel(false);
        for _ in 0..MOST_LOOKUPS {
            let mut ended = ended.clone();
            let hangs = in_turn(async move { ended.wait_for(|ended| *ended).await.map(|_| ()) });
            assert!(tokio::time::timeout(patience, hangs).await.is_err());
        }
        assert!(tokio::time::timeout(patience, in_turn(async {})).await.is_err(), "there is no room");
        end.send(true).unwrap();
        assert!(tokio::time::timeout(patience, in_turn(async {})).await.is_ok());
    }

    #[test]
    fn the_configuration_allows_only_what_it_names() {
        assert_eq!(kind_refused(&["192.168.1.0/24"], "192.168.1.9"), None);
        assert_eq!(kind_refused(&["192.168.1.0/24"], "::ffff:192.168.1.9"), None);
        assert_eq!(kind_refused(&["192.168.1.0/24"], "192.168.2.9"), Some("private"));
        assert_eq!(kind_refused(&["127.0.0.1"], "127.0.0.2"), Some("on this machine"));
        assert_eq!(kind_refused(&["fd12::/16"], "fd12::1"), None);
    }

    #[test]
    fn a_refusal_says_what_to_do() {
        let refused = AddressPolicy::new(&[]).check("192.168.1.9".parse().unwrap()).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "192.168.1.9 is private: it is called only if `allow_private` in `[webhook]` of config.toml names it"
        );
    }
}
