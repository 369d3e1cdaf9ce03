from __future__ import annotations

import re
import time
import tracemalloc
from collections.abc import Callable
from html.parser import HTMLParser
from io import BytesIO, StringIO, TextIOWrapper
from pathlib import Path
from typing import Any

import matplotlib
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mediatypes as mt
from mediatypes import Html, InputError
from mediatypes.testing import ValueContract
from mediatypes.types.html.value import STYLE
from tests.samples import decoded, encode
from tests.strategies import texts

TABLE = pd.DataFrame({"name": ["Größe", "東京"], "loss": [0.25, 1e-9]}).to_html()
PAGE = f"<!DOCTYPE html>\n<html lang='de'><head><title>Läufe</title></head><body>{TABLE}</body></html>"
TEMPLATES = Path(matplotlib.__file__).parent / "backends" / "web_backend"  # real pages of matplotlib's wheel


class TestHtmlContract(ValueContract):
    def examples(self) -> dict[str, Html]:
        return {
            "a page": Html(PAGE, caption="Tabelle ♪"),
            "not injected": Html(PAGE, inject=False),
            "a fragment": Html(TABLE),
            "another encoding": Html('<meta charset="Windows-1252"><p>Größe'.encode("cp1252")),
            "nothing": Html(""),
            "a real file": Html(TEMPLATES / "single_figure.html"),
        }

    def bad_documents(self) -> dict[str, tuple[dict[str, Any], str]]:
        at = PAGE.encode().index(b"\xc3")  # which no character of iso-8859-3 has
        return {
            "no flag": ({"inject": "yes"}, "inject: expected true or false, got 'yes'."),
            "an encoding that is not the file's": (
                {"encoding": "iso-8859-3"},
                f"html: expected iso-8859-3 text, got {PAGE.encode()[at : at + 12]!r}. Byte {at} is the first. "
                "Restore the document.",
            ),
        }


def test_the_sidecar_is_the_text_and_the_style_is_only_shown() -> None:
    document, store = encode(Html(PAGE, caption="runs"))
    assert store.files == {document["path"]: PAGE.encode()}
    assert document == {
        "_type": "html",
        "_version": "1.0",
        "path": document["path"],
        "sha256": document["sha256"],
        "size": len(PAGE.encode()),
        "media_type": "text/html",
        "inject": True,
        "caption": "runs",
    }
    assert document["path"].endswith(".html")
    assert Html(PAGE).to_html() == PAGE.replace("<head>", f"<head>{STYLE}")


@pytest.mark.parametrize("inject", [True, False])
def test_inject_is_a_flag_that_the_shower_may_override(inject: bool) -> None:
    page = decoded(Html(PAGE, inject))
    assert page.inject is inject
    assert (STYLE in page.to_html()) is inject
    assert STYLE in page.to_html(inject=True)
    assert page.to_html(inject=False) == page.text == PAGE


def test_the_style_reaches_for_no_network() -> None:
    assert not re.search(r"https?:|//|url\(|@import|src=|href=", STYLE)


PLACES = {
    "": "|",
    "<p>x</p>": "|<p>x</p>",
    "text <head>": "|text <head>",
    "<head></head>": "<head>|</head>",
    "<HTML><HEAD></HEAD>": "<HTML><HEAD>|</HEAD>",
    "<html><body>": "<html>|<body>",
    "<html><title>t</title>": "<html>|<title>t</title>",
    "<html lang='a>b' x=\"<head>\">\n <head a='>'><x>": "<html lang='a>b' x=\"<head>\">\n <head a='>'>|<x>",
    "<!doctype html><p>": "<!doctype html>|<p>",
    "<!DOCTYPE html>\n<!-- <head> --><html>\n<head>x": "<!DOCTYPE html>\n<!-- <head> --><html>\n<head>|x",
    "<html><!-- a --><head>x": "<html><!-- a --><head>|x",
    "<!-- <html><head> --><p>": "<!-- <html><head> -->|<p>",
    "<!-- never closed <head>": "|<!-- never closed <head>",
    "<header>x</header>": "|<header>x</header>",
    "<htmlx><head>": "|<htmlx><head>",
    "<body><head>": "|<body><head>",
    "<script>'<head>'</script>": "|<script>'<head>'</script>",
}


@pytest.mark.parametrize(("markup", "expected"), PLACES.items())
def test_the_style_goes_where_a_browser_reads_it_first(markup: str, expected: str) -> None:
    assert Html(markup, data_is_not_path=True).to_html() == expected.replace("|", STYLE)


@pytest.mark.parametrize("markup", ["<!--" * 50_000, "<!---->" * 20_000, " " * 200_000, "<html " + "a='b' " * 30_000])
def test_hostile_openings_take_no_time(markup: str) -> None:
    started = time.process_time()
    Html(markup).to_html()
    assert time.process_time() - started < 2


SPELLINGS: dict[str, Callable[[Path], Html]] = {
    "a string": lambda path: Html(PAGE),
    "a Path": lambda path: Html(path),
    "a path": lambda path: Html(str(path)),
    "a path with other capitals": lambda path: Html(str(path.rename(path.with_suffix(".HTM")))),
    "from_path": lambda path: Html.from_path(path),
    "from_path of a string with another suffix": lambda path: Html.from_path(
        str(path.rename(path.with_suffix(".txt")))
    ),
    "a Path with another suffix": lambda path: Html(path.rename(path.with_suffix(".txt"))),
    "bytes": lambda path: Html(PAGE.encode()),
    "BytesIO": lambda path: Html(BytesIO(PAGE.encode())),
    "StringIO": lambda path: Html(StringIO(PAGE)),
    "StringIO after writing": lambda path: Html(_written()),
    "data_is_not_path": lambda path: Html(PAGE, True, True),
    "by name": lambda path: Html(data=PAGE, inject=True, data_is_not_path=False, caption=None),
}


def _written() -> StringIO:
    file = StringIO()
    file.write(PAGE)
    return file


@pytest.fixture
def page_file(tmp_path: Path) -> Path:
    path = tmp_path / "page.html"
    path.write_bytes(PAGE.encode())
    return path


@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS)
def test_every_spelling_gives_the_same_value(spelling: Callable[[Path], Html], page_file: Path) -> None:
    assert spelling(page_file) == Html(PAGE)


def test_open_files_are_read(page_file: Path) -> None:
    with open(page_file, encoding="utf-8", newline="") as as_text, open(page_file, "rb") as as_bytes:
        assert Html(as_text) == Html(as_bytes) == Html(PAGE)


@pytest.mark.parametrize("name", ["single_figure.html", "all_figures.html", "ipython_inline_figure.html"])
def test_real_files_are_kept_byte_for_byte(name: str) -> None:
    page = decoded(Html(TEMPLATES / name))
    assert page.to_bytes() == (TEMPLATES / name).read_bytes()
    assert page.to_html(inject=False) == (TEMPLATES / name).read_bytes().decode()
    assert page.to_html().count(STYLE) == 1


NOT_PATHS = ["<p>page.html", "see the report\nreport.html", "report.pdf", "/tmp", "", "a.html.", "runs/demo"]


@pytest.mark.parametrize("data", NOT_PATHS)
def test_a_string_that_is_no_path_is_html(data: str) -> None:
    assert Html(data).text == data


@pytest.mark.parametrize(("encoding", "lacking"), [("1252", "818d8f909d"), ("1251", "98"), ("874", "81909b9f")])
def test_bytes_that_windows_does_not_use_are_controls_as_in_browsers(encoding: str, lacking: str) -> None:
    head, middle = f"<meta charset=windows-{encoding}>".encode(), bytes.fromhex(lacking)
    page = decoded(Html(head + middle + b"x"))
    assert page.text.removeprefix(head.decode()) == middle.decode("latin1") + "x"
    assert page.to_bytes() == head + middle + b"x"


def test_bytes_that_no_standard_has_are_refused() -> None:
    with pytest.raises(InputError, match=r"expected windows-1253 text, got b'\\xd2x'. Byte 27 is the first"):
        Html(b"<meta charset=windows-1253>\xd2x")


def test_data_is_not_path_makes_any_string_html(page_file: Path) -> None:
    assert Html(str(page_file), data_is_not_path=True).text == str(page_file)


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        ("\ufeff<p>é".encode(), "utf-8"),
        ("<p>é".encode(), "utf-8"),
        ("<p>é".encode("utf-16"), "utf-16"),
        ('<meta charset="iso-8859-1"><p>“é”'.encode("cp1252"), "windows-1252"),
        ("<META content='text/html; CHARSET=Shift_JIS' http-equiv=content-type>東京".encode("shift_jis"), "shift_jis"),
        (b"<meta charset=windows-1253>\xe1", "windows-1253"),
        ("<meta charset=euc-kr>한국".encode("euc-kr"), "euc-kr"),
        ("<meta charset=gb2312>中文".encode("gb2312"), "gbk"),
        ("<meta charset=x-sjis>あ".encode("shift_jis"), "shift_jis"),
        ("<meta charset=iso-8859-9>ğ".encode("iso-8859-9"), "windows-1254"),
        ("<meta charset=UTF-8>é".encode(), "utf-8"),
        ("<meta charset=utf-16>é".encode(), "utf-8"),
        ("<meta charset=rot13>é".encode(), "utf-8"),
        ("<meta charset=no-such-thing>é".encode(), "utf-8"),
        ("<!-- <meta charset=latin1> -->é".encode(), "utf-8"),
        (("<p>" * 400 + "<meta charset=latin1>é").encode(), "utf-8"),
    ],
)
def test_the_encoding_of_a_file_is_found_as_a_browser_finds_it(data: bytes, encoding: str) -> None:
    page = decoded(Html(data))
    assert (page.encoding, page.to_bytes()) == (encoding, data)
    assert page.text == data.decode("cp1252" if encoding == "windows-1252" else encoding).removeprefix("\ufeff")
    assert encode(page)[0].get("encoding", "utf-8") == encoding


def test_a_string_is_stored_as_utf_8_whatever_it_declares() -> None:
    page = decoded(Html("<meta charset=latin1>é"))
    assert (page.encoding, page.text) == ("utf-8", "<meta charset=latin1>é")


def _text_of_another_encoding() -> TextIOWrapper:
    return TextIOWrapper(BytesIO(b"<p>\xff"), encoding="utf-8")


REFUSED: dict[str, tuple[Callable[[], Html], str]] = {
    "a missing path": (
        lambda: Html("runs/missing.html"),
        "Html: expected an existing file, got 'runs/missing.html'. "
        "Check the path, or pass data_is_not_path=True if this is the text to show.",
    ),
    "a missing path ending in .htm": (
        lambda: Html("missing.HTM"),
        "Html: expected an existing file, got 'missing.HTM'. "
        "Check the path, or pass data_is_not_path=True if this is the text to show.",
    ),
    "a missing Path": (
        lambda: Html(Path("missing")),
        "Html: expected an existing file, got 'missing'. Check the path.",
    ),
    "a directory": (lambda: Html(Path("/")), "Html: expected an existing file, got '/'. Check the path."),
    "a missing path of from_path": (
        lambda: Html.from_path("<p>"),
        "Html: expected an existing file, got '<p>'. Check the path.",
    ),
    "text for from_path": (
        lambda: Html.from_path(b"<p>"),  # type: ignore[arg-type]
        "Html.from_path: expected a path, got b'<p>'. Use Html(data) for other data.",
    ),
    "a URL": (
        lambda: Html("https://example.org/a.html"),
        "Html: expected a file on this machine, got 'https://example.org/a.html'. Download it and pass its path.",
    ),
    "a Path that is no path": (
        lambda: Html(Path("a.html"), data_is_not_path=True),
        f"Html.data_is_not_path: expected text beside it, got {Path('a.html')!r}. Use path.read_text().",
    ),
    "flags that are none": (
        lambda: Html("<p>", "yes", 1),  # type: ignore[arg-type]
        "2 problems:\n- Html.inject: expected True or False, got 'yes'. Use bool(...).\n"
        "- Html.data_is_not_path: expected True or False, got 1. Use bool(...).",
    ),
    "no data": (
        lambda: Html(None),
        "Html: expected a string, path, bytes or an open file, got None. See help(mediatypes.Html).",
    ),
    "a number": (
        lambda: Html(5),
        "Html: expected a string, path, bytes or an open file, got 5. See help(mediatypes.Html).",
    ),
    "bytes that are no text": (
        lambda: Html(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"),
        "Html: expected utf-8 text, got b'\\x89PNG\\r\\n\\x1a\\n\\x00\\x00\\x00\\r'. Byte 0 is the first. "
        "Declare the encoding: <meta charset=...>.",
    ),
    "bytes that are not in the encoding declared": (
        lambda: Html("<meta charset=euc-kr>é".encode("latin-1")),
        "Html: expected euc-kr text, got b'\\xe9'. Byte 21 is the first. Declare the encoding: <meta charset=...>.",
    ),
    "a text file in another encoding": (
        lambda: Html(_text_of_another_encoding()),
        "Html: expected utf-8 text, got b'\\xff'. Open it with mode 'rb', then its own encoding is looked up.",
    ),
    "a lone surrogate": (
        lambda: Html("<p>\ud800"),
        "Html: expected text that UTF-8 can hold, got '<p>\\ud800'. Remove the lone surrogates.",
    ),
    "a caption that is no text": (
        lambda: Html("<p>", caption=3),  # type: ignore[arg-type]
        "Html.caption: expected text, got 3. Use str(...).",
    ),
}


@pytest.mark.parametrize(("make", "message"), REFUSED.values(), ids=REFUSED)
def test_a_refusal_tells_what_is_wrong_and_what_to_do(make: Callable[[], Html], message: str) -> None:
    with pytest.raises(InputError) as caught:
        make()
    assert str(caught.value) == message


class _Tags(HTMLParser):
    """The start tags of a document, with their attributes."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(markup)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def shown(page: Html) -> tuple[dict[str, str | None], str, dict[str, str | None]]:
    """What a notebook shows: the outer frame, its policy, and the frame in it."""
    ((tag, outer),) = _Tags(page._repr_mimebundle_()["text/html"]).found
    (first, meta), _style, (inner_tag, inner) = _Tags(outer["srcdoc"] or "").found
    assert (tag, first, inner_tag) == ("iframe", "meta", "iframe")
    assert meta["http-equiv"] == "Content-Security-Policy"
    return outer, meta["content"] or "", inner


@settings(max_examples=100, deadline=None)
@given(texts, st.none() | texts)
def test_a_notebook_shows_it_in_a_frame_that_it_cannot_leave(markup: str, caption: str | None) -> None:
    page = Html(f"{markup}\"'><script>alert(1)</script></iframe>{markup}", caption=caption)
    outer, _, inner = shown(page)
    assert inner["srcdoc"] == page.to_html()
    for frame in (outer, inner):
        assert frame["sandbox"] == "allow-scripts"
        assert frame["title"] == (caption or "HTML")


def test_a_shown_page_loads_nothing_from_the_network() -> None:
    policy = dict(rule.strip().split(" ", 1) for rule in shown(Html("<p>x"))[1].split(";"))
    assert policy.pop("default-src") == "'none'"  # also for addresses that a frame is led to
    allowed = {source for sources in policy.values() for source in sources.split()}
    assert allowed <= {"'none'", "'unsafe-inline'", "'unsafe-eval'", "data:", "blob:"}
    assert "frame-src" not in policy


@settings(max_examples=100, deadline=None)
@given(st.text(st.characters(codec="utf-8")))
def test_any_text_comes_back(markup: str) -> None:
    page = Html(markup, data_is_not_path=True)
    assert decoded(page).text == markup.removeprefix("\ufeff")
    assert page.to_html().replace(STYLE, "", 1) == page.text


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=60))
def test_any_bytes_are_kept_or_refused(data: bytes) -> None:
    try:
        page = Html(data)
    except InputError:
        return
    assert decoded(page).to_bytes() == data


def test_the_repr_is_short() -> None:
    assert repr(Html("<p>x</p>", inject=False, caption="x")) == "Html(8 bytes, inject=False, caption='x')"


def test_a_store_of_files_gives_it_back(tmp_path: Path) -> None:
    store = mt.DirectoryStore(tmp_path)
    document = mt.encode(Html(PAGE), store)
    assert (tmp_path / document["path"]).read_text("utf-8") == PAGE
    assert mt.decode(document, store) == Html(PAGE)


def test_a_page_is_bounded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("mediatypes.types.html.value.MAX_BYTES", 100)
    (tmp_path / "a.html").write_bytes(b"x" * 101)
    for data in (
        "x" * 101,
        "\u00e9" * 51,
        b"x" * 101,
        BytesIO(b"x" * 101),
        StringIO("x" * 101),
        tmp_path / "a.html",
    ):
        with pytest.raises(mt.InputError) as caught:
            mt.Html(data)
        size = 102 if data == "\u00e9" * 51 else 101
        expected = f"Html: expected at most 100 bytes, got {size}. Log the data as a Table, or a link to the page."
        assert str(caught.value) == expected
    assert mt.Html("x" * 100).text == "x" * 100


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "shift_jis", "iso-2022-jp", "gb18030"])
def test_a_long_page_is_decoded_in_pieces(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mediatypes.types.html.value._PIECE", 7)  # which parts characters
    text = f"<meta charset={encoding}><p>" + "\u65e5\u672c\u8a9e " * 50
    assert mt.Html(text.encode(encoding)).text == text
    with pytest.raises(mt.InputError, match="is the first"):
        mt.Html(
            f"<meta charset={encoding}>".encode("utf-16" if encoding == "utf-16" else "ascii")
            + b"\xff\xff\xff\x1b\xd8\xd8\x81"
        )


@pytest.mark.parametrize(
    ("label", "codec", "encoding", "text"),
    [
        ("shift_jis", "cp932", "shift_jis", "①髙"),
        ("euc-kr", "cp949", "euc-kr", "똠"),
        ("gb2312", "gbk", "gbk", "鎔"),
        ("tis-620", "cp874", "windows-874", "ก€"),
    ],
)
def test_characters_that_the_standard_has_beyond_python_are_read(
    label: str, codec: str, encoding: str, text: str
) -> None:
    page = decoded(Html(f"<meta charset={label}>{text}".encode(codec)))
    assert (page.encoding, page.text) == (encoding, f"<meta charset={label}>{text}")


def test_a_large_file_is_not_held_in_memory(tmp_path: Path) -> None:
    path = tmp_path / "a.html"
    with open(path, "wb") as file:
        for _ in range(80):
            file.write(b"<p>text</p>" * 95325)
    tracemalloc.start()
    try:
        assert mt.Html(path).encoding == "utf-8"
        assert tracemalloc.get_traced_memory()[1] < 16 * 2**20  # of 80 MiB
    finally:
        tracemalloc.stop()


def test_a_style_goes_behind_the_declaration_of_xhtml() -> None:
    opening = (
        '<?xml version="1.0" encoding="utf-8"?>\n<!DOCTYPE html>\n<html xmlns="http://www.w3.org/1999/xhtml"><head>'
    )
    page = f"{opening}<title>t</title></head></html>"
    assert Html(page).to_html() == f"{opening}{STYLE}{page.removeprefix(opening)}"
