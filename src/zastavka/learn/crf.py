"""A linear-chain CRF in torch: the likelihood to train by; its best path is that of `zastavka.crf`.

Two tags have a path of their own, all rows at once: the chain is a product of 2 x 2 matrices, hence
a scan over pairs (Blelloch 1990) of log2(t) levels. What it scans is the odds of tag 1 given all
later rows, z. With them a path's likelihood is a product of plain logistic steps, and the marginals
follow from a scan of affine maps; no large numbers are ever subtracted, and float64 inside keeps
the gradients of 3,600 rows exact where a sum of logs in float32 loses two digits and more.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from zastavka.crf import DECIDED, TAME, CRFWeights, best_paths


class CRF(nn.Module):
    """Scores of a chain of tags; `transitions[from, to]`."""

    def __init__(self, num_tags: int) -> None:
        super().__init__()
        self.transitions = nn.Parameter(torch.empty(num_tags, num_tags).uniform_(-0.1, 0.1))
        self.start_transitions = nn.Parameter(torch.empty(num_tags).uniform_(-0.1, 0.1))
        self.end_transitions = nn.Parameter(torch.empty(num_tags).uniform_(-0.1, 0.1))

    def forward(self, emissions: Tensor, tags: Tensor, mask: Tensor | None = None) -> Tensor:
        """The same as `log_likelihood`."""
        return self.log_likelihood(emissions, tags, mask)

    def log_likelihood(self, emissions: Tensor, tags: Tensor, mask: Tensor | None = None) -> Tensor:
        """Log-probability of `tags` (b, t) given emissions (b, t, k): shape (b,).

        `mask` (b, t) is True at real rows; padding stands at the end only, else ValueError.
        """
        _check(emissions, self.start_transitions, tags, mask)
        chain = (self.transitions, self.start_transitions, self.end_transitions)
        # steps that are as good as forbidden would underflow in the scan of odds
        if len(self.start_transitions) == 2 and bool(self.transitions.abs().max() < TAME):
            likelihood: Tensor = _TwoTags.apply(emissions, *chain, tags, mask)  # type: ignore[no-untyped-call]
            return likelihood
        likelihood = _log_likelihood_of_any(emissions, chain, tags, mask)
        return likelihood.to(self.transitions.dtype)

    @torch.no_grad()
    def best_path(self, emissions: Tensor, mask: Tensor | None = None) -> list[list[int]]:
        """The tags of highest score of each sequence, without its padding."""
        _check(emissions, self.start_transitions, None, mask)
        real = None if mask is None else mask.cpu().numpy()
        paths = best_paths(emissions.double().cpu().numpy(), self.weights(), real)
        lengths = [paths.shape[1]] * len(paths) if real is None else real.sum(axis=1).tolist()
        return [path[:n].tolist() for path, n in zip(paths, lengths, strict=True)]

    @torch.no_grad()
    def weights(self) -> CRFWeights:
        """These scores for `zastavka.crf`, which answers without torch."""
        return CRFWeights(
            self.transitions.double().cpu().numpy(),
            self.start_transitions.double().cpu().numpy(),
            self.end_transitions.double().cpu().numpy(),
        )


def _check(emissions: Tensor, start: Tensor, tags: Tensor | None, mask: Tensor | None) -> None:
    shape = emissions.shape[:2]
    found = f"for emissions {tuple(emissions.shape)}"
    if emissions.ndim != 3 or emissions.shape[2] != len(start) or shape[1] < 1:
        raise ValueError(f"a CRF of {len(start)} tags {found}")
    if mask is not None:
        if mask.shape != shape or mask.dtype != torch.bool:
            raise ValueError(f"mask {tuple(mask.shape)} of {mask.dtype} {found}")
        if not bool(mask[:, 0].all() & (mask[:, 1:] <= mask[:, :-1]).all()):
            raise ValueError("a mask must be True from the first row, and False only at the end")
    if tags is not None:
        if tags.shape != shape:
            raise ValueError(f"tags {tuple(tags.shape)} {found}")
        wrong = (tags < 0) | (tags >= len(start))
        if bool((wrong if mask is None else wrong & mask).any()):
            raise ValueError(f"tags must be 0..{len(start) - 1}")


def _log_likelihood_of_any(
    emissions: Tensor, chain: tuple[Tensor, Tensor, Tensor], tags: Tensor, mask: Tensor | None
) -> Tensor:
    emissions = emissions.double()
    transitions, start, end = (scores.double() for scores in chain)
    if mask is None:
        mask = torch.ones_like(tags, dtype=torch.bool)
    # NaN in the padding would reach the gradients even where it is not chosen
    emissions = emissions.masked_fill(~mask[:, :, None], 0)
    tags = tags.masked_fill(~mask, 0)
    last = tags.gather(1, mask.sum(1, keepdim=True) - 1).squeeze(1)
    rows = emissions.gather(2, tags[:, :, None]).squeeze(2)
    steps = transitions[tags[:, :-1], tags[:, 1:]]
    score = start[tags[:, 0]] + end[last]
    score = score + rows.sum(1) + torch.where(mask[:, 1:], steps, 0).sum(1)
    sums = start + emissions[:, 0]
    for t in range(1, emissions.shape[1]):
        new = torch.logsumexp(sums[:, :, None] + transitions, dim=1) + emissions[:, t]
        sums = torch.where(mask[:, t, None], new, sums)
    return score - torch.logsumexp(sums + end, dim=1)


class _TwoTags(torch.autograd.Function):
    """Log-likelihood of two tags with its gradients, both from one pass over the rows."""

    @staticmethod
    def forward(
        ctx: Any,
        emissions: Tensor,
        transitions: Tensor,
        start: Tensor,
        end: Tensor,
        tags: Tensor,
        mask: Tensor | None,
    ) -> Tensor:
        # inside, time comes first: a row of the batch is contiguous
        chosen = tags.T.contiguous() == 1
        real = None if mask is None else mask.T.contiguous()
        ends = _ends(chosen, real)
        steps = transitions.double()
        begin, finish = (start[1] - start[0]).double(), (end[1] - end[0]).double()
        odds = _log_odds(emissions, real)
        odds[ends] += finish
        odds += _scan_back(odds, steps, ends)  # now given all later rows too
        gain = steps[:, 1] - steps[:, 0]
        ways = odds + gain[:, None, None]  # (2, t, b): log-odds of tag 1, coming from tag 0 or 1
        ways[:, 0] = odds[0] + begin
        way = torch.where(chosen[:-1], ways[1, 1:], ways[0, 1:])
        way = torch.cat((ways[0, :1], way))
        terms = F.logsigmoid(torch.where(chosen, way, -way))
        if real is not None:
            terms = terms.where(real, 0)
        if any(ctx.needs_input_grad):
            ctx.save_for_backward(*_gradients(ways.sigmoid_(), chosen, real, ends))
            ctx.dtypes = emissions.dtype, transitions.dtype
        return terms.sum(0).to(transitions.dtype)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients times those of the likelihoods (b,)."""
        rest, pairs, last = ctx.saved_tensors
        emission_type, weight_type = ctx.dtypes
        grad = grad.double()
        rows = rest * grad
        emissions = torch.stack((-rows, rows), dim=-1).transpose(0, 1).to(emission_type)
        transitions = (pairs @ grad).view(2, 2).to(weight_type)
        first, final = rows[0].sum(), last @ grad
        start = torch.stack((-first, first)).to(weight_type)
        end = torch.stack((-final, final)).to(weight_type)
        return emissions, transitions, start, end, None, None


def _ends(chosen: Tensor, real: Tensor | None) -> tuple[Tensor, Tensor]:
    """Where the last row of each sequence is, as indices into (t, b)."""
    t, b = chosen.shape
    every = torch.arange(b, device=chosen.device)
    return torch.full_like(every, t - 1) if real is None else real.sum(0) - 1, every


def _log_odds(emissions: Tensor, real: Tensor | None) -> Tensor:
    """Log-odds of tag 1 by the row alone: (t, b)."""
    wide = emissions.double()
    odds = (wide[..., 1] - wide[..., 0]).T.contiguous()
    return odds if real is None else odds.where(real, 0)


def _scan_back(odds: Tensor, steps: Tensor, ends: tuple[Tensor, Tensor]) -> Tensor:
    """Log-odds that the later rows give tag 1 at each row: (t, b), 0 at the last one."""
    weights = (steps - steps.max()).exp()[:, :, None, None]
    backwards = torch.arange(len(odds) - 1, -1, -1, device=odds.device)
    rows = odds.clamp(-DECIDED, DECIDED).exp_()[backwards]
    maps = torch.empty(2, 2, *odds.shape, dtype=odds.dtype, device=odds.device)
    maps[:, 0] = weights[:, 0]
    torch.mul(weights[:, 1], rows, out=maps[:, 1])
    # the map of a last row takes no notice of the padding behind it
    final = (slice(None), slice(None), len(odds) - 1 - ends[0], ends[1])
    maps[final] = torch.stack((maps[final].sum(1), torch.zeros_like(maps[final][0])), dim=1)
    ratios = _scan(maps, _compose_ratios, _apply_ratio, torch.ones_like(odds[:1]))
    later = ratios.log_()[backwards].roll(-1, 0)
    later[ends] = 0
    return later


def _gradients(
    ways: Tensor, chosen: Tensor, real: Tensor | None, ends: tuple[Tensor, Tensor]
) -> tuple[Tensor, Tensor, Tensor]:
    """Derivatives of each log-likelihood, by rows (t, b), by steps (4, b), by end (b,), of tag 1.

    Those of tag 0 have the other sign. `ways` (2, t, b): the chance of tag 1 after tag 0 and 1.
    """
    maps = torch.stack((ways[0], ways[1] - ways[0]))
    chance = _scan(maps, _compose_affine, _apply_affine, torch.zeros_like(ways[0, :1]))
    truth = chosen.to(chance.dtype)
    rest = truth - chance
    both = truth[:-1] * truth[1:] - chance[:-1] * ways[1, 1:]
    if real is not None:
        rest = rest.where(real, 0)
        both = both.where(real[1:], 0)
    stay, last = both.sum(0), rest[ends]
    before = rest.sum(0) - last  # of the rows that a step leaves, and that it enters
    after = rest[1:].sum(0)
    pairs = torch.stack((stay - before - after, after - stay, before - stay, stay))
    return rest, pairs, last


def _scan(
    maps: Tensor,
    compose: Callable[[Tensor, Tensor], Tensor],
    apply: Callable[[Tensor, Tensor], Tensor],
    first: Tensor,
) -> Tensor:
    """x[i] = maps[i](x[i - 1]) with x[-1] = first: maps (..., n, b) -> (n, b)."""
    n = maps.shape[-2]
    if n <= 1:
        return apply(maps, first[:n])
    evens = maps[..., 0::2, :]
    later = _scan(
        compose(maps[..., 1::2, :], evens[..., : n // 2, :]), compose, apply, first
    )  # x[1], x[3], ...
    out = torch.empty_like(maps[(0,) * (maps.ndim - 2)])
    out[1::2] = later
    out[0::2] = apply(evens, torch.cat((first, later[: (n - 1) // 2])))
    return out


def _compose_ratios(outer: Tensor, inner: Tensor) -> Tensor:
    product = outer[:, :1] * inner[:1]
    product.addcmul_(outer[:, 1:], inner[1:])
    # the scale of a map is free; without this it would run out of range
    return product.div_(product.sum(dim=(0, 1)))


def _apply_ratio(maps: Tensor, x: Tensor) -> Tensor:
    parts = torch.addcmul(maps[:, 0], maps[:, 1], x)
    return parts[1].div_(parts[0])


def _compose_affine(outer: Tensor, inner: Tensor) -> Tensor:
    product = outer[1] * inner
    product[0] += outer[0]
    return product


def _apply_affine(maps: Tensor, x: Tensor) -> Tensor:
    return torch.addcmul(maps[0], maps[1], x)
