"""The pickle of a fitted estimator: numpy arrays, and no device."""

import torch

from sktag._functions import refuse_unpicklable
from sktag._torch import plain_torch, reproducible
from sktag.estimators._network import place
from sktag.nets.weights import arrays_of, put_arrays
from sktag.training._plan import FitPlan
from sktag.training._start import freeze_layers
from sktag.training._state import pick_device, to_numpy, use_amp


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
        put_arrays(module, saved["weights"])
        freeze_layers(module, fitted.start.frozen)
        self.module_ = place(module, device).eval()
        self.net_ = restore_net(plan, module, saved)
        return name
