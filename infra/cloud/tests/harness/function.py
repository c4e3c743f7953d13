"""The function, under `cargo lambda watch`, which has the runtime's API and the one to invoke it by.

`--only-lambda-apis` leaves starting to us: what is shown is the program that was built, and nothing is built here. Watch wants
a package to stand in; one without dependencies needs no network."""

import json
import os
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

from peers.daemon import Unexpected, expect, until
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
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Function:
    """Some instances of a program that asks for invocations."""

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
        self.start_instances()

    def start_instances(self):
        for number in range(self.instances):
            self.processes.append(self.spawn([self.program], self.folder, f"{NAME}-{number}.log", self.environment))

    def spawn(self, command, folder, log, environment):
        with open(self.folder / log, "ab") as out:
            pipes = {"stdin": subprocess.DEVNULL, "stdout": out, "stderr": out}
            return subprocess.Popen(command, cwd=folder, env=environment, **pipes)

    def invoke(self, event):
        """Answers what the function answered. As on AWS, an instance that ended by itself is started again."""
        for number, process in enumerate(self.processes):
            if process.poll() is not None:
                self.processes[number] = self.spawn([self.program], self.folder, f"{NAME}-{number}.log", self.environment)
        url = f"http://127.0.0.1:{self.port}/2015-03-31/functions/{NAME}/invocations"
        request = urllib.request.Request(url, json.dumps(event).encode(), {"Content-Type": "application/json"})
        try:
            with DIRECT.open(request, timeout=TIMEOUT_S) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise Unexpected("an answer of the function", f"{error}: {error.read().decode(errors='replace')}") from error

    def kill(self):
        """`kill -9` of every instance; `invoke` starts them again."""
        for process in self.processes:
            if process.poll() is None:
                process.kill()
                process.wait()

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
