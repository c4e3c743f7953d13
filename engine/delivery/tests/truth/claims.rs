//! Every sentence of the shipped templates, and when the raw facts allow it.
//!
//! A row is a pattern and a function that decides. The first row that fits a sentence counts. What a hole may hold
//! follows from its name (`Scene::fits`): `{since}` is when the incident began, and nothing else. A sentence that no
//! row fits fails the tests, and so does a literal of a template that is in no row: so a new sentence needs a row.

use dag_engine::{EndedBy, Kind, Value};

use crate::scene::{Holes, Scene};

/// Returns whether the facts allow a sentence, of which these are the holes.
pub type Allows = fn(&Scene<'_>, &Holes<'_>) -> bool;

/// The row of a sentence.
pub type Claim = (&'static str, Allows);

/// All claims.
pub const ALL: [&[Claim]; 6] = [HEADLINES, IN_SHORT, SUBJECTS, SENTENCES, OWN_WORDS, PAGE];

/// What the raw facts cannot deny.
const NOTHING: Allows = |_, _| true;

const LASTS: Allows = |scene, _| scene.lasts();
const UNSEEN: Allows = |scene, _| scene.lasts() && scene.is_unseen();
const OVER: Allows = |scene, _| scene.is_over();
const OVER_AND_CHANGED: Allows = |scene, _| scene.is_over() && scene.has_changed();
const NO_LONGER: Allows = |scene, _| scene.has_ended();
const BY_CLOCK: Allows = |scene, _| scene.ended_by(EndedBy::Clock);
const BY_EDIT: Allows = |scene, _| scene.ended_by(EndedBy::Edit);
const BY_LOSS: Allows = |scene, _| scene.ended_by(EndedBy::LostSensor);
const REMOVED: Allows = |scene, _| scene.ended_by(EndedBy::RuleRemoved);
const ACKNOWLEDGED: Allows = |scene, _| scene.is_acknowledged();
const PAST: Allows = |scene, _| scene.message.kind == Kind::Past;
const OUT: Allows = |scene, _| scene.is_out();
const WENT_OUT: Allows = |scene, _| scene.went_out();
const WAS_OUT: Allows = |scene, _| scene.was_out();
/// It held all the time, as far as it was seen.
const HELD_AND_OVER: Allows = |scene, _| scene.is_over() && scene.held();
const HELD_AND_NO_LONGER: Allows = |scene, _| scene.has_ended() && scene.held();
const LASTS_SINCE: Allows = |scene, _| scene.lasts() && scene.held();
/// The mains were out at the beginning, and on again at the end.
const OUT_AT_TIMES: Allows = |scene, _| scene.went_out() && scene.came_back();
const BACK_AGAIN: Allows = |scene, _| scene.went_out() && scene.is_back();
const BACK: Allows = |scene, _| scene.is_back();
const CAME_BACK: Allows = |scene, _| scene.came_back();

/// The change that a subject names, in its brackets.
pub const HEADLINES: &[Claim] = &[
    ("Power is out", OUT),
    ("Power still out after {lasted}", OUT),
    ("Power still out", OUT),
    ("Power was out when last seen", |scene, _| scene.is_out() && scene.is_unseen()),
    ("Power is back after {lasted} with interruptions", BACK_AGAIN),
    ("Power is back after {lasted}", |scene, _| scene.is_back() && scene.was_out()),
    ("Power was back after {lasted} with interruptions", OUT_AT_TIMES),
    ("Power was back after {lasted}", WAS_OUT),
    ("Power was out {span} with interruptions", OUT_AT_TIMES),
    ("Power was out {span}", WAS_OUT),
    ("{what}: no longer watched", REMOVED),
    ("{what}: acknowledged by {by}", ACKNOWLEDGED),
    ("{what}: no longer counts", NO_LONGER),
    ("{what}: no longer counts after {lasted}", HELD_AND_NO_LONGER),
    ("{what}: counted {span} with interruptions", |scene, _| scene.has_ended() && scene.message.kind == Kind::Past),
    ("{what}: counted {span}", |scene, _| scene.has_ended() && scene.message.kind == Kind::Past),
    ("{what}: over after {lasted} with interruptions", OVER),
    ("{what}: over after {lasted}", HELD_AND_OVER),
    ("{what}: was over after {lasted} with interruptions", OVER_AND_CHANGED),
    ("{what}: was over after {lasted}", OVER_AND_CHANGED),
    ("{what}: over, {span} with interruptions", OVER),
    ("{what}: over, {span}", HELD_AND_OVER),
    ("{what}: not seen at present", UNSEEN),
    ("{what} for {lasted} with interruptions", LASTS),
    ("{what} with interruptions", LASTS),
    ("{what} for {lasted}", LASTS_SINCE),
    ("{what}", LASTS),
    ("Monitor: cannot tell if the power is on", |scene, _| scene.is_lost("power")),
    ("Monitor: a sensor gives no answer", |scene, _| scene.is_lost_sensor()),
];

/// What follows in the brackets: the facts of now, in short.
pub const IN_SHORT: &[Claim] = &[
    ("{fact} not known now", |scene, holes| !scene.seen(holes.fact())),
    ("{fact} not known", |scene, holes| !scene.seen(holes.fact())),
    ("{fact} still {value}", |scene, holes| scene.is_still(holes)),
    ("{fact} now {value}", |scene, holes| scene.is(holes)),
    ("{fact} {value}", |scene, holes| scene.is(holes) && scene.is_from_before_the_end(holes)),
];

/// The rest of a subject.
pub const SUBJECTS: &[Claim] = &[("{place}, {stamp}", NOTHING), ("{place}, {sensor} sensor", NOTHING)];

/// The sentences of a text.
pub const SENTENCES: &[Claim] = &[
    // The mains.
    ("The mains power at {place} has been out since {since}", OUT),
    ("The mains power at {place} has been out since {since}, for {lasted} so far", OUT),
    ("The mains power at {place} is still out", OUT),
    ("The outage began at {since}, {lasted} ago", WENT_OUT),
    ("The outage began at {since}", WENT_OUT),
    ("The mains power at {place} is back", BACK),
    ("The mains power at {place} came back at {ended}", CAME_BACK),
    ("It was out from {span}, for {lasted}", WAS_OUT),
    ("It was out from {span}, with interruptions: in between it was on at times, or could not be seen", OUT_AT_TIMES),
    ("The mains power at {place} was out from {span}, for {lasted}", WAS_OUT),
    (
        "The mains power at {place} was out from {span}, with interruptions: in between it was on at times, or could \
         not be seen",
        OUT_AT_TIMES,
    ),
    ("It was back before anything about it was sent here", PAST),
    ("The mains power at {place} went out at {since}", WENT_OUT),
    ("It cannot be seen at present: out is how it was last seen", |scene, _| scene.is_unseen() && scene.is_out()),
    ("The power outage at {place} was acknowledged by {by} at {acknowledged}", ACKNOWLEDGED),
    // Any incident.
    ("{what} at {place} since {since}", LASTS),
    ("{what} at {place} since {since}, for {lasted} so far", LASTS_SINCE),
    (
        "{what} at {place} began at {since}, {lasted} ago, with interruptions: in between it was over at times, or \
         could not be seen",
        LASTS,
    ),
    (
        "It began at {since}, {lasted} ago, with interruptions: in between it was over at times, or could not be seen",
        LASTS,
    ),
    ("{what} at {place} is not over", LASTS),
    ("{what} at {place} began at {since}", LASTS),
    ("Whether it lasts cannot be seen at present", UNSEEN),
    ("It began at {since}, {lasted} ago", LASTS),
    ("It began at {since}", LASTS),
    ("{what} at {place} is over", OVER),
    ("{what} at {place} was over at {ended}", OVER_AND_CHANGED),
    ("It lasted {lasted}, from {span}", HELD_AND_OVER),
    ("It lasted from {span}, with interruptions: in between it was over at times, or could not be seen", OVER),
    ("{what} at {place} from {span}, for {lasted}", HELD_AND_OVER),
    ("{what} at {place} from {span}, with interruptions: in between it was over at times, or could not be seen", OVER),
    ("It was over before anything about it was sent here", PAST),
    // What no longer counts, and is not known to be over.
    ("From {ended} on this is not counted as an outage at {place} any more (by the clock)", BY_CLOCK),
    (
        "From {ended} on this is not counted as an outage at {place} any more (by an edit of the rules or settings)",
        BY_EDIT,
    ),
    ("From {ended} on this is not counted as an outage at {place} any more (because a sensor was lost)", BY_LOSS),
    ("From {ended} on this is not counted as an outage at {place} any more", NO_LONGER),
    ("From {ended} on this is not counted as \"{what}\" at {place} any more (by the clock)", BY_CLOCK),
    (
        "From {ended} on this is not counted as \"{what}\" at {place} any more (by an edit of the rules or settings)",
        BY_EDIT,
    ),
    ("From {ended} on this is not counted as \"{what}\" at {place} any more (because a sensor was lost)", BY_LOSS),
    ("From {ended} on this is not counted as \"{what}\" at {place} any more", NO_LONGER),
    ("It was counted from {span}, for {lasted}", HELD_AND_NO_LONGER),
    (
        "It was counted from {span}, with interruptions: in between it was over at times, or could not be seen",
        NO_LONGER,
    ),
    ("Nothing about it was sent here before", PAST),
    ("The rule \"{rule}\" is no longer among the rules, so {place} is no longer watched for it", REMOVED),
    ("That closes what began at {since}", REMOVED),
    ("It does not say that the mains power is back", NOTHING),
    ("It does not say that all is well", NOTHING),
    // The facts at the end, and now.
    ("The {fact} is not known", |scene, holes| !scene.seen(holes.fact())),
    ("The {fact} is not known; when last seen, it was {last}", |scene, holes| {
        !scene.seen(holes.fact()) && scene.was_last(holes)
    }),
    ("The {fact} is not known now", |scene, holes| !scene.seen(holes.fact())),
    ("The {fact} is not known now; when last seen, it was {last}", |scene, holes| {
        !scene.seen(holes.fact()) && scene.was_last(holes)
    }),
    ("The {fact} is {value}", |scene, holes| scene.is(holes)),
    ("The {fact} is still {value}", |scene, holes| scene.is_still(holes)),
    ("The {fact} is {value} now", |scene, holes| scene.is(holes)),
    ("The {fact} has been {value} again since {fact_since}", |scene, holes| scene.is_again(holes)),
    ("The {fact} has been {value} since {fact_since}", |scene, holes| scene.is_since(holes)),
    ("The {fact} was not known at {ended}, and is {value} now", |scene, holes| {
        scene.was_unknown(holes) && scene.is(holes)
    }),
    ("The {fact} was not known at {ended}, and has been {value} since {fact_since}", |scene, holes| {
        scene.was_unknown(holes) && scene.is_since(holes)
    }),
    ("The {fact} was {then} at {ended}, and is not known now", |scene, holes| {
        scene.was(holes) && !scene.seen(holes.fact())
    }),
    ("The {fact} was {then} at {ended}, and is not known now; when last seen, it was {last}", |scene, holes| {
        scene.was(holes) && !scene.seen(holes.fact()) && scene.was_last(holes)
    }),
    ("The {fact} was {then} at {ended}, and is {value} now", |scene, holes| scene.was(holes) && scene.is(holes)),
    ("The {fact} was {then} at {ended}, and has been {value} again since {fact_since}", |scene, holes| {
        scene.was(holes) && scene.is_again(holes)
    }),
    ("The {fact} was {then} at {ended}, and has been {value} since {fact_since}", |scene, holes| {
        scene.was(holes) && scene.is_since(holes)
    }),
    ("The monitor is not connected at present", |scene, _| scene.is_away()),
    // Who, and by which clock.
    ("{what} at {place} was acknowledged by {by} at {acknowledged}", ACKNOWLEDGED),
    ("It was acknowledged by {by} at {acknowledged}", ACKNOWLEDGED),
    ("The acknowledgement by {by} of {acknowledged} lapsed at {lapsed}", |scene, _| scene.has_lapsed()),
    ("Nobody has acknowledged it", |scene, _| !scene.was_ever_acknowledged()),
    ("The clock of the monitor was not set, so the times in this message may be wrong", |scene, _| {
        scene.world.ever_uncertain
    }),
    ("This was reported late, at {ended_reported}", |scene, _| scene.was_reported_late(false, true)),
    ("This was reported late, at {since_reported}", |scene, _| scene.was_reported_late(true, false)),
    ("That it began was reported late, at {since_reported}", |scene, _| scene.was_reported_late(true, false)),
    ("Both were reported late, at {both_reported}", |scene, _| scene.was_reported_late(true, true)),
    ("Both were reported late: the beginning at {since_reported}, the end at {ended_reported}", |scene, _| {
        scene.was_reported_late(true, true)
    }),
    // The monitor itself.
    (
        "Since {trouble_since} the monitor at {place} has been unable to tell whether the mains power is on or off: \
         the sensor gives no answer",
        |scene, _| scene.is_lost("power"),
    ),
    (
        "Since {trouble_since} the monitor at {place} has been unable to read the {sensor}: the sensor gives no answer",
        |scene, _| scene.is_lost_sensor(),
    ),
    ("When last seen, the power was {power}", NOTHING),
    ("Until it answers, an outage goes unnoticed: no news is not good news", NOTHING),
    ("Until it answers, a change goes unnoticed: no news is not good news", NOTHING),
    ("Rules that wait for its answer: {rules}", NOTHING),
    ("Until then nothing new is told of them", NOTHING),
    ("What to do: check the sensor and its cable, or the UPS that it is part of", NOTHING),
    ("Watching goes on by itself as soon as it answers; no message follows then", NOTHING),
];

/// The subjects and sentences of the shipped scripts.
pub const OWN_WORDS: &[Claim] = &[
    ("{place}: battery at {battery} %, on mains", |scene, _| scene.power_is(Value::On)),
    ("{place}: battery at {battery} %, and the mains are not seen", |scene, _| !scene.is_known("power")),
    ("{place}: battery at {battery} %, enough until about {clock}", |scene, _| scene.power_is(Value::Off)),
    ("The battery of the monitor at {place} is at {battery} %", |scene, _| scene.seen("battery")),
    ("The mains are on, so it should be charging", |scene, _| scene.power_is(Value::On)),
    ("If it stays low it may be worn out, and the monitor would not outlast the next outage", NOTHING),
    ("Whether the mains are on is not known", |scene, _| !scene.is_known("power")),
    ("If they are off, that is enough for about {minutes} minutes, until about {clock}", NOTHING),
    ("That is enough for about {minutes} minutes, until about {clock}", |scene, _| scene.power_is(Value::Off)),
    ("After that it can tell nothing more, also not that the power is back", NOTHING),
    ("{place}: battery at {battery} %, and may be empty soon", |scene, _| !scene.power_is(Value::On)),
    ("It may stop at any moment", |scene, _| scene.power_is(Value::Off)),
    ("If they are off, it may stop at any moment", NOTHING),
    ("{place} went silent during an outage: it may have run out of battery", |scene, _| scene.went_silent()),
    ("Nothing is heard of {place} yet", |scene, _| scene.is_away()),
    ("Nothing is heard of {place}", |scene, _| scene.is_away()),
    ("Nothing is heard of the monitor at {place} yet", |scene, _| scene.is_away()),
    ("Nothing is heard of the monitor at {place}", |scene, _| scene.is_away()),
    ("By its last report the power was off", |scene, _| scene.went_silent()),
    ("It may have run out of battery, or the outage took the network with it", NOTHING),
    ("Whether the power is still off is not known", |scene, _| !scene.seen("power")),
    ("The reason may be the network, the router or the monitor", NOTHING),
    ("This closes what was told before, since more became known of the power", OVER),
    ("If it stays silent, another message tells of it", NOTHING),
    ("{place} was heard again, and is not now", |scene, _| scene.was_heard() && !scene.is_heard()),
    ("The monitor at {place} was heard again, but is not connected now", |scene, _| {
        scene.was_heard() && !scene.is_heard()
    }),
    ("{place} is heard again", |scene, _| scene.was_heard() && scene.is_heard()),
    ("The monitor at {place} is heard again", |scene, _| scene.was_heard() && scene.is_heard()),
    ("The power is on, as it says", |scene, _| scene.power_is(Value::On)),
    ("The power is off, by its last report", |scene, _| scene.power_is(Value::Off)),
    ("Whether the power is on is not known yet", |scene, _| !scene.is_known("power")),
    ("Whether the power is on is not known", |scene, _| !scene.seen("power")),
    ("No power at {place}", |scene, _| scene.power_is(Value::Off)),
    ("The power at {place} is off", |scene, _| scene.power_is(Value::Off) && scene.seen("power")),
    ("Please look after the freezer: the fuse box is behind the kitchen door", LASTS),
];

/// The words of a page beside those of the text.
pub const PAGE: &[Claim] = &[
    ("Critical", LASTS),
    ("Warning", LASTS),
    ("For your information", LASTS),
    ("Warning, not seen at present", UNSEEN),
    ("Acknowledged", ACKNOWLEDGED),
    ("Over", OVER),
    ("Over, and changed since", OVER_AND_CHANGED),
    ("Closed, and not known to be over", NO_LONGER),
    ("Trouble with the monitor", |scene, _| scene.incident().is_none()),
    ("Incident {number} of the rule {rule}, {device}", NOTHING),
    ("Told to the operators, {device}", NOTHING),
];
