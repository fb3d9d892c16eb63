"""The documents that the API takes, with their bounds."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

Id = Annotated[str, Field(pattern=r"^[a-z0-9]{7,32}$")]
# JSON has one kind of number: 5.0 is as whole as 5
Whole = Annotated[
    int,
    BeforeValidator(lambda v: int(v) if isinstance(v, float) and v.is_integer() else v),
]
Seconds = Annotated[float, Field(ge=0, le=1e6, allow_inf_nan=False)]
Shift = Annotated[float, Field(ge=-3600, le=3600, allow_inf_nan=False)]


class _Taken(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Token(_Taken):
    """The token that the server printed."""

    token: str = Field(max_length=200)


class GivenSpan(_Taken):
    """Where an intro is."""

    start: Seconds
    end: Seconds

    @model_validator(mode="after")
    def _in_order(self) -> GivenSpan:
        if not self.start < self.end:
            raise ValueError("ends before it begins")
        return self


class Segments(_Taken):
    """The intros of an episode; an empty list says that there is none."""

    segments: list[GivenSpan] = Field(max_length=50)

    @model_validator(mode="after")
    def _apart(self) -> Segments:
        spans = sorted((s.start, s.end) for s in self.segments)
        if any(b[0] < a[1] for a, b in pairwise(spans)):
            raise ValueError("segments overlap")
        return self


class Wanted(_Taken):
    """An episode as the person saw it."""

    id: Id
    version: str = Field(max_length=60)


class Apply(_Taken):
    """How far the edges of these episodes are to be moved, in seconds."""

    start_shift: Shift
    end_shift: Shift
    episodes: list[Wanted] = Field(max_length=2000)


class Order(_Taken):
    """Work to be done: a scan of a root, or finding the intros of uploads."""

    kind: Literal["scan", "detect"]
    root: Id | None = None
    uploads: list[Id] | None = Field(default=None, max_length=1000)

    @model_validator(mode="after")
    def _whole(self) -> Order:
        fits = (self.root is not None) == (self.kind == "scan")
        if not fits or bool(self.uploads) != (self.kind == "detect"):
            raise ValueError("a scan needs a root, and detect needs uploads")
        return self


class NewUpload(_Taken):
    """A file that is to be sent; its size in bytes."""

    name: str = Field(min_length=1, max_length=255)
    size: Whole = Field(ge=1, le=1 << 50)
    sha256: str | None = Field(default=None, pattern=r"^[0-9a-fA-F]{64}$")


class Formats(_Taken):
    """Forms that are to be written beside the videos."""

    formats: list[str] = Field(min_length=1, max_length=20)
