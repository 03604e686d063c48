"""A CSV file as a stream of lines, read more than once: to check all of it, then to send it.

UTF-8, with or without a byte order mark. The first line names the columns. They are separated as
`--delimiter` says, or else by whichever of the usual signs makes columns of the first line.
"""

import codecs
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

from holdfast.csv_lines import CsvLine, csv_lines

FILE_BYTES_MAX = 4 * 1024 * 1024 * 1024
DELIMITERS = (",", ";", "\t", "|")
NAMES = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|", "\\t": "\t"}


class Unreadable(ValueError):
    """A file that cannot be taken as a table at all; the message says why."""


class Columns(NamedTuple):
    """The columns of a file: those that it must have, and those that it may have."""

    required: tuple[str, ...]
    optional: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CsvFile:
    """A file whose header is right. `lines` may be read again and again."""

    content: BinaryIO
    delimiter: str
    header: tuple[str, ...]

    def lines(self) -> Iterator[CsvLine]:
        """The lines after the header."""
        found = csv_lines(_text_of(self.content), self.delimiter)
        next(found)
        return found


def rereadable(file: BinaryIO) -> BinaryIO:
    """The file, or a copy of it on disk if it can be read only once, such as standard input."""
    if file.seekable():
        return file
    import shutil
    import tempfile

    copy = tempfile.TemporaryFile()  # noqa: SIM115 - whoever reads it closes it
    shutil.copyfileobj(file, copy)
    return copy


def open_csv(content: BinaryIO, columns: Columns, delimiter: str = "") -> CsvFile:
    """A file with these columns. Raises Unreadable."""
    content.seek(0, io.SEEK_END)
    if content.tell() > FILE_BYTES_MAX:
        raise Unreadable(f"the file is larger than {FILE_BYTES_MAX >> 20} MiB; split it")
    content.seek(0)
    if content.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        raise Unreadable("the file is UTF-16; save it as UTF-8")
    found = ""
    for sign in (delimiter,) if delimiter else DELIMITERS:
        header, problem = _header(content, sign, columns)
        if not problem:
            return CsvFile(content, sign, header)
        # The problem of the sign that makes columns is the one to tell.
        if not found or len(header) > 1:
            found = problem
    raise Unreadable(found)


def open_any_csv(content: BinaryIO, delimiter: str = "") -> CsvFile:
    """A file whose columns somebody else has named. Raises Unreadable.

    The sign between columns is the one that makes most of them.
    """
    tables = []
    for sign in (delimiter,) if delimiter else DELIMITERS:
        first = next(csv_lines(_text_of(content), sign), None)
        if first is None or first.problem:
            continue
        tables.append(CsvFile(content, sign, tuple(name.strip() for name in first.cells)))
    if not tables:
        raise Unreadable("the file is empty or not CSV; its first line must name the columns")
    return max(tables, key=lambda table: len(table.header))


def _header(content: BinaryIO, delimiter: str, columns: Columns) -> tuple[tuple[str, ...], str]:
    """The names in the first line of a file, and what is wrong with them."""
    first = next(csv_lines(_text_of(content), delimiter), None)
    named = ",".join(columns.required)
    if first is None:
        return (), f"the file is empty; its first line must name the columns {named}"
    if first.problem:
        return (), first.problem
    return tuple(first.cells), _header_problem(first.cells, columns)


def _header_problem(header: Sequence[str], columns: Columns) -> str:
    allowed = (*columns.required, *columns.optional)
    unknown = [name for name in header if name not in allowed]
    if unknown:
        return f"unknown column {unknown[0]!a}; the columns are {', '.join(allowed)}"
    for name in allowed:
        if header.count(name) > 1:
            return f"column {name} is there twice"
        if name in columns.required and name not in header:
            named = ",".join(columns.required)
            return f"column {name} is missing; the first line must name the columns {named}"
    return ""


def _text_of(content: BinaryIO) -> Iterator[str]:
    """The text from the beginning. Bytes that are not UTF-8 become surrogates, to be named."""
    content.seek(0)
    return io.TextIOWrapper(
        io.BufferedReader(_Unclosed(content)),  # type: ignore[type-var]
        encoding="utf-8-sig",
        errors="surrogateescape",
        newline="",
    )


class _Unclosed(io.RawIOBase):
    """A reader of a file that does not close it when it is done."""

    def __init__(self, content: BinaryIO) -> None:
        self._content = content

    def readable(self) -> bool:
        """Whether it reads: always."""
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        """Reads on where the file stands."""
        chunk = self._content.read(len(buffer))
        buffer[: len(chunk)] = chunk
        return len(chunk)


def delimiter_of(text: str) -> str:
    """The sign that --delimiter names: itself, or its name. Raises ValueError."""
    sign = NAMES.get(text.lower(), text)
    if len(sign) != 1 or sign in '"\r\n' or sign.isalnum():
        raise ValueError(f"must be one sign such as ; or one of {', '.join(NAMES)}; got {text!r}")
    return sign


def open_file(file: Path) -> BinaryIO:
    """Opens a file to be read more than once. Raises OSError."""
    return rereadable(file.open("rb"))
