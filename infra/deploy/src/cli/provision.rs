//! `dag-infra provision`: a device's certificate, its files, and their rotation and revocation.

use std::{collections::BTreeSet, fmt::Write as _, path::PathBuf};

use anyhow::{Result, bail};
use clap::{ArgGroup, Args};
use dag_cli::count;
use serde_json::json;

use super::{
    common::{Common, Format, now, with_cloud},
    prompt,
};
use crate::{
    provision::{Balena, Ending, Order, Provisioner, Report, check_id},
    words::quoted,
};

/// The flags that make no sense where certificates are only ended.
const OF_FILES: [&str; 9] =
    ["name", "account", "csr", "signing_key", "cloud_init", "balena", "image", "connection", "adopt"];

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("ending").args(["finish", "revoke"])))]
pub(super) struct Provision {
    /// The device's id: letters, digits, `-` and `_`
    #[arg(value_name = "DEVICE")]
    device: String,
    /// The name that people read, instead of the one in config.toml
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// The user name of the account that the device belongs to
    #[arg(long, value_name = "USERNAME")]
    account: Option<String>,
    /// The folder for the files of the card; provisioned/DEVICE beside config.toml unless given
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// A certificate signing request that the device made, whose key stays on the device
    #[arg(long, value_name = "FILE", conflicts_with = "adopt")]
    csr: Option<PathBuf>,
    /// The key that signs rules, if there is one; rules-signing.key beside config.toml unless given
    #[arg(long, value_name = "FILE")]
    signing_key: Option<PathBuf>,
    /// Also write the bundle as a file for cloud-init, `user-data` or the `vendor-data` beside one; it does not install
    /// the program and its unit
    #[arg(long, value_name = "FILE")]
    cloud_init: Option<PathBuf>,
    /// Also register the device with a fleet of balena and set its variables there
    #[arg(long, value_name = "FLEET", conflicts_with = "csr")]
    balena: Option<String>,
    /// Also configure balena's image for the card; it is downloaded if it is missing
    #[arg(long, value_name = "FILE", requires = "balena")]
    image: Option<PathBuf>,
    /// A connection of NetworkManager for balena's image, such as Wi-Fi; without it the device uses a cable
    #[arg(long, value_name = "FILE", requires = "image")]
    connection: Option<PathBuf>,
    /// The type of the board, as balena names it
    #[arg(long, value_name = "TYPE", requires = "balena", default_value = "raspberry-pi")]
    board: String,
    /// Give the device another certificate; the first one stays active until `--rotate --finish`
    #[arg(long)]
    rotate: bool,
    /// End the certificates before the rotation, once the device runs with the new one. AWS does not tell which one the
    /// device uses: put the new files onto it, and see in `dag-infra list` that it reported since
    #[arg(long, requires = "rotate", conflicts_with_all = OF_FILES)]
    finish: bool,
    /// Revoke all certificates of a stolen device; its history stays
    #[arg(long, conflicts_with = "rotate", conflicts_with_all = OF_FILES)]
    revoke: bool,
    /// Revoke, or finish a rotation, without a question
    #[arg(long, requires = "ending")]
    yes: bool,
    /// Adopt a device of an older fleet, with the certificate that it has
    #[arg(long, conflicts_with = "rotate")]
    adopt: bool,
}

impl Provision {
    pub fn run(self, common: &Common) -> Result<()> {
        check_id(&self.device)?;
        with_cloud(common, async |config, cloud| {
            let order = Order {
                out: self.out.unwrap_or_else(|| config.root.join("provisioned").join(&self.device)),
                signing_key: self.signing_key.unwrap_or_else(|| config.root.join("rules-signing.key")),
                device: self.device,
                name: self.name,
                account: self.account,
                csr: self.csr,
                cloud_init: self.cloud_init,
                balena: self.balena.map(|fleet| Balena {
                    fleet,
                    image: self.image,
                    connection: self.connection,
                    board: self.board,
                }),
            };
            let provisioner = Provisioner::new(&cloud, &config, &common.config).await?;
            let device = &order.device;
            if self.revoke {
                let companions = provisioner.companions(&order).await?;
                if !self.yes {
                    confirm_revocation(device, &companions)?;
                }
                let revoked = provisioner.revoke(&order).await?;
                common.print(
                    revocation_text(device, revoked, &companions),
                    &json!({
                        "device": device,
                        "revoked": revoked,
                        "also_locked_out": companions,
                    }),
                )?;
            } else if self.finish {
                let ending = provisioner.ending(&order).await?;
                if !self.yes {
                    confirm_end(device, &ending)?;
                }
                let ended = provisioner.finish(&order).await?;
                let text = match ended {
                    0 => format!("`{device}` has its one certificate: there is no rotation to finish"),
                    _ => format!("Ended and detached {} of `{device}`", count(ended, "certificate")),
                };
                common.print(text, &json!({ "device": device, "ended": ended }))?;
            } else {
                let report = match (self.rotate, self.adopt) {
                    (true, _) => provisioner.rotate(&order, now()).await?,
                    (_, true) => provisioner.adopt(&order, now()).await?,
                    _ => provisioner.provision(&order, now()).await?,
                };
                if common.format == Format::Text {
                    report.warnings.iter().for_each(|warning| eprintln!("warning: {warning}"));
                }
                let text = report_text(&report, order.balena.is_some());
                common.print(text.trim_end(), &serde_json::to_value(&report)?)?;
            }
            Ok(())
        })
    }
}

/// Asks for the device's id before it is revoked. It needs new files to come back, and so do those that share a
/// certificate with it.
fn confirm_revocation(device: &str, companions: &BTreeSet<String>) -> Result<()> {
    let also = match companions.is_empty() {
        true => String::new(),
        false => format!(" (and {}, by the same certificate)", quoted(companions)),
    };
    let question =
        format!("This locks the device `{device}`{also} out until it is given new files. Type its id to go on:");
    let instead = match companions.is_empty() {
        true => "say `--yes`".to_owned(),
        false => format!("say `--yes`, which locks out {}, too, by the same certificate", quoted(companions)),
    };
    if prompt::read_line(&question, &instead)? != device {
        bail!("nothing was revoked: that is not its id");
    }
    Ok(())
}

fn revocation_text(device: &str, revoked: usize, companions: &BTreeSet<String>) -> String {
    let mut text = match revoked {
        0 => format!("`{device}` had no certificate any more"),
        _ => format!(
            "Revoked and detached {} of `{device}`: within minutes it is no longer believed. Its history stays",
            count(revoked, "certificate")
        ),
    };
    for companion in companions {
        let _ = write!(
            text,
            "\n`{companion}` had the same certificate, and is locked out, too: `dag-infra provision {companion} \
             --rotate` makes new files for it"
        );
    }
    text
}

/// Asks before certificates are ended that the device may still use.
fn confirm_end(device: &str, ending: &Ending) -> Result<()> {
    if ending.certificates == 0 || ending.reported {
        return Ok(());
    }
    let doubt = format!("`{device}` did not report since its new files were made, and without them this locks it out");
    let question = format!("{doubt}. End {} all the same?", count(ending.certificates, "certificate"));
    match prompt::confirm(&question, &format!("{doubt}: look at `dag-infra list`, or say `--yes`"))? {
        true => Ok(()),
        false => bail!("nothing was ended"),
    }
}

fn report_text(report: &Report, at_balena: bool) -> String {
    let Report { device, folder, .. } = report;
    let mut text = String::new();
    let _ = match report.done.as_slice() {
        [] => writeln!(text, "`{device}` is as it was: there was nothing to do"),
        _ => writeln!(text, "`{device}` is ready:"),
    };
    for done in &report.done {
        let _ = writeln!(text, "  {done}");
    }
    let folder = folder.display();
    let _ = match at_balena {
        true => writeln!(
            text,
            "Its bundle is `{folder}`. Its container writes the same of its variables (balena-start.sh)."
        ),
        false => writeln!(
            text,
            "Its bundle is `{folder}`: copy all of it to /var/lib/dag on the device, and give it to the daemon \
             there:\n  sudo chown -R dag:dag /var/lib/dag"
        ),
    };
    if report.certificate.is_none() && !at_balena {
        let _ = writeln!(
            text,
            "The certificate and the key that the device has belong there as `uplink/device.pem` and \
             `uplink/device.key`, the key with mode 0600."
        );
    } else if report.certificate.is_some() && !report.key {
        let _ = writeln!(text, "The device's own key belongs there as `uplink/device.key`, with mode 0600.");
    }
    if report.others > 0 {
        let _ = writeln!(
            text,
            "{} good besides. Once the device runs with the new files, and `dag-infra list` shows a report from after \
             that: `dag-infra provision {device} --rotate --finish`.",
            match report.others {
                1 => "1 older certificate stays".to_owned(),
                others => format!("{others} older certificates stay"),
            }
        );
    }
    text
}
