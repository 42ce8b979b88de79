"""Fair timing, peak memory and Markdown tables for benchmarks."""

import ctypes
import gc
import resource
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from multiprocessing import get_context
from pathlib import Path
from statistics import median

# Long enough for the threads of one library to stop spinning before the next starts.
_PAUSE = 0.2


def interleave(ways, repeats, *, setup=None, wait=None, warm=False):
    """Time several methods alternately, after one warm-up round.

    Because they alternate, a busy or throttled machine slows all of them equally.

    Parameters
    ----------
    ways : dict of str to callable
        The methods to time, by name.
    repeats : int > 0
        Number of timed rounds.
    setup : callable, optional
        Called before each method, not timed.
    wait : callable, optional
        Called after each method, timed: for a device that still computes after the call
        has returned.
    warm : bool, default=False
        Whether to call each method once more, untimed, directly before, so that a short
        one is timed as in a sequence of batches, not as a start on idle cores.

    Returns
    -------
    dict of str to list of float
        Seconds of each timed round, by name.
    """
    seconds = {name: [] for name in ways}
    for turn in range(repeats + 1):
        for name, work in ways.items():
            if setup is not None:
                setup()
            time.sleep(_PAUSE)
            if warm:
                work()
            start = time.perf_counter()
            result = work()
            if wait is not None:
                wait()
            took = time.perf_counter() - start
            del result
            if turn:
                seconds[name].append(took)
    return seconds


def summarize(seconds, base="sktag"):
    """Return median, minimum and ratio to the median of `base`, by name."""
    unit = median(seconds[base])
    return {
        name: {
            "median_s": median(took),
            "min_s": min(took),
            "ratio": median(took) / unit,
            "seconds": took,
        }
        for name, took in seconds.items()
    }


def peak_memory(prepare, *args):
    """Measure the increase in memory of a fresh process during some work.

    Parameters
    ----------
    prepare : callable
        A module-level function. Called with `args` in the new process, it returns two
        callables: the work on a tiny input, which triggers one-time imports and set-up,
        and the work on the real input, which is already in memory.
    *args
        Arguments of `prepare`.

    Returns
    -------
    int
        Peak resident memory during the real work minus the resident memory directly
        before, in bytes. This includes temporaries and the result, but not imports and
        input.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_growth, prepare, args).result()


def peak_rss(work, *args):
    """Return the peak resident memory of a fresh process that does some work.

    Parameters
    ----------
    work : callable
        A module-level function, called with `args`.
    *args
        Its arguments.

    Returns
    -------
    int
        Bytes, including imports.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_whole, work, args).result()


def _whole(work, args):
    work(*args)
    return _peak()


def _growth(prepare, args):
    tiny, real = prepare(*args)
    tiny()
    gc.collect()
    # Linux can release freed memory and reset the peak. On other systems the earlier
    # peak is used instead, so the increase may be underestimated.
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)
        Path("/proc/self/clear_refs").write_text("5")
    before = _peak()
    result = real()
    after = _peak()
    del result
    return after - before


def _peak():
    """Return the peak resident memory of this process, in bytes."""
    status = Path("/proc/self/status")
    if status.exists():
        # Not `ru_maxrss`, which a Linux process inherits from its parent.
        rows = dict(row.split(":", 1) for row in status.read_text().splitlines())
        return int(rows["VmHWM"].split()[0]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def table(header, rows):
    """Return a Markdown table whose columns after the first are right-aligned."""
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)
