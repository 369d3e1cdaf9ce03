"""A small server of the page and of the runs it shows: loopback, GET and HEAD only, nothing outside the runs."""

from __future__ import annotations

import json
import re
import secrets
import socket
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, BinaryIO, ClassVar
from urllib.parse import parse_qs, unquote, urlsplit

from .._core.errors import MediaTypesError
from . import page
from .live import Begun
from .shelf import Shelf

LOOPBACK = ("127.0.0.1", "localhost", "::1")
_PIECE = 256 * 1024
_CONNECTIONS = 256  # at a time; more are closed
_IDLE = 120  # seconds after which a connection that neither asks nor takes anything is closed
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")
# A sidecar is shown by the page, never as a page of its own: whatever is opened by its address runs nothing.
_FILE_POLICY = "sandbox; default-src 'none'"
_TYPES = {
    "png": "image/png", "jpg": "image/jpeg", "webp": "image/webp", "gif": "image/gif", "avif": "image/avif",
    "apng": "image/apng", "bmp": "image/bmp", "mp4": "video/mp4", "webm": "video/webm", "ogg": "application/ogg",
    "wav": "audio/wav", "flac": "audio/flac", "mp3": "audio/mpeg", "json": "application/json",
}  # fmt: skip


class Server:
    """The page of some runs on a port of this machine, served from threads of its own.

    Args:
        shelf: the runs.
        host: an address of this machine; anything but loopback needs the token that stands in `url`.
        port: 0 takes a free one.
        title: shown in the page's header.

    Raises:
        OSError: the port is taken, or `host` is no address of this machine.
    """

    def __init__(self, shelf: Shelf, host: str = "127.0.0.1", port: int = 0, title: str = "runs") -> None:
        if not host:  # which the system would take for all addresses
            raise socket.gaierror(socket.EAI_NONAME, "no name")
        self.token = "" if host in LOOPBACK else secrets.token_urlsafe(24)
        handler: Any = type(
            "Handler", (_Handler,), {"shelf": shelf, "news": Begun(shelf), "title": title, "token": self.token}
        )
        self._server = _Threads((host, port), handler)
        self.port = self._server.server_address[1]
        shown = f"[{host}]" if ":" in host else host
        self.url = f"http://{shown}:{self.port}/" + (f"?token={self.token}" if self.token else "")
        handler.port = self.port

    def start(self) -> None:
        """Serve in a thread; `stop` ends it."""
        threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True, name="mediatypes view").start()

    def serve(self) -> None:
        """Serve until interrupted."""
        self._server.serve_forever()

    def stop(self) -> None:
        """End the server and close its port."""
        self._server.shutdown()
        self._server.server_close()


class _Threads(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], handler: Any) -> None:
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        self._free = threading.BoundedSemaphore(_CONNECTIONS)
        super().__init__(address, handler)

    allow_reuse_address = True

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Whether there is a thread left for a connection."""
        return self._free.acquire(blocking=False)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer one connection in a thread."""
        try:
            super().process_request(request, client_address)
        except BaseException:  # no thread could be begun
            self._free.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer one connection."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that went away is no error."""


class _Handler(BaseHTTPRequestHandler):
    shelf: ClassVar[Shelf]
    news: ClassVar[Begun]
    title: ClassVar[str]
    token: ClassVar[str]
    port: ClassVar[int] = 0
    protocol_version, timeout = "HTTP/1.1", _IDLE
    server_version, sys_version = "mediatypes", ""
    disable_nagle_algorithm = True  # heads and bodies are written apart, and would wait for each other

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def log_message(self, format: str, *args: Any) -> None:
        """Requests are not logged."""

    def _answer(self) -> None:
        address = urlsplit(self.path)
        if not self._is_allowed(address.query):
            self._send(HTTPStatus.FORBIDDEN, b"open the address that mediatypes view printed", "text/plain")
            return
        path = unquote(address.path)
        for prefix, answer in self._routes().items():
            if path == prefix or (prefix.endswith("/") and prefix != "/" and path.startswith(prefix)):
                try:
                    answer(path[len(prefix) :])
                except MediaTypesError as error:
                    self._send(HTTPStatus.NOT_FOUND, str(error).encode(), "text/plain; charset=utf-8")
                return
        self._send(HTTPStatus.NOT_FOUND, b"no such page", "text/plain")

    def _routes(self) -> dict[str, Callable[[str], None]]:
        return {
            "/": self._page,
            "/runs.json": self._runs,
            "/files/": self._file,
            "/library/": self._library,
            "/events": self._events,
        }

    def _is_allowed(self, query: str) -> bool:
        """Whether the request came to this server by its own name, from its own page, with the token if it has one.

        Another name is a page elsewhere that was made to point here (DNS rebinding).
        """
        name = re.sub(r":\d*$", "", self.headers.get("Host", "")).strip("[]")  # a tunnel may have another port
        origin = self.headers.get("Origin")
        if origin is not None and urlsplit(origin).netloc != self.headers.get("Host"):
            return False
        if not self.token:
            return name in LOOPBACK
        cookies = (one.strip().partition("=") for one in self.headers.get("Cookie", "").split(";"))
        given = [*parse_qs(query).get("token", ()), *(value for name, _, value in cookies if name == self._cookie)]
        return any(secrets.compare_digest(one.encode(), self.token.encode()) for one in given)

    @property
    def _cookie(self) -> str:
        """The name of its cookie, which servers on other ports of the machine get as well."""
        return f"mediatypes-token-{self.port}"

    def _page(self, rest: str) -> None:
        name, runs = self.news.begin()
        settings = {"source": "served", "live": f"events?page={name}", "runs": runs}
        address = f"http://{self.headers['Host']}/library/"
        content = b"".join(page.page(settings, self.title, address=address))
        headers = {"Content-Security-Policy": page.policy(address=address) + "; frame-ancestors 'none'"}
        if self.token:
            headers["Set-Cookie"] = f"{self._cookie}={self.token}; HttpOnly; SameSite=Strict; Path=/"
        self._send(HTTPStatus.OK, content, "text/html; charset=utf-8", headers)

    def _runs(self, rest: str) -> None:
        self._send(HTTPStatus.OK, json.dumps(self.shelf.describe()).encode(), "application/json")

    def _library(self, rest: str) -> None:
        text = page.library_text(rest.removesuffix(".js"))
        self._send(HTTPStatus.OK, text.encode(), "text/javascript; charset=utf-8")

    def _file(self, rest: str) -> None:
        found = self.shelf.split(rest)
        if found is None:
            self._send(HTTPStatus.NOT_FOUND, b"no such run", "text/plain")
            return
        suffix = rest.rpartition(".")[2]
        with self.shelf.open(*found) as file:
            self._send_range(file, _TYPES.get(suffix, "application/octet-stream"))

    def _send_range(self, file: BinaryIO, media_type: str) -> None:
        size = file.seek(0, 2)
        first, last, status = 0, size - 1, HTTPStatus.OK
        if (asked := _RANGE.fullmatch(self.headers.get("Range", ""))) and (asked[1] or asked[2]):
            first = int(asked[1]) if asked[1] else max(0, size - int(asked[2]))
            last = min(size - 1, int(asked[2])) if asked[1] and asked[2] else size - 1
            status = HTTPStatus.PARTIAL_CONTENT
            if first > last:
                self._send(
                    HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, b"", media_type, {"Content-Range": f"bytes */{size}"}
                )
                return
        headers = {"Accept-Ranges": "bytes", "Content-Security-Policy": _FILE_POLICY}
        if status is HTTPStatus.PARTIAL_CONTENT:
            headers["Content-Range"] = f"bytes {first}-{last}/{size}"
        self._begin(status, last - first + 1, media_type, headers)
        if self.command == "HEAD":
            return
        file.seek(first)
        left = last - first + 1
        while left > 0 and (piece := file.read(min(_PIECE, left))):
            self.wfile.write(piece)
            left -= len(piece)
        self.close_connection |= left > 0  # it became shorter meanwhile

    def _events(self, rest: str) -> None:
        """Server-sent events (WHATWG HTML, section 9.2): what is new, as long as the page listens."""
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Cache-Control", "no-store")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        if self.command == "HEAD":
            return
        (name,) = parse_qs(urlsplit(self.path).query).get("page", [""])[:1]
        with suppress(OSError), closing(self.news.go_on(name)) as news:  # an error if the page was closed
            for message in news:
                self.wfile.write(f"data: {json.dumps(message)}\n\n".encode() if message else b": nothing new\n\n")
                self.wfile.flush()

    def _send(self, status: HTTPStatus, content: bytes, media_type: str, headers: dict[str, str] | None = None) -> None:
        self._begin(status, len(content), media_type, headers or {"Content-Security-Policy": _FILE_POLICY})
        if self.command != "HEAD":
            self.wfile.write(content)

    def _begin(self, status: HTTPStatus, size: int, media_type: str, headers: dict[str, str]) -> None:
        self.send_response(status)
        standard = {"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}
        standard |= {"Cross-Origin-Resource-Policy": "same-origin", "Cross-Origin-Opener-Policy": "same-origin"}
        for name, value in {**standard, **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(size))
        self.end_headers()
