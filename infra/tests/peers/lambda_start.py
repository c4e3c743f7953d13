"""Measures the time from the start of the function to its first answer: `lambda_start.py BINARY [ROOT]`.

Stands in for the runtime API of AWS Lambda, starts the binary with an empty batch, and prints the milliseconds of some
starts. An empty batch sends no request, so no AWS is needed.
"""

import http.server
import os
import queue
import subprocess
import sys
import threading
import time

STARTS = 10

binary = sys.argv[1]
root = sys.argv[2] if len(sys.argv) > 2 else os.getcwd()
answers = queue.Queue()


class Runtime(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.server.asked:
            time.sleep(60)  # No other event comes. The process is killed meanwhile.
            return
        self.server.asked = True
        body = b'{"Records": []}'
        self.send_response(200)
        self.send_header("Lambda-Runtime-Aws-Request-Id", "1")
        self.send_header("Lambda-Runtime-Deadline-Ms", str(int(time.time() * 1000) + 60_000))
        self.send_header("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:eu-west-1:1:function:consumer")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        answers.put((time.monotonic(), self.path, body))
        self.send_response(202)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    asked = False

    def handle_error(self, *_):
        pass  # The process was killed.


def serve():
    """Starts a runtime API for one start, so that an old process takes no event from the next one."""
    server = Server(("127.0.0.1", 0), Runtime)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"127.0.0.1:{server.server_port}"


here = "http://127.0.0.1:9"  # Stands for AWS. Nothing listens there, because no request is sent.
environment = {
    "PATH": os.environ["PATH"],
    "DAG_ROOT": root,
    "AWS_REGION": "eu-west-1",
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_LAMBDA_FUNCTION_NAME": "consumer",
    "AWS_LAMBDA_FUNCTION_VERSION": "1",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
    "AWS_LAMBDA_LOG_GROUP_NAME": "test",
    "AWS_LAMBDA_LOG_STREAM_NAME": "test",
    "AWS_ENDPOINT_URL": here,
    "DAG_TABLE": "dag",
    "DAG_EVENTS_URL": f"{here}/events",
    "DAG_DELIVERIES_URL": f"{here}/deliveries",
    "DAG_DEAD_URL": f"{here}/dead",
}

took = []
for _ in range(STARTS):
    environment["AWS_LAMBDA_RUNTIME_API"] = serve()
    began = time.monotonic()
    process = subprocess.Popen([binary], env=environment, stderr=subprocess.PIPE)
    try:
        at, path, body = answers.get(timeout=20)
    except queue.Empty:
        process.kill()
        sys.exit("no answer within 20 s: " + process.stderr.read().decode(errors="replace"))
    process.kill()
    process.wait()
    if not path.endswith("/response") or body != b'{"batchItemFailures":[]}':
        sys.exit(f"answered {body!r} to {path}: " + process.stderr.read().decode(errors="replace"))
    took.append((at - began) * 1000)
took.sort()
print(f"from start to the first answer: {took[0]:.0f} ms at best, {took[len(took) // 2]:.0f} ms in the middle, "
      f"{took[-1]:.0f} ms at worst, of {STARTS}")
