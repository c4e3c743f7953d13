"""Shows on real counterparts that the daemon does its job: a NUT server whose UPS goes on battery, a mail server, a web
server that verifies every call, and `kill -9` at random moments.

    python edge/tests/acceptance.py --dag target/debug/dag [--seed N]

Prints a line for each thing shown, with the seconds since the start; the last line counts. Ends with 1 where something
was not as expected, and prints what was seen and what the daemon logged. `bash .ci/run` runs it with the Python that
has what it imports.
"""

import argparse
import base64
import random
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from contextlib import closing, contextmanager
from pathlib import Path

sys.dont_write_bytecode = True  # The folder of tests stays clean.

try:
    from peers.daemon import PATIENCE_S, Unexpected, expect, until
    from peers.household import RULE, Household
    from peers.receivers import THE_END, seconds
    from peers.show import Show
    from peers.ups import Ups
except ModuleNotFoundError as error:
    sys.exit(f"{error}: run `bash .ci/run`, whose Python has what this needs")

# Nothing comes early; how late it may come on a busy machine, in seconds.
SLACK_S = 2.0
# How often the daemon is killed at random.
KILLS = 30


def on_time(what, least, seconds):
    """Never early, and not too late. Returns a remark."""
    expect(least <= seconds <= least + SLACK_S, f"{what} after {least} to {least + SLACK_S} s", f"{seconds:.3f} s")
    return f"{what} after {seconds:.2f} s"


def mains_seen(home):
    """Waits until the daemon knows from its source that the mains are there."""
    daemon = home.daemon
    daemon.start()
    daemon.ready()
    until(lambda: "on" in daemon.status()["facts"].get("power", []), "power on", lambda: daemon.command("status"))


def outage(show, home, rng):
    """The mains fail, as NUT tells it, and return."""
    daemon, inbox = home.daemon, home.inbox
    with closing(Ups()) as ups:
        home.furnish(power=ups.source, second=3, third=6)
        home.save_rule(open_after="1s", close_after="500ms")

        with show("the daemon starts, and sees by NUT that the mains are there"):
            mains_seen(home)

        with show("the receiver refuses a call that is signed with another secret"):
            status = home.web.forge("nor", base64.b64encode(rng.randbytes(32)).decode())
            expect(status == 401 and not inbox.all(), "401 for a forged call", f"{status}\n{home.seen()}")
            inbox.refused.clear()

        with show("NUT says on battery: after the debounce a mail and a verified call arrive") as remarks:
            remarks.append(told_of_outage(home, ups, 1))
            [call] = inbox.all(channel="webhook")

        with show("the second step comes at its time") as remarks:
            [second] = home.arrived(to="neighbour", kind="escalated")
            remarks.append(on_time("decided", home.second, second.decided - call.decided))
            remarks.append(on_time("arrived", 0, second.at - second.decided))
            expect(len(inbox.all()) == 3, "three messages so far", home.seen())

        with show("an acknowledgement is told to the others, and stops the third step"):
            daemon.command("ack", "--by", "neighbour")
            home.arrived(to="nor", channel="email", kind="acknowledged")
            home.arrived(to="nor", channel="webhook", kind="acknowledged")
            due = call.decided + home.third
            until(lambda: seconds(daemon.status()["now"]) > due + 0.5, "the third step's time")
            status = daemon.status()
            expect(not status["waiting"], "nothing to send", status["waiting"])
            expect(status["incidents"][0]["acknowledged_by"] == "neighbour", "acknowledged by neighbour", status)
            expect(len(inbox.all()) == 5, "five messages so far", home.seen())

        with show("the mains return: everybody who was told is told so, and nobody else") as remarks:
            ups.tell("OL")
            daemon.settled()
            home.everybody_told_is_told_the_end()
            ends = sorted((m.to, m.channel, m.kind) for m in inbox.all() if m.kind in THE_END)
            told = [("neighbour", "webhook"), ("nor", "email"), ("nor", "webhook")]
            expect(ends == [(*channel, "resolved") for channel in told], f"resolved to {told}", home.seen())
            [end] = inbox.all(to="nor", channel="webhook", kind="resolved")
            remarks.append(on_time("arrived", 0.5, end.at - seconds(end.document["incident"]["ended"])))

        with show("SIGTERM ends the daemon well"):
            expect((code := daemon.terminate()) == 0, "exit code 0", code)


def edits(show, home, rng):
    """Rules are edited, well and badly, while the daemon runs."""
    daemon = home.daemon
    with closing(Ups()) as ups:
        home.furnish(power=ups.source, second=30, third=60)
        home.save_rule(open_after="1s", close_after="500ms")
        mains_seen(home)

        with show("an edit of the debounce, 1 s to 3 s, is followed without a restart") as remarks:
            before = daemon.status()
            home.save_rule(open_after="3s", close_after="500ms")
            remarks.append(followed(home, before))
            remarks.append(told_of_outage(home, ups, 3))
            end_of_outage(home, ups)

        with show("a broken edit is shown with file and line, and the rules before it stay") as remarks:
            before = daemon.status()
            # If half of it were applied, the next outage would be told at once.
            text = RULE.format(open_after="0s", close_after="500ms").replace('"critical"', "critical")
            line = 1 + text[: text.index("critical")].count("\n")
            (home.rules / "power.toml").write_text(text)
            until(lambda: daemon.status()["rejected"], "a problem in `dag status`", lambda: daemon.command("status"))
            shown = daemon.command("status")
            expect("NOT in force" in shown, "`dag status` to say that the edit is NOT in force", shown)
            expect(f"power.toml:{line}:" in shown, f"`dag status` to name power.toml, line {line}", shown)
            expect(daemon.status()["rules"] == before["rules"], "the same rules", daemon.status())
            remarks.append(f"power.toml:{line}")
            remarks.append(told_of_outage(home, ups, 3))
            end_of_outage(home, ups)

        with show("a start with the broken file runs on the last good rules, and shows the problem"):
            expect((code := daemon.terminate()) == 0, "exit code 0", code)
            daemon.start()
            status = daemon.ready()
            expect(status["rules"] == before["rules"] and status["rejected"], "the last good rules", status)

        with show("its repair is followed") as remarks:
            before = daemon.status()
            # As many editors save: another file, renamed over this one.
            saved = home.rules / ".power.toml.swp"
            saved.write_text(RULE.format(open_after="500ms", close_after="500ms"))
            saved.rename(home.rules / "power.toml")
            remarks.append(followed(home, before))
            remarks.append(told_of_outage(home, ups, 0.5))
            end_of_outage(home, ups)


def followed(home, before):
    """Waits until other rules than `before` are in force. Returns a remark."""
    daemon, edited = home.daemon, time.monotonic()
    until(lambda: daemon.status()["rules"] != before["rules"], "other rules", lambda: daemon.command("status"))
    after = daemon.status()
    expect(after["boot"] == before["boot"], "the same daemon, not started again", f"boot {after['boot']}")
    expect(after["rejected"] is None, "rules without a problem", after["rejected"])
    return f"in force after {time.monotonic() - edited:.2f} s"


def told_of_outage(home, ups, debounce):
    """The mains fail, and nor is told of it after `debounce` seconds. Returns a remark."""
    known, failed_at = home.incidents(), time.time()
    ups.tell("OB")
    mail, call = home.outage_is_told(known)
    expect(min(mail.at, call.at) >= failed_at + debounce, f"nothing for {debounce} s", home.seen())
    late = max(mail.at, call.at) - call.since
    on_time("decided", debounce, call.decided - call.since)
    return on_time("both arrived", debounce, late)


def end_of_outage(home, ups):
    """The mains return, and everybody is told."""
    ups.tell("OL")
    home.daemon.settled()
    home.everybody_told_is_told_the_end()


def kills(show, home, rng):
    """The daemon is killed, again and again, and nothing is lost."""
    daemon, inbox = home.daemon, home.inbox
    home.furnish(power='{ source = "simulated" }', second=2, third=4)
    home.save_rule(open_after="200ms", close_after="200ms")
    known = set()

    with show(f"killed by kill -9 at {KILLS} random moments, the daemon starts again each time") as remarks:
        # Receivers that take their time often have a message whose answer is never heard.
        inbox.delay = lambda: random.uniform(0, 0.3)
        for _ in range(KILLS):
            known |= killed_at_random(home, rng)
        inbox.delay = lambda: 0
        daemon.start()
        known |= open_incidents(daemon.ready())
        daemon.command("plug")
        daemon.settled()
        remarks.append(f"{len(inbox.all())} messages of {len(home.incidents())} incidents")

    with show("a message whose answer the killed daemon never heard comes again, the same") as remarks:
        remarks.append(killed_before_the_answer(home, "unplug", "webhook"))
        remarks.append(killed_before_the_answer(home, "plug", "email"))
        daemon.settled()

    with show("killed while an incident is open, it escalates at its time") as remarks:
        before = home.incidents()
        daemon.command("unplug")
        _, call = home.outage_is_told(before)
        delivered(daemon)
        daemon.kill()
        daemon.start()
        [second] = home.arrived(incident=call.incident, to="neighbour", kind="escalated")
        remarks.append(on_time("second step", home.second, second.decided - call.decided))

    with show("a step that fell due while it was dead comes when it starts") as remarks:
        delivered(daemon)
        daemon.kill()
        until(lambda: time.time() > call.decided + home.third, "the third step's time")
        daemon.start()
        started = time.time()
        [third] = home.arrived(incident=call.incident, to="electrician", kind="escalated")
        remarks.append(on_time("third step", 0, third.at - started))
        daemon.command("plug")
        daemon.settled()

    with show("nothing was lost: of every incident nor was told by mail and by a call") as remarks:
        numbers = {m.document["incident"]["number"]: m.incident for m in inbox.all(channel="webhook")}
        # An incident of which nobody heard would be a gap in the count.
        expect(sorted(numbers) == list(range(1, max(numbers) + 1)), "every incident from 1 on", sorted(numbers))
        expect(known <= set(numbers.values()), f"all of {known}, which `dag status` had shown", numbers)
        for incident in numbers.values():
            for channel in ("email", "webhook"):
                kinds = {m.kind for m in inbox.all(incident=incident, to="nor", channel=channel)}
                expect(kinds & {"opened", "past"}, f"nor to hear of {incident} by {channel}", kinds)
        remarks.append(f"{len(numbers)} incidents")

    with show("everybody who was told heard the end, and last; what came twice came under the same id") as remarks:
        again = home.everybody_told_is_told_the_end()
        expect(again >= 2, "at least the two that were made to come again", f"{again} that came again")
        remarks.append(f"{len(inbox.all())} messages, {again} of them again")


def killed_at_random(home, rng):
    """Starts the daemon, has the mains fail or return, and kills it at some moment of that. Returns the incidents that
    it knew of."""
    daemon = home.daemon
    daemon.start()
    if rng.random() < 0.2:
        time.sleep(rng.uniform(0, 0.15))
        daemon.kill()
        return set()
    status = daemon.ready()
    known = open_incidents(status)
    other = "plug" if "off" in status["facts"].get("power", []) else "unplug"
    asked = rng.choice([[other], [other], [other], ["ack", "--by", "neighbour"]])
    command = daemon.spawn(*asked, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(rng.uniform(0, 0.9))
    daemon.kill()
    command.wait(PATIENCE_S)
    return known


def killed_before_the_answer(home, command, channel):
    """The mains fail or return; nor's receiver gets the message, and the daemon is killed before it is answered.
    Returns a remark."""
    daemon, inbox, news = home.daemon, home.inbox, []

    def kill(message):
        if (message.to, message.channel) == ("nor", channel) and not news:
            daemon.kill()
            news.append(message)

    inbox.on_arrival = kill
    daemon.command(command)
    until(lambda: news, f"a message to nor by {channel}", home.seen)
    started = time.monotonic()
    daemon.start()
    first, again, *_ = home.arrived(id=news[0].id, count=2)
    expect(first.content == again.content, "the same bytes", (first.content, again.content))
    remark = f"{first.kind} by {channel} after {time.monotonic() - started:.2f} s"
    delivered(daemon)
    return remark


def delivered(daemon):
    """Waits until nothing is left to send."""
    daemon.ready()
    until(lambda: not daemon.status()["waiting"], "nothing to send", lambda: daemon.command("status"))


def open_incidents(status):
    return {incident["id"] for incident in status["incidents"]}


@contextmanager
def household(show, dag, rng):
    """A scene's household. Where the scene fails, this says why, and the next scene may be played."""
    with tempfile.TemporaryDirectory(prefix="dag-") as folder, closing(Household(dag, Path(folder), rng)) as home:
        try:
            yield home
        except Exception as error:
            why = error if isinstance(error, Unexpected) else traceback.format_exc()
            print(f"{why}\narrived:  {home.seen()}\nthe daemon's log:\n{home.daemon.log()}", flush=True)
            show.failed = max(show.failed, 1)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dag", required=True, help="the program to show", type=lambda path: str(Path(path).resolve()))
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000), help="for the random moments")
    arguments = parser.parse_args()
    if not Path(arguments.dag).is_file():
        parser.error(f"there is no program {arguments.dag}: build it with `cargo build -p dag`")
    # Ended from outside, it still ends its children.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    print(f"seed {arguments.seed}", flush=True)
    rng = random.Random(arguments.seed)
    show = Show()
    for scene in (outage, edits, kills):
        with household(show, arguments.dag, rng) as home:
            scene(show, home, rng)
    print(f"{show.passed} passed, {show.failed} failed")
    sys.exit(1 if show.failed else 0)


if __name__ == "__main__":
    main()
