"""The state of torch around a fit: device, random numbers, tensors to pickle."""

from contextlib import contextmanager
from numbers import Integral

import numpy as np
import torch


def pick_device(name):
    """Return the device that a parameter names; "auto" is CUDA where there is one."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ValueError(
            f"device={name!r} is no device: use 'auto', 'cpu' or 'cuda'."
        ) from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ValueError(
            f"device={name!r}, but torch sees no CUDA device: use device='auto', or "
            "install a torch built for CUDA."
        )
    return device


def use_amp(amp, device):
    """Tell whether to compute in bfloat16; "auto" where CUDA is quick at it."""
    if amp == "auto":
        return device.type == "cuda" and torch.cuda.is_bf16_supported()
    return bool(amp)


@contextmanager
def reproducible(device, seed):
    """Seed torch for a block, and leave its state as it was."""
    devices = [device] if device.type == "cuda" else []
    with (
        torch.random.fork_rng(devices=devices),
        torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True),
    ):
        torch.manual_seed(seed)
        yield


def draw_seed(random_state):
    """Return a seed; None draws one without touching numpy's global state."""
    if random_state is None:
        return int(np.random.SeedSequence().generate_state(1)[0])
    if isinstance(random_state, Integral):
        return int(random_state)
    return int(random_state.randint(2**31))


def to_numpy(value):
    """Turn the tensors of a nested state into numpy arrays."""
    if isinstance(value, torch.Tensor):
        return value.detach().cpu().numpy()
    if isinstance(value, dict):
        return {k: to_numpy(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(to_numpy(v) for v in value)
    return value


def to_torch(value):
    """Turn the numpy arrays of a nested state into tensors."""
    if isinstance(value, np.ndarray):
        return torch.from_numpy(value.copy())
    if isinstance(value, dict):
        return {k: to_torch(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(to_torch(v) for v in value)
    return value
