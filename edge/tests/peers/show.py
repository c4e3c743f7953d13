"""What the acceptance script prints: a line for each thing that it shows."""

import time
from contextlib import contextmanager


class Show:
    """Prints what is shown, and counts."""

    def __init__(self):
        self.begin = time.monotonic()
        self.passed = self.failed = 0

    @contextmanager
    def __call__(self, sentence):
        """Yields a list for remarks that end up behind the sentence."""
        remarks = []
        try:
            yield remarks
        except Exception:
            self.failed += 1
            self.line("FAILED", sentence, remarks)
            raise
        self.passed += 1
        self.line("ok", sentence, remarks)

    def line(self, result, sentence, remarks):
        remarks = f" ({', '.join(remarks)})" if remarks else ""
        print(f"{result:<6} {time.monotonic() - self.begin:6.2f} s  {sentence}{remarks}", flush=True)
