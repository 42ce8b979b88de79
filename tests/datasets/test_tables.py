"""Tables: encodings, delimiters, and what their cells become."""

import sys

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from sktag.datasets import load_table


@pytest.fixture
def write(tmp_path):
    """Return a function that writes a table of a.wav, b.wav and c.wav."""
    for name in ("a.wav", "b.wav", "c.wav"):
        (tmp_path / name).touch()

    def write(text, encoding="utf-8", name="songs.csv"):
        path = tmp_path / name
        path.write_bytes(text.encode(encoding))
        return path

    return write


def column_of(cells, delimiter=","):
    lines = [f"{n}.wav{delimiter}{cell}" for n, cell in zip("abc", cells, strict=True)]
    return "\n".join([f"file{delimiter}label", *lines])


@pytest.mark.parametrize(
    "cells",
    [("01", "1", "1.0"), ("007", "7", "8"), ("-01", "-1", "0"), ("true", "1", "0")],
)
def test_labels_that_numbers_would_merge_are_text(write, cells):
    bunch = load_table(write(column_of(cells)), "file", "label")
    assert bunch.target.tolist() == list(cells)
    assert bunch.target_names == sorted(cells)
    frame = pd.DataFrame({"file": ["a.wav", "b.wav", "c.wav"], "label": cells})
    found = load_table(frame, "file", "label", root=write("").parent).target
    assert found.tolist() == list(cells)


@pytest.mark.parametrize("cells", [("0", "0.5", "10"), ("0", "00.5e1", "3")])
def test_zero_alone_is_a_number(write, cells):
    target = load_table(write(column_of(cells)), "file", "label").target
    assert target.dtype.kind == ("f" if cells[1] == "0.5" else "U")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_table_of_any_delimiter_and_marked_encoding_is_read(
    write, encoding, delimiter, newline
):
    text = column_of(["café", "ñandú\u2028x", "blues"], delimiter)
    path = write(text.replace("\n", newline), encoding)
    target = load_table(path, "file", "label").target
    assert target.tolist() == ["café", "ñandú\u2028x", "blues"]


def test_latin_1_raises_with_file_line_and_remedy(write):
    path = write(column_of(["blues", "café", "x"]), "latin-1")
    with pytest.raises(ValueError, match=r"songs.csv', line 3: byte 0xe9 .*read_csv"):
        load_table(path, "file", "label")
    frame = pd.read_csv(path, encoding="cp1252")
    target = load_table(frame, "file", "label", root=path.parent).target
    assert target.tolist() == ["blues", "café", "x"]


def test_utf_16_without_mark_raises(write):
    path = write(column_of("xyz"), "utf-16-le")
    with pytest.raises(ValueError, match=r"songs.csv' has zero bytes: .*UTF-16"):
        load_table(path, "file", "label")


def test_decimal_commas_of_semicolon_tables_are_numbers(write):
    path = write(column_of(["71,5", "124", "-0,25"], ";"))
    assert load_table(path, "file", "label").target.tolist() == [71.5, 124, -0.25]
    path = write('file,label\na.wav,"71,5"\n')
    assert load_table(path, "file", "label").target.tolist() == ["71,5"]


def test_unknown_column_of_files_lists_the_columns_there_are(write):
    path = write("path;label\na.wav;x\n")
    with pytest.raises(ValueError, match=r"no column 'file'.*\['path', 'label'\]"):
        load_table(path, "file", "label")


def test_empty_cells_of_tags_are_not_annotated(write):
    path = write("file,piano,drums\na.wav,1,\nb.wav,,0\nc.wav,0,true\n")
    target = load_table(path, "file", ["piano", "drums"]).target
    assert_array_equal(target, [[1, np.nan], [np.nan, 0], [0, 1]])


def test_groups_and_splits_are_kept(write):
    path = write("file,y,artist,fold\na.wav,x,Ann,1\nb.wav,y,Bo,2\nc.wav,y,Bo,2\n")
    bunch = load_table(path, "file", "y", group_column="artist", split_column="fold")
    assert bunch.groups.tolist() == ["Ann", "Bo", "Bo"]
    assert bunch.split.tolist() == [1, 2, 2]
    assert not {"groups", "split", "data"} & set(load_table(path, "file", "y"))
    path = write("file,y,artist\na.wav,x,\n")
    with pytest.raises(ValueError, match=r"line 2: .* column 'artist' is empty"):
        load_table(path, "file", "y", group_column="artist")


def test_offsets_and_durations_become_the_x_of_raw_wave(write):
    path = write("file,y,start,len\na.wav,x,,5\na.wav,y,2.5,\nb.wav,y,3,1.25\n")
    bunch = load_table(path, "file", "y", offset_column="start", duration_column="len")
    assert list(bunch.data.columns) == ["path", "offset", "duration"]
    assert bunch.data["path"].tolist() == bunch.paths
    assert_array_equal(bunch.data["offset"], [0, 2.5, 3])
    assert_array_equal(bunch.data["duration"], [5, np.nan, 1.25])
    assert bunch.data.dtypes.iloc[1:].tolist() == [float, float]
    only = load_table(path, "file", "y", offset_column="start").data
    assert only["duration"].isna().all()


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("a.wav,x,-1,2", r"line 2: '-1' in column 'start' is no offset .* from 0 on"),
        ("a.wav,x,1,0", r"'0' in column 'len' is no duration in seconds.* above 0"),
        ("a.wav,x,1:30,2", "'1:30' in column 'start' is no offset in seconds"),
        ("a.wav,x,inf,2", "'inf' in column 'start' is no offset in seconds"),
    ],
)
def test_wrong_offset_or_duration_raises_with_its_place(write, row, message):
    path = write(f"file,y,start,len\n{row}\n")
    with pytest.raises(ValueError, match=message):
        load_table(path, "file", "y", offset_column="start", duration_column="len")


def test_offsets_without_pandas_raise_with_the_remedy(write, monkeypatch):
    path = write("file,y,start\na.wav,x,1\n")
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="pip install pandas"):
        load_table(path, "file", "y", offset_column="start")
    assert load_table(path, "file", "y").target.tolist() == ["x"]
