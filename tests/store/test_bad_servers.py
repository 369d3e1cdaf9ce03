"""Servers that hang, cut, refuse or talk nonsense: our errors, in bounded time, and nothing is lost here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import mediatypes as mt

from ..bad_server import ANSWERS, HANGS, bad_server
from ..remote import settings

# In a process of its own, which has to end as well. A server that is silent for a second is given up.
CODE = """
import json, sys, time
from concurrent.futures import ThreadPoolExecutor
import mediatypes as mt
from mediatypes.store import urls

urls._CONNECT = urls._STALLED = 1
root, ports = sys.argv[1], json.loads(sys.argv[2])
REFERENCE = {"path": "ab/" + "ab" * 32 + ".html", "sha256": "ab" * 32, "size": 3, "media_type": "text/html"}


def said(act):
    try:
        return str(act())
    except mt.MediaTypesError as error:
        return str(error)


def ask(item):
    does, port = item
    options = f"?endpoint_override=127.0.0.1:{port}&scheme=http"
    path = f"{root}/{does}"
    run = mt.Run(path, remote=f"s3://bucket/run{options}", upload_timeout=2, upload_every=0.01, quiet=True)
    run.log({"shown": mt.Html("<p>")})
    begin = time.monotonic()
    sent = said(run.finish)
    seconds = time.monotonic() - begin
    document = {"_type": "html", "_version": "1.0", "inject": True, **REFERENCE}
    asked = [
        said(lambda: mt.open_runs(f"s3://bucket/runs{options}").problems),
        said(lambda: mt.open_run(f"s3://bucket/run{options}").history()),
        said(lambda: mt.decode(document, mt.open_store(f"s3://bucket/media{options}"))),
        said(lambda: mt.copy(path, f"s3://bucket/copies{options}").problems),
    ]
    return does, (seconds, sent, asked)


with ThreadPoolExecutor(len(ports)) as pool:
    print(json.dumps(dict(pool.map(ask, ports.items()))))
"""


def test_a_server_that_does_not_answer_costs_a_while_and_no_row(tmp_path: Path) -> None:
    with ExitStack() as stack:
        servers = {does: stack.enter_context(bad_server(does)) for does in (HANGS, *ANSWERS)}
        ports = json.dumps({does: server.port for does, server in servers.items()})
        environment = {**os.environ, **settings(0), "PYTHONPATH": os.pathsep.join(sys.path)}
        command = [sys.executable, "-c", CODE, tmp_path, ports]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    for does, (seconds, sent, asked) in json.loads(done.stdout).items():
        assert seconds < 60, does  # far less: the machine may be busy
        assert sent.startswith("s3://bucket/run: expected a copy that is up to date, got "), does
        assert sent.endswith(f"whole in {tmp_path / does}: finish again, or copy it."), does
        for text in asked:
            assert "s3://bucket/" in text or "ab/abab" in text, (does, text)
        view = mt.open_run(tmp_path / does)
        assert (view.status, len(list(view.values("shown")))) == ("finished", 1)
        assert {problem.code for problem in view.problems} <= {"upload"}
    no_answer = "expected a copy that is up to date, got no end of it within 2 seconds."
    assert no_answer in json.loads(done.stdout)[HANGS][1]
