# SPDX-License-Identifier: Apache-2.0
"""Texts of mixed length out of this repository's own pages, the same at every run."""
import pathlib
import random
import re

PAGES = pathlib.Path(__file__).resolve().parents[2] / "docs"


def words():
    """All words of the pages, in order."""
    pages = sorted(PAGES.rglob("*.md"))
    return [w for page in pages for w in re.findall(r"[A-Za-z][A-Za-z'-]*[.,;:?]?", page.read_text(encoding="utf-8"))]


def mixed(count, seed=0):
    """`count` texts of 3 to 180 words: half of them below 22, a tenth above 65, as sentences and paragraphs are."""
    chance = random.Random(seed)
    source = words()
    texts = []
    for _ in range(count):
        length = min(180, max(3, round(chance.lognormvariate(3.1, 0.85))))
        start = chance.randrange(len(source) - length)
        texts.append(" ".join(source[start:start + length]))
    return texts


def single():
    """One sentence of some twenty tokens."""
    return "A thread that asks for an instance while all are leased waits until its turn has come."
