//! `dag-infra destroy`, `diff` and `secret`, after a deploy.

use serde_json::Value;

use crate::moto::{Moto, Place};

#[tokio::test]
async fn a_stack_is_deleted_by_its_full_name_alone_and_not_while_it_has_devices() {
    let moto = Moto::start();
    let place = Place::new();
    let said = place.run(&moto.endpoint(), &["destroy", "--yes", "detectordag"], None);
    insta::assert_snapshot!(said.err, @"there is no stack `detectordag` in eu-west-1: nothing to delete");

    let consumer = place.bootstrap();
    let said = place.run(&moto.endpoint(), &["deploy", "--yes", "--consumer", consumer.to_str().unwrap()], None);
    assert_eq!(said.code, 0, "{said:?}");
    // What is live is what would be deployed.
    let said = place.run(&moto.endpoint(), &["diff"], None);
    assert_eq!((said.code, said.out.as_str()), (0, "no differences\n"), "{said:?}");

    let said = place.run(&moto.endpoint(), &["destroy", "--yes", "detector"], None);
    assert_eq!(said.code, 1);
    insta::assert_snapshot!(said.err, @"
    This deletes `detectordag` in eu-west-1: functions, queues, rules of the broker, alarms, roles.
    Kept: the table and the secret, as they are, and the bucket of packages. Delete them in the console if they are not wanted.
    `detector` is not the stack's name, `detectordag`: nothing was deleted
    ");

    // moto makes no group of things of a template.
    let iot = aws_sdk_iot::Client::new(&moto.sdk().await);
    let _ = iot.create_thing_group().thing_group_name("detectordag").send().await;
    iot.create_thing().thing_name("cottage").send().await.unwrap();
    iot.add_thing_to_thing_group().thing_group_name("detectordag").thing_name("cottage").send().await.unwrap();
    let said = place.run(&moto.endpoint(), &["destroy", "--yes", "detectordag"], None);
    assert_eq!(said.code, 1);
    insta::assert_snapshot!(said.err, @"`detectordag` has devices, which would report to nobody: cottage. Revoke them first, or say `--with-devices`");

    let destroy = ["destroy", "--yes", "detectordag", "--with-devices", "--format", "json"];
    let said = place.run(&moto.endpoint(), &destroy, None);
    assert_eq!(said.code, 0, "{said:?}");
    let answer: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(answer["deleted"], "detectordag");
    assert!(iot.describe_thing().thing_name("cottage").send().await.is_err());
}
