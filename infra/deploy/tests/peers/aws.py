"""AWS on loopback: moto, and what it was asked.

Prints its port as one line of JSON. `GET /dag/requests` answers what came in since the last time: for the services that
name their operation in a form (CloudFormation) that form, else the header or method and path. `GET /dag/status/STACK/STATUS`
puts a stack into a status that moto never reaches by itself.
"""

import io
import json
import threading
from urllib.parse import parse_qsl

from moto.cloudformation.models import cloudformation_backends
from moto.cloudformation.parsing import ResourceMap
from moto.s3.models import FakeBucket
from moto.iam.access_control import PermissionResult
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

# moto reads a bucket's policy without its conditions, so that "deny what does not come over TLS" would deny everything.
FakeBucket.get_permission = lambda *_: PermissionResult.NEUTRAL

# It cannot delete all that it made of our template: the stack's own end is what counts.
ResourceMap.delete = lambda *_: None

ACCOUNT = "123456789012"

# What moto does not know, and what is answered for it.
LACKING = {
    "UpdateTerminationProtection": b"<UpdateTerminationProtectionResponse><UpdateTerminationProtectionResult>"
    b"<StackId>any</StackId></UpdateTerminationProtectionResult></UpdateTerminationProtectionResponse>",
}


class Noted:
    """Passes requests on, and notes them."""

    def __init__(self, app):
        self.app = app
        self.lock = threading.Lock()
        self.seen = []

    def __call__(self, environ, start_response):
        path = environ.get("PATH_INFO", "")
        if path == "/dag/requests":
            with self.lock:
                seen, self.seen = self.seen, []
            return answer(start_response, "application/json", json.dumps(seen).encode())
        if path.startswith("/dag/status/"):
            name, status = path.split("/")[3:]
            for backend in cloudformation_backends[ACCOUNT].values():
                for stack in backend.stacks.values():
                    if stack.name == name:
                        stack.status = status
            return answer(start_response, "application/json", b"{}")
        if not path.startswith("/moto-api"):
            noted = {"operation": environ.get("HTTP_X_AMZ_TARGET") or f"{environ['REQUEST_METHOD']} {path}?{environ.get('QUERY_STRING', '')}"}
            if "urlencoded" in environ.get("CONTENT_TYPE", ""):
                body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
                environ["wsgi.input"] = io.BytesIO(body)
                form = dict(parse_qsl(body.decode()))
                noted = {"operation": form.get("Action"), "form": form}
            with self.lock:
                self.seen.append(noted)
            if noted["operation"] in LACKING:
                return answer(start_response, "text/xml", LACKING[noted["operation"]])
        return self.app(environ, start_response)


def answer(start_response, kind, body):
    start_response("200 OK", [("Content-Type", kind), ("Content-Length", str(len(body)))])
    return [body]


class Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_request(self, *_):
        pass


server = make_server(
    "127.0.0.1", 0, Noted(DomainDispatcherApplication(create_backend_app)), threaded=True, request_handler=Quiet
)
print(json.dumps({"port": server.server_port}), flush=True)
server.serve_forever()
