"""What every benchmark of speed needs: fair timing, peak memory, Markdown tables."""

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

# Long enough for the threads of one library to stop spinning before the next begins.
_PAUSE = 0.2


def interleave(ways, repeats, *, setup=None, wait=None, warm=False):
    """Time several ways to do the same, round robin, after a round to warm up.

    Taking turns lets a busy or throttled machine slow down all of them alike.

    Parameters
    ----------
    ways : dict of str to callable
        What to time, by name.
    repeats : int > 0
        Rounds that count.
    setup : callable, optional
        Called before each way, outside the time taken.
    wait : callable, optional
        Called at the end of each way, inside the time taken: for a device that works
        on after the call has returned.
    warm : bool, default=False
        Whether each way is called once more right before, so that a short one is timed
        as it goes in a row of batches, not as it starts on idle cores.

    Returns
    -------
    dict of str to list of float
        Seconds of every round, by name.
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
    """Return the median, minimum and ratio to the median of `base`, by name."""
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
    """Measure by how much some work raises the memory of a fresh process.

    Parameters
    ----------
    prepare : callable
        Function of a module. Called with `args` in the new process, it returns two
        callables: the work on a tiny input, which loads and builds what is loaded and
        built once, and the work on the real input, which is already in memory.
    *args
        Arguments of `prepare`.

    Returns
    -------
    int
        Largest resident memory during the real work, less the resident memory just
        before it, in bytes: temporaries and the result, but neither imports nor input.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_growth, prepare, args).result()


def peak_rss(work, *args):
    """Return the largest resident memory of a fresh process that does some work.

    Parameters
    ----------
    work : callable
        Function of a module, called with `args`.
    *args
        Its arguments.

    Returns
    -------
    int
        Bytes, imports and all.
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
    # Linux gives back what was freed, and forgets the peak so far, when told to.
    # Elsewhere the peak stands for the memory before, which may count too little.
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)
        Path("/proc/self/clear_refs").write_text("5")
    before = _peak()
    result = real()
    after = _peak()
    del result
    return after - before


def _peak():
    """Return the largest resident memory of this process, in bytes."""
    status = Path("/proc/self/status")
    if status.exists():
        # Not `ru_maxrss`, which a Linux process inherits from the one that started it.
        rows = dict(row.split(":", 1) for row in status.read_text().splitlines())
        return int(rows["VmHWM"].split()[0]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def table(header, rows):
    """Return a Markdown table; the first column is text, the others are numbers."""
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)
