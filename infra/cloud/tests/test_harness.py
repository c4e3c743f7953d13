"""Tests that the harness does what AWS documents of its services, with devices and a function in Python.

    python infra/cloud/tests/test_harness.py
"""

import base64
import json
import ssl
import sys
import tempfile
import time
import unittest
import urllib.request
from contextlib import ExitStack
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).parents[3] / "edge/tests"))

import paho.mqtt.client as mqtt
from harness.aws import Aws
from harness.bridge import Bridge, Mischief, Publisher
from harness.broker import Broker
from harness.poller import Poller, failures
from harness.sql import Rule
from peers.daemon import until
from test_sql import CONNECTED, DISCONNECTED, REPORTS

RULES = [Rule("reports", REPORTS), Rule("connected", CONNECTED), Rule("disconnected", DISCONNECTED)]


class Device:
    """A device that publishes what a test says."""

    def __init__(self, broker, name, certificate=None, version=ssl.TLSVersion.TLSv1_2):
        self.name, self.received = name, []
        self.client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=name, reconnect_on_failure=False)
        context = ssl.create_default_context(cafile=str(broker.authority.ca))
        context.minimum_version = version
        if certificate:
            context.load_cert_chain(*map(str, certificate))
        self.client.tls_set_context(context)
        self.client.on_message = lambda _client, _data, message: self.received.append((message.topic, message.payload))
        self.client.connect("127.0.0.1", broker.port, keepalive=30)
        self.client.loop_start()
        until(self.client.is_connected, f"{name} to be connected", broker.log, patience_s=5)

    def publish(self, topic, payload):
        self.client.publish(topic, payload, qos=1).wait_for_publish(5)

    def vanish(self):
        """Drops the connection without a DISCONNECT packet, as `kill -9` does."""
        self.client.loop_stop()
        self.client.socket().close()

    def close(self):
        self.client.disconnect()
        self.client.loop_stop()


class Counting:
    """A function that fails each record as often as the record says in `times`."""

    def __init__(self):
        self.seen, self.doomed = [], []

    def invoke(self, event):
        failed = []
        for record in event["Records"]:
            body = json.loads(record["body"])
            receives = int(record["attributes"]["ApproximateReceiveCount"])
            self.seen.append((body["event"], receives))
            if body.get("times", 0) >= receives:
                failed.append({"itemIdentifier": record["messageId"]})
        return {"batchItemFailures": failed}


class Harness(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dag-harness-")))
            cls.broker = Broker(folder / "broker")
            stack.callback(cls.broker.close)
            cls.broker.start()
            cls.aws = Aws(folder)
            stack.callback(cls.aws.close)
            cls.bridge = Bridge(cls.broker, cls.aws, RULES)
            stack.callback(cls.bridge.close)
            cls.bridge.start()
            cls.certificates = {name: cls.broker.authority.issue(name) for name in ("cottage", "barn", "mill")}
            cls.addClassCleanup(stack.pop_all().close)

    def device(self, name, client=None):
        device = Device(self.broker, client or name, self.certificates[name])
        self.addCleanup(device.close)
        return device

    def presence(self, client, count):
        of = lambda: [event for event in self.bridge.events_of("presence") if event["clientId"] == client]
        return until(lambda: len(found := of()) >= count and found, f"{count} events of {client}", self.broker.log)

    def test_a_certificate_is_required(self):
        with self.assertRaises((ssl.SSLError, OSError, Exception)):
            Device(self.broker, "cottage")

    def test_a_report_goes_through_the_rule(self):
        device = self.device("cottage")
        device.publish("dag/cottage/report", b"\x00 no JSON")
        [report] = until(lambda: self.bridge.events_of("report"), "a report", self.broker.log)
        self.assertEqual(base64.b64decode(report["payload"]), b"\x00 no JSON")
        self.assertEqual(report["device"], "cottage")
        self.assertLess(abs(report["received_at"] / 1000 - time.time()), 10)
        # It may not publish as another device, and not on other topics.
        device.publish("dag/barn/report", b"{}")
        device.publish("dag/cottage/cmd", b"{}")
        device.publish("dag/cottage/other", b"{}")
        time.sleep(0.3)
        self.assertEqual(len(self.bridge.events_of("report")), 1)

    def test_commands_come_to_their_device_alone(self):
        device, other = self.device("cottage", client="c-1"), self.device("barn", client="b-1")
        for listener in (device, other):
            listener.client.subscribe([("dag/cottage/cmd", 1), ("#", 1)])
        publisher = Publisher(self.bridge)
        self.addCleanup(publisher.close)
        time.sleep(0.3)
        url = f"{publisher.endpoint}/topics/dag%2Fcottage%2Fcmd?qos=1"
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with direct.open(urllib.request.Request(url, b'{"v":1}')) as answer:
            self.assertEqual(answer.status, 200)
        until(lambda: device.received == [("dag/cottage/cmd", b'{"v":1}')], "a command", lambda: device.received)
        self.assertEqual(other.received, [])
        self.assertIn(("c-1", "cottage"), self.broker.impostors)

    def test_presence(self):
        first = self.device("mill")
        first.vanish()
        self.presence("mill", 2)
        second = self.device("mill")
        self.presence("mill", 3)
        third = self.device("mill")
        self.presence("mill", 5)
        third.close()
        events = self.presence("mill", 6)
        told = [(e["eventType"], e["versionNumber"], e.get("disconnectReason")) for e in events]
        self.assertEqual(
            told[:3], [("connected", 0, None), ("disconnected", 0, "CONNECTION_LOST"), ("connected", 1, None)]
        )
        self.assertEqual(
            sorted(told[3:5], key=lambda event: event[1]),
            [("disconnected", 1, "DUPLICATE_CLIENTID"), ("connected", 2, None)],
        )
        self.assertEqual(told[5], ("disconnected", 2, "CLIENT_INITIATED_DISCONNECT"))
        sessions = {event["versionNumber"]: set() for event in events}
        for event in events:
            sessions[event["versionNumber"]].add(event["sessionIdentifier"])
            self.assertEqual(event["principalIdentifier"], "mill")
        self.assertEqual([len(names) for names in sessions.values()], [1, 1, 1])
        self.assertEqual(len(set.union(*sessions.values())), 3)
        second.close()

    def test_mischief_doubles_and_delays(self):
        self.bridge.mischief = Mischief(copies=2, delay_s=(0.2, 0.5), only=("connected", "disconnected"))
        self.addCleanup(setattr, self.bridge, "mischief", Mischief())
        device = self.device("barn")
        self.assertEqual([e for e in self.bridge.events_of("presence") if e["clientId"] == "barn"], [])
        one, other = self.presence("barn", 2)
        self.assertEqual(one, other)
        device.close()

    def test_only_failures_come_again(self):
        counting = Counting()
        poller = Poller(self.aws, counting, sweep_s=1.0)
        poller.start()
        self.addCleanup(poller.close)
        self.aws.sqs.send_message(QueueUrl=self.aws.deliveries, MessageBody='{"event":"good"}')
        self.aws.sqs.send_message(QueueUrl=self.aws.deliveries, MessageBody='{"event":"fails","times":1}')
        until(lambda: ("fails", 2) in counting.seen, "it again", lambda: (counting.seen, poller.troubles))
        of = lambda event: [receives for name, receives in counting.seen if name == event]
        self.assertEqual((of("good"), of("fails")), ([1], [1, 2]))
        self.assertGreaterEqual(len(of("sweep")), 2)
        self.assertEqual(poller.troubles, [])

    def test_answers_of_a_function(self):
        ids, item = {"a", "b"}, lambda id: {"batchItemFailures": [{"itemIdentifier": id}]}
        for answer, wanted in (
            (None, set()),
            ({}, set()),
            ({"batchItemFailures": []}, set()),
            ({"batchItemFailures": None}, set()),
            (item("a"), {"a"}),
            (item(""), ids),
            (item(None), ids),
            (item("c"), ids),
            ({"batchItemFailures": [{"id": "a"}]}, ids),
            ("nonsense", ids),
        ):
            self.assertEqual(failures(answer, ids), wanted, answer)


if __name__ == "__main__":
    unittest.main()
