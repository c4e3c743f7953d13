"""AWS on loopback: moto, and what it was asked.

Prints its port as one line of JSON. Besides moto's own it answers:

- `GET /dag/requests`: what came in since the last time: for the services that name their operation in a form
  (CloudFormation) that form, else the header or method and path
- `GET /dag/status/STACK/STATUS`: puts a stack into a status that moto never reaches by itself
- `GET /dag/fail/N/WHEN`: of the requests from now on the one with this number, the first being 0, is refused: `before` it
  did anything, for want of a right (`denied`), or `after`, so that only its answer is lost
- `GET /dag/spared`: whether that request has not come; it will not be refused any more
- `GET /dag/break/RESOURCE`: the next change of a stack breaks at this resource, and CloudFormation goes back
"""

import contextlib
import io
import json
import threading
from urllib.parse import parse_qsl

from moto.cloudformation.models import Event, cloudformation_backends
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
        self.fails = None
        self.breaks = None

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
        if path.startswith("/dag/fail/"):
            number, when = path.split("/")[3:]
            self.fails = (int(number), when)
            return answer(start_response, "application/json", b"{}")
        if path == "/dag/spared":
            spared, self.fails = self.fails, None
            return answer(start_response, "application/json", b"true" if spared else b"false")
        if path.startswith("/dag/break/"):
            self.breaks = path.split("/")[3]
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
                when = None
                if self.fails:
                    number, when = self.fails
                    self.fails = (number - 1, when) if number else None
                    when = None if number else when
            if when:
                if when == "after":
                    with contextlib.suppress(Exception):
                        b"".join(self.app(environ, lambda *_: None))
                return refused(environ, start_response, "403 Forbidden" if when == "denied" else "409 Conflict")
            if noted["operation"] == "ExecuteChangeSet" and self.breaks:
                resource, self.breaks = self.breaks, None
                go_back(noted["form"]["StackName"], resource)
                body = b"<ExecuteChangeSetResponse><ExecuteChangeSetResult/></ExecuteChangeSetResponse>"
                return answer(start_response, "text/xml", body)
            if noted["operation"] in LACKING:
                return answer(start_response, "text/xml", LACKING[noted["operation"]])
        return self.app(environ, start_response)


def go_back(name, resource):
    """What CloudFormation tells of a change that breaks at a resource."""
    stacks = (stack for backend in cloudformation_backends[ACCOUNT].values() for stack in backend.stacks.values())
    stack = next(stack for stack in stacks if stack.name == name)
    new = stack.status == "REVIEW_IN_PROGRESS"
    change, back = ("CREATE", "ROLLBACK") if new else ("UPDATE", "UPDATE_ROLLBACK")

    def tell(status, reason=None, resource=name, kind="AWS::CloudFormation::Stack"):
        stack.events.append(
            Event(
                stack_id=stack.stack_id,
                stack_name=name,
                logical_resource_id=resource,
                physical_resource_id=resource,
                resource_type=kind,
                resource_status=status,
                resource_status_reason=reason,
                resource_properties=None,
            )
        )

    tell(f"{change}_IN_PROGRESS", "User Initiated")
    tell(f"{change}_FAILED", "no room for it", resource, "AWS::DynamoDB::Table")
    tell(f"{change}_FAILED", "Resource creation cancelled", "Other", "AWS::SQS::Queue")
    tell(f"{back}_IN_PROGRESS", f"The following resource(s) failed: [{resource}].")
    tell(f"{back}_COMPLETE")
    stack.status = f"{back}_COMPLETE"
    if new:
        sets = (set for backend in cloudformation_backends[ACCOUNT].values() for set in backend.change_sets.values())
        stack.template = next(set.template for set in sets if set.stack_id == stack.stack_id)


def refused(environ, start_response, status):
    """An answer of the kind that the service gives, and none that a client would try again by itself."""
    credential = environ.get("HTTP_AUTHORIZATION", "").partition("Credential=")[2]
    service = credential.split("/")[3] if credential else ""
    error = b"<Error><Code>Refused</Code><Message>for a test</Message></Error>"
    if service == "s3":
        return answer(start_response, "text/xml", error, status)
    if "urlencoded" in environ.get("CONTENT_TYPE", ""):
        return answer(start_response, "text/xml", b"<ErrorResponse>" + error + b"</ErrorResponse>", status)
    body = b'{"__type": "Refused", "message": "for a test"}'
    return answer(start_response, "application/json", body, status)


def answer(start_response, kind, body, status="200 OK"):
    start_response(status, [("Content-Type", kind), ("Content-Length", str(len(body)))])
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
