"""What several test files share: real photographs, a stand-in for torch, servers and sessions."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from importlib import import_module
from itertools import count
from pkgutil import walk_packages
from types import ModuleType
from typing import Any

import pytest

import mediatypes
from tests.base_only import BaseOnly, replace_hypothesis
from tests.processes import start as start
from tests.remote import make_bucket, s3_server
from tests.samples import Array, FakeTensor, photograph
from tests.spark import local_spark


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--base", action="store_true", help="skip tests that need more than numpy, pyarrow and Pillow")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--base"):
        replace_hypothesis()
        config.pluginmanager.register(BaseOnly())
    else:
        from hypothesis import HealthCheck, settings

        # On a busy machine any example may take long.
        settings.register_profile("busy", settings(deadline=None, suppress_health_check=[HealthCheck.too_slow]))
        settings.load_profile("busy")
    # What tests start would inherit what a shell's background and nohup ignore.
    for number, handler in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, handler)
    import_all()


def import_all() -> None:
    """Import the rooms whose threads would do it while a test imports something else.

    pytest parses what is imported, and Python before 3.11.9 may fail when two threads parse at once (gh-106905).
    """
    for module in walk_packages(mediatypes.__path__, "mediatypes."):
        if not module.name.startswith(("mediatypes.interop", "mediatypes.__main__")):
            import_module(module.name)


os.environ["MEDIATYPES_QUIET"] = "1"  # runs print nothing, in this process and in those it starts
os.environ["MEDIATYPES_CAPTURE"] = "none"  # and look at no work tree; tests/capture asks for what it tests


@pytest.fixture(scope="session", autouse=True)
def temporary_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What examples make with `tempfile.mkdtemp()` goes where pytest cleans up."""
    tempfile.tempdir = str(tmp_path_factory.mktemp("examples"))
    yield
    tempfile.tempdir = None


@pytest.fixture(scope="session")
def astronaut() -> Array:
    """(512, 512, 3) uint8."""
    return photograph("astronaut")


@pytest.fixture(scope="session")
def coffee() -> Array:
    """(400, 600, 3) uint8: not square, so that swapped axes show."""
    return photograph("coffee")


@pytest.fixture
def fake_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes a FakeTensor count as torch's, without torch being installed."""
    torch = ModuleType("torch")
    torch.Tensor = FakeTensor  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torch", torch)


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A Spark session; tests that need one are skipped where there is none."""
    with local_spark(tmp_path_factory.mktemp("spark")) as session:
        yield session


@pytest.fixture(scope="session")
def s3() -> Iterator[dict[str, str]]:
    """An S3 server on the loopback interface, and the environment that its clients need."""
    with s3_server() as settings:
        yield settings


@pytest.fixture(params=["s3", "memory"])
def elsewhere(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of an empty directory that is not on this machine."""
    if request.param == "memory":
        import fsspec

        yield "memory://runs"
        fsspec.filesystem("memory").store.clear()
        return
    request.getfixturevalue("s3")
    make_bucket(bucket := f"bucket{next(_numbers)}")
    yield f"s3://{bucket}/runs"


_numbers = count()
