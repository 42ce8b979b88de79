"""The state of torch around a computation, whatever the user's program has set.

Requirements this design meets: settings and contexts of the user (default dtype and
device, inference mode, autocast, no_grad) change no number; fits in several threads
draw the same numbers as one by one; a forked process raises an error where torch would
hang.
"""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

_LOCK = threading.RLock()
_LOCAL = threading.local()  # the draws of a thread
# The process in which torch first computed for sktag.
_ran_in: int | None = None


class _Shared:
    """A setting of the whole process, for as long as any thread is in a block."""

    def __init__(
        self, read: Callable[[], Any], write: Callable[[Any], None], value: Any
    ) -> None:
        self.read, self.write, self.value = read, write, value
        self.before: Any = None
        self.n_blocks = 0

    def __enter__(self) -> None:
        with _LOCK:
            if not self.n_blocks:
                self.before = self.read()
                self.write(self.value)
            self.n_blocks += 1

    def __exit__(self, *error: object) -> None:
        with _LOCK:
            self.n_blocks -= 1
            if not self.n_blocks:
                self.write(self.before)


def _read_cudnn() -> tuple[bool, bool]:
    cudnn = torch.backends.cudnn
    return cudnn.deterministic, cudnn.benchmark


def _write_cudnn(flags: tuple[bool, bool]) -> None:
    cudnn = torch.backends.cudnn
    cudnn.deterministic, cudnn.benchmark = flags


_FLOAT32 = _Shared(torch.get_default_dtype, torch.set_default_dtype, torch.float32)
_CUDNN = _Shared(_read_cudnn, _write_cudnn, (True, False))


@contextmanager
def plain_torch() -> Iterator[None]:
    """Set aside what the user's program has set in torch, for a block or function."""
    refuse_fork()
    with ExitStack() as stack:
        stack.enter_context(_FLOAT32)
        if torch.is_inference_mode_enabled():
            stack.enter_context(torch.inference_mode(False))
        if torch.get_default_device().type != "cpu":
            stack.enter_context(torch.device("cpu"))
        for kind in ("cpu", "cuda"):
            if torch.is_autocast_enabled(kind):
                stack.enter_context(torch.autocast(kind, enabled=False))
        stack.enter_context(torch.enable_grad())
        yield


def as_array(value: Any) -> Any:
    """Return a torch tensor as an ndarray, and anything else as it is."""
    if not isinstance(value, torch.Tensor):
        return value
    if value.dtype == torch.bfloat16:
        value = value.float()
    return value.numpy(force=True)


def refuse_fork() -> None:
    """Raise an error in a forked process in which torch would hang."""
    global _ran_in
    process = os.getpid()
    if _ran_in is None:
        _ran_in = process
    if process != _ran_in and torch.get_num_threads() > 1:
        raise RuntimeError(
            "this process was forked from one in which torch had computed already, and "
            "would hang. Start processes by the method 'spawn', or with joblib's "
            "backend 'loky'; or call torch.set_num_threads(1) in the forked process "
            "first."
        )


@contextmanager
def reproducible(device: torch.device, seed: int) -> Iterator[None]:
    """Seed torch for a block, then restore random states and cuDNN's flags."""
    with _CUDNN, _own_generators(device):
        seed_torch(seed, device)
        yield


@contextmanager
def _own_generators(device: torch.device) -> Iterator[None]:
    """Keep the draws of a block from those of other threads and of the program."""
    if threading.current_thread() is threading.main_thread():
        devices = [device] if device.type == "cuda" else []
        with torch.random.fork_rng(devices=devices):
            yield
    else:
        # torch's generators are shared by all threads.
        with own_draws(device):
            yield


def seed_torch(seed: int, device: torch.device) -> None:
    """Seed the generators of the CPU and of one device, in `reproducible`."""
    own = getattr(_LOCAL, "draws", None)
    if own is not None:
        own.seed(seed)
        return
    # torch.manual_seed would seed all devices.
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        with torch.cuda.device(device):
            torch.cuda.manual_seed(seed)


@contextmanager
def own_draws(device: torch.device, seed: int = 0) -> Iterator[None]:
    """Draw from generators of this block's own instead of torch's, in this thread."""
    before = getattr(_LOCAL, "draws", None)
    _LOCAL.draws = _OwnDraws(device, seed)
    try:
        with _LOCAL.draws:
            yield
    finally:
        _LOCAL.draws = before


class _OwnDraws(TorchDispatchMode):
    """Runs the random functions of torch in one thread with generators of its own.

    They draw what torch's generators with the same seed would.
    """

    def __init__(self, device: torch.device, seed: int) -> None:
        super().__init__()
        cpu = torch.device("cpu")
        self.generators = {d.type: torch.Generator(d) for d in (cpu, device)}
        self.seed(seed)

    def seed(self, seed: int) -> None:
        for generator in self.generators.values():
            generator.manual_seed(seed)

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        """Run a function; a random one with an own generator."""
        kwargs = dict(kwargs or {})
        is_random = torch.Tag.nondeterministic_seeded in func.tags
        # Within a block inside this one, that one has seen to it.
        if not is_random or _LOCAL.draws is not self:
            return func(*args, **kwargs)
        takes_generator = any(a.name == "generator" for a in func._schema.arguments)
        if takes_generator and args and isinstance(args[0], torch.Tensor):
            if kwargs.get("generator") is None:
                kwargs["generator"] = self.generators.get(args[0].device.type)
            return func(*args, **kwargs)
        # This one draws from torch's generator only: lend it the state of the own.
        with _LOCK, self._lent():
            return func(*args, **kwargs)

    @contextmanager
    def _lent(self) -> Iterator[None]:
        """Exchange the states of torch's generators with those of the own, twice."""
        of_torch = {"cpu": torch.default_generator}
        for own in self.generators.values():
            if own.device.type == "cuda":
                index = own.device.index or 0
                of_torch["cuda"] = torch.cuda.default_generators[index]
        before = {kind: shared.get_state() for kind, shared in of_torch.items()}
        for kind, shared in of_torch.items():
            shared.set_state(self.generators[kind].get_state())
        try:
            yield
        finally:
            for kind, shared in of_torch.items():
                self.generators[kind].set_state(shared.get_state())
                shared.set_state(before[kind])
