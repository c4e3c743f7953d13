//! The cost of a report: requests to the table, and their bytes.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use dag_cloud::{Record, World as _};
use dag_engine::Time;
use serde_json::json;

use crate::stack::Stack;

fn record(number: u64, now: Time, value: &str, age_ms: u64) -> Record {
    let report = json!({
        "v": 1, "device": "cottage", "boot": 1, "number": number, "sent_at": now, "clock": "set",
        "sources": [{ "source": "simulated", "boot": 1, "first": number,
            "readings": [{ "fact": "power", "value": value, "age_ms": age_ms }] }],
    });
    let payload = BASE64.encode(report.to_string());
    let event = json!({ "event": "report", "device": "cottage", "received_at": now.as_millis(), "payload": payload });
    Record { id: number.to_string(), body: event.to_string(), receives: 1 }
}

#[tokio::test]
async fn a_report_costs_little() {
    let stack = Stack::start().await;
    for identity in ["dag@example.com"] {
        stack.ses().create_email_identity().email_identity(identity).send().await.unwrap();
    }
    let consumer = stack.consumer();
    let table = |what: &str| {
        let all = stack.requests();
        let table: Vec<_> = all.iter().filter(|(operation, _)| operation.starts_with("DynamoDB")).collect();
        let written = table.iter().filter(|(operation, _)| !operation.ends_with("GetItem"));
        let written: u64 = written.map(|(_, bytes)| bytes).sum();
        println!("{what}: {} requests to the table, {written} bytes in those that write; {all:?}", table.len());
        (table.len(), written)
    };
    stack.requests();
    let now = consumer.world().now();
    assert!(consumer.handle(&[record(1, now, "on", 600_000)]).await.is_empty());
    table("the first report of a device");
    assert!(consumer.handle(&[record(2, now, "on", 500_000)]).await.is_empty());
    let (requests, written) = table("a report that tells nobody");
    assert!(requests <= 2 && written <= 3 << 10, "{requests} requests, {written} bytes");

    // Off for longer than the waiting time.
    assert!(consumer.handle(&[record(3, now, "off", 400_000)]).await.is_empty());
    let (requests, written) = table("a report of an outage, until its mail is settled");
    // Load, commit with the lease and what the mail says, settle.
    assert!(requests <= 3 && written <= 9 << 10, "{requests} requests, {written} bytes");
    assert_eq!(stack.take(&stack.environment.deliveries).await.len(), 0, "nothing is left to send");
    let data = stack.get("/moto-api/data.json");
    assert_eq!(data["ses"]["RawMessage"].as_array().map(Vec::len), Some(1));
}
