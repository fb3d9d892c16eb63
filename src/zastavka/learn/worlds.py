"""Worlds: random series composed by introbench, of one part of its clips and of no other.

What is learned from one part must be judged on another: series of the same clips have songs and
pictures in common. introbench halves its clips by name (folds a and b); `part` halves a fold again.
"""

from __future__ import annotations

import csv
import json
import subprocess
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zastavka.errors import MediaError, OptionError
from zastavka.storage import write_text

Spec = dict[str, Any]  # a series as introbench's compose.py takes it

HEIGHT_PX = 144  # of the pictures: descriptors need no more

_NEEDS = "numpy scipy opencv-python-headless av pillow"
_DRAWN = 2000  # series that are drawn from at most


@dataclass(frozen=True, slots=True)
class World:
    """Series of one seed and one part of the clips, at most `longest` s each, `seconds` in all."""

    name: str
    fold: str  # "a" or "b"
    part: int | None  # 0 or 1: half of the fold; None: all of it
    seed: int
    seconds: float
    longest: float = 900.0


@dataclass(frozen=True, slots=True)
class Introbench:
    """The composer: its folder, and the interpreter that can run it."""

    folder: Path
    python: str

    def check(self) -> None:
        """OptionError: it is not there, or what it needs is not installed."""
        if not (self.folder / "compose.py").is_file():
            raise OptionError(
                self.folder, "holds no compose.py",
                "let --introbench or ZASTAVKA_INTROBENCH name the folder of introbench",
            )  # fmt: skip
        done = self._run("-c", "import av, cv2, numpy, PIL, scipy")
        if done.returncode:
            raise OptionError(
                self.python, "can't compose: {why}",
                "install {needs}, or let --compose-python name an interpreter that has them",
                why=_last(done.stderr), needs=_NEEDS,
            )  # fmt: skip

    def specs(self, world: World) -> list[Spec]:
        """The series of a world, in the order they are drawn."""
        return list(_affordable(self.drawn(world.seed), world))

    def drawn(self, seed: int) -> list[Spec]:
        """As many series of a seed as anybody needs."""
        code = (
            "import json, sys; sys.path.insert(0, sys.argv[1]); import compose, dataclasses\n"
            f"print(json.dumps([dataclasses.asdict(compose.random_series(i, {seed}))"
            f" for i in range({_DRAWN})]))"
        )
        done = self._run("-c", code, str(self.folder))
        if done.returncode:
            why = _last(done.stderr)
            raise OptionError(
                self.folder, "can't draw series: {why}", "check --introbench", why=why
            )
        specs: list[Spec] = json.loads(done.stdout)
        return specs

    def compose(self, spec: Spec, media: Path, folder: Path) -> dict[str, Spec]:
        """Write the episodes of a series into `folder`; the rows of its truth, by path."""
        file = folder / "spec.json"
        write_text(file, json.dumps([spec]))
        done = self._run(
            str(self.folder / "compose.py"), "--spec", str(file), "--media", str(media),
            "--height", str(HEIGHT_PX), "--out", str(folder),
        )  # fmt: skip
        if done.returncode:
            raise MediaError(
                spec["name"], "could not be composed: {why}", "look at introbench",
                why=_last(done.stderr),
            )  # fmt: skip
        rows: dict[str, Spec] = json.loads((folder / "truth.json").read_text(encoding="utf-8"))
        return rows

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([self.python, *arguments], capture_output=True, text=True)

    def media(self, world: World, folder: Path) -> Path:
        """`folder` as a media folder with the clips of a world alone, by links."""
        whole = self.folder / "media"
        chosen = list(self.clips(world))
        folder.mkdir(parents=True, exist_ok=True)
        for kind in {row["kind"] for row in chosen}:
            link = folder / kind
            if not link.is_symlink():
                link.symlink_to((whole / kind).resolve())
        with (folder / "manifest.csv").open("w", newline="", encoding="utf-8") as file:
            table = csv.DictWriter(file, chosen[0].keys())
            table.writeheader()
            table.writerows(chosen)
        return folder

    def clips(self, world: World) -> Iterator[dict[str, str]]:
        """The rows of the manifest that weights we give away may be trained on."""
        with (self.folder / "media" / "manifest.csv").open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                digest = zlib.crc32(row["file"].encode())
                fold, part = "ab"[digest & 1], digest >> 1 & 1
                mine = fold == world.fold and world.part in (None, part)
                if mine and row["ships"] == "yes":
                    yield row


def licences(clips: Iterator[dict[str, str]]) -> Counter[tuple[str, str]]:
    """How many clips of a kind stand under a licence: (kind, licence) -> number."""
    return Counter((row["kind"], row["licence"]) for row in clips)


def _affordable(drawn: list[Spec], world: World) -> Iterator[Spec]:
    left = world.seconds
    for spec in drawn:
        theme = 0.0 if spec["no_theme"] else spec["theme"]
        lasts = spec["episodes"] * (spec["body"] + theme + spec["credits"])
        if lasts > world.longest:
            continue
        left -= lasts
        if left < 0:
            return
        yield {**spec, "fold": world.fold, "ships": True}


def _last(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else "it says nothing"
