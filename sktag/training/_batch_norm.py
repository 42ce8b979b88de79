"""Batch-norm statistics after few steps."""

import torch

from sktag.training._batches import Batches
from sktag.training._start import is_batch_norm, keep_statistics
from sktag.training._state import to_numpy, to_torch

# Below this many steps the running averages have not settled.
COLD_STEPS = 100


def is_cold(net):
    """Tell whether a net took too few steps for its batch-norm statistics."""
    return sum(row["train_batch_count"] for row in net.history) < COLD_STEPS


def batch_norms(module):
    """Return the batch-norm layers of a network."""
    return [layer for layer in module.modules() if is_batch_norm(layer)]


def refresh_batch_norm(net, dataset):
    """Re-estimate batch-norm statistics in one clean pass over the training rows.

    After few steps the running averages are still near their initial values, and a net
    that trained well predicts at chance. An interrupted pass leaves them unchanged.
    """
    module = net.module_
    batches = Batches(dataset, net.batch_size, torch.device(net.device), net.seed)
    # Those that are frozen, or without statistics, stay as they are.
    module.train()
    keep_statistics(module, net.start.frozen)
    norms = [m for m in batch_norms(module) if m.training and m.track_running_stats]
    if not norms:
        module.eval()
        return
    kept = to_numpy(dict(module.named_buffers()))
    module.eval()
    before = [norm.momentum for norm in norms]
    try:
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None  # a plain average over the batches
            norm.train()
        with torch.no_grad():
            for x, _ in batches.epoch(0, augment=False):
                module(x)
    except BaseException:
        module.load_state_dict(to_torch(kept), strict=False)
        raise
    finally:
        for norm, momentum in zip(norms, before, strict=True):
            norm.momentum = momentum
        module.eval()
