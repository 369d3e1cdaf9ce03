"""What a log says of its run beside the rows: who it is, config, summary, metrics, artifacts, how it ended."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...._core.errors import Problem
from ....columns.log_cells import RESERVED
from ....formats import protobuf
from ....formats.protobuf import BOOL, BYTES, INT, RAW, SPAN, TEXT, UINT, Malformed, Message, Type, texts
from ....journal.metrics import GOALS, NONE, STATISTICS, Metric
from ...importing.losses import Losses
from ..context import Entry
from ..run_log.items import HISTORY, SUMMARY, Path, read_item
from .artifacts import OWN_TYPES, Logged
from .read_rows import BAD, load, put
from .recorded import Recorded

_MOST_GPUS, _MOST_ALERTS, _ALERT_LENGTH = 1024, 100, 1000
_MAX_SECONDS = 253402300800  # since the epoch: the year 10000
_MOST_ENTRIES = 1_000_000  # files of artifacts that are remembered


def _seconds(data: bytes, start: int, end: int) -> float:
    """Seconds since the epoch of a Timestamp."""
    time = _TIMESTAMP.read(data, start, end)
    return float(time.get("seconds", 0) + time.get("nanos", 0) / 1e9)


# Messages of wandb/proto/wandb_internal.proto and wandb_telemetry.proto, as far as they are read.
_TIMESTAMP, _TIME = Message(seconds=(1, INT), nanos=(2, INT)), Type(BYTES, _seconds)
_ITEM = Type(BYTES, read_item)
_GIT = Message(**texts(remote=1, commit=2))
_CONFIG = Message(set=(1, [SPAN]), removed=(2, [SPAN]))
_RUN = Message(
    **texts(run_id=1, project=3, group=6, job_type=7, name=8, notes=9),
    config=(4, [SPAN]),
    tags=(10, [TEXT]),
    started=(17, _TIME),
    git=(21, _GIT),
)
_OPTIONS = Message(is_synced=(1, BOOL), is_hidden=(2, BOOL))
_STATISTICS = {"min": 1, "max": 2, "mean": 3, "best": 4, "last": 5, NONE: 6, "first": 8}
_METRIC = Message(
    **texts(name=1, pattern=2, step=4),
    step_index=(5, UINT),
    options=(6, _OPTIONS),
    summary=(7, Message(**{name: (number, BOOL) for name, number in _STATISTICS.items()})),
    goal=(8, UINT),
    is_expanded=(10, BOOL),
)
_MANIFEST = Message(entries=(4, [SPAN]))
_ENTRY = Message(**texts(path=1, digest=2, reference=3, place=6), size=(4, INT))
_ARTIFACT = Message(
    **texts(type=4, name=5, description=7, metadata=8, client_id=15), aliases=(11, [TEXT]), manifest=(12, SPAN)
)
_SYSTEM = {"os": 1, "python": 2, "docker": 4, "script": 6, "host": 12, "executable": 14, "cuda": 25}
_ENVIRONMENT = Message(
    **texts(**_SYSTEM, gpu=18),
    arguments=(5, [TEXT]),
    git=(9, _GIT),
    cores=(16, UINT),
    logical_cores=(17, UINT),
    gpu_count=(19, UINT),
    memory=(21, Message(total=(1, UINT))),
    processor=(22, Message(model=(3, TEXT))),
)
_HEADER = Message(version=(1, Message(producer=(1, TEXT))))
_EXIT = Message(code=(1, INT), runtime=(2, INT))
_STATS = Message(time=(2, _TIME), items=(3, [_ITEM]))
_OUTPUT = Message(stream=(1, UINT), time=(2, _TIME), text=(3, RAW))
_ALERT = Message(**texts(title=1, text=2, level=3))


class Facts:
    """Gathered record by record.

    Args:
        losses: gets what is wrong.
        recorded: gets what was printed, and what was measured of the machine.
    """

    def __init__(self, losses: Losses, recorded: Recorded | None) -> None:
        self.losses, self.recorded = losses, recorded
        self.texts: dict[str, str] = {}  # of the run record
        self.tags: list[str] = []
        self.started = self.last = 0.0  # seconds since the epoch: of the run, and of the last record that has a time
        self.config: dict[str, Any] = {}
        self.wandb: dict[str, Any] = {}  # W&B's own part of the config
        self.summary: dict[str, Any] = {}
        self.metrics: dict[str, Metric] = {}
        self._steps: list[str] = []  # names of metrics, by the order of their records
        self.artifacts: dict[str, dict[str, Entry]] = {}  # by client id, by path
        self.logged: list[Logged] = []  # artifacts, in their order
        self.alerts: list[str] = []
        self.environment: dict[str, Any] = {}
        self.exit_code: int | None = None
        self.runtime = 0
        self.counts: dict[str, int] = {}  # of records, by what they are
        self._entries = 0

    @property
    def status(self) -> str:
        """How the run ended: without an exit record its process was killed, or goes on."""
        if self.exit_code is None:
            return "crashed"
        return "failed" if self.exit_code else "finished"

    def take(self, data: bytes, start: int, end: int, offset: int) -> tuple[int, int, int] | None:
        """Take one record; returns kind and place of one that is history or summary."""
        try:
            for number, wire, begin, until in protobuf.fields(data, start, end):
                if wire == BYTES and number in (HISTORY, SUMMARY):
                    return number, begin, until
                if wire == BYTES and number in _READERS:
                    message, take = _READERS[number]
                    take(self, message.read(data, begin, until))
                    return None
        except (Malformed, ValueError, OverflowError) as error:
            text = f"expected a record of W&B, got {str(error).rstrip('.')}"
            self.losses.add(Problem(f"@{offset}", text, "malformed", "It is left out."))
        return None

    def take_summary(self, path: Path, json: bytes) -> None:
        value = self._load(json, "summary", path)
        if path[0] in RESERVED or path[0] == "_wandb" or value is BAD:
            return
        if len(path) == 1 and isinstance(value, dict) and value and "_type" not in value:
            self.summary[path[0]] = value
        elif not put(self.summary, path, value):
            self.summary[path[0]] = {}
            put(self.summary, path, value)

    def remove_summary(self, path: Path) -> None:
        _remove(self.summary, path)

    # Records --------------------------------------------------------------------------------------------------------

    def _run(self, run: dict[str, Any]) -> None:
        self.texts |= {name: value for name, value in run.items() if isinstance(value, str)}
        self.tags = run.get("tags", self.tags)
        if "started" in run:
            self.started = run["started"]
            self.last = max(self.last, self.started)
        self._git(run)
        for span in run.get("config", ()):
            self._configure(_CONFIG.read(*span))

    def _configure(self, changes: dict[str, Any]) -> None:
        for span in changes.get("set", ()):
            item = read_item(*span)
            target, path = self._part_of_config(item.path)
            value = self._load(item.json or b"null", "config", item.path)
            if value is BAD:
                continue
            if path:
                put(target, path, value)
            else:
                self.wandb = value if isinstance(value, dict) else {}
        for span in changes.get("removed", ()):
            _remove(*self._part_of_config(read_item(*span).path))

    def _part_of_config(self, path: Path) -> tuple[dict[str, Any], Path]:
        """W&B's own part, or the user's, and the path in it."""
        return (self.wandb, path[1:]) if path[0] == "_wandb" else (self.config, path)

    def _metric(self, metric: dict[str, Any]) -> None:
        names = [metric[name] for name in metric if name in ("name", "pattern")]
        name = "".join(names[-1:]).replace("\\.", ".")
        if not name or metric.get("is_expanded"):  # by a pattern that is here as well
            return
        self._steps.append(name)
        step, index, options = metric.get("step", ""), metric.get("step_index", 0), metric.get("options", {})
        if not step and 0 < index <= len(self._steps):
            step = self._steps[index - 1]
        if options.get("is_hidden"):
            self._count("hidden metrics")
        chosen = {one for one, is_chosen in metric.get("summary", {}).items() if is_chosen}
        statistics = (NONE,) if NONE in chosen else tuple(one for one in STATISTICS if one in chosen)
        goal = GOALS[metric["goal"] - 1] if metric.get("goal") in (1, 2) else None
        is_synced = not step or bool(options.get("is_synced"))
        self.metrics.pop(name, None)
        self.metrics[name] = Metric(name, step.replace("\\.", ".") or None, statistics, goal, is_synced)

    def _artifact(self, artifact: dict[str, Any]) -> None:
        client_id, kind = artifact.get("client_id", ""), artifact.get("type", "")
        if kind not in OWN_TYPES:
            self._count("artifacts")
            metadata = load(artifact.get("metadata", "{}").encode())
            known = metadata if isinstance(metadata, dict) else {}
            name, aliases = artifact.get("name", ""), tuple(artifact.get("aliases", ()))
            self.logged.append(Logged(client_id, name, kind, artifact.get("description"), known, aliases))
        if not client_id or "manifest" not in artifact:
            return
        entries = self.artifacts.setdefault(client_id, {})
        for span in _MANIFEST.read(*artifact["manifest"]).get("entries", ()):
            if self._entries < _MOST_ENTRIES:
                entry = _ENTRY.read(*span)
                place, digest, reference = (entry.get(name, "") for name in ("place", "digest", "reference"))
                entries[entry.get("path", "")] = Entry(place, digest, entry.get("size", 0), reference)
                self._entries += 1

    def _environment(self, message: dict[str, Any]) -> None:
        known = {name: message[name] for name in _SYSTEM if name in message}
        implementation, _, version = known.get("python", "").rpartition(" ")
        if implementation:
            known |= {"implementation": implementation, "python": version}
        if known.get("script"):
            known["argv"] = [known["script"], *message.get("arguments", ())]
        processor = {
            "count": message.get("logical_cores") or message.get("cores"),
            "model": message.get("processor", {}).get("model"),
        }
        known["cpu"] = {name: value for name, value in processor.items() if value}
        known["gpus"] = [{"name": message.get("gpu", "")}] * min(message.get("gpu_count", 0), _MOST_GPUS)
        known["memory"] = message.get("memory", {}).get("total", 0)
        self.environment |= {name: value for name, value in known.items() if value}
        self._git(message)

    def _git(self, message: dict[str, Any]) -> None:
        if git := message.get("git"):
            self.environment["git"] = git

    def _header(self, header: dict[str, Any]) -> None:
        if "version" in header:
            self.environment["wandb"] = header["version"].get("producer", "").partition("+")[0]

    def _exit(self, message: dict[str, Any]) -> None:
        self.exit_code, self.runtime = message.get("code", 0), message.get("runtime", 0)

    def _stats(self, message: dict[str, Any]) -> None:
        self._count("samples of the machine")
        values = {
            item.path[0]: self._load(item.json or b"null", "system metrics", item.path)
            for item in message.get("items", ())
        }
        time = self._time_of(message)
        if self.recorded is not None:
            self.recorded.sample(time, values)

    def _output(self, message: dict[str, Any]) -> None:
        self._count("pieces of output")
        time, stream = self._time_of(message), "out" if message.get("stream") == 1 else "err"
        if self.recorded is not None and 0 <= time < _MAX_SECONDS:
            self.recorded.print(time, stream, message.get("text", b""))

    def _alert(self, alert: dict[str, Any]) -> None:
        self._count("alerts")
        if len(self.alerts) < _MOST_ALERTS:
            shown = ": ".join(alert[name] for name in ("level", "title", "text") if alert.get(name))
            self.alerts.append(shown if len(shown) <= _ALERT_LENGTH else shown[:_ALERT_LENGTH] + "...")

    def _time_of(self, message: dict[str, Any]) -> float:
        """The time of a record, else that of the last one that has one."""
        self.last = max(self.last, message.get("time", self.last))
        return float(message.get("time", self.last))

    def _count(self, name: str) -> None:
        self.counts[name] = self.counts.get(name, 0) + 1

    def _load(self, text: bytes, where: str, path: Path) -> Any:
        value = load(text)
        if value is BAD:
            self.losses.add(Problem(f"{where}.{'.'.join(path)}", f"expected JSON, got {text[:40]!r}", "json"))
        return value


_READERS: dict[int, tuple[Message, Callable[[Facts, dict[str, Any]], None]]] = {  # by field of a record
    4: (_OUTPUT, Facts._output),
    5: (_CONFIG, Facts._configure),
    7: (_STATS, Facts._stats),
    8: (_ARTIFACT, Facts._artifact),
    10: (_ALERT, Facts._alert),
    12: (_METRIC, Facts._metric),
    13: (_OUTPUT, Facts._output),
    17: (_RUN, Facts._run),
    18: (_EXIT, Facts._exit),
    21: (_HEADER, Facts._header),
    26: (_ENVIRONMENT, Facts._environment),
}


def _remove(values: dict[str, Any], path: Path) -> None:
    *above, last = path or ("",)
    for part in above:
        inner = values.get(part)
        if not isinstance(inner, dict):
            return
        values = inner
    values.pop(last, None)
