//! The choice of the readings for the next message. Pure, so that tests can try any backlog.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use dag_engine::{Name, Reading, Time};
use dag_uplink::{LONGEST_REPORT, MOST_READINGS, SourceReport, UplinkReading};

use crate::{clock::ClockCorrection, store::QueuedReading};

/// The most confirmed readings of a source that are sent again: the broker has them, but the cloud may have lost them.
const MOST_RESENT: usize = 16;

/// The longest readings of a message, in bytes as JSON. The rest of the message is for the incidents.
const ROOM: usize = LONGEST_REPORT / 2;

/// The longest JSON of a source's part without its readings, and of a reading without its fact's name, in bytes. A
/// byte of a name takes at most six, as in `\u0000`.
const PART_BYTES: usize = 192;
const READING_BYTES: usize = 96;
const ESCAPED: usize = 6;

/// The greatest age that is sent, in milliseconds: a year. The cloud refuses a message with a greater one.
const GREATEST_AGE_MS: u64 = 365 * 86_400_000;

/// The last readings of each source that the broker confirmed, of the current boot.
#[derive(Clone, Debug, Default)]
pub struct ConfirmedReadings {
    by_source: BTreeMap<Name, RecentReadings>,
}

/// The last readings of one source, with numbers that follow each other.
#[derive(Clone, Debug, Default)]
struct RecentReadings {
    before: Option<u64>,
    readings: VecDeque<(u64, Reading)>,
}

impl RecentReadings {
    fn first(&self) -> u64 {
        self.readings.front().map_or(0, |(number, _)| *number)
    }

    fn last(&self) -> u64 {
        self.readings.back().map_or(0, |(number, _)| *number)
    }

    fn bytes(&self) -> usize {
        self.readings.iter().map(|(_, reading)| bytes(reading)).sum()
    }
}

impl ConfirmedReadings {
    /// Adds what the broker has confirmed, as far as it was read in `boot`.
    pub fn add<'a>(&mut self, queued: impl IntoIterator<Item = &'a QueuedReading>, boot: u64) {
        for QueuedReading { reading, before, .. } in queued {
            if reading.boot != boot {
                continue;
            }
            let recent = self.by_source.entry(reading.source.clone()).or_default();
            if reading.number != recent.last().saturating_add(1) {
                recent.readings.clear();
            }
            recent.before = *before;
            recent.readings.push_back((reading.number, reading.reading.clone()));
            if recent.readings.len() > MOST_RESENT {
                recent.readings.pop_front();
            }
        }
    }

    /// Moves the times of the readings, after the clock was set.
    pub fn clock_set(&mut self, set: &ClockCorrection) {
        for (_, reading) in self.by_source.values_mut().flat_map(|recent| recent.readings.iter_mut()) {
            reading.at = set.apply(reading.at);
        }
    }
}

/// Returns whether `next` goes into the same part as `last`.
fn follows(last: &QueuedReading, next: &QueuedReading) -> bool {
    let (last, next) = (&last.reading, &next.reading);
    last.source == next.source && last.boot == next.boot && last.number.checked_add(1) == Some(next.number)
}

/// Returns how many readings of the queue, oldest first, fit into one message: at least one.
pub fn count_fitting(queue: &[QueuedReading], confirmed: &ConfirmedReadings) -> usize {
    let (mut readings, mut room, mut last) = (0, 0, None);
    let mut seen = BTreeSet::new();
    for (at, queued) in queue.iter().enumerate() {
        readings += 1;
        room += bytes(&queued.reading.reading);
        if !last.is_some_and(|last| follows(last, queued)) {
            let source = &queued.reading.source;
            room += PART_BYTES + source.len() * ESCAPED;
            if let Some(recent) = confirmed.by_source.get(source).filter(|_| seen.insert(source)) {
                readings += recent.readings.len();
                room += recent.bytes();
            }
        }
        if at > 0 && (readings > MOST_READINGS || room > ROOM) {
            return at;
        }
        last = Some(queued);
    }
    queue.len()
}

/// Returns the readings of a message that is composed at `now`: those `taken` from the queue, in their order, and
/// before the first of each source the readings of it that were confirmed last.
///
/// `going_on` are the sources that have more readings behind in the queue. Where nothing is left behind at all
/// (`is_last`), sources without new readings send their confirmed ones again, as far as there is room.
pub fn compose_parts(
    taken: &[QueuedReading],
    confirmed: &ConfirmedReadings,
    boot: u64,
    now: Time,
    going_on: &BTreeSet<Name>,
    is_last: bool,
) -> Vec<SourceReport> {
    let mut parts: Vec<SourceReport> = Vec::new();
    let mut seen: BTreeSet<&Name> = BTreeSet::new();
    let mut last: Option<&QueuedReading> = None;
    for queued in taken {
        let reading = &queued.reading;
        if let Some(part) = parts.last_mut().filter(|_| last.is_some_and(|last| follows(last, queued))) {
            part.readings.push(to_uplink_reading(&reading.reading, now));
        } else {
            let recent = confirmed.by_source.get(&reading.source).filter(|recent| {
                seen.insert(&reading.source)
                    && reading.boot == boot
                    && recent.last().checked_add(1) == Some(reading.number)
            });
            let again = recent.map_or(0, |recent| recent.readings.len() as u64);
            let resent = recent.into_iter().flat_map(|recent| &recent.readings).map(|(_, reading)| reading);
            parts.push(SourceReport {
                source: reading.source.clone(),
                boot: reading.boot,
                before: queued.before,
                first: reading.number.saturating_sub(again),
                resent: again,
                more: false,
                readings: resent.chain([&reading.reading]).map(|reading| to_uplink_reading(reading, now)).collect(),
            });
        }
        last = Some(queued);
    }
    let mut later = going_on.clone();
    for part in parts.iter_mut().rev() {
        part.more = !later.insert(part.source.clone());
    }
    if is_last {
        resend_confirmed(&mut parts, confirmed, boot, now);
    }
    parts
}

/// Adds the confirmed readings of sources without new ones.
fn resend_confirmed(parts: &mut Vec<SourceReport>, confirmed: &ConfirmedReadings, boot: u64, now: Time) {
    let size = |part: &SourceReport| {
        let readings: usize = part.readings.iter().map(|reading| READING_BYTES + reading.fact.len() * ESCAPED).sum();
        PART_BYTES + part.source.len() * ESCAPED + readings
    };
    let mut readings: usize = parts.iter().map(|part| part.readings.len()).sum();
    let mut room: usize = parts.iter().map(size).sum();
    for (source, recent) in &confirmed.by_source {
        readings += recent.readings.len();
        room += PART_BYTES + source.len() * ESCAPED + recent.bytes();
        if readings > MOST_READINGS || room > ROOM {
            return;
        }
        if recent.readings.is_empty() || parts.iter().any(|part| part.source == *source) {
            continue;
        }
        parts.push(SourceReport {
            source: source.clone(),
            boot,
            before: recent.before,
            first: recent.first(),
            resent: recent.readings.len() as u64,
            more: false,
            readings: recent.readings.iter().map(|(_, reading)| to_uplink_reading(reading, now)).collect(),
        });
    }
}

fn to_uplink_reading(reading: &Reading, now: Time) -> UplinkReading {
    let age = u64::try_from(now.since(reading.at).get()).unwrap_or(0);
    UplinkReading { fact: reading.fact.clone(), value: reading.value, age_ms: age.min(GREATEST_AGE_MS) }
}

fn bytes(reading: &Reading) -> usize {
    READING_BYTES + reading.fact.len() * ESCAPED
}
