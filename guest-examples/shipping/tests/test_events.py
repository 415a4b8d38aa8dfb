"""Events, heard without a component around it."""

import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "src"))

from events import REMEMBERED, Events  # noqa: E402
from invalid import Invalid  # noqa: E402

CREATED = b'{"event":"OrderCreated","orderId":123,"userId":456}'


class Hearing(unittest.TestCase):
    def setUp(self):
        self.told = []
        self.events = Events(self.told.append)

    def test_an_event_has_its_effect_once_however_often_it_comes(self):
        for _ in range(2):
            self.events.hear("/services/orders", "1", "OrderCreated", CREATED)
        self.events.hear("/services/others", "1", "OrderCreated", CREATED)
        self.assertEqual(self.told, ["order 123 of user 456 is to be packed"] * 2)

    def test_other_events_mean_nothing_here(self):
        self.events.hear("/services/orders", "1", "OrderForgotten", b"what")
        self.assertEqual(self.told, [])

    def test_the_oldest_events_are_forgotten(self):
        for id in range(REMEMBERED + 1):
            self.events.hear("/services/orders", str(id), "OrderCreated", CREATED)
        for id in (REMEMBERED, 0):
            self.events.hear("/services/orders", str(id), "OrderCreated", CREATED)
        self.assertEqual(len(self.told), REMEMBERED + 2)

    def test_what_can_never_be_understood_is_told(self):
        for data, mention in [
            (b"{", "no JSON"),
            (b"\xff", "no JSON"),
            (b"[]", "object"),
            (b'{"userId":456}', "orderId"),
            (b'{"orderId":123,"userId":true}', "userId"),
        ]:
            with self.subTest(data), self.assertRaisesRegex(Invalid, mention):
                self.events.hear("/services/orders", "1", "OrderCreated", data)
        self.assertEqual(self.told, [])


if __name__ == "__main__":
    unittest.main()
