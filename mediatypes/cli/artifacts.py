"""`mediatypes artifacts`"""

from __future__ import annotations

import time
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from .._core.errors import StoreError, Verbatim
from .._core.wording import counted
from ._command import Command, Parser
from ._text import clean, in_bytes, table_of

if TYPE_CHECKING:
    from ..artifact.store import Artifacts
    from ..artifact.version import Artifact

_HEAD = ("version", "aliases", "type", "files", "size", "created", "run")
_WIDEST = (80, 60, 30, 10, 10, 20, 60)


def _add_arguments(parser: Parser) -> None:
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    for name, text, do in (
        ("ls", "list artifacts and their versions", _ls),
        ("get", "copy a version to a folder", _get),
        ("verify", "compare every byte with its hash", _verify),
        ("gc", "remove what no version holds", _gc),
    ):
        action = actions.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
        where = "the directory of the runs, or a URL"
        if name == "get":
            action.add_argument("root", metavar="ROOT", help=where)
            action.add_argument("name", metavar="NAME", help="such as cats, cats:best or cats:v3")
            action.add_argument("-o", "--output", metavar="DEST", required=True, help="the folder to be made")
            action.add_argument("--references", action="store_true", help="fetch what it refers to as well")
        else:
            action.add_argument("root", metavar="ROOT", nargs="?", default=".", help=f"{where} (default: this one)")
        if name == "gc":
            action.add_argument("--dry-run", action="store_true", help="only say what would be removed")
        action.set_defaults(do=do, parser=action)


def _run(arguments: Namespace) -> int:
    from ..artifact.store import artifacts

    store = artifacts(arguments.root)
    if isinstance(store.root, Path) and not store.root.is_dir() and not store.root.parent.is_dir():
        got = Verbatim("a file" if store.root.parent.exists() else "nothing of that name")
        hint = "Pass the directory that holds the runs."
        raise StoreError.of(str(arguments.root), "a directory of runs", got, hint)
    code: int = arguments.do(store, arguments)
    return code


def _ls(store: Artifacts, arguments: Namespace) -> int:
    lines = [_line(version) for name in store.names() for version in store.versions(name)]
    if lines:
        print(*map(clean, table_of([_HEAD, *lines], _WIDEST, left=3)), sep="\n")
        return 0
    return _none(arguments)


def _none(arguments: Namespace) -> int:
    print(f"{clean(arguments.root)}: no artifacts. Pass the directory that holds the runs.")
    return 0


def _line(version: Artifact) -> tuple[str, ...]:
    created = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(version.created))
    stored, run = sum(entry.is_stored for entry in version.entries.values()), version.run or {}
    named = f"{version.name}:{version.version}"
    size = in_bytes(version.size)
    return named, " ".join(version.aliases), version.type, str(stored), size, created, run.get("name", "")


def _get(store: Artifacts, arguments: Namespace) -> int:
    version = store.use(arguments.name)
    path = version.download(arguments.output, references=arguments.references)
    left_out = 0 if arguments.references else len(version.references)
    rest = f"; {counted(left_out, 'reference')} left out, which --references fetches" if left_out else ""
    print(clean(f"{path}: {version.name}:{version.version}, {in_bytes(version.size)}{rest}"))
    return 0


def _verify(store: Artifacts, arguments: Namespace) -> int:
    if not store.names():
        return _none(arguments)
    report = store.verify()
    for problem in report.problems:
        print(clean(str(problem)))
    verdict = counted(len(report.problems), "problem") if report.problems else "nothing is wrong"
    versions, checked = counted(report.versions, "version"), counted(report.files, "file")
    print(f"{versions}, {checked} of {in_bytes(report.bytes)}: {verdict}.")
    return 1 if report.problems else 0


def _gc(store: Artifacts, arguments: Namespace) -> int:
    done = store.gc(arguments.dry_run)
    doing = "would remove" if arguments.dry_run else "removed"
    print(f"{doing} {counted(done.files, 'file')}, {in_bytes(done.size)}; {counted(done.kept, 'file')} in use")
    return 0


COMMAND = Command(
    "artifacts",
    "list, copy out, check and clean up artifacts",
    "Artifacts are files and folders that runs logged with log_artifact, in versions, in artifacts/ beside the runs.\n"
    "ls lists them; get copies one out; verify reads every byte, and exits 1 if something is wrong; gc removes the\n"
    "content of versions whose directory was removed, and what killed processes left.",
    "mediatypes artifacts get runs model:best -o model",
    _add_arguments,
    _run,
)
