//! The pages of mails in a browser, as wide as a small phone, by day and by night.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use dag_delivery::{MailContent, MessageContent};
use dag_engine::{Kind, Notification};
use serde::Deserialize;
use serde_json::json;

use crate::sample::{built_in, gallery, notification};

/// The width of a small phone, in the pixels of CSS. `pages.html` has it too.
const WIDTH: f64 = 360.0;

/// The least contrast of text: WCAG 2.1, success criterion 1.4.3.
const CONTRAST: f64 = 4.5;

/// The smallest letters, in the pixels of CSS.
const SMALLEST: f64 = 14.0;

/// The measurements of one page, by `pages.html`.
#[derive(Debug, Deserialize)]
struct Measured {
    name: String,
    dark: bool,
    width: f64,
    height: f64,
    texts: Vec<Text>,
    /// What is read out or copied.
    read: String,
}

/// One piece of text.
#[derive(Debug, Deserialize)]
struct Text {
    text: String,
    shown: bool,
    contrast: f64,
    size: f64,
}

/// The preference of whoever reads the mail.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Scheme {
    Light,
    Dark,
}

fn mail(message: &Notification) -> MailContent {
    match built_in().prepare(message) {
        (MessageContent::Email(content), problems) if problems.is_empty() => content,
        other => panic!("{other:?}"),
    }
}

/// Runs Chromium on a page, and returns what it prints.
fn chromium(scheme: Scheme, page: &Path, arguments: &[&str]) -> String {
    let profile = tempfile::tempdir().unwrap();
    let mut command = Command::new("chromium");
    command.args([
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--hide-scrollbars",
    ]);
    command.args(["--disable-background-networking", "--disable-component-update", "--disable-sync"]);
    // 0 is dark, and 1 is light.
    command.arg(format!("--blink-settings=preferredColorScheme={}", u8::from(scheme == Scheme::Light)));
    command.arg(format!("--user-data-dir={}", profile.path().display())).args(arguments);
    command.arg(format!("file://{}", page.display())).stdin(Stdio::null());
    let output = command.output().expect("`chromium` cannot be started: run `bash .ci/run`, which installs it");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Opens pages, each with its name, and measures what is shown.
fn measure(scheme: Scheme, pages: &[(String, String)]) -> Vec<Measured> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pages.html");
    let pages: Vec<_> = pages.iter().map(|(name, html)| json!({ "name": name, "html": html })).collect();
    let pages = serde_json::to_string(&pages).unwrap().replace("</", "<\\/").replace("<!--", "<\\u0021--");
    fs::write(&file, include_str!("pages.html").replacen("PAGES", &pages, 1)).unwrap();
    let told = chromium(scheme, &file, &["--dump-dom"]);
    let measured = told.rsplit_once("measured:").unwrap_or_else(|| panic!("{told}")).1;
    let end = measured.find('<').unwrap();
    serde_json::from_slice(&BASE64_STANDARD.decode(&measured[..end]).unwrap()).unwrap()
}

/// Returns what is wrong with a page.
fn problems(page: &Measured) -> Vec<String> {
    let mut problems = Vec::new();
    if page.width > WIDTH {
        problems.push(format!("it is {} wide", page.width));
    }
    for Text { text, shown, contrast, size } in &page.texts {
        if !shown {
            problems.push(format!("`{text}` is hidden"));
        }
        if *contrast < CONTRAST {
            problems.push(format!("`{text}` has a contrast of {contrast:.2}"));
        }
        if *size < SMALLEST {
            problems.push(format!("`{text}` has letters of {size}"));
        }
    }
    problems
}

/// Writes all pages into one file, for people to look at.
fn write_gallery(mails: &[(String, MailContent)]) {
    let frames = mails.iter().map(|(name, mail)| {
        let html = mail.html.as_deref().unwrap_or_default().replace('&', "&amp;").replace('"', "&quot;");
        format!("<figure>{name}<iframe srcdoc=\"{html}\"></iframe></figure>\n")
    });
    let style = ":root { color-scheme: light dark; } body { display: flex; flex-wrap: wrap; } figure { margin: 4px; } \
                 iframe { display: block; width: 390px; height: 760px; border: 0; }";
    let frames: String = frames.collect();
    let gallery = format!("<!DOCTYPE html><meta charset=\"utf-8\"><style>{style}</style>{frames}");
    fs::write(Path::new(env!("CARGO_TARGET_TMPDIR")).join("mails.html"), gallery).unwrap();
}

/// Returns a page as a mail program shows it that ignores style sheets.
fn without_style_sheets(html: &str) -> String {
    let mut plain = html.to_owned();
    while let (Some(start), Some(end)) = (plain.find("<style"), plain.find("</style>")) {
        plain.replace_range(start..end + "</style>".len(), "");
    }
    plain
}

#[test]
fn pages_are_readable_on_a_small_phone_by_day_and_by_night() {
    let mails: Vec<(String, MailContent)> =
        gallery().into_iter().map(|(name, message)| (name, mail(&message))).collect();
    write_gallery(&mails);
    let pages = mails.iter().map(|(name, mail)| (name.clone(), mail.html.clone().unwrap()));
    let pages: Vec<(String, String)> = pages
        .flat_map(|(name, html)| {
            let plain = without_style_sheets(&html);
            [(name.clone(), html), (format!("{name}, without style sheets"), plain)]
        })
        .collect();
    for scheme in [Scheme::Light, Scheme::Dark] {
        let measured = measure(scheme, &pages);
        assert_eq!(measured.len(), pages.len());
        let mut wrong = Vec::new();
        for page in &measured {
            assert_eq!(page.dark, scheme == Scheme::Dark, "{}", page.name);
            assert!(!page.texts.is_empty() && page.height > 300.0, "{page:?}");
            wrong.extend(problems(page).into_iter().map(|problem| format!("{scheme:?}, {}: {problem}", page.name)));
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
        // The page says all that the text says, in the same order.
        for (page, (name, mail)) in measured.iter().step_by(2).zip(&mails) {
            let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(words(&page.read).contains(&words(&mail.text)), "{name}: {}\n{}", page.read, mail.text);
        }
    }
}

#[test]
fn the_measurements_find_what_cannot_be_read() {
    let page = mail(&notification(Kind::Opened)).html.unwrap();
    let with = |more: &str| page.replacen("</body>", &format!("{more}</body>"), 1);
    let cases = [
        (r#"<p style="color:#999999;background:#ffffff">grey</p>"#, "`grey` has a contrast of 2.85"),
        (r#"<p style="display:none">away</p>"#, "`away` is hidden"),
        (r#"<p style="font-size:9px">tiny</p>"#, "`tiny` has letters of 9"),
        (r#"<p style="width:500px">wide</p>"#, "it is 500 wide"),
    ];
    let pages: Vec<_> = cases.iter().map(|(more, found)| ((*found).to_owned(), with(more))).collect();
    for page in measure(Scheme::Light, &pages) {
        assert!(
            problems(&page).iter().any(|problem| problem.starts_with(&page.name)),
            "{}: {:?}",
            page.name,
            problems(&page)
        );
    }
}
