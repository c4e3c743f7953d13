//! `dag-infra list`.

use serde_json::json;

use crate::fleet::Fleet;

#[test]
fn the_fleet_is_listed_with_what_is_known_of_it() {
    let fleet = Fleet::start();
    assert_eq!(fleet.run(&["list"]).out, "there are no devices yet: `dag-infra provision DEVICE` makes one\n");
    fleet.done(&["provision", "cottage"]);
    fleet.done(&["provision", "barn", "--name", "The barn"]);
    insta::assert_snapshot!(fleet.run(&["list"]).out, @"
    DEVICE   NAME      ACCOUNT  LAST REPORT  CONNECTION      RULES
    barn     The barn  -        never        never heard of  -
    cottage  Cottage   -        never        never heard of  -
    ");
    let listed = fleet.done(&["list"]);
    assert_eq!(listed[1]["device"], json!("cottage"));
    assert_eq!(listed[1]["last_contact"], json!(null));
}
