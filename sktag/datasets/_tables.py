"""Read columns of a CSV file or a DataFrame, and turn their cells into numbers or text.

Errors name the file and the line. No package for tables is needed.
"""

import csv
import io
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sktag._messages import did_you_mean

_NAMES = {",": "comma", ";": "semicolon", "\t": "tab"}


@dataclass(frozen=True)
class Column:
    """The cells of a column as text, empty ones included, and where they are."""

    name: str
    cells: list[str]
    places: list[str]
    table: str
    decimal: str = "."

    def filled(self):
        """Return the cells, of which none may be empty."""
        if "" in self.cells:
            raise ValueError(
                f"{self.table}, {self.places[self.cells.index('')]}: the cell in "
                f"column {self.name!r} is empty. Fill it in, or remove the row."
            )
        return self.cells

    def number(self, text):
        """Return the number in a text, or None; "True" and "False" are 1 and 0."""
        if text.lower() in ("true", "false"):
            return int(text.lower() == "true")
        if self.decimal == "," and "." not in text:
            text = text.replace(",", ".")
        try:
            value = float(text)
        except ValueError:
            return None
        if "_" in text or not np.isfinite(value):
            return None
        return int(value) if value.is_integer() and abs(value) < 2**53 else value


def read_columns(table, file_column, others):
    """Return columns by name, and the name of the table for messages."""
    if hasattr(table, "columns"):
        name, header, decimal = "the DataFrame", list(table.columns), "."
        places = [f"row {i} (the first is 0)" for i in range(len(table))]
    else:
        path = Path(table)
        if not path.is_file():
            raise FileNotFoundError(
                f"There is no file '{path}'. Pass the path of a CSV file, or a "
                "DataFrame."
            )
        header, rows, places, decimal = _read_csv(path, file_column)
        name = f"'{path}'"
    wanted = [file_column, *others]
    for column in wanted:
        count = header.count(column)
        if count != 1:
            what = f"no column {column!r}"
            if count:
                what = f"{count} columns {column!r} instead of one"
            hint = "" if count else did_you_mean(column, header)
            raise ValueError(f"{name} has {what}. Its columns are {header}.{hint}")
    if not places:
        raise ValueError(f"{name} has no rows. Add one per audio file.")
    columns = {}
    for column in wanted:
        if hasattr(table, "columns"):
            cells = list(table[column])
        else:
            cells = [row[header.index(column)] for row in rows]
        columns[column] = Column(column, list(map(_text, cells)), places, name, decimal)
    return columns, name


def as_labels(column):
    """Return numbers if all cells are, else text; no two labels become one."""
    cells = column.filled()
    numbers = [column.number(cell) for cell in cells]
    words = {cell.lower() in ("true", "false") for cell in cells}
    has_zeros = any(re.match(r"[+-]?0\d", cell) for cell in cells)
    if None in numbers or len(words) > 1 or has_zeros:
        return np.array(cells)
    return np.array(numbers)


def as_numbers(column):
    """Return numbers, NaN where cells are empty."""
    numbers = [column.number(cell) if cell else np.nan for cell in column.cells]
    if None in numbers:
        row = numbers.index(None)
        raise ValueError(
            f"{column.table}, {column.places[row]}: {column.cells[row]!r} in column "
            f"{column.name!r} is not a finite number, as several label columns must "
            "be. For a column of class names, pass label_columns as one string."
        )
    return np.array(numbers)


def as_seconds(column, what, empty):
    """Return offsets or durations, `empty` where there is none."""
    numbers = [column.number(cell) if cell else empty for cell in column.cells]
    for row, number in enumerate(numbers):
        if number is None or number < 0 or (what == "duration" and number == 0):
            least = "above 0" if what == "duration" else "from 0 on"
            raise ValueError(
                f"{column.table}, {column.places[row]}: {column.cells[row]!r} in "
                f"column {column.name!r} is no {what} in seconds. Give a number "
                f"{least}, or leave the cell empty."
            )
    return np.array(numbers, dtype=float)


def _text(cell):
    """Return a cell as text; empty for None, NaN and pandas.NA."""
    if cell is None or str(cell) in ("nan", "<NA>", "NaT"):
        return ""
    return str(cell).strip()


def _read_csv(path, file_column):
    """Return the header, the rows, their places and the decimal sign of a file."""
    text = _decode(path)
    delimiter, header = _find_delimiter(path, text, file_column)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    next(reader, None)
    rows, places = [], []
    for row in reader:
        if not any(cell.strip() for cell in row):
            continue
        place = f"line {reader.line_num}"
        if len(row) != len(header):
            raise ValueError(
                f"'{path}', {place}: {len(row)} cells, but the header has "
                f"{len(header)} columns. Put quotes around cells with a "
                f"{_NAMES[delimiter]}."
            )
        rows.append(row)
        places.append(place)
    return header, rows, places, "," if delimiter == ";" else "."


def _decode(path):
    """Return the text of a file in UTF-8 or UTF-16."""
    content = path.read_bytes()
    is_wide = content[:2] in (b"\xff\xfe", b"\xfe\xff")
    encoding = "utf-16" if is_wide else "utf-8-sig"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise ValueError(
            f"'{path}', line {line}: byte {content[error.start]:#x} is not UTF-8, so "
            "the file has another encoding, such as latin-1 (cp1252). Save it as "
            "UTF-8, or pass pandas.read_csv(path, encoding='cp1252'), with root=..."
        ) from error
    if "\0" in text:
        raise ValueError(
            f"'{path}' has zero bytes: it is no text, or UTF-16 without its mark. Save "
            "it as UTF-8."
        )
    return text


def _find_delimiter(path, text, file_column):
    """Return the delimiter whose header has the column of files, and the header."""
    delimiters = "\t" if path.suffix.lower() == ".tsv" else ",;\t"
    headers = []
    for delimiter in delimiters:
        file = io.StringIO(text, newline="")
        names = next(csv.reader(file, delimiter=delimiter), [])
        header = [name.strip() for name in names]
        if file_column in header:
            return delimiter, header
        headers.append(header)
    # The most columns, for the message.
    header = max(headers, key=len)
    return delimiters[headers.index(header)], header
