//! The cost of a fleet in a month: quantities by the way in which the cloud side works, and prices of a dated file. It
//! is a pure function.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::template::{Facts, Template};

/// The prices, with their date and the pages that they are from.
const PRICES: &str = include_str!("prices.toml");

/// The minutes of a month: 365 days divided by 12.
const MINUTES: f64 = 43_800.0;

/// The reports in a month of a device without changes: one every six hours.
const QUIET_REPORTS: f64 = MINUTES / 360.0;

/// The sweeps in a month: one every five minutes.
const SWEEPS: f64 = MINUTES / 5.0;

/// The polls of both queues in a month. Each has five pollers that wait up to 20 seconds ("Using Lambda with Amazon
/// SQS").
const POLLS: f64 = 2.0 * 5.0 * MINUTES * 3.0;

/// The units of the table for a report: one consistent read of up to 4 KB, and one write of up to 2 KB.
const REPORT_READS: f64 = 1.0;
const REPORT_WRITES: f64 = 2.0;

/// The units of the table for a notification, as `infra/cloud/tests/aws/cost.rs` counts it: one read, and two commits
/// of about 5 and 3 KB. Each of them is a transaction, which counts twice.
const NOTIFICATION_READS: f64 = 1.0;
const NOTIFICATION_WRITES: f64 = 2.0 * (5.0 + 3.0);

/// The duration of an invocation at 256 MB, in seconds.
const INVOCATION: f64 = 0.05;
const GB: f64 = 0.25;

/// A fleet, and how often it loses its mains.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fleet {
    /// The number of devices.
    pub devices: u32,
    /// The number of outages of each device in a month.
    pub outages_per_month: f64,
    /// The number of mails for each outage: four for two people who get one at its begin and one at its end.
    pub mails_per_outage: u32,
}

/// The cost of a month.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Cost {
    /// The date of the prices.
    pub dated: String,
    /// The region of the prices.
    pub region: String,
    /// The region of the stack, if it is another one.
    pub deployed_in: Option<String>,
    /// The lines, by service and kind.
    pub lines: Vec<Line>,
    /// The sum, in US dollars.
    pub usd: f64,
    /// The part that does not depend on the number of devices.
    pub usd_without_devices: f64,
    /// The part that depends on the number of devices, for one device.
    pub usd_for_a_device: f64,
}

/// One kind of cost.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Line {
    /// The service.
    pub service: &'static str,
    /// The formula of the quantity, in words and numbers.
    pub formula: String,
    /// The quantity.
    pub quantity: f64,
    /// The price of one, in US dollars.
    pub usd_each: f64,
    /// The price of the quantity, in US dollars.
    pub usd: f64,
    /// The page that the price is from.
    pub page: String,
}

#[derive(Deserialize)]
struct Prices {
    dated: String,
    region: String,
    price: BTreeMap<String, Price>,
}

#[derive(Deserialize)]
struct Price {
    usd: f64,
    page: String,
}

/// The reasons why a cost cannot be computed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CostError {
    /// The number of devices is out of range.
    #[error("a fleet has from 1 to 10,000,000 devices, not {0}")]
    Devices(u32),
    /// The number of outages is out of range.
    #[error("a device has from 0 to 10,000 outages in a month, not {0}")]
    Outages(String),
    /// The built-in file of prices is broken.
    #[error("the file of prices cannot be read: {0}")]
    Prices(String),
}

/// Returns the cost of a fleet in a month, with the stack of `facts`.
///
/// # Errors
/// A number is out of range.
pub fn cost(facts: &Facts, fleet: Fleet) -> Result<Cost, CostError> {
    let Fleet { devices, outages_per_month: outages, mails_per_outage } = fleet;
    if !(1..=10_000_000).contains(&devices) {
        return Err(CostError::Devices(devices));
    }
    if !(0.0..=10_000.0).contains(&outages) {
        return Err(CostError::Outages(outages.to_string()));
    }
    let prices: Prices = toml::from_str(PRICES).map_err(|error| CostError::Prices(error.to_string()))?;
    let n = f64::from(devices);
    // The mains go off and on again. Each change has a report, and a notification after a timer of its own.
    let reports = QUIET_REPORTS + 2.0 * outages;
    let notifications = 2.0 * outages;
    let records = reports + notifications;
    let mails = f64::from(mails_per_outage) * outages;
    let template = Template::of(facts);
    let count = |kind: &str| {
        let count = template.resources().filter(|(_, one)| one.get("Type").is_some_and(|it| it == kind)).count();
        f64::from(u32::try_from(count).unwrap_or(u32::MAX))
    };
    let secrets = count("AWS::SecretsManager::Secret");
    // The price of an alarm is for each metric that it reads.
    let alarms: u32 = template.resources().map(|(_, one)| metrics(one)).sum();
    let mut lines = Vec::new();
    let mut line = |service, key: &str, quantity: f64, formula: String| -> Result<(), CostError> {
        let price = prices.price.get(key).ok_or_else(|| CostError::Prices(format!("no price `{key}`")))?;
        let (usd_each, page) = (price.usd, price.page.clone());
        lines.push(Line { service, formula, quantity, usd_each, usd: quantity * usd_each, page });
        Ok(())
    };
    let per = |what: &str| format!("{} × {what}", dag_cli::count(devices, "device"));
    line("IoT Core", "iot_minute", n * MINUTES, per("43,800 minutes connected"))?;
    let what = format!("({QUIET_REPORTS:.0} quiet reports + 2 × {})", dag_cli::count(outages, "outage"));
    line("IoT Core", "iot_message", n * reports, per(&what))?;
    line("IoT Core", "iot_rule", n * reports, per("a rule for each report"))?;
    let what = format!("3 requests × {records:.0} records (reports, timers)");
    line("SQS", "sqs_request", n * 3.0 * records, per(&what))?;
    line("Lambda", "lambda_request", n * records, per(&format!("{records:.0} records")))?;
    line(
        "Lambda",
        "lambda_gb_second",
        n * records * INVOCATION * GB,
        per(&format!("{records:.0} records × 0.05 s × 0.25 GB")),
    )?;
    let what = format!("({reports:.0} reports × 2 + {} × 16)", dag_cli::count(notifications, "notification"));
    line("DynamoDB", "table_write", n * (reports * REPORT_WRITES + notifications * NOTIFICATION_WRITES), per(&what))?;
    let what = format!("({reports:.0} reports × 1 + {} × 1)", dag_cli::count(notifications, "notification"));
    line("DynamoDB", "table_read", n * (reports * REPORT_READS + notifications * NOTIFICATION_READS), per(&what))?;
    line(
        "SES",
        "mail",
        n * mails,
        per(&format!("{} × {}", dag_cli::count(outages, "outage"), dag_cli::count(mails_per_outage, "mail"))),
    )?;
    let of_devices: f64 = lines.iter().map(|line| line.usd).sum();
    let mut line = |service, key: &str, quantity: f64, formula: &str| -> Result<(), CostError> {
        let price = prices.price.get(key).ok_or_else(|| CostError::Prices(format!("no price `{key}`")))?;
        let (usd_each, page, formula) = (price.usd, price.page.clone(), formula.to_owned());
        lines.push(Line { service, formula, quantity, usd_each, usd: quantity * usd_each, page });
        Ok(())
    };
    line("SQS", "sqs_request", POLLS, "2 queues × 5 pollers × 43,800 minutes × 3, whatever the fleet does")?;
    line("Scheduler", "schedule", SWEEPS, "43,800 minutes / 5, whatever the fleet does")?;
    line("Lambda", "lambda_request", SWEEPS, "one for each sweep")?;
    line("DynamoDB", "table_read", SWEEPS * 16.0, "16 shards for each sweep")?;
    line("CloudWatch", "alarm", f64::from(alarms), "metrics that the template's alarms read")?;
    line("Secrets Manager", "secret", secrets, "secrets of the template")?;
    let usd: f64 = lines.iter().map(|line| line.usd).sum();
    let (usd_without_devices, usd_for_a_device) = (usd - of_devices, of_devices / n);
    let deployed_in = Some(facts.region.clone()).filter(|region| *region != prices.region);
    let Prices { dated, region, .. } = prices;
    Ok(Cost { dated, region, deployed_in, lines, usd, usd_without_devices, usd_for_a_device })
}

/// Returns the number of metrics that an alarm reads, or 0 for any other resource.
fn metrics(resource: &Value) -> u32 {
    if resource.get("Type").is_none_or(|kind| kind != "AWS::CloudWatch::Alarm") {
        return 0;
    }
    let several = resource.pointer("/Properties/Metrics").and_then(Value::as_array);
    let read = several.map(|metrics| metrics.iter().filter(|metric| metric.get("MetricStat").is_some()).count());
    read.map_or(1, |read| u32::try_from(read).unwrap_or(u32::MAX))
}

impl Cost {
    /// Returns the cost as a table for people.
    pub fn to_text(&self) -> String {
        let Cost { dated, region, usd, usd_without_devices, usd_for_a_device, .. } = self;
        let mut text =
            format!("A month in US dollars, by the list prices of {region} of {dated}, without free tiers\n\n");
        for Line { service, formula, quantity, usd_each, usd, .. } in &self.lines {
            let each = format!("{:.4} a million", usd_each * 1e6);
            let each = if *usd_each < 0.01 { each } else { format!("{usd_each:.2} each") };
            text += &format!("{usd:>12.4}  {service:<16} {quantity:>16.0} × {each:<18} {formula}\n");
        }
        text += &format!(
            "{usd:>12.4}  in all: {usd_without_devices:.4} with no device, and {usd_for_a_device:.4} for each\n\n"
        );
        text +=
            "Left out, for it is little: connections that come and go, storage of the table and of packages, logs.\n";
        if let Some(other) = &self.deployed_in {
            text += &format!("The stack is in {other}, where prices may differ.\n");
        }
        text
    }
}
