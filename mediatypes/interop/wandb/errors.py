"""`wandb.errors`: every error of mediatypes is one of these, so that `except wandb.Error` catches it."""

from __future__ import annotations

from ..._core.errors import MediaTypesError

Error = CommError = UsageError = AuthenticationError = MediaTypesError

__all__ = ["AuthenticationError", "CommError", "Error", "UsageError"]
