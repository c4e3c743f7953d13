"""A household whose device reports to the cloud: the daemon, the broker, the services of AWS, the function, and the
recipients."""

import json
import os
import subprocess
import threading
import time
import urllib.request
from contextlib import ExitStack

from peers.daemon import expect, until
from peers.household import Household
from peers.receivers import read_mail

from .aws import CREDENTIALS, DIRECT, Aws
from .bridge import Bridge, Publisher
from .broker import Broker
from .function import Function
from .poller import Poller
from .sql import Rule

DEVICE = "cottage"
TOPICS = "dag"

# The device and the function share one file, as users have it. The domain of the sender is verified with SES.
CONFIG = """
mode = "cloud"
[site]
name = "Home"
timezone = "Europe/London"
[device.cottage]
name = "Cottage"
power = {{ source = "simulated" }}
[storage]
path = "var/dag.redb"
[email]
transport = "ses"
from = "detectordag <dag@example.com>"
[webhook]
allow_private = ["127.0.0.0/8"]
[uplink]
endpoint = "localhost"
port = {port}
ca = "{ca}"
certificate = "{certificate}"
key = "{key}"
keep_alive = "30s"
"""

DESK = """
[device.cabin]
name = "Cabin"
power = { source = "simulated" }
[aws]
region = "eu-west-1"
"""

PEOPLE = """
[recipient.nor]
email = "nor@example.com"
webhook = {{ url = "http://127.0.0.1:{http}/nor", secret = "env:NOR_HOOK_SECRET" }}
[recipient.neighbour]
webhook = {{ url = "http://127.0.0.1:{http}/neighbour", secret = "env:NEIGHBOUR_HOOK_SECRET" }}
[escalation]
household = [
  {{ after = "0s", notify = ["nor"] }},
  {{ after = "{second}s", notify = ["neighbour"] }},
]
owners-only = [{{ after = "0s", notify = ["nor"] }}]
"""

RULES = """
[rule.power-outage]
when = "power == off"
open_after = "{outage}s"
severity = "critical"
escalation = "household"

[rule.lost-contact]
when = "connection == disconnected"
open_after = "{lost}s"
escalation = "owners-only"
run_on = "cloud"
"""


class Cloud(Household):
    """The household in one folder. The lengths are in seconds: the debounce of an outage, the debounce of a lost
    contact, and the time of the second step."""

    outage, lost, second = 1, 5, 4

    def __init__(self, programs, folder, rng):
        super().__init__(programs.dag, folder / "device", rng)
        self.package, self.desk, self.infra = folder / "package", folder / "desk", programs.infra
        self.close_all = ExitStack()
        self.close_all.callback(super().close)
        try:
            self.broker = Broker(folder / "broker", TOPICS)
            self.close_all.callback(self.broker.close)
            self.broker.start()
            self.furnish_both()
            self.aws = Aws(folder)
            self.close_all.callback(self.aws.close)
            self.bridge = Bridge(self.broker, self.aws, statements(programs.statements), rng)
            self.close_all.callback(self.bridge.close)
            self.bridge.start()
            self.publisher = Publisher(self.bridge)
            self.close_all.callback(self.publisher.close)
            self.aws.keep({f"{name.upper()}_HOOK_SECRET": secret for name, secret in self.secrets.items()})
            environment = self.aws.environment(self.publisher.endpoint) | {"DAG_ROOT": str(self.package)}
            self.function = Function(programs.consumer, folder, environment)
            self.close_all.callback(self.function.close)
            self.function.start()
            self.poller = Poller(self.aws, self.function)
            self.close_all.callback(self.poller.close)
            self.poller.start()
            self.ended = threading.Event()
            reader = threading.Thread(target=self.read_mails, daemon=True)
            self.close_all.callback(lambda: (self.ended.set(), reader.join(5)))
            reader.start()
        except BaseException:
            self.close()
            raise

    def furnish_both(self):
        """Writes the same files for the device, for the function's package, and for the owner's desk."""
        certificate, key = self.broker.authority.issue(DEVICE)
        config = CONFIG.format(port=self.broker.port, ca=self.broker.authority.ca, certificate=certificate, key=key)
        for folder in (self.folder, self.package, self.desk):
            (folder / "rules").mkdir(parents=True)
            (folder / "config.toml").write_text(config)
            (folder / "rules/people.toml").write_text(PEOPLE.format(http=self.web.port, second=self.second))
            (folder / "rules/power.toml").write_text(RULES.format(outage=self.outage, lost=self.lost))

        # The configuration at the owner's desk has another device and a newer name of this one. The key that the device
        # trusts is made there.
        (self.desk / "config.toml").write_text(config.replace('name = "Cottage"', 'name = "Hut"') + DESK)
        key = self.owner("rules", "key")["public_key"]
        (self.folder / "config.toml").write_text(config + f'rules_key = "{key}"\n')

    def owner(self, *arguments):
        """Runs `dag-infra` at the owner's desk. Returns its answer."""
        kept = {n: v for n, v in os.environ.items() if not n.startswith(("AWS_", "DAG_"))}
        environment = kept | CREDENTIALS | {"NO_PROXY": "*", "no_proxy": "*"}
        if hasattr(self, "aws"):
            environment["AWS_ENDPOINT_URL"] = self.aws.endpoint
        command = [self.infra, *arguments, "--format", "json"]
        done = subprocess.run(command, cwd=self.desk, env=environment, capture_output=True, text=True, timeout=60)
        expect(done.returncode == 0, f"`dag-infra {' '.join(arguments)}` to succeed", done.stdout + done.stderr)
        return json.loads(done.stdout)

    def read_mails(self):
        """Puts the mails of SES into the inbox as they come."""
        seen = 0
        while not self.ended.wait(0.1):
            try:
                mails = self.aws.mails()
            except Exception as error:  # moto shows itself while it changes; the next look succeeds.
                self.unread = str(error)
                continue
            for to, content in mails[seen:]:
                message = read_mail(to, content)
                if message:
                    self.inbox.take(message)
                else:
                    self.inbox.refuse(f"a mail that the script does not know: {content}")
            seen = len(mails)

    def reports(self):
        return self.bridge.events_of("report")

    def presence(self, **wanted):
        events = self.bridge.events_of("presence")
        return [event for event in events if all(event.get(name) == value for name, value in wanted.items())]

    def connected(self):
        """Starts the device, and waits until it is connected and has reported."""
        known, reports = len(self.presence(eventType="connected")), len(self.reports())
        started = time.monotonic()
        self.daemon.start()
        until(lambda: len(self.presence(eventType="connected")) > known, "a connection", self.what_happened)
        until(lambda: len(self.reports()) > reports, "a report", self.what_happened)
        return f"reported after {time.monotonic() - started:.2f} s"

    def publish(self, topic, payload):
        """Publishes a message as the SDK does."""
        url = f"{self.publisher.endpoint}/topics/{topic.replace('/', '%2F')}?qos=1"
        with DIRECT.open(urllib.request.Request(url, payload, {"Content-Type": "application/octet-stream"})) as answer:
            expect(answer.status == 200, "200", answer.status)

    def nothing_went_wrong(self):
        """Checks that there are no dead letters, refusals or failures, except batches that were cut off on purpose."""
        expect(not (dead := self.aws.dead_letters()), "no dead letters", dead)
        expect(not self.poller.troubles, "batches that are taken", self.poller.troubles)
        expect(len(self.poller.crashes) <= self.function.cut_off, "a function that answers", self.poller.crashes)
        expect(not self.poller.failures, "records that are done at once", self.poller.failures)
        errors = [line for line in self.function.log().splitlines() if '"level":"ERROR"' in line or "panicked" in line]
        expect(not errors, "no errors in the function's log", "\n".join(errors))
        expect(not self.bridge.failed, "rules that apply", self.bridge.failed)
        expect(not self.broker.impostors, "the device's id as the client's", self.broker.impostors)

    def what_happened(self):
        records = "\n          ".join(str(record)[:300] for record in list(self.bridge.sent)[-12:])
        parts = {
            "the queue got": records or "nothing",
            "refused": self.inbox.refused[-3:],
            "rules that failed": self.bridge.failed,
            "troubles of the queues": self.poller.troubles[-3:],
            "batches without an answer": self.poller.crashes[-3:],
            "records that failed": self.poller.failures[-3:],
            "dead letters": self.aws.dead_letters() if self.aws.answers() else "moto is gone",
            "commands": self.publisher.commands[-5:],
            "the broker's log": "\n" + "\n".join(self.broker.lines[-15:]),
            "the function's log": "\n" + "\n".join(self.function.log().splitlines()[-40:]),
            "the device's log": "\n" + "\n".join(self.daemon.log().splitlines()[-40:]),
            "moto's log": "\n" + self.aws.log(),
        }
        return "\n".join(f"{name}: {what}" for name, what in parts.items())

    def close(self):
        self.close_all.close()


def statements(program):
    """Returns the topic rules, as the example `statements` of dag-uplink prints them."""
    printed = subprocess.run([program, TOPICS], stdout=subprocess.PIPE, check=True, timeout=30).stdout
    return [Rule(rule["name"], rule["sql"], rule["version"]) for rule in json.loads(printed)]
