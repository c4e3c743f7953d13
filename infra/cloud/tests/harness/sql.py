"""An evaluator for exactly the forms of SQL that the topic rules use. Anything else in a statement is an error that
names it, so that a rule that AWS would understand differently never passes a test.

    SELECT item [, item]... FROM 'topic filter'
    item:  'literal' AS name | topic(n) AS name | timestamp() AS name | encode(*, 'base64') AS name | *

Functions and clauses are as the Developer Guide of AWS IoT Core describes them under "SQL reference", version
2016-03-23.
"""

import base64
import json
import re
from dataclasses import dataclass
from typing import Callable

VERSION = "2016-03-23"

TOKEN = re.compile(r"\s*(?:(?P<text>'[^']*')|(?P<number>\d+)|(?P<word>[A-Za-z_]\w*)|(?P<sign>[*(),]))")


class Unknown(Exception):
    """The statement has a form that this evaluator does not know."""


class Failed(Exception):
    """The rule cannot be applied to this message. On AWS its error action would run."""


@dataclass(frozen=True)
class Message:
    """A published message."""

    topic: str
    payload: bytes
    at_ms: int  # When the broker received it.


class Rule:
    """A topic rule."""

    def __init__(self, name, sql, version=VERSION):
        if version != VERSION:
            raise Unknown(f"version {version} of SQL: only {VERSION} is known")
        self.name = name
        self.columns, self.filter = Parser(sql).statement()

    def apply(self, message):
        """Returns the bytes that the rule's action gets of a message, and None if the topic does not match."""
        if not matches(self.filter, message.topic):
            return None
        selected = {}
        for column in self.columns:
            column(message, selected)
        return json.dumps(selected, separators=(",", ":")).encode()


def matches(filter, topic):
    """Returns whether a topic matches a filter."""
    wanted, levels = filter.split("/"), topic.split("/")
    # A wildcard at the beginning does not match the broker's own topics.
    if topic.startswith("$") and wanted[0] in ("+", "#"):
        return False
    if wanted[-1] == "#":
        wanted, levels = wanted[:-1], levels[: len(wanted) - 1]
    return len(wanted) == len(levels) and all(w in ("+", level) for w, level in zip(wanted, levels))


class Parser:
    """Reads one statement."""

    def __init__(self, sql):
        self.sql, self.tokens, at = sql, [], 0
        end = len(sql.rstrip())
        while at < end:
            token = TOKEN.match(sql, at)
            if not token:
                raise Unknown(f"`{sql[at:].split()[0]}` in: {sql}")
            self.tokens.append((token.lastgroup, token[token.lastgroup]))
            at = token.end()

    def statement(self) -> tuple[list[Callable], str]:
        self.word("SELECT")
        columns = [self.column()]
        while self.tokens[:1] == [("sign", ",")]:
            self.tokens.pop(0)
            columns.append(self.column())
        self.word("FROM")
        filter = self.take("text")[1:-1]
        if self.tokens:
            raise self.unknown(self.tokens[0][1])
        if "" in filter.split("/") or "#" in filter[:-1] or re.search(r"[^/]\+|\+[^/]", filter):
            raise self.unknown(f"'{filter}'")
        return columns, filter

    def column(self):
        kind, token = self.tokens.pop(0) if self.tokens else (None, "its end")
        if (kind, token) == ("sign", "*"):
            return everything
        if kind == "text":
            value = lambda message, text=token[1:-1]: text
        elif kind == "word" and token in ("topic", "timestamp", "encode"):
            self.sign("(")
            value = getattr(self, token)()
            self.sign(")")
        else:
            raise self.unknown(token)
        self.word("AS")
        name = self.take("word")
        return lambda message, selected: selected.update({name: value(message)})

    def topic(self):
        """topic(n) is the n-th level of the topic, from 1."""
        level = int(self.take("number"))
        if level < 1:
            raise self.unknown(f"topic({level})")
        # On AWS a missing level has no value, and the column is left out. Our filters have all levels that are used.
        def value(message):
            levels = message.topic.split("/")
            if level > len(levels):
                raise Failed(f"{message.topic} has no level {level}")
            return levels[level - 1]

        return value

    def timestamp(self):
        """timestamp() is when the broker received the message, in milliseconds since 1970."""
        return lambda message: message.at_ms

    def encode(self):
        """encode(*, 'base64') is the raw payload, which need not be JSON."""
        self.sign("*")
        self.sign(",")
        scheme = self.take("text")
        if scheme != "'base64'":
            raise self.unknown(f"encode(*, {scheme})")
        return lambda message: base64.b64encode(message.payload).decode()

    def take(self, kind):
        if not self.tokens or self.tokens[0][0] != kind:
            raise self.unknown(self.tokens[0][1] if self.tokens else "its end")
        return self.tokens.pop(0)[1]

    def word(self, word):
        # The topic rules write keywords in upper case.
        if self.tokens[:1] != [("word", word)]:
            raise self.unknown(self.tokens[0][1] if self.tokens else "its end", f"{word} is expected")
        self.tokens.pop(0)

    def sign(self, sign):
        if self.tokens[:1] != [("sign", sign)]:
            raise self.unknown(self.tokens[0][1] if self.tokens else "its end", f"`{sign}` is expected")
        self.tokens.pop(0)

    def unknown(self, what, why=""):
        return Unknown(f"`{what}` in: {self.sql}" + (f" ({why})" if why else ""))


def everything(message, selected):
    """* is all fields of the payload, which must be a JSON object."""
    try:
        payload = json.loads(message.payload)
    except ValueError as error:
        raise Failed(f"the payload on {message.topic} is no JSON: {error}") from error
    if not isinstance(payload, dict):
        raise Failed(f"the payload on {message.topic} is no JSON object")
    selected.update(payload)
