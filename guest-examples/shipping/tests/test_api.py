"""The API, called without a component around it."""

import json
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "src"))

from api import BODY_LIMIT, answer  # noqa: E402

LABEL = {"orderId": 123, "weight": 1200, "country": "DE", "service": "express"}


class Rates(unittest.TestCase):
    def test_the_cheapest_comes_first_and_distance_costs(self):
        cases = {
            "weight=1200&country=DE": [("standard", 590, 2), ("express", 1680, 1)],
            "weight=1000&country=DE": [("standard", 490, 2), ("express", 1480, 1)],
            "weight=1&country=FR": [("standard", 1140, 4), ("express", 2780, 2)],
            "country=NZ&weight=31500": [("standard", 21190, 10), ("express", 42880, 5)],
        }
        for query, expected in cases.items():
            with self.subTest(query):
                reply = answer("GET", f"/api/shipping/rates?{query}", b"")
                self.assertEqual(reply.status, 200)
                rates = [(rate["service"], rate["amount"], rate["days"]) for rate in json.loads(reply.body)]
                self.assertEqual(rates, expected)


class Labels(unittest.TestCase):
    def test_a_label_costs_what_the_rate_says(self):
        reply = answer("POST", "/api/shipping/labels", json.dumps(LABEL).encode())
        label = json.loads(reply.body)
        self.assertEqual(reply.status, 201)
        self.assertRegex(label.pop("labelId"), "^label-[0-9a-f]{16}$")
        self.assertEqual(label, {"orderId": 123, "service": "express", "amount": 1680, "currency": "EUR"})


class Refusals(unittest.TestCase):
    def test_what_is_wrong_is_told(self):
        def label(**changes):
            return json.dumps({**LABEL, **changes}).encode()

        rates, labels = "/api/shipping/rates", "/api/shipping/labels"
        cases = [
            ("GET", rates, b"", 400, "weight"),
            ("GET", f"{rates}?weight=-1&country=DE", b"", 400, "weight"),
            ("GET", f"{rates}?weight=31501&country=DE", b"", 400, "31500"),
            ("GET", f"{rates}?weight=1&country=de", b"", 400, "country"),
            ("POST", rates, b"", 405, "GET"),
            ("GET", labels, b"", 405, "POST"),
            ("GET", "/", b"", 404, rates),
            ("POST", labels, b"{", 400, "no JSON"),
            ("POST", labels, b"\xff", 400, "no JSON"),
            ("POST", labels, b"[]", 400, "object"),
            ("POST", labels, label(orderId=True), 400, "orderId"),
            ("POST", labels, label(weight=1.5), 400, "weight"),
            ("POST", labels, label(service="drone"), 400, "standard, express"),
            ("POST", labels, b" " * (BODY_LIMIT + 1), 413, "64 KiB"),
        ]
        for method, path, body, status, mention in cases:
            with self.subTest(f"{method} {path} {body[:40]}"):
                reply = answer(method, path, body)
                self.assertEqual(reply.status, status)
                self.assertEqual(reply.headers["content-type"], "application/problem+json")
                self.assertIn(mention, json.loads(reply.body)["detail"])


if __name__ == "__main__":
    unittest.main()
