"""What can go wrong, as a small tree. Each error says which thing, what was found, what to do.

    ZastavkaError
    ├── MediaError      a video or sound file that can't be read as one
    ├── LabelError      a label file that can't be read
    ├── FeatureError    features that can't be used: NaN, damaged, of another encoder
    ├── DatasetError    a dataset that can't be trained on
    ├── ModelError      a trained model that can't be loaded, or doesn't fit
    ├── OptionError     a setting outside its range, or settings that contradict each other
    ├── MissingExtra    an optional dependency that isn't installed
    ├── LibraryError    a library that is missing, too old or broken
    ├── StorageError    a file that can't be written: disk full, no permission
    └── RequestError    what was asked of the server, and can't be given

"No intro" is an answer, not an error. Wrong arguments from code raise ValueError; over many files
an error becomes a value (`detection.Failure`) and the rest of the batch goes on.
"""

from __future__ import annotations

import os


class ZastavkaError(Exception):
    """One line for people: `subject: found; cure`.

    `found` and `cure` are English templates filled from `values`, so that the command line can
    look the same templates up in another language and fill them there.
    """

    def __init__(
        self, subject: str | os.PathLike[str], found: str, cure: str, /, **values: object
    ) -> None:
        self.subject = os.fspath(subject)
        self.found = found
        self.cure = cure
        self.values = values
        super().__init__(self.subject, found, cure, values)

    def __reduce__(self) -> tuple[object, ...]:
        # errors cross process borders; the default would lose the keyword values
        return _rebuild, (type(self), self.subject, self.found, self.cure, self.values)

    def __str__(self) -> str:
        return (
            f"{self.subject}: {self.found.format(**self.values)}; {self.cure.format(**self.values)}"
        )


def _rebuild(
    kind: type[ZastavkaError], subject: str, found: str, cure: str, values: dict[str, object]
) -> ZastavkaError:
    return kind(subject, found, cure, **values)


class MediaError(ZastavkaError):
    """A video or sound file that can't be read as one."""


class LabelError(ZastavkaError):
    """A label file that can't be read."""


class FeatureError(ZastavkaError):
    """Features that can't be used: NaN, damaged, of another encoder."""


class DatasetError(ZastavkaError):
    """A dataset that can't be trained on."""


class ModelError(ZastavkaError):
    """A trained model that can't be loaded, or doesn't fit the features."""


class OptionError(ZastavkaError):
    """A setting outside its range, or settings that contradict each other."""


class MissingExtra(ZastavkaError):
    """An optional dependency that isn't installed."""

    def __init__(self, extra: str, needed_for: str) -> None:
        super().__init__(
            needed_for, "needs the extra '{extra}'", 'pip install "zastavka[{extra}]"', extra=extra
        )
        self.extra = extra

    def __reduce__(self) -> tuple[object, ...]:
        return MissingExtra, (self.extra, self.subject)


class LibraryError(ZastavkaError):
    """A library that is missing, too old or broken."""


class StorageError(ZastavkaError):
    """A file that can't be written: disk full, no permission."""


class RequestError(ZastavkaError):
    """What was asked of the server, and can't be given; `status` is that of HTTP."""

    def __init__(self, status: int, found: str, cure: str, /, **values: object) -> None:
        super().__init__(str(status), found, cure, **values)
        self.status = status

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild_request, ((self.status, self.found, self.cure), self.values)


def _rebuild_request(said: tuple[int, str, str], values: dict[str, object]) -> RequestError:
    return RequestError(*said, **values)


def first_line(error: BaseException) -> str:
    """The beginning of what a foreign error says, to stand as a value in one of ours."""
    first = (str(error).strip() or type(error).__name__).splitlines()[0]
    return first[:200].rstrip(".:")
