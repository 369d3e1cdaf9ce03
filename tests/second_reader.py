"""A reader made from schemas/README.md alone: `read(folder)` gives what the conformance set expects of a run."""

import json
import struct
import zlib

import pyarrow.parquet as pq

FLOATS = {"nan": float("nan"), "inf": float("inf"), "-inf": -float("inf")}
LISTS = {"number_list", "string_list", "media_list", "json"}
ORDER = ["number", "integer", "boolean", "string", "number_list", "string_list", "json", "null"]
by_rank = lambda counts: {0: counts["calls"]} | {int(r): calls for r, calls in counts.get("ranks", {}).items()}  # noqa: E731


def parse(text):
    return json.loads(text, object_hook=lambda o: FLOATS[o["value"]] if o.get("_type") == "float" else o)


def read(folder):
    run = parse((folder / "run.json").read_bytes())
    state = {"calls": [], "config": run["config"], "set": run.get("summary_overrides", {}), "problems": set()}
    state["rewinds"] = [(by_rank(rewind), rewind["from_step"]) for rewind in run.get("rewinds", [])]
    following = read_history(folder / "history.parquet", state) if (folder / "history.parquet").exists() else {0: 0}
    if run["status"] == "running":
        paths = (folder / "journal").glob("*[0-9]-[0-9]*.log")
        names = {path: path.stem.removeprefix("rank-").replace(".", "-").split("-") for path in paths}
        for path, (*rank, _, base) in sorted(names.items(), key=lambda one: list(map(int, ["0", *one[1]][-3:]))):
            read_journal(path.read_bytes(), int(base), int(rank[0]) if rank else 0, following, state)
    keys, values = rows_of(kept(state), len(following) > 1)
    found = {"status": run["status"], "config": state["config"], "keys": keys, "values": values}
    found["set"] = {key: parse(value) if kind == "json" else value for key, (kind, value) in state["set"].items()}
    return found | {"sidecars": sidecars(list(values.values()), folder), "problems": sorted(state["problems"])}


def kept(state):
    return [c for c in state["calls"] if not any(c[0] < n.get(c[2], 0) and c[1] >= s for n, s in state["rewinds"])]


def read_history(path, state):
    table, metadata = pq.read_table(path), parse(pq.read_metadata(path).metadata[b"mediatypes"])
    columns = [(c["key"], c["kind"], c["integral"], table[c["name"]].to_pylist()) for c in metadata["columns"]]
    for i, step in enumerate(table["_step"].to_pylist()):
        row = [(key, kind, value_of(cells[i], integral)) for key, kind, integral, cells in columns]
        rank = int(table["_rank"][i].as_py()) if "ranks" in metadata else 0
        cells = [cell for cell in row if cell[2] is not None or cell[1] == "null"]
        state["calls"].append((by_rank(metadata)[rank] - 1, step, rank, cells))
    return by_rank(metadata)


def value_of(cell, integral):
    if isinstance(cell, list):
        return [value_of(item, integral) for item in cell]
    return parse(cell["_doc"]) if isinstance(cell, dict) else int(cell) if integral and cell is not None else cell


def read_journal(data, number, rank, following, state):
    problems, layouts, at, expected = state["problems"], {}, 8, following.setdefault(rank, 0)
    problems |= {"lost"} if number > expected else set()
    last = max((step for _, step, whose, _ in kept(state) if whose == rank), default=-(2**63))
    while at < len(data):
        size, kind = struct.unpack_from("<IB", data, at) if at + 9 <= len(data) else (2**27, 0)
        if not 9 <= size <= 2**27 or at + size > len(data):
            problems.add("torn" if 9 <= size <= 2**26 else "frame")
            break
        frame, start, at = data[at : at + size], at, at + size
        if zlib.crc32(frame[:-4]) != struct.unpack("<I", frame[-4:])[0]:
            problems.add("checksum")
            continue
        payload, kind = frame[5:-4], 0 if rank and kind in (5, 6, 9) else kind
        try:
            if kind == 1 and start != 8:
                raise ValueError("a header is the first frame")
            if kind == 2:
                layouts[struct.unpack_from("<I", payload)[0]] = parse(payload[4:])
            elif kind in (3, 4):
                step, cells = call_of(kind, payload, layouts)
                if number >= expected and step < last:
                    problems.add("order")
                elif number >= expected:
                    state["calls"].append((number, step, rank, cells))
                    last = step
                number += 1
            elif kind == 5:
                state["config"] = parse(payload)
            elif kind == 9:
                members = {key: [value] for key, value in state["config"].items()} | parse(payload)
                state["config"] = {key: member[0] for key, member in members.items() if member}
            elif kind == 6:
                state["set"] = {k: v for k, v in (state["set"] | parse(payload)).items() if v is not None}
        except (ValueError, KeyError, struct.error):
            problems.add("frame")
    following[rank] = max(expected, number)


def call_of(kind, payload, layouts):
    if kind == 3:
        id, step, _ = struct.unpack_from("<Iqd", payload)
        values = struct.unpack("<" + "".join(code for _, code in layouts[id]), payload[20:])
        named = zip(layouts[id], values, strict=True)
        kinds = {"d": "number", "?": "boolean"}
        return step, [(key, kinds.get(code, "number" if abs(v) <= 2**53 else "integer"), v) for (key, code), v in named]
    cells = parse(payload[16:])
    if any((name == "string") != isinstance(value, str) and name != "json" for _, name, value in cells):
        raise ValueError("a value of another kind")
    return struct.unpack_from("<q", payload)[0], cells


def rows_of(calls, ranked):
    rows, kinds, empty = {}, {}, set()
    for _, step, rank, cells in sorted(calls, key=lambda call: call[1:3]):
        for key, kind, value in [("_rank", "number", rank)] * ranked + cells:
            seen = kinds.setdefault(key, {})
            if kind in LISTS and value in ([], "[]"):
                kind, value, empty = "empty", [], empty | {key}
            else:
                whole = all(type(v) is not float for v in (value if kind == "number_list" else [value]))
                seen[kind] = seen.get(kind, True) and whole
            if kind != "null" or key not in rows.setdefault((step, rank), {}):
                rows.setdefault((step, rank), {})[key] = (kind, value)
    for key, seen in kinds.items():
        seen |= {"json": True} if key in empty and not LISTS & seen.keys() else {}
        kinds[key] = {kind: whole for kind, whole in seen.items() if kind != "null" or len(seen) == 1}
    values = {key: [] for key in kinds}
    for (step, _), row in rows.items():
        for key, (kind, value) in row.items():
            if kind == "json":
                value = parse(value)
            elif kind in ("number", "number_list") and not kinds[key][kind]:
                value = [v if v is None else float(v) for v in value] if isinstance(value, list) else float(value)
            values[key] += [[step, value]] if kind != "null" else []
    rank = lambda kind: (ORDER.index(kind) if kind in ORDER else 99, kind)  # noqa: E731
    return {key: sorted(seen, key=rank) for key, seen in kinds.items()}, values


def sidecars(value, folder):
    found = {}
    if isinstance(value, dict) and {"path", "sha256", "media_type"} <= value.keys():
        found[value["path"]] = value["sha256"]
        if value["media_type"] == "application/vnd.mediatypes.references+json":
            found |= sidecars(parse(content(folder, value["path"])), folder)
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        found |= sidecars(item, folder)
    return found


def content(folder, path):
    if (folder / path).exists():
        return (folder / path).read_bytes()
    (row,) = [row for row in pq.read_table(folder / "sidecars.parquet").to_pylist() if row["path"] == path]
    return next(row[name]["bytes"] for name in ("image", "audio", "video", "other") if row[name])
