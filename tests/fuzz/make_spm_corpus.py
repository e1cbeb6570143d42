#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the first files of corpus/spm_model, a byte for the class before each; what fuzzing found is beside them."""

import pathlib
import struct

CORPUS = pathlib.Path(__file__).resolve().parent / "corpus" / "spm_model"
PIECES = [("<unk>", 0, 2), ("<s>", 0, 3), ("</s>", 0, 3), ("\u2581", -2, 1), ("a", -3, 1), ("aa", -4, 1), ("\u2581it", -5, 1), ("é", -6, 4), ("<0x41>", -7, 6)]


def varint(value):
    result = b""
    while value >= 0x80:
        result += bytes([value & 0x7F | 0x80])
        value >>= 7
    return result + bytes([value])


def number(field, value):
    return varint(field << 3) + varint(value)


def string(field, value):
    value = value.encode() if isinstance(value, str) else value
    return varint(field << 3 | 2) + varint(len(value)) + value


def pieces(items=PIECES):
    return b"".join(string(1, string(1, piece) + varint(2 << 3 | 5) + struct.pack("<f", score) + number(3, kind)) for piece, score, kind in items)


def charsmap(units, replacements):
    trie = b"".join(struct.pack("<I", unit) for unit in units)
    return string(3, string(2, struct.pack("<I", len(trie)) + trie + replacements) + number(3, 1))


def letter_map():
    """The rule that x becomes yz: the root's offset is 1, so that the leaf of x is at 1 ^ "x", and its value one behind."""
    units = [0] * 256
    units[0] = 1 << 10
    units[1 ^ ord("x")] = ord("x") | 1 << 8 | 1 << 10
    units[1 ^ ord("x") ^ 1] = 1 << 31
    return charsmap(units, b"yz\0")


def main():
    trainer = string(2, number(3, 1) + number(35, 1) + number(40, 0))
    files = {f"class-{kind}": bytes([kind]) + pieces() + trainer for kind in range(5)}
    files |= {
        "charsmap": b"\0" + pieces() + letter_map(),
        "charsmap-size": b"\0" + pieces() + charsmap([1, 2, 3], b"")[:-2] + b"\xff\x01",
        "charsmap-not-utf8": b"\0" + pieces() + charsmap([0], b"\xff"),
        "no-pieces": b"\1" + trainer,
        "one-piece": b"\1" + pieces(PIECES[:1]),
        "nan": b"\1" + pieces([("a", float("nan"), 1)]),
        "piece-not-utf8": b"\1" + pieces([(b"\xff", 0, 1)]),
        "cut-off": b"\0" + pieces()[:-3],
        "long-number": b"\0" + b"\xff" * 12,
        "group": b"\0\x0b",
    }
    CORPUS.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (CORPUS / name).write_bytes(content)


if __name__ == "__main__":
    main()
