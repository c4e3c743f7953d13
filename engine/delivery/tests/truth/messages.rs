//! The law for messages: no text states what the facts deny.

use std::collections::BTreeSet;

use dag_delivery::MessageContent;
use dag_engine::{Address, FactSnapshot, IncidentSnapshot, Kind, Name, Notification, Time, Value};
use proptest::{prelude::*, test_runner::TestCaseResult};
use serde_json::Value as Json;

use crate::{
    claims::{Claim, HEADLINES, IN_SHORT, OWN_WORDS, PAGE, SENTENCES, SUBJECTS},
    pattern::{fill, sentences},
    plan::fact_title,
    reached,
    scene::{Holes, Scene},
    world::World,
};

/// A reading is late if it came more than a minute after its time.
const LATE_MS: i64 = 60_000;

/// Checks a message as every channel renders it.
pub fn check(world: &World, message: &Notification) -> TestCaseResult {
    let scene = Scene::new(world, message);
    let (subject, text, html) = mail(world, message)?;
    let said = || {
        format!(
            "at {}, {} to {}:\n{subject}\n{text}\n{:?}",
            message.at,
            message.kind.as_str(),
            message.recipient,
            world.record.changes("power")
        )
    };
    for problem in [
        incident(&scene),
        facts(&scene),
        order(world, message),
        about_subject(&scene, &subject),
        about_text(&scene, &text),
        document(&scene, &subject, &text),
    ] {
        if let Err(problem) = problem {
            return Err(TestCaseError::fail(format!("{problem}\n{}", said())));
        }
    }
    // Pages and layouts take longest. Those to pat differ from those to nor in the zone alone.
    let laid_out = if message.recipient == "pat" {
        Ok(())
    } else {
        page(&scene, &subject, &text, &html).and_then(|()| layouts(world, message, &subject, &text))
    };
    laid_out.map_err(|problem| TestCaseError::fail(format!("{problem}\n{}", said())))
}

type Verdict = Result<(), String>;

fn require(holds: bool, problem: impl Fn() -> String) -> Verdict {
    if holds { Ok(()) } else { Err(problem()) }
}

fn mail(world: &World, message: &Notification) -> Result<(String, String, String), TestCaseError> {
    match world.templates.prepare(message) {
        (MessageContent::Email(mail), problems) if problems.is_empty() => {
            Ok((mail.subject, mail.text, mail.html.unwrap_or_default()))
        }
        other => Err(TestCaseError::fail(format!("{other:?}"))),
    }
}

/// Returns the body that a webhook of a template gets; without one it is the plain document.
fn body(world: &World, message: &Notification, template: Option<&str>) -> Result<Json, String> {
    let address = Address::Webhook {
        url: "https://example.com/topic".into(),
        secrets: Vec::new(),
        template: template.map(Name::new),
    };
    match world.templates.prepare(&Notification { address, ..message.clone() }) {
        (MessageContent::Webhook { body, .. }, problems) if problems.is_empty() => {
            serde_json::from_str(&body).map_err(|error| error.to_string())
        }
        other => Err(format!("{other:?}")),
    }
}

/// The times of an incident, against the raw facts.
fn incident(scene: &Scene<'_>) -> Verdict {
    let Some(incident) = scene.incident() else { return Ok(()) };
    let at = scene.message.at;
    let IncidentSnapshot { since, opened_at, ended, ended_by, .. } = incident;
    require(since <= opened_at, || format!("it opened at {opened_at}, before {since}"))?;
    require(*since <= at && ended.is_none_or(|ended| *since <= ended && ended <= at), || {
        format!("it lasts from {since} to {ended:?}")
    })?;
    let is_final = matches!(scene.message.kind, Kind::Resolved | Kind::Past);
    require(ended.is_some() == is_final, || format!("{} and ended {ended:?}", scene.message.kind.as_str()))?;
    require(ended.is_some() || (ended_by.is_none() && incident.facts_at_end.is_empty()), || {
        format!("it lasts, and {ended_by:?} ended it with {:?}", incident.facts_at_end)
    })?;
    let too_short = ended.is_some_and(|ended| ended < *opened_at);
    require(scene.message.kind != Kind::Past || !too_short, || "a dip is told as past".to_owned())?;
    // A reading of another source may come later, of a time before the end: that is told as what is now.
    for (fact, value) in &incident.facts_at_end {
        let raw = scene.world.record.values_in(fact, ended.unwrap_or(at));
        require(value.is_none_or(|value| raw.contains(&value)), || {
            format!("{fact} was {raw:?} at its end, and not {value:?}")
        })?;
    }
    let noted: Vec<&str> = incident.facts_at_end.keys().map(Name::as_str).collect();
    let reads = scene.condition().map_or(&[][..], |condition| condition.reads);
    require(noted.is_empty() != is_final && (noted == reads || !is_final) || scene.world.edited, || {
        format!("its rule reads {reads:?}, and the facts at its end are {noted:?}")
    })?;
    let unanswered = scene.condition().is_some_and(|condition| condition.now(&scene.world.record).is_none());
    let unseen = unanswered && ended.is_none();
    require(incident.unseen == unseen || scene.world.edited, || format!("unseen is {}", incident.unseen))?;
    require(!incident.uncertain || scene.world.ever_uncertain, || "every clock was right".to_owned())?;
    if let Some(acknowledged) = &incident.acknowledged {
        require(scene.is_acknowledged(), || format!("{acknowledged:?}"))?;
        let lapses = scene.world.plan.lapses.map(|lapses| acknowledged.at.moved(lapses * 1_000));
        let lapsed = acknowledged.lapsed;
        require(lapsed.is_none() || lapsed == lapses || scene.world.clock_set, || {
            format!("it lapses at {lapses:?}, and not {lapsed:?}")
        })?;
    }
    if scene.is_mains() && !scene.world.edited { mains(scene, incident) } else { Ok(()) }
}

/// The times of an incident of the mains, of a rule that was never edited.
fn mains(scene: &Scene<'_>, incident: &IncidentSnapshot) -> Verdict {
    let power = scene.world.record.changes("power");
    let turned = |at: Time, value| power.iter().find(|change| change.at == at && change.value == value);
    let reported = |came: Time, at: Time| (at.moved(LATE_MS) < came).then_some(came);
    let IncidentSnapshot { since, since_reported, ended, ended_by, ended_reported, .. } = incident;
    let out = turned(*since, Value::Off).ok_or_else(|| format!("the mains did not fail at {since}"))?;
    let came = reported(out.came, out.at);
    // A clock that was set in between may have moved one of both alone.
    let moved = scene.world.clock_set;
    require(moved || *since_reported == came, || format!("since is reported at {came:?}, and not {since_reported:?}"))?;
    let Some(ended) = ended else { return Ok(()) };
    require(ended_by.is_none(), || format!("the mains ended it, and not {ended_by:?}"))?;
    let noted = incident.facts_at_end.get("power").copied().flatten();
    require(noted == Some(Value::On), || format!("the mains were {noted:?} at its end"))?;
    let back = turned(*ended, Value::On).ok_or_else(|| format!("the mains did not come back at {ended}"))?;
    let came = reported(back.came, back.at);
    require(moved || *ended_reported == came, || format!("its end is reported at {came:?}, and not {ended_reported:?}"))
}

/// The facts as the message has them.
fn facts(scene: &Scene<'_>) -> Verdict {
    let record = &scene.world.record;
    for (fact, FactSnapshot { value, last, since }) in &scene.message.facts {
        let raw = record.last(fact);
        require(*value == record.now(fact), || format!("{fact} is {:?}, and not {value:?}", record.now(fact)))?;
        let raw = (raw.map(|raw| raw.value), raw.map(|raw| raw.at));
        require((*last, *since) == raw, || format!("{fact} was last {raw:?}, and not {last:?} since {since:?}"))?;
    }
    Ok(())
}

/// What a channel was told before: nothing after the end, no end without a beginning, nobody of their own doing.
fn order(world: &World, message: &Notification) -> Verdict {
    let Some(incident) = message.incident() else { return Ok(()) };
    let told = |told: &&crate::world::Told| told.incident == incident.id && told.recipient == message.recipient;
    let before: Vec<Kind> = world.told.iter().filter(told).map(|told| told.kind).collect();
    require(!before.iter().any(|kind| matches!(kind, Kind::Resolved | Kind::Past)), || {
        format!("after the end: {before:?}")
    })?;
    match message.kind {
        Kind::Resolved | Kind::Acknowledged => {
            require(!before.is_empty(), || "it was told of no beginning".to_owned())?
        }
        Kind::Past => require(before.is_empty(), || format!("it was told {before:?}"))?,
        _ => {}
    }
    let by = incident.acknowledged.as_ref().map(|acknowledged| acknowledged.by.to_lowercase());
    let own = message.kind == Kind::Acknowledged && by.is_some_and(|by| by == message.recipient.to_lowercase());
    require(!own, || "they hear of their own acknowledgement".to_owned())
}

/// Decides a sentence by the first claim that fits it.
fn decide(scene: &Scene<'_>, claims: &[Claim], sentence: &str) -> Verdict {
    let fits = |hole: &str, text: &str| scene.fits(hole, text);
    let claim = claims.iter().find_map(|claim| Some((claim, fill(claim.0, sentence, &fits)?)));
    if let Some(((pattern, allows), holes)) = claim {
        reached::note(pattern);
        return require(allows(scene, &Holes(holes)), || format!("the facts deny `{sentence}`, by `{pattern}`"));
    }
    let near = claims.iter().find_map(|(pattern, _)| Some((pattern, fill(pattern, sentence, &|_, _| true)?)));
    let Some((pattern, holes)) = near else { return Err(format!("no claim covers `{sentence}`")) };
    let wrong: Vec<_> = holes.iter().filter(|(hole, text)| !scene.fits(hole, text)).collect();
    Err(format!("the facts deny `{sentence}`, by `{pattern}`: {wrong:?}"))
}

fn about_subject(scene: &Scene<'_>, subject: &str) -> Verdict {
    if scene.message.wording.is_some() {
        return decide(scene, OWN_WORDS, subject);
    }
    let (headline, rest) = subject
        .strip_prefix('[')
        .and_then(|subject| subject.split_once("] "))
        .ok_or_else(|| format!("the subject `{subject}` has no brackets"))?;
    // "Third look: over, 14:02 to 14:31, door still on"
    let claims = |at: usize| [HEADLINES, IN_SHORT][usize::from(at > 0)];
    let (news, facts) = headline_parts(headline);
    [news].into_iter().chain(facts).enumerate().try_for_each(|(at, part)| decide(scene, claims(at), part))?;
    decide(scene, SUBJECTS, rest)
}

/// Returns the news of a headline, and the facts behind it: `Power was back after 9 minutes`, `mains power now off`.
fn headline_parts(headline: &str) -> (&str, Vec<&str>) {
    let mut parts = headline.split(", ");
    let news = parts.next().unwrap_or_default();
    let Some(times) = news.strip_suffix(": over").and(parts.clone().next()) else { return (news, parts.collect()) };
    (&headline[..news.len() + ", ".len() + times.len()], parts.skip(1).collect())
}

fn about_text(scene: &Scene<'_>, text: &str) -> Verdict {
    if scene.message.wording.is_some() {
        return sentences(text).into_iter().try_for_each(|sentence| decide(scene, OWN_WORDS, sentence));
    }
    let mut listed = BTreeSet::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        match fact_line(scene, line) {
            Some((fact, verdict)) => {
                verdict?;
                listed.insert(fact);
            }
            None => sentences(line).into_iter().try_for_each(|sentence| decide(scene, SENTENCES, sentence))?,
        }
    }
    let known: BTreeSet<String> = scene.world.record.known().map(fact_title).collect();
    require(listed == known, || format!("the facts are {known:?}, and the text lists {listed:?}"))
}

/// Checks a line of the list of facts: its value, and since when it has it or that it was only seen last.
fn fact_line(scene: &Scene<'_>, line: &str) -> Option<(String, Verdict)> {
    let record = &scene.world.record;
    let (fact, title) = record
        .known()
        .map(|fact| (fact, fact_title(fact)))
        .find(|(_, title)| line.strip_prefix(title.as_str()).is_some_and(|rest| rest.starts_with(": ")))?;
    let last = record.last(fact)?;
    let value = match last.value {
        Value::Number(number) => format!("{number} %"),
        named => named.to_string(),
    };
    let tail = if !scene.seen(fact) {
        ", when last seen".to_owned()
    } else if matches!(last.value, Value::Number(_)) {
        String::new()
    } else {
        format!(", since {}", scene.time(last.at))
    };
    let expected = format!("{title}: {value}{tail}");
    Some((title, require(line == expected, || format!("it is `{expected}`, and not `{line}`"))))
}

/// A page says what the text says, and beside that only what [`PAGE`] allows.
fn page(scene: &Scene<'_>, subject: &str, text: &str, html: &str) -> Verdict {
    let headline = subject.split_once("] ").map_or(subject, |(headline, _)| headline.trim_start_matches('['));
    let mut said: Vec<String> = text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect();
    said.extend([headline.to_owned(), scene.message.device.name.clone(), subject.to_owned()]);
    let shown = visible(html);
    for line in &said {
        require(shown.contains(line), || format!("the page does not say `{line}`: {shown:?}"))?;
    }
    shown.iter().filter(|line| !said.contains(line)).try_for_each(|line| decide(scene, PAGE, line))
}

/// Returns the pieces of text of a page.
fn visible(html: &str) -> Vec<String> {
    let mut pieces = Vec::new();
    let mut rest = html;
    while let Some((before, after)) = rest.split_once('<') {
        pieces.push(before);
        let skipped = ["style", "!--"].iter().find(|name| after.starts_with(**name));
        let end = match skipped {
            Some(&"style") => after.find("</style>").map(|at| at + "</style>".len()),
            Some(_) => after.find("-->").map(|at| at + "-->".len()),
            None => after.find('>').map(|at| at + 1),
        };
        rest = end.map_or("", |end| &after[end..]);
    }
    pieces.push(rest);
    let plain = |piece: &str| {
        let entities = [
            ("&quot;", "\""),
            ("&#x27;", "'"),
            ("&#x2f;", "/"),
            ("&#39;", "'"),
            ("&lt;", "<"),
            ("&gt;", ">"),
            ("&nbsp;", " "),
            ("&amp;", "&"),
        ];
        let plain =
            entities.iter().fold(piece.trim().to_owned(), |text, (entity, letter)| text.replace(entity, letter));
        plain.trim().to_owned()
    };
    pieces.into_iter().map(plain).filter(|piece| !piece.is_empty()).collect()
}

/// The plain document says what the message has, which was checked before.
fn document(scene: &Scene<'_>, subject: &str, text: &str) -> Verdict {
    let json = body(scene.world, scene.message, None)?;
    let expect = |pointer: &str, value: Json| {
        let said = json.pointer(pointer);
        require(said == Some(&value), || format!("{pointer} is {said:?}, and not {value}"))
    };
    let text_of = |value: &dyn Fn() -> Option<Json>| value().unwrap_or(Json::Null);
    expect("/subject", subject.into())?;
    expect("/text", text.into())?;
    expect("/kind", scene.message.kind.as_str().into())?;
    expect("/time", scene.message.at.to_string().into())?;
    for (fact, snapshot) in &scene.message.facts {
        let at = |key: &str| format!("/facts/{fact}/{key}");
        expect(&at("value"), serde_json::to_value(snapshot.value).unwrap_or_default())?;
        expect(&at("last"), serde_json::to_value(snapshot.last).unwrap_or_default())?;
        expect(&at("since"), serde_json::to_value(snapshot.since).unwrap_or_default())?;
    }
    let Some(incident) = scene.incident() else { return expect("/incident", Json::Null) };
    let stored = serde_json::to_value(incident).map_err(|error| error.to_string())?;
    for key in ["since", "opened_at", "ended", "ended_by", "facts_at_end", "since_reported", "ended_reported"] {
        let absent = if key == "facts_at_end" { Json::Object(Default::default()) } else { Json::Null };
        expect(&format!("/incident/{key}"), text_of(&|| stored.get(key).cloned().or(Some(absent.clone()))))?;
    }
    expect("/incident/uncertain", incident.uncertain.into())?;
    if !scene.world.edited {
        expect("/incident/unseen", scene.is_unseen().into())?;
    }
    let Some(acknowledged) = &incident.acknowledged else { return expect("/incident/acknowledged", Json::Null) };
    expect("/incident/acknowledged/by", acknowledged.by.clone().into())?;
    expect("/incident/acknowledged/at", acknowledged.at.to_string().into())?;
    expect("/incident/acknowledged/lapsed", serde_json::to_value(acknowledged.lapsed).unwrap_or_default())
}

/// The bodies for services have no words but the subject's and the text's.
fn layouts(world: &World, message: &Notification, subject: &str, text: &str) -> Verdict {
    for template in ["slack", "discord", "telegram", "ntfy"] {
        let json = body(world, message, Some(template))?;
        let mut strings = Vec::new();
        collect(&json, &mut strings);
        let words = strings.iter().filter(|said| said.contains(' '));
        for said in words {
            let both = format!("{subject}\n\n{text}");
            require([subject, text, both.as_str()].contains(&said.as_str()), || format!("{template} says `{said}`"))?;
        }
    }
    Ok(())
}

fn collect(json: &Json, strings: &mut Vec<String>) {
    match json {
        Json::String(text) => strings.push(text.clone()),
        Json::Array(items) => items.iter().for_each(|item| collect(item, strings)),
        Json::Object(fields) => fields.values().for_each(|value| collect(value, strings)),
        _ => {}
    }
}
