"""The server of the page: who may ask, for what, and what it answers."""

from __future__ import annotations

import http.client
import io
import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import numpy as np
import pyarrow.parquet as pq
import pytest

import mediatypes as mt
from mediatypes.viewer.live import Live
from mediatypes.viewer.shelf import Shelf


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    root = tmp_path / "some runs"
    for name in ("a", "b/c", "ü#%"):
        with mt.Run(root / name, config={"lr": float("inf")}) as run:
            run.log({"loss": 0.5, "photo": mt.Image(np.zeros((4, 4, 3), np.uint8))})
    (root / "outside.txt").write_text("secret")
    return root


class Client:
    def __init__(self, url: str) -> None:
        self.host = urlsplit(url).netloc

    def ask(self, path: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection(self.host, timeout=20)
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        found = answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        connection.close()
        return found


@pytest.fixture
def client(serve: Any, runs: Path) -> Client:
    return Client(serve(runs))


def test_the_list_of_runs_is_json_whatever_a_run_holds(client: Client) -> None:
    status, headers, content = client.ask("/runs.json")
    listed = json.loads(content, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert (status, headers["content-type"]) == (200, "application/json")
    assert [run["path"] for run in listed] == ["a", "b/c", "ü#%"]
    assert listed[0]["run"]["config"] == {"lr": {"_type": "float", "value": "inf"}}
    assert listed[0]["summary"]["loss"] == 0.5
    assert listed[0]["summary"]["photo"]["_type"] == "image"


@pytest.mark.parametrize("run", ["a", "b/c", "%C3%BC%23%25"])
def test_files_of_runs_are_read_in_ranges(client: Client, runs: Path, run: str) -> None:
    whole = (runs / unquote(run) / "history.parquet").read_bytes()
    path, size = f"/files/{run}/history.parquet", len(whole)
    assert client.ask(path)[2] == whole
    status, headers, tail = client.ask(path, Range="bytes=-8")
    assert (status, tail, headers["content-range"]) == (206, whole[-8:], f"bytes {size - 8}-{size - 1}/{size}")
    assert client.ask(path, Range="bytes=3-6")[2] == whole[3:7]
    assert client.ask(path, Range="bytes=5-")[2] == whole[5:]
    assert client.ask(path, Range=f"bytes={size}-")[0] == 416
    status, headers, content = client.ask(path, "HEAD")
    assert (status, headers["content-length"], content) == (200, str(size), b"")


@pytest.mark.parametrize(
    "path",
    [
        "/files/outside.txt",
        "/files/a/../outside.txt",
        "/files/a/%2e%2e/outside.txt",
        "/files/a/..%2foutside.txt",
        "/files//etc/passwd",
        "/files/a//etc/passwd",
        "/files/a/link",
        "/files/a/folder/passwd",
        "/files/a/nothing",
        "/files/nothing/run.json",
        "/library/../page.js",
        "/nothing",
    ],
)
def test_nothing_else_is_there(client: Client, runs: Path, path: str) -> None:
    (runs / "a" / "link").symlink_to("/etc/passwd")
    (runs / "a" / "folder").symlink_to("/etc")
    status, _, content = client.ask(path)
    assert status == 404
    assert b"secret" not in content
    assert b"root:" not in content


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_nothing_is_changed(client: Client, method: str) -> None:
    assert client.ask("/runs.json", method)[0] == 501


def test_a_page_elsewhere_cannot_ask(client: Client) -> None:
    port = client.host.rpartition(":")[2]
    assert client.ask("/runs.json", Host="evil.example")[0] == 403
    assert client.ask("/runs.json", Host=f"evil.example:{port}")[0] == 403
    assert client.ask("/runs.json", Origin="http://evil.example")[0] == 403
    assert client.ask("/runs.json", Host=f"localhost:{port}")[0] == 200
    assert client.ask("/runs.json", Origin=f"http://{client.host}")[0] == 200


def test_beyond_loopback_a_token_is_needed(serve: Any, runs: Path) -> None:
    url = serve(runs, host="0.0.0.0")
    token = urlsplit(url).query
    client = Client(url.replace("0.0.0.0", "127.0.0.1"))
    assert client.ask("/runs.json")[0] == 403
    assert client.ask("/runs.json?token=guess")[0] == 403
    status, headers, _ = client.ask(f"/?{token}")
    assert status == 200
    assert client.ask("/runs.json", Cookie=headers["set-cookie"].partition(";")[0])[0] == 200


def test_what_is_opened_by_its_address_runs_nothing(serve: Any, tmp_path: Path) -> None:
    with mt.Run(tmp_path / "runs" / "one") as run:
        run.log({"page": mt.Html("<script>alert(1)</script>")})
    path = mt.open_run(run.path).summary["page"]["path"]
    _, headers, _ = Client(serve(tmp_path / "runs")).ask(f"/files/one/{path}")
    assert headers["content-type"] == "application/octet-stream"
    assert headers["content-security-policy"].startswith("sandbox; default-src 'none'")
    assert headers["x-content-type-options"] == "nosniff"


def test_a_packed_run_is_shown(serve: Any, runs: Path) -> None:
    path = mt.open_run(runs / "a").summary["photo"]["path"]
    before = (runs / "a" / path).read_bytes()
    mt.pack(runs / "a")
    assert not (runs / "a" / path).exists()
    assert Client(serve(runs)).ask(f"/files/a/{path}")[2] == before


def test_a_live_run_has_the_files_that_it_will_have(serve: Any, tmp_path: Path) -> None:
    with mt.Run(tmp_path / "runs" / "live") as run:
        for step in range(5):
            run.log({"loss": step / 2, "photo": mt.Image(np.full((2, 2), step, np.uint8))}, step=step)
        client = Client(serve(tmp_path / "runs"))
        now = pq.read_table(io.BytesIO(client.ask("/files/live/history.parquet")[2]))
        media = pq.read_table(io.BytesIO(client.ask("/files/live/media.parquet")[2]))
        assert not (run.path / "history.parquet").exists()  # reading never writes
    assert now.equals(pq.read_table(run.path / "history.parquet"))
    assert media.equals(pq.read_table(run.path / "media.parquet"))


def test_news_of_live_runs_begin_after_what_their_files_hold(tmp_path: Path) -> None:
    run = mt.Run(tmp_path / "runs" / "live")
    run.log({"loss": 1.0}, step=0)
    shelf = Shelf([tmp_path / "runs"])
    shelf.snapshot("live")
    run.log({"loss": 0.5, "text": "x", "flag": True}, step=1)
    news = Live(shelf).news()
    message = next(news)
    assert message is not None
    assert [(row["row"], row["values"]["loss"], row["values"]["flag"]) for row in message["rows"]] == [(1, 0.5, 1.0)]
    run.finish()
    message = next(news)
    assert message is not None
    assert [listed["run"]["status"] for listed in message["runs"]] == ["finished"]
    shelf.close()


def test_a_directory_of_tensorboard_logs_is_shown(serve: Any, tmp_path: Path) -> None:
    from tests.interop.tensorboard.event_files import scalar, write

    write(tmp_path / "logs" / "train", scalar("loss", 0.5, step=3))
    listed = json.loads(Client(serve(tmp_path / "logs")).ask("/runs.json")[2])
    assert [run["summary"]["train/loss"] for run in listed] == [0.5]
    assert sorted(os.listdir(tmp_path / "logs")) == ["train"]
