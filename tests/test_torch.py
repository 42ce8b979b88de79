"""Torch computes the same whatever the program has set, in any thread."""

import contextlib
import pickle
import subprocess
import sys
import threading

import joblib
import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from torch.nn.functional import dropout

from sktag import Augmenter, CNN2DClassifier, MelSpectrogram, Standardizer
from sktag._torch import own_draws, plain_torch, reproducible, seed_torch
from sktag.augment import Gain, Noise
from sktag.ops.spectral import _mel_groups, _window
from sktag.testing import make_waves

# Tests train for as few steps as they need.
pytestmark = pytest.mark.filterwarnings("ignore:fit takes .* steps:UserWarning")
CPU = torch.device("cpu")
WAVES, Y = make_waves(8, 4000), np.arange(8) % 2


@contextlib.contextmanager
def default_dtype(dtype):
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
        assert torch.get_default_dtype() == dtype, "it was not restored"
    finally:
        torch.set_default_dtype(before)


CONTEXTS = {
    "float64": lambda: default_dtype(torch.float64),
    "inference_mode": torch.inference_mode,
    "no_grad": torch.no_grad,
    "device": lambda: torch.device("meta"),
    "autocast": lambda: torch.autocast("cpu", torch.bfloat16),
}
in_each_context = pytest.mark.parametrize("context", CONTEXTS.values(), ids=CONTEXTS)


def make_pipe():
    return make_pipeline(
        MelSpectrogram(12, n_fft=512),
        Standardizer(),
        Augmenter(),
        CNN2DClassifier(n_filters=(4,), max_epochs=2, dropout=0.5, random_state=0),
    )


@pytest.fixture(scope="module")
def fitted():
    return make_pipe().fit(WAVES, Y)


# What the program has set


@in_each_context
def test_fit_load_and_predict_in_a_context_give_the_numbers_without(context, fitted):
    expected = fitted.predict_proba(WAVES)
    with context():
        again = make_pipe().fit(WAVES, Y)
        inside = again.predict_proba(WAVES)
        loaded = pickle.loads(pickle.dumps(fitted))
        embedded = fitted[-1].embed(fitted[:-1].transform(WAVES))
    np.testing.assert_array_equal(again.predict_proba(WAVES), expected)
    np.testing.assert_array_equal(inside, expected)
    np.testing.assert_array_equal(loaded.predict_proba(WAVES), expected)
    np.testing.assert_array_equal(
        embedded, fitted[-1].embed(fitted[:-1].transform(WAVES))
    )
    # Its parameters are no tensors of the inference mode.
    loaded[-1].partial_fit(fitted[:-1].transform(WAVES), Y)


@in_each_context
def test_constants_made_in_a_context_serve_outside_of_it(context):
    _window.cache_clear()
    _mel_groups.cache_clear()
    step = MelSpectrogram(12, n_fft=512).fit(WAVES)
    expected = step.transform(WAVES)
    _window.cache_clear()
    _mel_groups.cache_clear()
    op = step._make_op(22050)
    with context(), contextlib.suppress(Exception):
        op(torch.zeros(1, 4000, device="cpu"))
    x = torch.from_numpy(WAVES).requires_grad_()
    out = op(x)
    np.testing.assert_array_equal(out.detach().numpy(), expected)
    out.sum().backward()  # tensors of the inference mode cannot be saved for it
    assert x.grad.isfinite().all()


@in_each_context
def test_augmentation_in_a_context_gives_the_numbers_without(context):
    op = Noise()
    expected = op.augment(WAVES, seed=1), Gain(3.0).apply(WAVES)
    with context():
        found = op.augment(WAVES, seed=1), Gain(3.0).apply(WAVES)
    np.testing.assert_array_equal(found[0], expected[0])
    np.testing.assert_array_equal(found[1], expected[1])


def test_default_dtype_is_restored_after_blocks_of_several_threads():
    entered, leave = threading.Event(), threading.Event()

    def other():
        with plain_torch():
            entered.set()
            leave.wait(10)

    with default_dtype(torch.float64):
        thread = threading.Thread(target=other)
        with plain_torch():
            thread.start()
            entered.wait(10)
        # The other block still runs.
        assert torch.get_default_dtype() == torch.float32
        leave.set()
        thread.join()
        assert torch.get_default_dtype() == torch.float64


# Draws


@pytest.mark.parametrize("fails", [False, True])
def test_random_state_and_flags_are_restored_after_a_block(fails):
    cudnn = torch.backends.cudnn
    before = torch.get_rng_state(), cudnn.deterministic, cudnn.benchmark
    drawn = []
    for _ in range(2):
        with contextlib.suppress(RuntimeError), reproducible(CPU, 3):
            assert cudnn.deterministic
            drawn.append(torch.rand(4))
            if fails:
                raise RuntimeError
    assert torch.equal(*drawn)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert (cudnn.deterministic, cudnn.benchmark) == before[1:]


def draw():
    x = torch.ones(50)
    return torch.cat(
        [
            dropout(x),
            torch.nn.init.kaiming_uniform_(torch.empty(5, 10)).ravel(),
            torch.randn(50),
            torch.rand_like(x),
            torch.randperm(50).float(),
            torch.bernoulli(x / 2),
            torch.multinomial(x, 5).float(),
        ]
    )


def test_own_draws_are_those_of_torch_and_leave_torch_alone():
    with reproducible(CPU, 3):
        expected = draw(), draw()
        seed_torch(4, CPU)
        seeded = draw()
    before = torch.get_rng_state()
    with own_draws(CPU, 3):
        assert torch.equal(draw(), expected[0])
        with own_draws(CPU, 3):
            assert torch.equal(draw(), expected[0])
        assert torch.equal(draw(), expected[1])
        seed_torch(4, CPU)
        assert torch.equal(draw(), seeded)
    assert torch.equal(torch.get_rng_state(), before)


class Noisy(torch.nn.Module):
    """A user's network that draws in ways of its own."""

    def __init__(self, shape, n_outputs):
        super().__init__()
        self.output = torch.nn.Linear(shape[0] * shape[1], n_outputs)

    def forward(self, x):
        if self.training:
            x = dropout(x + torch.randn(x.shape))
        return self.output(x.flatten(1))


@pytest.mark.parametrize(
    "params", [{"n_filters": (8,), "dropout": 0.5}, {"architecture": Noisy}]
)
def test_fits_in_threads_equal_those_one_by_one(params, X, Y):
    clf = CNN2DClassifier(**params, max_epochs=4, early_stopping=True)

    def fit(seed):
        return clone(clf).set_params(random_state=seed).fit(X, Y).predict_proba(X)

    expected = [fit(seed) for seed in range(4)]
    before = torch.get_rng_state()
    jobs = (joblib.delayed(fit)(seed) for seed in range(4))
    found = joblib.Parallel(4, backend="threading")(jobs)
    np.testing.assert_array_equal(found, expected)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.cuda
def test_own_draws_on_cuda_are_those_of_torch():
    cuda = torch.device("cuda", 0)

    def draw():
        x = torch.ones(1000, device=cuda)
        return torch.cat([dropout(x), torch.randn(9, device=cuda), x.uniform_()])

    with reproducible(cuda, 3):
        expected = draw(), draw()
    before = torch.cuda.get_rng_state()
    with own_draws(cuda, 3):
        assert torch.equal(draw(), expected[0])
        assert torch.equal(draw(), expected[1])
    assert torch.equal(torch.cuda.get_rng_state(), before)


# Forked processes

FORK = """
import multiprocessing, sys, warnings
import numpy as np, torch
from sktag import MelSpectrogram

torch.set_num_threads(2)
waves = np.ones((16, 22050), dtype=np.float32)
mel = MelSpectrogram().fit(waves)
if sys.argv[1] == "ran":
    mel.transform(waves)

def child():
    if sys.argv[2] == "one":
        torch.set_num_threads(1)
    try:
        mel.transform(waves)
        print("computed", flush=True)
    except RuntimeError as error:
        print(error, flush=True)

process = multiprocessing.get_context("fork").Process(target=child)
process.start()
process.join(20)
print("ended" if process.exitcode == 0 else "hangs")
process.kill()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")
@pytest.mark.parametrize(
    ("ran", "n_threads", "expected"),
    [
        ("ran", "many", "forked from one in which torch had computed"),
        ("ran", "one", "computed"),
        ("new", "many", "computed"),
    ],
)
def test_forked_process_raises_only_where_it_would_hang(ran, n_threads, expected):
    command = [sys.executable, "-c", FORK, ran, n_threads]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert expected in run.stdout
    assert "ended" in run.stdout
    assert ("'spawn'" in run.stdout) == ((ran, n_threads) == ("ran", "many"))
