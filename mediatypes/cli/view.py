"""`mediatypes view`"""

from __future__ import annotations

import errno
import socket
import webbrowser
from argparse import ArgumentTypeError, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from .._core import atomic
from .._core.errors import InputError, StoreError, os_error
from .._core.wording import counted
from ._command import Command, Parser
from ._text import clean, in_bytes, note

if TYPE_CHECKING:
    from ..viewer.server import Server
    from ..viewer.shelf import Shelf

_PORT = 8090
_NO_ADDRESS = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)
_PAGE = "viewer.html"
_PORTS = 20  # tried, one after the other, before any free one


def _add_arguments(parser: Parser) -> None:
    runs = parser.add_argument(
        "runs",
        metavar="RUNS",
        nargs="*",
        default=["."],
        help="a run, a folder of runs, a pattern, a URL, a compacted dataset, or a directory of TensorBoard or W&B; "
        "which is followed while it grows; by default this folder",
    )
    port = parser.add_argument("--port", type=_port, help=f"port (default: {_PORT}, or the next one that is free)")
    help = "address to serve at; beyond loopback a token is needed"
    host = parser.add_argument("--host", default="127.0.0.1", help=help)
    no_browser = parser.add_argument("--no-browser", action="store_true", help="print the address only")
    alone = "write the page alone to a file: run folders are dropped on it"
    page = parser.add_argument("--page", action="store_true", help=alone)
    where = f"the file that --page writes (default: {_PAGE})"
    dest = parser.add_argument("-o", dest="dest", metavar="FILE", type=Path, help=where)
    parser.only_with(page, dest)
    parser.not_with(page, runs, port, host, no_browser)


def _run(arguments: Namespace) -> int:
    from ..viewer import bundle
    from ..viewer.page import page
    from ..viewer.shelf import Shelf

    if arguments.page:
        dest = arguments.dest or Path(_PAGE)
        atomic.write(dest, page({}, "runs", libraries=bundle.available()), "write the page")
        print(f"{dest}: {in_bytes(dest.stat().st_size)}; open it and drop run folders on it")
        return 0
    shelf, where = Shelf(arguments.runs, follow=True), ", ".join(arguments.runs)
    try:
        for problem in shelf.problems:
            note(f"left out: {problem}")
        server = _serve(shelf, arguments)
        if arguments.port is None and server.port != _PORT:
            note(f"port {_PORT} is taken, so this page is at another one")
        there = counted(len(shelf.names()), "run") if shelf.names() else f"waiting for runs in {where}"
        print(clean(f"{there}: {server.url}  (Ctrl-C ends it)"), flush=True)
        if not arguments.no_browser:
            webbrowser.open(server.url)
        shelf.describe()  # while the browser starts
        server.serve()
    finally:
        shelf.close()
    return 0


def _serve(shelf: Shelf, arguments: Namespace) -> Server:
    """A server at the port that was asked for, otherwise at the first that is free."""
    if arguments.port is not None:
        return _at(arguments.port, shelf, arguments)
    for port in range(_PORT, _PORT + _PORTS):
        try:
            return _at(port, shelf, arguments)
        except StoreError as error:
            if error.errno != errno.EADDRINUSE:
                raise
    return _at(0, shelf, arguments)


def _at(port: int, shelf: Shelf, arguments: Namespace) -> Server:
    from ..viewer.server import Server

    title = ", ".join(Path(run).resolve().name for run in arguments.runs[:3])
    try:
        return Server(shelf, arguments.host, port, title)
    except (OSError, UnicodeError) as error:
        if not isinstance(error, OSError) or isinstance(error, socket.gaierror) or error.errno in _NO_ADDRESS:
            hint = "Leave it out for 127.0.0.1, or pass 0.0.0.0 for all addresses of this machine."
            raise InputError.of("--host", "an address of this machine", arguments.host, hint) from error
        hint = "Leave --port out for one that is free."
        raise os_error(StoreError, f"{arguments.host}:{port}", "serve the page", error, hint) from error


def _port(text: str) -> int:
    if not (text.isdecimal() and int(text) < 65536):
        raise ArgumentTypeError(f"expected a port, 0 to 65535, got {text}. Leave it out for one that is free.")
    return int(text)


COMMAND = Command(
    "view",
    "look at runs in a browser",
    "Serve a page of runs from this machine to a browser on it: charts, media with boxes and masks, tables, and what\n"
    "two runs or two steps differ in. Runs that are being written grow on the screen. Nothing leaves the machine.",
    "mediatypes view runs",
    _add_arguments,
    _run,
)
