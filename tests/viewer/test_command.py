"""`mediatypes view`: where the page is served."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

import mediatypes as mt
from mediatypes.cli import main, view
from mediatypes.viewer.server import Server


@pytest.fixture
def taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The port where pages are by default, which another program has."""
    mt.Run(tmp_path / "run").finish()
    monkeypatch.chdir(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port: int = other.getsockname()[1]
        monkeypatch.setattr(view, "_PORT", port)
        monkeypatch.setattr(Server, "serve", lambda server: server._server.server_close())  # and nobody asks
        yield port


def test_the_next_free_port_is_taken(taken: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["view", "--no-browser"]) == 0
    shown = capsys.readouterr()
    port = int(re.findall(r"^1 run: http://127\.0\.0\.1:(\d+)/ ", shown.out)[0])
    assert port != taken
    assert shown.err == f"mediatypes: port {taken} is taken, so this page is at another one\n"


def test_a_port_that_was_asked_for_is_taken_or_an_error(taken: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["view", "--no-browser", "--port", str(taken)]) == 2
    assert capsys.readouterr().err == (
        f"mediatypes: 127.0.0.1:{taken}: expected to serve the page, got 'Address already in use'. "
        "Leave --port out for one that is free.\n"
    )
    with pytest.raises(SystemExit):
        main(["view", "--port", "99999"])
    assert "expected a port, 0 to 65535, got 99999. Leave it out for one that is free." in capsys.readouterr().err
