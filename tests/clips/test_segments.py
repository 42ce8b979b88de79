"""Tables of parts of recordings are X: a row per clip."""

import joblib
import numpy as np
import pandas as pd
import pytest
import soundfile

from sktag import ClipArray, MelSpectrogram, RawWave, config_context

SR = 8000


@pytest.fixture(scope="module")
def noise():
    return np.random.default_rng(0).uniform(-0.5, 0.5, (3, 60 * SR)).astype("float32")


@pytest.fixture(scope="module")
def paths(noise, tmp_path_factory):
    folder = tmp_path_factory.mktemp("long")
    paths = [str(folder / f"{i}.wav") for i in range(len(noise))]
    for path, wave in zip(paths, noise, strict=True):
        soundfile.write(path, wave, SR, subtype="FLOAT")
    return paths


def test_rows_of_a_table_are_parts_of_files(paths, noise):
    table = pd.DataFrame(
        {
            "path": [paths[1], paths[0], paths[1]],
            "offset": [2.5, 0.0, 59.0],
            "duration": [1.0, 0.5, np.nan],
        },
        index=[7, 3, 5],
    )
    clips = RawWave(SR).fit_transform(table)
    assert clips.lengths.tolist() == [8000, 4000, 8000]
    found = np.asarray(clips)
    np.testing.assert_array_equal(found[0], noise[1, 20000:28000])
    np.testing.assert_array_equal(found[1, :4000], noise[0, :4000])
    assert not found[1, 4000:].any()
    np.testing.assert_array_equal(found[2], noise[1, 59 * SR :])


def test_offset_and_duration_of_raw_wave_apply_within_the_row(paths, noise):
    table = pd.DataFrame({"path": paths, "offset": 10.0, "duration": 2.0})
    clips = RawWave(SR, offset=0.5, duration=1.0).fit_transform(table)
    np.testing.assert_array_equal(np.asarray(clips), noise[:, 84000:92000])
    late = RawWave(SR, offset=1.5, duration=1.0).fit_transform(table)
    assert late.lengths.tolist() == [4000] * 3
    expected = np.pad(noise[:, 92000:96000], ((0, 0), (0, 4000)))
    np.testing.assert_array_equal(np.asarray(late), expected)


@pytest.mark.parametrize(
    "columns", [["path"], ["path", "offset"], ["duration", "path"]]
)
def test_columns_for_offset_and_duration_are_optional(paths, noise, columns):
    table = pd.DataFrame({"path": paths, "offset": 59.0, "duration": 1.0})[columns]
    first = RawWave(SR).fit_transform(table)[0]
    start = 59 * SR if "offset" in columns else 0
    stop = SR if "duration" in columns else 60 * SR
    np.testing.assert_array_equal(first, noise[0, start:stop])


def test_thousand_rows_of_a_few_files_decode_only_what_they_need(paths, monkeypatch):
    from sktag.clips import _file_source

    decode, asked = _file_source.decode, []

    def counting(*args, **kwargs):
        samples = decode(*args, **kwargs)
        asked.append(len(samples))
        return samples

    monkeypatch.setattr(_file_source, "decode", counting)
    rng = np.random.default_rng(0)
    offsets = np.round(rng.uniform(0, 59, 1000), 3)
    table = pd.DataFrame({"path": paths[0], "offset": offsets, "duration": 1.0})
    with config_context(decode_cache_bytes=0):
        np.asarray(RawWave(SR).fit_transform(table))
    assert asked == [SR] * 1000


def test_parts_of_a_file_that_cannot_seek_are_cut_from_one_decode(
    paths, noise, tmp_path, decoded
):
    path = str(tmp_path / "a.mp3")
    soundfile.write(path, noise[0], SR)
    whole = np.asarray(RawWave(SR).fit_transform([path]))[0]
    decoded.clear()
    table = pd.DataFrame({"path": path, "offset": np.arange(50.0), "duration": 0.5})
    found = np.asarray(RawWave(16000 // 2).fit_transform(table))
    assert len(decoded) <= 1
    for i, row in enumerate(found):
        np.testing.assert_allclose(row, whole[i * SR :][:4000], atol=1e-4)


def test_hash_depends_on_path_offset_and_duration(paths):
    table = pd.DataFrame({"path": paths, "offset": 1.0, "duration": 1.0})
    hashes = {
        joblib.hash(RawWave(SR, duration=1.0).fit_transform(t))
        for t in (table, table.assign(offset=2.0), table.assign(duration=0.5))
    }
    assert len(hashes) == 3
    again = RawWave(SR, duration=1.0).fit_transform(table.copy())
    assert joblib.hash(again) in hashes


@pytest.mark.parametrize(
    ("column", "value", "match"),
    [
        ("offset", -1.0, r"row 1 of X, .*1\.wav', has offset=-1"),
        ("duration", 0.0, r"row 1 of X, .*1\.wav', has duration=0"),
        ("duration", np.inf, r"has duration=inf"),
        ("offset", "late", r"column 'offset' of X holds .*takes numbers of seconds"),
    ],
)
def test_invalid_row_is_named_with_its_file(paths, column, value, match):
    table = pd.DataFrame({"path": paths, "offset": 1.0, "duration": 1.0}, dtype=object)
    table.loc[1, column] = value
    with pytest.raises(ValueError, match=match):
        RawWave(SR).fit(table)


def test_joined_clips_are_the_rows_of_each(paths, noise):
    raw = RawWave(SR).fit(paths)
    mel = MelSpectrogram(n_mels=8, n_fft=256, hop_length=64)
    first = mel.fit_transform(raw.transform(paths[:2]))
    table = pd.DataFrame({"path": paths, "duration": [1.0, 2.0, 0.3]})
    second = mel.transform(raw.transform(table))
    third = mel.transform(raw.transform([noise[0, :3000], noise[1, :500]]))
    joined = ClipArray.concatenate([first, second, third])
    assert joined.shape == (7, 8, first.shape[-1])
    assert joined.ops == first.ops
    lengths = [*first.lengths, *second.lengths, *third.lengths]
    assert joined.lengths.tolist() == lengths
    for i, part in enumerate([second, third]):
        for k in range(len(part)):
            row = joined[2 + 3 * i + k][:, : part.lengths[k] - 2]
            expected = part[k][:, : part.lengths[k] - 2]
            np.testing.assert_allclose(row, expected, atol=1e-4)
    picked = joined[[5, 0]]
    assert picked.lengths.tolist() == [lengths[5], lengths[0]]


def test_joined_clips_of_other_steps_are_computed_when_read(noise):
    clips = ClipArray.from_array(noise[:, :4000], sample_rate=SR)
    other = ClipArray.from_array(noise[:2, :3000], sample_rate=SR)
    a = MelSpectrogram(n_mels=8, n_fft=256).fit_transform(clips)
    b = MelSpectrogram(n_mels=8, n_fft=256, compression=None).fit_transform(other)
    joined = ClipArray.concatenate([a, b])
    assert joined.ops == ()
    np.testing.assert_allclose(joined[1], a[1], atol=1e-4)
    np.testing.assert_allclose(joined[4][:, : b.shape[-1]], b[1], atol=1e-6)
    assert joblib.hash(joined) == joblib.hash(ClipArray.concatenate([a, b]))


def test_clips_that_do_not_fit_together_are_not_joined(noise):
    clips = ClipArray.from_array(noise[:, :4000], sample_rate=SR)
    fast = ClipArray.from_array(noise[:, :4000], sample_rate=2 * SR)
    mel = MelSpectrogram(n_mels=8, n_fft=256).fit_transform(clips)
    more = MelSpectrogram(n_mels=9, n_fft=256).fit_transform(clips)
    for pair, match in [
        ((clips, fast), "item 1 has sample_rate=16000, item 0 has 8000"),
        ((clips, mel), "item 1 has kind='spectrogram'"),
        ((mel, more), "item 1 has 9 bins, item 0 has 8"),
        ((), "no clips to join"),
    ]:
        with pytest.raises(ValueError, match=match):
            ClipArray.concatenate(pair)
    with pytest.raises(TypeError, match="item 1 is a ndarray"):
        ClipArray.concatenate([clips, noise])


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ("Offset", "'Offset' of X is not known. Did you mean 'offset'"),
        ("durations", "Did you mean 'duration'"),
        ("start", r"offset=X\['start'\]"),
        ("end_time", "times are given as 'offset' and 'duration'"),
    ],
)
def test_times_by_another_name_are_an_error(column, message):
    table = pd.DataFrame({"path": ["a.wav"], column: [1.0]})
    with pytest.raises(ValueError, match=message):
        RawWave(SR).fit(table)


def test_other_columns_are_ignored(tmp_path, noise):
    soundfile.write(tmp_path / "a.wav", noise[0], SR)
    table = pd.DataFrame({"path": [str(tmp_path / "a.wav")], "genre": ["rock"]})
    assert RawWave(SR).fit_transform(table).shape == (1, noise.shape[1])
