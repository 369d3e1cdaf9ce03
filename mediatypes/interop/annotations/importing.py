"""Data sets of annotated images as runs: one for each file of COCO, each split of YOLO, each directory of VOC."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from ..._core.errors import InputError, Verbatim, problem, raise_all
from ..._core.location import local_path
from ..._core.wording import counted
from ..importing.apart import require_apart
from ..importing.new_runs import make_once, new_run
from ..importing.report import ImportReport, RunReport
from .dataset import AnnotatedImages

TAKES = {"coco": ("images", "results"), "yolo": ("images",), "voc": ()}  # options, by format
FORMATS = tuple(TAKES)
KEY = "image"  # of the images, one a step
_YAML = (".yaml", ".yml")
_HINT = "Pass annotations.json of COCO, data.yaml of YOLO, or the directory of VOC that holds Annotations."


class _Part(NamedTuple):
    """What becomes a run."""

    name: str
    source: str
    read: Callable[[], AnnotatedImages]


def recognise(source: str | os.PathLike[str]) -> str | None:
    """The format of a data set: "coco", "yolo" or "voc", told by the names of its files; None of something else."""
    path = Path(source)
    if path.is_file():
        return "coco" if path.suffix == ".json" else "yolo" if path.suffix in _YAML else None
    if any((path / "Annotations").glob("*.xml")):
        return "voc"
    if (path / "data.yaml").is_file():
        return "yolo"
    return "coco" if any((path / "annotations").glob("*.json")) else None


def import_annotations(
    source: str | os.PathLike[str],
    dest: str | os.PathLike[str],
    *,
    format: str | None = None,
    images: str | os.PathLike[str] | None = None,
    results: str | os.PathLike[str] | None = None,
    project: str | None = None,
    tags: Iterable[str] = (),
    progress: Callable[[int, int, str], None] | None = None,
) -> ImportReport:
    """Make a run of each part of a data set, an image a step under the key "image".

    Args:
        source: a JSON file of COCO, or the directory that has some in `annotations`; `data.yaml` of YOLO, or its
            directory; a directory of Pascal VOC.
        dest: where the run folders go: by the name of the JSON file, by the name of YOLO's directory and the split, by
            the name of VOC's directory. One that is there already stays as it is.
        format: "coco", "yolo" or "voc". Default: told by the names of the files.
        images: the directory of the pictures of COCO, or of YOLO's data set; as `from_coco` and `from_yolo` take it.
        results: a file of results of COCO; these two are refused where they mean nothing.
        project, tags: of the runs.
        progress: is called with (images done, images in all, name of the run).

    Returns:
        What was imported. What is wrong with annotations is left out, counted, and a problem of the run; what images
        do not carry, such as keypoints, is told by number. A run that fails leaves nothing behind.

    Raises:
        InputError: no data set of such a format; `dest` is within it.

    >>> import tempfile
    >>> import_annotations(tempfile.mkdtemp(), tempfile.mkdtemp())
    Traceback (most recent call last):
    mediatypes.InputError: ...: expected a data set of COCO, YOLO or Pascal VOC, got another directory. Pass ...
    """
    path, target = local_path(source, "import_annotations"), local_path(dest, "import_annotations.dest")
    chosen = recognise(path) if format is None else format
    if chosen not in FORMATS and format is not None:
        raise InputError.of("import_annotations.format", f"one of {', '.join(FORMATS)}", format, "Leave it out.")
    if chosen is None or not path.exists():
        got = Verbatim("another " + ("directory" if path.is_dir() else "file") if path.exists() else "nothing")
        raise InputError.of(str(path), "a data set of COCO, YOLO or Pascal VOC", got, _HINT, "not-annotated")
    _require_known({"images": images, "results": results}, chosen)
    parts = list(_PARTS[chosen](path, images, results))
    if not parts:
        raise InputError.of(str(path), f"a data set of {chosen}", Verbatim("none of its files"), _HINT, "not-annotated")
    require_apart([path, *([] if images is None else [images])], target, [part.name for part in parts])
    options = {"project": project, "tags": list(tags)}
    reports = []
    for part in parts:
        make = partial(_import, part, chosen, options=options, progress=progress)
        reports.append(make_once(part.name, target, make))
    return ImportReport(reports, [], [])


def _require_known(options: dict[str, Any], format: str) -> None:
    problems = []
    for name, value in options.items():
        if value is not None and name not in TAKES[format]:
            known = " or ".join(one for one in FORMATS if name in TAKES[one])
            where, expected = f"import_annotations.{name}", f"a data set of {known}"
            problems.append(problem(where, expected, Verbatim(f"one of {format}"), "Leave it out.", "ignored"))
    raise_all(problems)


def _coco(path: Path, images: Any, results: Any) -> Iterator[_Part]:
    from .coco import from_coco

    for file in sorted((path / "annotations").glob("*.json")) if path.is_dir() else [path]:
        read = partial(from_coco, file, images, results=results, on_error="record")
        yield _Part(file.stem, file.name, read)


def _yolo(path: Path, images: Any, results: Any) -> Iterator[_Part]:
    from .yolo import from_yolo, read_yaml, splits_of

    file = path / "data.yaml" if path.is_dir() else path
    for split in splits_of(read_yaml(file)):
        read = partial(from_yolo, file, split, root=images, on_error="record")
        yield _Part(f"{file.parent.name}/{split}", file.name, read)


def _voc(path: Path, images: Any, results: Any) -> Iterator[_Part]:
    from .voc import from_voc

    yield _Part(path.name, path.name, partial(from_voc, path, on_error="record"))


_PARTS = {"coco": _coco, "yolo": _yolo, "voc": _voc}


def _import(
    part: _Part,
    format: str,
    target: Path,
    report: RunReport,
    options: dict[str, Any],
    progress: Callable[[int, int, str], None] | None,
) -> RunReport:
    dataset, image_count, box_count = part.read(), 0, 0
    classes = {str(id): name for id, name in dataset.classes.items()}
    config = {"annotations": {"format": format, "source": part.source, "classes": classes}}
    with new_run(target, name=part.name, config=config, **options) as run:
        for image in dataset:
            run.log({KEY: image})
            image_count += 1
            box_count += sum(len(boxes) for boxes in image.boxes.values())
            if progress is not None:
                progress(image_count, len(dataset), part.name)
        if dataset.problems and not image_count:
            raise InputError(dataset.problems)  # such as pictures that are elsewhere: nothing is left behind
        run.summary.update({"images": image_count, "boxes": box_count})
        run.summary.update({"problems": dataset.problem_count, "lost": dataset.lost})
        run._report(dataset.problems)
    notes = [
        f"{counted(count, 'annotation')} with {name}, which images do not carry" for name, count in dataset.lost.items()
    ]
    if dataset.problem_count > len(dataset.problems):
        notes.append(f"{dataset.problem_count:,} problems in all, of which the run lists {len(dataset.problems):,}")
    return report._replace(
        status="new",
        events={"image": image_count, "box": box_count},
        added=image_count + box_count,
        rows=image_count,
        problems=dataset.problems,
        notes=notes,
    )
