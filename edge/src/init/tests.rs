//! What an owner's folder is, and that it is good, whatever the answers.

use std::{collections::BTreeSet, fs, path::Path};

use super::*;

fn answers() -> Answers {
    Answers {
        name: "Sea house".to_owned(),
        device: "sea-house".to_owned(),
        person: "kim".to_owned(),
        email: "kim@sea.example".to_owned(),
        timezone: "Europe/Paris".to_owned(),
        power: Power::Simulated,
        mail: Mail::Outbox,
    }
}

fn smtp(username: Option<&str>) -> Mail {
    Mail::Smtp(Smtp {
        server: "mail.sea.example".to_owned(),
        port: Some(465),
        security: "tls",
        username: username.map(str::to_owned),
        from: "kim@sea.example".to_owned(),
    })
}

/// Returns the lines of the shipped file that the answers change, before and after.
fn changes(name: &str, text: &str) -> String {
    let before: Vec<&str> = shipped(name).unwrap().lines().collect();
    let after: Vec<&str> = text.lines().collect();
    assert_eq!(before.len(), after.len(), "comments stay");
    let changed = before.iter().zip(&after).filter(|(before, after)| before != after);
    changed.map(|(before, after)| format!("-{before}\n+{after}\n")).collect()
}

#[test]
fn every_shipped_file_is_in_the_program() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut folders = vec![top.join("rules")];
    let mut files = BTreeSet::from(["config.toml".to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.insert(path.strip_prefix(&top).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    assert_eq!(STARTER.iter().map(|(name, _)| (*name).to_owned()).collect::<BTreeSet<_>>(), files);
    for (name, text) in STARTER {
        assert_eq!(fs::read_to_string(top.join(name)).unwrap(), *text, "{name}");
    }
}

#[test]
fn a_configuration_has_the_owners_values_in_the_shipped_lines() {
    let nut = Power::Nut { ups: "eaton".to_owned(), address: "192.168.1.10:3493".to_owned() };
    let answers = Answers { power: nut, mail: smtp(Some("kim")), ..answers() };
    insta::assert_snapshot!(changes("config.toml", &personal_config(&answers).unwrap()), @r#"
    -name = "Home"
    +name = "Sea house"
    -timezone = "Europe/London"
    +timezone = "Europe/Paris"
    -[device.cottage]
    +[device.sea-house]
    -name = "Cottage"
    +name = "Sea house"
    -labels = { area = "hay-on-wye" }
    +# labels = { area = "hay-on-wye" }
    -account = "home"
    +# account = "home"
    -power = { source = "simulated" }
    +power = { source = "nut", address = "192.168.1.10:3493", ups = "eaton" }
    -battery = { source = "none", report_step = 5 }
    +battery = { source = "nut", address = "192.168.1.10:3493", ups = "eaton", report_step = 5 }
    -transport = "outbox"
    +transport = "smtp"
    -from = "detectordag <dag@example.com>"
    +from = "detectordag <kim@sea.example>"
    -# [email.smtp]
    +[email.smtp]
    -# server = "mail.example.com"
    +server = "mail.sea.example"
    -# port = 587
    +port = 465
    -# security = "starttls"
    +security = "tls"
    -# username = "dag"
    +username = "kim"
    -# password = "env:SMTP_PASSWORD"
    +password = "env:SMTP_PASSWORD"
    "#);
}

#[test]
fn only_the_owner_is_told() {
    let people = personal_people(shipped("rules/people.toml").unwrap(), &answers()).unwrap();
    insta::assert_snapshot!(changes("rules/people.toml", &people), @r#"
    -[recipient.nor]
    +[recipient.kim]
    -email = "nor@example.com"
    +email = "kim@sea.example"
    -# are sent at any hour: here an outage wakes nor, and a low battery waits for the morning. Without `unless` all messages
    +# are sent at any hour: here an outage wakes kim, and a low battery waits for the morning. Without `unless` all messages
    -fallback = "neighbour"
    +# fallback = "neighbour"
    -[recipient.neighbour]
    +# [recipient.neighbour]
    -email = "kim@example.com"
    +# email = "kim@example.com"
    -owners = ["nor", "@account"]
    +owners = ["kim", "@account"]
    -  { after = "30m", notify = ["neighbour"], repeat = "2h", at_most = 6 },
    +  # { after = "30m", notify = ["neighbour"], repeat = "2h", at_most = 6 },
    "#);
}

#[test]
fn a_folder_is_good_whatever_the_answers() {
    let names = ["Home", "Nör's \"Sea\\House\" # 1 = [2]", "a", &"x".repeat(80)];
    let powers = [
        Power::Simulated,
        Power::Gpio { pin: 27 },
        Power::Nut { ups: "ups".to_owned(), address: "127.0.0.1:3493".to_owned() },
        Power::Nut { ups: "a.b-c_d".to_owned(), address: "[fd00::1]:3493".to_owned() },
    ];
    let people = ["nor", "neighbour", "power-outage", "a_b", "7"];
    let mails = [Mail::Outbox, smtp(None), smtp(Some("kim@sea.example")), smtp(Some("a \"b\" \\c"))];
    // Each of them with some of the others.
    for round in 0..5 {
        let name = names[round % names.len()];
        let answers = Answers {
            name: name.to_owned(),
            device: Answers::device_of(name),
            person: people[round].to_owned(),
            power: powers[round % powers.len()].clone(),
            mail: mails[(round + 1) % mails.len()].clone(),
            ..answers()
        };
        let top = tempfile::tempdir().unwrap();
        let folder = top.path().join("monitor");
        init(&folder, &answers).unwrap_or_else(|error| panic!("{answers:?}: {error}"));
        let config = Config::load(&folder.join("config.toml"), &[]).unwrap_or_else(|error| panic!("{error}"));
        Rulebook::prove(&folder.join("rules"), &config).unwrap_or_else(|error| panic!("{answers:?}: {error}"));
    }
}

#[test]
fn a_link_of_the_shipped_files_leads_somewhere() {
    let top = tempfile::tempdir().unwrap();
    let folder = top.path().join("monitor");
    init(&folder, &answers()).unwrap();
    let readme = fs::read_to_string(folder.join("rules/README.md")).unwrap();
    assert!(!readme.contains("](../"), "{readme}");
}

#[test]
fn ids_come_from_what_people_call_things() {
    let devices = [
        ("Cottage", "cottage"),
        ("Nor's Sea House", "nor-s-sea-house"),
        ("  ", "home"),
        ("北京", "home"),
        ("My Cöttage", "my-cottage"),
        ("Größe Łódź", "grosse-lodz"),
        ("CAFÉ Ø", "cafe-o"),
        ("Cafe\u{301}", "cafe"),
    ];

    for (name, id) in devices {
        assert_eq!(Answers::device_of(name), id);
        assert!(device_id(id).is_ok());
    }
    let people = [
        ("nor@example.com", "nor"),
        ("Kim.Smith+dag@example.com", "kim-smith"),
        ("owners@example.com", "owner"),
        ("ü@example.com", "u"),
        ("北@example.com", "owner"),
    ];
    for (address, id) in people {
        assert_eq!(Answers::person_of(address), id);
        assert!(person_id(id).is_ok());
    }
}

#[test]
fn answers_that_cannot_be_are_refused_in_words() {
    let refusal = |result: Result<String, String>| result.unwrap_err();
    assert_eq!(
        refusal(timezone("Europe/Lodnon")),
        "there is no time zone `Europe/Lodnon`: did you mean `Europe/London`?"
    );
    assert_eq!(timezone("europe/london").unwrap(), "Europe/London");
    assert_eq!(refusal(email("nor")), "`nor` is not an email address: write it as user@host, without a name");
    assert_eq!(refusal(line("two\nlines")), "a name is one line of text, like `Cottage`");
    assert_eq!(mail_server("mail:25").unwrap(), MailServer { host: "mail".to_owned(), port: Some(25) });
    assert_eq!(mail_server("mail").unwrap(), MailServer { host: "mail".to_owned(), port: None });
    for bad in ["", ":25", "mail:", "mail:0", "mail:65536", "mail:25:25", "smtp://mail", "a b"] {
        assert_eq!(
            mail_server(bad).unwrap_err(),
            format!(
                "`{bad}` is not a mail server: write it as HOST or HOST:PORT, like `mail.example.com` or \
                 `mail.example.com:465`"
            )
        );
    }
    for bad in ["", "a b", "a@", "@b", "a@b/c", "a@b;"] {
        assert!(ups(bad).unwrap_err().contains("is not a UPS: write it as NAME or NAME@HOST"), "{bad}");
    }
    for (text, server) in
        [("ups", "127.0.0.1:3493"), ("ups@nas", "nas:3493"), ("ups@nas:1", "nas:1"), ("ups@[::1]", "[::1]:3493")]
    {
        let Power::Nut { address, .. } = ups(text).unwrap() else { panic!("{text}") };
        assert_eq!(address, server);
    }
}
