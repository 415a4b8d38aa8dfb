"""What messages ask for, read without a component around it."""

import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "src"))

from wish import Wish, read  # noqa: E402


class Reading(unittest.TestCase):
    def test_words_are_read(self):
        cases = {
            b"": Wish("acknowledge"),
            b"retry": Wish("retry"),
            b"publish a.b id-1 some text": Wish("publish", topic="a.b", id="id-1", data="some text"),
            b"ask a.b 2 100 what is it": Wish("ask", topic="a.b", wanted=2, ms=100, data="what is it"),
            b"answer here it is": Wish("answer", data="here it is"),
        }
        for data, expected in cases.items():
            with self.subTest(data):
                self.assertEqual(read(data), expected)


if __name__ == "__main__":
    unittest.main()
