"""mosquitto, configured as AWS's broker is for devices: TLS, client certificates, and topics for each device alone."""

import os
import re
import shutil
import subprocess
import threading
import time

from peers.daemon import PATIENCE_S, expect, until
from peers.receivers import free_port

from .certificates import Authority

ADMINISTRATOR = "administrator"

# The certificate names the user. A user may do what the policy of a device allows: publish reports, and read commands.
# `%u` is the name in the certificate. The owner of a certificate chooses the client id; see `Broker.impostors`.
# Persistent sessions outlive a restart, because on AWS no rule misses a message that the broker received.
CONFIG = """
listener {port} 127.0.0.1
cafile {ca}
certfile {certificate}
keyfile {key}
require_certificate true
use_identity_as_username true
allow_anonymous false
acl_file {acl}
persistence true
persistence_location {folder}/
log_dest stderr
log_timestamp false
log_type notice
log_type error
log_type warning
log_type information
connection_messages true
max_packet_size 131072
"""

RIGHTS = """
user {administrator}
topic readwrite #

pattern write {topics}/%u/report
pattern read {topics}/%u/cmd
"""

CONNECTED = re.compile(
    r"New client connected from (?P<address>\S+):\d+ as (?P<client>\S+) \(.*u'(?P<user>[^']*)'.*\)\."
)
# mosquitto's log lines about an end, each with AWS's reason for it.
ENDS = (
    (re.compile(r"Client (?P<client>\S+) disconnected\."), "CLIENT_INITIATED_DISCONNECT"),
    (re.compile(r"Client (?P<client>\S+) closed its connection\."), "CONNECTION_LOST"),
    (re.compile(r"Client (?P<client>\S+) has exceeded timeout, disconnecting\."), "MQTT_KEEP_ALIVE_TIMEOUT"),
    (re.compile(r"Client (?P<client>\S+) already connected, closing old connection\."), "DUPLICATE_CLIENTID"),
    (re.compile(r"Client (?P<client>\S+) disconnected due to (?:protocol error|malformed packet|oversize packet).*"),
     "CLIENT_ERROR"),
    (re.compile(r"Client (?P<client>\S+) disconnected:? .+"), "CONNECTION_LOST"),
    (re.compile(r"(?:Bad s|S)ocket (?:error|read/write) on client (?P<client>\S+?)[,:].*"), "CONNECTION_LOST"),
)


class Broker:
    """A mosquitto on loopback. `watch` registers a function for the begin and the end of each connection."""

    def __init__(self, folder, topics="dag"):
        self.folder, self.topics = folder, topics
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o755)
        self.authority = Authority(folder / "certificates")
        self.server = self.authority.issue("localhost", server=True)
        self.administrator = self.authority.issue(ADMINISTRATOR)
        self.port = free_port()
        self.lines, self.impostors = [], []
        self.watchers, self.users, self.connected = [], {}, set()
        self.process = None

    def watch(self, watcher):
        """`watcher(client, user, address, reason, at_ms)`: the reason is None where a connection began."""
        self.watchers.append(watcher)

    def start(self):
        """Starts mosquitto. A restart uses the same port."""
        acl, config = self.folder / "rights.acl", self.folder / "mosquitto.conf"
        acl.write_text(RIGHTS.format(administrator=ADMINISTRATOR, topics=self.topics))
        certificate, key = self.server
        files = {"ca": self.authority.ca, "certificate": certificate, "key": key, "acl": acl, "folder": self.folder}
        # As root, mosquitto would drop its privileges before it reads the key.
        rights = "user root\n" if os.geteuid() == 0 else ""
        config.write_text(CONFIG.format(port=self.port, **files) + rights)
        begun = len(self.lines)
        program = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
        self.process = subprocess.Popen([program, "-c", config], text=True, errors="replace", **pipes)
        self.reader = threading.Thread(target=self.read, args=(self.process.stderr,), daemon=True)
        self.reader.start()

        def running():
            expect(self.process.poll() is None, "a broker that runs", self.log())
            return any("running" in line for line in self.lines[begun:])

        until(running, "mosquitto to say that it runs", self.log)

    def read(self, pipe):
        for line in pipe:
            at_ms = time.time_ns() // 1_000_000
            line = line.rstrip()
            self.lines.append(line)
            if match := CONNECTED.fullmatch(line):
                client, user, address = match["client"], match["user"], match["address"]
                self.users[client] = (user, address)
                if client != user and user != ADMINISTRATOR:
                    # AWS's policy ties the client id to the certificate's thing, and would refuse this connection.
                    self.impostors.append((client, user))
                self.tell(client, None, at_ms)
                continue
            for pattern, reason in ENDS:
                if match := pattern.fullmatch(line):
                    self.tell(match["client"], reason, at_ms)
                    break

    def tell(self, client, reason, at_ms):
        if client in self.users:
            (self.connected.discard if reason else self.connected.add)(client)
            for watcher in self.watchers:
                watcher(client, *self.users[client], reason, at_ms)

    def stop(self):
        """Sends SIGTERM. mosquitto ends its connections, and logs none of these ends."""
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(PATIENCE_S)
            self.reader.join(PATIENCE_S)
            for client in sorted(self.connected):
                self.tell(client, "SERVER_INITIATED_DISCONNECT", time.time_ns() // 1_000_000)

    def log(self):
        return "\n".join(self.lines[-60:])

    close = stop
