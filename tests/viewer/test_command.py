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


@pytest.mark.parametrize("host", ["", "no host", "192.0.2.1", f"{'x' * 80}.example"])
def test_an_address_that_this_machine_does_not_have_is_an_error(
    host: str, taken: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["view", "--no-browser", "--host", host]) == 2
    error = capsys.readouterr().err
    assert error.startswith("mediatypes: --host: expected an address of this machine, got ")
    assert "Leave it out for 127.0.0.1, or pass 0.0.0.0" in error


def test_loopback_has_two_addresses(taken: int, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError as error:
        pytest.skip(f"no IPv6 here: {error}")
    assert main(["view", "--no-browser", "--host", "::1", "--port", "0"]) == 0
    assert re.match(r"1 run: http://\[::1\]:\d+/  \(", capsys.readouterr().out)


def test_an_empty_folder_is_waited_for(taken: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").mkdir()
    assert main(["view", "--no-browser", "empty"]) == 0
    assert capsys.readouterr().out.startswith("waiting for runs in empty: http://127.0.0.1:")
