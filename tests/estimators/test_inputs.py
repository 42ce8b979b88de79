"""X and X_val: what estimators take, and what they refuse."""

import numpy as np
import pytest
import soundfile
from sklearn.pipeline import Pipeline

from sktag import (
    Augmenter,
    ClipArray,
    CNN2DClassifier,
    MelSpectrogram,
    RawWave,
    Standardizer,
)
from sktag.augment import SpecNoise
from sktag.clips import _inputs
from sktag.testing import make_waves

# Tests train for as few steps as they need.
pytestmark = pytest.mark.filterwarnings("ignore:fit takes .* steps:UserWarning")
N = 12
Y = np.arange(N) % 2
WAVES = make_waves(N, 4000)
OTHERS = make_waves(6, 4000, random_state=1)
Y_OTHERS = np.array([0, 1, 0, 1, 1, 0])


def test_two_dimensional_arrays_are_one_frame_a_clip(X, Y, quick):
    with pytest.warns(UserWarning, match="12 bins and 1 frames is too short"):
        clf = quick(max_epochs=40).fit(X.mean(axis=2), Y)
    assert clf.score(X.mean(axis=2), Y) == 1
    assert clf.architecture_.startswith("compact (")  # and what was lost of it


def test_other_length_is_predicted_and_other_bins_are_not(X, Y, quick):
    clf = quick().fit(X, Y)
    longer = np.concatenate([X, X], axis=2)
    assert clf.score(longer, Y) == 1
    with pytest.raises(ValueError, match=r"11 features, .* expecting 12"):
        clf.predict(X[:, 1:])
    with pytest.raises(ValueError, match="fitted on 12 bins and is given 11"):
        clf.predict(ClipArray.from_array(X[:, 1:]))
    with pytest.raises(ValueError, match="at least 4 frames, these have 3"):
        clf.predict(X[:, :, :3])


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (["a.wav"] * 36, r"put RawWave\(\) before it"),
        (ClipArray.from_array(np.zeros((36, 100))), "put a front-end"),
        (np.zeros(36), "Expected 2D array"),
        (np.zeros((36, 2, 2, 2)), "X has 4 dimensions"),
        (np.full((36, 2, 2), np.nan), "contains NaN"),
    ],
)
def test_bad_x_raises(Y, quick, bad, message):
    with pytest.raises(ValueError, match=message):
        quick().fit(bad, Y)


def test_clips_at_another_rate_raise_at_predict(X, Y, quick):
    clips = ClipArray.from_array(X, sample_rate=22050)
    clf = quick(max_epochs=1).fit(clips, Y)
    with pytest.raises(ValueError, match=r"22050 Hz and is given clips at 16000 Hz"):
        clf.predict(ClipArray.from_array(X, sample_rate=16000))


def test_clips_that_are_not_finite_are_named_at_predict(X, Y, quick):
    clf = quick(max_epochs=1).fit(X, Y)
    broken = X.copy()
    broken[3] = np.nan
    with pytest.raises(ValueError, match=r"clips \[3\] give logits"):
        clf.predict(ClipArray.from_array(broken))


def test_taggram_with_times_checks_an_array_once(X, Y, quick, monkeypatch):
    clips = ClipArray.from_array(X, sample_rate=1000, hop_length=50)
    clf = quick(max_epochs=1).fit(clips, Y)
    checked = []
    check = _inputs.validate_data

    def counting(*args, **kwargs):
        checked.append(args)
        return check(*args, **kwargs)

    monkeypatch.setattr(_inputs, "validate_data", counting)
    clf.predict_taggram(X, return_times=True)
    assert len(checked) == 1


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Paths to train on, and others."""
    folder = tmp_path_factory.mktemp("clips")
    paths = [str(folder / f"{i}.wav") for i in range(N + 6)]
    for path, wave in zip(paths, [*WAVES, *OTHERS], strict=True):
        soundfile.write(path, wave, 22050, subtype="FLOAT")
    return paths[:N], paths[N:]


def make_pipe(*, front=True, **clf):
    """A pipeline with augmentation so strong that validation would show it."""
    params = {"n_filters": (4,), "max_epochs": 2, "lr_schedule": None}
    return Pipeline(
        [
            *([("wave", RawWave(normalize="peak"))] if front else []),
            ("mel", MelSpectrogram(16, n_fft=512, hop_length=128)),
            ("scale", Standardizer()),
            ("augment", Augmenter([SpecNoise(std=50.0)])),
            ("clf", CNN2DClassifier(**params, random_state=0, **clf)),
        ]
    )


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"X_val": np.zeros((3, 12, 8))}, "only one of X_val and y_val is given"),
        ({"y_val": [0, 1]}, "only one of X_val and y_val is given"),
        ({"sample_weight_val": [1, 1]}, "sample_weight_val is given without"),
        ({"X_val": np.zeros((3, 12, 8)), "y_val": [0, 1]}, "inconsistent numbers"),
        ({"X_val": np.zeros((2, 9, 8)), "y_val": [0, 1]}, "12 features|12 bins"),
        ({"X_val": ["a.wav"], "y_val": [0]}, "given file paths"),
        (
            {"X_val": np.zeros((2, 12, 8)), "y_val": [0, 7]},
            r"y_val has labels \[7\] .* fit learns the classes from y: add clips",
        ),
        ({"X_val": np.zeros((0, 12, 8)), "y_val": []}, "X_val is empty"),
        ({"groups": [1, 2]}, "inconsistent numbers"),
    ],
)
def test_wrong_clips_to_validate_on_are_refused(X, Y, quick, given, message):
    clf = quick()
    with pytest.raises(ValueError, match=message):
        clf.fit(X, Y, **given)
    assert not hasattr(clf, "module_")


def test_clips_of_another_way_or_rate_are_refused(files):
    paths, others = files
    pipe = make_pipe()
    mel = MelSpectrogram(16, n_fft=256, hop_length=128)
    other_way = mel.fit_transform(RawWave(normalize="peak").fit_transform(others))
    other_rate = RawWave(sr=16000).fit_transform(others)
    for X_val, message in [
        (other_way, "went through other steps than the clips of training"),
        (other_rate, "16000 Hz, those of training at 22050"),
        (OTHERS, "clips of training come from files"),
    ]:
        with pytest.raises(ValueError, match=message):
            pipe.fit(paths, Y, clf__X_val=X_val, clf__y_val=Y_OTHERS)
    clips = ClipArray.from_array(WAVES)
    with pytest.raises(ValueError, match="clips of training come from an array"):
        make_pipe(front=False).fit(clips, Y, clf__X_val=others, clf__y_val=Y_OTHERS)


def test_no_clips_to_train_on_raise(X, Y, quick):
    clips = ClipArray.from_array(X)[:0]
    with pytest.raises(ValueError, match="X has no clips: give at least one"):
        quick().fit(clips, Y[:0])
