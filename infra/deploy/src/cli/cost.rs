//! `dag-infra cost`: what a fleet costs in a month.

use anyhow::Result;
use clap::Args;

use super::common::{Common, facts};
use crate::cost::{Fleet, cost};

#[derive(Debug, Args)]
pub(super) struct Cost {
    /// How many devices there are
    #[arg(long, value_name = "N")]
    devices: u32,
    /// How often each of them loses its mains in a month
    #[arg(long, value_name = "M", default_value_t = 2.0)]
    outages_per_month: f64,
    /// How many mails go out for an outage: two people, told of its beginning and its end, are four
    #[arg(long, value_name = "N", default_value_t = 4)]
    mails_per_outage: u32,
}

impl Cost {
    /// A table, or JSON with the page of each price.
    pub fn run(&self, common: &Common) -> Result<()> {
        let (_, _, facts) = facts(common)?;
        let Cost { devices, outages_per_month, mails_per_outage } = *self;
        let cost = cost(&facts, Fleet { devices, outages_per_month, mails_per_outage })?;
        common.print(cost.to_text().trim_end(), &serde_json::to_value(&cost)?)?;
        Ok(())
    }
}
