"""The UPS of `nut.py`, for scripts."""

import json
import subprocess
import sys
from pathlib import Path

from .daemon import PATIENCE_S, expect


class Ups:
    """A UPS that a real NUT server shows. It is on mains at first."""

    def __init__(self):
        script = Path(__file__).with_name("nut.py")
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self.process = subprocess.Popen([sys.executable, script], **pipes)
        address = self.answer()["address"]
        self.source = f'{{ source = "nut", address = "{address}", ups = "ups", poll = "100ms" }}'

    def answer(self):
        line = self.process.stdout.readline()
        expect(line, "a NUT server", "it ended: see above")
        return json.loads(line)

    def tell(self, command):
        """Gives a command of `nut.py`, and returns when upsd shows the change."""
        print(command, file=self.process.stdin, flush=True)
        answer = self.answer()
        expect(answer == {"done": command}, f"upsd to show {command}", answer)

    def close(self):
        self.process.stdin.close()
        self.process.wait(PATIENCE_S)
