"""A household: a daemon in a folder of its own, its rules, and those whom it tells."""

import base64
from collections import defaultdict

from .daemon import Daemon, expect, until
from .receivers import THE_END, Inbox, MailServer, WebhookReceiver

CONFIG = """
mode = "standalone"
[site]
name = "Home"
timezone = "Europe/London"
[device.cottage]
name = "Cottage"
power = {power}
[storage]
path = "var/dag.redb"
[email]
transport = "smtp"
from = "detectordag <dag@example.com>"
[email.smtp]
server = "127.0.0.1"
port = {smtp}
security = "plain"
[webhook]
allow_private = ["127.0.0.0/8"]
"""

PEOPLE = """
[recipient.nor]
email = "nor@example.com"
webhook = {{ url = "http://127.0.0.1:{http}/nor", secret = "env:NOR_HOOK_SECRET" }}
[recipient.neighbour]
webhook = {{ url = "http://127.0.0.1:{http}/neighbour", secret = "env:NEIGHBOUR_HOOK_SECRET" }}
[recipient.electrician]
email = "electrician@example.com"
[escalation]
household = [
  {{ after = "0s", notify = ["nor"] }},
  {{ after = "{second}s", notify = ["neighbour"] }},
  {{ after = "{third}s", notify = ["electrician"] }},
]
"""

RULE = """
[rule.power-outage]
when = "power == off"
open_after = "{open_after}"
close_after = "{close_after}"
severity = "critical"
escalation = "household"
"""


class Household:
    """A daemon in a folder of its own, and those whom it tells."""

    def __init__(self, dag, folder, rng):
        names = ["nor", "neighbour"]
        self.secrets = {name: "whsec_" + base64.b64encode(rng.randbytes(32)).decode() for name in names}
        self.inbox = Inbox()
        self.mail = MailServer(self.inbox)
        self.web = WebhookReceiver(self.inbox, self.secrets)
        self.folder = folder
        self.rules = folder / "rules"
        named = {f"{name.upper()}_HOOK_SECRET": secret for name, secret in self.secrets.items()}
        self.daemon = Daemon(dag, folder, named)

    def furnish(self, power, second, third):
        """Writes the configuration, with the source of the mains, and who is told: nor at once, the neighbour and the
        electrician after so many seconds."""
        self.second, self.third = second, third
        (self.folder / "config.toml").write_text(CONFIG.format(power=power, smtp=self.mail.port))
        self.rules.mkdir()
        (self.rules / "people.toml").write_text(PEOPLE.format(http=self.web.port, second=second, third=third))

    def save_rule(self, **lengths):
        """Saves the rule as some editors do: in place."""
        (self.rules / "power.toml").write_text(RULE.format(**lengths))

    def arrived(self, count=1, **wanted):
        """Waits for messages whose fields are as `wanted`."""
        what = f"{count} of {wanted}"
        return until(lambda: len(found := self.inbox.all(**wanted)) >= count and found, what, self.seen)

    def outage_is_told(self, incidents_before):
        """Waits until nor is told of another outage by mail and by a call, and returns both."""

        def told():
            news = [m for m in self.inbox.all(to="nor", kind="opened") if m.incident not in incidents_before]
            by = {message.channel: message for message in news}
            return len(by) == 2 and by

        by = until(told, "a mail and a call for nor: the power is out", self.seen)
        expect(by["email"].incident == by["webhook"].incident, "one incident", by)
        return by["email"], by["webhook"]

    def incidents(self):
        return {message.incident for message in self.inbox.all()}

    def seen(self):
        lines = [f"{m.at:.2f} {m.kind} to {m.to} by {m.channel}, incident {m.incident[:6]}" for m in self.inbox.all()]
        return "\n          ".join(lines or ["nothing arrived"])

    def everybody_told_is_told_the_end(self):
        """Whoever was told of an incident hears its end, once and last; what came again came under the same id, and was
        the same. Returns how many came again."""
        expect(not self.inbox.refused, "only good mails and calls", self.inbox.refused)
        by_id = defaultdict(list)
        by_channel = defaultdict(list)
        for message in self.inbox.all():
            by_id[message.id].append(message)
            if len(by_id[message.id]) == 1:
                by_channel[message.incident, message.to, message.channel].append(message.kind)
            same = by_id[message.id][0].content == message.content
            expect(same, "the same bytes under the same id", [m.content for m in by_id[message.id]])
            # The end is the last thing; only itself may come again.
            kinds = by_channel[message.incident, message.to, message.channel]
            after = message.kind not in THE_END and any(kind in THE_END for kind in kinds)
            expect(not after, "nothing of an incident after its end", f"{message}\n{self.seen()}")
        for (incident, to, channel), kinds in by_channel.items():
            once = kinds[-1] in THE_END and sum(kind in THE_END for kind in kinds) == 1
            expect(once, f"{to} to hear the end of {incident} by {channel} once, and last", f"{kinds}\n{self.seen()}")
            # Nobody here is named by two steps, so only acknowledgements may come more than once under other ids.
            others = [kind for kind in kinds if kind != "acknowledged"]
            twice = len(others) != len(set(others))
            expect(not twice, f"{to} to hear all of {incident} by {channel} once", f"{kinds}\n{self.seen()}")
        return sum(len(copies) - 1 for copies in by_id.values())

    def close(self):
        self.daemon.close()
        self.web.close()
        self.mail.close()
