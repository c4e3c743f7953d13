//! What an owner answers, and the checks of each answer: the same for a flag and for a line at the terminal.

use dag_config::{is_device_id, is_device_name};
use dag_engine::Address;

/// The answers. Each was checked by a function of this file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answers {
    /// The name of the place, which people read.
    pub name: String,
    /// The id of the device.
    pub device: String,
    /// The id of the recipient.
    pub person: String,
    /// The address of the recipient.
    pub email: String,
    /// The time zone, by its IANA name.
    pub timezone: String,
    /// The source that says whether the mains are on.
    pub power: Power,
    /// How mail leaves.
    pub mail: Mail,
}

/// A source of `power`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Power {
    /// `dag unplug` and `dag plug`.
    Simulated,
    /// A pin of a Raspberry Pi, by its BCM number.
    Gpio {
        /// The pin.
        pin: u8,
    },
    /// A UPS of a Network UPS Tools server.
    Nut {
        /// Its name there.
        ups: String,
        /// The server, as `host:port`.
        address: String,
    },
}

/// How mail leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Mail {
    /// Every message becomes a file.
    Outbox,
    /// By a mail server.
    Smtp(Smtp),
}

/// A mail server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Smtp {
    pub server: String,
    /// `None` is the usual port.
    pub port: Option<u16>,
    /// `starttls`, `tls` or `plain`.
    pub security: &'static str,
    /// The user to log in as, if the server asks for one.
    pub username: Option<String>,
    /// The address of the sender.
    pub from: String,
}

/// A mail server, as `--smtp` names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MailServer {
    pub host: String,
    /// `None` is the usual port.
    pub port: Option<u16>,
}

/// Checks the name of a place.
pub(crate) fn line(text: &str) -> Result<String, String> {
    match is_device_name(text) {
        true => Ok(text.to_owned()),
        false => Err("a name is one line of text, like `Cottage`".to_owned()),
    }
}

/// Checks the id of a device.
pub(crate) fn device_id(text: &str) -> Result<String, String> {
    match is_device_id(text) {
        true => Ok(text.to_owned()),
        false => Err(format!("`{text}` cannot be the id of a device: use letters, digits, `-` and `_`, at most 64")),
    }
}

/// Checks the id of a recipient.
pub(crate) fn person_id(text: &str) -> Result<String, String> {
    match is_device_id(text) && text != "owners" {
        true => Ok(text.to_owned()),
        false => Err(format!("`{text}` cannot be the name of a recipient: use letters, digits, `-` and `_`")),
    }
}

/// Checks a mail address.
pub(crate) fn email(text: &str) -> Result<String, String> {
    match Address::is_email(text) {
        true => Ok(text.to_owned()),
        false => Err(format!("`{text}` is not an email address: write it as user@host, without a name")),
    }
}

/// Checks the name of a time zone, and returns it in its usual spelling.
pub(crate) fn timezone(text: &str) -> Result<String, String> {
    let zone = dag_engine::zone(text)?;
    Ok(zone.iana_name().unwrap_or(text).to_owned())
}

/// Checks a UPS, as Network UPS Tools writes them: `NAME[@HOST[:PORT]]`.
pub(crate) fn ups(text: &str) -> Result<Power, String> {
    let (ups, host) = text.split_once('@').unwrap_or((text, "127.0.0.1"));
    let is_word = |text: &str, also: &[char]| {
        !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || also.contains(&c))
    };
    if !is_word(ups, &['-', '_', '.']) || !is_word(host, &['-', '.', ':', '[', ']']) {
        return Err(format!("`{text}` is not a UPS: write it as NAME or NAME@HOST, like `ups@192.168.1.10`"));
    }
    if !host.starts_with('[') && host.matches(':').count() > 1 {
        return Err(format!("`{text}`: write an IPv6 address in brackets, like `ups@[fd00::5]`"));
    }
    let has_port = host.rsplit_once(':').is_some_and(|(before, _)| !before.contains(':') || before.ends_with(']'));
    let address = if has_port { host.to_owned() } else { format!("{host}:3493") };
    Ok(Power::Nut { ups: ups.to_owned(), address })
}

/// Checks the name of a mail server: `HOST[:PORT]`.
pub(crate) fn mail_server(text: &str) -> Result<MailServer, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    let (host, port) = match text.split_once(':') {
        Some((host, port)) => (host, Some(port.parse().ok().filter(|port| *port > 0))),
        None => (text, None),
    };
    match (!host.is_empty() && host.chars().all(plain), port) {
        (true, None) => Ok(MailServer { host: host.to_owned(), port: None }),
        (true, Some(Some(port))) => Ok(MailServer { host: host.to_owned(), port: Some(port) }),
        _ => Err(format!(
            "`{text}` is not a mail server: write it as HOST or HOST:PORT, like `mail.example.com` or \
             `mail.example.com:465`"
        )),
    }
}

/// Returns an id like `text`: for `Nör's Sea House` it is `nor-s-sea-house`. `otherwise` where nothing is left of it.
pub(crate) fn id_like(text: &str, otherwise: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c.to_ascii_lowercase() } else { '-' };
    // An accent of its own follows its letter, and has no place in an id.
    let letters = text.chars().filter(|c| !('\u{300}'..='\u{36f}').contains(c));
    let mut words = String::new();
    for letter in letters {
        match without_accent(letter) {
            Some(letters) => words.push_str(letters),
            None => words.push(plain(letter)),
        }
    }
    words.truncate(64);
    let words: Vec<&str> = words.split('-').filter(|word| !word.is_empty()).collect();
    if words.is_empty() { otherwise.to_owned() } else { words.join("-") }
}

/// Returns a letter of Europe's languages as people type it without its accent.
fn without_accent(letter: char) -> Option<&'static str> {
    let lower = letter.to_lowercase().next().unwrap_or(letter);
    Some(match lower {
        'à' | 'á' | 'â' | 'ã' | 'ä' | 'å' | 'ā' | 'ă' | 'ą' => "a",
        'æ' => "ae",
        'ç' | 'ć' | 'ĉ' | 'ċ' | 'č' => "c",
        'ð' | 'ď' | 'đ' => "d",
        'è' | 'é' | 'ê' | 'ë' | 'ē' | 'ĕ' | 'ė' | 'ę' | 'ě' => "e",
        'ĝ' | 'ğ' | 'ġ' | 'ģ' => "g",
        'ĥ' | 'ħ' => "h",
        'ì' | 'í' | 'î' | 'ï' | 'ĩ' | 'ī' | 'ĭ' | 'į' | 'ı' => "i",
        'ĵ' => "j",
        'ķ' => "k",
        'ĺ' | 'ļ' | 'ľ' | 'ł' => "l",
        'ñ' | 'ń' | 'ņ' | 'ň' => "n",
        'ò' | 'ó' | 'ô' | 'õ' | 'ö' | 'ø' | 'ō' | 'ŏ' | 'ő' => "o",
        'œ' => "oe",
        'ŕ' | 'ŗ' | 'ř' => "r",
        'ś' | 'ŝ' | 'ş' | 'š' | 'ș' => "s",
        'ß' => "ss",
        'ţ' | 'ť' | 'ŧ' | 'ț' => "t",
        'þ' => "th",
        'ù' | 'ú' | 'û' | 'ü' | 'ũ' | 'ū' | 'ŭ' | 'ů' | 'ű' | 'ų' => "u",
        'ŵ' => "w",
        'ý' | 'ÿ' | 'ŷ' => "y",
        'ź' | 'ż' | 'ž' => "z",
        _ => return None,
    })
}

impl Answers {
    /// Returns the id of a device for a place of this name.
    pub(crate) fn device_of(name: &str) -> String {
        id_like(name, "home")
    }

    /// Returns the id of a recipient with this address: the part before the `@`, without what follows a `+`.
    pub(crate) fn person_of(email: &str) -> String {
        let user = email.split(['@', '+']).next().unwrap_or_default();
        match id_like(user, "owner") {
            group if group == "owners" => "owner".to_owned(),
            person => person,
        }
    }
}
