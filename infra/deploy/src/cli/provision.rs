//! `dag-infra provision`: a device, from nothing to what goes onto its card.

use std::{fmt::Write as _, path::PathBuf};

use clap::Args;
use serde_json::json;

use super::{Common, Done, Failure, ask};
use crate::provision::{Balena, Order, Provisioner, Report, check_id};

#[derive(Debug, Args)]
pub(super) struct Provision {
    /// The device's id: letters, digits, `-` and `_`
    #[arg(value_name = "DEVICE")]
    device: String,
    /// The name that people read, over that of config.toml
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// The user name of the account that the device belongs to
    #[arg(long, value_name = "USERNAME")]
    account: Option<String>,
    /// The folder for what goes onto the card; else provisioned/DEVICE beside config.toml
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// A certificate signing request that the device made, so that its key never leaves it
    #[arg(long, value_name = "FILE", conflicts_with = "adopt")]
    csr: Option<PathBuf>,
    /// The key that signs rules, if there is one; else rules-signing.key beside config.toml
    #[arg(long, value_name = "FILE")]
    signing_key: Option<PathBuf>,
    /// Also write the bundle as user-data for cloud-init
    #[arg(long, value_name = "FILE")]
    cloud_init: Option<PathBuf>,
    /// Also register the device with a fleet of balena and set its variables there
    #[arg(long, value_name = "FLEET", conflicts_with = "csr")]
    balena: Option<String>,
    /// Also get balena's image ready to be written; it is downloaded if it is not there
    #[arg(long, value_name = "FILE", requires = "balena")]
    image: Option<PathBuf>,
    /// What balena calls the board
    #[arg(long, value_name = "TYPE", requires = "balena", default_value = "raspberry-pi")]
    board: String,
    /// Give the device another certificate; the first one stays good until `--rotate --finish`
    #[arg(long)]
    rotate: bool,
    /// End the certificates that a rotation left, once the device runs with the new one
    #[arg(long, requires = "rotate")]
    finish: bool,
    /// Revoke everything of a device that was stolen; its history stays
    #[arg(long, conflicts_with_all = ["rotate", "adopt", "csr", "balena", "cloud_init", "name", "account"])]
    revoke: bool,
    /// Revoke without a question
    #[arg(long, requires = "revoke")]
    yes: bool,
    /// Take over a device of an older fleet, with the certificate that it has
    #[arg(long, conflicts_with = "rotate")]
    adopt: bool,
}

impl Provision {
    pub fn run(self, common: &Common) -> Done {
        check_id(&self.device)?;
        common.with_cloud(async |config, cloud| {
            let order = Order {
                out: self.out.unwrap_or_else(|| config.root.join("provisioned").join(&self.device)),
                signing_key: self.signing_key.unwrap_or_else(|| config.root.join("rules-signing.key")),
                device: self.device,
                name: self.name,
                account: self.account,
                csr: self.csr,
                cloud_init: self.cloud_init,
                balena: self.balena.map(|fleet| Balena { fleet, image: self.image, board: self.board }),
            };
            if self.revoke && !self.yes {
                sure(&order.device)?;
            }
            let provisioner = Provisioner::new(&cloud, &config, &common.config).await?;
            let device = &order.device;
            if self.revoke {
                let revoked = provisioner.revoke(&order).await?;
                let text = match revoked {
                    0 => format!("`{device}` had no certificate any more"),
                    _ => format!(
                        "revoked and detached {} of `{device}`: within minutes it is no longer believed. Its history stays",
                        certificates(revoked)
                    ),
                };
                common.print(text, &json!({ "device": device, "revoked": revoked }));
            } else if self.finish {
                let ended = provisioner.finish(&order).await?;
                let text = match ended {
                    0 => format!("`{device}` has its one certificate: there is no rotation to finish"),
                    _ => format!("ended and detached {} of `{device}`", certificates(ended)),
                };
                common.print(text, &json!({ "device": device, "ended": ended }));
            } else {
                let report = match (self.rotate, self.adopt) {
                    (true, _) => provisioner.rotate(&order).await?,
                    (_, true) => provisioner.adopt(&order).await?,
                    _ => provisioner.provision(&order).await?,
                };
                common.print(told(&report).trim_end(), &serde_json::to_value(&report)?);
            }
            Ok(())
        })
    }
}

/// Whoever revokes a device has to go to it to bring it back.
fn sure(device: &str) -> Result<(), Failure> {
    let question = format!("This locks the device `{device}` out until it is given new files. Type its id to go on:");
    if ask::line(&question, "say `--yes`")? != device {
        return Err(Failure::new("nothing was revoked: that is not its id"));
    }
    Ok(())
}

fn certificates(count: usize) -> String {
    match count {
        1 => "1 certificate".to_owned(),
        _ => format!("{count} certificates"),
    }
}

fn told(report: &Report) -> String {
    let Report { device, folder, .. } = report;
    let mut text = String::new();
    let _ = match report.done.as_slice() {
        [] => writeln!(text, "`{device}` is as it was: there was nothing to do"),
        _ => writeln!(text, "`{device}` is ready:"),
    };
    for done in &report.done {
        let _ = writeln!(text, "  {done}");
    }
    let _ = writeln!(text, "Its bundle is `{}`: copy all of it to /var/lib/dag on the device.", folder.display());
    if !report.key {
        let _ = writeln!(text, "The device's own key belongs there as `uplink/device.key`, with mode 0600.");
    }
    if report.others > 0 {
        let _ = writeln!(
            text,
            "{} good besides. Once the device runs with the new files: `dag-infra provision {device} --rotate --finish`.",
            match report.others {
                1 => "1 older certificate stays".to_owned(),
                others => format!("{others} older certificates stay"),
            }
        );
    }
    text
}
