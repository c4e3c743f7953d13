//! The values of a UPS's variables as values of a device's facts.

use dag_engine::Value;

/// Returns the value of `power` by `ups.status`.
///
/// `OL` is on mains, whatever else there is (`OL CHRG`, `OL BYPASS`, `OL CAL`). `OB` is not on mains, nor is `FSD`
/// (the shutdown that ends a long outage) without `OL`. With both `OL` and `OB`, or with neither (`OFF`, `BYPASS` or
/// `WAIT` alone), the mains are unknown.
pub(super) fn power(status: &str) -> Option<Value> {
    let says = |flag| status.split_ascii_whitespace().any(|word| word == flag);
    match (says("OL"), says("OB"), says("FSD")) {
        (true, false, _) => Some(Value::On),
        (false, true, _) | (false, false, true) => Some(Value::Off),
        (true, true, _) | (false, false, false) => None,
    }
}

/// Returns `battery.charge` in whole percent, rounded down: `87.5` is 87. `None` for anything but a number from 0 to
/// 100.
pub(super) fn percent(text: &str) -> Option<i64> {
    let percent = decimal(text, 0)?;
    let exact = percent < 100 || decimal(text, 3)? == 100_000;
    (percent <= 100 && exact).then_some(percent)
}

/// Returns `battery.voltage` in millivolts, rounded down: `13.40` is 13400. `None` for anything but a number up to 10
/// kV.
pub(super) fn millivolts(text: &str) -> Option<i64> {
    decimal(text, 3).filter(|millivolts| *millivolts <= 10_000_000)
}

/// Returns a decimal number times ten to the power of `places`, rounded down. By integers only, so that every host
/// reads the same.
fn decimal(text: &str, places: usize) -> Option<i64> {
    let text = text.trim();
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if !is_digits(whole) || !is_digits(fraction) || whole.is_empty() {
        return None;
    }
    let digits: String = whole.chars().chain(fraction.chars().chain("0".repeat(places).chars()).take(places)).collect();
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mains_is_on_off_or_unknown_by_the_status() {
        for (status, power_is) in [
            ("OL", Some(Value::On)),
            ("OL CHRG", Some(Value::On)),
            ("ALARM OL RB", Some(Value::On)),
            ("OL BYPASS", Some(Value::On)),
            ("OL CAL DISCHRG", Some(Value::On)),
            ("OL OFF", Some(Value::On)),
            ("FSD OL", Some(Value::On)),
            ("OB", Some(Value::Off)),
            ("OB DISCHRG LB", Some(Value::Off)),
            ("OB CAL", Some(Value::Off)),
            ("FSD OB LB", Some(Value::Off)),
            ("FSD", Some(Value::Off)),
            ("OL OB", None),
            ("OFF", None),
            ("BYPASS", None),
            ("CAL", None),
            ("WAIT", None),
            ("", None),
            ("ol", None),
            ("OLD OBSERVED", None),
        ] {
            assert_eq!(power(status), power_is, "{status:?}");
        }
    }

    #[test]
    fn charges_are_whole_percent_rounded_down() {
        for (text, expect) in [
            ("0", Some(0)),
            ("87", Some(87)),
            ("87.5", Some(87)),
            ("99.999", Some(99)),
            ("100", Some(100)),
            ("100.0", Some(100)),
            (" 42 ", Some(42)),
            ("5.", Some(5)),
            ("100.5", None),
            ("101", None),
            ("65535", None),
            ("-1", None),
            (".5", None),
            ("8e1", None),
            ("1.2.3", None),
            ("", None),
            ("n/a", None),
            ("99999999999999999999", None),
            ("٣", None),
        ] {
            assert_eq!(percent(text), expect, "{text:?}");
        }
    }

    #[test]
    fn voltages_are_whole_millivolts_rounded_down() {
        for (text, expect) in [
            ("13.40", Some(13_400)),
            ("13.4", Some(13_400)),
            ("3.7219", Some(3_721)),
            ("27", Some(27_000)),
            ("0.0", Some(0)),
            ("10000.001", None),
            ("9223372036854775807", None),
            ("12,5", None),
            ("", None),
        ] {
            assert_eq!(millivolts(text), expect, "{text:?}");
        }
    }
}
