#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes tests/fuzz/corpus/torch_file from tests/data/torch: whole files, and the pickles in them.

    python3 tests/fuzz/make_torch_corpus.py

Standard library only; the same files every time. A file begins with what it is: f a file, z the pickle of an archive, s a
stream without its start.
"""
import pathlib
import zipfile

HERE = pathlib.Path(__file__).parent
FOLDER = HERE / "corpus" / "torch_file"
DATA = HERE.parent / "data" / "torch"

FOLDER.mkdir(parents=True, exist_ok=True)
for old in FOLDER.iterdir():
    old.unlink()
for path in sorted(DATA.glob("*.bin")):
    content = path.read_bytes()
    (FOLDER / path.stem).write_bytes(b"f" + content)
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                if name.endswith("/data.pkl") and not archive.getinfo(name).flag_bits & 1:
                    (FOLDER / f"{path.stem}-pickle").write_bytes(b"z" + archive.read(name))
    elif content.startswith(b"\x80\x02\x8a"):
        system_end = content.index(b"u.", 20) + 2
        (FOLDER / f"{path.stem}-behind-its-start").write_bytes(b"s" + content[system_end:])
print(len(list(FOLDER.iterdir())), "files in", FOLDER)
