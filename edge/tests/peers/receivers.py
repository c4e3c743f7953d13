"""Those who are told: a real mail server, and a web server that verifies every call by the Standard Webhooks package.

Whatever arrives lands in one `Inbox`, in the order in which it came.
"""

import asyncio
import email
import email.policy
import json
import re
import socket
import threading
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from aiosmtpd.controller import Controller
from standardwebhooks import Webhook, WebhookVerificationError

# What the subject of a mail says, and which kind of message says so.
SUBJECTS = {
    " when last seen]": "reminder",
    ": not seen at present]": "reminder",
    "[Power is out]": "opened",
    "[Power still out after ": "escalated",
    ": acknowledged by ": "acknowledged",
    "[Power is back after ": "resolved",
    "[Power was back after ": "resolved",
    "[Power was out ": "past",
    "[Power outage]": "opened",
    "[Power outage for ": "escalated",
    " yet": "resolved",
    "[Lost contact]": "opened",
    "Nothing is heard of ": "opened",
    "[Lost contact: over after ": "resolved",
    " is heard again": "resolved",
    ": no longer counts after ": "resolved",
}
THE_END = ("resolved", "past")


@dataclass(frozen=True)
class Message:
    """What one receiver got once."""

    at: float  # When it arrived, in seconds since 1970.
    to: str
    channel: str
    id: str
    incident: str
    kind: str
    content: bytes = field(repr=False)  # The whole mail, or the body of the call.
    document: dict = field(repr=False)  # The body of the call, read; empty for a mail.

    @property
    def decided(self):
        """When the daemon decided to send it, in seconds since 1970. Only calls say so."""
        return seconds(self.document["time"])

    @property
    def since(self):
        """When the outage began, as the daemon saw it."""
        return seconds(self.document["incident"]["since"])


def seconds(text):
    return datetime.fromisoformat(text).timestamp()


class Inbox:
    """All that was received. `on_arrival` sees each message before its sender is answered; `delay` is how long the
    answer then takes, in seconds."""

    def __init__(self):
        self.lock = threading.Lock()
        self.messages = []
        self.refused = []  # Why a call was no good, or a mail not understood.
        self.on_arrival = lambda message: None
        self.delay = lambda: 0

    def take(self, message):
        with self.lock:
            self.messages.append(message)
        self.on_arrival(message)

    def refuse(self, why):
        with self.lock:
            self.refused.append(why)

    def all(self, **wanted):
        """The messages whose fields are as `wanted`, in order of arrival."""
        with self.lock:
            arrived = list(self.messages)
        return [m for m in arrived if all(getattr(m, name) == value for name, value in wanted.items())]


def read_mail(address, content):
    """The message that a mail is; None where it is none that the script knows."""
    mail = email.message_from_bytes(content, policy=email.policy.default)
    kind = next((kind for words, kind in SUBJECTS.items() if words in mail["Subject"]), None)
    id = re.fullmatch(r"<([0-9a-f]{32})@.*>", mail["Message-ID"] or "")
    incident = re.fullmatch(r"<incident-([0-9a-f]{32})@.*>", mail["References"] or "")
    if not (kind and id and incident):
        return None
    return Message(time.time(), address.split("@")[0], "email", id[1], incident[1], kind, content, {})


class MailServer:
    """An SMTP server on loopback."""

    def __init__(self, inbox):
        self.inbox = inbox
        for attempt in range(5):
            self.port = free_port()
            self.controller = Controller(self, hostname="127.0.0.1", port=self.port)
            try:
                self.controller.start()
                return
            except OSError:
                if attempt == 4:  # Somebody else took the port meanwhile, again and again.
                    raise

    async def handle_DATA(self, server, session, envelope):
        message = read_mail(envelope.rcpt_tos[0], envelope.content)
        if not message:
            self.inbox.refuse(f"a mail that the script does not know: {envelope.content}")
            return "554 unknown"
        self.inbox.take(message)
        await asyncio.sleep(self.inbox.delay())
        return "250 OK"

    def close(self):
        self.controller.stop()


class WebhookReceiver:
    """An HTTP server on loopback. The path of a call names its recipient; `secrets` has the secret of each."""

    def __init__(self, inbox, secrets):
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                to = self.path.removeprefix("/")
                try:
                    Webhook(secrets[to]).verify(body, dict(self.headers))
                    document = json.loads(body)
                    if document["id"] != self.headers["webhook-id"]:
                        raise ValueError(f"webhook-id is {self.headers['webhook-id']}, id is {document['id']}")
                except (KeyError, ValueError, WebhookVerificationError) as error:
                    inbox.refuse(f"a call of {self.path}: {error!r}")
                    self.send_error(401)
                    return
                incident, kind = document["incident"]["id"], document["kind"]
                inbox.take(Message(time.time(), to, "webhook", document["id"], incident, kind, body, document))
                time.sleep(inbox.delay())
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_):
                pass  # The inbox is the log.

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass  # A caller that was killed does not wait for its answer.

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def forge(self, to, secret):
        """Calls it as somebody who does not know the recipient's secret. Returns the answer's status."""
        now, body = datetime.now(UTC), '{"id": "forged"}'
        headers = {"webhook-id": "forged", "webhook-timestamp": str(int(now.timestamp()))}
        headers["webhook-signature"] = Webhook(secret).sign("forged", now, body)
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/{to}", body.encode(), headers)
        # This is loopback, whatever proxy the environment names.
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with direct.open(request) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
