//! Commands of the cloud. None of them is trusted to make sense, and rules must be signed by the owner.

use dag_engine::{Id, Input};
use dag_uplink::{Command, RefusedRules, SignedRules};

use crate::{
    daemon::{cloud_uplink::TriedRules, files_state::FilesState, holds::check_name, state::Daemon},
    uplink::bundle,
};

impl Daemon {
    /// Obeys a command, or logs why it does not.
    pub(super) fn obey(&mut self, bytes: &[u8]) {
        let command = match Command::parse(bytes) {
            Ok(command) => command,
            Err(error) => return tracing::warn!(%error, "a command of the cloud is not understood"),
        };
        match command {
            Command::Report => {
                if let Some(uplink) = &mut self.uplink {
                    uplink.is_requested = true;
                }
            }
            Command::Acknowledge { incident, by } => match check_name(&by) {
                Ok(()) if self.is_acknowledged_by(incident, &by) => {
                    tracing::debug!(%incident, %by, "acknowledged already")
                }
                Ok(()) => drop(self.engine.apply(Input::Acknowledge { incident, by }, self.clock.now())),
                Err(_) => tracing::warn!(%incident, "the cloud acknowledges by a name that cannot be used"),
            },
            Command::Rules(rules) => self.try_rules(rules),
        }
    }

    /// Returns whether an incident is acknowledged by this very name. The broker and the cloud may repeat a command,
    /// and the household must not get a message for each.
    fn is_acknowledged_by(&self, incident: Id, by: &str) -> bool {
        let mut open =
            self.engine.state().open_incidents().filter(|open| open.id == incident && open.is_acknowledged());
        open.any(|open| open.acknowledged.as_ref().is_some_and(|acknowledged| acknowledged.by == by))
    }

    /// Starts to try rules, unless they are refused at once or others are being tried.
    fn try_rules(&mut self, rules: SignedRules) {
        let last = self.engine.store().rules_signed_at().map_err(|error| error.to_string());
        let key = self.start.config.uplink.as_ref().and_then(|uplink| uplink.rules_key.as_deref());
        let now = self.clock.uncertainty().is_none().then(|| self.clock.now());
        let admitted = last.and_then(|last| bundle::admit(&rules, key, last, now));
        let Some(uplink) = &mut self.uplink else { return };
        if let Err(reason) = admitted {
            tracing::error!(%reason, "rules from the cloud are refused");
            uplink.refused_rules = Some(RefusedRules::new(rules.hash(), reason));
            uplink.is_requested = true;
            return;
        }
        if uplink.install_job.is_some() {
            uplink.next_rules = Some(bundle::newer(uplink.next_rules.take(), rules));
            return;
        }
        if rules.hash() == self.engine.rules_id() && self.files == FilesState::InForce {
            // They are in force already, and in the files.
            return self.rules_tried(Some((rules, Ok(()))));
        }
        let config = self.start.config.clone();
        uplink.install_job = Some(tokio::task::spawn_blocking(move || {
            let installed = bundle::install(&rules, &config);
            (rules, installed)
        }));
    }

    /// Puts rules in force whose files are in place, or reports that they were refused.
    pub(super) fn rules_tried(&mut self, tried: Option<TriedRules>) {
        let Some(uplink) = &mut self.uplink else { return };
        uplink.install_job = None;
        uplink.is_requested = true;
        let next = uplink.next_rules.take();
        match tried {
            Some((rules, Ok(()))) => {
                let (hash, signed_at) = (rules.hash(), rules.signed_at);
                tracing::info!(rules = %hash, %signed_at, "rules from the cloud are in place");
                uplink.refused_rules = None;
                if let Err(error) = self.engine.store().keep_rules_signed_at(rules.signed_at) {
                    tracing::error!(%error, "the time at which the rules were signed cannot be noted");
                }
                self.reload();
            }
            Some((rules, Err(reason))) => {
                tracing::error!("rules from the cloud are refused, those before stay in force:\n{reason}");
                uplink.refused_rules = Some(RefusedRules::new(rules.hash(), reason));
            }
            // The cloud sends the rules again.
            None => tracing::error!("the attempt to use rules from the cloud was cut short"),
        }
        if let Some(next) = next {
            self.try_rules(next);
        }
    }
}
