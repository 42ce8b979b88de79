"""Timelines as label files of other programs, one per recording."""

from numbers import Real
from pathlib import Path, PurePath

import numpy as np

from sktag._atomic import atomic_write
from sktag._messages import did_you_mean
from sktag._timeline import INDEX, import_pandas

_SUFFIXES = {
    "audacity": ".txt",
    "raven": ".selections.txt",
    "jams": ".jams",
    "csv": ".csv",
}
_COLUMNS = ["start", "end", "tag", "confidence"]
# Windows that are closer than this, in seconds, touch: their times are rounded.
TOUCH = 1e-6


def write_labels(timeline, directory, format="audacity", threshold=0.5):
    """Write the tags of recordings as label files, one file per recording.

    A label is a stretch of time in which all windows reach the threshold of the tag:
    neighbouring or overlapping ones are joined. Its confidence is the highest value
    among them.

    Parameters
    ----------
    timeline : pandas.DataFrame
        A timeline of :func:`sktag.predict_timeline`, or some rows or columns of one.
    directory : str or Path
        Folder for the files; it is created if it is missing. Each file has the name of
        its recording, preceded by folders where recordings of one name differ in these.
    format : {"audacity", "raven", "jams", "csv"}, default="audacity"
        "audacity": a label track. "raven": a selection table, of a waveform view.
        "jams": an annotation of namespace ``tag_open``, which needs the extra "jams".
        "csv": a table with the columns start, end, tag and confidence.
    threshold : float, or dict or Series of float by tag, default=0.5
        Least value of a window that has the tag.

    Returns
    -------
    list of Path
        The written files, in the order of the recordings.

    Raises
    ------
    ImportError
        If pandas is missing, or jams for ``format="jams"``.
    TypeError
        If the timeline is not one.
    ValueError
        If the format is unknown, or if a threshold is missing or not a number.

    Examples
    --------
    >>> import pandas as pd
    >>> from tempfile import TemporaryDirectory
    >>> from sktag.export import write_labels
    >>> windows = [("a.wav", 0.0, 2.0), ("a.wav", 1.0, 3.0), ("a.wav", 2.0, 4.0)]
    >>> index = pd.MultiIndex.from_tuples(windows, names=["file", "start", "end"])
    >>> timeline = pd.DataFrame({"guitar": [0.9, 0.7, 0.2]}, index)
    >>> with TemporaryDirectory() as folder:
    ...     [path] = write_labels(timeline, folder)
    ...     path.name, path.read_text().split()
    ('a.txt', ['0.000000', '3.000000', 'guitar'])
    """
    check_timeline(timeline, "write_labels")
    if format not in _SUFFIXES:
        raise ValueError(
            f"format={format!r} is none of {', '.join(map(repr, _SUFFIXES))}."
            + did_you_mean(format, _SUFFIXES)
        )
    least = _thresholds(threshold, timeline.columns)
    render = {
        "audacity": _audacity,
        "raven": _raven,
        "jams": _jams,
        "csv": _csv,
    }[format]
    files = list(timeline.index.unique("file"))
    parts = dict(list(timeline.groupby(level="file", sort=False)))
    contents = [render(_joined(parts[file], least), parts[file]) for file in files]
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    paths = [directory / (name + _SUFFIXES[format]) for name in _names(files)]
    for path, content in zip(paths, contents, strict=True):
        data = content.encode()
        atomic_write(path, lambda file, data=data: file.write(data))
    return paths


def check_timeline(timeline, caller):
    """Raise an error if a table is not a timeline."""
    pandas = import_pandas(caller)
    names = getattr(getattr(timeline, "index", None), "names", ())
    if not isinstance(timeline, pandas.DataFrame) or tuple(names) != INDEX:
        raise TypeError(
            f"{caller} takes a DataFrame as predict_timeline returns, with the index "
            f"levels {', '.join(map(repr, INDEX))}. Of a longer timeline, select rows "
            "by a list, timeline.loc[[file]]; of a CSV file, pass index_col=[0, 1, 2]."
        )


def _thresholds(threshold, tags):
    """Return the threshold of each tag."""
    is_by_tag = hasattr(threshold, "items")
    given = dict(threshold.items() if is_by_tag else ((t, threshold) for t in tags))
    for tag in given:
        if tag not in tags:
            raise ValueError(
                f"threshold names {tag!r}, which is no tag of the timeline."
                + did_you_mean(tag, tags)
            )
    missing = [tag for tag in tags if tag not in given]
    if missing:
        raise ValueError(
            f"threshold has no value for {missing[0]!r}: give one for each tag, or "
            "select columns of the timeline."
        )
    for tag in tags:
        if not isinstance(given[tag], Real) or not np.isfinite(given[tag]):
            raise ValueError(
                f"threshold={given[tag]!r} for {tag!r} is not a finite number."
            )
    return [float(given[tag]) for tag in tags]


def _joined(part, least):
    """Return the labels of a recording as a table, in order of time."""
    import pandas

    part = part.sort_index(level=["start", "end"])
    starts, ends = (part.index.get_level_values(k).to_numpy() for k in INDEX[1:])
    labels = []
    for tag, values, limit in zip(part.columns, part.to_numpy().T, least, strict=True):
        open_ = None
        for k in np.flatnonzero(values >= limit):
            if open_ is not None and starts[k] <= open_[1] + TOUCH:
                open_[1] = max(open_[1], ends[k])
                open_[3] = max(open_[3], values[k])
            else:
                open_ = [starts[k], ends[k], str(tag), values[k]]
                labels.append(open_)
    return pandas.DataFrame(labels, columns=_COLUMNS).sort_values(
        ["start", "end"], kind="stable", ignore_index=True
    )


def _audacity(labels, _):
    rows = zip(labels["start"], labels["end"], _one_line(labels["tag"]), strict=True)
    return "".join(f"{start:.6f}\t{end:.6f}\t{tag}\n" for start, end, tag in rows)


def _raven(labels, _):
    columns = {"start": "Begin Time (s)", "end": "End Time (s)"}
    labels = labels.assign(tag=_one_line(labels["tag"]))
    table = labels.rename(columns=columns | {"tag": "Tag", "confidence": "Confidence"})
    table.insert(0, "Selection", range(1, len(table) + 1))
    # Selections of a waveform have no frequencies.
    table.insert(1, "View", "Waveform 1")
    table.insert(2, "Channel", 1)
    return table.to_csv(sep="\t", index=False, float_format="%.6f", lineterminator="\n")


def _one_line(tags):
    # A tab or a line break in a tag would end its column.
    return [" ".join(tag.split()) for tag in tags]


def _csv(labels, _):
    return labels.to_csv(index=False, float_format="%.6f", lineterminator="\n")


def _jams(labels, part):
    try:
        import jams
    except ImportError as error:
        raise ImportError(
            'format="jams" needs the jams library: pip install "sktag[jams]"'
        ) from error
    duration = float(part.index.get_level_values("end").max())
    annotation = jams.Annotation("tag_open", time=0.0, duration=duration)
    annotation.annotation_metadata.data_source = "program"
    annotation.annotation_metadata.annotation_tools = "sktag"
    for start, end, tag, confidence in labels.itertuples(index=False):
        annotation.append(start, end - start, tag, confidence)
    record = jams.JAMS([annotation])
    record.file_metadata.duration = duration
    return record.dumps(indent=2)


def _names(files):
    """Return a different file name for each recording, without a suffix.

    It is the recording's own; where two are alike, all get their suffix and as many
    folders as it takes.
    """
    paths = [PurePath(str(file)) for file in files]
    parts = [path.relative_to(path.anchor).parts for path in paths]
    names, depth = [path.stem for path in paths], 0
    while not _are_distinct(names):
        depth += 1
        if depth > max(map(len, parts)):
            return [f"{i}-{path.name}" for i, path in enumerate(paths)]
        names = ["-".join(some[-depth:]) for some in parts]
    return names


def _are_distinct(names):
    # Some file systems do not tell "A" from "a".
    return len({name.casefold() for name in names}) == len(names)
