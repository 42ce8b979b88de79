"""Audio files are found in folders, and opened as clips."""

import numpy as np
import pytest

from sktag.clips._file_source import Excerpt
from sktag.clips._files import audio_files, open_files


def test_files_of_sub_folders_are_listed_in_order_without_hidden_ones(tmp_path):
    names = ["b.wav", "a/c.MP3", "a/.d.wav", ".e/f.wav", "g.txt", "a/h/i.flac"]
    for name in names:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    found = [str(path.relative_to(tmp_path)) for path in audio_files(tmp_path)]
    assert found == ["a/c.MP3", "a/h/i.flac", "b.wav"]
    assert audio_files(tmp_path, (".txt",)) == [tmp_path / "g.txt"]


def excerpts(paths):
    return [Excerpt(str(path)) for path in paths]


def test_clips_are_as_long_as_the_longest_file(wave_paths, waves):
    rows = excerpts(wave_paths)
    clips = open_files(rows, 22050)
    np.testing.assert_array_equal(np.asarray(clips), waves)
    assert clips.failed.tolist() == []
    assert open_files(rows, 22050, 100).shape == (6, 100)
    assert open_files(rows, 22050, offset=0.1).shape == (6, 5512 - 2205)


@pytest.mark.parametrize("on_error", ["warn", "silence"])
def test_file_that_cannot_be_opened_is_silent_and_listed(
    wave_paths, tmp_path, recwarn, on_error
):
    rows = excerpts([wave_paths[0], tmp_path / "missing.wav"])
    clips = open_files(rows, 22050, on_error=on_error)
    assert clips.failed.tolist() == [1]
    assert clips.lengths.tolist() == [5512, 0]
    assert [w.filename for w in recwarn] == [__file__] * (on_error == "warn")


@pytest.mark.parametrize("on_error", ["raise", "warn", "silence"])
def test_files_of_which_none_can_be_opened_raise(tmp_path, on_error):
    rows = excerpts([tmp_path / "missing.wav"])
    with pytest.raises(FileNotFoundError, match=r"missing\.wav"):
        open_files(rows, 22050, on_error=on_error, needs_one=True)
