//! `[aws]`: the cloud side's own account, for the programs that stand it up.

use crate::{
    email::mailbox,
    host::is_host,
    section::Section,
    wrong::{Wrong, advice},
};

/// The section `[aws]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aws {
    /// The region that everything is in.
    pub region: String,
    /// The name of the stack, with which the names of everything in it begin.
    pub stack: String,
    /// The domain that mail comes from, where the whole domain is verified with SES and not the sender's address alone.
    pub sender_domain: Option<String>,
    /// SES knows the sender already: it is used as it is, and the stack makes none.
    pub sender_exists: bool,
    /// Who is told when the cloud side itself is in trouble.
    pub operator_email: Option<String>,
    /// For how many days logs are kept.
    pub log_days: u16,
}

const STACK: &str = "detectordag";

/// The name of the bucket for code has 63 characters at most, and account and region are in it, too.
const LONGEST_STACK: usize = 28;

const LOG_DAYS: u16 = 30;

/// For how long CloudWatch Logs can keep something ("PutRetentionPolicy").
const RETENTIONS: [u16; 22] =
    [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653];

/// A service that not every region has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Service {
    /// AWS IoT Core, which devices report to: where the stack is.
    Iot,
    /// Amazon SES, which mail leaves by.
    Ses,
}

/// The regions of AWS's public partition, and which of the two services each has ("AWS Regions"; the types of resources that
/// CloudFormation has there; November 2026).
const REGIONS: [(&str, &[Service]); 34] = [
    ("af-south-1", &[Service::Ses]),
    ("ap-east-1", &[Service::Iot]),
    ("ap-east-2", &[]),
    ("ap-northeast-1", &[Service::Iot, Service::Ses]),
    ("ap-northeast-2", &[Service::Iot, Service::Ses]),
    ("ap-northeast-3", &[Service::Ses]),
    ("ap-south-1", &[Service::Iot, Service::Ses]),
    ("ap-south-2", &[Service::Ses]),
    ("ap-southeast-1", &[Service::Iot, Service::Ses]),
    ("ap-southeast-2", &[Service::Iot, Service::Ses]),
    ("ap-southeast-3", &[Service::Ses]),
    ("ap-southeast-4", &[]),
    ("ap-southeast-5", &[Service::Iot, Service::Ses]),
    ("ap-southeast-6", &[]),
    ("ap-southeast-7", &[]),
    ("ca-central-1", &[Service::Iot, Service::Ses]),
    ("ca-west-1", &[Service::Ses]),
    ("eu-central-1", &[Service::Iot, Service::Ses]),
    ("eu-central-2", &[Service::Ses]),
    ("eu-north-1", &[Service::Iot, Service::Ses]),
    ("eu-south-1", &[Service::Iot, Service::Ses]),
    ("eu-south-2", &[Service::Iot]),
    ("eu-west-1", &[Service::Iot, Service::Ses]),
    ("eu-west-2", &[Service::Iot, Service::Ses]),
    ("eu-west-3", &[Service::Iot, Service::Ses]),
    ("il-central-1", &[Service::Iot, Service::Ses]),
    ("me-central-1", &[Service::Iot, Service::Ses]),
    ("me-south-1", &[Service::Iot, Service::Ses]),
    ("mx-central-1", &[]),
    ("sa-east-1", &[Service::Iot, Service::Ses]),
    ("us-east-1", &[Service::Iot, Service::Ses]),
    ("us-east-2", &[Service::Iot, Service::Ses]),
    ("us-west-1", &[Service::Iot, Service::Ses]),
    ("us-west-2", &[Service::Iot, Service::Ses]),
];

impl Aws {
    /// `from` is the sender of mail, where that is known.
    pub(crate) fn read(mut section: Section<'_>, from: Option<&str>) -> Option<Aws> {
        let region = section.need("region", "region = \"eu-west-1\"").get("region");
        let region = region.and_then(|text: String| section.check("region", region_of(text, Service::Iot)));
        let stack = section.get("stack").and_then(|text: String| section.check("stack", stack_of(text)));
        let sender_domain = section.get("sender_domain").and_then(|domain: String| {
            let domain = sender_domain_of(domain, from);
            section.check("sender_domain", domain)
        });
        let sender_exists = section.get("sender_exists").unwrap_or_default();
        let operator_email = section.get("operator_email").and_then(|text: String| {
            let operator = mailbox(text).and_then(|text| match text.contains('<') {
                true => Err(Wrong::new(format!("`{text}` is more than an address"), "write the address alone")),
                false => Ok(text),
            });
            section.check("operator_email", operator)
        });
        let log_days = section.number("log_days", 1..=3_653).and_then(|days: u16| {
            let nearest = RETENTIONS.iter().find(|known| **known >= days).unwrap_or(&LOG_DAYS);
            let help = format!("the next one that can be had is {nearest}");
            let known = RETENTIONS.contains(&days);
            let days = if known { Ok(days) } else { Err(Wrong::new("logs cannot be kept for so many days", help)) };
            section.check("log_days", days)
        });
        section.finish();
        Some(Aws {
            region: region?,
            stack: stack.unwrap_or_else(|| STACK.to_owned()),
            sender_domain,
            sender_exists,
            operator_email,
            log_days: log_days.unwrap_or(LOG_DAYS),
        })
    }
}

/// A region of AWS that has a service.
pub(crate) fn region_of(text: String, service: Service) -> Result<String, Wrong> {
    let with = || REGIONS.iter().filter(|(_, services)| services.contains(&service)).map(|(name, _)| *name);
    match REGIONS.iter().find(|(name, _)| *name == text) {
        Some((_, services)) if services.contains(&service) => Ok(text),
        Some(_) => {
            let (what, help) = match service {
                Service::Iot => ("AWS IoT, which devices report to", "another region near you will do as well"),
                Service::Ses => ("SES, which mail leaves by", "mail may leave from any other region"),
            };
            Err(Wrong::new(format!("`{text}` does not have {what}"), format!("{help}: {}", list(with()))))
        }
        None => Err(Wrong::new(format!("`{text}` is not a region of AWS"), advice(&text, with()))),
    }
}

/// Whether mail can leave from a region.
#[must_use]
pub fn sends_mail(region: &str) -> bool {
    REGIONS.iter().any(|(name, services)| *name == region && services.contains(&Service::Ses))
}

fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.collect::<Vec<_>>().join(", ")
}

fn stack_of(text: String) -> Result<String, Wrong> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    let begins = text.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic());
    if begins && !text.ends_with('-') && text.len() <= LONGEST_STACK && text.bytes().all(plain) {
        return Ok(text);
    }
    let help = format!("letters, digits and `-`, a letter first, at most {LONGEST_STACK} of them");
    Err(Wrong::new(format!("`{text}` cannot be the name of a stack"), help))
}

fn sender_domain_of(domain: String, from: Option<&str>) -> Result<String, Wrong> {
    if domain.parse::<std::net::IpAddr>().is_ok() || !is_host(&domain) || !domain.contains('.') {
        return Err(Wrong::new(format!("`{domain}` is not a domain"), "write it like `example.com`"));
    }
    let sends = from.and_then(|from| from.rsplit_once('@')).map(|(_, host)| host.trim_end_matches('>'));
    match sends {
        Some(sends) if sends != domain && !sends.ends_with(&format!(".{domain}")) => {
            let help = format!("write `{sends}`, or change `from` in `[email]`");
            Err(Wrong::new(format!("mail is sent from `{sends}`, which is not of `{domain}`"), help))
        }
        _ => Ok(domain),
    }
}
