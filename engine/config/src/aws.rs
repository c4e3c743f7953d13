//! `[aws]`: the account that the cloud side runs in, for the programs that make it.

use crate::{diagnostic::Diagnostic, email::mailbox, host::is_host, section::Section};

/// The section `[aws]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aws {
    /// The region that everything is in. That AWS has it is for the programs to check that go there.
    pub region: String,
    /// The name of the stack, with which the names of everything in it begin.
    pub stack: String,
    /// The sender's domain, where SES verifies the whole domain instead of the one address.
    pub sender_domain: Option<String>,
    /// Whether SES knows the sender already. Then the stack makes none.
    pub sender_exists: bool,
    /// The address that alarms of the cloud side go to.
    pub operator_email: Option<String>,
    /// How long logs are kept, in days.
    pub log_days: u16,
}

const STACK: &str = "detectordag";

/// The longest name of a stack, in characters: the name of its bucket holds account and region too, and S3 allows 63.
const LONGEST_STACK: usize = 28;

const LOG_DAYS: u16 = 30;

/// The retentions that CloudWatch Logs offers, in days ("PutRetentionPolicy").
const RETENTIONS: [u16; 22] =
    [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653];

impl Aws {
    /// Reads the section. `from` is the sender of mail, where that is known.
    pub(crate) fn read(mut section: Section<'_>, from: Option<&str>) -> Option<Aws> {
        let region = section.need("region", "region = \"eu-west-1\"").get("region");
        let stack = section.get("stack").and_then(|text: String| section.check("stack", stack_of(text)));
        let sender_domain = section.get("sender_domain").and_then(|domain: String| {
            let domain = sender_domain_of(domain, from);
            section.check("sender_domain", domain)
        });
        let sender_exists = section.get("sender_exists").unwrap_or_default();
        let operator_email = section.get("operator_email").and_then(|text: String| {
            let operator = mailbox(text).and_then(|text| match text.contains('<') {
                true => Err(Diagnostic::new(format!("`{text}` is more than an address"), "write the address alone")),
                false => Ok(text),
            });
            section.check("operator_email", operator)
        });
        let log_days = section.number("log_days", 1..=3_653).and_then(|days: u16| {
            let nearest = RETENTIONS.iter().find(|known| **known >= days).unwrap_or(&LOG_DAYS);
            let help = format!("the next one that can be had is {nearest}");
            let known = RETENTIONS.contains(&days);
            let days =
                if known { Ok(days) } else { Err(Diagnostic::new("logs cannot be kept for so many days", help)) };
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

fn stack_of(text: String) -> Result<String, Diagnostic> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    let begins = text.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic());
    if begins && !text.ends_with('-') && text.len() <= LONGEST_STACK && text.bytes().all(plain) {
        return Ok(text);
    }
    let help = format!("letters, digits and `-`, a letter first, at most {LONGEST_STACK} of them");
    Err(Diagnostic::new(format!("`{text}` cannot be the name of a stack"), help))
}

fn sender_domain_of(domain: String, from: Option<&str>) -> Result<String, Diagnostic> {
    if domain.parse::<std::net::IpAddr>().is_ok() || !is_host(&domain) || !domain.contains('.') {
        return Err(Diagnostic::new(format!("`{domain}` is not a domain"), "write it like `example.com`"));
    }
    let sends = from.and_then(|from| from.rsplit_once('@')).map(|(_, host)| host.trim_end_matches('>'));
    match sends {
        Some(sends) if sends != domain && !sends.ends_with(&format!(".{domain}")) => {
            let help = format!("write `{sends}`, or change `from` in `[email]`");
            Err(Diagnostic::new(format!("mail is sent from `{sends}`, which is not of `{domain}`"), help))
        }
        _ => Ok(domain),
    }
}
