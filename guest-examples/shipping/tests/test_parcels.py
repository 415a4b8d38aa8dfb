"""Parcels, dispatched without a component around it."""

import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "src"))

from parcels import REMEMBERED, Address, Parcel, Parcels, Refused  # noqa: E402

ADDRESS = Address("A. Customer", "1 High Street", "10115", "Berlin", "DE")
ITEMS = [("tea", 2), ("kettle", 1)]


class Dispatching(unittest.TestCase):
    def setUp(self):
        self.told = []
        self.parcels = Parcels(self.told.append)

    def refusal(self, order=1, address=ADDRESS, items=ITEMS):
        with self.assertRaises(Refused) as raised:
            self.parcels.dispatch(order, address, items)
        return raised.exception.case, raised.exception.value

    def test_an_order_is_dispatched_once_however_often_it_is_asked_for(self):
        parcel = self.parcels.dispatch(123, ADDRESS, ITEMS)
        self.assertRegex(parcel.id, "^parcel-[0-9a-f]{16}$")
        self.assertEqual(parcel, Parcel(parcel.id, weight=1640, days=2, repeated=False))
        again = self.parcels.dispatch(123, ADDRESS, list(ITEMS))
        self.assertEqual(again, Parcel(parcel.id, weight=1640, days=2, repeated=True))
        self.assertEqual(self.told, ["dispatched order 123"])
        self.assertEqual(self.refusal(123, items=[("tea", 1)]), ("dispatched", parcel.id))
        self.assertEqual(self.refusal(123, address=ADDRESS._replace(city="Bonn")), ("dispatched", parcel.id))

    def test_calling_off_can_be_repeated_and_ends_what_can_be_dispatched(self):
        self.parcels.dispatch(123, ADDRESS, ITEMS)
        self.parcels.cancel(123)
        self.parcels.cancel(123)
        # One that was never dispatched, as far as is known here.
        self.parcels.cancel(124)
        for order in (123, 124):
            self.assertEqual(self.refusal(order), ("called_off", None))
        self.assertEqual(self.told, ["dispatched order 123", "cancelled order 123", "cancelled order 124"])

    def test_the_oldest_orders_are_forgotten(self):
        for order in range(1, REMEMBERED + 2):
            self.parcels.dispatch(order, ADDRESS, ITEMS)
        self.assertTrue(self.parcels.dispatch(2, ADDRESS, ITEMS).repeated)
        self.assertFalse(self.parcels.dispatch(1, ADDRESS, ITEMS).repeated)

    def test_what_is_wrong_is_told_and_nothing_is_dispatched(self):
        cases = [
            ({"order": 0}, "wrong", "order"),
            ({"address": ADDRESS._replace(street=" ")}, "wrong", "address.street"),
            ({"address": ADDRESS._replace(country="Germany")}, "wrong", "address.country"),
            ({"items": []}, "wrong", "at least one item"),
            ({"items": [("tea", 0)]}, "wrong", "tea"),
            ({"items": [("gold", 1)]}, "unknown", "gold"),
            ({"items": [("coffee", 64)]}, "too_heavy", 31500),
        ]
        for changes, case, mention in cases:
            with self.subTest(changes):
                found, value = self.refusal(**changes)
                self.assertEqual(found, case)
                self.assertIn(str(mention), str(value))
        self.assertEqual(self.told, [])


if __name__ == "__main__":
    unittest.main()
