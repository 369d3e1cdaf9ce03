"""URLs of file systems: what each names, and how pyarrow reaches it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit
from urllib.request import url2pathname

from .._core.deps import need
from .._core.errors import InputError, StoreError, os_error
from .._core.location import local_path
from .location import RemotePath, Root

_URL = re.compile(r"([a-z][a-z0-9+.-]+)://(.*)", re.DOTALL | re.IGNORECASE)
_CONNECT, _STALLED, _ATTEMPTS = 10, 20, 3  # seconds until a server that does not answer is asked again, so many times
_SCHEMES = "s3://bucket/runs, gs://bucket/runs, az://container/runs or file:///runs"


def is_url(path: object) -> bool:
    """Whether a path names a file system, such as `s3://`."""
    return isinstance(path, str) and _URL.match(path) is not None


def locate(path: str | os.PathLike[str] | RemotePath, where: str = "path", filesystem: Any = None) -> Path | RemotePath:
    """The place that a path or URL names; nothing is asked for yet.

    Raises InputError for an unknown scheme, a password in the URL, or a part such as ".."; StoreError if a server that
    is reached at once does not answer.
    """
    if isinstance(path, RemotePath):
        return path
    url = _URL.fullmatch(path) if isinstance(path, str) else None
    if filesystem is None and not url:
        return local_path(path, where)
    text = os.fspath(path)
    if filesystem is not None or not url:
        return _given(text, filesystem, where)
    scheme, rest = url[1].lower(), url[2]
    if scheme == "file":
        return Path(url2pathname(unquote(urlsplit(text).path))).absolute()
    rest, _, query = rest.partition("?")
    bucket = rest.partition("/")[0]
    if ":" in bucket.rpartition("@")[0]:
        hint = "Set it in the environment; a URL is shown and stored."
        raise InputError.of(where, "a URL without a password", f"{scheme}://...@{bucket.rpartition('@')[2]}", hint)
    path, options = _clean(rest, text, where), dict(parse_qsl(query, keep_blank_values=True))
    if scheme not in _MAKERS:
        return _by_fsspec(scheme, text, where)
    if not bucket:
        raise InputError.of(where, "a bucket and a path", text, f"Pass a URL such as {_SCHEMES}.")
    make, known = _MAKERS[scheme]
    if unknown := sorted(options.keys() - known):
        raise InputError.of(where, f"options of {', '.join(sorted(known))}", unknown, "Leave them out.")
    at, _, account = bucket.partition("@")
    if account:
        options, path = {"account_name": account.partition(".")[0]} | options, path.replace(bucket, at, 1)
    return RemotePath(Root(f"{scheme}://", lambda: make(bucket, options)), path)


def _clean(path: str, text: str, where: str) -> str:
    path = path.rstrip("/")
    if any(part in ("", ".", "..") for part in path.lstrip("/").split("/")) and path:
        raise InputError.of(where, "a URL without empty parts, . and ..", text, "Write the whole path.")
    return path


def _anonymous(options: dict[str, str]) -> dict[str, bool]:
    return {"anonymous": options["anonymous"].lower() not in ("false", "0")} if "anonymous" in options else {}


def _s3(bucket: str, options: dict[str, str]) -> Any:
    from pyarrow import fs

    chosen: dict[str, Any] = options | _anonymous(options)
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")  # as Amazon's own tools do
    if endpoint and "endpoint_override" not in chosen:
        scheme, _, host = endpoint.rpartition("://")
        chosen |= {"scheme": scheme or "https", "endpoint_override": host.rstrip("/")}
    regions = (os.environ.get(name) for name in ("AWS_REGION", "AWS_DEFAULT_REGION"))
    if not chosen.keys() & {"region", "endpoint_override"} and not any(regions):
        chosen["region"] = fs.resolve_s3_region(bucket)
    chosen |= {"connect_timeout": _CONNECT, "request_timeout": _STALLED}
    chosen["retry_strategy"] = fs.AwsStandardS3RetryStrategy(max_attempts=_ATTEMPTS)
    try:
        return fs.S3FileSystem(**chosen, allow_delayed_open=True)
    except TypeError:  # of an earlier pyarrow, for which a small file costs three requests instead of one
        return fs.S3FileSystem(**chosen)


def _gcs(bucket: str, options: dict[str, str]) -> Any:
    from pyarrow import fs

    chosen: dict[str, Any] = options | _anonymous(options)
    return fs.GcsFileSystem(**chosen, retry_time_limit=timedelta(seconds=_STALLED * _ATTEMPTS))


def _azure(bucket: str, options: dict[str, str]) -> Any:
    from pyarrow import fs

    account = options.get("account_name") or os.environ.get("AZURE_STORAGE_ACCOUNT", "")
    if not account:
        hint = "Set AZURE_STORAGE_ACCOUNT, or pass az://container/runs?account_name=..."
        raise InputError.of("az", "the name of the storage account", account, hint)
    return fs.AzureFileSystem(account, account_key=os.environ.get("AZURE_STORAGE_KEY"))


class _Maker(NamedTuple):
    make: Callable[[str, dict[str, str]], Any]
    options: frozenset[str]  # in the query of the URL, as pyarrow names them


_GCS = _Maker(_gcs, frozenset({"anonymous", "endpoint_override", "project_id", "scheme"}))
_AZURE = _Maker(_azure, frozenset({"account_name"}))
_S3 = _Maker(_s3, frozenset({"anonymous", "endpoint_override", "region", "scheme"}))
_MAKERS = {"s3": _S3, "gs": _GCS, "gcs": _GCS, "az": _AZURE, "abfs": _AZURE, "abfss": _AZURE}


def _by_fsspec(scheme: str, url: str, where: str) -> RemotePath:
    fsspec: Any = need("fsspec", extra="fsspec", needed_for=f"{scheme}://")
    try:
        system, path = fsspec.core.url_to_fs(url)
    except (ValueError, ImportError) as error:
        raise InputError.of(where, f"a URL such as {_SCHEMES}", url, f"fsspec said: {error}.", "scheme") from error
    except OSError as error:  # of a file system that connects at once
        raise os_error(StoreError, url, "reach the server", error, "Check the URL and the network.") from error
    return _given(path, system, where)


def _given(path: str, filesystem: Any, where: str) -> RemotePath:
    """A path of a file system that was handed in, of pyarrow or fsspec."""
    from pyarrow import fs

    if isinstance(filesystem, fs.FileSystem):
        url = _URL.fullmatch(path)
        name, system, inside = filesystem.type_name, filesystem, url[2] if url else path
    elif hasattr(filesystem, "protocol") and hasattr(filesystem, "_strip_protocol"):  # as fsspec defines them
        protocols = filesystem.protocol
        name = protocols if isinstance(protocols, str) else protocols[0]
        system, inside = fs.PyFileSystem(fs.FSSpecHandler(filesystem)), filesystem._strip_protocol(path)
    else:
        hint = "Pass its URL alone."
        raise InputError.of(f"{where}.filesystem", "a file system of pyarrow or fsspec", filesystem, hint)
    return RemotePath(Root(f"{name}://", lambda: system), _clean(inside, path, where))
