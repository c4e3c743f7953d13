//! The cost of a fleet.

use dag_infra::cost::{Cost, CostError, Fleet, cost};
use insta::assert_snapshot;

use crate::facts;

fn of(devices: u32, outages_per_month: f64) -> Result<Cost, CostError> {
    cost(&facts(&[]), Fleet { devices, outages_per_month, mails_per_outage: 4 })
}

#[test]
fn each_line_is_shown_with_its_formula() {
    assert_snapshot!(of(1_000, 2.0).unwrap().to_text(), @"
    A month in US dollars, by the list prices of eu-west-1 of 2026-11, without free tiers

          3.5040  IoT Core                 43800000 × 0.0800 a million   1000 devices × 43,800 minutes connected
          0.1257  IoT Core                   125667 × 1.0000 a million   1000 devices × (122 quiet reports + 2 × 2 outages)
          0.0377  IoT Core                   125667 × 0.3000 a million   1000 devices × a rule for each report
          0.1556  SQS                        389000 × 0.4000 a million   1000 devices × 3 requests × 130 records (reports, timers)
          0.0259  Lambda                     129667 × 0.2000 a million   1000 devices × 130 records
          0.0216  Lambda                       1621 × 13.3334 a million  1000 devices × 130 records × 0.05 s × 0.25 GB
          0.2223  DynamoDB                   315333 × 0.7050 a million   1000 devices × (126 reports × 2 + 4 notifications × 16)
          0.0183  DynamoDB                   129667 × 0.1415 a million   1000 devices × (126 reports × 1 + 4 notifications × 1)
          0.8000  SES                          8000 × 100.0000 a million 1000 devices × 2 outages × 4 mails
          0.5256  SQS                       1314000 × 0.4000 a million   2 queues × 5 pollers × 43,800 minutes × 3, whatever the fleet does
          0.0088  Scheduler                    8760 × 1.0000 a million   43,800 minutes / 5, whatever the fleet does
          0.0018  Lambda                       8760 × 0.2000 a million   one for each sweep
          0.0198  DynamoDB                   140160 × 0.1415 a million   16 shards for each sweep
          1.1000  CloudWatch                     11 × 0.10 each          metrics that the template's alarms read
          0.4000  Secrets Manager                 1 × 0.40 each          secrets of the template
          6.9671  in all: 2.0559 with no device, and 0.0049 for each

    Left out, for it is little: connections that come and go, storage of the table and of packages, logs.
    ");
}

#[test]
fn one_of_a_thing_is_singular() {
    let text = of(1, 1.0).unwrap().to_text();
    assert!(text.contains(" 1 device × (122 quiet reports + 2 × 1 outage)\n"), "{text}");
    assert!(text.contains(" 1 device × 1 outage × 4 mails\n"), "{text}");
}

/// The figures of the README.
#[test]
fn ten_devices_cost_little_more_than_none() {
    let text = of(10, 2.0).unwrap().to_text();
    assert!(text.contains("2.1051  in all: 2.0559 with no device, and 0.0049 for each\n"), "{text}");
}

#[test]
fn a_device_costs_about_half_a_cent_a_month() {
    let cost = of(1_000_000, 2.0).unwrap();
    let of_service = |service: &str| {
        let lines = cost.lines.iter().filter(|line| line.service == service && line.formula.contains(" devices × "));
        lines.map(|line| line.usd / 1e6).sum::<f64>()
    };
    assert!((of_service("SES") - 0.0008).abs() < 1e-9);
    let minutes = cost.lines.first().unwrap().usd / 1e6;
    assert!((minutes - 0.0035).abs() < 0.0001, "{minutes}");
    assert!((0.0045..0.0060).contains(&cost.usd_for_a_device), "{}", cost.usd_for_a_device);
    let sum: f64 = cost.lines.iter().map(|line| line.quantity * line.usd_each).sum();
    assert!((sum - cost.usd).abs() < 1e-6);
}

#[test]
fn impossible_numbers_are_refused() {
    assert_snapshot!(of(0, 2.0).unwrap_err(), @"a fleet has from 1 to 10,000,000 devices, not 0");
    assert_snapshot!(of(1, -1.0).unwrap_err(), @"a device has from 0 to 10,000 outages in a month, not -1");
    assert_snapshot!(of(1, f64::NAN).unwrap_err(), @"a device has from 0 to 10,000 outages in a month, not NaN");
}
