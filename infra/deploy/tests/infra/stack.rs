//! A stack on loopback as commands find it: table, queue, secret, and the policy, the type and the group of things.
//! moto's CloudFormation makes none of the last four.

use std::{collections::BTreeMap, fs};

use aws_config::SdkConfig;
use dag_cloud::{
    Account, Commit, DeviceItem, Store as _,
    aws::{Registry, Table},
};
use dag_config::Config;
use dag_engine::{Id, Time};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::{
    moto::Moto,
    work_folder::{RunOutput, WorkFolder},
};

/// A device's id that balena takes: 32 hex digits.
pub const HEX_ID: &str = "0123456789abcdef0123456789abcdef";

pub struct Stack {
    pub moto: Moto,
    pub folder: WorkFolder,
    pub sdk: SdkConfig,
    pub runtime: Runtime,
    /// The address of the queue `events`.
    pub events: String,
    secret: String,
}

impl Stack {
    pub fn start() -> Stack {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let moto = Moto::start();
        let sdk = runtime.block_on(moto.sdk());
        let (events, secret) = runtime.block_on(make(&sdk));
        Stack { moto, folder: WorkFolder::new(), sdk, runtime, events, secret }
    }

    /// Returns a stack with a device that was provisioned.
    pub fn with_device(device: &str) -> Stack {
        let stack = Stack::start();
        stack.run_json(&["provision", device], "");
        stack
    }

    pub fn iot(&self) -> aws_sdk_iot::Client {
        aws_sdk_iot::Client::new(&self.sdk)
    }

    pub fn registry(&self) -> Registry {
        Registry::new(&self.sdk, "dag")
    }

    /// Adds the account `nor`, which has no addresses.
    pub fn add_account(&self) -> Account {
        let nor = Account {
            id: "11111111-2222-4333-8444-555555555555".into(),
            username: "nor".to_owned(),
            password: String::new(),
            emails: Vec::new(),
        };
        assert!(self.runtime.block_on(self.registry().add_account(&nor)).unwrap());
        nor
    }

    /// Runs `dag-infra` in the folder. `input` is its standard input.
    pub fn run(&self, arguments: &[&str], input: &str) -> RunOutput {
        let said = self.folder.run(&self.moto.endpoint(), arguments, Some(input));
        let text = |text: &str| text.replace(&self.folder.path("").display().to_string(), "…/");
        RunOutput { code: said.code, out: text(&said.out), err: text(&said.err) }
    }

    /// Returns the standard output of a command that succeeds.
    pub fn run_ok(&self, arguments: &[&str], input: &str) -> String {
        let said = self.run(arguments, input);
        assert!(said.code == 0 && said.err.is_empty(), "{arguments:?}: {said:?}");
        said.out
    }

    /// Returns the JSON of a command that succeeds. The step "the bundle is written" is left out: moto names another
    /// endpoint each time, so that a bundle is always written.
    pub fn run_json(&self, arguments: &[&str], input: &str) -> Value {
        let said = self.run_ok(&[arguments, &["--format", "json"]].concat(), input);
        let mut answer: Value = serde_json::from_str(&said).unwrap();
        if let Some(done) = answer.get_mut("done").and_then(Value::as_array_mut) {
            done.retain(|done| done != "the bundle is written");
        }
        answer
    }

    /// Returns the error text of a command that fails.
    pub fn run_err(&self, arguments: &[&str], input: &str) -> String {
        let said = self.run(arguments, input);
        assert!(said.code == 1 && said.out.is_empty(), "{arguments:?}: {said:?}");
        said.err
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.folder.path(name)).unwrap()
    }

    /// Returns the stack's secret.
    pub fn secret(&self) -> Value {
        let client = aws_sdk_secretsmanager::Client::new(&self.sdk);
        let got = client.get_secret_value().secret_id(&self.secret).version_stage("AWSCURRENT").send();
        serde_json::from_str(&self.runtime.block_on(got).unwrap().secret_string.unwrap()).unwrap()
    }

    /// Returns the certificates that are attached to a thing, by id: the status of each, and its policies.
    pub fn certificates(&self, device: &str) -> BTreeMap<String, (String, Vec<String>)> {
        let iot = self.iot();
        self.runtime.block_on(async {
            let principals = iot.list_thing_principals().thing_name(device).send().await.unwrap();
            let mut found = BTreeMap::new();
            for arn in principals.principals() {
                let id = arn.split_once(":cert/").unwrap().1;
                let policies = iot.list_attached_policies().target(arn).send().await.unwrap();
                let policies = policies.policies().iter().map(|policy| policy.policy_name().unwrap().to_owned());
                let look = iot.describe_certificate().certificate_id(id).send().await.unwrap();
                let status = look.certificate_description.unwrap().status.unwrap().as_str().to_owned();
                found.insert(id.to_owned(), (status, policies.collect()));
            }
            found
        })
    }

    /// Returns the account that a thing names.
    pub fn account_of(&self, device: &str) -> Option<String> {
        let thing = self.runtime.block_on(self.iot().describe_thing().thing_name(device).send()).unwrap();
        thing.attributes.unwrap_or_default().remove("account")
    }

    pub fn status(&self, certificate: &str) -> String {
        let look = self.iot().describe_certificate().certificate_id(certificate).send();
        let look = self.runtime.block_on(look).unwrap();
        look.certificate_description.unwrap().status.unwrap().as_str().to_owned()
    }

    pub fn arn(&self, certificate: &str) -> String {
        let look = self.iot().describe_certificate().certificate_id(certificate).send();
        self.runtime.block_on(look).unwrap().certificate_description.unwrap().certificate_arn.unwrap()
    }

    /// Writes a device's item as the consumer does after a report at `at`.
    pub fn set_heard_at(&self, device: &str, at: Time) {
        let config = Config::load(&self.folder.path("config.toml"), &[]).unwrap();
        let mut item = DeviceItem::new(config.device(Some(device)).unwrap());
        item.last_report_at = Some(at);
        item.presence.report(at);
        item.reported_rules = Some(Id::of(&[b"rules"]));
        let table = Table::new(&self.sdk, "dag");
        let (decisions, prepared, finished, unsuppressed) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let commit = Commit { item, version: 0, at, decisions, prepared, finished, unsuppressed };
        self.runtime.block_on(table.commit(&commit)).unwrap();
    }

    /// Returns the devices that were announced since the last call, sorted.
    pub fn announced(&self) -> Vec<String> {
        let client = aws_sdk_sqs::Client::new(&self.sdk);
        let mut announced = Vec::new();
        loop {
            let received = client.receive_message().queue_url(&self.events).max_number_of_messages(10).send();
            let messages = self.runtime.block_on(received).unwrap().messages.unwrap_or_default();
            if messages.is_empty() {
                announced.sort();
                return announced;
            }
            for message in messages {
                let receipt = message.receipt_handle.unwrap();
                let deleted = client.delete_message().queue_url(&self.events).receipt_handle(receipt);
                self.runtime.block_on(deleted.send()).unwrap();
                let body: Value = serde_json::from_str(&message.body.unwrap()).unwrap();
                assert_eq!(body["event"], "registered");
                announced.push(body["device"].as_str().unwrap().to_owned());
            }
        }
    }
}

/// Makes the stack's parts. Returns the queue's address and the secret's ARN.
async fn make(sdk: &SdkConfig) -> (String, String) {
    let iot = aws_sdk_iot::Client::new(sdk);
    iot.create_thing_type().thing_type_name("detectordag").send().await.unwrap();
    iot.create_thing_group().thing_group_name("detectordag").send().await.unwrap();
    iot.create_policy().policy_name("detectordag-device").policy_document("{}").send().await.unwrap();
    let secret = aws_sdk_secretsmanager::Client::new(sdk).create_secret().name("detectordag");
    let secret = secret.secret_string(r#"{"DAG_TOKEN_KEY":"0123"}"#).send().await.unwrap().arn.unwrap();
    let events = aws_sdk_sqs::Client::new(sdk).create_queue().queue_name("events").send().await.unwrap();
    let events = events.queue_url.unwrap();
    let string = |name: &str| json!({ "AttributeName": name, "AttributeType": "S" });
    let key = |name: &str, kind: &str| json!({ "AttributeName": name, "KeyType": kind });
    let table = json!({
        "TableName": "dag",
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [string("pk"), string("sk")],
        "KeySchema": [key("pk", "HASH"), key("sk", "RANGE")],
    });
    let outputs = [
        ("Table", "dag"),
        ("Events", &events),
        ("Secret", &secret),
        ("DevicePolicy", "detectordag-device"),
        ("DeviceType", "detectordag"),
        ("DeviceGroup", "detectordag"),
    ];
    let outputs: BTreeMap<_, _> = outputs.into_iter().map(|(name, value)| (name, json!({ "Value": value }))).collect();
    let body = json!({
        "Resources": { "Table": { "Type": "AWS::DynamoDB::Table", "Properties": table } },
        "Outputs": outputs,
    });
    let create = aws_sdk_cloudformation::Client::new(sdk).create_stack().stack_name("detectordag");
    create.template_body(body.to_string()).send().await.unwrap();
    (events, secret)
}
