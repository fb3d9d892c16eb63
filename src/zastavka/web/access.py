"""`Access`: who may ask: a token that is printed once and kept as a digest, and sessions by it.

Tokens are random and long, so that a plain digest of one can't be turned back.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import json
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

from zastavka.errors import StorageError
from zastavka.storage import replacing

_SESSION_LASTS = 90 * 86400.0  # seconds
_SESSIONS = 200  # at once; the oldest ends first
_FREE = 5  # wrong tokens from one address before it has to wait
_WAIT, _LONGEST_WAIT = 2.0, 900.0  # seconds; doubled by each wrong token
_FORGOTTEN = 3600.0  # seconds without a wrong token
_ADDRESSES = 10_000  # remembered


class Access:
    """The token and the sessions of a file. `needed`: whether anybody is asked for one."""

    def __init__(self, file: Path, needed: bool, clock: Callable[[], float] = time.time) -> None:
        self.file, self.needed, self._clock = file, needed, clock
        self._lock = threading.Lock()
        self._token, self._sessions = _read(file)

    @property
    def has_token(self) -> bool:
        """Whether a token was made."""
        return bool(self._token)

    def new_token(self) -> str:
        """Make a token; it is told this once. The one before and all sessions end."""
        token = secrets.token_urlsafe(32)
        with self._lock:
            self._token, self._sessions = _digest(token), {}
            self._write()
        return token

    def knows(self, token: str) -> bool:
        """Whether it is the token; takes as long whatever is wrong with it."""
        return hmac.compare_digest(_digest(token), self._token or _digest(secrets.token_hex()))

    def sign_in(self) -> str:
        """A new session's secret."""
        secret = secrets.token_urlsafe(32)
        with self._lock:
            now = self._clock()
            alive = {key: end for key, end in self._sessions.items() if end > now}
            for oldest in sorted(alive, key=alive.__getitem__)[: len(alive) - _SESSIONS + 1]:
                del alive[oldest]
            self._sessions = {**alive, _digest(secret): now + _SESSION_LASTS}
            self._write()
        return secret

    def sign_out(self, secret: str) -> None:
        """End a session."""
        with self._lock:
            if self._sessions.pop(_digest(secret), None) is not None:
                self._write()

    def is_session(self, secret: str) -> bool:
        """Whether a session of this secret goes on."""
        # looked up by its digest: what the time tells is of the digest, not of the secret
        return self._sessions.get(_digest(secret), 0.0) > self._clock()

    def _write(self) -> None:
        with replacing(self.file, 0o600) as part:
            part.write_text(json.dumps({"token": self._token, "sessions": self._sessions}))


class Failures:
    """Wrong tokens by address: after a few each one doubles the time to wait."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: OrderedDict[str, tuple[int, float]] = OrderedDict()  # how many, when last

    def wait(self, address: str) -> float:
        """Seconds until the address may try again."""
        n, last = self._seen.get(_network(address), (0, 0.0))
        if n < _FREE:
            return 0.0
        pause = min(_LONGEST_WAIT, _WAIT * 2.0 ** min(n - _FREE, 20))
        return max(0.0, last + pause - self._clock())

    def note(self, address: str) -> None:
        """A wrong token came from there."""
        key, now = _network(address), self._clock()
        n, last = self._seen.pop(key, (0, now))
        self._seen[key] = (1 if now - last > _FORGOTTEN else n + 1, now)
        while len(self._seen) > _ADDRESSES:
            self._seen.popitem(last=False)

    def forget(self, address: str) -> None:
        """The right token came from there."""
        self._seen.pop(_network(address), None)


def is_local(host: str) -> bool:
    """Whether an address to listen on can be reached from this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def is_allowed_host(header: str, listens_locally: bool, names: frozenset[str]) -> bool:
    """Whether a request may be meant for us: a strange name may be a page that was rebound to us.

    Addresses can't be: where we listen beyond this machine, each is fine.
    """
    name = host_name(header)
    if name in names:
        return True
    if listens_locally:
        return is_local(name)
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return name == "localhost"
    return True


def host_name(header: str) -> str:
    """A Host header without its port, in small letters."""
    name, colon, port = header.strip().lower().rpartition(":")
    return name if colon and port.isdigit() else header.strip().lower()


def _network(address: str) -> str:
    """A whole /64 for IPv6: one machine has as many addresses as it likes there."""
    try:
        known = ipaddress.ip_address(address)
    except ValueError:
        return address
    if known.version == 4:
        return address
    return str(ipaddress.ip_network((int(known) >> 64 << 64, 64)))


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _read(file: Path) -> tuple[str, dict[str, float]]:
    try:
        known = json.loads(file.read_text(encoding="utf-8"))
        return str(known["token"]), {str(k): float(v) for k, v in known["sessions"].items()}
    except FileNotFoundError:
        return "", {}
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise StorageError(
            file, "does not say who may sign in: {why}", "delete it; a new token is then made",
            why=type(error).__name__,
        ) from error  # fmt: skip
