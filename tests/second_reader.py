"""A reader made from schemas/README.md alone: `read(folder)` gives what the conformance set expects of a run."""

import json
import struct
import zlib

import pyarrow.parquet as pq

FLOATS = {"nan": float("nan"), "inf": float("inf"), "-inf": -float("inf")}
LISTS = {"number_list", "string_list", "media_list", "json"}
ORDER = ["number", "integer", "boolean", "string", "number_list", "string_list", "json", "null"]


def parse(text):
    return json.loads(text, object_hook=lambda o: FLOATS[o["value"]] if o.get("_type") == "float" else o)


def read(folder):
    run = parse((folder / "run.json").read_bytes())
    state = {"calls": [], "config": run["config"], "set": run.get("summary_overrides", {}), "problems": set()}
    state["rewinds"] = [(rewind["calls"], rewind["from_step"]) for rewind in run.get("rewinds", [])]
    following = read_history(folder / "history.parquet", state) if (folder / "history.parquet").exists() else 0
    if run["status"] == "running":
        journals = [path.name[:-4].split("-") for path in (folder / "journal").glob("[0-9]*-*.log")]
        for place, base in sorted(tuple(map(int, name)) for name in journals):
            data = (folder / "journal" / f"{place:04}-{base}.log").read_bytes()
            following = read_journal(data, base, following, state)
    keys, values = rows_of(kept(state))
    found = {"status": run["status"], "config": state["config"], "keys": keys, "values": values}
    found["set"] = {key: parse(value) if kind == "json" else value for key, (kind, value) in state["set"].items()}
    return found | {"sidecars": sidecars(list(values.values()), folder), "problems": sorted(state["problems"])}


def kept(state):
    return [call for call in state["calls"] if not any(call[0] < n and call[1] >= s for n, s in state["rewinds"])]


def read_history(path, state):
    table, metadata = pq.read_table(path), parse(pq.read_metadata(path).metadata[b"mediatypes"])
    columns = [(c["key"], c["kind"], c["integral"], table[c["name"]].to_pylist()) for c in metadata["columns"]]
    for i, step in enumerate(table["_step"].to_pylist()):
        row = [(key, kind, value_of(cells[i], integral)) for key, kind, integral, cells in columns]
        state["calls"].append((metadata["calls"] - 1, step, [c for c in row if c[2] is not None or c[1] == "null"]))
    return metadata["calls"]


def value_of(cell, integral):
    if isinstance(cell, list):
        return [value_of(item, integral) for item in cell]
    return parse(cell["_doc"]) if isinstance(cell, dict) else int(cell) if integral and cell is not None else cell


def read_journal(data, number, following, state):
    problems, layouts, at = state["problems"], {}, 8
    problems |= {"lost"} if number > following else set()
    last = max((step for _, step, _ in kept(state)), default=-(2**63))
    while at < len(data):
        size, kind = struct.unpack_from("<IB", data, at) if at + 9 <= len(data) else (2**28, 0)
        if not 9 <= size <= 2**28 or at + size > len(data):
            problems.add("torn" if 9 <= size <= 2**28 else "frame")
            break
        frame, start, at = data[at : at + size], at, at + size
        if zlib.crc32(frame[:-4]) != struct.unpack("<I", frame[-4:])[0]:
            problems.add("checksum")
            continue
        payload = frame[5:-4]
        try:
            if kind == 1 and start != 8:
                raise ValueError("a header is the first frame")
            if kind == 2:
                layouts[struct.unpack_from("<I", payload)[0]] = parse(payload[4:])
            elif kind in (3, 4):
                step, cells = call_of(kind, payload, layouts)
                if number >= following and step < last:
                    problems.add("order")
                elif number >= following:
                    state["calls"].append((number, step, cells))
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
    return max(following, number)


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


def rows_of(calls):
    rows, kinds, empty = {}, {}, set()
    for _, step, cells in calls:
        for key, kind, value in cells:
            seen = kinds.setdefault(key, {})
            if kind in LISTS and value in ([], "[]"):
                kind, value, empty = "empty", [], empty | {key}
            else:
                whole = all(type(v) is not float for v in (value if kind == "number_list" else [value]))
                seen[kind] = seen.get(kind, True) and whole
            if kind != "null" or key not in rows.setdefault(step, {}):
                rows.setdefault(step, {})[key] = (kind, value)
    for key, seen in kinds.items():
        seen |= {"json": True} if key in empty and not LISTS & seen.keys() else {}
        kinds[key] = {kind: whole for kind, whole in seen.items() if kind != "null" or len(seen) == 1}
    values = {key: [] for key in kinds}
    for step, row in rows.items():
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
