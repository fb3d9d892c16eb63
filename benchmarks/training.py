"""What a training step costs: the head beside the prototype's plain loop, and tuning an encoder.

    python benchmarks/training.py                                    # the two loops, alternating
    python benchmarks/training.py --device cpu --encoder tiny        # one tuning step
    python benchmarks/training.py --device cuda --encoder vit-l14    # the same at full size

The head is the prototype's: 768 wide, 12 heads, 6 layers, batch 16 x 60 rows. Its plain loop is
fp32, attention with dropout of its weights, and a CRF that goes row by row under autograd. Weights
of encoders are random, which changes no time.
"""

from __future__ import annotations

import argparse
import importlib
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from torch import Tensor

from zastavka.config import BASELINE
from zastavka.learn.crf import _log_likelihood_of_any
from zastavka.learn.network import Tagger, network_of
from zastavka.learn.steps import autocast, optimizer_of, use_bf16

CPU = torch.device("cpu")
Batch = tuple[Tensor, Tensor]


def batches(n: int, seed: int = 0) -> list[Batch]:
    """Rows of noise in which a direction tells the tag."""
    rng = np.random.default_rng(seed)
    mark = rng.normal(0, 1, 768)
    found = []
    for _ in range(n):
        labels = np.zeros((16, 60), np.int64)
        for row in labels:
            first = int(rng.integers(0, 48))
            row[first : first + 12] = 1
        rows = rng.normal(0, 1, (16, 60, 768)) + labels[..., None] * mark * 0.15
        rows /= np.linalg.norm(rows, axis=-1, keepdims=True)
        found.append((torch.from_numpy(rows).float(), torch.from_numpy(labels)))
    return found


def plain() -> Callable[[Batch], float]:
    """The prototype's loop."""
    torch.manual_seed(1)
    network = network_of(BASELINE.network, 768, (1.0, 2.0)).train()
    optimizer = torch.optim.Adam(network.parameters(), lr=3e-5, weight_decay=1e-5)

    def step(batch: Batch) -> float:
        optimizer.zero_grad()
        crf = network.crf
        chain = (crf.transitions, crf.start_transitions, crf.end_transitions)
        loss = -_log_likelihood_of_any(network(batch[0]), chain, batch[1], None).mean()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        return float(loss.detach())

    return step


def ours(precision: str, attention_dropout: float) -> Callable[[Batch], float]:
    """What `zastavka train` does in a step."""
    torch.manual_seed(1)
    options = BASELINE.network.model_copy(update={"attention_dropout": attention_dropout})
    network: Tagger = network_of(options, 768, (1.0, 2.0)).train()
    optimizer = optimizer_of(network.parameters(), BASELINE.train)
    bf16 = use_bf16(precision, 768, CPU)

    def step(batch: Batch) -> float:
        optimizer.zero_grad()
        with autocast(CPU, bf16):
            emissions = network(batch[0])
        loss = -network.crf.log_likelihood(emissions.float(), batch[1]).mean()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        return float(loss.detach())

    return step


def heads(steps: int) -> None:
    loops = {
        "plain fp32": plain(),
        "ours fp32": ours("fp32", 0.1),
        "ours bf16 (auto here)" if use_bf16("auto", 768, CPU) else "ours bf16": ours("bf16", 0.1),
        "ours bf16, no dropout of attention": ours("bf16", 0.0),
    }
    seconds: dict[str, list[float]] = {name: [] for name in loops}
    losses: dict[str, list[float]] = {name: [] for name in loops}
    for batch in batches(steps):
        for name, step in loops.items():
            began = time.perf_counter()
            losses[name].append(step(batch))
            seconds[name].append(time.perf_counter() - began)
    base = np.array(seconds["plain fp32"][2:])
    print(f"{torch.get_num_threads()} threads, {steps} steps of each, alternating")
    for name in loops:
        ratio = median(base / np.array(seconds[name][2:]))
        last = np.array(losses[name][-10:])
        print(
            f"{name:36} {median(seconds[name][2:]):.3f} s a step, {ratio:.2f} x;"
            f" loss {losses[name][0]:.2f} -> {last.mean():.2f} +- {last.std():.2f}"
        )


def encoder_folder(name: str, folder: Path) -> Path:
    """A CLIP of this size with random weights."""
    theirs: Any = importlib.import_module("transformers")  # its annotations are partial
    sizes: dict[str, dict[str, Any]] = {
        "tiny": {"hidden_size": 48, "intermediate_size": 96, "num_hidden_layers": 2,
                 "num_attention_heads": 4, "image_size": 32, "patch_size": 8},
        "vit-l14": {"hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 24,
                    "num_attention_heads": 16, "image_size": 224, "patch_size": 14},
    }  # fmt: skip
    vision = theirs.CLIPVisionConfig(**sizes[name], projection_dim=768)
    edge = {"height": vision.image_size, "width": vision.image_size}
    kind = getattr(theirs, "CLIPImageProcessorPil", None) or theirs.CLIPImageProcessor
    theirs.CLIPVisionModelWithProjection(vision).save_pretrained(folder)
    kind(size={"shortest_edge": vision.image_size}, crop_size=edge).save_pretrained(folder)
    return folder


def tuning(name: str, device: str, work: Path) -> None:
    """An epoch of tuning over one composed series: pictures a second, and memory at its peak."""
    from zastavka.compose import SeriesSpec, compose_series
    from zastavka.learn.finetune import finetune
    from zastavka.learn.record import Epoch
    from zastavka.learn.run import Step

    spec = SeriesSpec(name="Bench", seed=1, episodes=1, body=100, theme=15, fps=2, size=(96, 54))
    truth = compose_series(spec, work / "videos")
    encoder = encoder_folder(name, work / name)
    config = BASELINE.override(
        {
            "extract": {"encoder": str(encoder)},
            "train": {"epochs": 1, "batch": 1, "validation": 0.0, "keep_negative": 1.0,
                      "oversample": None},
            "finetune": {"pictures": 60 if device == "cuda" else 8},
        },
        "benchmark",
    )  # fmt: skip
    marks = [time.perf_counter()]

    def watch(event: object) -> None:
        if isinstance(event, Step):
            marks.append(time.perf_counter())
        if isinstance(event, Epoch):
            print(f"epoch: {event.seconds:.2f} s, loss {event.loss:.2f}")

    finetune(truth, config, work / "tuned", device=device, progress=watch)
    steps = np.diff(marks)[1:]  # the first one reads the checkpoint too
    middle = float(np.median(steps))
    print(f"{name} on {device}: {middle:.2f} s a step, {60 / middle:.1f} pictures/s")
    if device == "cuda":
        print(f"peak memory: {torch.cuda.max_memory_allocated() / 2**30:.2f} GiB of the card")
    else:
        print(f"peak memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GiB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--encoder", choices=["tiny", "vit-l14"])
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--steps", type=int, default=30)
    asked = parser.parse_args()
    if asked.encoder is None:
        heads(asked.steps)
        return
    with tempfile.TemporaryDirectory() as work:
        tuning(asked.encoder, asked.device, Path(work))


if __name__ == "__main__":
    main()
