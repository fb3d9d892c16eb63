"""Networks of rows in, a score per tag and row out, and the CRF to train them by.

`IntroDetectionTransformer`: an encoder of Vaswani et al. (2017) over learned positions. The names
of its parameters are those of the prototype, so that an old checkpoint fits; what the prototype did
not have is off by default. `IntroDetectionLSTM`: a bidirectional LSTM in its place, as Huang et al.
(2015) tag sequences. `network_of` makes the one that a recipe names.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from zastavka.learn.crf import CRF
from zastavka.options import NetworkOptions

_KERNEL = 5  # rows a convolution sees, `dilation` apart


class Tagger(nn.Module):
    """What the networks share: what comes before them and after them."""

    class_weights: Tensor | None

    def __init__(
        self, window_rows: int, num_labels: int, class_weights: Sequence[float] | Tensor | None
    ) -> None:
        super().__init__()
        self.window_rows = window_rows
        weights = None if class_weights is None else torch.as_tensor(class_weights).float()
        if weights is not None and weights.shape != (num_labels,):
            raise ValueError(f"class_weights {tuple(weights.shape)} for {num_labels} labels")
        self.register_buffer("class_weights", weights)

    def _make_entry(
        self, d_model: int, in_features: int | None, conv_layers: int, dropout: float
    ) -> None:
        self.in_features = d_model if in_features is None else in_features
        self.project = None if in_features is None else nn.Linear(in_features, d_model)
        self.norm = None if in_features is None else nn.LayerNorm(d_model)
        self.convolutions = nn.ModuleList(
            _Convolution(d_model, dilation=2**i, dropout=dropout) for i in range(conv_layers)
        )

    def _make_exit(self, d_model: int, num_labels: int) -> None:
        self.classifier = nn.Linear(d_model, num_labels)
        self.crf = CRF(num_labels)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Emissions (b, t, tags) of rows `x` (b, t, in_features); `mask` (b, t): True = a real row.

        What stands in padded rows, NaN too, has no effect. ValueError: more than `window_rows`.
        """
        if x.shape[1] > self.window_rows:
            raise ValueError(
                f"{x.shape[1]} rows are more than the {self.window_rows} positions of this network"
            )
        padded = None if mask is None else ~mask
        if padded is not None:
            x = x.masked_fill(padded[:, :, None], 0.0)
        if self.project is not None and self.norm is not None:
            x = self.norm(self.project(x))
        for convolution in self.convolutions:
            x = convolution(x, padded)
        logits: Tensor = self.classifier(self.read(x, padded))
        return logits if self.class_weights is None else logits * self.class_weights

    def read(self, x: Tensor, padded: Tensor | None) -> Tensor:
        """Rows (b, t, d_model) in the light of all the others; `padded` (b, t): True = no row."""
        raise NotImplementedError

    def loss(self, x: Tensor, tags: Tensor, mask: Tensor | None = None) -> Tensor:
        """Mean over the sequences of the negative log-likelihood of `tags` (b, t), in nats."""
        likelihood: Tensor = self.crf(self(x, mask), tags, mask)
        return -likelihood.mean()

    def decode(self, x: Tensor, mask: Tensor | None = None) -> list[list[int]]:
        """The best path of each sequence, without its padding."""
        return self.crf.best_path(self(x, mask), mask)


class IntroDetectionTransformer(Tagger):
    """Emissions for at most `window_rows` rows of features.

    `class_weights`: a factor on the logit of each tag, in training and in answering alike.
    `attention_dropout`: None = as `dropout`, which is the prototype's.
    `in_features`: features of this width are mapped to `d_model` first; None = they are that wide.
    """

    def __init__(
        self,
        d_model: int = 768,
        n_heads: int = 8,
        n_layers: int = 4,
        num_labels: int = 2,
        class_weights: Sequence[float] | Tensor | None = None,
        *,
        feedforward: int = 2048,
        dropout: float = 0.1,
        attention_dropout: float | None = None,
        window_rows: int = 60,
        in_features: int | None = None,
        conv_layers: int = 0,
    ) -> None:
        super().__init__(window_rows, num_labels, class_weights)
        if d_model % n_heads:
            raise ValueError(f"d_model {d_model} is no multiple of n_heads {n_heads}")
        self.d_model, self.n_heads, self.feedforward = d_model, n_heads, feedforward
        self._make_entry(d_model, in_features, conv_layers, dropout)
        self.pos_encoding = nn.Parameter(torch.zeros(1, window_rows, d_model))
        layer = nn.TransformerEncoderLayer(
            d_model, n_heads, dim_feedforward=feedforward, dropout=dropout, batch_first=True
        )
        if attention_dropout is not None:
            # without it attention runs fused: 2.3 times as fast a step at 8 x 600 rows
            layer.self_attn.dropout = attention_dropout
        self.transformer = nn.TransformerEncoder(layer, n_layers, enable_nested_tensor=False)
        self._make_exit(d_model, num_labels)

    def read(self, x: Tensor, padded: Tensor | None) -> Tensor:
        """Each row attends to all of them."""
        x = x + self.pos_encoding[:, : x.shape[1]]
        if padded is not None:
            # a sequence without one real row attends to all of them: NaN would spoil its batch
            padded = padded & ~padded.all(dim=1, keepdim=True)
        out: Tensor = self.transformer(x, src_key_padding_mask=padded)
        return out


class IntroDetectionLSTM(Tagger):
    """Emissions by `n_layers` of two LSTMs each, one forwards and one backwards, half as wide."""

    def __init__(
        self,
        d_model: int,
        n_layers: int,
        num_labels: int = 2,
        class_weights: Sequence[float] | Tensor | None = None,
        *,
        dropout: float = 0.1,
        window_rows: int = 60,
        in_features: int | None = None,
        conv_layers: int = 0,
    ) -> None:
        super().__init__(window_rows, num_labels, class_weights)
        if d_model % 2:
            raise ValueError(f"d_model {d_model} can't be halved for two directions")
        self._make_entry(d_model, in_features, conv_layers, dropout)
        half = d_model // 2
        self.forwards, self.backwards = (
            nn.ModuleList(nn.LSTM(d_model, half, batch_first=True) for _ in range(n_layers))
            for _ in range(2)
        )
        self.dropout = nn.Dropout(dropout)
        self._make_exit(d_model, num_labels)

    def read(self, x: Tensor, padded: Tensor | None) -> Tensor:
        """Each row in the light of those before it and those after it."""
        back = _reversal(x, padded)
        for one, other in zip(self.forwards, self.backwards, strict=True):
            x = self.dropout(x)
            past = one(x)[0]
            # a reversed sequence keeps its padding at the end, so that both begin at a real row
            future = _reordered(other(_reordered(x, back))[0], back)
            x = torch.cat((past, future), dim=2)
        out: Tensor = self.dropout(x)
        return out


def _reversal(x: Tensor, padded: Tensor | None) -> Tensor:
    """The row that stands in place of each one when the real ones are read backwards, (b, t)."""
    here = torch.arange(x.shape[1], device=x.device).expand(x.shape[:2])
    if padded is None:
        return here.flip(1)
    last = (~padded).sum(1, keepdim=True) - 1
    return torch.where(padded, here, last - here)


def _reordered(x: Tensor, order: Tensor) -> Tensor:
    rows: Tensor = x.gather(1, order[:, :, None].expand(-1, -1, x.shape[2]))
    return rows


def network_of(
    options: NetworkOptions,
    in_features: int,
    class_weights: Sequence[float] | Tensor | None = None,
) -> Tagger:
    """The network of a recipe, for features of this width."""
    project = options.inputs == "all" or in_features != options.d_model
    wide = in_features if project else None
    if options.kind == "lstm":
        return IntroDetectionLSTM(
            options.d_model,
            options.n_layers,
            class_weights=class_weights,
            dropout=options.dropout,
            window_rows=options.window_rows,
            in_features=wide,
            conv_layers=options.conv_layers,
        )
    return IntroDetectionTransformer(
        options.d_model,
        options.n_heads,
        options.n_layers,
        class_weights=class_weights,
        feedforward=options.feedforward,
        dropout=options.dropout,
        attention_dropout=options.attention_dropout,
        window_rows=options.window_rows,
        in_features=wide,
        conv_layers=options.conv_layers,
    )


class _Convolution(nn.Module):
    """x + a depthwise-separable convolution of it over time (Chollet 2017), dilated (Yu 2016)."""

    def __init__(self, width: int, dilation: int, dropout: float) -> None:
        super().__init__()
        reach = dilation * (_KERNEL // 2)
        self.norm = nn.LayerNorm(width)
        self.depthwise = nn.Conv1d(
            width, width, _KERNEL, padding=reach, dilation=dilation, groups=width
        )
        self.pointwise = nn.Linear(width, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, padded: Tensor | None) -> Tensor:
        """Rows (b, t, width) to rows; beyond the last real row stands silence, as at the end."""
        inner = self.norm(x)
        if padded is not None:
            inner = inner.masked_fill(padded[:, :, None], 0.0)
        inner = self.depthwise(inner.transpose(1, 2)).transpose(1, 2)
        out: Tensor = x + self.dropout(self.pointwise(F.gelu(inner)))
        return out
