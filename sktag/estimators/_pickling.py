"""The pickle of a fitted estimator: numpy arrays, and no device."""

import io
import pickle

import torch
from torch.nn.parameter import UninitializedParameter

from sktag._functions import refuse_unpicklable
from sktag._torch import plain_torch, reproducible
from sktag._weights import arrays_of, put_arrays
from sktag.estimators._network import place, try_network
from sktag.training._plan import FitPlan
from sktag.training._start import freeze_layers
from sktag.training._state import pick_device, to_numpy, to_torch, use_amp


class PicklingMixin:
    """Pickles network and optimizer as arrays."""

    def __getstate__(self):
        """Pickle weights and moments as numpy arrays, without a device."""
        params = self.get_params(deep=False)
        refuse_unpicklable(type(self).__name__, params.values())
        state = dict(super().__getstate__())
        if "module_" in state:
            module, net = state.pop("module_"), state.pop("net_")
            state["_saved"] = {
                "weights": arrays_of(module),
                "optimizer": type(net.optimizer_).__name__,
                "moments": to_numpy(net.optimizer_.state_dict()["state"]),
                "history": [dict(row) for row in net.history],
            }
        return state

    def __setstate__(self, state):
        """Rebuild network and optimizer, on the device that is available."""
        state = dict(state)
        saved = state.pop("_saved", None)
        super().__setstate__(state)
        if saved is not None:
            self._restore(saved)

    @plain_torch()
    def _restore(self, saved):
        """Build network and net of saved arrays; return the architecture's name."""
        from sktag.training._fit import restore_net

        try:
            device = pick_device(self.device)
        except ValueError:
            device = torch.device("cpu")
        fitted, net_params = self._fitted, self._check_net_params()
        with reproducible(device, 0):
            module, name, _ = fitted.network.build()
        # A plan for one more epoch, whatever the schedule was.
        plan = FitPlan(
            label=type(self).__name__,
            seed=fitted.seed,
            device=device,
            amp=use_amp(self.amp, device),
            batch_size=self.batch_size,
            targets=fitted.targets,
            optimizer=fitted.optimizer,
            net_params=net_params,
            is_partial=True,
            start=fitted.start,
        )
        if any(isinstance(p, UninitializedParameter) for p in module.parameters()):
            try_network(module, fitted.network, device)  # initialises lazy layers
        put_arrays(module, saved["weights"])
        freeze_layers(module, fitted.start.frozen)
        self.module_ = place(module, device).eval()
        self.net_ = restore_net(plan, module, saved)
        return name


# The stubs of the standard library leave out the implementation in Python.
class _ModulePickler(pickle._Pickler):  # type: ignore[name-defined]
    """Pickles tensors as arrays, on no device, so that equal modules pickle alike.

    It is the implementation in Python, of which a part can be replaced.
    """

    def reducer_override(self, value):
        if isinstance(value, torch.Tensor):
            is_parameter = isinstance(value, torch.nn.Parameter)
            dtype = str(value.dtype).removeprefix("torch.")
            given = to_numpy(value), dtype, is_parameter, value.requires_grad
            return _make_tensor, given
        return NotImplemented

    def memoize(self, value):
        # Equal strings may be one object or several.
        if not isinstance(value, (str, bytes)):
            super().memoize(value)


def _make_tensor(array, dtype, is_parameter, requires_grad):
    tensor = to_torch(array).to(getattr(torch, dtype))
    if is_parameter:
        return torch.nn.Parameter(tensor, requires_grad)
    return tensor.requires_grad_(requires_grad)


def pack_module(module):
    """Return a pickle of a network of the user's, the same in every process."""
    buffer = io.BytesIO()
    _ModulePickler(buffer).dump(module)
    return buffer.getvalue()


def unpack_module(packed):
    """Return the network that `pack_module` packed."""
    return pickle.loads(packed)
