"""Which tests `make check` runs for a changed file."""

from __future__ import annotations

import pytest

from tests.changed import chosen, find_tests


@pytest.mark.parametrize(
    ("file", "tests"),
    [
        ("mediatypes/types/audio/files.py", "tests/types/audio"),
        ("mediatypes/types/gone/value.py", "tests/types"),
        ("mediatypes/upkeep/verify/rows.py", "tests/upkeep"),
        ("mediatypes/journal/metrics.py", "tests/journal/test_metrics.py"),
        ("mediatypes/_core/canonical.py", "tests/core/test_canonical.py"),
        ("mediatypes/view.py", "tests/test_view.py"),
        ("mediatypes/demo/_photos.py", "tests/test_demo.py"),
        ("tests/plot/test_plot.py", "tests/plot/test_plot.py"),
        ("tests/cli/conftest.py", "tests/cli"),
        ("tests/test_that_was_removed.py", None),
        ("README.md", "tests/test_docs.py"),
        ("schemas/image-1.0.json", None),
    ],
)
def test_the_find_tests_a_file(file: str, tests: str | None) -> None:
    assert find_tests(file) == tests


def test_a_file_inside_a_chosen_folder_is_not_named_again() -> None:
    found = list(chosen(["mediatypes/types/audio/files.py", "tests/types/audio/test_audio.py"]))
    assert [name for name in found if "audio" in name] == ["tests/types/audio"]
