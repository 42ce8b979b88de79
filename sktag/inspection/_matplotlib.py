"""Check that matplotlib is installed."""


def check_matplotlib(caller):
    """Raise an ImportError with install instructions if matplotlib is missing."""
    try:
        import matplotlib  # noqa: F401  # only to check that it is installed
    except ImportError as error:
        raise ImportError(
            f'{caller} needs matplotlib: pip install "sktag[plot]"'
        ) from error
