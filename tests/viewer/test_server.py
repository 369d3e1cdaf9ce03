"""The server of the page: who may ask, for what, and what it answers."""

from __future__ import annotations

import http.client
import io
import json
import os
import shutil
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import numpy as np
import pyarrow.parquet as pq
import pytest

import mediatypes as mt
from mediatypes.viewer import live, server
from mediatypes.viewer.live import Begun, Live, pause
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
    assert client.ask("/runs.json", Host="localhost:9")[0] == 200  # through a tunnel
    assert client.ask("/runs.json", Host="localhost:9.evil.example")[0] == 403
    assert client.ask("/runs.json", Origin=f"http://{client.host}")[0] == 200


def test_connections_beyond_a_number_are_closed(serve: Any, runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "_CONNECTIONS", 2)
    client = Client(serve(runs))
    held = [socket.create_connection(client.host.rsplit(":", 1), timeout=30) for _ in range(2)]
    with pytest.raises((http.client.HTTPException, ConnectionError)):
        client.ask("/runs.json")
    held.pop().close()
    while True:  # until the server has seen that it is closed
        with suppress(http.client.HTTPException, ConnectionError):
            assert client.ask("/runs.json")[0] == 200
            break
    held.pop().close()


def test_a_connection_that_asks_nothing_is_closed(serve: Any, runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server._Handler, "timeout", 0.1)
    with socket.create_connection(Client(serve(runs)).host.rsplit(":", 1), timeout=30) as connection:
        assert connection.recv(1) == b""


def test_beyond_loopback_a_token_is_needed(serve: Any, runs: Path) -> None:
    url = serve(runs, host="0.0.0.0")
    token = urlsplit(url).query
    client = Client(url.replace("0.0.0.0", "127.0.0.1"))
    assert client.ask("/runs.json")[0] == 403
    assert client.ask("/runs.json?token=guess")[0] == 403
    status, headers, _ = client.ask(f"/?{token}")
    assert status == 200
    cookie = headers["set-cookie"].partition(";")[0]
    other = urlsplit(serve(runs, host="0.0.0.0"))  # a browser sends the cookies of a host to all its ports
    _, headers, _ = Client(f"http://127.0.0.1:{other.port}/").ask(f"/?{other.query}")
    theirs = headers["set-cookie"].partition(";")[0]
    assert theirs.partition("=")[0] != cookie.partition("=")[0]
    assert client.ask("/runs.json", Cookie=f'a[0]={{"odd": 1}}; {theirs}; {cookie}')[0] == 200
    assert client.ask("/runs.json", Cookie=theirs)[0] == 403


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


class Listener:
    """What a page hears: the news of a shelf, one after the other."""

    def __init__(self, shelf: Shelf) -> None:
        self._news = Live(shelf).news()
        self.first = self.next()

    def next(self) -> dict[str, Any]:
        """The next message; it comes, sooner or later."""
        return next(message for message in self._news if message is not None)

    def statuses(self) -> dict[str, str]:
        return {listed["path"]: listed["run"]["status"] for listed in self.next()["runs"]}

    def losses(self) -> list[tuple[int, float]]:
        return [(row["row"], row["values"]["loss"]) for row in self.next()["rows"]]


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shelf]:
    monkeypatch.setattr(live, "_FIND", 0.0)  # runs are looked for at every look
    (tmp_path / "runs").mkdir()
    shelf = Shelf([tmp_path / "runs"])
    yield shelf
    shelf.close()


def test_news_of_live_runs_begin_after_what_their_files_hold(shelf: Shelf, tmp_path: Path) -> None:
    run = mt.Run(tmp_path / "runs" / "live")
    run.log({"loss": 1.0}, step=0)
    shelf.find()
    shelf.snapshot("live")
    run.log({"loss": 0.5, "text": "x", "flag": True}, step=1)
    page = Listener(shelf)
    assert page.next()["rows"][0]["values"].items() >= {"loss": 0.5, "flag": 1.0}.items()
    run.finish()
    assert page.statuses() == {"live": "finished"}


def test_ranks_of_a_live_run_are_told_apart(shelf: Shelf, tmp_path: Path) -> None:
    ranks = [mt.Run(tmp_path / "runs" / "live", rank=rank) for rank in range(2)]
    for rank, run in enumerate(ranks):
        run.log({"loss": 1.0 + rank}, step=0)
    ranks[1].log({"loss": 5.0}, step=1)
    shelf.find()
    table = pq.read_table(shelf.snapshot("live")[0] / "history.parquet", columns=["_step", "_rank", "loss"])
    assert sorted(map(tuple, (row.values() for row in table.to_pylist()))) == [(0, 0, 1.0), (0, 1, 2.0), (1, 1, 5.0)]
    for rank, run in enumerate(ranks):
        run.log({"loss": 3.0 + rank, "photo": mt.Image(np.zeros((4, 4), np.uint8))}, step=2)
    page, rows, media = Listener(shelf), {}, []
    while len(rows) < 2:
        message = page.next()
        rows |= {(row["row"], row["rank"]): row["values"]["loss"] for row in message["rows"]}
        media += [(row["step"], row["_rank"]) for row in message["media"]]
    assert rows == {(2, 0): 3.0, (2, 1): 4.0}
    assert sorted(media) == [(2, 0), (2, 1)]
    for run in reversed(ranks):
        run.finish()


def test_a_run_that_ends_before_it_is_looked_at_is_told_as_over(shelf: Shelf, tmp_path: Path) -> None:
    run = mt.Run(tmp_path / "runs" / "live")
    run.log({"loss": 1.0})
    page = Listener(shelf)
    assert page.first["runs"][0]["run"]["status"] == "running"
    run.finish()
    assert page.statuses() == {"live": "finished"}


def test_every_page_hears_of_runs_that_begin_end_and_go_on(shelf: Shelf, tmp_path: Path) -> None:
    pages = [Listener(shelf), Listener(shelf)]
    assert [page.first for page in pages] == [{"all": True, "runs": []}] * 2
    for name in ("a", "b"):  # the second has a snapshot of its own, though that of the first is gone
        run = mt.Run(tmp_path / "runs" / name)
        run.log({"loss": 1.0}, step=0)
        assert [page.statuses() for page in pages] == [{name: "running"}] * 2
        shelf.snapshot(name)
        run.log({"loss": 0.5}, step=1)
        assert [page.losses() for page in pages] == [[(1, 0.5)]] * 2
        run.finish()
        assert [page.statuses() for page in pages] == [{name: "finished"}] * 2
    with mt.Run(tmp_path / "runs" / "a", mode="resume") as run:
        assert [page.statuses() for page in pages] == [{"a": "running"}] * 2
        assert len(pq.read_table(shelf.snapshot("a")[0] / "history.parquet")) == 2
        run.log({"loss": 0.25}, step=2)
        assert [page.losses() for page in pages] == [[(2, 0.25)]] * 2
    assert [page.statuses() for page in pages] == [{"a": "finished"}] * 2
    shutil.rmtree(tmp_path / "runs" / "b")
    assert [page.next() for page in pages] == [{"gone": ["b"]}] * 2


def test_news_that_begin_in_a_page_go_on_where_it_was_made(shelf: Shelf, tmp_path: Path) -> None:
    mt.Run(tmp_path / "runs" / "old").finish()
    begun = Begun(shelf)
    name, listed = begun.begin()
    assert [run["path"] for run in listed] == ["old"]
    with mt.Run(tmp_path / "runs" / "new"):
        went_on, again = begun.go_on(name), begun.go_on(name)
        message = next(message for message in went_on if message)
        assert [run["path"] for run in message["runs"]] == ["new"]
        assert "all" not in message
        first = next(again) or {}
        assert first["all"]  # a browser that comes again, or to another server, knows nothing of what was missed
        assert [run["path"] for run in first["runs"]] == ["new", "old"]
    names = [begun.begin()[0] for _ in range(20)]
    assert (next(begun.go_on(names[0])) or {})["all"]  # pages that never asked are forgotten


def test_what_a_run_says_is_read_again_when_it_was_edited(shelf: Shelf, tmp_path: Path) -> None:
    mt.Run(tmp_path / "runs" / "one").finish()
    shelf.find()
    assert shelf.describe()[0]["summary"] == {}
    mt.open_run(tmp_path / "runs" / "one").edit(summary={"verdict": "good"})
    shelf.find()
    assert shelf.describe()[0]["summary"] == {"verdict": "good"}


def test_rows_that_were_taken_back_are_told_as_another_run(shelf: Shelf, tmp_path: Path) -> None:
    with mt.Run(tmp_path / "runs" / "live") as run:
        for step in range(5):
            run.log({"loss": float(step)}, step=step)
    page = Listener(shelf)
    with mt.Run(run.path, mode="resume", from_step=2) as run:
        run.log({"loss": 0.5}, step=2)
        assert page.statuses() == {"live": "running"}
        assert pq.read_table(shelf.snapshot("live")[0] / "history.parquet")["loss"].to_pylist() == [0.0, 1.0, 0.5]
        run.log({"loss": 0.25}, step=3)
        assert page.losses() == [(3, 0.25)]


def test_a_run_that_cannot_be_read_any_more_ends_no_news(
    shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("bad", "good"):
        mt.Run(tmp_path / "runs" / name).log({"loss": 1.0})
    page = Listener(shelf)
    whole = Shelf.snapshot

    def fail(self: Shelf, name: str) -> tuple[Path, dict[int, int]]:
        if name == "bad":
            raise OSError("too many open files")
        return whole(self, name)

    monkeypatch.setattr(Shelf, "snapshot", fail)
    with mt.Run(tmp_path / "runs" / "new"):
        assert page.statuses() == {"new": "running"}
    assert page.statuses() == {"new": "finished"}


def test_names_of_runs_stay_when_others_come(tmp_path: Path) -> None:
    mt.Run(tmp_path / "runs" / "deep" / "a").finish()
    shelves = [
        Shelf([source]) for source in (tmp_path / "runs", str(tmp_path / "r*"), tmp_path / "runs" / "deep" / "a")
    ]
    assert [shelf.names() for shelf in shelves] == [["deep/a"], ["runs/deep/a"], ["a"]]
    mt.Run(tmp_path / "runs" / "b").finish()
    mt.Run(tmp_path / "runs2" / "c").finish()
    for shelf in shelves:
        shelf.find()
    assert [shelf.names() for shelf in shelves] == [["b", "deep/a"], ["runs/b", "runs/deep/a", "runs2/c"], ["a"]]


def test_a_look_that_was_slow_is_soon_followed_by_the_next() -> None:
    assert pause(0.0) == 0.02
    assert pause(0.01) == pytest.approx(0.2)
    assert pause(60.0) == 1.0


def test_runs_elsewhere_are_shown_by_ranges(serve: Any, tmp_path: Path) -> None:
    fsspec = pytest.importorskip("fsspec")
    for name in ("a", "b"):
        with mt.Run(tmp_path / "runs" / name) as run:
            run.log({"loss": 0.5, "photo": mt.Image(np.zeros((4, 4, 3), np.uint8))})
        mt.copy(run.path, "memory://viewer/runs")
    try:
        client = Client(serve("memory://viewer/runs"))
        listed = json.loads(client.ask("/runs.json")[2])
        assert [run["path"] for run in listed] == ["a", "b"]
        path = "/files/a/history.parquet"
        whole = (tmp_path / "runs" / "a" / "history.parquet").read_bytes()
        assert client.ask(path)[2] == whole
        assert client.ask(path, Range="bytes=-8")[2] == whole[-8:]
        photo = listed[0]["summary"]["photo"]["path"]
        assert client.ask(f"/files/a/{photo}")[2] == (tmp_path / "runs" / "a" / photo).read_bytes()
        assert client.ask("/files/a/nothing")[0] == 404
        assert json.loads(client.ask("/files/a/run.json")[2])["name"] == "a"
    finally:
        fsspec.filesystem("memory").rm("/viewer", recursive=True)


def test_a_directory_of_tensorboard_logs_is_shown(serve: Any, tmp_path: Path) -> None:
    from tests.interop.tensorboard.event_files import scalar, write

    write(tmp_path / "logs" / "train", scalar("loss", 0.5, step=3))
    listed = json.loads(Client(serve(tmp_path / "logs")).ask("/runs.json")[2])
    assert [run["summary"]["train/loss"] for run in listed] == [0.5]
    assert sorted(os.listdir(tmp_path / "logs")) == ["train"]


def test_logs_of_tensorboard_are_followed(serve: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.interop.tensorboard.event_files import scalar, write

    monkeypatch.setattr(live, "_FIND", 0.0)
    shelf = Shelf([write(tmp_path / "logs" / "train", scalar("loss", 0.5, step=3)).parents[1]], follow=True)
    try:
        page = Listener(shelf)
        assert [run["summary"]["train/loss"] for run in page.first["runs"]] == [0.5]
        (log,) = (tmp_path / "logs" / "train").iterdir()
        (name,) = shelf.names()
        seen = {3: 0.5}
        for step in (4, 5, 6):
            with open(log, "ab") as file:
                file.write(scalar("loss", 1 / step, step=step))
            while step not in seen:  # it is told, or in the file of a run that is told to be another one
                for row in page.next().get("rows", []):
                    seen[row["row"]] = row["values"]["train/loss"]
                with shelf.open(name, "history.parquet") as history:
                    rows = pq.read_table(io.BytesIO(history.read()), columns=["_step", "train/loss"]).to_pylist()
                seen |= {row["_step"]: row["train/loss"] for row in rows}
        assert seen == {3: 0.5, **{step: pytest.approx(1 / step) for step in (4, 5, 6)}}
    finally:
        shelf.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("follow")]


@pytest.mark.parametrize("what", ["runs", "tensorboard", "wandb"])
def test_a_folder_that_is_empty_is_waited_for(what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first run is told, whoever logs it."""
    from tests.interop.tensorboard.event_files import scalar, write
    from tests.interop.wandb.test_import import Folder
    from tests.interop.wandb.wandb_log import Log

    def begin(name: str, loss: float) -> None:
        if what == "runs":
            with mt.Run(root / name, quiet=True, capture=False) as run:
                run.log({"loss": loss})
        elif what == "tensorboard":
            write(root / name, scalar("loss", loss, step=3))
        else:
            log = Log(config={})
            log.log({"loss": loss}, 0)
            log.write(Folder(root).root)

    monkeypatch.setattr(live, "_FIND", 0.0)
    root = tmp_path / "logs"
    root.mkdir()
    shelf = Shelf([root], follow=True)
    try:
        page = Listener(shelf)
        assert page.first["runs"] == []
        begin("first", 0.5)
        assert [run["summary"]["loss"] for run in page.next()["runs"]] == [0.5]
        assert list(root.rglob("run.json")) == ([root / "first" / "run.json"] if what == "runs" else [])
    finally:
        shelf.close()


def test_a_directory_of_wandb_is_shown(serve: Any, tmp_path: Path) -> None:
    from tests.interop.wandb.wandb_log import Log

    log = Log(name="n", config={"lr": 0.1})
    log.log({"loss": 0.5}, 3)
    log.exit(0)
    folder = tmp_path / "wandb" / "offline-run-20240101_120000-abc123"
    folder.mkdir(parents=True)
    log.write(folder)
    listed = json.loads(Client(serve(tmp_path / "wandb")).ask("/runs.json")[2])
    assert [(run["run"]["name"], run["run"]["config"], run["summary"]["loss"]) for run in listed] == [
        ("n", {"lr": 0.1}, 0.5)
    ]
    assert os.listdir(tmp_path / "wandb") == [folder.name]
