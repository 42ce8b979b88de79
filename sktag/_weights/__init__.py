"""Weights apart from their networks: arrays of numpy, with a record and in files."""

from sktag._weights._arrays import (
    arrays_of,
    check_arrays,
    match_arrays,
    put_arrays,
)
from sktag._weights._record import Weights

__all__ = ["Weights", "arrays_of", "check_arrays", "match_arrays", "put_arrays"]
