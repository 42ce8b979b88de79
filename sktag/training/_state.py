"""What a fit needs of torch: its device, a seed, tensors to pickle."""

from numbers import Integral

import numpy as np
import torch


def pick_device(name):
    """Return the device that a parameter names; "auto" is CUDA where there is one."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        device = None
    # Apple's "mps" has no double precision, and its random state is not restored here.
    if device is None or device.type not in ("cpu", "cuda"):
        raise ValueError(
            f"sktag does not train on device={name!r}: use 'auto', 'cpu' or 'cuda'."
        )
    n_devices = torch.cuda.device_count() if device.type == "cuda" else 1
    if (device.index or 0) >= n_devices:
        raise ValueError(
            f"device={name!r}, but torch sees {n_devices} CUDA devices: use "
            "device='auto', or install a torch built for CUDA."
        )
    return device


def use_amp(amp, device):
    """Tell whether to compute in bfloat16; "auto" if the GPU has it in hardware."""
    if amp == "auto":
        return device.type == "cuda" and torch.cuda.is_bf16_supported(
            including_emulation=False
        )
    return bool(amp)


def draw_seed(random_state):
    """Return a seed; None draws one without touching numpy's global state."""
    if random_state is None:
        return int(np.random.SeedSequence().generate_state(1)[0])
    if isinstance(random_state, Integral):
        return int(random_state)
    return int(random_state.randint(2**31))


def to_numpy(value):
    """Turn the tensors of a nested state into numpy arrays.

    numpy has no bfloat16: such tensors become float32, which holds them exactly.
    """
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu()
        value = value.float() if value.dtype == torch.bfloat16 else value
        return value.numpy().copy()
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
