"""Whether there is something to draw with."""


def check_matplotlib(caller):
    """Raise if matplotlib is missing, and say how to install it.

    Parameters
    ----------
    caller : str
        What needs it.

    Raises
    ------
    ImportError
        If it is missing.
    """
    try:
        import matplotlib  # noqa: F401  # whether it is there is all that is asked
    except ImportError as error:
        raise ImportError(
            f'{caller} needs matplotlib: pip install "sktag[plot]"'
        ) from error
