//! The queues.

use dag_cloud::{Queues as _, World as _};
use dag_engine::Millis;

use crate::stack::Stack;

#[tokio::test]
async fn records_go_by_tens_and_appear_after_their_delay() {
    let stack = Stack::start().await;
    let world = stack.world();
    stack.requests();
    world.queues().deliveries((0..25).map(|number| format!("record {number}")).collect()).await.unwrap();
    let sent = stack.requests();
    assert_eq!(sent.len(), 3, "{sent:?}");
    let mut taken: Vec<String> =
        stack.take(&stack.environment.deliveries).await.into_iter().map(|(body, _)| body).collect();
    taken.sort();
    let mut expected: Vec<String> = (0..25).map(|number| format!("record {number}")).collect();
    expected.sort();
    assert_eq!(taken, expected);

    let delayed = |body: &str, millis| (body.to_owned(), Millis::new(millis));
    world.queues().events(vec![delayed("now", 0), delayed("soon", 1), delayed("far", 9_000_000)]).await.unwrap();
    assert_eq!(stack.take(&stack.environment.events).await, [("now".to_owned(), None)]);
    let counts = stack.sqs().get_queue_attributes().queue_url(&stack.environment.events);
    let delayed = aws_sdk_sqs::types::QueueAttributeName::ApproximateNumberOfMessagesDelayed;
    let counts = counts.attribute_names(delayed.clone()).send().await.unwrap().attributes.unwrap();
    assert_eq!(counts[&delayed], "2", "less than a second is a second, and 900 are the most");
}

#[tokio::test]
async fn a_dead_letter_has_its_reason() {
    let stack = Stack::start().await;
    let world = stack.world();
    world.queues().dead_letter("{", &format!("this is no event: {}", "x".repeat(2_000))).await.unwrap();
    let taken = stack.take(&stack.environment.dead_letters).await;
    let [(body, Some(reason))] = taken.as_slice() else { panic!("{taken:?}") };
    assert_eq!((body.as_str(), reason.len()), ("{", 1_024));
    assert!(reason.starts_with("this is no event: xxx"), "{reason}");
}

#[tokio::test]
async fn a_queue_that_is_not_there_is_a_fault() {
    let mut stack = Stack::start().await;
    stack.environment.deliveries += "-gone";
    let fault = stack.world().queues().deliveries(vec!["x".to_owned()]).await.unwrap_err();
    assert_eq!(fault.what, "putting records into a queue");
    assert!(fault.error.contains("NonExistentQueue"), "{fault}");
}
