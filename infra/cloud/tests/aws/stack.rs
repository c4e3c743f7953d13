//! A stack on moto: the table and the queues as the template makes them, and a world that uses them.

use std::path::{Path, PathBuf};

use aws_config::SdkConfig;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
    ProjectionType, ScalarAttributeType,
};
use dag_cloud::{
    Consumer, DeviceItem,
    aws::{Aws, StackEnvironment, Table},
};
use dag_config::Config;
use dag_delivery::{Entry, EntryState};
use dag_engine::{Name, Notification, Time};
use dag_rulebook::{Rulebook, RulesFolder};
use serde_json::Value;

use crate::moto::Moto;

/// Noon of a winter day.
pub const NOON: Time = Time::from_millis(1_768_046_400_000);

pub struct Stack {
    moto: Moto,
    pub sdk: SdkConfig,
    pub environment: StackEnvironment,
}

impl Stack {
    pub async fn start() -> Stack {
        let moto = Moto::start();
        let sdk = moto.sdk().await;
        let mut stack = Stack {
            moto,
            sdk,
            environment: StackEnvironment {
                table: "dag".to_owned(),
                events: String::new(),
                deliveries: String::new(),
                dead_letters: String::new(),
                broker: None,
                configuration_set: None,
                secret: None,
            },
        };
        stack.create_table().await;
        stack.environment.events = stack.queue("events").await;
        stack.environment.deliveries = stack.queue("deliveries").await;
        stack.environment.dead_letters = stack.queue("dead").await;
        stack
    }

    pub fn dynamo(&self) -> aws_sdk_dynamodb::Client {
        aws_sdk_dynamodb::Client::new(&self.sdk)
    }

    pub fn sqs(&self) -> aws_sdk_sqs::Client {
        aws_sdk_sqs::Client::new(&self.sdk)
    }

    pub fn ses(&self) -> aws_sdk_sesv2::Client {
        aws_sdk_sesv2::Client::new(&self.sdk)
    }

    async fn create_table(&self) {
        let attribute =
            |name, kind| AttributeDefinition::builder().attribute_name(name).attribute_type(kind).build().unwrap();
        let key = |name, kind| KeySchemaElement::builder().attribute_name(name).key_type(kind).build().unwrap();
        let included = Projection::builder().projection_type(ProjectionType::Include).non_key_attributes("armed");
        let due = GlobalSecondaryIndex::builder()
            .index_name("due")
            .key_schema(key("shard", KeyType::Hash))
            .key_schema(key("due", KeyType::Range))
            .projection(included.build());
        let table = self.dynamo().create_table().table_name("dag").billing_mode(BillingMode::PayPerRequest);
        let table = table
            .attribute_definitions(attribute("pk", ScalarAttributeType::S))
            .attribute_definitions(attribute("sk", ScalarAttributeType::S))
            .attribute_definitions(attribute("shard", ScalarAttributeType::N))
            .attribute_definitions(attribute("due", ScalarAttributeType::N))
            .key_schema(key("pk", KeyType::Hash))
            .key_schema(key("sk", KeyType::Range))
            .global_secondary_indexes(due.build().unwrap());
        table.send().await.unwrap();
    }

    async fn queue(&self, name: &str) -> String {
        self.sqs().create_queue().queue_name(name).send().await.unwrap().queue_url.unwrap()
    }

    pub fn table(&self) -> Table {
        Table::new(&self.sdk, &self.environment.table)
    }

    pub fn world(&self) -> Aws {
        self.world_of(&config("")).unwrap()
    }

    pub fn world_of(&self, config: &Config) -> Result<Aws, dag_delivery::SetupError> {
        Aws::new(&self.sdk, &self.environment, config)
    }

    pub fn consumer(&self) -> Consumer<Aws> {
        let config = config("");
        let rulebook = Rulebook::compile(RulesFolder::read(&top().join("rules")).unwrap(), &config).unwrap();
        Consumer::new(self.world(), config, rulebook)
    }

    /// Returns all rows of the table, sorted by `pk` and `sk`.
    pub async fn rows(&self) -> Vec<(String, String, std::collections::HashMap<String, AttributeValue>)> {
        let rows = self.dynamo().scan().table_name("dag").send().await.unwrap().items.unwrap_or_default();
        let text = |row: &std::collections::HashMap<String, AttributeValue>, name| {
            AttributeValue::as_s(&row[name]).unwrap().clone()
        };
        let mut rows: Vec<_> = rows.into_iter().map(|row| (text(&row, "pk"), text(&row, "sk"), row)).collect();
        rows.sort_by(|a, b| (&a.0, &a.1).cmp(&(&b.0, &b.1)));
        rows
    }

    /// Returns the `sk` of every row.
    pub async fn keys(&self) -> Vec<String> {
        self.rows().await.into_iter().map(|(_, sk, _)| sk).collect()
    }

    /// Removes the visible records of a queue. Returns their bodies, with the attribute `reason`.
    pub async fn take(&self, queue: &str) -> Vec<(String, Option<String>)> {
        let mut taken = Vec::new();
        loop {
            let request = self.sqs().receive_message().queue_url(queue).max_number_of_messages(10);
            let got = request.message_attribute_names("reason").send().await.unwrap().messages.unwrap_or_default();
            if got.is_empty() {
                return taken;
            }
            for message in got {
                let reason = message.message_attributes.as_ref().and_then(|all| all.get("reason"));
                let reason = reason.and_then(|reason| reason.string_value.clone());
                let delete = self.sqs().delete_message().queue_url(queue);
                delete.receipt_handle(message.receipt_handle.unwrap()).send().await.unwrap();
                taken.push((message.body.unwrap(), reason));
            }
        }
    }

    /// Returns the requests since the last call: the operation and the bytes of its body.
    pub fn requests(&self) -> Vec<(String, u64)> {
        let seen = self.moto.requests().into_iter();
        seen.map(|one| (one["operation"].as_str().unwrap().to_owned(), one["bytes"].as_u64().unwrap())).collect()
    }

    /// Returns a document of moto.
    pub fn get(&self, path: &str) -> Value {
        self.moto.get(path)
    }
}

fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Returns the shipped configuration in cloud mode, with `more` at its end.
pub fn config(more: &str) -> Config {
    let path = top().join("config.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let text = text.replace("transport = \"outbox\"", "transport = \"ses\"");
    let text = text.replace("mode = \"standalone\"", "mode = \"cloud\"") + more;
    Config::parse(&text, &path, [], &[]).unwrap()
}

/// Returns the item of the cottage before its first report.
pub fn item() -> DeviceItem {
    DeviceItem::new(config("").device(Some("cottage")).unwrap())
}

/// Returns such an item of a device with another id.
pub fn named(id: &str) -> DeviceItem {
    let device = config("").device(Some("cottage")).unwrap();
    DeviceItem::new(dag_engine::Device { id: Name::new(id), ..device })
}

/// Returns a message of the shipped rules, queued at noon.
pub fn entry(number: u64) -> Entry {
    entry_due(number, NOON)
}

/// Returns the same, due at another time.
pub fn entry_due(number: u64, due: Time) -> Entry {
    Entry {
        notification: notification(number),
        queued_at: due,
        sequence: number,
        attempts: 0,
        state: EntryState::Queued { due },
        prepared: None,
        last_error: None,
    }
}

pub fn notification(number: u64) -> Notification {
    let config = config("");
    let rulebook = Rulebook::compile(RulesFolder::read(&top().join("rules")).unwrap(), &config).unwrap();
    let samples = rulebook.engine.samples(&config.device(Some("cottage")).unwrap(), NOON);
    let mut notification = dag_engine::notifications(&samples).next().unwrap().clone();
    notification.id = dag_engine::Id::of(&[b"test", &number.to_be_bytes()]);
    notification
}
