#!/usr/bin/env python3
"""A real NUT server on loopback, with a UPS that does what it is told.

Starts `dummy-ups` and `upsd` (Debian: nut-server) in a temporary folder, then prints one line of JSON:
{"address": "127.0.0.1:PORT", "ups": "ups"}. Commands come on standard input, one a line:

    OL | OB          the mains is there; the UPS runs on its battery
    status TEXT      any other `ups.status`, such as `OB DISCHRG LB`
    charge N         `battery.charge`, in percent
    voltage V        `battery.voltage`, in volts
    driver stop      end `dummy-ups`: upsd answers DRIVER-NOT-CONNECTED; `driver start` brings it back
    server stop      end `upsd`; `server start` starts it again on the same port

Each is answered, once upsd itself shows the change, by a line {"done": COMMAND} or {"error": SENTENCE}. When standard
input closes, both programs end and the folder goes.
"""

import getpass
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

UPS = "ups"
USER, PASSWORD = "test", "test"
PATIENCE_S = 20
INSTALL = "install nut-server, or run `bash .ci/run`, which does it"


def program(name):
    """The program itself: Debian's `upsd` in /sbin is a script that looks at the system's own configuration."""
    for place in (f"/lib/nut/{name}", f"/usr/lib/nut/{name}", shutil.which(name), f"/usr/sbin/{name}"):
        if place and os.access(place, os.X_OK):
            return place
    sys.exit(f"{name} of Network UPS Tools is not here: {INSTALL}")


def until(check, what):
    """Waits until `check` returns something true, and returns that."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        try:
            if found := check():
                return found
        except OSError:
            pass  # The server is on its way up or down.
        time.sleep(0.02)
    raise TimeoutError(f"{what} did not happen within {PATIENCE_S} s")


class Nut:
    def __init__(self, folder):
        self.folder = folder
        self.environment = os.environ | {
            "NUT_CONFPATH": str(folder),
            "NUT_STATEPATH": str(folder),
            "NUT_ALTPIDPATH": str(folder),
            "NUT_QUIET_INIT_SSL": "true",
        }
        self.driver = self.server = self.port = None
        self.write(
            "ups.conf",
            f"[{UPS}]\n driver = dummy-ups\n port = {folder}/ups.dev\n pollinterval = 1\n"
            ' desc = "A \\"test\\" UPS"\n',
        )
        self.write("upsd.users", f"[{USER}]\n password = {PASSWORD}\n actions = SET\n")
        # In a file `.dev` the driver reads once, so that what is set later stays.
        self.write("ups.dev", "ups.status: OL\nbattery.charge: 100\nbattery.voltage: 13.40\n")

    def write(self, name, text):
        path = self.folder / name
        path.write_text(text)
        path.chmod(0o600)

    def spawn(self, *command):
        with open(self.folder / f"{Path(command[0]).name}.log", "a") as log:
            return subprocess.Popen(command, env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def start_driver(self):
        self.driver = self.spawn(program("dummy-ups"), "-a", UPS, "-F", "-u", getpass.getuser())
        # A server that starts before its driver's socket is there looks for it again only seconds later.
        until((self.folder / f"dummy-ups-{UPS}").exists, "the driver's socket")

    def start_server(self):
        for _ in range(5):
            port = self.port or free_port()
            self.write("upsd.conf", f"LISTEN 127.0.0.1 {port}\n")
            self.server = self.spawn(program("upsd"), "-F", "-u", getpass.getuser())

            def listens():
                if self.server.poll() is not None:
                    return "ended"  # Somebody else took the port meanwhile.
                with socket.create_connection(("127.0.0.1", port), 1):
                    return "listens"

            if until(listens, "upsd's start") == "listens":
                self.port = port
                return
        raise TimeoutError(f"upsd does not start: {(self.folder / 'upsd.log').read_text()}")

    def ask(self, *questions):
        """The answers to questions asked over one connection."""
        with socket.create_connection(("127.0.0.1", self.port), 5) as connection:
            stream = connection.makefile("rw", newline="\n")
            answers = []
            for question in questions:
                stream.write(question + "\n")
                stream.flush()
                answers.append(stream.readline().strip())
            return answers

    def get(self, variable):
        return self.ask(f"GET VAR {UPS} {variable}")[0]

    def wait_for_driver(self):
        # It first shows a status of its own (`WAIT`), then what the file says.
        until(lambda: self.get("battery.voltage").startswith("VAR"), "the driver's start")

    def set(self, variable, value):
        question = f'SET VAR {UPS} {variable} "{value}"'
        answers = self.ask(f"USERNAME {USER}", f"PASSWORD {PASSWORD}", question)
        if answers != ["OK"] * 3:
            raise ValueError(f"upsd answered {answers[-1]} to {question}")
        until(lambda: self.get(variable) == f'VAR {UPS} {variable} "{value}"', f"{variable} = {value}")

    def obey(self, command):
        match command.split(maxsplit=1):
            case ["OL" | "OB" as status]:
                self.set("ups.status", status)
            case ["status", status]:
                self.set("ups.status", status)
            case ["charge", percent]:
                self.set("battery.charge", percent)
            case ["voltage", volts]:
                self.set("battery.voltage", volts)
            case ["driver", "stop"]:
                end(self.driver)
                until(lambda: self.get("ups.status").startswith("ERR"), "the driver's end")
            case ["driver", "start"]:
                self.start_driver()
                self.wait_for_driver()
            case ["server", "stop"]:
                end(self.server)
            case ["server", "start"]:
                self.start_server()
                self.wait_for_driver()
            case _:
                raise ValueError(f"unknown command: {command}")

    def end(self):
        for child in (self.server, self.driver):
            if child:
                end(child)


def end(child):
    child.terminate()
    try:
        child.wait(5)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def tell(answer):
    print(json.dumps(answer), flush=True)


def main():
    # Ctrl-C reaches the whole group: the end of standard input decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with tempfile.TemporaryDirectory(prefix="nut-") as folder:
        nut = Nut(Path(folder))
        try:
            nut.start_driver()
            nut.start_server()
            nut.wait_for_driver()
            tell({"address": f"127.0.0.1:{nut.port}", "ups": UPS})
            for line in sys.stdin:
                command = line.strip()
                try:
                    nut.obey(command)
                    tell({"done": command})
                except (ValueError, OSError) as error:  # TimeoutError is an OSError.
                    tell({"error": str(error)})
        finally:
            nut.end()


if __name__ == "__main__":
    main()
