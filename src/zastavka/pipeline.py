"""`Detector`: a season in, detections out. The method on one page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from zastavka.borders import sharpen
from zastavka.cache import FeatureCache
from zastavka.confidence import none_signs
from zastavka.config import Config
from zastavka.counsel import Counsel
from zastavka.detection import Detection, Failure, Finding
from zastavka.episode import Episode
from zastavka.errors import ModelError, ZastavkaError
from zastavka.features import EpisodeFeatures, extract
from zastavka.inputs import UNKNOWN
from zastavka.intervals import Interval, decode, row_probabilities
from zastavka.marked import heeding
from zastavka.media import probe
from zastavka.model import Head
from zastavka.options import DecodeOptions
from zastavka.points import AT_START
from zastavka.segment import Grid, Segment
from zastavka.spans import find_spans
from zastavka.vision import PictureEncoder, load_encoder, with_variant_of

REASONS: dict[tuple[str, ...], str] = {
    (): "the model knows it by sound and pictures together",
    ("sound",): "the model knows it by its sound",
    ("picture",): "the model knows it by its pictures",
    ("sound", "picture"): "the model knows it by its sound and by its pictures",
}

Progress = Callable[[Episode, float], None]  # the episode at work and its share done, in [0, 1]

_REVIEW_SHARE = 0.5  # of the threshold: below it an interval is not even worth showing
_MOST = 0.6  # share of what is searched: a longer segment is the file, not its intro


@dataclass(frozen=True, slots=True)
class Curve:
    """What the head thinks of each row of one episode."""

    grid: Grid
    probability: NDArray[np.float64]  # (n,) of tag 1


class Detector:
    """A trained head with the encoder it was trained on."""

    def __init__(
        self,
        head: Head,
        encoder: PictureEncoder,
        cache: FeatureCache | None = None,
        decoding: DecodeOptions | None = None,
        chapters: bool = True,
    ) -> None:
        self.chapters = chapters
        self.head, self.encoder, self.cache = head, encoder, cache
        self.config: Config = head.config
        self.decoding = decoding or head.config.decode

    @classmethod
    def load(
        cls,
        model: Path,
        encoder: str | None = None,
        cache: FeatureCache | None = None,
        decoding: DecodeOptions | None = None,
        device: str = "auto",
    ) -> Detector:
        """The model of a folder, with its own encoder or another copy of it, by name or folder."""
        head = Head.load(model)
        if encoder is None and head.spec.encoder == UNKNOWN:
            raise ModelError(
                model, "does not say what its pictures were described by",
                "give --encoder the checkpoint that its dataset was made with",
            )  # fmt: skip
        trained = head.config.extract.encoder
        chosen = load_encoder(with_variant_of(encoder or trained, trained), device=device)
        if not head.spec.fits(chosen.name):
            raise ModelError(
                model, "was trained on pictures of '{wanted}', not of '{found}'",
                "give --encoder the checkpoint it was trained with",
                wanted=head.spec.encoder, found=chosen.name,
            )  # fmt: skip
        return cls(head, chosen, cache, decoding)

    def detect(
        self,
        season: Sequence[Episode],
        progress: Progress | None = None,
        on_curve: Callable[[Episode, Curve], None] | None = None,
    ) -> list[Detection | Failure]:
        """One result per episode, in order. An episode that can't be done is a Failure.

        `on_curve` is given the rows of each episode that could be done.
        """
        return [self._result(episode, progress, on_curve) for episode in season]

    def _result(
        self,
        episode: Episode,
        progress: Progress | None,
        on_curve: Callable[[Episode, Curve], None] | None,
    ) -> Detection | Failure:
        began = perf_counter()
        try:
            features = self.features(episode, progress)
            result = self.answer(episode, features)
            if self.chapters:
                result = heeding(result, probe(episode.path).chapters)
            result = replace(result, work=perf_counter() - began)
            if on_curve:
                on_curve(episode, self.curve(features, str(episode.path)))
        except ZastavkaError as error:
            return Failure(episode, str(error), error)
        return result

    def features(self, episode: Episode, progress: Progress | None = None) -> EpisodeFeatures:
        """The episode's features, from the cache if they are there."""

        def report(share: float) -> None:
            if progress:
                progress(episode, share)

        source = self.cache.get if self.cache else extract
        features = source(episode.path, self.encoder, self.config.extract, report)
        report(1.0)
        return features

    def answer(
        self, episode: Episode, features: EpisodeFeatures, *, look: bool = True
    ) -> Detection:
        """What the head finds in features of a lone file.

        `look`: whether the file is there, to look at the seconds around an edge.
        """
        path = episode.path if look else None
        intervals = self.intervals(features, str(episode.path))
        findings = tuple(
            finding
            for interval in intervals
            if (finding := self.finding(interval, features, path)) is not None
        )
        sure = any(finding.status == "found" for finding in findings)
        none = None
        if self.head.confidence is not None and not sure:
            none = self.head.confidence.none(none_signs(0.0, intervals, 0))
        return Detection(
            episode=episode,
            duration=round(features.duration, 3),
            findings=findings,
            not_found_reason=None if sure else self._why_not(findings, features),
            not_found_confidence=none,
        )

    def counsel(
        self,
        episode: Episode,
        features: EpisodeFeatures,
        evidence: NDArray[np.float32],
        *,
        look: bool = True,
    ) -> Counsel:
        """What the head says of an episode of which a season repeats that much."""
        path = episode.path if look else None
        intervals = self.intervals(features, str(episode.path), evidence)
        best = max(intervals, key=lambda each: each.confidence, default=None)
        answer = self.finding(best, features, path, evidence) if best else None
        return Counsel(tuple(intervals), answer, self.decoding.threshold)

    def intervals(
        self,
        features: EpisodeFeatures,
        subject: str = "features",
        evidence: NDArray[np.float32] | None = None,
    ) -> list[Interval]:
        """The head's intervals, with what a season repeats (`evidence_rows`) or without.

        A head that knows how sure it may be weighs all spans of the episode; another one decodes.
        """
        emissions = self.head.emissions(features, subject, evidence)
        if self.head.confidence is not None:
            spans = find_spans(features, emissions, self.decoding, evidence)
            best = self.head.confidence.answer(spans, features.grid)
            return [best] if best else []
        rows = self.config.network.window_rows
        return decode(emissions, self.head.crf, features.grid, self.decoding, rows)

    def curve(self, features: EpisodeFeatures, subject: str = "features") -> Curve:
        """The probability of each row."""
        emissions = self.head.emissions(features, subject)
        return Curve(features.grid, row_probabilities(emissions, self.head.crf))

    def finding(
        self,
        interval: Interval,
        features: EpisodeFeatures,
        path: Path | None,
        evidence: NDArray[np.float32] | None = None,
    ) -> Finding | None:
        """An interval as an answer, edges sharpened in the file; None: not even worth showing."""
        threshold = self.decoding.threshold if self.decoding.method == "duration" else 0.0
        # the last row may reach beyond the file
        segment = interval.segment & features.span
        if segment is None:
            return None
        confidence = interval.confidence
        if confidence < _REVIEW_SHARE * threshold:
            return None
        if path is not None and self.decoding.sharpen:
            refine = self.config.refine
            if not self.chapters:
                refine = refine.model_copy(update={"chapters": False})
            segment = sharpen(path, segment, refine, self.config.extract.language)
        doubt = doubt_about(segment, features, self.decoding, lone=evidence is None)
        found = confidence >= threshold and doubt is None
        senses = self._carried_by(interval, features, evidence)
        return Finding(
            segment=segment,
            confidence=confidence,
            status="found" if found else "review",
            sources=("model", *senses),
            reason=doubt or REASONS[senses],
        )

    def _carried_by(
        self, interval: Interval, features: EpisodeFeatures, evidence: NDArray[np.float32] | None
    ) -> tuple[str, ...]:
        """The senses that each by itself would have found it; none: only both together do."""
        if features.picture is None or features.sound is None:
            return ("picture",) if features.sound is None else ("sound",)
        carried = []
        for sense, alone in (
            ("sound", replace(features, picture=None)), ("picture", replace(features, sound=None))
        ):  # fmt: skip
            same = [
                each.confidence
                for each in self.intervals(alone, sense, evidence)
                if each.segment.iou(interval.segment) >= 0.5
            ]
            if max(same, default=0.0) >= 0.5 * interval.confidence:
                carried.append(sense)
        return tuple(carried)

    def _why_not(self, findings: tuple[Finding, ...], features: EpisodeFeatures) -> str:
        if findings:
            sure = findings[0].confidence
            if sure >= self.decoding.threshold:
                return f"not sure enough: {findings[0].reason}"
            return f"not sure enough: {sure:.2f} is below {self.decoding.threshold:.2f}"
        return f"nothing like an intro in the first {features.grid.duration:.0f} s"


class Searched(Protocol):
    """How long a file is, and what of it was searched, as features say it."""

    @property
    def duration(self) -> float:
        """Seconds of the file."""

    @property
    def span(self) -> Segment:
        """What was searched."""


def doubt_about(
    segment: Segment, searched: Searched, decoding: DecodeOptions, *, lone: bool
) -> str | None:
    """Why nobody should act on a segment, however sure the network is."""
    if decoding.method == "closing":
        return None  # the prototype had no doubts
    if searched.duration < decoding.shortest_episode:
        return f"a file of {searched.duration:.0f} s is no episode"
    if segment.duration > _MOST * searched.span.end:
        return "it is most of the file"
    if segment.start <= AT_START and segment.duration < decoding.shortest_at_zero:
        return "it may be a studio's logo"
    if lone and segment.duration < decoding.shortest_lone:
        return "so short a piece may be an eyecatch"
    return None
