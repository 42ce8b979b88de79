"""The pickle of a fitted estimator: numpy arrays, and no device."""

import torch

from sktag.estimators._state import pick_device, reproducible, to_numpy, to_torch


class PicklingMixin:
    """What turns network and optimizer into arrays, and back."""

    def __getstate__(self):
        """Pickle weights and moments as numpy arrays, without a device."""
        state = dict(super().__getstate__())
        if "module_" in state:
            module, net = state.pop("module_"), state.pop("net_")
            state["_saved"] = {
                "weights": to_numpy(module.state_dict()),
                "optimizer": type(net.optimizer_).__name__,
                "moments": to_numpy(net.optimizer_.state_dict()["state"]),
                "history": [dict(row) for row in net.history],
            }
        return state

    def __setstate__(self, state):
        """Build network and optimizer again, on the device there is."""
        state = dict(state)
        saved = state.pop("_saved", None)
        super().__setstate__(state)
        if saved is None:
            return
        from sktag.estimators import _training

        try:
            device = pick_device(self.device)
        except ValueError:
            device = torch.device("cpu")
        with reproducible(device, 0):
            module, _ = self._build_network(**self._network)
        module.load_state_dict(to_torch(saved["weights"]))
        self.module_ = module.to(device, memory_format=torch.channels_last).eval()
        # As for one epoch more: with its optimizer, whatever the schedule was.
        self.net_ = _training.make_net(self, module, device, partial=True)
        _training.restore(self.net_, saved)
