"""The function, under `cargo lambda watch`, which provides the runtime API and the invoke API.

With `--only-lambda-apis` it builds and starts nothing, so that the tests run the program that was built before. It
requires a package. One without dependencies needs no network."""

import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

from peers.daemon import expect, until
from peers.receivers import free_port

NAME = "consumer"
TIMEOUT_S = 30
PACKAGE = f"""
[package]
name = "{NAME}"
version = "0.0.0"
edition = "2024"
[workspace]
"""


class Crashed(Exception):
    """The function did not answer, or returned an error, so that the whole batch comes again."""


class Function:
    """Some instances of a program that polls for invocations."""

    def __init__(self, program, folder, environment, instances=2):
        self.program, self.folder, self.instances = program, folder, instances
        self.port = free_port()
        kept = {n: v for n, v in os.environ.items() if not n.startswith(("AWS_", "DAG_", "CARGO_LAMBDA", "OTEL_"))}
        self.environment = kept | environment | {
            "AWS_LAMBDA_RUNTIME_API": f"http://127.0.0.1:{self.port}/.rt/{NAME}",
            "AWS_LAMBDA_FUNCTION_NAME": NAME,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_TIMEOUT": str(TIMEOUT_S),
            "AWS_LAMBDA_LOG_FORMAT": "Text",
            "LAMBDA_TASK_ROOT": environment.get("DAG_ROOT", str(folder)),
            "NO_PROXY": "*",
            "no_proxy": "*",
        }
        self.watch, self.processes = None, []
        self.lock, self.callers, self.cut_off = threading.Lock(), set(), 0
        self.doomed = []  # For each of the next batches with reports, the seconds after which the instances are killed.

    def start(self):
        package = self.folder / "watch"
        (package / "src").mkdir(parents=True)
        (package / "Cargo.toml").write_text(PACKAGE)
        (package / "src/main.rs").write_text("fn main() {}\n")
        tool = shutil.which("cargo-lambda", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
        expect(tool, "cargo-lambda, which .ci/requirements.txt names", "no such program")
        arguments = ["lambda", "watch", "-A", "127.0.0.1", "-P", str(self.port), "--only-lambda-apis", "--disable-cors"]
        self.watch = self.spawn([tool, *arguments], package, "watch.log", os.environ | {"CARGO_NET_OFFLINE": "true"})

        def listens():
            expect(self.watch.poll() is None, "`cargo lambda watch` to run", self.log("watch.log"))
            return "starting Runtime server" in self.log("watch.log")

        until(listens, "`cargo lambda watch` to listen", lambda: self.log("watch.log"), patience_s=60)
        for number in range(self.instances):
            self.processes.append(self.spawn([self.program], self.folder, f"{NAME}-{number}.log", self.environment))

    def spawn(self, command, folder, log, environment):
        with open(self.folder / log, "ab") as out:
            pipes = {"stdin": subprocess.DEVNULL, "stdout": out, "stderr": out}
            return subprocess.Popen(command, cwd=folder, env=environment, **pipes)

    def invoke(self, event):
        """Invokes the function. Returns its answer. As on AWS, an instance that ended by itself is started again."""
        with self.lock:
            self.revive()
            caller = http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT_S)
            caller.connect()
            self.callers.add(caller)
        try:
            path = f"/2015-03-31/functions/{NAME}/invocations"
            caller.request("POST", path, json.dumps(event), {"Content-Type": "application/json"})
            if self.doomed and any('"event":"report"' in record["body"] for record in event["Records"]):
                time.sleep(self.doomed[0])
                self.kill()
                self.doomed = self.doomed[1:]
            answer = caller.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise Crashed(f"no answer: {error!r}") from error
        finally:
            with self.lock:
                self.callers.discard(caller)
            caller.close()
        if answer.status != 200:
            raise Crashed(f"{answer.status}: {content.decode(errors='replace')}")
        return json.loads(content)

    def revive(self):
        for number, process in enumerate(self.processes):
            if process.poll() is not None:
                log = f"{NAME}-{number}.log"
                self.processes[number] = self.spawn([self.program], self.folder, log, self.environment)

    def kill(self):
        """Kills every instance with SIGKILL. Callers that wait for an answer get none."""
        with self.lock:
            for process in self.processes:
                process.kill()
                process.wait()
            for caller in self.callers:
                caller.sock.shutdown(socket.SHUT_RDWR)
                self.cut_off += 1

    def log(self, name=None):
        names = [name] if name else [f"{NAME}-{number}.log" for number in range(self.instances)]
        paths = [self.folder / name for name in names]
        return "\n".join(path.read_text(errors="replace") for path in paths if path.exists())

    def close(self):
        for process in [*self.processes, self.watch]:
            if process and process.poll() is None:
                process.terminate()
                try:
                    process.wait(5)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
