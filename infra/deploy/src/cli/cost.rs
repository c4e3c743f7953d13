//! `dag-infra cost`: the cost of a fleet in a month.

use anyhow::Result;
use clap::Args;

use super::common::{Common, facts};
use crate::cost::{Fleet, cost};

#[derive(Debug, Args)]
pub(super) struct Cost {
    /// The number of devices
    #[arg(long, value_name = "N")]
    devices: u32,
    /// The number of outages of each device in a month
    #[arg(long, value_name = "M", default_value_t = 2.0)]
    outages_per_month: f64,
    /// The number of mails for each outage: four for two people who get one at its begin and one at its end
    #[arg(long, value_name = "N", default_value_t = 4)]
    mails_per_outage: u32,
}

impl Cost {
    /// Prints a table, or JSON with the page of each price.
    pub fn run(&self, common: &Common) -> Result<()> {
        let (_, _, facts) = facts(common)?;
        let Cost { devices, outages_per_month, mails_per_outage } = *self;
        let cost = cost(&facts, Fleet { devices, outages_per_month, mails_per_outage })?;
        common.print(cost.to_text().trim_end(), &serde_json::to_value(&cost)?)?;
        Ok(())
    }
}
