//! `dag init`

use std::{
    io::{self, IsTerminal as _},
    path::{Path, PathBuf},
};

use clap::{Args, ValueEnum};
use dag_cli::{Done, Failure};
use serde_json::json;

use super::{common::Common, questions::Questions};
use crate::{
    init::{self, Answers, Mail, MailServer, Power, Smtp},
    owner::{SERVICE_FOLDER, is_foreign},
};

#[derive(Debug, Args)]
pub(super) struct Init {
    /// The folder to make; one that exists must have no config.toml and no rules/
    #[arg(value_name = "FOLDER", default_value = ".")]
    folder: PathBuf,
    /// The name of the place, which people read in messages [default: Home]
    #[arg(long, value_name = "NAME", value_parser = init::line)]
    name: Option<String>,
    /// The mail address to tell
    #[arg(long, value_name = "ADDRESS", value_parser = init::email)]
    email: Option<String>,
    /// The time zone, like Europe/London [default: this machine's]
    #[arg(long, value_name = "ZONE", value_parser = init::timezone)]
    timezone: Option<String>,
    /// What says whether the mains are on [default: simulated]
    #[arg(long, value_enum, value_name = "SOURCE")]
    source: Option<SourceKind>,
    /// The pin of the Raspberry Pi, by its BCM number, for --source gpio [default: 4]
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u8).range(0..=27))]
    pin: Option<u8>,
    /// The UPS, as NUT writes it: NAME or NAME@HOST, for --source nut [default: ups]
    #[arg(long, value_name = "UPS", value_parser = init::ups)]
    ups: Option<Power>,
    /// The mail server; without one, mails become files in var/outbox
    #[arg(long, value_name = "HOST[:PORT]", value_parser = init::mail_server)]
    smtp: Option<MailServer>,
    /// Its port [default: the usual one of --smtp-security]
    #[arg(long, value_name = "PORT", requires = "smtp", value_parser = clap::value_parser!(u16).range(1..))]
    smtp_port: Option<u16>,
    /// How the connection to it is protected [default: starttls, and tls for port 465]
    #[arg(long, value_enum, value_name = "HOW", requires = "smtp")]
    smtp_security: Option<SmtpSecurity>,
    /// The user to log in as; the password is taken from the environment, as SMTP_PASSWORD
    #[arg(long, value_name = "USER", requires = "smtp")]
    smtp_user: Option<String>,
    /// The sender of mails [default: the address of --email]
    #[arg(long, value_name = "ADDRESS", requires = "smtp", value_parser = init::email)]
    from: Option<String>,
    /// The id of the device [default: from the name]
    #[arg(long, value_name = "ID", value_parser = init::device_id)]
    device: Option<String>,
    /// The id of the person to tell [default: from the address]
    #[arg(long, value_name = "ID", value_parser = init::person_id)]
    person: Option<String>,
    /// Ask nothing: take the defaults of what no flag gives
    #[arg(long, short)]
    yes: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum SourceKind {
    Simulated,
    Gpio,
    Nut,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum SmtpSecurity {
    Starttls,
    Tls,
    Plain,
}

impl SmtpSecurity {
    const fn word(self) -> &'static str {
        match self {
            SmtpSecurity::Starttls => "starttls",
            SmtpSecurity::Tls => "tls",
            SmtpSecurity::Plain => "plain",
        }
    }
}

/// The pin of a UPS-Lite.
const USUAL_PIN: u8 = 4;

impl Init {
    pub fn run(self, common: &Common) -> Done {
        if !common.set.is_empty() {
            let told =
                "`dag init` takes its values from flags of its own, like --name (`dag init --help`): leave --set out";
            return Err(Failure::misuse(told.to_owned()));
        }
        // Before the questions, which would be for nothing.
        init::check_unused(&self.folder)?;
        let asks = !self.yes && io::stdin().is_terminal() && io::stderr().is_terminal();
        let answers = if asks { self.ask()? } else { self.take()? };
        let files = init::init(&self.folder, &answers)?;
        let next = match is_foreign(&self.folder) {
            false => next_commands(&self.folder, &answers),
            true => next_of_owner(&self.folder.canonicalize()?, &answers),
        };
        let place = match self.folder.as_path() == Path::new(".") {
            true => "this folder".to_owned(),
            false => self.folder.display().to_string(),
        };
        let text = format!(
            "made config.toml and rules/ ({} files) in {place}. {} is told at {}.\n{}\n{next}",
            files.len() - 1,
            answers.person,
            answers.email,
            note_on(&answers.email),
        );
        let answer = json!({
            "folder": self.folder, "files": files, "device": answers.device, "person": answers.person,
            "email": answers.email, "timezone": answers.timezone,
        });
        common.print(text, &answer)?;
        Ok(())
    }

    /// Returns the answers of the flags and the defaults.
    fn take(&self) -> Result<Answers, Failure> {
        let mut missing = Vec::new();
        let timezone = self.timezone.clone().or_else(init::machine_zone);
        if self.email.is_none() {
            missing.push("--email ADDRESS (who is told)");
        }
        if timezone.is_none() {
            missing.push("--timezone ZONE (like Europe/London: this machine does not say where it is)");
        }
        let (Some(email), Some(timezone)) = (self.email.clone(), timezone) else {
            let why = if self.yes { "with --yes nothing is asked" } else { "there is no terminal to ask at" };
            return Err(Failure::misuse(format!("{why}, and nothing was made. Add {}", missing.join(", and "))));
        };
        let name = self.name.clone().unwrap_or_else(|| "Home".to_owned());
        let kind = self.kind().unwrap_or(SourceKind::Simulated);
        let mail = self.smtp.clone().map(|server| self.smtp(server, self.smtp_user.clone(), &email)).transpose()?;
        Ok(self.answers(name, email, timezone, self.power(kind, None, None)?, mail))
    }

    /// Asks for what no flag gives.
    fn ask(&self) -> Result<Answers, Failure> {
        let mut questions = Questions::new(io::stdin().lock(), io::stderr());
        questions.say("A new monitor. Enter takes what is in brackets; Ctrl-C ends, and nothing is made.\n")?;
        let name = match &self.name {
            Some(name) => name.clone(),
            None => questions.ask("The name of the place", Some("Home"), init::line)?,
        };
        let email = match &self.email {
            Some(email) => email.clone(),
            None => questions.ask("The mail address to tell", None, init::email)?,
        };
        let timezone = match &self.timezone {
            Some(zone) => zone.clone(),
            None => {
                let here = init::machine_zone();
                questions.ask("The time zone", Some(here.as_deref().unwrap_or("UTC")), init::timezone)?
            }
        };
        let kind = match self.kind() {
            Some(kind) => kind,
            None => {
                let kind = |text: &str| {
                    SourceKind::from_str(text, true)
                        .map_err(|_| format!("`{text}` is not one of simulated, gpio and nut"))
                };
                let question = "What says whether the mains are on: simulated, gpio (a pin of a Pi), nut (a UPS)";
                questions.ask(question, Some("simulated"), kind)?
            }
        };
        let pin = match (kind, self.pin) {
            (SourceKind::Gpio, None) => {
                let pin = |text: &str| {
                    let number = text.parse().ok().filter(|pin| *pin <= 27);
                    number.ok_or_else(|| format!("`{text}` is not a BCM number, 0 to 27"))
                };
                Some(questions.ask("The pin, by its BCM number", Some(&USUAL_PIN.to_string()), pin)?)
            }
            _ => None,
        };
        let ups = match (kind, &self.ups) {
            (SourceKind::Nut, None) => {
                Some(questions.ask("The UPS, as NAME or NAME@HOST", Some("ups@127.0.0.1"), init::ups)?)
            }
            _ => None,
        };
        let power = self.power(kind, pin, ups)?;
        let server = match &self.smtp {
            Some(server) => Some(server.clone()),
            None => {
                let server = |text: &str| match text {
                    "none" => Ok(None),
                    text => init::mail_server(text).map(Some),
                };
                questions.ask("The mail server (none: mails become files, to try things)", Some("none"), server)?
            }
        };
        let mail = match server {
            Some(server) => {
                let user = match (&self.smtp, &self.smtp_user) {
                    (None, None) => {
                        let user = |text: &str| Ok(Some(text.to_owned()).filter(|text| text != "none"));
                        questions.ask("The user to log in as there (none: without)", Some(&email), user)?
                    }
                    (_, user) => user.clone(),
                };
                Some(self.smtp(server, user, &email)?)
            }
            None => None,
        };
        Ok(self.answers(name, email, timezone, power, mail))
    }

    /// Returns the source that the flags name, if they do.
    fn kind(&self) -> Option<SourceKind> {
        let by_flag = self.pin.map(|_| SourceKind::Gpio).or(self.ups.as_ref().map(|_| SourceKind::Nut));
        self.source.or(by_flag)
    }

    fn power(&self, kind: SourceKind, pin: Option<u8>, ups: Option<Power>) -> Result<Power, Failure> {
        let foreign = [(self.pin.is_some(), SourceKind::Gpio, "--pin"), (self.ups.is_some(), SourceKind::Nut, "--ups")];
        if let Some((_, of, flag)) = foreign.iter().find(|(given, of, _)| *given && *of != kind) {
            let of = of.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
            return Err(Failure::misuse(format!("{flag} is for --source {of}: leave one of them out")));
        }
        Ok(match kind {
            SourceKind::Simulated => Power::Simulated,
            SourceKind::Gpio => Power::Gpio { pin: self.pin.or(pin).unwrap_or(USUAL_PIN) },
            SourceKind::Nut => match self.ups.clone().or(ups) {
                Some(ups) => ups,
                None => init::ups("ups").map_err(Failure::from)?,
            },
        })
    }

    fn smtp(&self, server: MailServer, username: Option<String>, email: &str) -> Result<Smtp, Failure> {
        let MailServer { host, port } = server;
        if let (Some(port), Some(other)) = (port, self.smtp_port)
            && port != other
        {
            return Err(Failure::misuse(format!("the port of {host} is {port} or {other}: leave one of them out")));
        }
        let port = port.or(self.smtp_port);
        let usual = if port == Some(465) { SmtpSecurity::Tls } else { SmtpSecurity::Starttls };
        Ok(Smtp {
            server: host,
            port,
            security: self.smtp_security.unwrap_or(usual).word(),
            username,
            from: self.from.clone().unwrap_or_else(|| email.to_owned()),
        })
    }

    fn answers(&self, name: String, email: String, timezone: String, power: Power, mail: Option<Smtp>) -> Answers {
        Answers {
            device: self.device.clone().unwrap_or_else(|| Answers::device_of(&name)),
            person: self.person.clone().unwrap_or_else(|| Answers::person_of(&email)),
            name,
            email,
            timezone,
            power,
            mail: mail.map_or(Mail::Outbox, Mail::Smtp),
        }
    }
}

/// Returns a note on an address that only a mail server of the same house knows, or nothing.
fn note_on(email: &str) -> String {
    match email.rsplit_once('@') {
        Some((_, host)) if !host.contains(['.', ':']) => {
            format!("Note: `{email}` has no dot after the `@`. Only a mail server of your own can know it.\n")
        }
        _ => String::new(),
    }
}

/// Returns what to do next where root has made the files for their owner, who runs the daemon. As root, `dag run` would
/// make a store that the owner cannot read.
fn next_of_owner(folder: &Path, answers: &Answers) -> String {
    if folder != Path::new(SERVICE_FOLDER) {
        let next = next_commands(folder, answers);
        return next.replacen("Next:", "Next, as the owner of this folder and not as root:", 1);
    }
    let mut lines = vec!["Next:".to_owned()];
    if let Mail::Smtp(Smtp { username: Some(_), .. }) = &answers.mail {
        lines.push("  put the line SMTP_PASSWORD=… into /etc/dag/secrets.env, which only root may read".to_owned());
    }
    let config = folder.join("config.toml");
    lines.push("  sudo systemctl enable --now dag".to_owned());
    for command in [&format!("notify {}", answers.person), "status"] {
        lines.push(format!("  sudo dag {command} --config {}", config.display()));
    }
    lines.extend(outbox_note(answers));
    lines.join("\n")
}

/// Returns what to do next.
fn next_commands(folder: &Path, answers: &Answers) -> String {
    let mut lines = vec!["Next:".to_owned()];
    let mut line = |command: &str, why: &str| {
        lines.push(if why.is_empty() { format!("  {command}") } else { format!("  {command:<28}# {why}") });
    };
    if folder != Path::new(".") {
        line(&format!("cd {}", shell_word(&folder.display().to_string())), "");
    }
    if let Mail::Smtp(Smtp { username: Some(_), .. }) = &answers.mail {
        line("export SMTP_PASSWORD=…", "the password; a service has it in a file that its unit names");
    }
    line("dag run", "the monitor; it follows your edits of config.toml and rules/");
    line(&format!("dag notify {}", answers.person), "in another terminal: a test message now");
    match answers.power {
        Power::Simulated => {
            line("dag unplug", "the mains fail; after 30 seconds the mail is sent");
            line("dag plug", "they are back");
        }
        Power::Gpio { .. } | Power::Nut { .. } => {
            line("dag status", "shows `power on`, and `off` once you pull the plug. Try it");
        }
    }
    lines.extend(outbox_note(answers));
    lines.join("\n")
}

fn outbox_note(answers: &Answers) -> Option<String> {
    let note = "Mails become files in var/outbox until config.toml names a mail server.";
    (answers.mail == Mail::Outbox).then(|| note.to_owned())
}

/// Returns `text` as one word of a shell.
fn shell_word(text: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '/' | '.' | '-' | '_' | '~');
    if text.chars().all(plain) { text.to_owned() } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_without_a_dot_is_noted() {
        assert_eq!(
            note_on("me@home"),
            "Note: `me@home` has no dot after the `@`. Only a mail server of your own can know it.\n"
        );
        assert_eq!(note_on("me@home.example"), "");
        assert_eq!(note_on("me@[fd00::1]"), "");
    }

    #[test]
    fn the_service_is_started_by_its_unit() {
        let smtp = Smtp {
            server: "mail.sea.example".to_owned(),
            port: None,
            security: "starttls",
            username: Some("kim".to_owned()),
            from: "kim@sea.example".to_owned(),
        };
        let answers = Answers {
            name: "Home".to_owned(),
            device: "home".to_owned(),
            person: "kim".to_owned(),
            email: "kim@sea.example".to_owned(),
            timezone: "UTC".to_owned(),
            power: Power::Simulated,
            mail: Mail::Smtp(smtp),
        };
        insta::assert_snapshot!(next_of_owner(Path::new("/var/lib/dag"), &answers), @r"
        Next:
          put the line SMTP_PASSWORD=… into /etc/dag/secrets.env, which only root may read
          sudo systemctl enable --now dag
          sudo dag notify kim --config /var/lib/dag/config.toml
          sudo dag status --config /var/lib/dag/config.toml
        ");
        let other = next_of_owner(Path::new("/home/kim/house"), &answers);
        assert!(
            other.starts_with("Next, as the owner of this folder and not as root:\n  cd /home/kim/house\n"),
            "{other}"
        );
    }

    #[test]
    fn a_folder_is_one_word_of_the_shell() {
        assert_eq!(shell_word("sea/house-1"), "sea/house-1");
        assert_eq!(shell_word("Nor's house"), r"'Nor'\''s house'");
    }
}
