"""Tests device and cloud together, on real counterparts: a device with a certificate reports to a broker over TLS, the
function decides in the cloud, and mail and signed webhook calls reach people.

    python infra/cloud/tests/whole.py --dag target/debug/dag --consumer target/debug/consumer [--infra I] [--seed N]

The counterparts are mosquitto, moto and `cargo lambda watch`, and `harness/` has the glue between them. It prints one
line for each step with the seconds since the start, and a count at the end. If a step fails, it prints what was seen
and logged, and exits with 1. `bash .ci/run` runs it with the Python that has what it imports.
"""

import argparse
import json
import random
import signal
import sys
import tempfile
import time
import traceback
from contextlib import closing
from pathlib import Path

sys.dont_write_bytecode = True  # The folder of tests stays clean.
sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "edge/tests"))

try:
    from harness.aws import VISIBILITY_S
    from harness.bridge import Mischief
    from harness.cloud import DEVICE, Cloud
    from peers.daemon import Unexpected, expect, until
    from peers.receivers import THE_END
    from peers.show import Show
except ModuleNotFoundError as error:
    sys.exit(f"{error}: run `bash .ci/run`, whose Python has what this needs")

# The seconds by which a message may be late. Queues delay by whole seconds, and machines are busy. None may be early.
SLACK_S = 5.0


def on_time(what, least, seconds):
    """Checks that something was neither early nor too late. Returns a remark."""
    expect(least <= seconds <= least + SLACK_S, f"{what} after {least} to {least + SLACK_S} s", f"{seconds:.3f} s")
    return f"{what} after {seconds:.2f} s"


def at_first(show, home):
    with show("a device reports over TLS with its certificate, and the broker sees it connected") as remarks:
        remarks.append(home.connected())
        until(lambda: "item" in home.aws.rows(DEVICE), "the device in the table", home.what_happened)

    with show("asked by the cloud, it reports again") as remarks:
        known, asked = len(home.reports()), time.monotonic()
        home.publish(f"dag/{DEVICE}/cmd", b'{"v":1,"cmd":"report"}')
        until(lambda: len(home.reports()) > known, "another report", home.what_happened)
        remarks.append(f"after {time.monotonic() - asked:.2f} s")
        expect(not home.inbox.all(), "nobody to be told of anything", home.seen())


def outage_then_lost(show, home):
    """An outage and a lost contact in one story."""
    with show("its mains are unplugged: after the debounce SES has a mail, and a verified call arrives") as remarks:
        unplugged = time.time()
        home.daemon.command("unplug")
        mail, call = home.outage_is_told(set())
        expect(min(mail.at, call.at) >= unplugged + home.outage, f"nothing for {home.outage} s", home.seen())
        remarks.append(on_time("decided", home.outage, call.decided - call.since))
        remarks.append(on_time("both arrived", home.outage, max(mail.at, call.at) - call.since))
        outage = call

    with show("the second step comes at its time") as remarks:
        [second] = home.arrived(incident=outage.incident, to="neighbour", kind="escalated")
        remarks.append(on_time("decided", home.second, second.decided - outage.decided))

    with show("the daemon is killed: the lost contact is told after its debounce, and the device is asked") as remarks:
        known, killed = len(home.publisher.commands), time.time()
        home.daemon.kill()
        [call] = home.arrived(to="nor", channel="webhook", kind="opened", count=2)[1:]
        [mail] = home.arrived(to="nor", channel="email", kind="opened", count=2)[1:]
        expect(call.incident == mail.incident != outage.incident, "another incident", home.seen())
        expect(call.document["rule"] == "lost-contact", "lost-contact", call.document["rule"])
        expect(min(mail.at, call.at) >= killed + home.lost, f"nothing for {home.lost} s", home.seen())
        remarks.append(on_time("both arrived", home.lost, max(mail.at, call.at) - killed))
        asked = [(topic, json.loads(payload)["cmd"]) for topic, payload in home.publisher.commands[known:]]
        expect((f"dag/{DEVICE}/cmd", "report") in asked, "to be asked for a report", asked)

    with show("it starts again, the mains return: everybody who was told of either is told so, once") as remarks:
        remarks.append(home.connected())
        for channel in ("webhook", "email"):
            home.arrived(incident=call.incident, to="nor", channel=channel, kind="resolved")
        of_outage = [m for m in home.inbox.all(incident=outage.incident) if m.kind in THE_END]
        expect(not of_outage, "the outage to go on until the mains are back", home.seen())
        home.daemon.command("plug")
        ends = home.arrived(incident=outage.incident, kind="resolved", count=3)
        expect(
            sorted((m.to, m.channel) for m in ends)
            == [("neighbour", "webhook"), ("nor", "email"), ("nor", "webhook")],
            "all three to hear the end",
            home.seen(),
        )
        at_rest(home)
        remarks.append(f"{len(home.inbox.all())} messages")


def nuisances(show, home, rng):
    """Disorder and failures between the services, which may change nothing."""
    with show("doubled and disordered, the same records tell the same, and a short absence nobody") as remarks:
        before = home.incidents()
        home.bridge.mischief = Mischief(copies=2, delay_s=(0.0, 0.8))
        for _ in range(3):
            home.daemon.kill()
            home.connected()
        time.sleep(home.lost + 1.5)
        expect(home.incidents() == before, "nobody to be told", home.seen())
        home.daemon.command("unplug")
        mail, call = home.outage_is_told(before)
        remarks.append(on_time("both arrived", home.outage, max(mail.at, call.at) - call.since))
        home.daemon.command("plug")
        home.arrived(incident=call.incident, to="nor", kind="resolved", count=2)
        home.bridge.mischief = Mischief()
        at_rest(home)

    with show("the function is killed while it takes the report of an outage: the queue brings it again") as remarks:
        before, crashes = home.incidents(), len(home.poller.crashes)
        # Nothing is sent meanwhile. A process that dies between its commit and its settling leaves a lease, and the message
        # would be sent under the same id only when the lease ends. So it dies before its first answer from the table.
        home.function.doomed = [0, rng.uniform(0, 0.005)]
        home.daemon.command("unplug")
        mail, call = home.outage_is_told(before)
        late, most = max(mail.at, call.at) - call.since, home.outage + 2 * VISIBILITY_S + SLACK_S
        expect(home.outage <= late <= most, f"both after {home.outage} to {most} s", f"{late:.3f} s")
        crashes = len(home.poller.crashes) - crashes
        expect(crashes > 0, "a batch without an answer", crashes)
        remarks.append(f"cut off in {crashes} of 2 batches, both arrived after {late:.2f} s")
        home.function.doomed = []
        home.daemon.command("plug")
        home.arrived(incident=call.incident, to="nor", kind="resolved", count=2)
        at_rest(home)

    with show("a timer message is lost: the sweep finds what is due") as remarks:
        before = home.incidents()
        home.poller.lose = 1
        home.daemon.command("unplug")
        mail, call = home.outage_is_told(before)
        late, most = max(mail.at, call.at) - call.since, home.outage + home.poller.sweep_s + SLACK_S
        expect(home.outage <= late <= most, f"both after {home.outage} to {most} s", f"{late:.3f} s")
        expect(home.poller.lose == 0, "a timer message that was lost", "none came")
        remarks.append(f"both arrived after {late:.2f} s")
        home.daemon.command("plug")
        home.arrived(incident=call.incident, to="nor", kind="resolved", count=2)
        at_rest(home)

    with show("the broker goes and comes back: what happened meanwhile is told") as remarks:
        before = home.incidents()
        home.broker.stop()
        home.daemon.command("unplug")
        time.sleep(0.5)
        home.broker.start()
        mail, call = home.outage_is_told(before)
        remarks.append(f"both arrived {max(mail.at, call.at) - call.since:.2f} s after the mains failed")
        home.daemon.command("plug")
        home.arrived(incident=call.incident, to="nor", kind="resolved", count=2)
        at_rest(home)


# A scenario of a device that only the owner's desk has. This device does not run it.
OF_ANOTHER = """
name = "nothing happens"
device = "cabin"
start = "2026-01-10T18:00:00Z"
[[step]]
at = "1m"
expect = []
"""

# A scenario that expects the name of the device at the owner's desk, and fails with the device's own configuration.
OF_THIS = """
name = "the hut loses its mains"
device = "cottage"
start = "2026-01-10T18:00:00Z"
[[step]]
at = "0s"
set = { power = "on" }
[[step]]
at = "1m"
set = { power = "off" }
[[step]]
at = "2m"
expect = [{ to = "nor", subject = "*Hut*" }, { to = "neighbour" }]
"""


def new_rules(show, home):
    """Rules go from the owner's desk to the device, which checks them itself."""
    rules = home.desk / "rules"
    runs = lambda: home.aws.item(DEVICE).get("rules")

    def refused(hash):
        refused = home.aws.item(DEVICE).get("refused")
        return refused["reason"] if refused and refused["rules"] == hash else None

    with show("rules that are signed and pushed run on the device, and the table shows it") as remarks:
        home.aws.register(DEVICE)
        (rules / "more.toml").write_text("# Nothing yet.\n")
        (rules / "tests").mkdir()
        (rules / "tests/another.toml").write_text(OF_ANOTHER)
        pushed = time.monotonic()
        good = home.owner("rules", "push", "--all")
        expect(good["devices"] == [DEVICE], "the device alone", good)
        until(lambda: runs() == good["rules"], "the new rules in the table", home.what_happened)
        remarks.append(f"after {time.monotonic() - pushed:.2f} s")
        expect((home.folder / "rules/more.toml").is_file(), "the new files on the device", "no such file")

    with show("rules that are wrong on the device are refused there, and the table shows why") as remarks:
        (rules / "tests/this.toml").write_text(OF_THIS)
        bad = home.owner("rules", "push", "--device", DEVICE)
        until(lambda: refused(bad["rules"]), "the refusal in the table", home.what_happened)
        reason = refused(bad["rules"])
        expect("this.toml" in reason, "the scenario that goes otherwise here", reason)
        expect(runs() == good["rules"], "the rules from before", runs())
        expect(not (home.folder / "rules/tests/this.toml").exists(), "the files from before", "others")
        remarks.append(" ".join(reason.splitlines()[0].split())[:60])
        (rules / "tests/this.toml").unlink()

    with show("rules that another key signed are refused, too") as remarks:
        home.owner("rules", "key", "--key", "other.key")
        (rules / "more.toml").write_text("# From elsewhere.\n")
        foreign = home.owner("rules", "push", "--device", DEVICE, "--key", "other.key", "--new-key")
        until(lambda: refused(foreign["rules"]), "the refusal in the table", home.what_happened)
        reason = refused(foreign["rules"])
        expect("signature" in reason, "the signature as the reason", reason)
        expect(runs() == good["rules"], "the rules from before", runs())
        remarks.append(reason[:60])

    with show("signed by the owner, the same rules are taken") as remarks:
        pushed = time.monotonic()
        home.owner("rules", "push", "--all", "--new-key")
        until(lambda: runs() == foreign["rules"], "the new rules in the table", home.what_happened)
        expect(not refused(foreign["rules"]), "no refusal any more", home.aws.item(DEVICE).get("refused"))
        remarks.append(f"after {time.monotonic() - pushed:.2f} s")
        at_rest(home)


def at_rest(home):
    """Checks that everybody heard the end, nothing came twice, and nothing is left."""
    time.sleep(1)  # A surplus message would come now.
    again = home.everybody_told_is_told_the_end()
    expect(again == 0, "nothing twice", home.seen())
    home.nothing_went_wrong()


def play(show, programs, rng):
    with tempfile.TemporaryDirectory(prefix="dag-") as folder:
        with closing(Cloud(programs, Path(folder), rng)) as home:
            try:
                at_first(show, home)
                outage_then_lost(show, home)
                new_rules(show, home)
                nuisances(show, home, rng)
            except Exception as error:
                why = error if isinstance(error, Unexpected) else traceback.format_exc()
                print(f"{why}\narrived:  {home.seen()}\n{home.what_happened()}", flush=True)
                show.failed = max(show.failed, 1)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    path = lambda text: Path(text).resolve()
    parser.add_argument("--dag", required=True, help="the daemon", type=path)
    parser.add_argument("--consumer", required=True, help="the function", type=path)
    parser.add_argument("--infra", help="dag-infra; else it is beside the daemon", type=path)
    parser.add_argument("--statements", help="what prints the topic rules; else it is beside the consumer", type=path)
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000), help="for what is random")
    programs = parser.parse_args()
    programs.statements = programs.statements or programs.consumer.parent / "examples/statements"
    programs.infra = programs.infra or programs.dag.parent / "dag-infra"
    builds = ("-p dag", "-p dag-infra", "-p dag-cloud --bin consumer", "-p dag-uplink --example statements")
    for program, build in zip((programs.dag, programs.infra, programs.consumer, programs.statements), builds):
        if not program.is_file():
            parser.error(f"there is no program {program}: build it with `cargo build {build}`")
    # On SIGTERM it still ends its children.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    print(f"seed {programs.seed}", flush=True)
    show = Show()
    try:
        play(show, programs, random.Random(programs.seed))
    except Exception:
        traceback.print_exc()
        show.failed = max(show.failed, 1)
    print(f"{show.passed} passed, {show.failed} failed")
    sys.exit(1 if show.failed else 0)


if __name__ == "__main__":
    main()
