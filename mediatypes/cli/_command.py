"""What a sub-command is, and how it says that something is wrong."""

from __future__ import annotations

import re
import threading
from argparse import Action, ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable, Collection, Iterable, Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Any, NamedTuple, NoReturn

from .._core.errors import MediaTypesError
from ._runs import find
from ._text import clean, note

_CHOICE = re.compile(r"invalid choice: '(.*?)' \(choose from (.*)\)")
_OPTION = re.compile(r"unrecognized arguments:.*?(?<= )(--[\w-]+)")


class Parser(ArgumentParser):
    """The arguments of a command. One that would do nothing beside the others is wrong usage, and said."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._rules: list[tuple[Sequence[Action], Action, bool]] = []

    def only_with(self, chosen: Action, *actions: Action) -> None:
        """These arguments mean something only where `chosen` is given as well."""
        self._rules.append((actions, chosen, True))

    def not_with(self, chosen: Action, *actions: Action) -> None:
        """These arguments mean nothing where `chosen` is given."""
        self._rules.append((actions, chosen, False))

    def check(self, parsed: Namespace, rest: Sequence[str]) -> None:
        """Say what is wrong with arguments that were parsed, and with those that are left, and exit; or return."""
        if rest:
            self.error(f"unrecognized arguments: {' '.join(rest)}")
        for actions, chosen, is_wanted in self._rules:
            if is_given(parsed, chosen) != is_wanted:
                names = ", ".join(name_of(action) for action in actions if is_given(parsed, action))
                if names:
                    fix = f"Add {name_of(chosen)}, or leave" if is_wanted else "Leave"
                    self.error(f"{names}: {'only' if is_wanted else 'not'} with {name_of(chosen)}. {fix} {names} out.")

    def error(self, message: str) -> NoReturn:
        """See `ArgumentParser`; a word that is nearly one of those that are known is told."""
        if wrong := _CHOICE.search(message):
            word, known = wrong[1], re.findall(r"[\w-]+", wrong[2])
        elif wrong := _OPTION.search(message):
            word, known = wrong[1], [name for action in self._actions for name in action.option_strings]
        else:
            super().error(message)
        by_letters = {name.lstrip("-"): name for name in known}  # dashes make no two options alike
        close = get_close_matches(word.lstrip("-"), by_letters, 1)
        super().error(message + (f". Did you mean {by_letters[close[0]]}?" if close else ""))


def is_given(parsed: Namespace, action: Action) -> bool:
    """Whether an argument has another value than by default."""
    return bool(getattr(parsed, action.dest) != action.default)


def name_of(action: Action) -> str:
    """An argument as it is typed."""
    return action.option_strings[-1] if action.option_strings else str(action.metavar)


def at_least_1(text: str) -> int:
    """The type of an argument that says how many."""
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError(f"expected a whole number, at least 1, got {text}. Leave it out for what is usual.")
    return int(text)


def seconds(text: str) -> float:
    """The type of an argument that says how long: 0 or more, and no longer than a thread can wait."""
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number < threading.TIMEOUT_MAX:
        raise ArgumentTypeError(f"expected seconds, 0 or more, got {text}. Pass 0.5.")
    return number


class Command(NamedTuple):
    """One sub-command: its texts, its arguments, and what it does, returning the exit code."""

    name: str
    summary: str
    details: str
    example: str
    add_arguments: Callable[[Parser], None]
    run: Callable[[Namespace], int]


def complain(error: MediaTypesError) -> None:
    """Say on stderr what went wrong, in one line."""
    text = (isinstance(error, OSError) and error.strerror) or str(error)  # an OSError's str() leads with its number
    note(text)


def tell_unknown(patterns: Iterable[str], known: Collection[str]) -> None:
    """Say on stderr which patterns match none of the keys."""
    for pattern in patterns:
        if pattern != "*" and known and not any(fnmatchcase(key, pattern) for key in known):
            close = get_close_matches(pattern, known, 1)
            note(clean(f"--keys {pattern}: no such key" + (f". Did you mean {close[0]}?" if close else "")))


def for_each(paths: Iterable[str], doing: Callable[[str], str]) -> int:
    """Do something to each run that the paths mean, and print what comes of it; one that fails does not stop it.

    Returns:
        The exit code.
    """
    code = 0
    for path in find(paths):
        try:
            print(clean(f"{path}: {doing(path)}"), flush=True)
        except MediaTypesError as error:
            complain(error)
            code = 2
    return code
