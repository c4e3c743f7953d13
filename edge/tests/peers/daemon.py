"""A `dag` daemon in a folder of its own, driven by the commands that people use."""

import json
import os
import subprocess
import time

PATIENCE_S = 20


class Unexpected(Exception):
    """Something was expected, and something else was seen."""

    def __init__(self, expected, seen):
        super().__init__(f"expected: {expected}\nseen:     {seen}")


def expect(true, expected, seen):
    if not true:
        raise Unexpected(expected, seen)


def until(check, what, seen=lambda: "nothing of the kind", patience_s=PATIENCE_S):
    """Waits until `check` returns something true, and returns that. `seen` says what there is instead."""
    end = time.monotonic() + patience_s
    while not (found := check()):
        if time.monotonic() > end:
            raise Unexpected(f"{what}, within {patience_s} s", seen())
        time.sleep(0.02)
    return found


class Daemon:
    """`dag run` with the files of `folder`; it may be killed and started again."""

    def __init__(self, dag, folder, secrets):
        self.dag = dag
        self.folder = folder
        # Variables of the caller that begin with DAG_ would be part of the configuration.
        kept = {name: value for name, value in os.environ.items() if not name.startswith("DAG_")}
        self.environment = kept | secrets
        self.process = None

    def spawn(self, *arguments, **pipes):
        command = [self.dag, "--config", str(self.folder / "config.toml"), *arguments]
        return subprocess.Popen(command, env=self.environment, stdin=subprocess.DEVNULL, **pipes)

    def start(self):
        with open(self.folder / "daemon.log", "ab") as log:
            self.process = self.spawn("run", stdout=log, stderr=log)

    def ready(self):
        """Waits until it answers, and returns its status."""

        def answers():
            code = self.process.poll()
            expect(code is None, "a daemon that runs", f"it ended by itself, with {code}")
            return self.try_status()

        return until(answers, "an answer to `dag status`", lambda: self.run("status")[1])

    def kill(self):
        """`kill -9`."""
        self.process.kill()
        self.process.wait()

    def terminate(self):
        """SIGTERM, as a service manager does it. Returns the exit code."""
        self.process.terminate()
        return self.process.wait(PATIENCE_S)

    def run(self, *arguments):
        """A command's exit code, and what it printed."""
        child = self.spawn(*arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        printed, _ = child.communicate(timeout=PATIENCE_S)
        return child.returncode, printed

    def command(self, *arguments):
        """What a command printed; it must end well."""
        code, printed = self.run(*arguments)
        expect(code == 0, f"`dag {' '.join(arguments)}` to end with 0", f"{code}: {printed}")
        return printed

    def try_status(self):
        code, printed = self.run("status", "--format", "json")
        return json.loads(printed) if code == 0 else None

    def status(self):
        return json.loads(self.command("status", "--format", "json"))

    def settled(self, patience_s=PATIENCE_S):
        """Waits until no incident is open and nothing is left to send. Nothing may be given up."""

        def at_rest():
            status = self.status()
            return status if not status["incidents"] and not status["waiting"] else None

        status = until(at_rest, "no open incident and nothing to send", lambda: self.command("status"), patience_s)
        expect(not status["undelivered"], "nothing undelivered", status["undelivered"])
        return status

    def log(self):
        path = self.folder / "daemon.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def close(self):
        if self.process and self.process.poll() is None:
            self.kill()
