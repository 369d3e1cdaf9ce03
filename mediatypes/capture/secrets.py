"""What may be written of arguments, URLs and texts: by lists of what is allowed, as nobody can list all secrets.

An argument is written if its option's name says nothing secret and its value has the form of a number, of words or of a
file that is there, or stands in the run's config. Anything else is written as `***`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Mapping
from urllib.parse import urlsplit

REDACTED = "***"
_LONGEST = 500  # characters of a value
_SHORTEST_SECRET = 8  # characters of an environment variable's value that is looked for in texts
_SECRET_PART = re.compile(
    r"passw|passphrase|secret|credential|apikey|accesskey|privatekey|authkey|token(?!s|iz)|bearer|authoriz|cookie|signature"
)
_SECRET_WORDS = {"key", "pass", "pwd", "auth", "sig", "sas", "dsn", "pin"}
_WORD_BREAK = re.compile(r"[^A-Za-z0-9]+|(?<=[a-z0-9])(?=[A-Z])")
_OPTION = re.compile(r"--?|--[A-Za-z][\w.-]{0,63}|-[A-Za-z]\d{0,4}|-[a-z_]{1,20}")  # -lr, -j8; not -pHunter2
_NEGATIVE = re.compile(r"-[\d.]")
_ASSIGNED = re.compile(r"([-+~]{0,2}[A-Za-z][\w./@-]{0,99})=(.*)", re.DOTALL)  # --lr=1, and Hydra's optimizer.lr=1
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_CREDENTIALS = re.compile(rb"(://)[^/\s@\"'<>]+@")  # without the scheme, which takes long to look for in a long word
_SEGMENT = re.compile(r"[^\W_]+")  # letters and digits between anything else
_PLAIN = re.compile(r"[^\W\d_]{0,20}\d{0,8}[^\W\d_]{0,3}|\d{1,8}(x\d{1,8}){1,3}|0x[0-9a-fA-F]{1,8}")
_CASE_CHANGE = re.compile(r"[a-z][A-Z]")
_MAX_CASE_CHANGES = 4


def is_secret_name(name: str) -> bool:
    """Whether an option or variable of this name may hold a secret.

    >>> [name for name in ("--api-key", "HF_TOKEN", "dbPassword", "--max-tokens") if is_secret_name(name)]
    ['--api-key', 'HF_TOKEN', 'dbPassword']
    """
    words = [word.lower() for word in _WORD_BREAK.split(name) if word]
    return bool(_SECRET_PART.search("".join(words))) or not _SECRET_WORDS.isdisjoint(words)


def clean_url(url: str) -> str:
    """A URL without user, password, query and fragment.

    >>> clean_url("https://me:hunter2@example.org/repo.git?token=1"), clean_url("git@example.org:me/repo.git")
    ('https://example.org/repo.git', 'git@example.org:me/repo.git')
    """
    if not _URL.match(url):
        return url
    try:
        parts = urlsplit(url)
    except ValueError:
        return REDACTED
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def clean_arguments(arguments: Iterable[str], known: Collection[str] = ()) -> list[str]:
    """Command-line arguments with `***` for what may be a secret.

    Args:
        arguments: those after the script's name.
        known: values that stand in the run's config, and so may be written.

    >>> clean_arguments(["--lr=1e-3", "--model", "resnet50", "--api-key", "hunter", "--id=sk-9f8Q7w6E5r4T", "a/b.yaml"])
    ['--lr=1e-3', '--model', 'resnet50', '--api-key', '***', '--id=***', 'a/b.yaml']
    """
    cleaned, option = list[str](), ""
    for argument in arguments:
        assigned = _ASSIGNED.fullmatch(argument)
        if assigned and _is_plain(assigned[1]):
            cleaned.append(f"{assigned[1]}={_clean_value(assigned[1], assigned[2], known)}")
            option = ""
        elif _OPTION.fullmatch(argument) and _is_plain(argument):
            cleaned.append(argument)
            option = argument
        elif argument.startswith("-") and not _NEGATIVE.match(argument):  # -pHunter2
            cleaned.append(REDACTED)
            option = ""
        else:
            cleaned.append(_clean_value(option, argument, known))
            option = ""
    return cleaned


def _clean_value(name: str, value: str, known: Collection[str]) -> str:
    if is_secret_name(name) or len(value) > _LONGEST:
        return REDACTED
    if _URL.match(value):
        scheme, _, rest = clean_url(value).partition("://")
        parts = [part if _is_plain(part) and not is_secret_name(part) else REDACTED for part in rest.split("/")]
        return f"{scheme}://{'/'.join(parts)}"
    if is_secret_name(value):  # Authorization: Bearer ...
        return REDACTED
    return value if _is_plain(value) or value in known or _is_file(value) else REDACTED


def _is_plain(text: str) -> bool:
    """Whether a text is made of numbers and words: no segment is long, or mixes letters and digits as tokens do."""
    return all(
        _PLAIN.fullmatch(segment) and len(_CASE_CHANGE.findall(segment)) <= _MAX_CASE_CHANGES
        for segment in _SEGMENT.findall(text)
    )


def _is_file(value: str) -> bool:
    try:
        return os.path.exists(value)
    except ValueError:  # a NUL
        return False


class SecretValues:
    """The values of environment variables whose names say that they are secret, to be kept out of texts.

    Args:
        environment: the variables.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        values = {value.strip() for name, value in environment.items() if is_secret_name(name)}
        kept = [value for value in values if len(value) >= _SHORTEST_SECRET and not _is_file(value)]
        pattern = b"|".join(re.escape(os.fsencode(value)) for value in sorted(kept, key=len, reverse=True))
        self._pattern = re.compile(pattern) if kept else None

    def clean(self, text: bytes) -> tuple[bytes, int]:
        """A text without these values and without user and password in URLs; and how many were replaced."""
        text, count = _CREDENTIALS.subn(rb"\1" + REDACTED.encode() + b"@", text)
        if self._pattern:
            text, more = self._pattern.subn(REDACTED.encode(), text)
            count += more
        return text, count

    def clean_text(self, text: str) -> str:
        """The same of a string."""
        return self.clean(text.encode("utf-8", "surrogateescape"))[0].decode("utf-8", "replace")
