# SPDX-License-Identifier: Apache-2.0
"""Unpacks the chosen members of every wheel in a folder.

usage: unpack_wheels.py FOLDER DESTINATION PATTERN...

A PATTERN is a shell pattern over the member's path; what no pattern matches stays in the wheel, which keeps gigabytes of
CUDA libraries off the disk. Every pattern must match something: a wheel of another layout is an error, not a half-empty
folder.
"""
import fnmatch
import pathlib
import sys
import zipfile


def main(folder, destination, patterns):
    unmatched = set(patterns)
    for wheel in sorted(pathlib.Path(folder).glob("*.whl")):
        with zipfile.ZipFile(wheel) as archive:
            for name in archive.namelist():
                hits = [p for p in patterns if fnmatch.fnmatchcase(name, p)]
                unmatched.difference_update(hits)
                if hits:
                    archive.extract(name, destination)
    if unmatched:
        sys.exit(f"unpack_wheels.py: nothing in {folder} matches {', '.join(sorted(unmatched))}")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
