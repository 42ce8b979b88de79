"""Settings of the whole process.

Kept apart from the estimators' parameters because they belong to the machine, not to
a model: two processes with other settings compute the same numbers.
"""

from contextlib import contextmanager
from numbers import Integral

_CONFIG = {
    "decode_cache_bytes": 2**30,
    "materialize_warn_bytes": 2**30,
}


def get_config() -> dict[str, int]:
    """Return the settings in force.

    Returns
    -------
    config : dict
        A copy of the settings by name; see :func:`set_config`.

    Examples
    --------
    >>> from sktag._config import get_config
    >>> sorted(get_config())
    ['decode_cache_bytes', 'materialize_warn_bytes']
    """
    return dict(_CONFIG)


def set_config(*, decode_cache_bytes=None, materialize_warn_bytes=None):
    """Set what holds for the whole process.

    Parameters
    ----------
    decode_cache_bytes : int >= 0, optional
        Memory for decoded clips, in bytes (1 GiB at start). The least recently used
        clips are dropped first; 0 keeps none.
    materialize_warn_bytes : int >= 0, optional
        Size from which ``np.asarray(clips)`` warns that it makes a large array, in
        bytes (1 GiB at start).

    Raises
    ------
    ValueError
        If a value is not a whole number of bytes.

    See Also
    --------
    config_context : The same for a block of code.

    Examples
    --------
    >>> import sktag
    >>> sktag.set_config(decode_cache_bytes=2**28)
    >>> sktag.set_config(decode_cache_bytes=2**30)
    """
    given = {
        "decode_cache_bytes": decode_cache_bytes,
        "materialize_warn_bytes": materialize_warn_bytes,
    }
    changes = {name: value for name, value in given.items() if value is not None}
    for name, value in changes.items():
        if not isinstance(value, Integral) or isinstance(value, bool) or value < 0:
            raise ValueError(
                f"{name}={value!r} is not a whole number of bytes, 0 or more; "
                f"for a gibibyte write {name}=2**30."
            )
    _CONFIG.update(changes)


@contextmanager
def config_context(**settings):
    """Set what holds for the whole process, for a block of code.

    Parameters
    ----------
    **settings
        As for :func:`set_config`. What held before comes back at the end of the block.

    Yields
    ------
    None

    See Also
    --------
    set_config : The settings and what they mean.

    Examples
    --------
    >>> import sktag
    >>> with sktag.config_context(decode_cache_bytes=0):
    ...     pass  # every clip is decoded whenever it is read
    """
    before = get_config()
    set_config(**settings)
    try:
        yield
    finally:
        set_config(**before)
