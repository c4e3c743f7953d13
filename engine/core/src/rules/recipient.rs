//! Recipients: who is told, where, and when not.

use jiff::tz::TimeZone;

use crate::{Address, Channel, Millis, Name, Severity, wall_clock::WallSpan};

/// A person or system: `[recipient.NAME]`.
#[derive(Debug)]
pub(crate) struct Recipient {
    pub addresses: Vec<Address>,
    pub timezone: Option<Name>,
    /// That zone's clock; the site's where none is given.
    pub zone: Option<TimeZone>,
    pub quiet: Option<Quiet>,
    /// The recipient that is told instead while messages fail, and after how long.
    pub fallback: Option<(Name, Millis)>,
}

/// Quiet hours: when a recipient is left in peace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Quiet {
    pub span: WallSpan,
    /// This severity and above come through.
    pub unless: Option<Severity>,
}

/// The name that stands for the addresses of the device's account.
pub(crate) const ACCOUNT: &str = "@account";

/// Somebody who can be told by one channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reachable {
    /// The recipient's name; an address of `@account` is its own recipient.
    pub recipient: Name,
    /// The address that the channel leads to.
    pub address: Address,
    /// The IANA name of the zone that the recipient reads times in.
    pub timezone: Name,
}

impl Reachable {
    pub(crate) fn key(&self) -> (&Name, Channel) {
        (&self.recipient, self.address.channel())
    }
}
