"""Every option once: a frozen model per stage, with unit and range.

A stage receives its own model, never the whole `Config`.
"""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Options(BaseModel):
    """A stage's options: they do not change, and there are no others."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ExtractOptions(Options):
    """From a file to rows."""

    step: float = Field(0.5, ge=0.1, le=10.0, description="seconds per row")
    picture_at: Literal["start", "centre"] = Field(
        "centre", description="which picture stands for a row: on screen at its start or centre"
    )
    window_share: float = Field(0.35, gt=0, le=1, description="share of the episode searched")
    window_min: float = Field(300.0, gt=0, description="seconds searched at least")
    window_max: float = Field(900.0, gt=0, description="seconds searched at most")
    encoder: str = Field(
        "builtin", description="'builtin', 'clip', a hub name or a folder of a CLIP-like checkpoint"
    )
    sound: bool = Field(True, description="whether the sound is described too")
    language: str | None = Field(None, description="audio language preferred, as ISO 639 code")

    @model_validator(mode="after")
    def _check_window(self) -> Self:
        if self.window_min > self.window_max:
            raise ValueError(f"window_min {self.window_min} is above window_max {self.window_max}")
        return self

    def window(self, duration: float) -> float:
        """Seconds from the beginning that are searched in an episode of `duration` seconds."""
        wanted = min(max(self.window_share * duration, self.window_min), self.window_max)
        return min(wanted, duration)


class NetworkOptions(Options):
    """The network of `learn.network.network_of`."""

    kind: Literal["transformer", "lstm"] = Field(
        "transformer", description="what reads the rows; of an LSTM heads, feedforward do not count"
    )
    d_model: int = Field(64, ge=8, description="width of the encoder")
    n_heads: int = Field(4, ge=1)
    n_layers: int = Field(2, ge=1)
    feedforward: int = Field(128, ge=8, description="hidden width of an encoder layer")
    dropout: float = Field(0.3, ge=0, lt=1)
    attention_dropout: float = Field(0.0, ge=0, lt=1, description="of attention weights; 0 is fast")
    window_rows: int = Field(600, ge=8, description="rows seen at once, and learned positions")
    stride_rows: int = Field(
        300, ge=1, description="rows between windows; blended where they overlap"
    )
    conv_layers: int = Field(3, ge=0, description="residual convolutions before the encoder")
    inputs: Literal["pictures", "all"] = Field(
        "all", description="the encoder's vectors as they are, or everything known, standardised"
    )
    evidence: bool = Field(
        False, description="columns of what repeats in the season too; a lone file has zeros"
    )

    @model_validator(mode="after")
    def _check_shape(self) -> Self:
        if self.d_model % self.n_heads:
            raise ValueError(f"d_model {self.d_model} is no multiple of n_heads {self.n_heads}")
        if self.kind == "lstm" and self.d_model % 2:
            raise ValueError(f"d_model {self.d_model} can't be halved for two directions")
        if self.stride_rows > self.window_rows:
            raise ValueError(
                f"stride_rows {self.stride_rows} leaves rows between windows of {self.window_rows}"
            )
        return self


class TrainOptions(Options):
    """How a head is trained."""

    epochs: int = Field(36, ge=1)
    batch: int = Field(8, ge=1, description="windows per step")
    learning_rate: float = Field(1e-3, gt=0)
    weight_decay: float = Field(0.05, ge=0)
    optimizer: Literal["adam", "adamw"] = "adamw"
    schedule: Literal["constant", "cosine"] = "cosine"
    class_weights: tuple[float, float] | None = Field(
        None, description="factors on the logits of tags 0 and 1, in training and in answering"
    )
    oversample: tuple[float, float] | None = Field(
        None, description="chance of a window with and without a positive row to be drawn"
    )
    copies: int = Field(0, ge=0, description="augmented copies of positive rows in a dataset")
    keep_negative: float = Field(
        1.0, ge=0, le=1, description="share of windows without a positive kept"
    )
    train_stride_rows: int = Field(300, ge=1, description="rows between training windows")
    mask_rows: float = Field(0.1, ge=0, lt=1, description="share of rows whose features are hidden")
    drop_sense: float = Field(
        0.3, ge=0, lt=1, description="chance that a window is shown without one sense"
    )
    splice: float = Field(
        0.8, ge=0, le=1, description="chance that a window is shown with another episode's intro"
    )
    crop_rows: int | None = Field(
        300, ge=8, description="rows of the shortest random part that a window is shown in"
    )
    alone: float = Field(
        1.0, ge=0, le=1, description="chance that a window of a season is shown as a lone file"
    )
    thin: float = Field(
        0.3, ge=0, lt=1, description="chance that a piece of its evidence is hidden, or is false"
    )
    noise: float = Field(
        0.3, ge=0, description="standard deviation of noise on standardised features"
    )
    grad_clip: float | None = Field(1.0, gt=0, description="largest norm of the gradient")
    average: float = Field(
        0.99, ge=0, lt=1, description="decay of the moving average of the weights; 0 = off"
    )
    validation: float = Field(
        0.15, ge=0, lt=1, description="share of series held back to choose the epoch"
    )
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    seed: int = Field(42, ge=0)


class FinetuneOptions(Options):
    """How a checkpoint is tuned together with a head; `train` says the rest."""

    method: Literal["lora", "last"] = Field(
        "lora", description="small matrices beside the attention's, or the last blocks themselves"
    )
    rank: int = Field(8, ge=1, description="of the matrices of LoRA")
    alpha: int = Field(16, ge=1, description="the product of those matrices counts alpha / rank")
    blocks: int = Field(2, ge=1, description="blocks that method 'last' tunes")
    learning_rate: float = Field(1e-4, gt=0, description="of the checkpoint's weights")
    pictures: int = Field(8, ge=1, description="pictures described at once; fewer take less memory")
    save_steps: int = Field(50, ge=1, description="steps between states on disk")


class DecodeOptions(Options):
    """From row probabilities to segments."""

    method: Literal["closing", "duration"] = Field(
        "duration", description="best path + binary closing (prototype), or best interval"
    )
    transition_bias: tuple[float, float] = Field(
        (0.0, 0.0), description="added to the CRF's transitions 1->1 and 1->0 when answering"
    )
    closing_rows: int = Field(3, ge=1, description="width of the closing, method 'closing'")
    min_rows: int = Field(3, ge=1, description="shortest run of rows kept, method 'closing'")
    min_seconds: float = Field(2.5, gt=0, description="shortest segment, method 'duration'")
    max_seconds: float = Field(180.0, gt=0, description="longest segment, method 'duration'")
    typical_seconds: float = Field(
        25.0, gt=0, description="median of the duration prior (log-normal)"
    )
    spread: float = Field(1.0, gt=0, description="standard deviation of the log of the duration")
    prior_weight: float = Field(1.0, ge=0, description="weight of the duration prior; 0 = flat")
    temperature: float = Field(
        4.0,
        ge=1,
        description="divides all log odds: neighbouring rows are no independent witnesses",
    )
    merge_gap: float = Field(2.0, ge=0, description="seconds: shorter gaps between segments close")
    threshold: float = Field(
        0.4, ge=0, le=1, description="confidence from which a segment is found"
    )
    max_segments: int = Field(1, ge=1, description="segments reported per episode")
    shortest_episode: float = Field(
        0.0, ge=0, description="seconds: what is found in a shorter file awaits review"
    )
    shortest_lone: float = Field(
        0.0, ge=0, description="seconds: what is shorter in a lone file awaits review: an eyecatch?"
    )
    shortest_at_zero: float = Field(
        0.0, ge=0, description="the same at 0:00, where studios have their logos"
    )
    sharpen: bool = Field(
        False, description="look at the seconds around an edge, and move it to the frame"
    )


class MatchOptions(Options):
    """What repeats between the episodes of a season."""

    neighbours: int = Field(
        16, ge=1, description="episodes next to each one that it is compared with, on either side"
    )
    min_hits: int = Field(3, ge=1, description="equal keys at one lag that are worth a closer look")
    max_lags: int = Field(24, ge=1, description="lags of a pair of episodes that are looked at")
    min_score: float = Field(
        4.0, gt=0, description="words times how much closer they are than strangers"
    )
    max_gap: float = Field(3.0, ge=0, description="seconds: shorter gaps inside a repeat close")
    min_seconds: float = Field(1.2, gt=0, description="shortest repeat")
    likeness: float = Field(
        0.94, gt=0, lt=1, description="correlation from which two pictures are the same"
    )
    robust: bool = Field(
        True, description="a second look where nothing repeats: music under speech"
    )
    robust_neighbours: int = Field(4, ge=1, description="episodes compared in that second look")
    block_likeness: float = Field(
        0.22, gt=0, lt=1, description="correlation of four seconds of sound worth a closer look"
    )


class DecideOptions(Options):
    """Which of the recurring segments is the intro; `decide` says what earns points."""

    found_score: float = Field(4.0, description="points from which a segment is found")
    review_score: float = Field(2.5, description="points from which a person should look")

    @model_validator(mode="after")
    def _check_scores(self) -> Self:
        if self.review_score > self.found_score:
            raise ValueError(f"review_score {self.review_score} is above {self.found_score}")
        return self


class RefineOptions(Options):
    """Which evidence moves an edge to the frame."""

    sound: bool = Field(True, description="where the sound of two episodes begins to be alike")
    picture: bool = Field(True, description="the first and the last picture that agrees")
    cut: bool = Field(True, description="a shot cut next to the edge of the sound")
    black: bool = Field(False, description="the border of black pictures next to it")
    silence: bool = Field(False, description="a pause next to it")
    chapters: bool = Field(True, description="a chapter's border near an edge that is not sharp")
