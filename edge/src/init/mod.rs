//! A new monitor: `config.toml` and `rules/` as they are shipped, with the owner's own values. Comments stay.
//!
//! The shipped files are part of the program. A value goes in by replacing its line, and the result is read back: a
//! folder that `dag check` would refuse is never made.

mod answers;
mod machine_zone;
mod toml_lines;

use std::path::{Path, PathBuf};

use dag_config::{Config, Source, Transport};
use dag_engine::Problems;
use dag_rulebook::{Refusal, Rulebook, RulesFolder};

pub(crate) use answers::{
    Answers, Mail, MailServer, Power, Smtp, device_id, email, line, mail_server, person_id, timezone, ups,
};
pub(crate) use machine_zone::machine_zone;
use toml_lines::{TomlLines, quoted};

use crate::new_files::{NewFiles, NewFilesError};

/// The shipped files, by their paths from the folder of `config.toml`.
const STARTER: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/starter_files.rs"));

/// Where links of the shipped files lead that leave the folder.
const REPOSITORY: &str = "https://github.com/detectordag/detectordag/blob/main/";

/// The reason why no folder was made. Nothing is left of it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InitError {
    /// The folder has a monitor already.
    #[error("`{}` is there already, so this folder is in use, and nothing is overwritten: name a new folder, like `dag init NAME`", .0.display())]
    InUse(PathBuf),
    /// The files cannot be made.
    #[error(transparent)]
    Unwritten(#[from] NewFilesError),
    /// The answers do not fit into the files.
    #[error("{0}")]
    Refused(String),
}

/// Checks that `folder` has no monitor yet.
///
/// # Errors
/// [`InitError::InUse`]
pub(crate) fn check_unused(folder: &Path) -> Result<(), InitError> {
    let places = ["config.toml", "rules", "var/dag.redb"].map(|name| folder.join(name));
    match places.into_iter().find(|place| place.symlink_metadata().is_ok()) {
        Some(place) => Err(InitError::InUse(place)),
        None => Ok(()),
    }
}

/// Makes a monitor in `folder`, which is made too if there is none. Returns the paths of its files.
///
/// # Errors
/// The cases of [`InitError`].
pub(crate) fn init(folder: &Path, answers: &Answers) -> Result<Vec<String>, InitError> {
    check_unused(folder)?;
    let new = NewFiles::new(folder)?;
    let config = personal_config(answers).map_err(InitError::Refused)?;
    let config_path = folder.join("config.toml");
    let loaded = Config::parse(&config, &config_path, [], &[]);
    let loaded = loaded.map_err(|problems| InitError::Refused(problems.to_string()))?;
    check_config(&loaded, answers)?;
    new.write("config.toml", config.as_bytes())?;
    let mut files = vec!["config.toml".to_owned()];
    for (name, text) in STARTER.iter().filter(|(name, _)| name.starts_with("rules/")) {
        let text = match *name {
            "rules/people.toml" => personal_people(text, answers).map_err(InitError::Refused)?,
            "rules/examples/to-the-second.toml" => text.replace("\"nor\"", &quoted(&answers.person)),
            _ => text.replace("](../", &format!("]({REPOSITORY}")),
        };
        new.write(name, text.as_bytes())?;
        files.push((*name).to_owned());
    }
    let proved = RulesFolder::read(&new.staged("rules")).map_err(|problems| Refusal::Mistakes(Problems(problems)));
    let proved = proved.and_then(|rules| Rulebook::prove_folder(rules.shown_as("rules"), &loaded));
    proved.map_err(|refusal| InitError::Refused(refusal.to_string()))?;
    new.place(&["rules", "config.toml"].map(|name| (name, folder.join(name))))?;
    Ok(files)
}

fn shipped(name: &str) -> Result<&'static str, String> {
    let found = STARTER.iter().find(|(path, _)| *path == name);
    found.map(|(_, text)| *text).ok_or_else(|| format!("this program was built without `{name}`"))
}

/// Returns the shipped `config.toml` with the owner's values.
fn personal_config(answers: &Answers) -> Result<String, String> {
    let mut config = TomlLines::of(shipped("config.toml")?);
    let name = quoted(&answers.name);
    config.set("site", "name", &name)?;
    config.set("site", "timezone", &quoted(&answers.timezone))?;
    let device = format!("device.{}", answers.device);
    config.rename("device.cottage", &device)?;
    config.set(&device, "name", &name)?;
    config.comment_out(&device, "labels")?;
    config.comment_out(&device, "account")?;
    match &answers.power {
        Power::Simulated => {}
        Power::Gpio { pin } => {
            let source = format!("{{ source = \"gpio\", pin = {pin}, on_when = \"high\", glitch = \"50ms\" }}");
            config.set(&device, "power", &source)?;
        }
        Power::Nut { ups, address } => {
            let source = format!("source = \"nut\", address = {}, ups = {}", quoted(address), quoted(ups));
            config.set(&device, "power", &format!("{{ {source} }}"))?;
            config.set(&device, "battery", &format!("{{ {source}, report_step = 5 }}"))?;
        }
    }
    if let Mail::Smtp(Smtp { server, port, security, username, from }) = &answers.mail {
        config.set("email", "transport", "\"smtp\"")?;
        config.set("email", "from", &quoted(&format!("detectordag <{from}>")))?;
        config.uncomment("email.smtp")?;
        config.set("email.smtp", "server", &quoted(server))?;
        config.set("email.smtp", "security", &quoted(security))?;
        if let Some(port) = port {
            config.set("email.smtp", "port", &port.to_string())?;
        }
        if let Some(username) = username {
            config.set("email.smtp", "username", &quoted(username))?;
            config.set("email.smtp", "password", "\"env:SMTP_PASSWORD\"")?;
        }
    }
    Ok(config.into_text())
}

/// Returns the shipped `people.toml` with the owner alone. The other recipient becomes a comment.
fn personal_people(text: &str, Answers { person, email, .. }: &Answers) -> Result<String, String> {
    let mut people = TomlLines::of(text);
    // First, as the owner may be called like this.
    people.comment_out("recipient.neighbour", "email")?;
    people.comment_out_header("recipient.neighbour")?;
    let own = format!("recipient.{person}");
    people.rename("recipient.nor", &own)?;
    people.set(&own, "email", &quoted(email))?;
    people.comment_out(&own, "fallback")?;
    people.set("group", "owners", &format!("[{}, \"@account\"]", quoted(person)))?;
    people.comment_out_line("escalation", "notify = [\"neighbour\"]")?;
    Ok(people.into_text().replace(" wakes nor,", &format!(" wakes {person},")))
}

/// Checks that every answer is what the configuration says.
fn check_config(config: &Config, answers: &Answers) -> Result<(), InitError> {
    let device = config.devices.get(answers.device.as_str());
    let power = device.and_then(|device| device.inputs.get("power"));
    let same_power = match (&answers.power, power) {
        (Power::Simulated, Some(Source::Simulated)) => true,
        (Power::Gpio { pin }, Some(Source::Gpio { pin: read, .. })) => pin == read,
        (Power::Nut { ups, address }, Some(Source::Nut { ups: name, address: server, .. })) => {
            (ups, address) == (name, server)
        }
        _ => false,
    };
    let same_mail = match &answers.mail {
        Mail::Outbox => config.email.transport == Transport::Outbox,
        Mail::Smtp(smtp) => {
            let read = config.email.smtp.as_ref();
            config.email.transport == Transport::Smtp
                && read.is_some_and(|read| {
                    (&read.server, read.port, &read.username) == (&smtp.server, smtp.port, &smtp.username)
                })
        }
    };
    let same_name = device.is_some_and(|device| device.name == answers.name) && config.site.name == answers.name;
    if same_power && same_mail && same_name && config.site.timezone.as_str() == answers.timezone {
        return Ok(());
    }
    Err(InitError::Refused("the shipped config.toml cannot be changed as asked: this is a fault of `dag`".to_owned()))
}

#[cfg(test)]
mod tests;
