//! A new memory card. The device counts its boots from 1 again, and its reports count all the same.

use dag_cloud::{DeviceItem, DeviceTransaction, Event, Stored};
use dag_engine::{Engine, Kind, Runs, Time, Value};
use dag_uplink::{DeviceReport, MOST_COUNTED};

use crate::{
    device::{Device, record},
    fleet::{Fleet, rulebook},
    plan::{Manners, Plan},
    story::{Act, OFF, ON, minutes, seconds, story},
};

fn time(second: i64) -> Time {
    Fleet::START.parse::<Time>().unwrap() + seconds(second)
}

/// The consumer's transactions on one device, one record each.
struct OneDevice {
    engine: Engine,
    item: DeviceItem,
}

impl OneDevice {
    fn new() -> OneDevice {
        let (config, rulebook) = rulebook();
        let device = config.device(Some("cottage")).unwrap();
        OneDevice { engine: rulebook.engine.running(Runs::Cloud), item: DeviceItem::new(device) }
    }

    fn take(&mut self, report: &DeviceReport, now: Time) {
        let event = Event::parse(&record(report, report.sent_at)).unwrap();
        let stored = Stored { item: self.item.clone(), version: 1 };
        let mut transaction = DeviceTransaction::new(&self.engine, stored, now);
        transaction.apply(&event).unwrap();
        if let (Some(commit), _) = transaction.end(false) {
            // Only JSON survives, as in the table.
            self.item = serde_json::from_str(&serde_json::to_string(&commit.item).unwrap()).unwrap();
        }
    }

    /// Returns the final state, which must not depend on the order of records: the last report, and its readings.
    fn knows(&self) -> String {
        let state = serde_json::to_value(&self.item.state).unwrap();
        let facts: Vec<_> = self.item.state.facts().map(|(fact, value, _)| (fact.clone(), value)).collect();
        let cursor = &state["sources"]["pins"];
        let item = serde_json::to_value(&self.item).unwrap();
        format!(
            "heard {:?}, {}, pins at {} {}, {facts:?}, {} wait",
            self.item.last_report,
            item["incarnations"],
            cursor["boot"],
            cursor["last"],
            state["waiting"].as_array().map_or(0, Vec::len),
        )
    }

    fn power(&self) -> Option<Value> {
        self.item.state.facts().find(|(fact, ..)| *fact == "power").and_then(|(_, value, _)| value)
    }
}

/// Reads the power, and reports.
fn says(device: &mut Device, value: Option<Value>, second: i64) -> DeviceReport {
    device.read("power", value, time(second));
    device.reports(time(second)).pop().unwrap()
}

#[test]
fn an_outage_after_the_change_of_cards_is_told() {
    let restarts = [(5, Act::Restart), (6, Act::Restart), (7, Act::Restart), (8, Act::Read("power", ON))];
    let after = [(20, Act::NewCard), (20, Act::Read("power", ON)), (30, Act::Read("power", OFF))];
    let acts = restarts.into_iter().chain(after).chain([(90, Act::Read("power", ON))]);
    let mut fleet = Fleet::new();
    fleet.live(Plan::default(), &story("cottage", acts), minutes(180));
    fleet.holds();
    fleet.has_no_dead_letters();
    assert_eq!((fleet.arrived("nor", Kind::Opened), fleet.arrived("nor", Kind::Resolved)), (2, 2));
    assert_eq!(fleet.world().memory.lock().item("cottage").unwrap().last_report, Some((MOST_COUNTED + 1, 4)));
}

#[test]
fn an_outage_in_which_the_card_is_changed_goes_on() {
    let acts = [(10, Act::Read("power", OFF)), (20, Act::NewCard), (20, Act::Read("power", OFF))];
    let acts = acts.into_iter().chain([(25, Act::Read("power", ON))]);
    let mut fleet = Fleet::new();
    fleet.live(Plan::default(), &story("cottage", acts), minutes(180));
    fleet.holds();
    assert_eq!((fleet.arrived("nor", Kind::Opened), fleet.arrived("nor", Kind::Resolved)), (2, 2));
}

#[test]
fn disordered_records_around_a_new_card_end_as_ordered_ones() {
    let ends = |plan: Plan| {
        let acts = [(9, Act::Restart), (9, Act::Read("power", ON)), (10, Act::Read("power", OFF))];
        let after = [(11, Act::NewCard), (11, Act::Read("power", ON)), (12, Act::Read("power", OFF))];
        let acts = acts.into_iter().chain(after).chain([(13, Act::Restart), (60, Act::Read("power", ON))]);
        let mut fleet = Fleet::new();
        fleet.live(plan, &story("cottage", acts), minutes(300));
        fleet.holds();
        fleet.has_no_dead_letters();
        let item = fleet.world().memory.lock().item("cottage").unwrap();
        OneDevice { item, ..OneDevice::new() }.knows()
    };
    let expected = ends(Plan::default());
    for seed in 0..16 {
        let manners = Manners { doubled: 500, delayed: 500, late: seconds(100), shuffled: true };
        assert_eq!(ends(Plan { manners, seed, ..Plan::default() }), expected, "seed {seed}");
    }
}

#[test]
fn every_order_of_reports_across_the_change_ends_the_same() {
    let mut device = Device::new("cottage", 100);
    let first = says(&mut device, ON, 0);
    let mut reports = vec![says(&mut device, OFF, 1)];
    device.restart();
    reports.push(says(&mut device, ON, 2));
    device.new_card();
    reports.extend([says(&mut device, ON, 3), says(&mut device, OFF, 4)]);
    device.restart();
    reports.push(says(&mut device, ON, 5));
    let mut cottage = OneDevice::new();
    let nothing = cottage.item.clone();
    let mut ends = |order: &[&DeviceReport]| {
        cottage.item.clone_from(&nothing);
        cottage.take(&first, time(10));
        order.iter().for_each(|report| cottage.take(report, time(10)));
        // Again, in the other order.
        order.iter().rev().for_each(|report| cottage.take(report, time(11)));
        cottage.knows()
    };
    let expected = ends(&reports.iter().collect::<Vec<_>>());
    let mut orders = Vec::new();
    permute(&mut reports.iter().collect(), 0, &mut |order| orders.push(ends(order)));
    assert_eq!(orders.len(), 120);
    orders.iter().for_each(|ended| assert_eq!(*ended, expected));
}

fn permute<'r>(order: &mut Vec<&'r DeviceReport>, from: usize, each: &mut dyn FnMut(&[&'r DeviceReport])) {
    if from + 1 >= order.len() {
        return each(order);
    }
    for at in from..order.len() {
        order.swap(from, at);
        permute(order, from + 1, each);
        order.swap(from, at);
    }
}

#[test]
fn a_late_report_of_the_old_card_is_stale_and_still_fills_a_gap() {
    let mut device = Device::new("cottage", 100);
    let mut cottage = OneDevice::new();
    cottage.take(&says(&mut device, ON, 0), time(0));
    // A report of a boot that was not reported before.
    device.restart();
    let mut late = says(&mut device, OFF, 1);
    late.sources[0].before = Some(1);
    late.rules = Some(dag_engine::Id::of(&[b"old rules"]));
    device.new_card();
    // The new card has read nothing yet.
    let mut new = device.reports(time(2)).remove(0);
    new.sources.clear();
    cottage.take(&new, time(2));
    let last_report = cottage.item.last_report;
    assert_eq!(last_report, Some((MOST_COUNTED + 1, 1)));
    cottage.take(&late, time(3));
    assert_eq!((cottage.item.last_report, cottage.item.reported_rules, cottage.power()), (last_report, None, OFF));
    // From then on only the readings of the new card count.
    cottage.take(&says(&mut device, ON, 4), time(4));
    late.number += 1;
    late.sources[0].first += 1;
    cottage.take(&late, time(5));
    assert_eq!((cottage.item.last_report, cottage.power()), (Some((MOST_COUNTED + 1, 2)), ON));
}

#[test]
fn a_device_of_an_older_version_is_heard_with_its_new_card() {
    let mut device = Device::new("cottage", 100);
    let mut cottage = OneDevice::new();
    for _ in 0..5 {
        device.restart();
    }
    let mut old = says(&mut device, ON, 0);
    old.incarnation = None;
    cottage.take(&old, time(0));
    assert_eq!(cottage.item.last_report, Some((6, old.number)));
    let mut item = serde_json::to_value(&cottage.item).unwrap();
    item.as_object_mut().unwrap().remove("incarnations");
    cottage.item = serde_json::from_value(item).unwrap();
    device.new_card();
    cottage.take(&says(&mut device, OFF, 1), time(1));
    assert_eq!((cottage.item.last_report, cottage.power()), (Some((MOST_COUNTED + 1, 1)), OFF));
}
