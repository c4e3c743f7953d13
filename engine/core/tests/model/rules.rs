//! Rules as data, and what they say of people.

use dag_engine::{Channel, Device, FactKind, Millis, Name, Severity, Time, zone};

use crate::{
    condition::Condition,
    script::Script,
    wall_clock::{self, TimeOfDay},
};

pub const RULES: [&str; 6] = ["outage", "low", "door", "wobble", "night", "spare"];

pub const RECIPIENTS: [&str; 4] = ["nor", "kim", "pager", "boss"];

pub const ZONES: [&str; 4] = ["Europe/London", "America/New_York", "Australia/Lord_Howe", "UTC"];

pub const STEPS: [&str; 3] = ["first", "then", "last"];

/// Groups with their members; those that are no recipients of the rules are left out.
pub const GROUPS: [(&str, &[&str]); 3] =
    [("owners", &["nor", "@account"]), ("friends", &["kim", "pager"]), ("watch", &["@account", "boss"])];

/// The addresses of the device's account.
pub const ACCOUNT: &str = "@account";

#[derive(Clone, Debug, PartialEq)]
pub struct Rules {
    pub rules: Vec<Rule>,
    /// Rules name them by their place here.
    pub escalations: Vec<Escalation>,
    pub recipients: Vec<Recipient>,
    pub operators: Option<&'static str>,
    pub zone: &'static str,
    /// What the configuration says of the fact `door`, if it knows that.
    pub door: Option<FactKind>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    pub name: &'static str,
    pub was: Option<&'static str>,
    pub when: Condition,
    pub open_after: Millis,
    pub close_after: Millis,
    pub severity: Severity,
    pub escalation: usize,
    pub script: Option<Script>,
    pub inhibits: Vec<&'static str>,
    /// It runs in the cloud, not on the host of these tests.
    pub cloud: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Escalation {
    pub steps: Vec<Step>,
    pub ack_lapses_after: Option<Millis>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    pub name: Option<&'static str>,
    pub after: Millis,
    pub notify: Vec<&'static str>,
    pub repeat: Option<Millis>,
    pub at_most: Option<u32>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Recipient {
    pub name: &'static str,
    pub email: bool,
    pub webhook: bool,
    /// Its addresses are others than before.
    pub moved: bool,
    pub zone: Option<&'static str>,
    pub quiet: Option<Quiet>,
    pub fallback: Option<&'static str>,
    pub fallback_after: Option<Millis>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Quiet {
    pub from: TimeOfDay,
    pub to: TimeOfDay,
    pub unless: Option<Severity>,
}

/// A recipient's name and a kind of address.
pub type ChannelKey = (String, Channel);

/// Where a channel leads.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    pub address: String,
    /// In which times are read there.
    pub zone: Name,
}

impl Rules {
    /// The rule, where this host runs it.
    pub fn rule(&self, name: &str) -> Option<&Rule> {
        self.running().find(|rule| rule.name == name)
    }

    /// The rules that this host runs, in their order.
    pub fn running(&self) -> impl Iterator<Item = &Rule> {
        self.rules.iter().filter(|rule| !rule.cloud)
    }

    pub fn recipient(&self, name: &str) -> Option<&Recipient> {
        self.recipients.iter().find(|recipient| recipient.name == name)
    }

    /// The channels that recipients and groups stand for, each once.
    pub fn channels(&self, names: &[&str], device: &Device) -> Vec<ChannelKey> {
        let mut channels = Vec::new();
        for name in names {
            let members = match GROUPS.iter().find(|(group, _)| group == name) {
                Some((_, members)) => members.to_vec(),
                None => vec![*name],
            };
            for member in members {
                let reached = if member == ACCOUNT {
                    device.account_emails.iter().map(|email| (email.clone(), Channel::Email)).collect()
                } else {
                    self.channels_of(member)
                };
                for who in reached {
                    if !channels.contains(&who) {
                        channels.push(who);
                    }
                }
            }
        }
        channels
    }

    fn channels_of(&self, name: &str) -> Vec<ChannelKey> {
        let Some(recipient) = self.recipient(name) else { return Vec::new() };
        let kinds = [(recipient.email, Channel::Email), (recipient.webhook, Channel::Webhook)];
        kinds.into_iter().filter(|(has, _)| *has).map(|(_, kind)| (name.to_owned(), kind)).collect()
    }

    /// Where a channel leads now; none where its recipient is gone. An address of the account has the device's zone.
    pub fn place(&self, who: &ChannelKey, device: &Device) -> Option<Place> {
        let (name, kind) = who;
        if device.account_emails.contains(name) {
            let zone = device.timezone.clone().unwrap_or(self.zone.into());
            return (*kind == Channel::Email).then(|| Place { address: name.clone(), zone });
        }
        self.channels_of(name).contains(who).then(|| {
            let recipient = self.recipient(name).unwrap();
            let address = match kind {
                Channel::Email => recipient.email_address(),
                Channel::Webhook => recipient.url(),
            };
            Place { address, zone: recipient.zone.unwrap_or(self.zone).into() }
        })
    }

    /// Whether a recipient's wall clock lies in its quiet hours at `t`, for what is of this severity.
    pub fn is_quiet(&self, name: &str, severity: Severity, t: Time) -> bool {
        let Some(recipient) = self.recipient(name) else { return false };
        let Some(quiet) = &recipient.quiet else { return false };
        let let_through = quiet.unless.is_some_and(|unless| severity >= unless);
        !let_through && wall_clock::within(&zone(recipient.zone.unwrap_or(self.zone)).unwrap(), quiet.from, quiet.to, t)
    }

    /// How many rules inhibit each other in a row down to this one.
    pub fn rank(&self, name: &str) -> usize {
        let above = self.running().filter(|rule| rule.inhibits.contains(&name));
        above.map(|rule| self.rank(rule.name) + 1).max().unwrap_or(0)
    }
}

impl Recipient {
    pub fn email_address(&self) -> String {
        format!("{}@{}.example.com", self.name, if self.moved { "new" } else { "old" })
    }

    pub fn url(&self) -> String {
        format!("https://example.com/{}/{}", if self.moved { "new" } else { "old" }, self.name)
    }
}
