"""Commands of the server."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zastavka.arguments import Lang, catalog_of
from zastavka.commands.library import CatalogFile
from zastavka.errors import MissingExtra, OptionError
from zastavka.i18n import gettext
from zastavka.library.catalog import default_file
from zastavka.terminal import say

if TYPE_CHECKING:
    from zastavka.web.app import Setup


def serve(
    folders: Annotated[
        list[Path] | None, typer.Argument(help="Folders of the library; no other file is read.")
    ] = None,
    host: Annotated[
        str, typer.Option(help="Address to listen on; any but this machine's own asks for a token.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.")] = 8765,
    token: Annotated[
        bool, typer.Option("--token", help="Ask for a token on this machine too.")
    ] = False,
    new_token: Annotated[
        bool, typer.Option("--new-token", help="Make a new token; the old one and sessions end.")
    ] = False,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(help="A name by which it may be asked, as behind a proxy; may be repeated."),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(help="Folder for uploads and sessions; else beside the catalog."),
    ] = None,
    max_upload: Annotated[float, typer.Option(help="How large an upload may be, GB.")] = 50,
    jobs: Annotated[int, typer.Option(help="Jobs that run at once.")] = 2,
    catalog: CatalogFile = None,
    lang: Lang = None,  # noqa: ARG001
) -> None:
    """Serve a page on which to watch it work and put it right, and the API behind it.

    Example: zastavka serve Series/
    """
    _need_web()
    from zastavka.web.access import is_local
    from zastavka.web.app import Setup

    if not 0 <= port <= 65535:
        raise OptionError("--port", "is no port", "give a number from 0 to 65535")
    if jobs < 1 or not 0 < max_upload < 1e6:
        raise OptionError("--jobs, --max-upload", "can't be", "give at least one, and some GB")
    names = frozenset(name.lower() for name in allow_host or ())
    local = is_local(host)
    asked = token or not local or not all(map(is_local, names))
    file = catalog or default_file()
    setup = Setup(
        folders=tuple(folders or ()), catalog=file, data=data or file.parent / "server",
        token=asked, local=local, names=names, jobs=jobs, largest=int(max_upload * 1e9),
    )  # fmt: skip
    _answer(setup, host, port, new_token)


def _need_web() -> None:
    for library in ("fastapi", "uvicorn"):
        if find_spec(library) is None:
            raise MissingExtra("web", "zastavka serve")


def _answer(setup: Setup, host: str, port: int, new_token: bool) -> None:
    from zastavka.web.app import build
    from zastavka.web.server import alone, listening
    from zastavka.web.server import serve as answer

    with alone(setup.data):
        catalog_of(setup.catalog).close()  # what is wrong with it is said before anybody asks
        app = build(setup)
        at = listening(host, port)
        access = app.state.house.access
        if setup.token and (new_token or not access.has_token):
            line = gettext("Token, shown this once: {token}")
            say(line.format(token=access.new_token()))
        shown = f"[{host}]" if ":" in host else host
        address = f"http://{shown}:{at.getsockname()[1]}/"
        answer(app, at, lambda: say(gettext("Ready at {address}").format(address=address)))
