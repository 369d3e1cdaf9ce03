"""What a log says of its run beside the rows: who it is, config, summary, metrics, artifacts, how it ended."""

from __future__ import annotations

from typing import Any

from ...._core.errors import Problem
from ....columns.log_cells import RESERVED
from ....formats import protobuf
from ....formats.protobuf import BYTES, VARINT, Malformed
from ....journal.metrics import GOALS, NONE, STATISTICS, Metric
from ..run_log.items import HISTORY, SUMMARY, Path, read_item
from ..tables import Entry
from .artifacts import OWN_TYPES, Logged
from .recorded import Recorded
from .rows import BAD, Losses, load, put

Data = tuple[bytes, int, int]  # a buffer, and where a message stands in it
_CONFIG, _STATS, _ARTIFACT, _METRIC, _OUTPUT, _RUN, _EXIT, _HEADER, _ENVIRONMENT = 5, 7, 8, 12, 13, 17, 18, 21, 26
_ALERT = 10
_MOST_GPUS, _MOST_ALERTS, _ALERT_LENGTH = 1024, 100, 1000
_MAX_SECONDS = 253402300800  # since the epoch: the year 10000
_MOST_ENTRIES = 1_000_000  # files of artifacts that are remembered
_SUMMARY_FIELDS = {1: "min", 2: "max", 3: "mean", 4: "best", 5: "last", 6: NONE, 8: "first"}
_TEXTS = {
    1: "run_id",
    2: "entity",
    3: "project",
    6: "group",
    7: "job_type",
    8: "name",
    9: "notes",
    12: "sweep_id",
    13: "host",
}
_SYSTEM_TEXTS = {1: "os", 2: "python", 4: "docker", 6: "script", 12: "host", 14: "executable", 25: "cuda"}


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
                if wire == BYTES and (reader := _READERS.get(number)):
                    reader(self, (data, begin, until))
                    return None
        except (Malformed, ValueError, OverflowError) as error:
            text = f"expected a record of W&B, got {str(error).rstrip('.')}"
            self.losses.add(Problem(f"@{offset}", text, "malformed", "It is left out."))
        return None

    def take_summary(self, path: Path, json: bytes) -> None:
        """One value of the summary."""
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

    def _run(self, message: Data) -> None:
        tags: list[str] = []
        for number, wire, begin, until in protobuf.fields(*message):
            if wire != BYTES:
                continue
            inner = (message[0], begin, until)
            if number in _TEXTS:
                self.texts[_TEXTS[number]] = protobuf.text(*inner)
            elif number == 10:
                tags.append(protobuf.text(*inner))
            elif number == 4:
                self._configure(inner)
            elif number == 17:
                self.started = _time(inner)
                self.last = max(self.last, self.started)
            elif number == 21:
                self._git(inner)
        self.tags = tags or self.tags

    def _configure(self, message: Data) -> None:
        for number, wire, begin, until in protobuf.fields(*message):
            if wire != BYTES or number not in (1, 2):
                continue
            item = read_item(message[0], begin, until)
            target, path = self.config, item.path
            if path[0] == "_wandb":
                target, path = self.wandb, path[1:]
            if number == 2:
                _remove(target, path)
                continue
            value = self._load(item.json or b"null", "config", item.path)
            if value is BAD:
                continue
            if not path:
                self.wandb = value if isinstance(value, dict) else {}
            else:
                put(target, path, value)

    def _metric(self, message: Data) -> None:
        name, step, index, goal = "", "", 0, 0
        options, statistics, expanded = set[int](), list[str](), False
        for number, wire, begin, until in protobuf.fields(*message):
            inner = (message[0], begin, until)
            if wire == BYTES and number in (1, 2):
                name = protobuf.text(*inner)
            elif wire == BYTES and number == 4:
                step = protobuf.text(*inner)
            elif (number, wire) == (5, VARINT):
                index = begin
            elif wire == BYTES and number == 6:
                options = {n for n, kind, value, _ in protobuf.fields(*inner) if kind == VARINT and value}
            elif wire == BYTES and number == 7:
                known = {n for n, kind, value, _ in protobuf.fields(*inner) if kind == VARINT and value}
                statistics = [_SUMMARY_FIELDS[n] for n in known if n in _SUMMARY_FIELDS]
            elif (number, wire) == (8, VARINT):
                goal = begin
            elif (number, wire) == (10, VARINT):
                expanded = bool(begin)
        name = name.replace("\\.", ".")
        if not name or expanded:  # by a pattern that is here as well
            return
        self._steps.append(name)
        if not step and 0 < index <= len(self._steps):
            step = self._steps[index - 1]
        if 2 in options:
            self.counts["hidden metrics"] = self.counts.get("hidden metrics", 0) + 1
        chosen = (NONE,) if NONE in statistics else tuple(one for one in STATISTICS if one in statistics)
        own = GOALS[goal - 1] if goal in (1, 2) else None
        self.metrics.pop(name, None)
        self.metrics[name] = Metric(name, step.replace("\\.", ".") or None, chosen, own, not step or 1 in options)

    def _artifact(self, message: Data) -> None:
        texts, aliases, manifest = dict[int, str](), list[str](), None
        for number, wire, begin, until in protobuf.fields(*message):
            if (number, wire) == (12, BYTES):
                manifest = (message[0], begin, until)
            elif (number, wire) == (11, BYTES):
                aliases.append(protobuf.text(message[0], begin, until))
            elif wire == BYTES and number in (4, 5, 7, 8, 15):
                texts[number] = protobuf.text(message[0], begin, until)
        client_id, kind = texts.get(15, ""), texts.get(4, "")
        if kind not in OWN_TYPES:
            self._count("artifacts")
            metadata = load(texts.get(8, "{}").encode())
            known = metadata if isinstance(metadata, dict) else {}
            self.logged.append(Logged(client_id, texts.get(5, ""), kind, texts.get(7), known, tuple(aliases)))
        if not client_id or manifest is None:
            return
        entries = self.artifacts.setdefault(client_id, {})
        for number, wire, begin, until in protobuf.fields(*manifest):
            if (number, wire) == (4, BYTES) and self._entries < _MOST_ENTRIES:
                path, entry = _entry((manifest[0], begin, until))
                entries[path] = entry
                self._entries += 1

    def _environment(self, message: Data) -> None:
        arguments, texts, numbers = list[str](), dict[int, str](), dict[int, int]()
        memory, model = 0, ""
        for number, wire, begin, until in protobuf.fields(*message):
            inner = (message[0], begin, until)
            if wire == VARINT:
                numbers[number] = begin
            elif wire == BYTES and number == 5:
                arguments.append(protobuf.text(*inner))
            elif wire == BYTES and number == 9:
                self._git(inner)
            elif wire == BYTES and number == 21:  # the memory
                memory = next((value for n, kind, value, _ in protobuf.fields(*inner) if (n, kind) == (1, VARINT)), 0)
            elif wire == BYTES and number == 22:  # the processor
                model = protobuf.text(message[0], *_last(inner, 3))
            elif wire == BYTES:
                texts[number] = protobuf.text(*inner)
        known: dict[str, Any] = {name: texts[number] for number, name in _SYSTEM_TEXTS.items() if texts.get(number)}
        implementation, _, version = known.get("python", "").rpartition(" ")
        if implementation:
            known |= {"implementation": implementation, "python": version}
        if "script" in known:
            known["argv"] = [known["script"], *arguments]
        processor: dict[str, Any] = {"count": numbers.get(17) or numbers.get(16), "model": model}
        gpus = [{"name": texts.get(18, "")}] * min(numbers.get(19, 0), _MOST_GPUS)
        found: dict[str, Any] = {**known, "memory": memory, "gpus": gpus}
        found["cpu"] = {name: value for name, value in processor.items() if value}
        self.environment |= {name: value for name, value in found.items() if value}

    def _git(self, message: Data) -> None:
        names = {1: "remote", 2: "commit"}
        git = {
            names[number]: protobuf.text(message[0], begin, until)
            for number, wire, begin, until in protobuf.fields(*message)
            if wire == BYTES and number in names
        }
        if git:
            self.environment["git"] = git

    def _header(self, message: Data) -> None:
        for number, wire, begin, until in protobuf.fields(*message):
            if (number, wire) == (1, BYTES):
                producer = [
                    protobuf.text(message[0], *place)
                    for inner, kind, *place in protobuf.fields(message[0], begin, until)
                    if (inner, kind) == (1, BYTES)
                ]
                self.environment["wandb"] = "".join(producer[-1:]).partition("+")[0]

    def _exit(self, message: Data) -> None:
        numbers = {n: value for n, wire, value, _ in protobuf.fields(*message) if wire == VARINT}
        self.exit_code = protobuf.signed(numbers.get(1, 0))
        self.runtime = protobuf.signed(numbers.get(2, 0))

    def _stats(self, message: Data) -> None:
        self._count("samples of the machine")
        self._timed(message)
        time, values = self.last, dict[str, Any]()
        for number, wire, begin, until in protobuf.fields(*message):
            if (number, wire) == (2, BYTES):
                time = _time((message[0], begin, until))
            elif (number, wire) == (3, BYTES):
                item = read_item(message[0], begin, until)
                values[item.path[0]] = self._load(item.json or b"null", "system metrics", item.path)
        if self.recorded is not None:
            self.recorded.sample(time, values)

    def _output(self, message: Data) -> None:
        self._count("pieces of output")
        self._timed(message)
        time, stream, text = self.last, "err", b""
        for number, wire, begin, until in protobuf.fields(*message):
            if (number, wire) == (1, VARINT):
                stream = "out" if begin == 1 else "err"
            elif (number, wire) == (2, BYTES):
                time = _time((message[0], begin, until))
            elif (number, wire) == (3, BYTES):
                text = message[0][begin:until]
        if self.recorded is not None and 0 <= time < _MAX_SECONDS:
            self.recorded.print(time, stream, text)

    def _alert(self, message: Data) -> None:
        self._count("alerts")
        if len(self.alerts) < _MOST_ALERTS:
            fields = list(protobuf.fields(*message))
            texts = {
                n: protobuf.text(message[0], *place) for n, wire, *place in fields if wire == BYTES and n in (1, 2, 3)
            }
            shown = ": ".join(texts[number] for number in (3, 1, 2) if texts.get(number))
            self.alerts.append(shown if len(shown) <= _ALERT_LENGTH else shown[:_ALERT_LENGTH] + "...")

    def _timed(self, message: Data) -> None:
        for number, wire, begin, until in protobuf.fields(*message):
            if (number, wire) == (2, BYTES):
                self.last = max(self.last, _time((message[0], begin, until)))

    def _count(self, name: str) -> None:
        self.counts[name] = self.counts.get(name, 0) + 1

    def _load(self, text: bytes, where: str, path: Path) -> Any:
        value = load(text)
        if value is BAD:
            self.losses.add(Problem(f"{where}.{'.'.join(path)}", f"expected JSON, got {text[:40]!r}", "json"))
        return value


_READERS = {
    _CONFIG: Facts._configure,
    _STATS: Facts._stats,
    _ARTIFACT: Facts._artifact,
    _ALERT: Facts._alert,
    _METRIC: Facts._metric,
    _OUTPUT: Facts._output,
    4: Facts._output,
    _RUN: Facts._run,
    _EXIT: Facts._exit,
    _HEADER: Facts._header,
    _ENVIRONMENT: Facts._environment,
}


def _entry(message: Data) -> tuple[str, Entry]:
    """A file of an artifact's manifest."""
    texts: dict[int, str] = {}
    size = 0
    for number, wire, begin, until in protobuf.fields(*message):
        if wire == BYTES and number in (1, 2, 3, 6):
            texts[number] = protobuf.text(message[0], begin, until)
        elif (number, wire) == (4, VARINT):
            size = protobuf.signed(begin)
    return texts.get(1, ""), Entry(texts.get(6, ""), texts.get(2, ""), size, texts.get(3, ""))


def _time(message: Data) -> float:
    """Seconds since the epoch of a Timestamp."""
    numbers = {n: protobuf.signed(value) for n, wire, value, _ in protobuf.fields(*message) if wire == VARINT}
    return numbers.get(1, 0) + numbers.get(2, 0) / 1e9


def _last(message: Data, wanted: int) -> tuple[int, int]:
    """Where the last text of this number stands; an empty place without one."""
    found = (0, 0)
    for number, wire, begin, until in protobuf.fields(*message):
        if (number, wire) == (wanted, BYTES):
            found = begin, until
    return found


def _remove(values: dict[str, Any], path: Path) -> None:
    *above, last = path or ("",)
    for part in above:
        inner = values.get(part)
        if not isinstance(inner, dict):
            return
        values = inner
    values.pop(last, None)
