"""Pictures of a stretch side by side, as one JPEG; made by a child, kept on disk."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zastavka.errors import MediaError
from zastavka.media import probe
from zastavka.pictures import Picture, Pictures
from zastavka.segment import Segment
from zastavka.storage import replacing

_RARE = 3.0  # seconds between pictures from which the key picture nearby tells as much
_QUALITY = 4  # of JPEG, 2 to 31, lower is finer

Image = NDArray[np.uint8]


def strip(spec: dict[str, Any], _: Callable[[float, str, str], None]) -> dict[str, Any]:
    """Write the strip of `count` pictures between `start` and `end` to `place`."""
    path, place = Path(spec["file"]), Path(spec["place"])
    start, end, count, height = spec["start"], spec["end"], spec["count"], spec["height"]
    step = (end - start) / count
    times = [start + (i + 0.5) * step for i in range(count)]
    box = (max(2, round(height * 16 / 9) // 2 * 2), height)
    video = probe(path).video
    if video is None:
        raise MediaError(path, "has no pictures", "give a video")
    scale = min(box[0] / video.width, box[1] / video.height)
    size = (max(2, round(video.width * scale)), max(2, round(video.height * scale)))
    found = _keys(path, times, size) if step >= _RARE else _exact(path, times, size)
    sheet = np.zeros((height, box[0] * count, 3), np.uint8)
    for i, image in enumerate(found[:count]):
        top, left = (height - size[1]) // 2, i * box[0] + (box[0] - size[0]) // 2
        sheet[top : top + size[1], left : left + size[0]] = image
    with replacing(place) as part:
        part.write_bytes(jpeg(sheet))
    return {}


def jpeg(image: Image) -> bytes:
    """An RGB image as JPEG."""
    import av

    codec = av.CodecContext.create("mjpeg", "w")
    assert isinstance(codec, av.VideoCodecContext)
    codec.height, codec.width = image.shape[:2]
    codec.pix_fmt = "yuvj420p"
    codec.options = {"qmin": str(_QUALITY), "qmax": str(_QUALITY)}
    codec.framerate, codec.thread_count = Fraction(1), 1
    frame = av.VideoFrame.from_ndarray(image, "rgb24").reformat(
        format="yuvj420p", dst_color_range="JPEG"
    )
    frame.pts = 0
    return b"".join(bytes(packet) for packet in [*codec.encode(frame), *codec.encode(None)])


def _exact(path: Path, times: list[float], size: tuple[int, int]) -> list[Image]:
    with Pictures.at(path, times, size) as pictures:
        return [picture.image for picture in pictures]


def _keys(path: Path, times: list[float], size: tuple[int, int]) -> list[Image]:
    """For each time the last key picture before it, else the next one."""
    reach = Segment(max(0.0, times[0] - 12.0), times[-1] + 0.1)
    with Pictures.keys(path, reach, size) as pictures:
        keys: list[Picture] = list(pictures)
    if not keys:
        return _exact(path, times, size)
    at = np.searchsorted([key.time for key in keys], times, side="right") - 1
    return [keys[max(0, i)].image for i in at]
