"""From y to training targets, and from network outputs back to answers.

`ClassTargets`, `TagTargets` and `ValueTargets` follow one protocol, `Targets`. Beside
them: checks of y, the losses, the validation split and the scores of its rows.
"""
