"""The table, the queues and the mail service of AWS, for which moto stands in. The resources have the names and shapes
of the stack's template."""

import json
import os
import subprocess
import sys
import urllib.request
import zlib
from pathlib import Path

import boto3
from peers.daemon import PATIENCE_S, expect

MOTO = Path(__file__).parents[3] / "tests/peers/moto_server.py"
REGION = "eu-west-1"
# moto accepts any credentials.
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_REGION": REGION}
CREDENTIALS["AWS_DEFAULT_REGION"] = REGION
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
MAILBOX_DOMAIN = "example.com"
STACK = "detectordag"

# AWS recommends six times the function's timeout. With that, no failed record would come again while a test waits.
VISIBILITY_S = 5
RECEIVES = 5


class Aws:
    """A moto server on loopback with the resources of the consumer."""

    def __init__(self, folder):
        self.log_path = folder / "moto.log"
        environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        environment |= CREDENTIALS | {"NO_PROXY": "*", "no_proxy": "*"}
        with open(self.log_path, "wb") as log:
            pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": log}
            self.process = subprocess.Popen([sys.executable, "-B", MOTO], env=environment, text=True, **pipes)
        try:
            line = self.process.stdout.readline()
            expect(line, "moto to print its port", self.log())
            self.endpoint = f"http://127.0.0.1:{json.loads(line)['port']}"
            self.make()
        except BaseException:
            self.close()
            raise

    def answers(self):
        """Returns whether moto still answers."""
        try:
            with DIRECT.open(f"{self.endpoint}/moto-api/", timeout=2):
                return True
        except OSError:
            return False

    def client(self, service):
        """Returns a client. Each thread needs its own, because sessions are not thread-safe."""
        session = boto3.session.Session("testing", "testing", region_name=REGION)
        config = boto3.session.Config(proxies={}, retries={"max_attempts": 2})
        return session.client(service, endpoint_url=self.endpoint, config=config)

    def make(self):
        self.sqs, self.dynamodb = self.client("sqs"), self.client("dynamodb")
        names = {"pk": "S", "sk": "S", "shard": "N", "due": "N"}
        key = lambda *names: [{"AttributeName": n, "KeyType": k} for n, k in zip(names, ("HASH", "RANGE"))]
        self.table = "dag"
        self.dynamodb.create_table(
            TableName=self.table,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": kind} for name, kind in names.items()],
            KeySchema=key("pk", "sk"),
            GlobalSecondaryIndexes=[
                {
                    "IndexName": "due",
                    "KeySchema": key("shard", "due"),
                    "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["armed"]},
                }
            ],
        )
        self.dead = self.queue("dead")
        self.events, self.deliveries = self.queue("events", self.dead), self.queue("deliveries", self.dead)
        self.secrets = self.client("secretsmanager")
        self.secret = self.secrets.create_secret(Name="dag", SecretString="{}")["ARN"]
        self.stack()
        mail = self.client("sesv2")
        mail.create_email_identity(EmailIdentity=MAILBOX_DOMAIN)

    def stack(self):
        """Creates the stack, whose outputs `dag-infra` reads. moto requires a resource, and ignores it."""
        outputs = {"Table": self.table, "Events": self.events}
        template = {
            "Resources": {"Nothing": {"Type": "AWS::CloudFormation::WaitConditionHandle"}},
            "Outputs": {name: {"Value": value} for name, value in outputs.items()},
        }
        self.client("cloudformation").create_stack(StackName=STACK, TemplateBody=json.dumps(template))

    def register(self, device):
        """Registers a device in the table, as `dag-infra provision` does."""
        key = {"pk": {"S": "fleet"}, "sk": {"S": f"device#{device}"}}
        row = key | {"registration": {"S": "{}"}, "version": {"N": "1"}}
        self.dynamodb.put_item(TableName=self.table, Item=row)

    def item(self, device):
        """Returns the consumer's item of a device."""
        key = {"pk": {"S": f"device#{device}"}, "sk": {"S": "item"}}
        item = self.dynamodb.get_item(TableName=self.table, Key=key, ConsistentRead=True)["Item"]["item"]
        return json.loads(item["S"] if "S" in item else zlib.decompress(item["B"], -zlib.MAX_WBITS))

    def queue(self, name, dead=None):
        """Creates a queue, and returns its URL. A record that was received too often goes to `dead`."""
        attributes = {"VisibilityTimeout": str(VISIBILITY_S)}
        if dead:
            redrive = {"deadLetterTargetArn": self.arn(dead), "maxReceiveCount": RECEIVES}
            attributes["RedrivePolicy"] = json.dumps(redrive)
        return self.sqs.create_queue(QueueName=f"dag-{name}", Attributes=attributes)["QueueUrl"]

    def arn(self, queue):
        return self.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]

    def dead_letters(self):
        """Returns the dead letters: their bodies and attributes."""
        asked = {"MaxNumberOfMessages": 10, "VisibilityTimeout": 0, "MessageAttributeNames": ["All"]}
        letters = self.sqs.receive_message(QueueUrl=self.dead, **asked).get("Messages", [])
        said = lambda letter: {n: v.get("StringValue") for n, v in letter.get("MessageAttributes", {}).items()}
        return [(letter["Body"], said(letter)) for letter in letters]

    def mails(self):
        """Returns the mails that SES sent, in their order: the address and the raw mail."""
        with DIRECT.open(f"{self.endpoint}/moto-api/data.json", timeout=PATIENCE_S) as answer:
            sent = json.load(answer).get("ses", {})
        expect(not sent.get("Message"), "mails as the renderer made them", sent.get("Message"))
        # moto lists the addresses of the request first, and those of the headers after them.
        address = lambda text: text.split("<")[-1].rstrip("> ")
        return [
            (address(mail["destinations"][0]), mail["raw_data"].encode())
            for mail in sent.get("RawMessage", [])
        ]

    def rows(self, device):
        """What the table has of a device: sort keys."""
        query = {"KeyConditionExpression": "pk = :pk", "ExpressionAttributeValues": {":pk": {"S": f"device#{device}"}}}
        return [row["sk"]["S"] for row in self.dynamodb.query(TableName=self.table, **query)["Items"]]

    def environment(self, iot):
        """Returns the environment of the function. `iot` is the endpoint for commands to devices."""
        return CREDENTIALS | {
            "AWS_ENDPOINT_URL": self.endpoint,
            "DAG_TABLE": self.table,
            "DAG_EVENTS_URL": self.events,
            "DAG_DELIVERIES_URL": self.deliveries,
            "DAG_DEAD_URL": self.dead,
            "DAG_IOT_ENDPOINT": iot,
            "DAG_SECRET_ARN": self.secret,
        }

    def keep(self, entries):
        """Replaces the stack's secret."""
        self.secrets.put_secret_value(SecretId=self.secret, SecretString=json.dumps(entries))

    def log(self):
        return "\n".join(self.log_path.read_text(errors="replace").splitlines()[-40:])

    def close(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(PATIENCE_S)
        self.process.stdout.close()
