#!/usr/bin/env python3
"""Makes dag.redb.gz and status.json in a folder: a store of an earlier format, and the status of the program that
wrote it.

    sudo python3 edge/tests/store/make.py PATH/TO/dag edge/tests/store/format-2

PATH/TO/dag is the program of the last commit that wrote that format, built in a worktree of that commit. For format 1
it is 93af258, and for format 2 the one before `clock: believe a time server more than notes`. This script runs as root,
because the receiver that never answers listens at a port where nothing listens in the test. The rules and the
configuration are those of format-1.

The life of the daemon: boot 1 reads the mains and is stopped. In boot 2 the mains fail. A mail is delivered, one
webhook is refused, and another one is not answered. Somebody acknowledges and makes a silence. All readings wait for a
broker that is not there. Then the daemon is killed.
"""

import gzip
import json
import shutil
import socket
import socketserver
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).parent / "format-1"
DAG = Path(sys.argv[1]).resolve()
MADE = Path(sys.argv[2]).resolve()
FLAGS = ["--set", "mode=cloud", "--set", "email.transport=smtp"]


class MailServer(socketserver.StreamRequestHandler):
    """Takes every mail."""

    def handle(self) -> None:
        self.answer("220 here")
        for line in self.rfile:
            match line[:4].upper():
                case b"DATA":
                    self.answer("354 go on")
                    while self.rfile.readline() != b".\r\n":
                        pass
                    self.answer("250 taken")
                case b"QUIT":
                    return self.answer("221 bye")
                case _:
                    self.answer("250 good")

    def answer(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())


@contextmanager
def run(home: Path):
    """Runs the daemon; kills it at the end, if it still runs then."""
    with (home / "log").open("ab") as log:
        daemon = subprocess.Popen([DAG, "run", "--config", home / "config.toml", *FLAGS], stderr=log)
    try:
        wait_until("a socket", lambda: (home / "var/dag.sock").exists())
        yield daemon
    except TimeoutError:
        print((home / "log").read_text())
        raise
    finally:
        daemon.kill()
        daemon.wait()


def dag(home: Path, *words: str) -> dict:
    command = [DAG, *words, "--config", home / "config.toml", "--format", "json"]
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)


def wait_until(what: str, ready) -> None:
    end = time.monotonic() + 30
    while not ready():
        if time.monotonic() > end:
            raise TimeoutError(what)
        time.sleep(0.02)


def messages(home: Path, recipient: str) -> list:
    return [message for message in dag(home, "status")["waiting"] if message["recipient"] == recipient]


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        socket.create_server(("127.0.0.1", 3)),
        socketserver.ThreadingTCPServer(("127.0.0.1", 4), MailServer) as mail_server,
    ):
        threading.Thread(target=mail_server.serve_forever, daemon=True).start()
        home = Path(folder)
        (home / "rules").mkdir()
        shutil.copy(HERE / "rules.toml", home / "rules/rules.toml")
        shutil.copy(HERE / "config.toml", home / "config.toml")
        key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        subprocess.run(
            ["openssl", "req", "-x509", *key, "-subj", "/CN=cottage", "-keyout", "device.key", "-out", "device.pem"],
            check=True,
            capture_output=True,
            cwd=home,
        )

        with run(home) as daemon:
            wait_until("a reading", lambda: dag(home, "status")["facts"]["power"][0] == "on")
            daemon.terminate()
            daemon.wait()

        with run(home):
            dag(home, "unplug")
            wait_until("messages", lambda: dag(home, "status")["waiting"])
            wait_until("a mail", lambda: not messages(home, "nor"))
            wait_until("a refusal", lambda: any(message["attempts"] for message in messages(home, "refusing")))
            wait_until("a lease", lambda: messages(home, "silent")[0]["due"] is not None)
            dag(home, "ack", "--by", "kim")
            dag(home, "silence", "--label", "area=hay-on-wye", "--until", "2099-01-01T00:00:00Z", "--by", "kim")
            wait_until("a mail", lambda: not messages(home, "nor"))
            status = dag(home, "status")

        mail_server.shutdown()
        store = (home / "var/dag.redb").read_bytes()
        (MADE / "dag.redb.gz").write_bytes(gzip.compress(store, mtime=0))
        (MADE / "status.json").write_text(json.dumps(status, indent=2) + "\n")
        print((home / "log").read_text())


if __name__ == "__main__":
    main()
