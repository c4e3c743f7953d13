//! A stack's table, queue, policy, thing type and group on loopback, and what a device's provisioning left there.

use std::{collections::BTreeMap, fs};

use aws_config::SdkConfig;
use aws_sdk_dynamodb::types::{AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType};
use dag_cloud::aws::Registry;
use serde_json::{Value, json};

use crate::moto::{Moto, Place, Said};

pub struct Fleet {
    pub moto: Moto,
    pub place: Place,
    pub sdk: SdkConfig,
    pub runtime: tokio::runtime::Runtime,
    pub events: String,
}

impl Fleet {
    pub fn start() -> Fleet {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let moto = Moto::start();
        let sdk = runtime.block_on(moto.sdk());
        let events = runtime.block_on(stack(&sdk));
        Fleet { moto, place: Place::new(), sdk, runtime, events }
    }

    pub fn iot(&self) -> aws_sdk_iot::Client {
        aws_sdk_iot::Client::new(&self.sdk)
    }

    pub fn registry(&self) -> Registry {
        Registry::new(&self.sdk, "dag")
    }

    pub fn run(&self, arguments: &[&str]) -> Said {
        self.place.run(&self.moto.endpoint(), arguments, None)
    }

    /// What went well, as JSON. moto answers another endpoint each time, so that the bundle is always written anew.
    pub fn done(&self, arguments: &[&str]) -> Value {
        let said = self.run(&[arguments, &["--format", "json"]].concat());
        assert_eq!(said.code, 0, "{said:?}");
        let mut report: Value = serde_json::from_str(&said.out).unwrap();
        if let Some(done) = report.get_mut("done").and_then(Value::as_array_mut) {
            done.retain(|done| done != "the bundle is written");
        }
        report
    }

    /// What went wrong, in words.
    pub fn refused(&self, arguments: &[&str]) -> String {
        let said = self.run(arguments);
        assert_eq!(said.code, 1, "{said:?}");
        said.err.replace(&self.place.path("").display().to_string(), "…/").trim_end().to_owned()
    }

    /// The certificates that are attached to a thing: what each is good for, and its policies.
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

    pub fn status(&self, certificate: &str) -> String {
        let look = self.iot().describe_certificate().certificate_id(certificate).send();
        let look = self.runtime.block_on(look).unwrap();
        look.certificate_description.unwrap().status.unwrap().as_str().to_owned()
    }

    pub fn text(&self, name: &str) -> String {
        fs::read_to_string(self.place.path(name)).unwrap()
    }
}

async fn stack(sdk: &SdkConfig) -> String {
    let iot = aws_sdk_iot::Client::new(sdk);
    iot.create_thing_type().thing_type_name("detectordag").send().await.unwrap();
    iot.create_thing_group().thing_group_name("detectordag").send().await.unwrap();
    iot.create_policy().policy_name("detectordag-device").policy_document("{}").send().await.unwrap();
    let attribute = |name| {
        AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S).build().unwrap()
    };
    let key = |name, kind| KeySchemaElement::builder().attribute_name(name).key_type(kind).build().unwrap();
    let table = aws_sdk_dynamodb::Client::new(sdk).create_table().table_name("dag");
    let table = table.billing_mode(BillingMode::PayPerRequest);
    let table = table.attribute_definitions(attribute("pk")).attribute_definitions(attribute("sk"));
    let table = table.key_schema(key("pk", KeyType::Hash)).key_schema(key("sk", KeyType::Range));
    table.send().await.unwrap();
    let events = aws_sdk_sqs::Client::new(sdk).create_queue().queue_name("events").send().await.unwrap();
    let events = events.queue_url.unwrap();
    let outputs = [
        ("Table", "dag"),
        ("Events", &events),
        ("DevicePolicy", "detectordag-device"),
        ("DeviceType", "detectordag"),
        ("DeviceGroup", "detectordag"),
    ];
    let outputs: BTreeMap<_, _> = outputs.into_iter().map(|(name, value)| (name, json!({ "Value": value }))).collect();
    let body = json!({ "Resources": { "Any": { "Type": "AWS::SQS::Queue" } }, "Outputs": outputs });
    let create = aws_sdk_cloudformation::Client::new(sdk).create_stack().stack_name("detectordag");
    create.template_body(body.to_string()).send().await.unwrap();
    events
}
