"""AWS on loopback: a moto server that notes its requests and can be told to fail.

Prints its port as one line of JSON, and ends when it is killed. It serves moto's own paths and these:

- `GET /dag/requests`: the requests since the last call. Each has its operation, the bytes of its body, and the access
  key, the region and the service of its signature. A request of a service that names its operation in a form
  (CloudFormation) has that form, too. A mail has its tags and its configuration set, which moto does not keep.
- `GET /dag/status/STACK/STATUS`: sets the status of a stack to one that moto never reaches by itself.
- `GET /dag/fail/N/WHEN`: refuses request number N from now on, the first being 0. WHEN is `before` (it does nothing),
  `denied` (the same, for want of a permission) or `after` (it is done, and only its answer is lost).
- `GET /dag/clear-fault`: returns whether that request has not come, and cancels the refusal.
- `GET /dag/break/RESOURCE`: fails the next change of a stack at this resource, so that CloudFormation rolls it back.
"""

import collections
import contextlib
import copy
import io
import json
import threading
from urllib.parse import parse_qsl

from moto.cloudformation.models import Event, cloudformation_backends
from moto.cloudformation.parsing import ResourceMap
from moto.dynamodb.models.table import Table
from moto.iam.access_control import PermissionResult
from moto.s3.models import FakeBucket
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

ACCOUNT = "123456789012"


def snapshot(table, _):
    """Returns the copy of a table that moto restores when a transaction is cancelled.

    moto would copy every row for each action. Our rows are put and deleted as a whole and never changed in place, so a
    copy of the maps is enough.
    """
    copied = copy.copy(table)
    copied.items = collections.defaultdict(dict, {key: dict(rows) for key, rows in table.items.items()})
    return copied


Table.__deepcopy__ = snapshot

# moto ignores the conditions of a bucket's policy, so "deny everything that does not come over TLS" would deny
# everything.
FakeBucket.get_permission = lambda *_: PermissionResult.NEUTRAL

# moto cannot delete all the resources of our template. Only the end of the stack itself matters.
ResourceMap.delete = lambda *_: None

# Answers to operations that moto does not implement.
MISSING_OPERATIONS = {
    "UpdateTerminationProtection": b"<UpdateTerminationProtectionResponse><UpdateTerminationProtectionResult>"
    b"<StackId>any</StackId></UpdateTerminationProtectionResult></UpdateTerminationProtectionResponse>",
}


class Recorder:
    """Notes requests, and passes them on to moto unless they are to fail."""

    def __init__(self, app):
        self.app = app
        self.lock = threading.Lock()
        self.one_at_a_time = threading.Lock()
        self.seen = []
        self.fails = None
        self.breaks = None

    def __call__(self, environ, start_response):
        path = environ.get("PATH_INFO", "")
        if path.startswith("/dag/"):
            return answer(start_response, "application/json", json.dumps(self.control(path)).encode())
        if path.startswith("/moto-api"):
            return self.app(environ, start_response)
        request = describe(environ)
        with self.lock:
            self.seen.append(request)
            when = None
            if self.fails:
                number, when = self.fails
                self.fails = (number - 1, when) if number else None
                when = None if number else when
        if when:
            if when == "after":
                with contextlib.suppress(Exception):
                    b"".join(self.serve(environ, lambda *_: None))
            return refused(environ, start_response, "403 Forbidden" if when == "denied" else "409 Conflict")
        if request["operation"] == "ExecuteChangeSet" and self.breaks:
            resource, self.breaks = self.breaks, None
            roll_back(request["form"]["StackName"], resource)
            body = b"<ExecuteChangeSetResponse><ExecuteChangeSetResult/></ExecuteChangeSetResponse>"
            return answer(start_response, "text/xml", body)
        if request["operation"] in MISSING_OPERATIONS:
            return answer(start_response, "text/xml", MISSING_OPERATIONS[request["operation"]])
        return self.serve(environ, start_response)

    def serve(self, environ, start_response):
        if environ.get("HTTP_X_AMZ_TARGET", "").startswith("DynamoDB"):
            # moto checks a condition first and writes later; DynamoDB does both at once.
            with self.one_at_a_time:
                return self.app(environ, start_response)
        return self.app(environ, start_response)

    def control(self, path):
        """Runs the command in a path under `/dag/`. Returns the document of its answer."""
        match path.split("/")[2:]:
            case ["requests"]:
                with self.lock:
                    seen, self.seen = self.seen, []
                return seen
            case ["status", name, status]:
                for stack in stacks():
                    if stack.name == name:
                        stack.status = status
            case ["fail", number, when]:
                self.fails = (int(number), when)
            case ["clear-fault"]:
                fault, self.fails = self.fails, None
                return bool(fault)
            case ["break", resource]:
                self.breaks = resource
        return {}


def describe(environ):
    """Returns the description of a request that `/dag/requests` lists. The body stays to be read."""
    path, size = environ.get("PATH_INFO", ""), int(environ.get("CONTENT_LENGTH") or 0)
    body = environ["wsgi.input"].read(size)
    environ["wsgi.input"] = io.BytesIO(body)
    operation = environ.get("HTTP_X_AMZ_TARGET")
    operation = operation or f"{environ['REQUEST_METHOD']} {path}?{environ.get('QUERY_STRING', '')}"
    request = {"operation": operation, "bytes": size} | signature(environ)
    if "urlencoded" in environ.get("CONTENT_TYPE", ""):
        form = dict(parse_qsl(body.decode()))
        request |= {"operation": form.get("Action"), "form": form}
    if path == "/v2/email/outbound-emails":
        mail = json.loads(body)
        request |= {"tags": mail.get("EmailTags"), "configuration_set": mail.get("ConfigurationSetName")}
    return request


def signature(environ):
    """Returns whose signature a request has, and for which region and service."""
    credential = environ.get("HTTP_AUTHORIZATION", "").partition("Credential=")[2].split("/")
    if len(credential) < 5:
        return {"key": None, "region": None, "service": None}
    return {"key": credential[0], "region": credential[2], "service": credential[3]}


def stacks():
    return [stack for backend in cloudformation_backends[ACCOUNT].values() for stack in backend.stacks.values()]


def roll_back(name, resource):
    """Records the events that CloudFormation reports of a change that fails at a resource."""
    stack = next(stack for stack in stacks() if stack.name == name)
    new = stack.status == "REVIEW_IN_PROGRESS"
    change, back = ("CREATE", "ROLLBACK") if new else ("UPDATE", "UPDATE_ROLLBACK")

    def record(status, reason=None, resource=name, kind="AWS::CloudFormation::Stack"):
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

    record(f"{change}_IN_PROGRESS", "User Initiated")
    record(f"{change}_FAILED", "no room for it", resource, "AWS::DynamoDB::Table")
    record(f"{change}_FAILED", "Resource creation cancelled", "Other", "AWS::SQS::Queue")
    record(f"{back}_IN_PROGRESS", f"The following resource(s) failed: [{resource}].")
    record(f"{back}_COMPLETE")
    stack.status = f"{back}_COMPLETE"
    if new:
        sets = (set for backend in cloudformation_backends[ACCOUNT].values() for set in backend.change_sets.values())
        stack.template = next(set.template for set in sets if set.stack_id == stack.stack_id)


def refused(environ, start_response, status):
    """Answers with an error in the service's own form, of a kind that no client retries by itself."""
    service = signature(environ)["service"]
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


class Handler(WSGIRequestHandler):
    """Logs only the requests that failed."""

    protocol_version = "HTTP/1.1"

    def log_request(self, code="-", size="-"):
        if not str(code).startswith("2"):
            super().log_request(code, size)


server = make_server(
    "127.0.0.1", 0, Recorder(DomainDispatcherApplication(create_backend_app)), threaded=True, request_handler=Handler
)
print(json.dumps({"port": server.server_port}), flush=True)
server.serve_forever()
