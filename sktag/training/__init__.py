"""How networks are trained: a frozen plan and data go in, a trained net comes out.

Nothing here knows an estimator: the estimator decides everything in a `FitPlan` before
training begins. The modules `_net`, `_callbacks`, `_stages`, `_checkpoint` and `_fit`
import skorch, which takes as long as the rest of the package; they are imported when
something is fitted.
"""
