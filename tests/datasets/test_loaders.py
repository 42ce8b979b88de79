"""load_folder and load_table: what they list, and what they say of a bad input."""

from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from sktag.datasets import load_folder, load_table


def touch(directory, *names):
    for name in names:
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


@pytest.fixture
def songs(tmp_path):
    """A directory with three audio files and a function that writes a table."""
    touch(tmp_path, "a.wav", "b.wav", "sub/c.mp3")

    def write(text, name="songs.csv", encoding="utf-8"):
        path = tmp_path / name
        path.write_text(text, encoding=encoding)
        return path

    return tmp_path, write


def relative(paths, directory):
    return [Path(path).relative_to(directory).as_posix() for path in paths]


def test_load_folder_nested_files_belong_to_the_top_folder(tmp_path):
    touch(tmp_path, "rock/z.wav", "rock/live/a.FLAC", "jazz/b.mp3", "jazz/text.txt")
    bunch = load_folder(tmp_path)
    assert relative(bunch.paths, tmp_path) == [
        "jazz/b.mp3",
        "rock/live/a.FLAC",
        "rock/z.wav",
    ]
    assert_array_equal(bunch.target, ["jazz", "rock", "rock"])
    assert bunch.target_names == ["jazz", "rock"]
    assert "3 audio files in 2 classes" in bunch.DESCR


def test_load_folder_hidden_and_loose_files_are_left_out(tmp_path):
    touch(
        tmp_path,
        "rock/a.wav",
        "rock/._a.wav",
        "rock/.cache/b.wav",
        ".hidden/c.wav",
        "loose.wav",
    )
    bunch = load_folder(str(tmp_path))
    assert relative(bunch.paths, tmp_path) == ["rock/a.wav"]


def test_load_folder_extensions_given_lists_only_those(tmp_path):
    touch(tmp_path, "rock/a.wav", "rock/b.opus")
    bunch = load_folder(tmp_path, extensions=[".OPUS"])
    assert relative(bunch.paths, tmp_path) == ["rock/b.opus"]


def test_load_folder_sub_folder_without_audio_warns_and_is_no_class(tmp_path):
    touch(tmp_path, "rock/a.wav", "jazz/notes.txt")
    with pytest.warns(UserWarning, match=r"jazz' holds no audio files"):
        bunch = load_folder(tmp_path)
    assert bunch.target_names == ["rock"]


def test_load_folder_missing_directory_raises(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere' is not a directory\. Pass"):
        load_folder(tmp_path / "nowhere")


def test_load_folder_file_raises(tmp_path):
    touch(tmp_path, "a.wav")
    with pytest.raises(NotADirectoryError, match=r"a\.wav' is not a directory"):
        load_folder(tmp_path / "a.wav")


def test_load_folder_no_sub_folders_raises_and_names_load_table(tmp_path):
    touch(tmp_path, "a.wav")
    with pytest.raises(ValueError, match=r"has no sub-folders.*use load_table"):
        load_folder(tmp_path)


def test_load_folder_no_audio_at_all_raises(tmp_path):
    touch(tmp_path, "rock/a.txt", "jazz/b.txt")
    with pytest.raises(ValueError, match=r"2 sub-folders .* hold no files.*\.wav"):
        load_folder(tmp_path)


@pytest.mark.parametrize("extensions", [".wav", ["wav"], [1]])
def test_load_folder_wrong_extensions_raises(tmp_path, extensions):
    touch(tmp_path, "rock/a.wav")
    with pytest.raises(ValueError, match="must be a sequence of strings that start"):
        load_folder(tmp_path, extensions=extensions)


def test_load_table_text_column_gives_strings_and_classes(songs):
    directory, write = songs
    table = write("file,mood\nb.wav,happy\na.wav,calm\n\nsub/c.mp3,happy\n")
    bunch = load_table(table, "file", "mood")
    assert relative(bunch.paths, directory) == ["b.wav", "a.wav", "sub/c.mp3"]
    assert_array_equal(bunch.target, ["happy", "calm", "happy"])
    assert bunch.target_names == ["calm", "happy"]


@pytest.mark.parametrize(
    ("cells", "expected", "kind"),
    [
        (["71.5", "124", "90"], [71.5, 124.0, 90.0], "f"),
        (["3", " -1", "4"], [3, -1, 4], "i"),
        (["true", "False", "TRUE"], [1, 0, 1], "i"),
        (["3", "nine", "4"], ["3", "nine", "4"], "U"),
        (["1_0", "2", "3"], ["1_0", "2", "3"], "U"),
        (["inf", "2", "3"], ["inf", "2", "3"], "U"),
    ],
)
def test_load_table_single_column_is_numbers_only_if_all_are(
    songs, cells, expected, kind
):
    _, write = songs
    files = ["a.wav", "b.wav", "sub/c.mp3"]
    lines = [f"{file},{cell}" for file, cell in zip(files, cells, strict=True)]
    bunch = load_table(write("\n".join(["file,value", *lines])), "file", "value")
    assert bunch.target.dtype.kind == kind
    assert_array_equal(bunch.target, expected)


def test_load_table_several_columns_give_a_matrix_in_their_order(songs):
    _, write = songs
    table = write("file,slow,fast,bpm\na.wav,1,0,70.5\nb.wav,0,1,140\n")
    tags = load_table(table, "file", ["fast", "slow"])
    assert_array_equal(tags.target, [[0, 1], [1, 0]])
    assert tags.target.dtype.kind == "i"
    assert tags.target_names == ["fast", "slow"]
    values = load_table(table, "file", ("bpm", "slow"))
    assert_array_equal(values.target, [[70.5, 1.0], [140.0, 0.0]])
    assert load_table(table, "file", ["fast"]).target.shape == (2, 1)


def test_load_table_bom_quotes_and_tabs_are_read(songs):
    directory, write = songs
    comma = write('file,mood\na.wav,"calm, slow"\n', encoding="utf-8-sig")
    tabs = write("file\tmood\na.wav\tcalm, slow\n", name="songs.tsv")
    for table in (comma, tabs):
        bunch = load_table(str(table), "file", "mood")
        assert relative(bunch.paths, directory) == ["a.wav"]
        assert_array_equal(bunch.target, ["calm, slow"])


def test_load_table_root_joins_relative_and_keeps_absolute_paths(songs):
    directory, write = songs
    absolute = directory / "a.wav"
    table = write(f"file,mood\nc.mp3,calm\n{absolute},happy\n")
    bunch = load_table(table, "file", "mood", root=directory / "sub")
    assert relative(bunch.paths, directory) == ["sub/c.mp3", "a.wav"]


def test_load_table_data_frame_equals_its_csv(songs):
    pandas = pytest.importorskip("pandas")
    directory, write = songs
    frame = pandas.DataFrame(
        {"file": ["a.wav", "b.wav"], "mood": ["calm", "happy"], "tag": [True, False]},
        index=[7, 9],
    )
    table = write(frame.to_csv(index=False))
    for labels in ("mood", ["tag"]):
        from_csv = load_table(table, "file", labels)
        from_frame = load_table(frame, "file", labels, root=directory)
        assert from_frame.paths == from_csv.paths
        assert_array_equal(from_frame.target, from_csv.target)
        assert from_frame.target_names == from_csv.target_names


def test_load_table_data_frame_without_root_starts_in_working_directory(
    songs, monkeypatch
):
    pandas = pytest.importorskip("pandas")
    directory, _ = songs
    monkeypatch.chdir(directory)
    frame = pandas.DataFrame({"file": ["a.wav"], "mood": ["calm"]})
    assert load_table(frame, "file", "mood").paths == ["a.wav"]


@pytest.mark.parametrize("empty", [None, np.nan, "", "  "])
def test_load_table_data_frame_empty_label_raises_with_row(songs, empty):
    pandas = pytest.importorskip("pandas")
    directory, _ = songs
    frame = pandas.DataFrame({"file": ["a.wav", "b.wav"], "mood": ["calm", empty]})
    with pytest.raises(ValueError, match=r"row 1 \(the first is 0\).*'mood' is empty"):
        load_table(frame, "file", "mood", root=directory)


@pytest.mark.parametrize(
    ("text", "labels", "message"),
    [
        (
            "file,mood\na.wav,calm\n",
            "genre",
            r"no column 'genre'.*Its columns are \['file', 'mood",
        ),
        ("path,mood\na.wav,calm\n", "mood", r"no column 'file'.*\['path', 'mood'\]"),
        (
            "file,mood,mood\na.wav,x,y\n",
            "mood",
            r"has 2 columns 'mood' instead of one",
        ),
        ("", "mood", r"has no column 'file'"),
        ("file,mood\n", "mood", r"has no rows\. Add one per audio file"),
        ("file,mood\na.wav,calm\nb.wav,\n", "mood", r"line 3: .*'mood' is empty"),
        ("file,mood\n ,calm\n", "mood", r"line 2: .*'file' is empty"),
        ("file,mood\na.wav\n", "mood", r"line 2: 1 cells, but the header has 2"),
        ("file,x\na.wav,1\nb.wav,yes\n", ["x"], r"line 3: 'yes' in column 'x' is not"),
        ("file,x\na.wav,1\n", [], r"label_columns=\[\] must name at least one"),
    ],
)
def test_load_table_bad_table_raises_with_place_and_remedy(
    songs, text, labels, message
):
    _, write = songs
    with pytest.raises(ValueError, match=message):
        load_table(write(text), "file", labels)


def test_load_table_missing_audio_raises_with_first_and_number(songs):
    _, write = songs
    table = write("file,mood\na.wav,x\nlost.wav,x\ngone.wav,x\n")
    with pytest.raises(FileNotFoundError, match=r"^2 of the 3 .*lost\.wav'.* as root"):
        load_table(table, "file", "mood")


def test_load_table_missing_table_raises(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no file .*songs\.csv'\. Pass"):
        load_table(tmp_path / "songs.csv", "file", "mood")
