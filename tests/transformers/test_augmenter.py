"""The Augmenter: what it appends, what it leaves alone, what it refuses."""

# The global generators of numpy are what is looked at here.
# ruff: noqa: NPY002

import random

import joblib
import numpy as np
import pytest
import torch
from sklearn.base import clone

from sktag import (
    AugmentationDroppedWarning,
    Augmenter,
    ClipArray,
    MelSpectrogram,
    Spectrogram,
    Standardizer,
    Summarizer,
)
from sktag.augment import (
    FrequencyMask,
    Gain,
    Lambda,
    PolarityInversion,
    TimeMask,
    TimeShift,
)
from sktag.testing import inaccessible_clips


def add_uniform(samples, sample_rate):
    """What a user may give: it draws from both global generators."""
    return samples + np.float32(random.uniform(1, 2) + np.random.uniform(1, 2))


def longer(samples, sample_rate):
    return np.concatenate([samples, samples])


def carried(clips):
    """Return the random op at the end of clips."""
    assert clips.ops[-1].random
    return clips.ops[-1]


def test_fit_transform_of_any_container_returns_clips_with_a_random_op(container):
    clips = Augmenter().fit_transform(container)
    assert isinstance(clips, ClipArray)
    assert clips.shape == (6, 5512)
    assert carried(clips).sample_rate == 22050


def test_transform_of_any_container_returns_what_it_is_given(container):
    augmenter = Augmenter().fit(container)
    out = augmenter.transform(container)
    assert type(out) is (np.ndarray if isinstance(container, np.ndarray) else ClipArray)
    assert np.array_equal(np.asarray(out), np.asarray(container))


def test_fit_transform_reads_no_clip(waves):
    clips = inaccessible_clips(waves, sample_rate=22050)
    augmented = Augmenter().fit_transform(clips)
    assert augmented.shape == clips.shape
    assert joblib.hash(augmented) == joblib.hash(Augmenter().fit_transform(clips))


def test_defaults_are_chosen_by_the_kind_of_clips(waves):
    of_waves = Augmenter().fit(waves).operations_
    assert [type(op) for op in of_waves] == [Gain, PolarityInversion, TimeShift]
    assert of_waves[0].gain_db == (-6, 6)
    spectrograms = Spectrogram(256, hop_length=64).fit_transform(waves)
    time, frequency = Augmenter().fit(spectrograms).operations_
    assert isinstance(time, TimeMask)
    assert isinstance(frequency, FrequencyMask)
    assert (time.n_masks, time.width) == (2, (0, 0.1))
    assert (frequency.n_masks, frequency.width) == (2, (0, 0.15))


def test_steps_after_it_see_clean_clips(waves):
    clips = ClipArray.from_array(waves, sample_rate=22050)
    mel = MelSpectrogram(16, n_fft=512)
    augmented = mel.fit_transform(Augmenter([Gain(20)]).fit_transform(clips))
    clean = mel.fit_transform(clips)
    assert np.array_equal(augmented[2], clean[2])
    assert np.array_equal(
        Standardizer().fit(augmented).mean_, Standardizer().fit(clean).mean_
    )


@pytest.mark.parametrize("lose", [np.asarray, Summarizer().fit_transform])
def test_step_that_computes_augmented_clips_warns_and_gets_clean_ones(waves, lose):
    mel = MelSpectrogram(16, n_fft=512).fit_transform(ClipArray.from_array(waves))
    augmented = Augmenter().fit_transform(mel)
    with pytest.warns(AugmentationDroppedWarning, match="Put the Augmenter after"):
        found = lose(augmented)
    assert np.array_equal(found, lose(mel))


def test_random_state_seeds_the_draws_and_none_leaves_them_to_the_estimator(waves):
    def seed(random_state):
        return carried(Augmenter(random_state=random_state).fit_transform(waves)).seed

    assert seed(None) is None
    assert seed(7) == 7
    assert seed(np.random.RandomState(7)) == seed(np.random.RandomState(7))
    assert seed(np.random.RandomState(7)) != seed(np.random.RandomState(8))


def test_p_leaves_that_share_of_the_rows_alone():
    X = np.ones((2000, 4), dtype=np.float32)
    clips = Augmenter([Gain(6), Gain(6)], p=0.3).fit_transform(X)
    out = carried(clips).augment(clips.before(0).compute(np.arange(2000)))
    gains = 20 * np.log10(out[:, 0].numpy())
    # All of the operations are done to a row, or none: 0 or 12 dB.
    assert set(np.round(gains, 3)) == {0, 12}
    # Four standard deviations of the share of 2,000 draws.
    assert abs((gains > 6).mean() - 0.3) < 4 * np.sqrt(0.3 * 0.7 / 2000)


def test_two_equal_operations_draw_apart():
    X = np.ones((500, 4), dtype=np.float32)
    op = carried(Augmenter([Gain(p=0.5), Gain(p=0.5)]).fit_transform(X))
    first, second = op.operations
    x = ClipArray.from_array(X).compute(np.arange(500))
    changed = [
        (o.augment(x, index=(0, i + 1)) != x).any(dim=1).numpy()
        for i, o in enumerate((first, second))
    ]
    # Of 500 pairs of independent gates half agree, give or take four deviations.
    assert abs((changed[0] == changed[1]).mean() - 0.5) < 4 * 0.5 / np.sqrt(500)


def test_callable_is_called_with_samples_and_rate_and_seeded_by_the_draw(waves):
    calls = []

    def function(samples, sample_rate):
        calls.append((samples.shape, samples.dtype, sample_rate))
        return add_uniform(samples, sample_rate)

    op = carried(Augmenter(function).fit_transform(waves))
    x = ClipArray.from_array(waves).compute(np.arange(6))
    states = random.getstate(), np.random.get_state()[1].tolist()
    once = op.augment(x, seed=1)
    assert calls == [((5512,), np.float32, 22050)] * 6
    again = op.augment(x[[4, 2]], seed=1, rows=np.array([4, 2]))
    assert np.array_equal(once[[4, 2]], again)
    added = (once - x)[:, 0].numpy()
    assert len(set(added)) == 6
    assert np.all((added >= 2) & (added < 4))
    assert (random.getstate(), np.random.get_state()[1].tolist()) == states


def test_callable_that_changes_the_length_is_refused_by_name(waves):
    op = carried(Augmenter(longer).fit_transform(waves))
    with pytest.raises(ValueError, match=r"longer.*\(11024,\).*keep the number of"):
        op.augment(ClipArray.from_array(waves).compute(np.arange(2)))


def test_callable_after_a_front_end_is_refused(waves):
    mel = MelSpectrogram(16, n_fft=512).fit_transform(waves)
    with pytest.raises(ValueError, match=r"add_uniform.*called with waveforms"):
        Augmenter([add_uniform]).fit(mel)


@pytest.mark.parametrize("given", [3, "Gain", Gain])
def test_transform_that_is_none_is_refused(waves, given):
    with pytest.raises(TypeError, match="Gain"):
        Augmenter([given]).fit(waves)


def test_operation_on_the_other_kind_is_refused(waves):
    with pytest.raises(ValueError, match=r"TimeMask takes spectrograms.*put a front"):
        Augmenter([TimeMask()]).fit(waves)


def test_other_rate_than_that_of_the_clips_is_refused(waves):
    clips = ClipArray.from_array(waves, sample_rate=16000)
    with pytest.raises(ValueError, match=r"sr=22050.*16000 Hz"):
        Augmenter(sr=22050).fit(clips)
    with pytest.raises(ValueError, match="fitted on clips at 22050"):
        Augmenter().fit(waves).transform(clips)


def test_clone_keeps_operations_and_callables(waves):
    augmenter = Augmenter([Gain((1, 2), p=0.5), add_uniform], p=0.9)
    gain, function = clone(augmenter).fit(waves).operations_
    assert (gain.gain_db, gain.p) == ((1, 2), 0.5)
    assert isinstance(function, Lambda)
    assert function.function is add_uniform


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (torch.nn.Identity(), r"Identity\(\).*operations of sktag.augment"),
        (
            lambda samples: samples,
            r"called with two arguments.*f\(samples, sample_rate",
        ),
        (lambda: None, "called with two arguments"),
        (Gain, "operations of sktag.augment, such as Gain"),
    ],
    ids=["module", "one argument", "no argument", "class"],
)
def test_transform_that_cannot_be_called_is_refused_with_the_rule(
    given, message, waves
):
    with pytest.raises(TypeError, match=message):
        Augmenter([given]).fit(waves)


def test_function_without_a_signature_is_taken(waves):
    clips = Augmenter(np.add).fit_transform(waves)
    assert carried(clips).operations[0].function is np.add
