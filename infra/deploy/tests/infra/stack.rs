//! An account on loopback, with a stack in it: table, queue and secret.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use aws_config::SdkConfig;
use dag_cloud::aws::Registry;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::moto::{Moto, Said};

pub struct Stack {
    moto: Moto,
    pub sdk: SdkConfig,
    pub runtime: Runtime,
    pub folder: tempfile::TempDir,
}

impl Stack {
    /// No stack yet; in its folder the shipped configuration and rules as the cloud has them.
    pub fn none() -> Stack {
        let moto = Moto::start();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let sdk = runtime.block_on(moto.sdk());
        let folder = tempfile::tempdir().unwrap();
        let stack = Stack { moto, sdk, runtime, folder };
        let config = std::fs::read_to_string(top().join("config.toml")).unwrap();
        let config = config.replace("mode = \"standalone\"", "mode = \"cloud\"");
        stack.write("config.toml", &config.replace("transport = \"outbox\"", "transport = \"ses\""));
        for (path, text) in dag_book::Folder::read(&top().join("rules")).unwrap().into_files() {
            stack.write(&format!("rules/{path}"), &text);
        }
        stack
    }

    /// A stack with what commands look for in one.
    pub fn start() -> Stack {
        let stack = Stack::none();
        let string = |name: &str| json!({ "AttributeName": name, "AttributeType": "S" });
        let key = |name: &str, kind: &str| json!({ "AttributeName": name, "KeyType": kind });
        let table = json!({
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [string("pk"), string("sk")],
            "KeySchema": [key("pk", "HASH"), key("sk", "RANGE")],
        });
        // moto's CloudFormation makes no secrets.
        let client = aws_sdk_secretsmanager::Client::new(&stack.sdk);
        let secret = client.create_secret().name("detectordag").secret_string(r#"{"DAG_TOKEN_KEY":"0123"}"#).send();
        let secret = stack.runtime.block_on(secret).unwrap();
        let template = json!({
            "Resources": {
                "Table": { "Type": "AWS::DynamoDB::Table", "Properties": table },
                "Events": { "Type": "AWS::SQS::Queue" },
            },
            "Outputs": {
                "Table": { "Value": { "Ref": "Table" } },
                "Events": { "Value": { "Ref": "Events" } },
                "Secret": { "Value": secret.arn.unwrap() },
            },
        });
        let client = aws_sdk_cloudformation::Client::new(&stack.sdk);
        let created = client.create_stack().stack_name("detectordag").template_body(template.to_string()).send();
        stack.runtime.block_on(created).unwrap();
        stack
    }

    pub fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    /// Runs `dag-infra` in the folder; `input` is its standard input.
    pub fn run_with(&self, arguments: &[&str], input: &str) -> Said {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dag-infra"));
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("AWS_") || name.starts_with("DAG_")) {
            command.env_remove(name);
        }
        command.args(arguments).current_dir(self.folder.path());
        command.env("AWS_ENDPOINT_URL", self.moto.endpoint());
        command.env("AWS_ACCESS_KEY_ID", "test").env("AWS_SECRET_ACCESS_KEY", "test");
        command.env("AWS_CONFIG_FILE", "/dev/null").env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // A command that is wrong reads nothing.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
        let text = |bytes| {
            String::from_utf8(bytes).unwrap().trim_end().replace(&*self.folder.path().to_string_lossy(), "HOME")
        };
        Said { code: status.code().unwrap(), out: text(stdout), err: text(stderr) }
    }

    /// What it says when all is well.
    pub fn good(&self, arguments: &[&str], input: &str) -> String {
        let said = self.run_with(arguments, input);
        assert!(said.code == 0 && said.err.is_empty(), "{arguments:?}: {said:?}");
        said.out
    }

    /// The same, for programs.
    pub fn json(&self, arguments: &[&str], input: &str) -> Value {
        serde_json::from_str(&self.good(&[arguments, &["--format", "json"]].concat(), input)).unwrap()
    }

    /// What it says of a problem.
    pub fn bad(&self, arguments: &[&str], input: &str) -> String {
        let said = self.run_with(arguments, input);
        assert!(said.code == 1 && said.out.is_empty(), "{arguments:?}: {said:?}");
        said.err
    }

    fn output(&self, name: &str) -> String {
        let client = aws_sdk_cloudformation::Client::new(&self.sdk);
        let stacks = self.runtime.block_on(client.describe_stacks().stack_name("detectordag").send()).unwrap();
        let outputs = stacks.stacks.unwrap().remove(0).outputs.unwrap();
        outputs.into_iter().find(|output| output.output_key() == Some(name)).unwrap().output_value.unwrap()
    }

    /// What the stack's secret holds.
    pub fn secret(&self) -> Value {
        let client = aws_sdk_secretsmanager::Client::new(&self.sdk);
        let got = client.get_secret_value().secret_id(self.output("Secret")).send();
        let text = self.runtime.block_on(got).unwrap().secret_string.unwrap();
        serde_json::from_str(&text).unwrap()
    }

    pub fn registry(&self) -> Registry {
        Registry::new(&self.sdk, &self.output("Table"))
    }

    /// The devices that were announced since the last time, in their order.
    pub fn announced(&self) -> Vec<String> {
        let (client, queue) = (aws_sdk_sqs::Client::new(&self.sdk), self.output("Events"));
        let mut announced = Vec::new();
        loop {
            let received = client.receive_message().queue_url(&queue).max_number_of_messages(10).send();
            let messages = self.runtime.block_on(received).unwrap().messages.unwrap_or_default();
            if messages.is_empty() {
                announced.sort();
                return announced;
            }
            for message in messages {
                let deleted = client.delete_message().queue_url(&queue).receipt_handle(message.receipt_handle.unwrap());
                self.runtime.block_on(deleted.send()).unwrap();
                let body: Value = serde_json::from_str(&message.body.unwrap()).unwrap();
                assert_eq!(body["event"], "registered");
                announced.push(body["device"].as_str().unwrap().to_owned());
            }
        }
    }
}

fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
