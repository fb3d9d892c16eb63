"""The CRF of two tags against the package pytorch-crf: time and digits, both in one run.

    python benchmarks/crf.py [--repeats 15]

One thread. The methods of a row take turns, so that other work on the machine meets all of them;
times are medians, and a ratio is the median of the ratios of neighbouring turns. Where the task is
one sequence, a turn is eight different ones, one call after the other. Exits with 1 if a
ratio is below its goal or the gradients of 3,600 rows differ by 1e-5 from those in float64.
"""

from __future__ import annotations

import argparse
import gc
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from statistics import median

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchcrf import CRF as Reference

from zastavka.crf import best_path, marginals
from zastavka.learn.crf import CRF

Work = Callable[[], object]
SEQUENCES = 8  # of a turn where a call takes one: a few microseconds alone would be noise


@dataclass(frozen=True)
class Row:
    task: str
    theirs_ms: float
    ours_ms: float
    ratio: float
    goal: float | None

    @property
    def reached(self) -> bool:
        return self.goal is None or self.ratio >= self.goal


def compare(task: str, theirs: Work, ours: Work, repeats: int, goal: float | None = None) -> Row:
    theirs(), ours()  # the first call pays for memory
    gc.collect()
    turns = [(seconds(theirs), seconds(ours)) for _ in range(repeats)]
    return Row(
        task,
        median(a for a, _ in turns) * 1e3,
        median(b for _, b in turns) * 1e3,
        median(a / b for a, b in turns),
        goal,
    )


def seconds(work: Work) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def pair() -> tuple[CRF, Reference]:
    """One chain in both, as training leaves it: both tags last."""
    ours, theirs = CRF(2), Reference(2, batch_first=True)
    with torch.no_grad():
        ours.transitions.copy_(torch.tensor([[2.0, -3.0], [-2.5, 2.0]]))
    theirs.load_state_dict(ours.state_dict())
    return ours, theirs


def draw(batch: int, rows: int, ragged: bool = False) -> tuple[Tensor, Tensor, Tensor]:
    """Emissions, tags, mask."""
    rng = torch.Generator().manual_seed(batch + rows)
    emissions = torch.randn(batch, rows, 2, generator=rng)
    tags = torch.randint(0, 2, (batch, rows), generator=rng)
    lengths = torch.full((batch,), rows)
    if ragged:
        lengths = torch.randint(rows // 2, rows + 1, (batch,), generator=rng)
        lengths[0] = rows
    return emissions.requires_grad_(), tags, torch.arange(rows) < lengths[:, None]


def learning(batch: int, rows: int, repeats: int, goal: float | None, ragged: bool = False) -> Row:
    ours, theirs = pair()
    emissions, tags, mask = draw(batch, rows, ragged)

    def work(chain: CRF | Reference) -> Work:
        def step() -> None:
            emissions.grad = None
            if isinstance(chain, CRF):
                loss = -chain(emissions, tags, mask).mean()
            else:
                loss = -chain(emissions, tags, mask, reduction="mean")
            loss.backward()

        return step

    kind = ", ragged" if ragged else ""
    return compare(
        f"likelihood and gradient, {batch} x {rows}{kind}", work(theirs), work(ours), repeats, goal
    )


def answering(batch: int, rows: int, repeats: int, goal: float | None, ragged: bool = False) -> Row:
    ours, theirs = pair()
    emissions, _, mask = draw(batch, rows, ragged)
    emissions = emissions.detach()
    kind = ", ragged" if ragged else ""
    return compare(
        f"best path, {batch} x {rows}{kind}",
        lambda: theirs.decode(emissions, mask),
        lambda: ours.best_path(emissions, mask),
        repeats,
        goal,
    )


def one_by_one(
    task: str,
    theirs: Callable[[Tensor, Tensor], object],
    ours: Callable[[NDArray[np.float32]], object],
    rows: int,
    repeats: int,
    goal: float | None = None,
) -> Row:
    emissions, _, mask = draw(SEQUENCES, rows)
    tensors = emissions.detach()[:, None].unbind()
    arrays = [tensor[0].numpy() for tensor in tensors]
    row = compare(
        f"{task}, one sequence of {rows}, numpy",
        lambda: [theirs(tensor, mask[:1]) for tensor in tensors],
        lambda: [ours(array) for array in arrays],
        repeats,
        goal,
    )
    return replace(row, theirs_ms=row.theirs_ms / SEQUENCES, ours_ms=row.ours_ms / SEQUENCES)


def answering_one(rows: int, repeats: int, goal: float) -> Row:
    ours, theirs = pair()
    chain = ours.weights()
    return one_by_one(
        "best path", theirs.decode, lambda array: best_path(array, chain), rows, repeats, goal
    )


def marginals_of_one(rows: int, repeats: int) -> Row:
    """pytorch-crf has none: the gradient of its log-partition gives them."""
    ours, theirs = pair()
    chain = ours.weights()

    def by_gradient(emissions: Tensor, mask: Tensor) -> Tensor:
        x = emissions.requires_grad_()
        sums = theirs._compute_normalizer(x.transpose(0, 1), mask.T)
        return torch.autograd.grad(sums.sum(), x)[0]

    return one_by_one(
        "marginals", by_gradient, lambda array: marginals(array, chain), rows, repeats
    )


def digits(rows: int) -> tuple[float, float]:
    """Largest error of a float32 gradient by emissions, against float64: theirs and ours."""
    ours, theirs = pair()
    emissions, tags, mask = draw(8, rows)

    def slope(chain: CRF | Reference, dtype: torch.dtype) -> Tensor:
        chain = chain.to(dtype)
        x = emissions.detach().to(dtype).requires_grad_()
        sums = chain(x, tags, mask) if isinstance(chain, CRF) else _each(chain, x, tags, mask)
        return torch.autograd.grad(sums.sum(), x)[0].double()

    low = slope(theirs, torch.float32), slope(ours, torch.float32)
    exact = slope(theirs, torch.float64)
    return float((low[0] - exact).abs().max()), float((low[1] - exact).abs().max())


def _each(chain: Reference, emissions: Tensor, tags: Tensor, mask: Tensor) -> Tensor:
    likelihoods: Tensor = chain(emissions, tags, mask, reduction="none")
    return likelihoods


def paths_agree() -> float:
    """Share of sequences whose best path scores what pytorch-crf's scores, in float64."""
    ours, theirs = pair()
    emissions, _, mask = draw(64, 600, ragged=True)
    wide = emissions.detach().double()
    theirs.double()
    found = _padded(ours.best_path(emissions, mask), mask)
    known = _padded(theirs.decode(wide, mask), mask)
    ours_score, their_score = (_each(theirs, wide, path, mask).detach() for path in (found, known))
    return float(torch.isclose(ours_score, their_score, rtol=1e-12, atol=1e-9).double().mean())


def _padded(paths: list[list[int]], mask: Tensor) -> Tensor:
    tags = torch.zeros_like(mask, dtype=torch.long)
    tags[mask] = torch.tensor([tag for path in paths for tag in path])
    return tags


def table(rows: list[Row]) -> str:
    lines = [
        "| two tags, float32, 1 thread | pytorch-crf, ms | here, ms | times as fast | goal |",
        "|---|---|---|---|---|",
    ]
    for row in rows:
        goal = f"{row.goal:g}" if row.goal else ""
        lines.append(
            f"| {row.task} | {row.theirs_ms:.3g} | {row.ours_ms:.3g} | {row.ratio:.1f} | {goal} |"
        )
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=15, help="turns of each method")
    n = parser.parse_args().repeats
    torch.set_num_threads(1)
    warnings.simplefilter("error")
    rows = [
        learning(64, 60, n, None),
        learning(64, 600, n, 10.0),
        learning(64, 600, n, None, ragged=True),
        learning(64, 3600, max(1, n // 5), None),
        learning(1, 600, n, None),
        answering(64, 60, n, None),
        answering(64, 600, n, 18.0),
        answering(64, 600, n, None, ragged=True),
        answering_one(60, 4 * n, 50.0),
        answering_one(600, n, 50.0),
        marginals_of_one(600, n),
    ]
    print(table(rows))
    lengths = (60, 600, 3600)
    errors = [digits(length) for length in lengths]
    print("\n| largest error of the gradient, float32 | pytorch-crf | here | goal |")
    print("|---|---|---|---|")
    for length, (theirs, ours) in zip(lengths, errors, strict=True):
        print(f"| 8 x {length} | {theirs:.0e} | {ours:.0e} | {'1e-05' if length == 3600 else ''} |")
    agree = paths_agree()
    print(f"\nBest paths of 64 ragged sequences that score the same in both: {agree:.0%}.")
    reached = all(row.reached for row in rows) and errors[-1][1] < 1e-5 and agree == 1.0
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(main())
