#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes tests/fuzz/corpus/safetensors: one small file for each case that a reader must tell apart.

    python3 tests/fuzz/make_safetensors_corpus.py

Standard library only; the same files every time.
"""
import json
import pathlib
import struct

FOLDER = pathlib.Path(__file__).parent / "corpus" / "safetensors"
BITS = {"BOOL": 8, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8,
        "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8, "I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32, "U32": 32, "F32": 32,
        "C64": 64, "F64": 64, "I64": 64, "U64": 64}


def tensor(dtype, shape, begin, end):
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def file(header, data=b"", length=None):
    if isinstance(header, dict):
        header = json.dumps(header, separators=(",", ":"))
    if isinstance(header, str):
        header = header.encode()
    return struct.pack("<Q", len(header) if length is None else length) + header + data


def all_types():
    header, at = {}, 0
    for name, bits in BITS.items():
        header[name.lower()] = tensor(name, [4, 2], at, at + bits)
        at += bits
    return file(header, bytes(range(at % 256)) + bytes(at - at % 256))


def entry_text(members):
    return '{"t":{' + members + "}}"


I8 = '"dtype":"I8"', '"shape":[1]', '"data_offsets":[0,1]'
CASES = {
    # read
    "all-types": all_types(),
    "no-tensors": file("{}"),
    "padded": file('{"t":' + json.dumps(tensor("I8", [1], 0, 1)) + "}      ", b"x"),
    "scalar-and-empty": file({"e": tensor("F32", [0, 4], 0, 0), "s": tensor("F32", [], 0, 4), "z": tensor("I8", [0], 4, 4)}, b"abcd"),
    "any-order": file({"b": tensor("I8", [2], 1, 3), "a": tensor("I8", [1], 0, 1)}, b"abc"),
    "unaligned": file({"a": tensor("I8", [1], 0, 1), "b": tensor("F64", [1], 1, 9)}, b"x" * 9),
    "metadata": file({"__metadata__": {"format": "pt", "": "x"}, "t": tensor("I8", [1], 0, 1)}, b"x"),
    "metadata-null": file('{"__metadata__":null}'),
    "unknown-members": file(entry_text('"x":{"y":[1,{"dtype":-1.5}]},' + ",".join(I8)), b"x"),
    "escapes": file('{"\\u00e9\\ud83d\\ude00\\n":' + json.dumps(tensor("I8", [1], 0, 1)) + "}", b"x"),
    "index": b'{"metadata":{"total_size":8,"x":[1,{"y":null}]},"weight_map":{"a":"m-1-of-2.safetensors","b":"m-2-of-2.safetensors"}}',
    # refused: the file
    "empty": b"",
    "seven-bytes": b"1234567",
    "header-cut": file({"t": tensor("I8", [1], 0, 1)}, b"x")[:20],
    "data-cut": file({"a": tensor("F32", [2], 0, 8), "b": tensor("F32", [2], 8, 16)}, b"x" * 15),
    "length-too-large": file("{}", length=100_000_001),
    "length-absurd": file("{}", length=2**64 - 1),
    "length-wraps": file("{}", length=2**64 - 8),
    "lfs-pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 90868376\n",
    "zip": b"PK\x03\x04" + b"\0" * 28,
    # refused: the header
    "no-brace": file("[]"),
    "leading-space": file(" {}"),
    "byte-order-mark": file(b"\xef\xbb\xbf{}"),
    "not-json": file('{"a" 1}'),
    "json-cut": file('{"a":{"dtype":"F'),
    "two-values": file("{}{}"),
    "nul-behind": file(b"{}\0\0"),
    "not-utf8": file(b'{"\xff\xfe":{}}'),
    "utf8-cut": file(b'{"\xe2\x82'),
    "surrogate": file('{"\\ud800":{}}'),
    "deep": file('{"t":{"x":' + "[" * 2000),
    "twice-tensor": file('{"t":{%s},"t":{%s}}' % (",".join(I8), ",".join(I8)), b"x"),
    "twice-member": file(entry_text('"dtype":"I8",' + ",".join(I8)), b"x"),
    "twice-metadata": file('{"__metadata__":{"k":"1","k":"2"}}'),
    "metadata-number": file('{"__metadata__":{"k":1}}'),
    "metadata-array": file('{"__metadata__":[]}'),
    "entry-null": file('{"t":null}'),
    "entry-empty": file('{"t":{}}'),
    "dtype-unknown": file({"t": tensor("F12", [1], 0, 1)}, b"x"),
    "dtype-number": file(entry_text('"dtype":1,"shape":[1],"data_offsets":[0,1]'), b"x"),
    "shape-missing": file(entry_text('"dtype":"I8","data_offsets":[0,1]'), b"x"),
    "shape-negative": file({"t": tensor("I8", [-1], 0, 1)}, b"x"),
    "shape-fraction": file({"t": tensor("I8", [1.5], 0, 1)}, b"x"),
    "shape-huge": file({"t": tensor("I8", [2**63], 0, 1)}, b"x"),
    "shape-beyond": file({"t": tensor("I8", [2**64], 0, 1)}, b"x"),
    "shape-overflow": file({"t": tensor("F64", [2**32, 2**32], 0, 8)}, b"x" * 8),
    "shape-overflow-by-zero": file({"t": tensor("F64", [2**62, 2**62, 0], 0, 0)}),
    "shape-nested": file({"t": tensor("I8", [[1]], 0, 1)}, b"x"),
    "shape-wrong-size": file({"t": tensor("F32", [2, 2], 0, 12)}, b"x" * 12),
    "shape-half-byte": file({"t": tensor("F4", [3], 0, 2)}, b"xx"),
    "shape-65-dimensions": file({"t": tensor("I8", [1] * 65, 0, 1)}, b"x"),
    "offsets-three": file({"t": {"dtype": "I8", "shape": [1], "data_offsets": [0, 1, 1]}}, b"x"),
    "offsets-one": file({"t": {"dtype": "I8", "shape": [1], "data_offsets": [0]}}, b"x"),
    "offsets-backwards": file({"t": tensor("I8", [1], 1, 0)}, b"x"),
    "offsets-beyond": file({"t": tensor("I8", [2], 0, 2)}, b"x"),
    "offsets-at-the-end-of-numbers": file({"t": tensor("I8", [1], 2**64 - 2, 2**64 - 1)}, b"x"),
    "overlap": file({"a": tensor("I8", [4], 0, 4), "b": tensor("I8", [4], 2, 6)}, b"x" * 6),
    "same-place": file({"a": tensor("I8", [4], 0, 4), "b": tensor("I8", [4], 0, 4)}, b"x" * 4),
    "hole-before": file({"a": tensor("I8", [1], 1, 2)}, b"xx"),
    "hole-between": file({"a": tensor("I8", [1], 0, 1), "b": tensor("I8", [1], 3, 4)}, b"x" * 4),
    "hole-after": file({"a": tensor("I8", [1], 0, 1)}, b"x" * 9),
    # refused: the index
    "index-no-map": b'{"metadata":{}}',
    "index-empty-map": b'{"weight_map":{}}',
    "index-array": b'{"weight_map":[]}',
    "index-number": b'{"weight_map":{"a":1}}',
    "index-path": b'{"weight_map":{"a":"../m.safetensors"}}',
    "index-twice": b'{"weight_map":{"a":"m","a":"m"}}',
    "index-cut": b'{"weight_map":{"a":',
}

FOLDER.mkdir(parents=True, exist_ok=True)
for old in FOLDER.iterdir():
    old.unlink()
for name, content in CASES.items():
    (FOLDER / name).write_bytes(content)
print(f"{len(CASES)} files in {FOLDER}")
