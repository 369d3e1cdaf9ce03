"""The benchmark harness on trivial entries, and the command."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import count
from pathlib import Path

import pytest

from benchmarks import _loggers, harness, peers, readme, report, results, subjects
from benchmarks.harness import Contender, Entry, Figures, Measure, Target, at_most, faster_than, no_larger_than

ROOT = Path(__file__).resolve().parents[1]


def _constant(**figures: float) -> Measure:
    return lambda: figures


def _entry(*contenders: Contender, targets: tuple[Target, ...] = (), needs: tuple[str, ...] = ()) -> Entry:
    return Entry("trivial", "a trivial entry", lambda scratch: list(contenders), targets, 3, needs)


def _run(entry: Entry, rounds: int | None = None) -> harness.Result:
    return harness.run(entry, rounds, lambda text: None)


def _command(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)


def test_every_contender_has_its_turn_in_every_round_after_one_warm_up() -> None:
    turns: list[str] = []

    def note(name: str) -> Contender:
        return Contender(name, lambda: turns.append(name) or {"ms": 1.0})  # type: ignore[func-returns-value]

    result = _run(_entry(note("a"), note("b")))
    assert turns == ["a", "b", "a", "b", "b", "a", "a", "b"]
    assert result.series == {"a": {"ms": [1.0] * 3}, "b": {"ms": [1.0] * 3}}


def test_the_numbers_of_a_round_stay_together() -> None:
    clock = count()

    def tick() -> Figures:
        return {"tick": float(next(clock))}

    series = _run(_entry(Contender("a", tick), Contender("b", tick)), rounds=2).series
    assert series["a"]["tick"] == [2.0, 5.0]
    assert series["b"]["tick"] == [3.0, 4.0]


def test_a_contender_whose_package_is_missing_is_skipped_with_the_reason() -> None:
    result = _run(
        _entry(Contender("ours", _constant(ms=1.0)), Contender("other", _constant(ms=1.0), "no_such_package"))
    )
    assert list(result.series) == ["ours"]
    assert "skipped other: no_such_package is not installed" in report.table(result)


def test_an_optional_contender_that_fails_is_skipped_and_ours_is_not() -> None:
    def fail() -> Figures:
        raise OSError("no server")

    result = _run(_entry(Contender("ours", _constant(ms=1.0)), Contender("other", fail, "json")))
    assert result.skipped == {"other": "it failed: OSError: no server"}
    with pytest.raises(OSError, match="no server"):
        _run(_entry(Contender("ours", fail)))


def test_an_entry_whose_package_is_missing_is_skipped() -> None:
    result = _run(_entry(Contender("ours", _constant(ms=1.0)), needs=("no_such_package",)))
    assert report.table(result).endswith("skipped the entry: no_such_package is not installed")


def test_an_entry_gets_an_empty_directory_that_is_removed() -> None:
    seen: list[Path] = []

    def prepare(scratch: Path) -> list[Contender]:
        seen.append(scratch)
        assert not list(scratch.iterdir())
        (scratch / "file").write_text("left behind")
        return [Contender("ours", _constant(ms=1.0))]

    _run(Entry("trivial", "", prepare, (), 1, ()))
    assert not seen[0].exists()


def test_timed_tells_the_mean_of_its_calls() -> None:
    calls: list[int] = []
    figures = harness.timed(lambda: calls.append(sum(range(20_000))), calls=10, unit="us")()
    assert len(calls) == 10
    assert 1 < figures["CPU us"] < 1e5
    assert figures["wall us"] > 1


def test_fresh_measures_in_another_process_and_tells_why_it_failed() -> None:
    assert harness.fresh("json", "loads", '{"ms": 2.5}')() == {"ms": 2.5}
    with pytest.raises(RuntimeError, match=r"json\.loads failed: .*JSONDecodeError"):
        harness.fresh("json", "loads", "nonsense")()


def test_the_table_shows_paired_and_minimum_ratios() -> None:
    series = {"ours": {"ms": [1.0, 2.0, 4.0]}, "theirs": {"ms": [2.0, 6.0, 4.0]}}
    lines = report.table(harness.Result(_entry(), series, {})).splitlines()
    assert lines[-1].split() == ["ms", "1", "2", "theirs", "2", "4", "2x", "2x"]
    series["theirs"]["ms"] = [3.0, 6.0, 4.0]
    assert report.table(harness.Result(_entry(), series, {})).splitlines()[-1].split()[-2:] == ["3x", "3x"]


@pytest.mark.parametrize(
    ("target", "verdict"),
    [
        (at_most("ms", 2), "<= 2: met"),
        (at_most("ms", 1.9), "<= 1.9: MISSED"),
        (at_most("ms", 2, worst=True), "<= 2: MISSED"),
        (faster_than("theirs", "ms", 3), ">= 3x: met"),
        (faster_than("theirs", "ms", 3.1), ">= 3.1x: MISSED"),
        (no_larger_than("theirs", "ms", 0.34), "<= 0.34x its: met"),
        (no_larger_than("theirs", "ms", 0.33), "<= 0.33x its: MISSED"),
    ],
)
def test_a_target_is_told_as_text(target: Target, verdict: str) -> None:
    series = {"ours": {"ms": [2.0, 3.0]}, "theirs": {"ms": [6.0, 7.0]}}
    assert verdict in report.table(harness.Result(_entry(targets=(target,)), series, {}))


def test_a_name_is_registered_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(harness, "ENTRIES", {})
    register = harness.benchmark("twice", "an entry")
    register(lambda scratch: [])
    with pytest.raises(ValueError, match="two benchmarks are called 'twice'"):
        register(lambda scratch: [])


def test_the_machine_line_names_cpu_cores_versions_and_load() -> None:
    for part in ("cores", "Python", "mediatypes", "numpy", "pyarrow", "zlib", "load"):
        assert part in report.machine()


def test_the_command_lists_the_entries() -> None:
    done = _command("--list")
    assert done.returncode == 0, done.stderr
    names = [line.split()[0] for line in done.stdout.splitlines()]
    assert {"import", "log-1", "log-5", "log-50", "png-zlib", "boxes-100k", "histogram", "validate"} <= set(names)


@pytest.mark.parametrize(
    ("name", "chosen"), [("log", ["log-1", "log-5", "log-50"]), ("log-5", ["log-5"]), ("png-i", ["png-isal"])]
)
def test_a_name_means_that_entry_or_all_that_begin_with_it(name: str, chosen: list[str]) -> None:
    assert [line.split()[0] for line in _command(name, "--list").stdout.splitlines()] == chosen


def test_the_command_runs_entries_and_prints_progress_beside_the_table(tmp_path: Path) -> None:
    done = _command("import-run", "log-1", "--rounds", "1", "--no-peers", "--results", str(tmp_path / "results"))
    assert done.returncode == 0, done.stderr
    assert set(results.latest(tmp_path / "results")) == {"import-run", "log-1"}
    assert [part in done.stdout for part in ("import-run: ", "CPU ms", "log-1: ", "thread CPU us")] == [True] * 4
    assert "round 1 of 1" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["no-such-entry"], "got no-such-entry. --list prints them."), (["--rounds", "0"], "expected at least 1, got 0")],
)
def test_the_command_refuses_what_it_does_not_know(arguments: list[str], message: str) -> None:
    done = _command(*arguments)
    assert done.returncode == 2
    assert message in done.stderr


def test_a_contender_whose_package_is_missing_is_measured_in_an_environment_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The environment stands for one: it is ours, and its package is there in no name."""
    monkeypatch.setattr(peers, "FOLDER", tmp_path)
    monkeypatch.setitem(peers.PACKAGES, "no_such_package", ("none",))
    python = tmp_path / "no_such_package" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to(sys.executable)
    (tmp_path / "no_such_package" / "packages.json").write_text(json.dumps([*peers._BASE, "none"]))
    subjects.load("import-run")
    real = harness.ENTRIES["import-run"]
    missing = real._replace(prepare=lambda path: [c._replace(needs="no_such_package") for c in real.prepare(path)[:2]])
    result = harness.run(missing, 1, lambda text: None, peers=True)
    assert (list(result.series), result.skipped) == (["mediatypes.Run", "json"], {})
    assert result.series["mediatypes.Run"]["other packages"] == [0]


def test_results_of_a_day_are_one_file_and_the_newest_of_each_entry_counts(tmp_path: Path) -> None:
    first, second = (
        _run(_entry(Contender("ours", _constant(ms=1.0)))),
        _run(_entry(Contender("ours", _constant(ms=2.0)))),
    )
    (tmp_path / "2020-01-01.json").write_text(results.write("a machine", [first], tmp_path / "old").read_text())
    assert results.latest(tmp_path)["trivial"]["series"] == {"ours": {"ms": [1.0] * 3}}
    path = results.write("a machine", [second], tmp_path)
    assert path == results.write("a machine", [second._replace(entry=second.entry._replace(name="other"))], tmp_path)
    latest = results.latest(tmp_path)
    assert (set(latest), latest["trivial"]["series"]) == ({"trivial", "other"}, {"ours": {"ms": [2.0] * 3}})


def test_the_table_of_the_readme_has_what_was_measured() -> None:
    series = {"mediatypes": {"CPU ms": [8.0, 9.0]}, "numpy": {"CPU ms": [96.0]}}
    *_, row = readme.table({"import": {"series": series, "ours": "mediatypes"}})
    assert row == "| `import mediatypes`, which imports no package | 8 ms | `import numpy` 96 ms | 12x |"


def test_every_row_of_the_readme_has_its_entry_and_every_peer_a_package() -> None:
    subjects.load()
    assert set(readme.SHORT) < {row.entry for row in readme.ROWS} <= set(harness.ENTRIES)
    assert set(_loggers.NEEDS.values()) <= set(peers.PACKAGES)
    for path in (readme.README, readme.ALL):
        text = path.read_text("utf-8")
        assert text.index(readme.BEGIN) < text.index(readme.END)
