"""Features on disk, keyed by what the file holds and by the options; safe to delete at any time."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from zastavka import audio
from zastavka.config import ExtractOptions
from zastavka.errors import FeatureError, MediaError, StorageError
from zastavka.features import EpisodeFeatures, Progress, extract, load, save
from zastavka.vision import PictureEncoder

_BLOCKS, _BLOCK = 64, 1 << 16  # spread evenly over a file; bytes of each
_WHOLE = 2 * _BLOCKS * _BLOCK  # bytes of a file that is read as a whole


def default_folder() -> Path:
    """`ZASTAVKA_CACHE`, else the user's cache folder."""
    if chosen := os.environ.get("ZASTAVKA_CACHE"):
        return Path(chosen)
    if os.name == "nt":
        return Path(os.environ.get("LOCALAPPDATA", Path.home())) / "zastavka" / "cache"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "zastavka"


def content_key(path: Path) -> str:
    """A name for what a file holds: its size and blocks from all over it, not its path or date.

    Reading a whole 20-GB file to name it would cost more than describing it. A download that has
    its full size from the start changes its name as it comes in.
    """
    digest = hashlib.blake2b(digest_size=16)
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            digest.update(str(size).encode())
            file.seek(0)
            if size <= _WHOLE:
                digest.update(file.read())
            else:
                for i in range(_BLOCKS):
                    file.seek(i * (size - _BLOCK) // (_BLOCKS - 1))
                    digest.update(file.read(_BLOCK))
    except OSError as error:
        raise MediaError(
            path, "can't be read: {why}", "check the path", why=error.strerror
        ) from error
    return digest.hexdigest()


def options_key(encoder: PictureEncoder, options: ExtractOptions) -> str:
    """A name for how features were made."""
    text = f"{encoder.name} {audio.NAME} {options.model_dump_json()}"
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


class FeatureCache:
    """Features of files under one folder. What is damaged there is made again.

    A folder that takes no more stops nothing: features are given all the same, and `unwritable`
    says why they were not kept.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.unwritable: StorageError | None = None

    def get(
        self,
        path: Path,
        encoder: PictureEncoder,
        options: ExtractOptions,
        progress: Progress | None = None,
    ) -> EpisodeFeatures:
        """Features of a file: stored ones if they are of this content and these options."""
        key = content_key(path)
        stored = self.folder / key[:2] / f"{key}-{options_key(encoder, options)}.safetensors"
        try:
            return load(stored)
        except FeatureError:
            pass  # not there, or damaged: what is derived can be made again
        features = extract(path, encoder, options, progress)
        try:
            save(features, stored)
        except StorageError as error:
            self.unwritable = StorageError(
                self.folder,
                "keeps no features: {why}",
                "free some space, let ZASTAVKA_CACHE name another folder, or give --no-cache",
                why=error.values.get("why", error.found),
            )
        return features
