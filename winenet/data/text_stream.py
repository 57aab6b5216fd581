"""Read a file of text in blocks: found compression and encoding, one kind of line end, quotes.

A cell in quotation marks may hold separators and line ends. `TextStream` follows the quotation
marks, so that it knows the line of each row and finds a mark that is never closed.
"""

import codecs
import functools
import gzip
import io
import re
import shlex
import stat
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Self, cast

import numpy as np

from winenet.errors import InputError, short_repr

STDIN = "-"
BLOCK = 2**20  # bytes read at a time
MAX_ROW = 2**24  # characters; a file without line ends would otherwise be one endless row
SAMPLE = 2**17  # characters from which separator and header are found
BYTE_ORDER_MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
SIGNATURES = {  # first bytes of a file: what it is, and the command that makes a table of it
    b"BZh": ("a bzip2 file", "bunzip2 --keep"),
    b"\xfd7zXZ\x00": ("an xz file", "unxz --keep"),
    b"\x28\xb5\x2f\xfd": ("a zstd file", "unzstd"),
    b"PK\x03\x04": ("a zip file", "unzip"),
    b"\xd0\xcf\x11\xe0": ("an old Excel file (.xls)", ""),
    b"\x7fELF": ("a program", ""),
    b"%PDF": ("a PDF file", ""),
}
UNDEFINED_IN_1252 = re.compile(rb"[\x81\x8d\x8f\x90\x9d]")
LONGEST_MARK = 4  # bytes of which the first chunk has at least as many, so that marks are whole


class TableError(InputError):
    """A table cannot be read."""


def open_bytes(path: str) -> IO[bytes]:
    """Open a file, or standard input for "-".

    Raises
    ------
    TableError
        If it cannot be opened.
    """
    if path == STDIN:
        if sys.stdin is None:
            raise TableError("standard input is closed")
        return sys.stdin.buffer
    try:
        mode = Path(path).stat().st_mode
        if stat.S_ISDIR(mode):
            raise TableError("is a folder, not a file")
        if not (stat.S_ISREG(mode) or stat.S_ISFIFO(mode)):
            raise TableError("is a device, not a file")  # would never end
        return Path(path).open("rb")
    except FileNotFoundError:
        raise TableError("is missing") from None
    except PermissionError:
        raise TableError("may not be read by this user") from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise TableError(f"cannot be read ({why})") from None


def find_encoding(path: str) -> str:
    """Return the encoding of a file: its byte order mark's, else UTF-8, else Windows-1252.

    Windows-1252 is the usual one of tables that are not UTF-8, and holds Latin-1's letters. Reads
    the file to its end.

    Raises
    ------
    TableError
        If it cannot be read, or is none of them.
    """
    with open_bytes(path) as raw:
        utf8, is_utf8, has_undefined = codecs.getincrementaldecoder("utf-8")(), True, False
        first, has_other = True, False
        for chunk in _chunks(raw, BLOCK, path):
            if first:
                for mark, name in BYTE_ORDER_MARKS.items():
                    if chunk.startswith(mark):
                        return name
                if _is_utf16(chunk):
                    return "utf-16-le" if chunk[1:2] == b"\0" else "utf-16-be"
            first = False
            if is_utf8:
                try:
                    has_other |= not utf8.decode(chunk).isascii()
                except UnicodeDecodeError:
                    is_utf8 = False
            has_undefined |= UNDEFINED_IN_1252.search(chunk) is not None
    # A last character that is cut is a whole one of Windows-1252, unless others are UTF-8's.
    if is_utf8 and (has_other or not utf8.getstate()[0]):
        return "utf-8"
    return "latin-1" if has_undefined else "windows-1252"


def _is_utf16(chunk: bytes) -> bool:
    """Return whether every other byte of the start is null, as in UTF-16 without its mark."""
    start = np.frombuffer(chunk[: len(chunk) // 2 * 2][:2000], np.uint8).reshape(-1, 2)
    nulls = (start == 0).mean(axis=0)
    return len(start) > 1 and nulls.max() > 0.9 and nulls.min() < 0.1


def _chunks(raw: IO[bytes], size: int, path: str) -> Iterator[bytes]:
    """Yield the bytes of a file, unpacked if gzip packed it. path: for messages."""
    reader: Any = raw if hasattr(raw, "peek") else io.BufferedReader(cast(Any, raw))
    start = reader.peek(8)[:8]
    for signature, (kind, command) in SIGNATURES.items():
        if start.startswith(signature):
            cure = (
                f"`{command} {shlex.quote(path)}` unpacks it"
                if command
                else "save the table as CSV"
            )
            raise TableError(f"is {kind}, not a table of text; {cure}")
    try:
        opened = gzip.GzipFile(fileobj=reader) if start.startswith(b"\x1f\x8b") else reader
        chunk = opened.read(max(size, LONGEST_MARK))
        while chunk:
            yield chunk
            chunk = opened.read(size)
    except (gzip.BadGzipFile, EOFError, zlib.error):
        raise TableError("is not a complete gzip file; pack it again") from None
    except OSError as error:
        raise TableError(f"cannot be read to its end ({error.strerror})") from None


class TextStream:
    """The text of an open file, in blocks that end with a row. A context: it closes the file.

    Parameters
    ----------
    path : str
        Of a file, or "-" for standard input.
    encoding : str
        Without effect on a file with a byte order mark.
    block : int
        Bytes read at a time.

    Attributes
    ----------
    quote : str
        The quotation mark, empty for none; to be set before `blocks` is read on.
    separator : str
        Likewise.
    size : int
        Bytes of the file; 0 if they are not known.
    row : int
        Rows of the blocks so far.

    Raises
    ------
    TableError
        If the file cannot be read.
    """

    def __init__(self, path: str, encoding: str = "utf-8", block: int = BLOCK) -> None:
        try:
            "".encode(encoding)
        except (LookupError, ValueError):  # or it is a codec of no text, such as hex
            raise TableError(
                f"was not read: {short_repr(encoding)} is not an encoding that Python knows; give "
                "one such as utf-8 or windows-1252"
            ) from None
        self.quote, self.separator = '"', ","
        self.raw = open_bytes(path)
        self.closes = path != STDIN
        self.size = 0
        if path != STDIN:
            status = Path(path).stat()
            self.size = status.st_size if stat.S_ISREG(status.st_mode) else 0
        self.encoding, self.row = encoding, 0
        self._chunks = _chunks(self.raw, block, path)
        self._rest = ""
        self._multiline_rows: list[int] = []  # rows with line ends in a cell, counted from 0
        self._extra_lines: list[int] = []  # lines of all such rows so far beyond one each
        self._texts = self._decoded()

    def __enter__(self) -> Self:
        """Return this."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        if self.closes:
            self.raw.close()

    @property
    def fraction_read(self) -> float | None:
        """How much of the file has been read, packed or not; None if its length is not known."""
        if not self.size or self.raw.closed:
            return None
        return min(1.0, self.raw.tell() / self.size)

    def line(self, row: int) -> int:
        """Return the line on which a row begins, as an editor counts. row: of the file, from 0."""
        before = int(np.searchsorted(self._multiline_rows, row))
        return row + 1 + (self._extra_lines[before - 1] if before else 0)

    def _decoded(self) -> Iterator[str]:
        """Yield the text with LF as the only line end."""
        decoder: codecs.IncrementalDecoder | None = None
        newlines = io.IncrementalNewlineDecoder(None, translate=True)
        lines = 1
        for chunk in self._chunks:
            if decoder is None:
                for mark, name in BYTE_ORDER_MARKS.items():
                    if chunk.startswith(mark):
                        self.encoding = name
                        if name == "utf-8":
                            chunk = chunk.removeprefix(mark)
                decoder = codecs.getincrementaldecoder(self.encoding)()
            try:
                text = newlines.decode(decoder.decode(chunk))
            except UnicodeDecodeError as error:
                before = error.object[: error.start].decode(error.encoding, "ignore")
                line = lines + newlines.decode(before, final=True).count("\n")
                raise TableError(
                    f"line {line} is not {self.encoding.upper()}; give its encoding, or save the "
                    "file as UTF-8"
                ) from None
            except UnicodeError:  # utf-16 needs a byte order mark
                raise TableError(
                    f"is not {self.encoding.upper()}; give its encoding, or save the file as UTF-8"
                ) from None
            lines += text.count("\n")
            if "\0" in text:
                line = lines - text.count("\n") + text[: text.index("\0")].count("\n")
                raise TableError(
                    f"line {line} has a null byte, so the file is not text or is damaged"
                )
            if text:  # none may be there yet: a part of a character
                yield text
        if decoder is not None:
            try:
                text = newlines.decode(decoder.decode(b"", final=True), final=True)
            except UnicodeError:
                raise TableError(f"ends within a character of {self.encoding.upper()}") from None
            if text:
                yield text

    def peek(self) -> str:
        """Return the start of the text, which `blocks` yields as well.

        It ends with LF if it is the whole text.
        """
        while len(self._rest) < SAMPLE:
            text = next(self._texts, "")
            self._rest += text
            if not text:
                self._end_last_line()
                break
        return self._rest

    def _end_last_line(self) -> None:
        if self._rest and not self._rest.endswith("\n"):
            self._rest += "\n"

    def skip(self, characters: int) -> None:
        """Leave out the start of the text. characters: of whole rows."""
        start = self._rest[:characters]
        if start:
            self._rows_end(start if start.endswith("\n") else start + "\n", last=True)
        self._rest = self._rest[characters:]

    def blocks(self) -> Iterator[str]:
        """Yield the text in blocks of whole rows, each ending with LF.

        Raises
        ------
        TableError
            If a quotation mark is not closed, or text stands behind a closed one.
        """
        last = False
        while not last:
            text = next(self._texts, None)
            last = text is None
            self._rest += text or ""
            if last:
                self._end_last_line()
            end = self._rows_end(self._rest, last=last)
            block, self._rest = self._rest[:end], self._rest[end:]
            if len(self._rest) > MAX_ROW:
                raise TableError(
                    f"line {self.line(self.row)} begins a row of more than {MAX_ROW:,} "
                    "characters: its line end or a closing quotation mark is missing"
                )
            if block:
                yield block

    def _rows_end(self, text: str, *, last: bool) -> int:
        """Return where the last whole row of a text ends; count the rows up to there."""
        limit, multiline = len(text), list[tuple[int, int]]()
        if self.quote and self.quote in text:
            limit = self._find_multiline_cells(text, multiline, last=last)
        end = text.rfind("\n", 0, limit) + 1
        for start, stop in reversed(multiline):
            if start < end <= stop:
                end = text.rfind("\n", 0, start) + 1
        position = 0  # up to which the rows are counted
        for start, stop in multiline:
            if start < end:
                self.row += text.count("\n", position, start)
                before = self._extra_lines[-1] if self._extra_lines else 0
                self._multiline_rows.append(self.row)
                self._extra_lines.append(before + text.count("\n", start, stop))
                position = stop
        self.row += text.count("\n", position, end)
        return end

    def _find_multiline_cells(
        self, text: str, multiline: list[tuple[int, int]], *, last: bool
    ) -> int:
        """Append start and end of each cell with a line end; return where whole cells end."""
        cell = quoted_cell(self.separator, self.quote)
        for match in cell.finditer(text):
            start, stop = match.span()
            if not match.group(1) or (stop == len(text) and not last):
                if last:
                    raise TableError(
                        f"line {self._line_in(text, start)} has a quotation mark that is not closed"
                    )
                return start
            behind = stop
            while behind < len(text) and text[behind] == " " != self.separator:
                behind += 1
            if behind < len(text) and text[behind] not in (self.separator, "\n"):
                opened, closed = self._line_in(text, start), self._line_in(text, stop)
                since = f", opened in line {opened}" if opened < closed else ""
                raise TableError(
                    f"line {closed} has text behind a closing quotation mark{since} "
                    f"({short_repr(text[stop : stop + 20])}); within a cell a quotation mark is "
                    "written twice"
                )
            if "\n" in match.group():
                multiline.append((start, stop))
        return len(text)

    def _line_in(self, text: str, position: int) -> int:
        """Return the line of a character of the text at hand."""
        before = self._extra_lines[-1] if self._extra_lines else 0
        return self.row + before + 1 + text.count("\n", 0, position)


@functools.lru_cache
def quoted_cell(separator: str, quote: str) -> re.Pattern[str]:
    """Return the pattern of a cell in quotation marks; its group is empty if it is not closed."""
    s, q = re.escape(separator), re.escape(quote)
    return re.compile(rf"(?:\A|(?<=[{s}\n])){q}[^{q}]*+(?:{q}{q}[^{q}]*+)*+({q}|\Z)")
