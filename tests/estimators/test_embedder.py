"""Features of a trained network as a step of a Pipeline."""

import pickle
import subprocess
import sys

import joblib
import numpy as np
import pytest
import soundfile
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from torch import nn

from sktag import (
    AugmentationDroppedWarning,
    Augmenter,
    ClipArray,
    CNN2DClassifier,
    Embedder,
    MelSpectrogram,
    RawWave,
    Standardizer,
)
from sktag.estimators import _answers, _embedder
from sktag.testing import make_waves

pytestmark = pytest.mark.filterwarnings("ignore:fit takes .* steps:UserWarning")

SR = 8000
Y = np.array(list("ab") * 6)


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    folder = tmp_path_factory.mktemp("embedded")
    paths = [str(folder / f"{i}.wav") for i in range(12)]
    for path, wave in zip(paths, make_waves(12, 4000), strict=True):
        soundfile.write(path, wave, SR)
    return paths


def front():
    return RawWave(SR), MelSpectrogram(n_mels=16, n_fft=256, hop_length=64)


@pytest.fixture(scope="module")
def tagger(paths):
    clf = CNN2DClassifier(max_epochs=2, n_filters=(4, 8), random_state=0)
    return make_pipeline(*front(), Standardizer(), clf).fit(paths, Y)


@pytest.fixture
def embedded(monkeypatch):
    """Return the list of the numbers of clips that networks compute, from now on."""
    calls, compute = [], _answers.compute_windows

    def counting(clips, *args):
        calls.append(len(clips))
        return compute(clips, *args)

    monkeypatch.setattr(_answers, "compute_windows", counting)
    _embedder._kept.clear()
    return calls


@pytest.mark.parametrize("layer", ["penultimate", "pooled", "blocks.1"])
@pytest.mark.parametrize("per_window", [False, True])
def test_features_are_those_of_the_estimator(tagger, paths, layer, per_window):
    clips = tagger[:-1].transform(paths)
    expected = tagger[-1].embed(clips, layer, per_window)
    of_paths = Embedder(tagger, layer, per_window).fit_transform(paths)
    of_clips = Embedder(tagger[-1], layer, per_window).fit_transform(clips)
    assert of_paths.dtype == np.float32
    np.testing.assert_array_equal(of_paths, expected)
    np.testing.assert_array_equal(of_clips, expected)


def test_steps_that_clips_went_through_are_not_applied_again(tagger, paths):
    whole = Embedder(tagger).fit_transform(paths)
    wave, mel = (step.fit(paths) for step in front()[:1]), front()[1]
    waves = next(iter(wave)).transform(paths)
    np.testing.assert_array_equal(Embedder(tagger).fit_transform(waves), whole)
    spectra = mel.fit_transform(waves)
    np.testing.assert_array_equal(Embedder(tagger).fit_transform(spectra), whole)


def test_search_computes_the_features_of_each_clip_once(tagger, paths, embedded):
    pipe = make_pipeline(Embedder(tagger), StandardScaler(), SVC())
    GridSearchCV(pipe, {"svc__C": [0.1, 1, 10]}, cv=3).fit(paths, Y)
    assert sum(embedded) == len(paths)


def test_changed_network_is_computed_anew(tagger, paths, embedded):
    clf = pickle.loads(pickle.dumps(tagger))
    before = Embedder(clf).fit_transform(paths)
    with torch.no_grad():
        clf[-1].module_.blocks[0][0].weight.mul_(2)
    after = Embedder(clf).fit_transform(paths)
    assert sum(embedded) == 2 * len(paths)
    assert not np.array_equal(before, after)


def test_clone_keeps_the_network(tagger, paths):
    embedder = clone(Embedder(tagger, "pooled", per_window=False))
    assert embedder.estimator is tagger
    assert embedder.layer == "pooled"
    scores = cross_val_score(make_pipeline(embedder, SVC()), paths, Y, cv=2, n_jobs=2)
    assert len(scores) == 2


def test_parameters_of_the_estimator_stay_its_own(tagger):
    assert set(Embedder(tagger).get_params()) == set(Embedder(tagger).get_params(False))


def test_names_and_tables_of_features(tagger, paths):
    pipe = make_pipeline(Embedder(tagger)).set_output(transform="pandas")
    table = pipe.fit_transform(paths)
    assert table.columns[:2].tolist() == ["embedder0", "embedder1"]
    assert table.columns.tolist() == pipe.get_feature_names_out().tolist()


class Bands(nn.Module):
    """A network of a user's: a filter bank, with frames left in."""

    def __init__(self):
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.conv = nn.Conv1d(1, 6, 64, 32)
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.copy_(torch.randn(parameter.shape, generator=generator))

    def forward(self, x):
        return self.conv(x[:, None]).relu()


def test_network_of_ones_own_is_averaged_over_time_and_windows(paths):
    module = Bands()
    embedder = Embedder(module, None, sr=SR, window=0.1, kind="wave", amp=False)
    clips = RawWave(SR).fit_transform(paths)
    found = embedder.fit_transform(clips)
    waves = np.asarray(clips)
    with torch.no_grad():
        windows = torch.from_numpy(waves.reshape(12, 5, 800)).flatten(0, 1)
        expected = module(windows).mean(-1).reshape(12, 5, 6).mean(1).numpy()
    # Sums in float32, in another order.
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_network_of_ones_own_takes_clips_of_any_length(paths):
    waves = [make_waves(1, n)[0] for n in (800, 4000, 2500)]
    clips = RawWave(SR).fit_transform(waves)
    embedder = Embedder(Bands(), None, True, sr=SR, window=0.1, hop=0.05, kind="wave")
    each = embedder.fit_transform(clips)
    assert [len(windows) for windows in each] == [1, 9, 6]
    alone = embedder.transform(clips[1:2])
    np.testing.assert_array_equal(alone[0], each[1])
    whole = Embedder(Bands(), None, sr=SR, kind="wave")
    np.testing.assert_allclose(
        whole.fit_transform(clips)[2], whole.transform(clips[2:])[0], rtol=1e-6
    )


def test_half_precision_is_close(paths):
    clips = RawWave(SR).fit_transform(paths)
    found = [
        Embedder(Bands(), None, sr=SR, kind="wave", amp=amp).fit_transform(clips)
        for amp in (False, True)
    ]
    # bfloat16 has 8 bits, and sums have 64 terms.
    np.testing.assert_allclose(*found, rtol=0.05, atol=0.05)
    assert not np.array_equal(*found)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_pickle_of_a_network_of_ones_own_has_arrays(paths, dtype):
    embedder = Embedder(Bands().to(dtype), None, sr=SR, kind="wave", amp=True)
    again = pickle.loads(pickle.dumps(embedder))
    assert joblib.hash(again) == joblib.hash(embedder)
    for old, new in zip(
        embedder.estimator.parameters(), again.estimator.parameters(), strict=True
    ):
        assert torch.equal(old, new)
        assert new.dtype == dtype


MEMORY = """
import sys, joblib
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC
from sktag import Embedder
from sktag.estimators import _answers
n, compute = [0], _answers.compute_windows
def counting(clips, *args):
    n[0] += len(clips)
    return compute(clips, *args)
_answers.compute_windows = counting
tagger, paths, y = joblib.load(sys.argv[1])
make_pipeline(Embedder(tagger), SVC(), memory=sys.argv[2]).fit(paths, y)
print(n[0])
"""


def test_memory_of_a_pipeline_hits_in_a_second_process(tagger, paths, tmp_path):
    joblib.dump((tagger, paths, Y), tmp_path / "tagger.joblib")
    command = [sys.executable, "-c", MEMORY, tmp_path / "tagger.joblib", tmp_path / "m"]
    counts = [
        int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
        for _ in range(2)
    ]
    assert counts == [len(paths), 0]


def test_augmentation_before_it_is_dropped_with_a_warning(paths):
    embedder = Embedder(Bands(), None, sr=SR, kind="wave")
    pipe = make_pipeline(RawWave(SR), Augmenter(random_state=0), embedder)
    with pytest.warns(AugmentationDroppedWarning, match="Embedder"):
        pipe.fit_transform(paths)


def test_no_clips_give_no_rows(tagger, paths):
    embedder = Embedder(tagger).fit(paths)
    clips = tagger[:-1].transform(paths)
    assert embedder.transform(clips[:0]).shape == (0, embedder._n_features_out)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda t: Embedder(t, sr=SR), ValueError, "got sr"),
        (lambda t: Embedder(Bands()), ValueError, r"give sr=\.\.\., kind="),
        (lambda t: Embedder(CNN2DClassifier()), NotFittedError, "not fitted"),
        (lambda t: Embedder(t, "nowhere"), ValueError, "layer='nowhere'"),
        (lambda t: Embedder(t[:2]), TypeError, "ends in MelSpectrogram"),
        (
            lambda t: Embedder(Bands(), None, sr=16000, kind="wave"),
            ValueError,
            "16000",
        ),
    ],
)
def test_wrong_network_or_clips_say_what_to_do(tagger, paths, make, error, message):
    clips = RawWave(SR).fit_transform(paths)
    with pytest.raises(error, match=message):
        make(tagger).fit(clips)


def test_fit_leaves_a_network_of_ones_own_as_it_was(paths):
    module = nn.Sequential(Bands(), nn.BatchNorm1d(6), nn.Dropout())
    module[1].eval()
    modes = [layer.training for layer in module.modules()]
    state = {name: value.clone() for name, value in module.state_dict().items()}
    Embedder(module, None, sr=SR, kind="wave").fit_transform(
        RawWave(SR).fit_transform(paths)
    )
    assert [layer.training for layer in module.modules()] == modes
    assert all(torch.equal(state[k], v) for k, v in module.state_dict().items())


def test_output_that_is_no_tensor_is_named():
    class Pair(Bands):
        def forward(self, x):
            return {"features": super().forward(x)}

    clips = ClipArray.from_array(make_waves(2, 800), sample_rate=SR)
    with pytest.raises(TypeError, match="Pair returned a dict: wrap it"):
        Embedder(Pair(), None, sr=SR, kind="wave").fit(clips)
