"""What a child of the server runs: `python -m zastavka.web.work`, tasks in, answers out.

Each line of standard input is a task, and ends in one line that says "done" or "failed". Work of
low priority leaves the processor to whoever waits for an answer.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from time import monotonic
from typing import Any

from zastavka.errors import RequestError, ZastavkaError
from zastavka.media import open_only
from zastavka.web.problems import as_row
from zastavka.web.roots import shown

Progress = Callable[[float, str, str], None]
Task = Callable[[dict[str, Any], Progress], dict[str, Any]]

_PACE = 0.1  # seconds between two lines of progress
_PRIORITY = {"--low": (19, 5), "--behind": (10, 0)}  # nobody waits for it; somebody does
_LIMITS = {
    "--sandbox": {"DATA": 3 << 29, "CPU": 60, "NOFILE": 64, "FSIZE": 0, "CORE": 0},
    "--bounded": {"DATA": 4 << 30, "NOFILE": 256, "CORE": 0},
    "--low": {"DATA": 8 << 30, "CORE": 0},
    "--behind": {"DATA": 8 << 30, "CORE": 0},
}  # by what a child is started with


def main(words: list[str]) -> None:
    """Do the tasks that come in, until no more can come."""
    for word, limits in _LIMITS.items():
        if word in words:
            _confine(limits)
    for word, (nice, session) in _PRIORITY.items():
        if word in words:
            _step_back(nice, session)
    open_only()
    tasks: SimpleQueue[dict[str, Any]] = SimpleQueue()
    threading.Thread(target=_listen, args=(tasks,), daemon=True).start()
    while True:
        _say(_done(tasks.get()))


def _done(spec: dict[str, Any]) -> dict[str, Any]:
    try:
        return {"done": _task(spec["do"])(spec, _teller())}
    except ZastavkaError as error:
        return {"failed": json.loads(as_row(error))}
    except MemoryError:
        fault = RequestError(503, "There was not enough memory for it.", "Try with less.")
    except Exception:
        fault = RequestError(503, "The work broke off.", "Try again; the file may be damaged.")
    return {"failed": json.loads(as_row(fault))}


def _task(kind: str) -> Task:
    if kind in ("scan", "detect"):
        from zastavka.web import answering

        return {"scan": answering.scan, "detect": answering.detect}[kind]
    if kind in ("check", "digest"):
        from zastavka.web import check

        return {"check": check.check, "digest": check.digest}[kind]
    if kind in ("media", "proxy"):
        from zastavka.web import proxy

        return {"media": proxy.media, "proxy": proxy.proxy}[kind]
    if kind in ("download", "beside"):
        from zastavka.web import exports

        return {"download": exports.download, "beside": exports.beside}[kind]
    return _look(kind)


def _look(kind: str) -> Task:
    if kind == "strip":
        from zastavka.web import strip

        return strip.strip
    if kind == "peaks":
        from zastavka.web import peaks

        return peaks.peaks
    if kind == "curves":
        from zastavka.web import curves

        return curves.curves
    raise ValueError(kind)


def _teller() -> Progress:
    last = -1.0

    def tell(share: float, stage: str, file: str) -> None:
        nonlocal last
        if (now := monotonic()) - last >= _PACE:
            last = now
            _say({"progress": round(share, 4), "stage": stage, "file": shown(file)})

    return tell


def _say(message: dict[str, Any]) -> None:
    data = json.dumps(message).encode() + b"\n"
    while data:
        data = data[os.write(1, data) :]


def _listen(tasks: SimpleQueue[dict[str, Any]]) -> None:
    for line in sys.stdin.buffer:
        tasks.put(json.loads(line))
    os._exit(0)  # whatever is being done: nobody waits for it any more


def _step_back(nice: int, session: int) -> None:
    """Leave the processor to others, as far as that: 0 for not at all, 19 for wholly."""
    with suppress(OSError, AttributeError):
        os.nice(nice)
    # Linux shares the processor between sessions first, and this process has one of its own
    with suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(session), encoding="ascii")


def _confine(limits: dict[str, int]) -> None:
    """Take from this process what looking at a stranger's file does not need."""
    import resource

    for name, most in limits.items():
        resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (most, most))


if __name__ == "__main__":
    main(sys.argv[1:])
