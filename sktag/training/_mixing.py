"""Mixup and CutMix: each row of a step is mixed with another row of the batch.

Losses are mixed rather than targets: for cross-entropy the two are equal, and it holds
for labels, tags and numbers with any row weights. The draws are a function of the seed,
the epoch and the step alone, and are made on the host, so that no step waits for the
device.
"""

from dataclasses import dataclass

import numpy as np
import torch

# Separates these draws from others of the same seed and epoch.
_KEY = (1,)


@dataclass(frozen=True)
class Mixing:
    """Mixup or CutMix for the batches of a training.

    Parameters
    ----------
    mixup_alpha : float >= 0
        Parameter of the Beta distribution from which mixup draws its share; 0 for none.
    cutmix_alpha : float >= 0
        The same for CutMix, on the last axis. If neither is 0, each step does one or
        the other with equal chances.
    seed : int
        Seed of the fit.

    References
    ----------
    Zhang, Cisse, Dauphin, Lopez-Paz, "mixup: beyond empirical risk minimization", ICLR
    2018. As in the authors' code, one share holds for all rows of a step.
    Yun, Han, Oh, Chun, Choe, Yoo, "CutMix: regularization strategy to train strong
    classifiers with localizable features", ICCV 2019; here on the axis of time.
    """

    mixup_alpha: float
    cutmix_alpha: float
    seed: int

    def draw(self, shape, epoch, step):
        """Draw partners and shares of a step."""
        entropy = np.random.SeedSequence([self.seed, epoch, step], spawn_key=_KEY)
        rng = np.random.default_rng(entropy)
        partners = rng.permutation(shape[0])
        cuts = self.cutmix_alpha > 0
        if cuts and self.mixup_alpha > 0:
            cuts = rng.random() < 0.5
        alpha = self.cutmix_alpha if cuts else self.mixup_alpha
        share = float(rng.beta(alpha, alpha))
        if not cuts:
            return partners, share, None
        n_columns = shape[-1]
        width = round((1 - share) * n_columns)
        start = int(rng.integers(n_columns - width + 1))
        return partners, 1 - width / n_columns, slice(start, start + width)

    def __call__(self, batch, epoch, step):
        """Mix a batch."""
        x, (targets, weights) = batch
        partners, share, stretch = self.draw(x.shape, epoch, step)
        partners = torch.from_numpy(partners).to(x.device, non_blocking=True)
        if stretch is None:
            mixed = torch.lerp(x, x[partners], 1 - share)
        else:
            mixed = x.clone()
            mixed[..., stretch] = x[..., stretch][partners]
        return mixed, (targets, weights, targets[partners], weights[partners], share)
