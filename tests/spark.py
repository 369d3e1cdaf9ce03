"""A Spark session on this machine, for the tests that read our files with plain `spark.read.parquet`."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest


@contextmanager
def local_spark(scratch: Path) -> Iterator[Any]:
    """One thread, nothing of a network or of the user's configuration; skips where there is no pyspark or no Java."""
    sql = pytest.importorskip("pyspark.sql", reason="pyspark is not installed: make spark")
    if not shutil.which("java") and "JAVA_HOME" not in os.environ:
        pytest.skip("Spark needs Java, which is not installed")
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    settings = {
        "spark.master": "local[1]",
        "spark.ui.enabled": "false",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.memory": "1g",
        "spark.sql.shuffle.partitions": "1",
        "spark.sql.warehouse.dir": str(scratch),
        "spark.log.level": "ERROR",
    }
    session = sql.SparkSession.builder.config(map=settings).getOrCreate()
    try:
        yield session
    finally:
        session.stop()


def rows_of(frame: Any) -> list[dict[str, Any]]:
    """A Spark DataFrame as Python rows."""
    return [row.asDict(recursive=True) for row in frame.collect()]
