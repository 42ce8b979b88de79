"""Checks of clips that transformers and estimators share, with their messages."""

from sktag.clips._array import REMEDY, ClipArray


def check_kind(clips: ClipArray, takes: str | None, name: str) -> None:
    """Raise where clips are of the other kind than a step takes.

    Parameters
    ----------
    clips : ClipArray
        What the step was given.
    takes : {"wave", "spectrogram"} or None
        What it takes.
    name : str
        The step.

    Raises
    ------
    ValueError
        If the kinds differ; names the step that is missing or too many.
    """
    if takes not in (None, clips.kind):
        raise ValueError(f"{name} takes {takes}s, not {clips!r}: {REMEDY[takes]}.")


def check_rate(clips: ClipArray, sr: float | None, name: str) -> None:
    """Raise where clips have another sample rate than those of training.

    Parameters
    ----------
    clips : ClipArray
        What the step was given.
    sr : float or None
        Rate it was fitted on, in Hz; None where that is not known.
    name : str
        The step.

    Raises
    ------
    ValueError
        If the rates differ; names both.
    """
    rate = clips.sample_rate
    if rate is not None and sr is not None and rate != sr:
        raise ValueError(
            f"{name} was fitted on clips at {sr:g} Hz and is given clips at {rate:g} "
            f"Hz: decode them at the rate of training, RawWave(sr={sr:g})."
        )
