"""Places that are not this machine's: an S3 server on the loopback interface, and memory through fsspec."""

from __future__ import annotations

import importlib.util
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from unittest import mock

import pytest

NEEDED = "needs moto: pip install 'moto[s3]' flask flask-cors"
_SERVER = "import sys; from moto.server import main; main(['-H', '127.0.0.1', '-p', sys.argv[1]])"
_PATIENCE = 60  # seconds for the server to start


def has_moto() -> bool:
    return all(importlib.util.find_spec(name) for name in ("moto", "flask", "flask_cors"))


def free_port() -> int:
    with closing(socket.socket()) as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def settings(port: int) -> dict[str, str]:
    """What the environment says to a client of the server: no other server is asked."""
    return {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
    }


@contextmanager
def s3_server() -> Iterator[dict[str, str]]:
    """An S3 server in a process of its own, while this lasts: its settings."""
    if not has_moto():
        pytest.skip(NEEDED)
    port = free_port()
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    server = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", _SERVER, str(port)],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        end = time.monotonic() + _PATIENCE
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/moto-api/", timeout=5).close()
                break
            except OSError:
                if time.monotonic() > end or server.poll() is not None:
                    raise
                time.sleep(0.05)
        with mock.patch.dict(os.environ, settings(port)):
            yield settings(port)
    finally:
        server.kill()
        server.wait()


def make_bucket(name: str) -> None:
    """A bucket of the server that the environment names."""
    from pyarrow.fs import S3FileSystem

    host = os.environ["AWS_ENDPOINT_URL"].rpartition("://")[2]
    S3FileSystem(scheme="http", endpoint_override=host, allow_bucket_creation=True).create_dir(name)
