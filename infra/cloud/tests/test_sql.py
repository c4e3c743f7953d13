"""Tests of the evaluator of the topic rules' SQL: it knows some forms, and refuses all others.

    python infra/cloud/tests/test_sql.py
"""

import base64
import json
import sys
import unittest

sys.dont_write_bytecode = True

from harness.sql import Failed, Message, Rule, Unknown, matches

REPORTS = (
    "SELECT 'report' AS event, topic(2) AS device, timestamp() AS received_at, encode(*, 'base64') AS payload "
    "FROM 'dag/+/report'"
)
CONNECTED = "SELECT 'presence' AS event, timestamp() AS received_at, * FROM '$aws/events/presence/connected/+'"
DISCONNECTED = CONNECTED.replace("/connected/", "/disconnected/")


def select(sql, topic, payload):
    selected = Rule("test", sql).apply(Message(topic, payload, 1_700_000_000_123))
    return None if selected is None else json.loads(selected)


class Knows(unittest.TestCase):
    def test_payload_as_it_came(self):
        for payload in (b'{"v": 1}', b"no JSON", b"\x00\xff", b""):
            wanted = {
                "event": "report",
                "device": "cottage",
                "received_at": 1_700_000_000_123,
                "payload": base64.b64encode(payload).decode(),
            }
            self.assertEqual(select(REPORTS, "dag/cottage/report", payload), wanted)

    def test_fields_of_the_payload(self):
        selected = select(CONNECTED, "$aws/events/presence/connected/cottage", b'{"clientId": "cottage"}')
        self.assertEqual(
            selected, {"event": "presence", "received_at": 1_700_000_000_123, "clientId": "cottage"}
        )

    def test_other_topics_are_not_selected(self):
        topics = ("dag/cottage/cmd", "dag/report", "dag/a/b/report", "other/cottage/report", "dag/cottage/report/x")
        for topic in topics:
            self.assertIsNone(select(REPORTS, topic, b"{}"), topic)

    def test_fields_of_what_has_none(self):
        for payload in (b"no JSON", b"[]", b"1", b"\xff"):
            with self.assertRaises(Failed):
                select(CONNECTED, "$aws/events/presence/connected/cottage", payload)

    def test_filters(self):
        for filter, topic, wanted in (
            ("a/#", "a/b/c", True),
            ("a/#", "a", True),
            ("a/+", "a", False),
            ("+/b", "a/b", True),
            ("#", "$aws/x", False),
            ("+/x", "$aws/x", False),
            ("$aws/+", "$aws/x", True),
        ):
            self.assertEqual(matches(filter, topic), wanted, (filter, topic))


class KnowsNothingElse(unittest.TestCase):
    def test_refused(self):
        for sql, named in (
            ("SELECT * FROM 'a' WHERE x = 1", "="),
            ("SELECT * FROM 'a' WHERE x", "WHERE"),
            ("SELECT x FROM 'a'", "x"),
            ("SELECT x.y AS z FROM 'a'", "."),
            ("SELECT topic(0) AS t FROM 'a'", "topic(0)"),
            ("SELECT topic() AS t FROM 'a'", ")"),
            ("SELECT encode(*, 'hex') AS p FROM 'a'", "hex"),
            ("SELECT encode(x, 'base64') AS p FROM 'a'", "x"),
            ("SELECT clientid() AS c FROM 'a'", "clientid"),
            ("SELECT 'a' FROM 'a'", "FROM"),
            ("SELECT * AS x FROM 'a'", "AS"),
            ("SELECT *", "its end"),
            ("SELECT", "its end"),
            ("select * from 'a'", "select"),
            ("SELECT * FROM a", "a"),
            ("SELECT * FROM 'a//b'", "a//b"),
            ("SELECT * FROM 'a/#/b'", "a/#/b"),
            ("SELECT * FROM 'a+/b'", "a+/b"),
            ('SELECT * FROM "a"', '"a"'),
        ):
            with self.assertRaises(Unknown, msg=sql) as caught:
                Rule("test", sql)
            self.assertIn(named, str(caught.exception).split(" in: ")[0], sql)

    def test_other_versions(self):
        with self.assertRaises(Unknown):
            Rule("test", "SELECT * FROM 'a'", "2015-10-08")


if __name__ == "__main__":
    unittest.main()
