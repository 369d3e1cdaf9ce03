"""Checking a JSON file of documents."""

from __future__ import annotations

from pathlib import Path

from ..._core import canonical
from ..._core.codec import validate
from ..._core.errors import StoreError, UnknownTypeError, ValidationError, describe, os_error, problem
from ..._core.sidecar import open_file
from .report import Findings, Report

_LARGEST = 2**30  # bytes


def check_document_file(path: Path) -> Report:
    """Check a file that holds one document or a list of them; raises `StoreError` if it cannot be read."""
    findings = Findings()
    try:
        with open_file(path) as file:
            data = file.read(_LARGEST + 1)
    except OSError as error:
        raise os_error(StoreError, str(path), "read the file", error, "Check the path.") from error
    if len(data) > _LARGEST:
        raise StoreError.of(str(path), f"at most {_LARGEST} bytes of JSON", "more", "Pass it in parts.")
    try:
        content = canonical.loads(data)
    except ValueError as error:
        hint = "Pass a document, a list of them, or a run folder."
        findings.add([problem("", "JSON", str(error), hint)])
        return Report(str(path), findings.problems)
    documents = [(f"[{i}]", item) for i, item in enumerate(content)] if isinstance(content, list) else [("", content)]
    for where, document in documents:
        try:
            validate(document)
        except (ValidationError, UnknownTypeError) as error:
            findings.add(describe(error), where)
    return Report(str(path), findings.problems, findings.more, documents=len(documents))
