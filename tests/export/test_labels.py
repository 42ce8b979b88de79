"""write_labels: each format is read back by its own reader."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sktag.export import write_labels


def timeline_of(values, starts, ends, file="song.wav", tags=("guitar", "drums")):
    index = pd.MultiIndex.from_arrays(
        [[file] * len(starts), starts, ends], names=["file", "start", "end"]
    )
    return pd.DataFrame(np.array(values), index, list(tags))


# Guitar from 0 to 4 and from 6 to 10 s, drums from 2 to 6 s.
STARTS, ENDS = np.arange(0.0, 9.0, 2.0), np.arange(0.0, 9.0, 2.0) + 2
VALUES = [[0.9, 0.1], [0.7, 0.5], [0.2, 0.8], [0.6, 0.1], [0.95, 0.2]]
LABELS = pd.DataFrame(
    {
        "start": [0.0, 2.0, 6.0],
        "end": [4.0, 6.0, 10.0],
        "tag": ["guitar", "drums", "guitar"],
        "confidence": [0.9, 0.8, 0.95],
    }
)


@pytest.fixture
def timeline():
    return timeline_of(VALUES, STARTS, ENDS)


def read(path):
    """Return the labels of a CSV file."""
    return pd.read_csv(path)


def test_audacity_labels_have_start_end_and_tag_by_tabs(timeline, tmp_path):
    [path] = write_labels(timeline, tmp_path)
    assert path == tmp_path / "song.txt"
    lines = [line.split("\t") for line in path.read_text("utf-8").splitlines()]
    found = [(float(start), float(end), tag) for start, end, tag in lines]
    assert found == list(LABELS[["start", "end", "tag"]].itertuples(index=False))


def test_raven_selection_table_has_its_columns(timeline, tmp_path):
    [path] = write_labels(timeline, tmp_path, format="raven")
    assert path.name == "song.selections.txt"
    table = pd.read_csv(path, sep="\t")
    assert table["Selection"].to_list() == [1, 2, 3]
    assert set(table["View"]) == {"Waveform 1"}
    assert set(table["Channel"]) == {1}
    found = table[["Begin Time (s)", "End Time (s)", "Tag", "Confidence"]]
    pd.testing.assert_frame_equal(found.set_axis(LABELS.columns, axis=1), LABELS)


# jams calls jsonschema by an interface that it deprecates. (2026-12)
@pytest.mark.filterwarnings("ignore:Passing a schema to Validator:DeprecationWarning")
def test_jams_is_read_and_validated_by_jams(timeline, tmp_path):
    jams = pytest.importorskip("jams")
    [path] = write_labels(timeline, str(tmp_path), format="jams")
    assert path.name == "song.jams"
    record = jams.load(str(path), validate=True, strict=True)
    assert record.file_metadata.duration == 10
    [annotation] = record.annotations
    assert annotation.namespace == "tag_open"
    assert (annotation.time, annotation.duration) == (0, 10)
    found = annotation.to_dataframe()
    found["duration"] += found["time"]
    found = found.set_axis(LABELS.columns, axis=1)
    pd.testing.assert_frame_equal(found, LABELS, check_dtype=False)


def test_csv_is_a_table_of_labels(timeline, tmp_path):
    [path] = write_labels(timeline, tmp_path, format="csv")
    assert path.name == "song.csv"
    pd.testing.assert_frame_equal(read(path), LABELS)


def test_overlapping_windows_are_joined_and_distant_ones_not(tmp_path):
    starts = np.array([0.0, 1.0, 2.0, 5.0, 8.0])
    values = [[0.6], [0.1], [0.7], [0.8], [0.9]]
    timeline = timeline_of(values, starts, starts + 2, tags=["a"])
    [path] = write_labels(timeline.iloc[::-1], tmp_path, format="csv")
    found = read(path)
    # The window of 1 to 3 s has not the tag, but 0 to 2 and 2 to 4 s touch.
    assert found["start"].to_list() == [0, 5, 8]
    assert found["end"].to_list() == [4, 7, 10]
    assert found["confidence"].to_list() == [0.7, 0.8, 0.9]


def test_window_inside_of_another_does_not_shorten_the_label(tmp_path):
    timeline = timeline_of([[1], [1], [1]], [0.0, 1.0, 4.5], [5.0, 3.0, 6.0], tags="a")
    [path] = write_labels(timeline, tmp_path, format="csv")
    assert read(path)[["start", "end"]].to_numpy().tolist() == [[0, 6]]


@pytest.mark.parametrize(
    "threshold",
    [
        {"guitar": 0.7, "drums": 0.9},
        pd.Series({"drums": np.float32(0.9), "guitar": 0.7}),
    ],
)
def test_threshold_of_each_tag_holds_for_it(timeline, tmp_path, threshold):
    [path] = write_labels(timeline, tmp_path, format="csv", threshold=threshold)
    found = read(path)
    assert set(found["tag"]) == {"guitar"}
    assert found["start"].to_list() == [0, 8]
    assert found["end"].to_list() == [4, 10]


def test_window_at_the_threshold_has_the_tag(timeline, tmp_path):
    [path] = write_labels(timeline[["drums"]], tmp_path, format="csv", threshold=0.8)
    assert read(path)[["start", "end"]].to_numpy().tolist() == [[4, 6]]


@pytest.mark.parametrize("format", ["audacity", "raven", "jams", "csv"])
def test_recording_without_any_label_has_a_file_too(timeline, tmp_path, format):
    [path] = write_labels(timeline, tmp_path / "new" / "folder", format, threshold=1.1)
    assert path.exists()
    assert "guitar" not in path.read_text("utf-8")


@pytest.mark.parametrize(
    ("files", "names"),
    [
        (["x/a.wav", "y/b.wav"], ["a", "b"]),
        (["x/a.wav", "y/a.wav"], ["x-a.wav", "y-a.wav"]),
        (["a.wav", "a.mp3"], ["a.wav", "a.mp3"]),
        (["x/a.wav", "x/A.wav", "y/b.wav"], ["0-a.wav", "1-A.wav", "2-b.wav"]),
        (["/z/x/a.wav", "/y/x/a.wav"], ["z-x-a.wav", "y-x-a.wav"]),
        (["x/a.wav", "a.wav"], ["x-a.wav", "a.wav"]),
        ([0, 1], ["0", "1"]),
    ],
)
def test_recordings_of_one_name_do_not_overwrite_each_other(tmp_path, files, names):
    timeline = pd.concat(timeline_of(VALUES, STARTS, ENDS, file) for file in files)
    paths = write_labels(timeline, tmp_path)
    assert [path.name for path in paths] == [f"{name}.txt" for name in names]
    assert len(list(tmp_path.iterdir())) == len(files)


def test_tags_that_are_no_plain_words_keep_one_line_each(tmp_path):
    tags = ["hip\thop\nrap", 'a "b", c', 7]
    timeline = timeline_of([[1.0, 1.0, 1.0]], [0.0], [2.0], tags=tags)
    [path] = write_labels(timeline, tmp_path)
    found = [line.split("\t")[2] for line in path.read_text("utf-8").splitlines()]
    assert found == ["hip hop rap", 'a "b", c', "7"]
    [path] = write_labels(timeline, tmp_path, format="csv")
    assert read(path)["tag"].to_list() == ["hip\thop\nrap", 'a "b", c', "7"]
    [path] = write_labels(timeline, tmp_path, format="raven")
    found = pd.read_csv(path, sep="\t")["Tag"].to_list()
    assert found == ["hip hop rap", 'a "b", c', "7"]


def test_old_file_is_replaced_and_nothing_else_is_left(timeline, tmp_path):
    for _ in range(2):
        write_labels(timeline, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["song.txt"]


def test_labels_of_a_saved_timeline_are_the_same(timeline, tmp_path):
    timeline.to_csv(tmp_path / "saved.csv")
    saved = pd.read_csv(tmp_path / "saved.csv", index_col=[0, 1, 2])
    [expected] = write_labels(timeline, tmp_path / "a")
    [found] = write_labels(saved, tmp_path / "b")
    assert found.read_text() == expected.read_text()


@pytest.mark.parametrize(
    ("threshold", "rule"),
    [
        ({"guitar": 0.5}, "threshold has no value for 'drums': give one for each"),
        ({"guitar": 0.5, "drum": 0.5}, "names 'drum'.* Did you mean 'drums'"),
        (np.nan, "threshold=nan for 'guitar' is not a finite number"),
        ("0.5", "threshold='0.5' for 'guitar' is not a finite number"),
        ([0.5, 0.4], r"threshold=\[0.5, 0.4\] for 'guitar' is not a finite number"),
    ],
)
def test_wrong_threshold_is_an_error_and_nothing_is_written(
    timeline, tmp_path, threshold, rule
):
    with pytest.raises(ValueError, match=rule):
        write_labels(timeline, tmp_path / "out", threshold=threshold)
    assert not (tmp_path / "out").exists()


def test_wrong_format_or_table_is_an_error(timeline, tmp_path):
    with pytest.raises(ValueError, match=r"format='ravn' is none of.*mean 'raven'"):
        write_labels(timeline, tmp_path, format="ravn")
    for wrong in (timeline.loc["song.wav"], timeline.reset_index(), VALUES):
        with pytest.raises(TypeError, match="takes a DataFrame as predict_timeline"):
            write_labels(wrong, tmp_path)


def test_missing_jams_is_an_error_that_says_how_to_install_it(
    timeline, tmp_path, monkeypatch
):
    monkeypatch.setitem(sys.modules, "jams", None)
    with pytest.raises(ImportError, match=r'pip install "sktag\[jams\]"'):
        write_labels(timeline, tmp_path / "out", format="jams")
    assert not (tmp_path / "out").exists()


def test_paths_are_returned_in_the_order_of_the_recordings(tmp_path):
    files = ["b.wav", "a.wav", "c.wav"]
    timeline = pd.concat(timeline_of(VALUES, STARTS, ENDS, file) for file in files)
    paths = write_labels(timeline, tmp_path)
    assert [path.stem for path in paths] == ["b", "a", "c"]
    assert all(isinstance(path, Path) for path in paths)
