//! The checks before rules are signed, against the last signature in the table. Devices know one key, and accept no
//! rules that are older than theirs.

use anyhow::{Result, bail};
use dag_cloud::Signing;
use dag_engine::{Millis, Time};
use dag_uplink::PublicKey;

/// The most that the clocks of two machines may differ: 5 minutes. Within it a signature with an
/// earlier time gets the time of the last one.
const APART: Millis = Millis::new(5 * 60_000);

/// The checks that the user overrides: a new key, and a clock that is behind the last signature.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Overrides {
    pub new_key: bool,
    pub clock: bool,
}

/// Returns the key and the time of the signature of rules at `now`. `last` is the last signature.
///
/// # Errors
/// Devices would not accept the rules.
pub(crate) fn next(last: Option<&Signing>, key: &PublicKey, now: Time, overrides: Overrides) -> Result<Signing> {
    let signing = |signed_at| Signing { key: key.to_text(), signed_at };
    let Some(last) = last else { return Ok(signing(now)) };
    if last.key != key.to_text() && !overrides.new_key {
        bail!(
            "the fleet's rules are signed by another key, and devices take none that this one signs: sign by the key \
             whose public half is {}, or, if that is lost, say `--new-key` and give every device a new bundle by \
             `dag-infra provision`",
            last.key
        );
    }
    if last.signed_at.since(now) > APART && !overrides.clock {
        bail!(
            "here it is {now}, and rules were signed at {} already: this machine's clock is wrong, or that of the \
             other machine was. Set this one's; if the other's was wrong, say `--clock-is-right`, and a device that \
             took those rules takes these only with a new store",
            last.signed_at
        );
    }
    Ok(signing(if overrides.clock { now } else { now.max(last.signed_at) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Millis = Millis::new(60_000);

    fn key(byte: &str) -> PublicKey {
        PublicKey::parse(&format!("{}=", byte.repeat(43))).unwrap()
    }

    #[test]
    fn rules_are_signed_by_the_fleets_key_and_never_before_others() {
        let now: Time = "2026-01-10T12:00:00Z".parse().unwrap();
        let signed = |key: PublicKey, at: Time| Signing { key: key.to_text(), signed_at: at };
        let last = |at: Time| Some(signed(key("A"), at));
        let by = |last: &Option<Signing>, byte: &str| next(last.as_ref(), &key(byte), now, Overrides::default());
        assert_eq!(by(&None, "A").unwrap(), signed(key("A"), now), "the first key is the fleet's");
        assert_eq!(by(&last(now - MINUTE), "A").unwrap(), signed(key("A"), now));
        assert_eq!(by(&last(now + MINUTE), "A").unwrap(), signed(key("A"), now + MINUTE), "clocks differ");
        let (year, overrides) = (Millis::new(365 * 86_400_000), Overrides { new_key: true, clock: true });
        insta::assert_snapshot!(by(&last(now + year), "A").unwrap_err(), @"here it is 2026-01-10T12:00:00Z, and rules were signed at 2027-01-10T12:00:00Z already: this machine's clock is wrong, or that of the other machine was. Set this one's; if the other's was wrong, say `--clock-is-right`, and a device that took those rules takes these only with a new store");
        insta::assert_snapshot!(by(&last(now), "E").unwrap_err(), @"the fleet's rules are signed by another key, and devices take none that this one signs: sign by the key whose public half is AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=, or, if that is lost, say `--new-key` and give every device a new bundle by `dag-infra provision`");
        let overridden = next(last(now + year).as_ref(), &key("E"), now, overrides).unwrap();
        assert_eq!(overridden, signed(key("E"), now));
    }
}
