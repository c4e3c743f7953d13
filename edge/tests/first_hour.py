"""The first hour of an owner: from a copied binary to a monitor that is theirs, that has sent a real message, and that
cannot be lost by an update.

    python edge/tests/first_hour.py --dag target/debug/dag

It types the commands that the owner types, and prints what each of them said. The mail server is real. Ends with 1 where
something was not as expected. `bash .ci/run` runs it with the Python that has what it imports.
"""

import argparse
import email
import email.policy
import gzip
import os
import shutil
import signal
import sys
import tempfile
import time
import traceback
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

sys.dont_write_bytecode = True  # The folder of tests stays clean.

try:
    from aiosmtpd.controller import Controller
    from peers.daemon import Daemon, Unexpected, expect, until
    from peers.receivers import free_port
    from peers.show import Show
except ModuleNotFoundError as error:
    sys.exit(f"{error}: run `bash .ci/run`, whose Python has what this needs")

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Mail:
    to: str
    subject: str
    text: str


class MailServer:
    """A mail server on loopback that takes every mail."""

    def __init__(self):
        self.mails = []
        self.port = free_port()
        self.controller = Controller(self, hostname="127.0.0.1", port=self.port)
        self.controller.start()

    async def handle_DATA(self, server, session, envelope):
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        text = mail.get_body(("plain",)).get_content()
        self.mails.extend(Mail(to, mail["Subject"], text) for to in envelope.rcpt_tos)
        return "250 OK, here it is read"

    def wait(self, count, **wanted):
        """Waits until so many mails have come in all, and returns those whose fields hold the texts of `wanted`."""
        until(lambda: len(self.mails) >= count, f"{count} mails", lambda: self.mails)
        expect(len(self.mails) == count, f"{count} mails", self.mails)
        return [mail for mail in self.mails if all(text in getattr(mail, field) for field, text in wanted.items())]

    def close(self):
        self.controller.stop()


class Owner:
    """Somebody at a shell, in a folder that has the binary and nothing else."""

    def __init__(self, dag, folder):
        self.folder = folder
        self.binary = folder / "dag"
        shutil.copy(dag, self.binary)
        self.mail = MailServer()
        self.daemons = []

    def monitor(self, name, environment=None):
        """The monitor in the folder `name`."""
        daemon = Daemon(str(self.binary), self.folder / name, environment or {})
        self.daemons.append(daemon)
        return daemon

    def edit(self, file, old, new):
        path = self.folder / file
        text = path.read_text()
        expect(old in text, f"`{old}` in {file}", text)
        path.write_text(text.replace(old, new, 1))

    def close(self):
        for daemon in self.daemons:
            daemon.close()
        self.mail.close()


def said(command, printed):
    """Shows what a command printed."""
    print(f"       $ {command}")
    for line in printed.rstrip().splitlines():
        print(f"         {line}")
    return printed


def type_in(daemon, *words, code=0):
    """Types a command, shows what it said, and returns that."""
    got, printed = daemon.run(*words)
    said(f"dag {' '.join(words)}", printed)
    expect(got == code, f"`dag {' '.join(words)}` to end with {code}", f"{got}: {printed}")
    return printed


def a_zone_where_it_is_noon():
    """The hours of the night are longer waits: the story is told by day, whenever it is run. POSIX counts westwards."""
    west = datetime.now(UTC).hour - 12
    return f"Etc/GMT{west:+d}" if west else "UTC"


def make_it_mine(show, owner):
    """Init, check, names, durations."""
    barn = owner.monitor("barn")
    with show("`dag init` makes a monitor from the binary alone"):
        type_in(
            barn, "init", str(barn.folder), "--name", "The barn", "--email", "ada@barn.lan", "--device", "barn",
            "--timezone", a_zone_where_it_is_noon(), "--smtp", "127.0.0.1", "--smtp-port", str(owner.mail.port),
            "--smtp-security", "plain", "--yes",
        )  # fmt: skip
        type_in(barn, "check")

    with show("a second `dag init` overwrites nothing"):
        before = (barn.folder / "config.toml").read_bytes()
        printed = type_in(barn, "init", str(barn.folder), "--email", "eve@barn.lan", "--yes", code=1)
        expect("config.toml" in printed, "the file that is in the way", printed)
        expect((barn.folder / "config.toml").read_bytes() == before, "the same config.toml", "another one")

    with show("names, a second owner, and a longer debounce by night are followed without a complaint"):
        people = "barn/rules/people.toml"
        owner.edit(people, '# [recipient.neighbour]\n# email = "kim@example.com"', '[recipient.bob]\nemail = "bob@barn.lan"')
        owner.edit(people, '# fallback = "neighbour"', 'fallback = "bob"')
        owner.edit(people, '# { after = "30m", notify = ["neighbour"]', '{ after = "30m", notify = ["bob"]')
        owner.edit("barn/rules/power.toml", 'open_after = "30s"', 'open_after = "1s"')
        owner.edit("barn/rules/power.toml", 'close_after = "10s"', 'close_after = "500ms"')
        night = barn.folder / "rules/examples/longer-at-night.rhai"
        shutil.copy(night, barn.folder / "rules/longer-at-night.rhai")
        owner.edit("barn/rules/power.toml", '# script = "longer-at-night.rhai"', 'script = "longer-at-night.rhai"')
        type_in(barn, "check")
    return barn


def know_that_it_works(show, owner, barn):
    """The first start, a test message, a mistake."""
    with show("it starts, and has checked its mail server"):
        barn.start()
        barn.ready()
        until(lambda: "receivers" in barn.command("status").lower(), "a line about the receivers")
        type_in(barn, "status")

    with show("a test message arrives, and the answer of the mail server is shown"):
        printed = type_in(barn, "notify", "ada")
        expect("250" in printed and "here it is read" in printed, "the server's answer", printed)
        [test] = owner.mail.wait(1)
        expect(test.to == "ada@barn.lan", "a mail to ada", test)
        said("the mail", f"{test.subject}\n{test.text}")

    with show("a test message to nobody says whom there is"):
        printed = type_in(barn, "notify", "aba", code=1)
        expect("did you mean `ada`" in printed, "a suggestion", printed)

    with show("a mistake changes nothing, and is shown with its place; its repair is followed"):
        owner.edit("barn/rules/power.toml", 'when = "power == off"', 'when = "pwoer == off"')
        until(lambda: barn.status()["rejected"], "a rejection", lambda: barn.command("status"))
        printed = type_in(barn, "status")
        expect("rules/power.toml:" in printed and "did you mean `power`" in printed, "the place and advice", printed)
        expect("did you mean `power`" in type_in(barn, "check", code=1), "the same from `dag check`", printed)
        owner.edit("barn/rules/power.toml", 'when = "pwoer == off"', 'when = "power == off"')
        until(lambda: not barn.status()["rejected"], "no rejection", lambda: barn.command("status"))
        # The operators are told of the mistake.
        owner.mail.wait(2, subject="an edit is not in force")


def an_outage(show, owner, barn):
    """Unplug, mail, ack, plug."""
    with show("the mains fail: a mail arrives after the debounce") as remarks:
        began = time.monotonic()
        type_in(barn, "unplug")
        mails = owner.mail.wait(3, subject="Power is out")
        remarks.append(f"after {time.monotonic() - began:.1f} s")
        said("the mail", f"{mails[0].subject}\n{mails[0].text}")
        type_in(barn, "status")

    with show("somebody acknowledges, the mains return, and who was told is told"):
        type_in(barn, "ack", "--by", "bob")
        owner.mail.wait(4, subject="bob is on it")
        type_in(barn, "plug")
        mails = owner.mail.wait(5, subject="Power is back")
        expect(len(mails) == 1 and mails[0].to == "ada@barn.lan", "the end, for ada", mails)
        barn.settled()


def keep_it(show, owner, barn):
    """Backup and upgrade in an outage, and a restore."""
    with show("a backup is made in the middle of an outage, while the daemon runs"):
        type_in(barn, "unplug")
        owner.mail.wait(6)
        backup = owner.folder / "barn.tar"
        type_in(barn, "backup", str(backup))
        printed = type_in(barn, "backup", str(backup), code=1)
        expect("barn.tar" in printed, "the file that is in the way", printed)

    with show("a new binary takes over: the outage goes on, and nobody is told again"):
        before = barn.status()
        new = owner.folder / "dag.new"
        shutil.copy(owner.binary, new)
        os.replace(new, owner.binary)  # As install(1) does it, over the running program.
        expect((code := barn.terminate()) == 0, "exit code 0", code)
        barn.start()
        after = barn.ready()
        expect(after["incidents"] == before["incidents"], before["incidents"], after["incidents"])
        owner.mail.wait(6)

    with show("the backup, restored elsewhere, tells of the end of the outage that was open in it"):
        expect((code := barn.terminate()) == 0, "exit code 0", code)
        attic = owner.monitor("attic")
        type_in(attic, "restore", str(backup), str(attic.folder))
        type_in(attic, "restore", str(backup), str(attic.folder), code=1)
        attic.start()
        status = attic.ready()
        expect(status["incidents"] == before["incidents"], before["incidents"], status["incidents"])
        type_in(attic, "plug")
        mails = owner.mail.wait(7, subject="Power is back")
        expect(len(mails) == 2, "the end of the second outage", mails)


def last_version(show, owner):
    """A store that the last version wrote, in an outage."""
    with show("a store of the last version is migrated, and its outage goes on"):
        old = owner.folder / "old"
        (old / "rules").mkdir(parents=True)
        (old / "var").mkdir()
        made = HERE / "store/format-1"
        shutil.copy(made / "config.toml", old / "config.toml")
        shutil.copy(made / "rules.toml", old / "rules/rules.toml")
        (old / "var/dag.redb").write_bytes(gzip.decompress((made / "dag.redb.gz").read_bytes()))
        daemon = owner.monitor("old")
        type_in(daemon, "check")
        daemon.start()
        status = daemon.ready()
        expect(len(status["incidents"]) == 1, "its open incident", status["incidents"])
        type_in(daemon, "status")
        expect("migrated" in daemon.log(), "a line in the log about the migration", daemon.log())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dag", required=True, help="the program to show", type=lambda path: str(Path(path).resolve()))
    arguments = parser.parse_args()
    if not Path(arguments.dag).is_file():
        parser.error(f"there is no program {arguments.dag}: build it with `cargo build -p dag`")
    # Ended from outside, it still ends its children.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    show = Show()
    with tempfile.TemporaryDirectory(prefix="dag-") as folder, closing(Owner(arguments.dag, Path(folder))) as owner:
        try:
            barn = make_it_mine(show, owner)
            know_that_it_works(show, owner, barn)
            an_outage(show, owner, barn)
            keep_it(show, owner, barn)
            last_version(show, owner)
        except Exception as error:
            print(error if isinstance(error, Unexpected) else traceback.format_exc())
            for daemon in owner.daemons:
                print(f"the log in {daemon.folder.name}:\n{daemon.log()}")
            show.failed = max(show.failed, 1)
    print(f"{show.passed} passed, {show.failed} failed")
    sys.exit(1 if show.failed else 0)


if __name__ == "__main__":
    main()
