"""The network: names of its parameters, padding, lengths, weights of classes, what it can learn."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from zastavka.config import BASELINE, DEFAULT
from zastavka.learn.network import (
    IntroDetectionLSTM,
    IntroDetectionTransformer,
    Tagger,
    network_of,
)
from zastavka.options import NetworkOptions

KINDS: dict[str, Tagger] = {
    "prototype": IntroDetectionTransformer(24, 3, 2, window_rows=40),
    "projected": IntroDetectionTransformer(16, 2, 1, in_features=24, window_rows=40),
    "convolved": IntroDetectionTransformer(
        16, 2, 2, class_weights=(1.0, 2.0), in_features=24, conv_layers=3, window_rows=40
    ),
    "lstm": IntroDetectionLSTM(24, 2, window_rows=40),
    "lstm-convolved": IntroDetectionLSTM(
        16, 1, class_weights=(1.0, 2.0), in_features=24, conv_layers=2, window_rows=40
    ),
}


@pytest.fixture(params=KINDS)
def network(request: pytest.FixtureRequest) -> Tagger:
    return KINDS[request.param].eval()


def some_rows(b: int, t: int, width: int = 24, seed: int = 0) -> Tensor:
    return torch.randn(b, t, width, generator=torch.Generator().manual_seed(seed))


def right_padding(lengths: list[int]) -> Tensor:
    return torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]


def test_names_and_shapes_are_those_of_the_prototype() -> None:
    layer = {
        "self_attn.in_proj_weight": (72, 24),
        "self_attn.in_proj_bias": (72,),
        "self_attn.out_proj.weight": (24, 24),
        "self_attn.out_proj.bias": (24,),
        "linear1.weight": (2048, 24),
        "linear1.bias": (2048,),
        "linear2.weight": (24, 2048),
        "linear2.bias": (24,),
        "norm1.weight": (24,),
        "norm1.bias": (24,),
        "norm2.weight": (24,),
        "norm2.bias": (24,),
    }
    expected: dict[str, tuple[int, ...]] = {
        "class_weights": (2,),
        "pos_encoding": (1, 60, 24),
        "classifier.weight": (2, 24),
        "classifier.bias": (2,),
        "crf.transitions": (2, 2),
        "crf.start_transitions": (2,),
        "crf.end_transitions": (2,),
    }
    for i in range(2):
        expected |= {f"transformer.layers.{i}.{name}": shape for name, shape in layer.items()}
    network = IntroDetectionTransformer(24, 3, 2, 2, torch.tensor([1.0, 2.0]))
    assert {name: tuple(value.shape) for name, value in network.state_dict().items()} == expected
    plain = IntroDetectionTransformer(24, 3, 2)
    assert set(expected) - set(plain.state_dict()) == {"class_weights"}
    assert not plain.pos_encoding.any()


def test_the_prototypes_defaults_are_kept() -> None:
    network = IntroDetectionTransformer()
    layer = network.transformer.layers[0]
    assert isinstance(layer, torch.nn.TransformerEncoderLayer)
    assert (network.d_model, layer.self_attn.num_heads) == (768, 8)
    assert len(network.transformer.layers) == 4
    assert (layer.norm_first, layer.self_attn.batch_first, layer.dropout.p) == (False, True, 0.1)
    assert layer.self_attn.dropout == 0.1
    assert network.pos_encoding.shape == (1, 60, 768)


@settings(max_examples=15, deadline=None)
@given(
    lengths=st.lists(st.integers(1, 40), min_size=1, max_size=5),
    kind=st.sampled_from(list(KINDS)),
)
def test_padding_changes_no_real_row(lengths: list[int], kind: str) -> None:
    network = KINDS[kind].eval()
    mask = right_padding(lengths)
    x = some_rows(len(lengths), max(lengths))
    spoilt = x.masked_fill(~mask[:, :, None], float("nan"))
    with torch.no_grad():
        together = network(spoilt, mask)
        assert together.isfinite().all()
        for row, emitted, n in zip(x, together, lengths, strict=True):
            torch.testing.assert_close(network(row[None, :n])[0], emitted[:n], rtol=1e-4, atol=1e-5)


def test_padding_has_no_part_in_learning(network: Tagger) -> None:
    mask = right_padding([30, 12, 1])
    tags = torch.randint(0, 2, (3, 30), generator=torch.Generator().manual_seed(1))
    x = some_rows(3, 30)
    spoilt = x.masked_fill(~mask[:, :, None], float("inf"))
    losses, slopes = [], []
    for rows, labels in ((x, tags), (spoilt, tags.masked_fill(~mask, -100))):
        loss = network.loss(rows, labels, mask)
        losses.append(loss)
        slopes.append(torch.autograd.grad(loss, list(network.parameters())))
    assert torch.equal(losses[0], losses[1])
    for one, other in zip(*slopes, strict=True):
        assert torch.equal(one, other)
        assert one.isfinite().all()


def test_a_sequence_without_one_row_spoils_nothing(network: Tagger) -> None:
    mask = right_padding([10, 4])
    x = some_rows(2, 10)
    with torch.no_grad():
        expected = network(x, mask)
        empty = torch.cat((mask, torch.zeros(1, 10, dtype=torch.bool)))
        found = network(torch.cat((x, some_rows(1, 10))), empty)
    assert found.isfinite().all()
    torch.testing.assert_close(found[:2], expected)


def test_a_full_mask_is_no_mask(network: Tagger) -> None:
    x = some_rows(2, 40)
    with torch.no_grad():
        torch.testing.assert_close(network(x, torch.ones(2, 40, dtype=torch.bool)), network(x))


def test_learning_and_answering_see_the_same_emissions(network: Tagger) -> None:
    """In evaluation torch takes a fused way through the encoder; the numbers must not differ."""
    mask = right_padding([40, 17])
    x = some_rows(2, 40)
    learning = network(x, mask)
    with torch.no_grad():
        answering = network(x, mask)
    real = mask[:, :, None]
    torch.testing.assert_close(answering * real, learning.detach() * real, rtol=1e-4, atol=1e-5)


def test_class_weights_scale_logits_always() -> None:
    torch.manual_seed(0)
    plain = IntroDetectionTransformer(16, 2, 1).eval()
    weighted = IntroDetectionTransformer(16, 2, 1, class_weights=[1.0, 2.0]).eval()
    missing = weighted.load_state_dict(plain.state_dict(), strict=False)
    assert missing.missing_keys == ["class_weights"]
    x, tags = some_rows(2, 20, 16), torch.zeros(2, 20, dtype=torch.long)
    expected = plain(x) * torch.tensor([1.0, 2.0])
    torch.testing.assert_close(weighted(x), expected)
    torch.testing.assert_close(weighted.loss(x, tags), -plain.crf(expected, tags).mean())
    assert weighted.decode(x) == plain.crf.best_path(expected)


def test_positions_tell_rows_apart() -> None:
    network = IntroDetectionTransformer(16, 2, 1, window_rows=30).eval()
    same = torch.ones(1, 30, 16)
    with torch.no_grad():
        before = network(same)
        network.pos_encoding.normal_(generator=torch.Generator().manual_seed(0))
        after, shorter = network(same), network(same[:, :7])
    torch.testing.assert_close(before, before[:, :1].expand(-1, 30, -1))
    assert float((after - after[:, :1]).abs().max()) > 0.01
    assert shorter.shape == (1, 7, 2)


def test_convolutions_look_further_with_each_layer() -> None:
    network = IntroDetectionTransformer(16, 2, 1, conv_layers=3, window_rows=60).eval()
    x = some_rows(1, 60, 16).requires_grad_()
    rows = x
    reaches = []
    for convolution in network.convolutions:
        rows = convolution(rows, None)
        (slope,) = torch.autograd.grad(rows[0, 30].sum(), x, retain_graph=True)
        touched = slope[0].abs().sum(1).nonzero().flatten()
        reaches.append((30 - int(touched[0]), int(touched[-1]) - 30))
    assert reaches == [(2, 2), (6, 6), (14, 14)]


def test_a_window_longer_than_its_positions_is_refused(network: Tagger) -> None:
    with pytest.raises(ValueError, match=r"41 rows are more than the 40 positions"):
        network(some_rows(1, 41))


@pytest.mark.parametrize(
    ("heads", "class_weights", "found"),
    [(3, None, "16 is no multiple of n_heads 3"), (2, [1.0], r"class_weights \(1,\)")],
)
def test_shapes_that_contradict_are_refused(
    heads: int, class_weights: list[float] | None, found: str
) -> None:
    with pytest.raises(ValueError, match=found):
        IntroDetectionTransformer(16, heads, 1, class_weights=class_weights)


def test_options_build_the_recipes() -> None:
    small = NetworkOptions(
        d_model=16, n_heads=2, n_layers=3, feedforward=32, window_rows=50, stride_rows=25,
        dropout=0.2, attention_dropout=0.0, conv_layers=2,
    )  # fmt: skip
    network = network_of(small, 40, (1.0, 3.0))
    assert isinstance(network, IntroDetectionTransformer)
    layer = network.transformer.layers[0]
    assert isinstance(layer, torch.nn.TransformerEncoderLayer)
    assert network.in_features == 40
    assert (layer.linear1.out_features, layer.dropout.p, layer.self_attn.dropout) == (32, 0.2, 0.0)
    assert (len(network.transformer.layers), len(network.convolutions)) == (3, 2)
    assert network.window_rows == 50
    assert network.class_weights is not None
    assert network.class_weights.tolist() == [1.0, 3.0]
    assert network(some_rows(2, 50, 40)).shape == (2, 50, 2)


def test_an_lstm_is_made_where_it_is_asked_for() -> None:
    options = DEFAULT.network.model_copy(update={"kind": "lstm", "d_model": 16, "n_layers": 3})
    network = network_of(options, 40, (1.0, 3.0))
    assert isinstance(network, IntroDetectionLSTM)
    assert (len(network.forwards), len(network.backwards)) == (3, 3)
    assert network.in_features == 40
    assert network(some_rows(2, 50, 40)).shape == (2, 50, 2)
    with pytest.raises(ValueError, match="can't be halved"):
        IntroDetectionLSTM(17, 1)


def test_an_lstm_reads_both_ways() -> None:
    network = KINDS["lstm"].eval()
    x = some_rows(1, 30).requires_grad_()
    (slope,) = torch.autograd.grad(network(x)[0, 15].sum(), x)
    assert (slope[0].abs().sum(1) > 0).all()


def test_vectors_that_fit_go_in_as_they_are_only_for_pictures() -> None:
    narrow = {"d_model": 16, "n_heads": 2, "n_layers": 1, "feedforward": 32}
    pictures = BASELINE.network.model_copy(update=narrow)
    everything = DEFAULT.network.model_copy(update=narrow)
    assert network_of(pictures, 16).project is None
    assert network_of(pictures, 20).project is not None
    assert network_of(everything, 16).project is not None


def test_loss_is_the_mean_over_sequences(network: Tagger) -> None:
    mask = right_padding([20, 5])
    x = some_rows(2, 20)
    tags = torch.randint(0, 2, (2, 20), generator=torch.Generator().manual_seed(2))
    alone = [network.loss(x[i : i + 1, :n], tags[i : i + 1, :n]) for i, n in enumerate((20, 5))]
    torch.testing.assert_close(network.loss(x, tags, mask), (alone[0] + alone[1]) / 2)


def test_decode_gives_a_tag_per_real_row(network: Tagger) -> None:
    mask = right_padding([20, 5, 1])
    paths = network.decode(some_rows(3, 20), mask)
    assert [len(path) for path in paths] == [20, 5, 1]
    assert {tag for path in paths for tag in path} <= {0, 1}


@pytest.mark.parametrize("kind", ["transformer", "lstm"])
@pytest.mark.parametrize("conv_layers", [0, 2])
def test_it_learns_a_stretch_that_looks_different(kind: str, conv_layers: int) -> None:
    torch.manual_seed(0)
    changes = {
        "kind": kind, "d_model": 16, "n_heads": 2, "n_layers": 1, "feedforward": 32, "dropout": 0.0,
        "window_rows": 30, "stride_rows": 15, "conv_layers": conv_layers,
        "inputs": "all" if conv_layers else "pictures",
    }  # fmt: skip
    network = network_of(DEFAULT.network.model_copy(update=changes), 16)
    rng = torch.Generator().manual_seed(3)

    def draw(n: int) -> tuple[Tensor, Tensor]:
        first = torch.randint(0, 15, (n, 1), generator=rng)
        rows = torch.arange(30)
        tags = ((rows >= first) & (rows < first + 12)).long()
        x = torch.randn(n, 30, 16, generator=rng)
        x[..., :4] += 1.5 * tags[..., None]
        return x, tags

    optimizer = torch.optim.Adam(network.parameters(), lr=1e-2)
    for _ in range(60):
        optimizer.zero_grad()
        network.loss(*draw(16)).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    x, tags = draw(32)
    found = torch.tensor(network.eval().decode(x))
    assert float((found == tags).float().mean()) > 0.95
