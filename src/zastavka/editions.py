"""Whether the chapters of a Matroska file are more than one flat list, which FFmpeg can't copy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

# ids of EBML elements, as RFC 9559 names them
_SEGMENT, _CHAPTERS, _EDITION, _ATOM = 0x18538067, 0x1043A770, 0x45B9, 0xB6
_ORDERED = 0x45DD  # an edition that plays chapters in an order of its own


def is_layered(path: Path) -> bool:
    """Several editions, chapters within chapters, or an order of their own. Any other file: no."""
    with path.open("rb") as file:
        end = file.seek(0, 2)
        file.seek(0)
        for element, size in _elements(file, end):
            if element == _CHAPTERS:
                return _layered(file, file.tell() + size)
    return False


def _layered(file: BinaryIO, end: int) -> bool:
    editions = 0
    for element, size in _elements(file, end):
        if element != _EDITION:
            continue
        editions += 1
        here = file.tell()
        for part, length in _elements(file, here + size):
            if part == _ORDERED and int.from_bytes(file.read(length)):
                return True
            if part == _ATOM and any(e == _ATOM for e, _ in _elements(file, file.tell() + length)):
                return True
        file.seek(here)
    return editions > 1


def _elements(file: BinaryIO, end: int) -> Iterator[tuple[int, int]]:
    """Id and size of each element until `end`; the file stands at its content meanwhile."""
    while file.tell() < end:
        element, size = _number(file, keep_mark=True), _number(file, keep_mark=False)
        if element is None or (size is None and element == 0):
            return
        if size is None or element == _SEGMENT:
            continue  # of unknown size, or the one that holds all: go on with what is in it
        start = file.tell()
        yield element, size
        file.seek(start + size)


def _number(file: BinaryIO, *, keep_mark: bool) -> int | None:
    """A number whose first set bit tells how long it is; None: unknown, or no number."""
    first = file.read(1)
    if not first or not first[0]:
        return None
    length = 9 - first[0].bit_length()
    value = int.from_bytes(first + file.read(length - 1))
    if keep_mark:
        return value
    mark = 1 << (7 * length)
    return None if value == 2 * mark - 1 else value - mark
