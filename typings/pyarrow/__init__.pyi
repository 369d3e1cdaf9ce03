# pyarrow has no types, and makes most functions of pyarrow.compute when it is imported: everything is Any, as for mypy.
from typing import Any

def __getattr__(name: str) -> Any: ...
