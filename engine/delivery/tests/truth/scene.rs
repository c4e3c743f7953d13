//! One message, beside the raw facts at the moment at which it was made.

use dag_delivery::TimeFormatter;
use dag_engine::{About, Cause, EndedBy, IncidentSnapshot, Name, Notification, Time, Value};

use crate::{
    length::is_length,
    plan::{CONDITIONS, Condition, MAINS, title},
    record::{Change, Record},
    world::World,
};

pub struct Scene<'a> {
    pub world: &'a World,
    pub message: &'a Notification,
    words: TimeFormatter,
}

/// What stands in the holes of a sentence.
pub struct Holes<'a>(pub Vec<(&'a str, &'a str)>);

impl Holes<'_> {
    fn get(&self, hole: &str) -> &str {
        self.0.iter().find(|(name, _)| *name == hole).map_or("", |(_, text)| text)
    }

    /// The fact that the sentence is about.
    pub fn fact(&self) -> &'static str {
        match self.get("fact") {
            "mains power" => "power",
            "monitor" | "connection of the monitor" => "connection",
            "battery" => "battery",
            "door" => "door",
            _ => "",
        }
    }

    fn value(&self, hole: &str) -> Option<Value> {
        let text = self.get(hole);
        let number = text.strip_prefix("at ").and_then(|text| text.strip_suffix(" %"));
        Value::parse(number.unwrap_or(text))
    }
}

impl<'a> Scene<'a> {
    pub fn new(world: &'a World, message: &'a Notification) -> Self {
        Scene { world, message, words: TimeFormatter::new(&message.timezone, message.at) }
    }

    fn record(&self) -> &'a Record {
        &self.world.record
    }

    pub fn incident(&self) -> Option<&'a IncidentSnapshot> {
        self.message.incident()
    }

    /// The condition of the incident's rule, as it is now.
    pub fn condition(&self) -> Option<&'static Condition> {
        let rule = self.world.plan.rule(&self.incident()?.rule)?;
        Some(&CONDITIONS[rule.condition])
    }

    /// The incident is of a rule about the mains alone.
    pub fn is_mains(&self) -> bool {
        self.condition().is_some_and(|condition| condition.text == CONDITIONS[MAINS].text)
    }

    fn since(&self) -> Time {
        self.incident().map_or(Time::MIN, |incident| incident.since)
    }

    fn ended(&self) -> Option<Time> {
        self.incident()?.ended
    }

    // The mains.

    /// The mains are on now, as they have been since the incident ended.
    pub fn is_back(&self) -> bool {
        let last = self.record().last("power");
        self.seen("power") && last.is_some_and(|last| last.value == Value::On && Some(last.at) == self.ended())
    }

    /// The mains came back at the end of the incident.
    pub fn came_back(&self) -> bool {
        self.ended().is_some_and(|ended| self.record().changed_to("power", Value::On, ended))
    }

    /// The mains went out at the beginning of the incident. By a rule that was edited they may have been out before. An
    /// incident that began by another condition keeps its beginning, which is then not of the mains.
    pub fn went_out(&self) -> bool {
        if self.is_of_other_conditions() {
            return true;
        }
        let was_out = self.record().value_at("power", self.since()) == Some(Value::Off);
        self.record().changed_to("power", Value::Off, self.since()) || self.world.edited && was_out
    }

    /// The mains have been off from the beginning of the incident until now, as far as is known.
    pub fn is_out(&self) -> bool {
        let last = self.record().last("power");
        let is_since_then = |last: Change| last.value == Value::Off && last.at <= self.since();
        self.lasts() && self.went_out() && last.is_some_and(is_since_then)
    }

    /// The mains were off from the beginning of the incident to its end, and never on between.
    pub fn was_out(&self) -> bool {
        let Some(ended) = self.ended() else { return false };
        let power = self.record().changes("power");
        let is_one = power.windows(2).all(|pair| {
            let [from, to] = pair else { return true };
            let inside = from.value == Value::On && to.at > self.since() && from.at < ended;
            !inside
        });
        self.went_out() && self.came_back() && (is_one || self.is_of_other_conditions())
    }

    /// The incident never nearly ended, nor was its condition without an answer.
    pub fn held(&self) -> bool {
        let incident = self.incident();
        incident.is_some_and(|incident| !self.world.interrupted.contains(&incident.id))
    }

    /// The condition of its rule was another for a part of the incident.
    fn is_of_other_conditions(&self) -> bool {
        self.incident().is_some_and(|incident| self.world.began_otherwise.contains(&incident.id))
    }

    /// The last report had this value of the mains, and the sensor is not lost.
    pub fn power_is(&self, value: Value) -> bool {
        self.record().now("power") == Some(value)
    }

    // The connection.

    /// The device is away, and its last report said that the mains were off.
    pub fn went_silent(&self) -> bool {
        let was_off = self.record().last("power").is_some_and(|last| last.value == Value::Off);
        was_off && self.is_away()
    }

    /// The device was connected at the end of the incident.
    pub fn was_heard(&self) -> bool {
        self.ended().is_some_and(|ended| self.record().values_in("connection", ended).contains(&Value::Connected))
    }

    pub fn is_away(&self) -> bool {
        self.record().now("connection") == Some(Value::Disconnected)
    }

    pub fn is_heard(&self) -> bool {
        self.record().now("connection") == Some(Value::Connected)
    }

    // The incident.

    pub fn lasts(&self) -> bool {
        self.incident().is_some_and(|incident| incident.ended.is_none())
    }

    pub fn has_ended(&self) -> bool {
        self.ended().is_some()
    }

    /// The incident ended because the facts of its rule changed.
    pub fn is_over(&self) -> bool {
        self.incident().is_some_and(|incident| incident.ended.is_some() && incident.ended_by.is_none())
    }

    pub fn ended_by(&self, by: EndedBy) -> bool {
        self.incident().is_some_and(|incident| incident.ended_by == Some(by))
    }

    /// A fact that the rule reads is not as it was when the incident ended.
    pub fn has_changed(&self) -> bool {
        let Some(ended) = self.ended() else { return false };
        let changed = |(fact, then): (&Name, &Option<Value>)| {
            let last = self.record().last(fact);
            !self.seen(fact) || last.is_some_and(|last| last.at > ended || Some(last.value) != *then)
        };
        // The rule may be another by now.
        self.incident().is_some_and(|incident| incident.facts_at_end.iter().any(changed))
    }

    /// The condition has no answer now, or the device of which the mains are told is not connected.
    pub fn is_unseen(&self) -> bool {
        let asked = self.condition().is_some_and(|condition| condition.now(self.record()).is_none());
        self.lasts() && (asked || self.is_mains() && !self.seen("power"))
    }

    /// These came late, and no other.
    pub fn was_reported_late(&self, since: bool, ended: bool) -> bool {
        let Some(incident) = self.incident() else { return false };
        (incident.since_reported.is_some(), incident.ended_reported.is_some()) == (since, ended)
    }

    // People.

    /// Somebody acknowledged the incident, as the message says.
    pub fn is_acknowledged(&self) -> bool {
        let Some(incident) = self.incident() else { return false };
        let last = self.world.acknowledged.get(&incident.id).and_then(|all| all.last());
        let said = incident.acknowledged.as_ref();
        said.is_some() && last.map(|(by, at)| (by.as_str(), *at)) == said.map(|said| (said.by.as_str(), said.at))
    }

    pub fn was_ever_acknowledged(&self) -> bool {
        self.incident().is_some_and(|incident| self.world.acknowledged.contains_key(&incident.id))
    }

    /// The last acknowledgement has lapsed.
    pub fn has_lapsed(&self) -> bool {
        let lapsed = self.incident().and_then(|incident| incident.acknowledged.as_ref()).and_then(|ack| ack.lapsed);
        self.is_acknowledged() && lapsed.is_some_and(|lapsed| lapsed <= self.message.at)
    }

    // A fact, at the end and now.

    /// The sensor of the fact is not lost.
    pub fn is_known(&self, fact: &str) -> bool {
        self.record().now(fact).is_some()
    }

    /// The fact is known now, and the device is connected as far as is known.
    pub fn seen(&self, fact: &str) -> bool {
        self.is_known(fact) && (fact == "connection" || !self.is_away())
    }

    /// The fact has the value `{value}` now.
    pub fn is(&self, holes: &Holes<'_>) -> bool {
        let value = holes.value("value");
        value.is_some() && self.seen(holes.fact()) && self.record().now(holes.fact()) == value
    }

    fn last(&self, holes: &Holes<'_>) -> Option<Change> {
        self.record().last(holes.fact())
    }

    /// The fact has the value `{value}` now, as it has had since the incident began, without a change.
    pub fn is_still(&self, holes: &Holes<'_>) -> bool {
        self.is(holes) && self.last(holes).is_some_and(|last| last.at <= self.since())
    }

    /// The fact changed last at the end of the incident, or before it.
    pub fn is_from_before_the_end(&self, holes: &Holes<'_>) -> bool {
        self.last(holes).is_some_and(|last| Some(last.at) <= self.ended())
    }

    /// The fact has the value `{value}` since `{fact_since}`.
    pub fn is_since(&self, holes: &Holes<'_>) -> bool {
        self.is(holes) && self.last(holes).is_some_and(|last| self.is_time(holes.get("fact_since"), last.at))
    }

    /// The same, and it had the value before and was another in between.
    pub fn is_again(&self, holes: &Holes<'_>) -> bool {
        self.is_since(holes) && self.last(holes).is_some_and(|last| Some(last.at) > self.ended())
    }

    /// The fact was `{then}` at the end of the incident.
    pub fn was(&self, holes: &Holes<'_>) -> bool {
        let Some((value, ended)) = holes.value("then").zip(self.ended()) else { return false };
        self.record().values_in(holes.fact(), ended).contains(&value)
    }

    /// The fact was not known at the end of the incident.
    pub fn was_unknown(&self, holes: &Holes<'_>) -> bool {
        self.ended().is_some_and(|ended| self.record().lost_at(holes.fact(), ended))
    }

    /// The last known value of the fact is `{last}`.
    pub fn was_last(&self, holes: &Holes<'_>) -> bool {
        let value = holes.value("last");
        value.is_some() && self.last(holes).map(|last| last.value) == value
    }

    // The monitor itself.

    /// The message is about a sensor that is lost, and it is.
    pub fn is_lost(&self, fact: &str) -> bool {
        self.is_lost_sensor()
            && matches!(&self.message.about, About::Trouble(trouble)
                if matches!(&trouble.cause, Cause::Sensor { fact: lost, .. } if lost == fact))
    }

    pub fn is_lost_sensor(&self) -> bool {
        let About::Trouble(trouble) = &self.message.about else { return false };
        let Cause::Sensor { fact, .. } = &trouble.cause else { return false };
        self.record().lost_since(fact) == Some(trouble.since)
    }

    // Words.

    /// Returns whether a hole of a pattern may hold a text.
    pub fn fits(&self, hole: &str, text: &str) -> bool {
        let incident = self.incident();
        let time = |at: Option<Time>| at.is_some_and(|at| self.is_time(text, at));
        let until = self.ended().unwrap_or(self.message.at);
        let ack = incident.and_then(|incident| incident.acknowledged.as_ref());
        match hole {
            "place" => text == self.message.device.name,
            "what" => {
                let named = incident.is_some_and(|incident| text == title(&incident.rule));
                named || self.is_mains() && text == "Power outage"
            }
            "rule" => incident.is_some_and(|incident| text == incident.rule),
            "since" => time(incident.map(|incident| incident.since)),
            "stamp" => incident.is_some_and(|incident| text == self.words.stamp(incident.since)),
            "ended" => time(self.ended()),
            "span" => text == self.words.span(self.since(), until),
            "battery" => {
                let level = self.record().last("battery").map(|last| last.value);
                level.is_some_and(|level| level.to_string() == text)
            }
            "lasted" => is_length(text, self.since(), until),
            "by" => ack.is_some_and(|ack| ack.by == text),
            "acknowledged" => time(ack.map(|ack| ack.at)),
            "lapsed" => time(ack.and_then(|ack| ack.lapsed)),
            "since_reported" => time(incident.and_then(|incident| incident.since_reported)),
            "ended_reported" => time(incident.and_then(|incident| incident.ended_reported)),
            "both_reported" => self.fits("since_reported", text) && self.fits("ended_reported", text),
            "trouble_since" => match &self.message.about {
                About::Trouble(trouble) => time(Some(trouble.since)),
                _ => false,
            },
            "number" => incident.is_some_and(|incident| text == incident.number.to_string()),
            "device" => text == self.message.device.id,
            "fact" => !Holes(vec![("fact", text)]).fact().is_empty(),
            "value" | "then" | "last" => Holes(vec![("value", text)]).value("value").is_some(),
            "power" => self.record().last("power").is_some_and(|last| last.value.to_string() == text),
            // The claims decide these.
            "fact_since" | "sensor" | "rules" | "minutes" | "clock" => true,
            other => panic!("no hole `{other}`"),
        }
    }

    /// Returns whether a text is a time, with or without seconds.
    fn is_time(&self, text: &str, at: Time) -> bool {
        text == self.words.time(at) || text == self.words.time_with_seconds(at)
    }

    pub fn time(&self, at: Time) -> String {
        self.words.time(at)
    }
}
