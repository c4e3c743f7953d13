//! What the cloud asks of the device. Nothing in it is trusted to make sense, and rules must be signed.

use dag_engine::{Id, Input};
use dag_uplink::{Command, RefusedRules, SignedRules};

use super::{Daemon, TriedRules};
use crate::{daemon::holds::named, uplink::bundle};

impl Daemon {
    /// Does what the cloud asks.
    pub(super) fn obey(&mut self, bytes: &[u8]) {
        let command = match Command::parse(bytes) {
            Ok(command) => command,
            Err(error) => return tracing::warn!(%error, "a command of the cloud is not understood"),
        };
        match command {
            Command::Report => {
                if let Some(uplink) = &mut self.uplink {
                    uplink.wanted = true;
                }
            }
            Command::Acknowledge { incident, by } => match named(&by) {
                Ok(()) if self.is_acknowledged_by(incident, &by) => {
                    tracing::debug!(%incident, %by, "acknowledged already")
                }
                Ok(()) => drop(self.desk.take(Input::Acknowledge { incident, by }, self.clock.now())),
                Err(_) => tracing::warn!(%incident, "the cloud acknowledges by a name that is none"),
            },
            Command::Rules(rules) => self.try_rules(rules),
        }
    }

    /// Whether an incident is acknowledged by just this one. The broker and the cloud may say a thing twice, and the others
    /// are not to be told twice.
    fn is_acknowledged_by(&self, incident: Id, by: &str) -> bool {
        let mut open = self.desk.state().open_incidents().filter(|open| open.id == incident && open.is_acknowledged());
        open.any(|open| open.acknowledged.as_ref().is_some_and(|acknowledged| acknowledged.by == by))
    }

    fn try_rules(&mut self, rules: SignedRules) {
        let last = self.desk.store().rules_signed_at().map_err(|error| error.to_string());
        let key = self.start.config.uplink.as_ref().and_then(|uplink| uplink.rules_key.as_deref());
        let now = self.clock.uncertainty().is_none().then(|| self.clock.now());
        let admitted = last.and_then(|last| bundle::admit(&rules, key, last, now));
        let Some(uplink) = &mut self.uplink else { return };
        if let Err(reason) = admitted {
            tracing::error!(%reason, "rules from the cloud are not taken");
            uplink.refused = Some(RefusedRules::new(rules.hash(), reason));
            uplink.wanted = true;
            return;
        }
        if uplink.installing.is_some() {
            uplink.next_rules = Some(bundle::newer(uplink.next_rules.take(), rules));
            return;
        }
        if rules.hash() == self.desk.rules_id() && self.rejected.is_none() {
            // They run already, and are the files that lie there.
            return self.rules_installed(Some((rules, Ok(()))));
        }
        let config = self.start.config.clone();
        uplink.installing = Some(tokio::task::spawn_blocking(move || {
            let installed = bundle::install(&rules, &config);
            (rules, installed)
        }));
    }

    /// The files of rules from the cloud are in place, or were refused.
    pub(super) fn rules_installed(&mut self, installed: Option<TriedRules>) {
        let Some(uplink) = &mut self.uplink else { return };
        uplink.installing = None;
        uplink.wanted = true;
        let next = uplink.next_rules.take();
        match installed {
            Some((rules, Ok(()))) => {
                tracing::info!(rules = %rules.hash(), signed_at = %rules.signed_at, "rules from the cloud are in place");
                uplink.refused = None;
                if let Err(error) = self.desk.store().keep_rules_signed_at(rules.signed_at) {
                    tracing::error!(%error, "when the rules were signed cannot be noted");
                }
                self.reload();
            }
            Some((rules, Err(reason))) => {
                tracing::error!("rules from the cloud are not taken, those before stay in force:\n{reason}");
                uplink.refused = Some(RefusedRules::new(rules.hash(), reason));
            }
            // They are sent again.
            None => tracing::error!("trying out rules from the cloud was cut short"),
        }
        if let Some(next) = next {
            self.try_rules(next);
        }
    }
}
