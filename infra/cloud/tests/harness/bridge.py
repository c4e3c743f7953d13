"""The glue around the broker: topic rules that feed the queue, presence events, and publishing over HTTP."""

import heapq
import itertools
import json
import random
import threading
import time
import uuid
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

import paho.mqtt.client as mqtt
from peers.daemon import PATIENCE_S, until

from .broker import ADMINISTRATOR
from .sql import Failed, Message

PRESENCE = "$aws/events/presence"


@dataclass
class Mischief:
    """Disorder between a rule and its queue, which promises neither order nor that a record comes once. `only` names
    the rules whose records it affects."""

    copies: int = 1
    delay_s: tuple[float, float] = (0.0, 0.0)  # Each copy takes some time between these.
    only: tuple[str, ...] = ("connected", "disconnected", "reports")


class Bridge:
    """Connects to the broker as its administrator, and puts the records of the rules into the queue `events`."""

    def __init__(self, broker, aws, rules, rng=None):
        self.broker, self.rules = broker, rules
        self.rng = rng or random.Random()
        self.mischief = Mischief()
        self.sqs, self.events = aws.client("sqs"), aws.events
        self.sent, self.failed, self.versions = [], [], {}
        self.lock, self.wake, self.ended = threading.Lock(), threading.Condition(), False
        self.waiting, self.order = [], itertools.count()
        broker.watch(self.presence)
        self.connected = threading.Event()
        self.client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=ADMINISTRATOR, clean_session=False)
        certificate, key = broker.administrator
        self.client.tls_set(str(broker.authority.ca), str(certificate), str(key))
        self.client.reconnect_delay_set(1, 1)
        self.client.on_connect, self.client.on_message = self.subscribe, self.published
        self.client.on_subscribe = lambda *_: self.connected.set()
        self.sender = threading.Thread(target=self.send, daemon=True)

    def start(self):
        self.sender.start()
        self.client.connect("127.0.0.1", self.broker.port)
        self.client.loop_start()
        until(self.connected.is_set, "the bridge to be connected", self.broker.log)

    def subscribe(self, client, *_):
        # mosquitto does not publish AWS's own topics; see `presence`.
        client.subscribe([(rule.filter, 1) for rule in self.rules if not rule.filter.startswith("$")])

    def published(self, _client, _data, message):
        self.apply(Message(message.topic, message.payload, now_ms()))

    def apply(self, message):
        """Applies every rule to a message."""
        for rule in self.rules:
            try:
                selected = rule.apply(message)
            except Failed as error:
                # On AWS this is the rule's error action.
                self.failed.append(f"the rule {rule.name}: {error}")
                continue
            if selected is not None:
                mischief = self.mischief if rule.name in self.mischief.only else Mischief()
                for _ in range(mischief.copies):
                    self.put(selected.decode(), self.rng.uniform(*mischief.delay_s))

    def presence(self, client, user, address, reason, at_ms):
        """Publishes the event of a connection that began (no reason) or ended.

        The event is as AWS documents it in the Developer Guide of AWS IoT Core, "Lifecycle events", "Connect/Disconnect
        events". A session keeps its identifier and its version from its begin to its end.
        """
        if client == ADMINISTRATOR:
            return
        with self.lock:
            version, session, at_end = self.versions.get(client, (-1, "", True))
            if reason is None:
                version, session, at_end = version + 1, str(uuid.uuid4()), False
            elif at_end:
                return  # mosquitto logs some ends twice.
            else:
                at_end = True
            self.versions[client] = (version, session, at_end)
        event = {
            "clientId": client,
            "timestamp": at_ms,
            "eventType": "disconnected" if reason else "connected",
            "sessionIdentifier": session,
            "principalIdentifier": user,
            "versionNumber": version,
        }
        if reason:
            by_client = reason == "CLIENT_INITIATED_DISCONNECT"
            event |= {"clientInitiatedDisconnect": by_client, "disconnectReason": reason}
        else:
            event["ipAddress"] = address
        self.apply(Message(f"{PRESENCE}/{event['eventType']}/{client}", json.dumps(event).encode(), at_ms))

    def put(self, record, after_s=0.0):
        """Puts a record into the queue after a delay."""
        with self.wake:
            heapq.heappush(self.waiting, (time.monotonic() + after_s, next(self.order), record))
            self.wake.notify()

    def send(self):
        while True:
            with self.wake:
                while not self.ended and (not self.waiting or self.waiting[0][0] > time.monotonic()):
                    self.wake.wait(self.waiting[0][0] - time.monotonic() if self.waiting else None)
                if self.ended:
                    return
                _, _, record = heapq.heappop(self.waiting)
            self.sqs.send_message(QueueUrl=self.events, MessageBody=record)
            self.sent.append(record)

    def events_of(self, event):
        """Returns the records of one kind that were put into the queue."""
        return [record for record in map(json.loads, list(self.sent)) if record["event"] == event]

    def close(self):
        self.client.disconnect()
        self.client.loop_stop()
        with self.wake:
            self.ended = True
            self.wake.notify()
        if self.sender.is_alive():
            self.sender.join(PATIENCE_S)


class Publisher:
    """The part of the AWS IoT data plane that the consumer uses: `POST /topics/{topic}?qos=…` publishes, as the API
    reference says under "Publish". Signatures are not checked."""

    def __init__(self, bridge):
        self.commands = commands = []  # The topic and the payload of each command.

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                url = urlsplit(self.path)
                qos = int(parse_qs(url.query).get("qos", ["0"])[0])
                if not url.path.startswith("/topics/") or qos not in (0, 1):
                    return self.answer(400, {"message": f"what is {self.path}?"}, "InvalidRequestException")
                topic = unquote(url.path.removeprefix("/topics/"))
                commands.append((topic, body))
                try:
                    bridge.client.publish(topic, body, qos).wait_for_publish(PATIENCE_S)
                except (RuntimeError, ValueError) as error:  # There is no broker now.
                    return self.answer(503, {"message": str(error)}, "ServiceUnavailableException")
                self.answer(200, {"message": "OK", "traceId": str(uuid.uuid4())})

            def answer(self, status, document, wrong=None):
                content = json.dumps(document).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                if wrong:
                    self.send_header("x-amzn-ErrorType", wrong)
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_):
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass  # The caller was killed before its answer.

        self.server = Server(("127.0.0.1", 0), Handler)
        self.endpoint = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def now_ms():
    return time.time_ns() // 1_000_000
