"""Files that mean harm, made on the spot, and a place that notices whether they could do it."""

from __future__ import annotations

import socket
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import numpy as np

from media_files import Film, Tone, write


@contextmanager
def bait() -> Iterator[tuple[int, list[bytes]]]:
    """A port that nobody should connect to, and what those sent who did."""
    got: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.1)
        over = threading.Event()

        def accept() -> None:
            while not over.is_set():
                try:
                    caller, _ = listening.accept()
                except TimeoutError:
                    continue
                with caller:
                    got.append(b"connected")

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield listening.getsockname()[1], got
        finally:
            over.set()
            thread.join()


def playlists(port: int, file: Path) -> dict[str, bytes]:
    """Texts and mixtures that FFmpeg would take as a word to open something else."""
    url = f"http://127.0.0.1:{port}/x"
    hls = f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{url}.ts\n#EXT-X-ENDLIST\n".encode()
    local = f"#EXTM3U\n#EXTINF:1,\nfile://{file}\n#EXT-X-ENDLIST\n".encode()
    dash = (
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
        f'mediaPresentationDuration="PT1S"><Period><AdaptationSet mimeType="video/mp4">'
        f'<Representation id="1" bandwidth="1"><BaseURL>{url}.mp4</BaseURL></Representation>'
        "</AdaptationSet></Period></MPD>"
    )
    return {
        "hls": hls,
        "hls of a file": local,
        "concat": f"ffconcat version 1.0\nfile '{file}'\n".encode(),
        "concat of a url": f"ffconcat version 1.0\nfile {url}\n".encode(),
        "dash": dash.encode(),
        "sdp": f"v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=video {port} RTP/AVP 96\n"
        "a=rtpmap:96 H264/90000\n".encode(),
    }  # fmt: skip


def playlist_with_video(folder: Path, port: int) -> bytes:
    """A playlist in front of a transport stream: which of the two it is, is a matter of opinion."""
    stream = write(folder / "inner.ts", Film(), format="mpegts").read_bytes()
    head = f"#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:{port}/x.ts\n#".encode()
    return head + b"\n" * (188 - len(head)) + stream


def huge_pictures(path: Path) -> Path:
    """One picture of 12000 x 8000 pixels, in a file of some hundred kilobytes."""
    with av.open(str(path), "w", format="matroska") as container:
        stream = container.add_stream("mjpeg", rate=1)
        stream.width, stream.height, stream.pix_fmt = 12000, 8000, "yuvj420p"
        frame = av.VideoFrame(12000, 8000, "yuvj420p")
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        frame.pts = 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def pictures_that_grow(path: Path) -> Path:
    """The file says 160 x 96; its pictures say 65500 x 65500."""
    film = Film(codec="mjpeg", pixels="yuvj420p", times=(0.0, 0.5, 1.0))
    data = write(path, film, format="matroska").read_bytes()
    small, large = b"\x08\x00\x60\x00\xa0\x03", b"\x08\xff\xdc\xff\xdc\x03"
    assert small in data
    path.write_bytes(data.replace(small, large))
    return path


def bomb(path: Path) -> Path:
    """A track of Matroska whose packets are compressed: 200 kB become 200 MB."""
    packed = zlib.compress(bytes(200_000_000), 9)
    encoding = _element(0x6D80, _element(0x6240, _element(0x5034, _element(0x4254, b"\x00"))))
    video = _element(0xE0, _element(0xB0, b"\x00\xa0") + _element(0xBA, b"\x00\x60"))
    track = _element(
        0xAE,
        _element(0xD7, b"\x01") + _element(0x73C5, b"\x01") + _element(0x83, b"\x01")
        + _element(0x86, b"V_MPEG4/ISO/SP") + video + encoding,
    )  # fmt: skip
    block = _element(0xA3, b"\x81\x00\x00\x80" + packed)
    cluster = _element(0x1F43B675, _element(0xE7, b"\x00") + block)
    head = _element(0x1A45DFA3, _element(0x4282, b"matroska"))
    path.write_bytes(head + _element(0x18538067, _element(0x1654AE6B, track) + cluster))
    return path


def many_tracks(path: Path, n: int) -> Path:
    """A file of so many tracks of sound."""
    return write(path, Film(times=(), tones=[Tone(seconds=0.1)] * n), format="matroska")


def with_attachments(path: Path) -> Path:
    """A good video that carries files with the names of others."""
    film = write(path.with_name("plain.mkv"), Film(), format="matroska")
    with av.open(str(film)) as source, av.open(str(path), "w", format="matroska") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        target.add_attachment("../../evil.sh", "application/x-sh", b"#!/bin/sh\ntouch evil\n")
        target.add_attachment("/etc/evil", "text/plain", b"x" * 1000)
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = stream
                target.mux(packet)
    return path


def noise(n: int) -> bytes:
    """Bytes that are nothing."""
    return np.random.default_rng(1).bytes(n)


def _element(id: int, body: bytes) -> bytes:
    name = id.to_bytes((id.bit_length() + 7) // 8, "big")
    return name + (len(body) | 1 << 56).to_bytes(8, "big") + body
