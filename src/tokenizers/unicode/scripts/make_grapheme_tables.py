#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes ../grapheme_tables.inc: by which rules of grapheme clusters each code point goes.

    pip install tokenizers sentencepiece protobuf transformers regex && python3 make_grapheme_tables.py

Classes are those of Unicode Standard Annex 29. Those that decide whether a character joins the one before it are
observed in `tokenizers`, whose Unicode version need not be that of `regex`; regex only tells the kinds of joining apart.
"""

import io
import pathlib
import tempfile

import regex
import sentencepiece
from tokenizers import normalizers
from transformers.convert_slow_tokenizer import import_protobuf

OUT = pathlib.Path(__file__).resolve().parent.parent / "grapheme_tables.inc"
BLOCK = 128
CODES = [code for code in range(0x110000) if not 0xD800 <= code < 0xE000]
NAMES = ["other", "cr", "lf", "control", "extend", "linker", "zwj", "regional", "prepend", "spacing", "l", "v", "t", "lv",
         "lvt", "pictographic", "consonant"]
PROPERTIES = {"cr": "GCB=CR", "lf": "GCB=LF", "control": "GCB=Control", "zwj": "GCB=ZWJ", "regional": "GCB=Regional_Indicator",
              "l": "GCB=L", "v": "GCB=V", "t": "GCB=T", "lv": "GCB=LV", "lvt": "GCB=LVT", "pictographic": "Extended_Pictographic"}


def having(name):
    pattern = regex.compile(r"\p{%s}" % name)
    return [code for code in CODES if pattern.match(chr(code))]


def normalizer(codes):
    """Makes each of the characters a Z, and with it all that joins it, if that has at most five bytes."""
    with tempfile.NamedTemporaryFile("w", suffix=".tsv") as file:
        file.writelines(f"{code:X}\t5A\n" for code in codes)
        file.flush()
        model = io.BytesIO()
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(["hello world ab abc"] * 20), model_writer=model, vocab_size=20,
            normalization_rule_tsv=file.name, hard_vocab_limit=False, minloglevel=2)
    proto = import_protobuf().ModelProto()
    proto.ParseFromString(model.getvalue())
    return normalizers.Precompiled(proto.normalizer_spec.precompiled_charsmap).normalize_str


def classes():
    result = {code: name for name, prop in PROPERTIES.items() for code in having(prop)}
    of_a = normalizer([ord("a")])
    joining = {code for code in CODES if of_a("a" + chr(code)) == "Z"}
    spacing = set(having("GCB=SpacingMark"))
    for code in joining - {0x200D}:
        result[code] = "spacing" if code in spacing else "extend"

    prepend = having("GCB=Prepend")
    of_prepend = normalizer(prepend)
    for code in prepend:
        if of_prepend(chr(code) + "a") == "Z":
            result[code] = "prepend"

    # Three of a syllable's characters join; an accent then stays apart from the last, because they have too many bytes.
    consonants = having("InCB=Consonant")
    of_consonant = normalizer(consonants)
    joins = lambda first, middle, last: of_consonant(chr(first) + chr(middle) + chr(last) + "\u0301").endswith("\u0301")
    for code in consonants:
        if joins(0x915, 0x94D, code):
            result[code] = "consonant"
    for code in having("InCB=Linker"):
        if joins(0x915, code, 0x915):
            result[code] = "linker"
    return result


def lines(values):
    text, line = "", "   "
    for value in values:
        if len(line) + len(f" {value},") > 120:
            text, line = text + line + "\n", "   "
        line += f" {value},"
    return text + line + "\n"


def main():
    found = classes()
    values = [NAMES.index(found.get(code, "other")) for code in range(0x110000)]
    blocks, numbers = [], []
    for start in range(0, 0x110000, BLOCK):
        block = values[start : start + BLOCK]
        if block not in blocks:
            blocks.append(block)
        numbers.append(blocks.index(block))
    assert len(blocks) < 256
    text = "// SPDX-License-Identifier: Apache-2.0\n// Made by scripts/make_grapheme_tables.py; do not edit.\n"
    text += f"constexpr std::array<std::uint8_t, {len(numbers)}> kGraphemeBlockOf = {{\n{lines(numbers)}}};\n"
    flat = [value for block in blocks for value in block]
    text += f"constexpr std::array<std::uint8_t, {len(flat)}> kGraphemeBlocks = {{\n{lines(flat)}}};\n"
    OUT.write_text(text)
    for name in NAMES:
        print(name, values.count(NAMES.index(name)))


if __name__ == "__main__":
    main()
