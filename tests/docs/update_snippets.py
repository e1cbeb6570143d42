#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the regions of compiled files into the blocks of the documentation that name them.

A block that follows <!-- from: FILE#REGION --> gets that region, as tests/docs/snippets_test.cpp compares them.
"""
import pathlib
import re
import textwrap

ROOT = pathlib.Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"(<!-- from: (\S+)#(\S+) -->\n```\w+\n)(.*?)(```\n)", re.S)


def region(file: str, name: str) -> str:
    text = (ROOT / file).read_text()
    found = re.search(rf"^ *(?://|#) region: {name}\n(.*?)^ *(?://|#) endregion: {name}$", text, re.S | re.M)
    if not found:
        raise SystemExit(f"{file} has no region {name}")
    lines = [line for line in found[1].splitlines() if not re.match(r" *(//|#) (end)?region: ", line)]
    return textwrap.dedent("\n".join(lines)) + "\n"


for page in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
    old = page.read_text()
    new = BLOCK.sub(lambda m: m[1] + region(m[2], m[3]) + m[5], old)
    if new != old:
        page.write_text(new)
        print(page.relative_to(ROOT))
