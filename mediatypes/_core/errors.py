"""Every exception that mediatypes raises, and the grammar of their messages.

    MediaTypesError
      ValidationError (+ ValueError)      .problems: all of them, not only the first
        InputError                        what the user passed
        DocumentError                     what was read
          UnsupportedVersionError         written by a newer major version
      UnknownTypeError (+ LookupError)    no class is registered for a `_type`
      MissingDependencyError (+ ImportError)
      CodecError                          a backend failed; raised from the original
      StoreError (+ OSError)
        SidecarMissing  HashMismatch  UnsafePath
        RunExists  RunLocked              a second writer
      RunClosed (+ RuntimeError)          used after `finish()`

A message reads **where: expected what, got value. fix.**
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, Self

_SHOWN = 60
_DISTRIBUTION = "mediatypes-ml"  # on PyPI `mediatypes` is somebody else's


class Problem(NamedTuple):
    """One thing that is wrong: where, what was expected and found, a code for programs, and the fix."""

    path: str
    message: str
    code: str = "invalid"
    hint: str = ""

    def encodable(self) -> Problem:
        """The same in text that UTF-8 can hold, as files need it: a name that it quotes may have lone surrogates."""
        return Problem(*(text.encode("utf-8", "backslashreplace").decode() for text in self))

    def __str__(self) -> str:
        where = f"{self.path}: " if self.path else ""
        end = "" if self.message.endswith((".", "?", "!")) else "."
        return f"{where}{self.message}{end}" + (f" {self.hint}" if self.hint else "")


class Verbatim(str):
    """What was found, in words: a message shows it without quotes."""


def show(value: object) -> str:
    """A value as an error message shows it: arrays by dtype and shape, the rest by `repr`, cut short."""
    if isinstance(value, Verbatim):
        return value
    shape, dtype = getattr(value, "shape", None), getattr(value, "dtype", None)
    if isinstance(shape, tuple) and dtype is not None and shape:
        return f"{type(value).__name__} of shape {tuple(int(n) for n in shape)} and dtype {dtype}"
    try:
        text = repr(_beginning(value, [_SHOWN]))
    except Exception:  # a broken __repr__ of the user's class must not hide the real problem
        text = f"<{type(value).__name__}>"
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."


def _beginning(value: Any, left: list[int]) -> Any:
    """A value without most of what its message would cut off: a short list can hold itself a million times."""
    left[0] -= 1  # each item takes a character at least
    cls = type(value)
    if cls in (str, bytes):
        return value[:_SHOWN]
    if cls in (list, tuple):
        return cls(_beginning(item, left) for item in value if left[0] > 0)
    if cls is dict:
        return {key: _beginning(item, left) for key, item in value.items() if left[0] > 0}
    return value


def problem(path: str, expected: str, got: object, hint: str = "", code: str = "invalid") -> Problem:
    """A `Problem` in the message grammar; `got` is shown with `show()`."""
    return Problem(path, f"expected {expected}, got {show(got)}", code, hint)


def install_command(extra: str) -> str:
    """What installs an extra, as one types it in a shell."""
    return f"pip install '{_DISTRIBUTION}[{extra}]'"


class MediaTypesError(Exception):
    """Base of every exception of this package."""

    __module__ = "mediatypes"  # whence users import them: a traceback says mediatypes.InputError

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if cls.__module__ == __name__:
            cls.__module__ = MediaTypesError.__module__

    @classmethod
    def of(cls, path: str, expected: str, got: object, hint: str = "", code: str = "invalid") -> Self:
        """This error in the message grammar: **path: expected what, got value. hint.**"""
        return cls(str(problem(path, expected, got, hint, code)))


class ValidationError(MediaTypesError, ValueError):
    """Something does not fit its declaration. `.problems` holds everything that is wrong."""

    problems: tuple[Problem, ...]

    def __init__(self, problems: Problem | Iterable[Problem]) -> None:
        self.problems = (problems,) if isinstance(problems, Problem) else tuple(problems)
        super().__init__(self.problems)

    @classmethod
    def of(cls, path: str, expected: str, got: object, hint: str = "", code: str = "invalid") -> Self:
        return cls(problem(path, expected, got, hint, code))

    def __str__(self) -> str:
        if len(self.problems) == 1:
            return str(self.problems[0])
        shown = [f"- {problem}" for problem in self.problems[:20]]
        if len(self.problems) > 20:
            shown.append(f"- and {len(self.problems) - 20} more")
        return "\n".join([f"{len(self.problems)} problems:", *shown])


class InputError(ValidationError):
    """What the user passed cannot be logged or made into a value."""


class DocumentError(ValidationError):
    """What was read (a document, a run file, a sidecar's content) does not follow the format."""


class UnsupportedVersionError(DocumentError):
    """The document or folder was written by a newer major version of the format."""


class UnknownTypeError(MediaTypesError, LookupError):
    """No class is registered for a document's `_type`; `.tag` is the type, `.known` the registered ones."""

    def __init__(self, tag: str, known: Iterable[str] = ()) -> None:
        self.tag, self.known = tag, tuple(known)
        super().__init__(tag, self.known)

    def __str__(self) -> str:
        return (
            f"_type: expected one of {', '.join(self.known)}, got {show(self.tag)}. "
            "Register the type with mediatypes.register(type, cls, schema), or upgrade mediatypes."
        )


class MissingDependencyError(MediaTypesError, ImportError):
    """An optional package is needed; `.package`, `.extra` and `.needed_for` say which and for what.

    `extra` is empty for a package that no extra of ours brings, such as a tracker. `lacks` is what a package that is
    there is too old for, or was built without.
    """

    def __init__(self, package: str, extra: str, needed_for: str, lacks: str = "") -> None:
        self.package, self.extra, self.needed_for, self.lacks = package, extra, needed_for, lacks
        super().__init__(package, extra, needed_for, lacks)

    def __str__(self) -> str:
        if self.lacks:
            return (
                f"{self.needed_for}: expected the package {self.package!r} with {self.lacks}, got one without it. "
                f"Install a newer one: pip install --upgrade {self.package}"
            )
        return (
            f"{self.needed_for}: expected the package {self.package!r}, got none. "
            f"Install it with: {install_command(self.extra) if self.extra else f'pip install {self.package}'}"
        )


class CodecError(MediaTypesError):
    """An encoder or decoder failed; the original exception is the cause."""


class StoreError(MediaTypesError, OSError):
    """Bytes could not be placed or fetched."""


class SidecarMissing(StoreError):
    """A document refers to a sidecar that is not there."""


class HashMismatch(StoreError):
    """A sidecar's bytes are not those its document was written for."""


class UnsafePath(StoreError):
    """A path would leave the store's directory or follow a link."""


class RunExists(StoreError):
    """The directory already holds a run."""


class RunLocked(StoreError):
    """Another process is writing this run."""


class RunClosed(MediaTypesError, RuntimeError):
    """The run was finished; nothing can be logged to it any more."""


def collect(problems: list[Problem], call: Callable[..., Any], *arguments: Any) -> Any:
    """What a call returns; None where it raises InputError, whose problems are added to the others."""
    try:
        return call(*arguments)
    except InputError as error:
        problems += error.problems
        return None


def raise_all(problems: Sequence[Problem]) -> None:
    """Raise `InputError` with these problems, if there are any."""
    if problems:
        raise InputError(problems)


@contextmanager
def translated(make: Callable[[Exception], MediaTypesError]) -> Iterator[None]:
    """Whatever another library raises, as the error that `make` makes of it; our own errors stay."""
    try:
        yield
    except MediaTypesError:
        raise
    except Exception as error:  # codecs raise what they like
        raise make(error) from error


def os_error(cls: type[StoreError], where: str, doing: str, error: OSError, hint: str) -> StoreError:
    """A `StoreError` that keeps errno and says in the message grammar what the system refused."""
    message = f"{where}: expected to {doing}, got {_reason(error)!r}. {hint}"
    made = cls(message) if error.errno is None else cls(error.errno, message)
    made.__cause__ = error
    return made


def _reason(error: OSError) -> str:
    """What the system said. Arrow tells a story around it, or says it without a number."""
    is_ours = isinstance(error, StoreError)  # and says in its message already what the system said
    if error.errno and (is_ours or not error.strerror or f"[errno {error.errno}]" in error.strerror):
        return os.strerror(error.errno)
    return error.strerror or str(error).partition("\n")[0].rstrip(".") or type(error).__name__


def describe(error: BaseException) -> tuple[Problem, ...]:
    """Any exception as problems, for places that record instead of raising."""
    if isinstance(error, ValidationError):
        return error.problems
    text: Any = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return (Problem("", str(text).rstrip(".") or type(error).__name__, type(error).__name__),)


def unexpected(error: BaseException, path: str = "") -> Problem:
    """Whatever came instead of a result, as one problem that says all of it."""
    return Problem(path, str(error).rstrip(".") or type(error).__name__, type(error).__name__)
