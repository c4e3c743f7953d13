//! Prints the topic rules as JSON, for whatever is not Rust and has to run them:
//!
//!     cargo run -p dag-uplink --example statements -- [the first level of the topics]

use dag_uplink::{SQL_VERSION, STATEMENTS, Statement};

fn main() {
    let topics = std::env::args().nth(1).unwrap_or_else(|| "dag".to_owned());
    let json =
        |rule: &Statement| serde_json::json!({ "name": rule.name, "sql": rule.sql(&topics), "version": SQL_VERSION });
    let rules: Vec<serde_json::Value> = STATEMENTS.iter().map(json).collect();
    println!("{}", serde_json::Value::from(rules));
}
