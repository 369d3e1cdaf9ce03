"""What only newer packages have than the oldest allowed ones is not used; `make test-min` runs everything on these."""

from __future__ import annotations

import ast
from pathlib import Path

from tests.bounds import oldest

PACKAGE = Path(__file__).parents[1] / "mediatypes"
SINCE_NUMPY_2 = {  # numpy.org/doc/stable/release/2.0.0-notes.html, "Array API compatibility" and "New features"
    *("acos", "acosh", "asin", "asinh", "astype", "atan", "atan2", "atanh", "bitwise_count", "bitwise_invert"),
    *("bitwise_left_shift", "bitwise_right_shift", "bool", "concat", "cumulative_prod", "cumulative_sum", "isdtype"),
    *("long", "matrix_transpose", "matvec", "permute_dims", "pow", "strings", "trapezoid", "ulong", "unique_all"),
    *("unique_counts", "unique_inverse", "unique_values", "unstack", "vecdot", "vecmat"),
}


def test_the_oldest_numpy_is_the_one_that_is_looked_at() -> None:
    assert oldest()["numpy"].startswith("1.")


def test_nothing_of_numpy_2_is_used() -> None:
    used = [
        f"{path.relative_to(PACKAGE)}:{node.lineno}: {node.value.id}.{node.attr}"
        for path in sorted(PACKAGE.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in ("np", "numpy")
        if node.attr in SINCE_NUMPY_2
    ]
    assert not used
