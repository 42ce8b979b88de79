"""How networks are trained: a frozen plan and data go in, a trained net comes out.

Nothing here knows an estimator: it decides everything beforehand, in a `FitPlan`. The
modules `_net`, `_callbacks`, `_stages`, `_checkpoint` and `_fit` import skorch, which
takes as long as the rest of the package, and are imported when something is fitted.
"""

from sktag.training._chunks import LAYOUTS, Chunks
from sktag.training._data import Part
from sktag.training._optimizers import OPTIMIZERS, Stage, make_stage, make_stages
from sktag.training._plan import SCHEDULES, FitPlan

__all__ = [
    "LAYOUTS",
    "OPTIMIZERS",
    "SCHEDULES",
    "Chunks",
    "FitPlan",
    "Part",
    "Stage",
    "make_stage",
    "make_stages",
]
