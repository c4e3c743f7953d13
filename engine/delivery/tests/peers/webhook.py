"""A webhook receiver on a free port of loopback. Prints its port, then every call, as lines of JSON.

webhook.py [SECRET…]    verifies each call by the Standard Webhooks package, with every secret

The first part of the path says how it answers: `ok`, `hang`, `redirect`, `busy` (429 with Retry-After), `endless`
(a body without an end), `endless-error` (the same with status 400), `flaky` (500, then 200), `gone`; `unknown` and
`limited` (200 with the refusals of healthchecks.io), `page` (200 with a web page), `echo` (404 with the path in the
page).
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event

from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

VERIFIERS = [Webhook(secret if secret.startswith("whsec_") else secret.encode()) for secret in sys.argv[1:]]
SEEN = set()


def verified(verifier, body, headers):
    try:
        verifier.verify(body, headers)
        return True
    except WebhookVerificationError:
        return False


class Receiver(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def endless(self, status):
        self.send_response(status)
        self.end_headers()
        try:
            while True:
                self.wfile.write(b"x" * 65536)
        except OSError:
            self.close_connection = True

    def do_GET(self):
        self.do_POST()

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        headers = {name.lower(): value for name, value in self.headers.items()}
        call = {"method": self.command, "path": self.path, "headers": headers, "body": body}
        call["verified"] = [verified(verifier, body, headers) for verifier in VERIFIERS]
        print(json.dumps(call), flush=True)
        mode = self.path.split("/")[1].split("?")[0]
        again = self.path in SEEN
        SEEN.add(self.path)
        match mode:
            case "hang":
                Event().wait()
            case "redirect":
                self.answer(308, Location="http://127.0.0.1:1/elsewhere")
            case "busy":
                self.answer(429, b'{"error": "too many"}', Retry_After="120")
            case "endless":
                self.endless(200)
            case "endless-error":
                self.endless(400)
            case "unknown":
                self.answer(200, b"OK (not found)")
            case "limited":
                self.answer(200, b"OK (rate limited)")
            case "page":
                self.answer(200, b"<!DOCTYPE html>\n<html><title>Uptime Kuma</title></html>")
            case "echo":
                self.answer(404, f"Cannot {self.command} {self.path}".encode())
            case "gone":
                self.answer(410, b"no such hook")
            case "flaky" if not again:
                self.answer(500, b"try again")
            case _:
                self.answer(200, b"ok")


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        pass


server = Server(("127.0.0.1", 0), Receiver)
print(json.dumps({"port": server.server_address[1]}), flush=True)
server.serve_forever()
