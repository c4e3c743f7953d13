"""AWS on loopback: moto, and what it was asked.

Prints its port as one line of JSON. `GET /dag/requests` answers what came in since the last time: the operation, the
bytes of its body, and what moto forgets of a mail.
"""

import collections
import copy
import io
import json
import threading

from moto.dynamodb.models.table import Table
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server


def snapshot(table, _):
    """What moto puts back where a transaction is cancelled. It would copy every row of the table for each action; ours are
    put and deleted as a whole and never changed, so that the maps of them are enough."""
    copied = copy.copy(table)
    copied.items = collections.defaultdict(dict, {key: dict(rows) for key, rows in table.items.items()})
    return copied


Table.__deepcopy__ = snapshot


class Counted:
    """Passes requests on, and notes them."""

    def __init__(self, app):
        self.app = app
        self.lock = threading.Lock()
        self.one_at_a_time = threading.Lock()
        self.seen = []

    def __call__(self, environ, start_response):
        path = environ.get("PATH_INFO", "")
        with self.lock:
            if path == "/dag/requests":
                seen, self.seen = self.seen, []
                body = json.dumps(seen).encode()
                start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
                return [body]
            if not path.startswith("/moto-api"):
                operation = environ.get("HTTP_X_AMZ_TARGET") or f"{environ['REQUEST_METHOD']} {path}"
                size = int(environ.get("CONTENT_LENGTH") or 0)
                seen = {"operation": operation, "bytes": size}
                if path == "/v2/email/outbound-emails":
                    body = environ["wsgi.input"].read(size)
                    environ["wsgi.input"] = io.BytesIO(body)
                    mail = json.loads(body)
                    seen["tags"] = mail.get("EmailTags")
                    seen["configuration_set"] = mail.get("ConfigurationSetName")
                self.seen.append(seen)
        # moto looks at a condition and writes then; DynamoDB does both at once.
        with self.one_at_a_time:
            return self.app(environ, start_response)


class Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_request(self, *_):
        pass


server = make_server(
    "127.0.0.1", 0, Counted(DomainDispatcherApplication(create_backend_app)), threaded=True, request_handler=Quiet
)
print(json.dumps({"port": server.server_port}), flush=True)
server.serve_forever()
