#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes ../unicode_tables.inc: the character properties as the `tokenizers` package itself applies them.

    pip install tokenizers && python3 make_unicode_tables.py

Its normalizers use Unicode data of several versions (its punctuation and mark tables are much older than its lowercase),
so no single version of a Unicode library gives the same ids. Every property below is therefore observed: each code point
goes through the package, and what comes back is what the table says. Nothing here depends on Python's own Unicode data.
"""

import pathlib
import sys

import tokenizers
from tokenizers import AddedToken, Tokenizer, models, normalizers, pre_tokenizers

CODE_POINTS = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
BLOCK = 128
HANGUL = range(0xAC00, 0xAC00 + 11172)

CLEAN = normalizers.BertNormalizer(clean_text=True, handle_chinese_chars=False, strip_accents=False, lowercase=False)
CHINESE = normalizers.BertNormalizer(clean_text=False, handle_chinese_chars=True, strip_accents=False, lowercase=False)
STRIP = normalizers.BertNormalizer(clean_text=False, handle_chinese_chars=False, strip_accents=True, lowercase=False)
LOWER = normalizers.BertNormalizer(clean_text=False, handle_chinese_chars=False, strip_accents=False, lowercase=True)
NFD = normalizers.NFD()
SPLIT = pre_tokenizers.BertPreTokenizer()

# Bits of a record's flags; the same names are in unicode.cpp.
WHITE_SPACE, REMOVED, CHINESE_CHAR, PUNCTUATION, NONSPACING, WORD, DECOMPOSES = (1 << bit for bit in range(7))


def word_tokenizer():
    tokenizer = Tokenizer(models.WordPiece({"[UNK]": 0}, unk_token="[UNK]"))
    tokenizer.add_tokens([AddedToken("zz", single_word=True, normalized=False)])
    return tokenizer


WORDS = word_tokenizer()


def flags_of(code):
    char = chr(code)
    flags = 0
    pieces = [piece for piece, _ in SPLIT.pre_tokenize_str("a" + char + "b")]
    if pieces == ["a", "b"]:
        flags |= WHITE_SPACE
    elif pieces == ["a", char, "b"]:
        flags |= PUNCTUATION
    else:
        assert pieces == ["a" + char + "b"], (hex(code), pieces)
    cleaned = CLEAN.normalize_str(char)
    if cleaned == "":
        flags |= REMOVED
    else:
        assert cleaned == (" " if flags & WHITE_SPACE else char), hex(code)
    if CHINESE.normalize_str(char) != char:
        assert CHINESE.normalize_str(char) == f" {char} "
        flags |= CHINESE_CHAR
    if WORDS.encode("zz" + char).ids[0] == 0:
        flags |= WORD
    decomposed = NFD.normalize_str(char)
    if decomposed != char:
        flags |= DECOMPOSES
    elif STRIP.normalize_str(char) == "":
        flags |= NONSPACING
    else:
        assert STRIP.normalize_str(char) == char, hex(code)
    return flags


def combining_order():
    """The canonical combining class of each mark, as its rank among the classes that occur; 0 for all other characters.

    Marks are sorted by class when text is decomposed, so two of them compare by whether they change places.
    """

    def before(a, b):  # class of a < class of b, both not 0
        return NFD.normalize_str(chr(b) + chr(a)) == chr(a) + chr(b)

    # U+0334 has the lowest class (1), U+0345 the highest (240).
    marks = [
        c
        for c in CODE_POINTS
        if NFD.normalize_str(chr(c)) == chr(c) and (before(c, 0x345) or before(0x334, c))
    ]
    ranks = [[0x334]]
    for mark in marks:
        low, high = 0, len(ranks)
        while low < high:
            middle = (low + high) // 2
            if before(ranks[middle][0], mark):
                low = middle + 1
            else:
                high = middle
        if low < len(ranks) and not before(mark, ranks[low][0]):
            ranks[low].append(mark)
        else:
            ranks.insert(low, [mark])
    return {mark: rank + 1 for rank, members in enumerate(ranks) for mark in members}


def lower_of(code):
    """Difference to the lowercase character; characters of which the lowercase is longer are handled apart."""
    lowered = LOWER.normalize_str(chr(code))
    if code == 0x130:
        assert lowered == "i\u0307"
        return 0
    assert len(lowered) == 1, hex(code)
    return ord(lowered) - code


def decompositions():
    table = {}
    for code in CODE_POINTS:
        decomposed = NFD.normalize_str(chr(code))
        if decomposed == chr(code):
            continue
        if code in HANGUL:
            assert decomposed == hangul(code)
            continue
        table[code] = [ord(c) for c in decomposed]
    return table


def hangul(code):
    index = code - 0xAC00
    parts = [0x1100 + index // 588, 0x1161 + index % 588 // 28, 0x11A7 + index % 28]
    return "".join(chr(c) for c in parts if c != 0x11A7)


def rows(values, width=116):
    line, out = " ", []
    for value in values:
        text = f" {value},"
        if len(line) + len(text) > width:
            out.append(line)
            line = " "
        line += text
    out.append(line)
    return "\n".join(out)


def array(type_name, name, values):
    values = list(values)
    return f"constexpr std::array<{type_name}, {len(values)}> {name} = {{\n{rows(values)}\n}};\n"


def main():
    order = combining_order()
    assert max(order.values()) < 256
    records = {}
    of_code = [0] * 0x110000
    records[(0, 0, 0)] = 0
    for code in CODE_POINTS:
        record = (flags_of(code), order.get(code, 0), lower_of(code))
        of_code[code] = records.setdefault(record, len(records))
    blocks, index = {}, []
    for start in range(0, 0x110000, BLOCK):
        index.append(blocks.setdefault(tuple(of_code[start : start + BLOCK]), len(blocks)))
    table = decompositions()
    text = []
    starts = []
    for code in sorted(table):
        starts.append(len(text))
        text += table[code]
    starts.append(len(text))
    print(len(records), "records", len(blocks), "blocks", len(table), "decompositions", len(text), file=sys.stderr)
    record_type = "std::uint8_t" if len(records) <= 256 else "std::uint16_t"
    block_type = "std::uint8_t" if len(blocks) <= 256 else "std::uint16_t"
    lines = [
        "// SPDX-License-Identifier: Apache-2.0",
        f"// Generated by scripts/make_unicode_tables.py from tokenizers {tokenizers.__version__}; do not edit.",
        "// clang-format off",
        "// {flags, combining order, lowercase - code point}",
        f"constexpr std::array<Record, {len(records)}> kRecords = {{{{",
        rows("{%d, %d, %d}" % record for record in records),
        "}};\n",
        array(block_type, "kBlockOf", index),
        array(record_type, "kBlocks", (value for block in blocks for value in block)),
        array("char32_t", "kDecomposed", sorted(table)),
        array("std::uint16_t", "kDecompositionStart", starts),
        array("char32_t", "kDecompositions", text),
        "// clang-format on",
    ]
    target = pathlib.Path(__file__).resolve().parent.parent / "unicode_tables.inc"
    target.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
