"""Log directories in a bucket: S3 by a server on this machine; the other providers as far as their URLs."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlparse
from xml.sax.saxutils import escape

import pytest
from pyarrow import fs

import mediatypes as mt
from mediatypes.interop.importing import sources
from mediatypes.interop.tensorboard import import_logdir
from tests.interop.tensorboard.event_files import scalar, write

STAMP = "2026-01-01T00:00:00.000Z"


class S3(ThreadingHTTPServer):
    """The three requests of S3 that reading takes, for the files of a directory: each folder in it is a bucket."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.requests: list[str] = []
        super().__init__(("127.0.0.1", 0), Handler)


class Handler(BaseHTTPRequestHandler):
    server: S3

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, *, body: bool) -> None:
        url = urlparse(self.path)
        query = parse_qs(url.query)
        self.server.requests.append(self.path)
        path = self.server.root / unquote(url.path).strip("/")
        if "list-type" in query:
            return self._send(200, self._listing(path, query), "application/xml")
        if not path.is_file():
            return self._send(404, b"<Error><Code>NoSuchKey</Code></Error>", "application/xml")
        data, status = path.read_bytes(), 200
        size = len(data)
        headers = {"Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT", "ETag": '"x"'}
        if found := self.headers.get("Range"):
            first, _, last = found.removeprefix("bytes=").partition("-")
            data, status = data[int(first) : int(last or size) + 1], 206
            headers["Content-Range"] = f"bytes {first}-{int(first) + len(data) - 1}/{size}"
        return self._send(status, data, "application/octet-stream", headers, body=body)

    def _listing(self, bucket: Path, query: dict[str, list[str]]) -> bytes:
        prefix = query.get("prefix", [""])[0]
        keys = [str(path.relative_to(bucket)) for path in sorted(bucket.rglob("*")) if path.is_file()]
        found = [key for key in keys if key.startswith(prefix)][: int(query.get("max-keys", ["1000"])[0])]
        items = "".join(
            f"<Contents><Key>{escape(key)}</Key><Size>{(bucket / key).stat().st_size}</Size>"
            f"<LastModified>{STAMP}</LastModified></Contents>"
            for key in found
        )
        return (
            f'<?xml version="1.0"?><ListBucketResult><KeyCount>{len(found)}</KeyCount>'
            f"<IsTruncated>false</IsTruncated>{items}</ListBucketResult>"
        ).encode()

    def _send(
        self, status: int, data: bytes, kind: str, headers: dict[str, str] | None = None, *, body: bool = True
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        if body:
            self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def s3(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Path, str]]:
    """A directory that is a bucket, and what follows its URL."""
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "somebody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not a secret")
    with S3(tmp_path / "s3") as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        (tmp_path / "s3" / "bucket").mkdir(parents=True)
        host, port = server.server_address[:2]
        yield tmp_path / "s3" / "bucket", f"?endpoint_override={host!s}:{port}&scheme=http&region=us-east-1"
        server.shutdown()
        thread.join()


@pytest.mark.skipif(not hasattr(fs, "S3FileSystem"), reason="this pyarrow was built without S3")
def test_a_log_directory_in_s3_is_imported_as_one_here(s3: tuple[Path, str], tmp_path: Path) -> None:
    bucket, options = s3
    logs = bucket / "logs"
    write(logs / "a", *(scalar("loss", step, step) for step in range(2000)))
    write(logs / "keras" / "train", scalar("epoch_loss", 1, 1))
    (logs / "a" / "projector_config.pbtxt").write_text("embeddings {}")
    report = import_logdir(f"s3://bucket/logs{options}", tmp_path / "remote")
    assert [(run.name, run.status) for run in report.runs] == [("a", "new"), ("keras", "new")]
    import_logdir(logs, tmp_path / "local")
    for name in ("a", "keras"):
        one, other = mt.open_run(tmp_path / "remote" / name), mt.open_run(tmp_path / "local" / name)
        assert one.history().equals(other.history())
        assert (one.path / "events.parquet").read_bytes() == (other.path / "events.parquet").read_bytes()
    assert (tmp_path / "remote" / "a" / "files" / "projector_config.pbtxt").read_text() == "embeddings {}"
    with open(logs / "a" / "events.out.tfevents.1500000000.host", "ab") as file:
        file.write(scalar("loss", 1, 5000))
    again = import_logdir(f"s3://bucket/logs{options}", tmp_path / "remote")
    assert [(run.status, run.added) for run in again.runs] == [("updated", 1), ("unchanged", 0)]


@pytest.mark.skipif(not hasattr(fs, "S3FileSystem"), reason="this pyarrow was built without S3")
def test_an_empty_prefix_is_refused_without_its_credentials(s3: tuple[Path, str], tmp_path: Path) -> None:
    with pytest.raises(mt.InputError) as refused:
        import_logdir(f"s3://bucket/nothing{s3[1]}", tmp_path / "runs")
    assert str(refused.value) == ("logdir: expected a directory with files, got 's3://bucket/nothing'. Check the URL.")
    with pytest.raises(mt.InputError, match="a URL without a password") as refused:
        import_logdir(f"s3://somebody:hidden@bucket/nothing{s3[1]}", tmp_path / "runs")
    assert "hidden" not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "kind", "path"),
    [
        ("gs://bucket/some/logs", "gcs", "bucket/some/logs"),
        ("az://container/some/logs?account_name=account", "abfs", "container/some/logs"),
        ("abfss://container@account.dfs.core.windows.net/some/logs", "abfs", "container/some/logs"),
    ],
)
def test_other_providers_are_opened_by_their_urls(
    url: str, kind: str, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No request is made: their servers are not here."""
    monkeypatch.setattr(sources.RemoteDir, "list", lambda self: [sources.LogFile("x", 1)])
    opened = sources.RemoteDir(url)
    assert (opened._root().filesystem.type_name, opened._root().path) == (kind, path)
    assert opened.name == "logs"


def test_a_url_names_the_same_place_to_an_import_and_to_a_store(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT", "account")
    monkeypatch.setattr(sources.RemoteDir, "list", lambda self: [sources.LogFile("x", 1)])
    url = "az://container/some/logs"
    store = mt.open_store(url)
    assert isinstance(store, mt.RemoteStore)
    assert sources.RemoteDir(url)._root() == store.root
    assert sources.RemoteDir(url)._root().filesystem.equals(store.root.filesystem)


def test_other_schemes_are_those_of_fsspec(tmp_path: Path) -> None:
    fsspec = pytest.importorskip("fsspec")
    write(tmp_path / "logs" / "a", scalar("loss", 1.0))
    fsspec.filesystem("memory").put(str(tmp_path / "logs"), "/imported", recursive=True)
    report = import_logdir("memory://imported", tmp_path / "runs")
    assert [(run.name, run.added) for run in report.runs] == [("a", 1)]
    assert list(mt.open_run(tmp_path / "runs" / "a").values("loss")) == [(0, 1.0)]
