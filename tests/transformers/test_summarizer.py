"""Summarizer, against numpy and scipy in double precision."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import scoreatpercentile
from sklearn import config_context
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from sktag import ClipArray, MelSpectrogram, RawWave, Summarizer
from sktag.testing import InaccessibleError, inaccessible_clips

X = np.random.default_rng(0).normal(-40, 15, (9, 4, 30)).astype(np.float32)
ALL = ("mean", "std", "max", "min", "median", "delta_mean", "delta_std")


def expected(spectrograms, stat):
    """One statistic from its definition, one bin of one clip after the other."""
    spectrograms = np.asarray(spectrograms).astype(np.float64)
    out = np.empty(spectrograms.shape[:2])
    for index in np.ndindex(out.shape):
        x = spectrograms[index]
        n, mean, ordered = len(x), sum(x) / len(x), sorted(x)
        steps = x[1:] - x[:-1]
        step = sum(steps) / (n - 1)
        out[index] = {
            "mean": mean,
            "std": (sum((x - mean) ** 2) / n) ** 0.5,
            "max": ordered[-1],
            "min": ordered[0],
            "median": (ordered[(n - 1) // 2] + ordered[n // 2]) / 2,
            "delta_mean": sum(abs(steps)) / (n - 1),
            "delta_std": (sum((steps - step) ** 2) / (n - 1)) ** 0.5,
        }[stat]
    return out


@pytest.mark.parametrize("stat", ALL)
def test_each_statistic_equals_its_definition(stat):
    out = Summarizer(stat).fit_transform(X)
    assert out.dtype == np.float32
    assert out.shape == (9, 4)
    # float32 holds 7 digits of the double that is computed.
    np.testing.assert_allclose(out, expected(X, stat), rtol=1e-6)


@pytest.mark.parametrize("percent", ["0", "5", "25", "50", "97.5", "100"])
def test_quantile_equals_that_of_scipy(percent):
    out = Summarizer((f"q{percent}",)).fit_transform(X)
    oracle = scoreatpercentile(X.astype(np.float64), float(percent), axis=2)
    np.testing.assert_allclose(out, oracle, rtol=1e-6)


def test_extreme_quantiles_and_the_middle_one_have_names_of_their_own():
    out = Summarizer(["q0", "q50", "q100", "min", "median", "max"]).fit_transform(X)
    np.testing.assert_array_equal(out[:, :12], out[:, 12:])


def test_statistics_are_side_by_side_in_the_order_given():
    stats = ["q90", "delta_std", "mean", "median"]
    out = Summarizer(stats).fit_transform(X)
    alone = [Summarizer(stat).fit_transform(X) for stat in stats]
    np.testing.assert_array_equal(out, np.hstack(alone))


def test_default_has_level_spread_and_movement():
    out = Summarizer().fit_transform(X)
    oracle = np.hstack([expected(X, stat) for stat in Summarizer().stats])
    np.testing.assert_allclose(out, oracle, rtol=1e-6)
    assert {"mean", "std", "delta_mean"} <= set(Summarizer().stats)


def test_large_offset_loses_no_precision():
    far = (X + 1e4).astype(np.float32)
    for stat in ("std", "delta_mean", "delta_std"):
        out = Summarizer(stat).fit_transform(far)
        np.testing.assert_allclose(out, expected(far, stat), rtol=1e-6)


def test_constant_bin_has_deviations_of_exactly_zero():
    constant = np.full((3, 2, 1001), -100.1, dtype=np.float32)
    stats = ["mean", "q10", "std", "delta_mean", "delta_std"]
    out = Summarizer(stats).fit_transform(constant)
    np.testing.assert_array_equal(out[:, :4], np.float32(-100.1))
    np.testing.assert_array_equal(out[:, 4:], 0)


def test_gain_in_decibels_moves_levels_and_leaves_the_rest():
    before, after = (Summarizer(ALL).fit_transform(x) for x in (X, X + 6))
    moved = np.repeat([6, 0, 6, 6, 6, 0, 0], 4)
    np.testing.assert_allclose(after - before, np.tile(moved, (9, 1)), atol=1e-4)


def test_one_frame_has_no_spread_and_no_movement():
    out = Summarizer([*ALL, "q5"]).fit_transform(X[:, :, :1])
    assert np.isfinite(out).all()
    of_levels, zeros = np.split(
        out.reshape(9, 8, 4)[:, [0, 2, 3, 4, 7, 1, 5, 6]], [5], 1
    )
    np.testing.assert_array_equal(of_levels, np.repeat(X[:, np.newaxis, :, 0], 5, 1))
    np.testing.assert_array_equal(zeros, 0)


def test_table_is_one_frame_a_clip():
    table = X[:, :, 0]
    fitted = Summarizer(ALL).fit(table)
    assert fitted.n_features_in_ == fitted.n_bins_ == 4
    assert fitted.sr_ is None
    out = fitted.transform(table)
    np.testing.assert_array_equal(out, Summarizer(ALL).fit_transform(X[:, :, :1]))
    np.testing.assert_allclose(fitted.transform(X), Summarizer(ALL).fit_transform(X))


def test_every_container_gives_the_same_array(container, waves):
    mel = MelSpectrogram(n_mels=16, n_fft=512)
    out = Summarizer(ALL).fit_transform(mel.fit_transform(container))
    assert type(out) is np.ndarray
    spectrograms = mel.fit_transform(waves)
    oracle = np.hstack([expected(spectrograms, stat) for stat in ALL])
    np.testing.assert_allclose(out, oracle, rtol=1e-5)


def test_long_clips_in_several_batches_equal_one_array():
    waves = np.random.default_rng(1).normal(0, 0.1, (5, 2**22)).astype(np.float32)
    clips = MelSpectrogram(n_mels=8, hop_length=2**15).fit_transform(
        ClipArray.from_array(waves, sample_rate=22050)
    )
    assert len(list(clips.batches())) > 1
    out = Summarizer(ALL).fit_transform(clips)
    np.testing.assert_array_equal(out, Summarizer(ALL).fit_transform(clips.to_numpy()))


def test_clips_are_read_once_and_not_before_transform(wave_paths, decoded):
    clips = MelSpectrogram(16, n_fft=512).fit_transform(
        RawWave(sr=22050).fit_transform(wave_paths)
    )
    summarizer = Summarizer(ALL).fit(clips)
    assert decoded == []
    summarizer.transform(clips)
    assert sorted(decoded) == sorted(wave_paths)


def test_nothing_is_read_in_fit():
    summarizer = Summarizer().fit(inaccessible_clips(X))
    assert summarizer.n_bins_ == 4
    assert len(summarizer.get_feature_names_out()) == 20
    with pytest.raises(InaccessibleError):
        summarizer.transform(inaccessible_clips(X))


def test_no_clips_give_no_rows():
    clips = ClipArray.from_array(X)
    assert Summarizer().fit(clips).transform(clips[:0]).shape == (0, 20)


def test_other_number_of_frames_is_taken():
    summarizer = Summarizer("mean").fit(X)
    for other in (X[:, :, :7], ClipArray.from_array(X[:, :, :7])):
        out = summarizer.transform(other)
        np.testing.assert_allclose(out, expected(X[:, :, :7], "mean"), rtol=1e-6)


def test_features_are_named_by_statistic_and_bin():
    names = Summarizer(["mean", "q97.5"]).fit(X[:, :2]).get_feature_names_out()
    assert names.tolist() == ["mean_bin0", "mean_bin1", "q97.5_bin0", "q97.5_bin1"]


def test_features_are_named_after_bins_that_have_names():
    summarizer = Summarizer(["max", "std"]).fit(X[:, :2])
    names = summarizer.get_feature_names_out(["low", "high"])
    assert names.tolist() == ["max_low", "max_high", "std_low", "std_high"]
    frame = pd.DataFrame(X[:, :2, 0], columns=["low", "high"])
    summarizer.fit(frame)
    assert summarizer.get_feature_names_out().tolist() == names.tolist()
    with pytest.raises(ValueError, match=r"not equal to feature_names_in_.*low, high"):
        summarizer.get_feature_names_out(["high", "low"])
    summarizer.fit(ClipArray.from_array(X[:, :2]))
    assert summarizer.get_feature_names_out()[0] == "max_bin0"


def test_names_of_another_number_of_bins_raise_for_clips():
    summarizer = Summarizer().fit(ClipArray.from_array(X))
    with pytest.raises(ValueError, match=r"length equal to 4.* but has 2"):
        summarizer.get_feature_names_out(["low", "high"])


@pytest.mark.parametrize("make", [np.asarray, ClipArray.from_array])
def test_output_is_a_data_frame_where_it_is_asked_for(make):
    summarizer = Summarizer(["mean", "min"]).set_output(transform="pandas")
    out = summarizer.fit_transform(make(X))
    assert list(out.columns) == list(summarizer.get_feature_names_out())
    assert set(out.dtypes) == {np.dtype(np.float32)}
    np.testing.assert_allclose(out["min_bin3"], X[:, 3].min(axis=1))


def test_rows_keep_the_index_of_a_data_frame():
    frame = pd.DataFrame(X[:, :, 0], index=list("abcdefghi")).add_prefix("band")
    summarizer = Summarizer("mean").set_output(transform="pandas")
    out = summarizer.fit_transform(frame)
    assert list(out.index) == list("abcdefghi")
    assert list(out.columns) == [f"mean_band{i}" for i in range(4)]


@pytest.mark.parametrize(
    ("stats", "message"),
    [
        (("mean", "kurtosis"), r"'kurtosis', which is unknown: choose from 'mean'"),
        ("average", r"'average', which is unknown.*'delta_std' and quantiles"),
        (("q101",), r"'q101'.*percentage from 0 to 100"),
        (("q",), "'q', which"),
        (("q-5",), "'q-5', which"),
        ((0.5,), r"0\.5, which"),
        ((["mean"],), r"\['mean'\], which"),
        ((), r"stats=\(\) names no statistic: choose from"),
        ([], "names no statistic"),
        (("mean", "max", "mean"), "'mean' more than once"),
    ],
)
def test_statistics_that_are_not_known_raise(stats, message):
    with pytest.raises(ValueError, match=message):
        Summarizer(stats).fit(X)


def test_waveform_clips_raise_and_name_the_missing_step():
    waves = ClipArray.from_array(X[:, 0], sample_rate=22050)
    message = r"Summarizer takes spectrograms, not .*put a front-end \(MelSpectrogram"
    with pytest.raises(ValueError, match=message):
        Summarizer().fit(waves)
    with pytest.raises(ValueError, match=message):
        Summarizer().fit(X).transform(waves)


def test_paths_raise_and_name_the_missing_step(wave_paths):
    with pytest.raises(ValueError, match=r"put RawWave\(\) before it"):
        Summarizer().fit(wave_paths)


@pytest.mark.parametrize("fit_on", [np.asarray, ClipArray.from_array])
@pytest.mark.parametrize("given", [np.asarray, ClipArray.from_array])
def test_other_number_of_bins_raises(fit_on, given):
    summarizer = Summarizer().fit(fit_on(X))
    with pytest.raises(ValueError, match=r"3 features|on 4 bins and is given 3"):
        summarizer.transform(given(X[:, :3]))
    with pytest.raises(ValueError, match=r"3 features|on 4 bins and is given 3"):
        summarizer.transform(X[:, :3, 0])


def test_other_sample_rate_raises():
    mel = MelSpectrogram(8, n_fft=128)
    at_8000, at_16000 = (
        mel.fit_transform(ClipArray.from_array(np.ones((2, 1000)), sample_rate=rate))
        for rate in (8000, 16000)
    )
    with pytest.raises(ValueError, match="8000 Hz and is given clips at 16000"):
        Summarizer().fit(at_8000).transform(at_16000)


@pytest.mark.parametrize("stats", [ALL, "max"])
def test_clip_that_is_not_finite_raises_and_is_named(stats):
    bad = np.concatenate([np.repeat(X, 8, axis=0), X])
    bad[70, 2, 5] = -np.inf  # in the second batch
    clips = ClipArray.from_array(bad)
    assert len(list(clips.batches())) == 2
    with pytest.raises(ValueError, match=r"clip 70 of .* not finite"):
        Summarizer(stats).fit(clips).transform(clips)


def test_clips_without_frames_raise():
    with pytest.raises(ValueError, match="at least one frame"):
        Summarizer().fit(ClipArray.from_array(X[:, :, :0]))


def test_unfitted_raises():
    with pytest.raises(NotFittedError):
        Summarizer().transform(X)
    with pytest.raises(NotFittedError):
        Summarizer().get_feature_names_out()


def test_failed_fit_leaves_it_unfitted():
    summarizer = Summarizer()
    with pytest.raises(ValueError, match="takes spectrograms"):
        summarizer.fit(ClipArray.from_array(X[:, 0]))
    with pytest.raises(NotFittedError):
        summarizer.transform(X)


def test_second_fit_forgets_the_first():
    summarizer = Summarizer().fit(X)
    summarizer.set_params(stats=("min",))
    assert summarizer.transform(X).shape == (9, 20), "fitted for five statistics"
    out = summarizer.fit(ClipArray.from_array(X[:, :3])).transform(X[:, :3])
    np.testing.assert_array_equal(out, X[:, :3].min(axis=2))
    assert not hasattr(summarizer, "n_features_in_")


def make_pipe():
    return Pipeline(
        [
            ("wave", RawWave(sr=8000)),
            ("mel", MelSpectrogram(16, n_fft=256, hop_length=128)),
            ("sum", Summarizer()),
            ("scale", StandardScaler()),
            ("svc", SVC()),
        ]
    )


@pytest.fixture(scope="module")
def trills(tmp_path_factory):
    """Files of tones that are held or repeated: movement tells them apart."""
    import soundfile

    folder = tmp_path_factory.mktemp("trills")
    time = np.arange(8000) / 8000
    rng = np.random.default_rng(0)
    labels = np.tile(["held", "repeated"], 12)
    paths = [str(folder / f"{i}.wav") for i in range(24)]
    for path, label in zip(paths, labels, strict=True):
        pitch, level = rng.uniform([900, 0.2], [1100, 0.4])
        # No clicks, and the same maximum of every bin.
        swell = np.sin((8 if label == "repeated" else 1) * np.pi * time) ** 2
        wave = level * swell * np.sin(2 * np.pi * pitch * time)
        soundfile.write(path, wave + rng.normal(0, 0.01, 8000), 8000)
    return paths, labels


def test_search_over_statistics_of_files_finds_those_that_tell(trills):
    paths, labels = trills
    grid = {"sum__stats": ["q100", ("delta_mean", "delta_std")], "svc__C": [1, 10]}
    search = GridSearchCV(make_pipe(), grid, cv=3).fit(paths, labels)
    assert search.best_params_["sum__stats"] == ("delta_mean", "delta_std")
    assert search.best_score_ > 0.9
    assert search.predict(paths[:2]).tolist() == ["held", "repeated"]


def test_table_goes_through_a_pipeline_as_a_data_frame(trills):
    paths, labels = trills
    pipe = make_pipe()
    pipe.set_output(transform="pandas")  # clips stay clips
    assert pipe.fit(paths, labels).score(paths, labels) == 1
    names = pipe["sum"].get_feature_names_out().tolist()
    assert pipe["svc"].feature_names_in_.tolist() == names
    with config_context(transform_output="pandas"):
        again = make_pipe().fit(paths, labels)
    assert again["svc"].feature_names_in_.tolist() == names
