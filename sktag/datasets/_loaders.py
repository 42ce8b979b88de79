"""Loaders for your own recordings. They list files and labels, and read no audio.

- Errors on disk or in the table are reported here, with their place, and not in the
  middle of a fit.
- The order of the files is the same on every machine.
- They need no package for tables, but accept DataFrames of pandas and polars.
"""

from pathlib import Path

import numpy as np
from sklearn.utils import Bunch

from sktag._messages import warn
from sktag.clips._files import AUDIO_EXTENSIONS, audio_files
from sktag.datasets._tables import as_labels, as_numbers, as_seconds, read_columns


def _check_extensions(extensions):
    if isinstance(extensions, str) or not all(
        isinstance(extension, str) and extension.startswith(".")
        for extension in extensions
    ):
        raise ValueError(
            f"extensions={extensions!r} must be a sequence of strings that start with "
            'a dot. Pass e.g. extensions=(".wav", ".mp3").'
        )
    return tuple(extension.lower() for extension in extensions)


def load_folder(directory, *, extensions=AUDIO_EXTENSIONS):
    """List the audio files of a directory that has one sub-folder per class.

    Files in nested folders belong to the class of the outermost sub-folder. Files
    outside the sub-folders, and hidden files and folders (their names start with a
    dot), are left out.

    Parameters
    ----------
    directory : str or path-like
        The directory with the sub-folders, whose names are the classes.
    extensions : sequence of str, default=(".wav", ".flac", ".ogg", ".opus", ".mp3", \
".aiff", ".aif", ".au", ".m4a", ".aac", ".wma")
        File extensions to list, with the dot, in lower or upper case.

    Returns
    -------
    bunch : Bunch
        With the attributes

        - paths : list of str, length n_clips. The files, sorted by class and path.
        - target : ndarray of str of shape (n_clips,). The class of each file.
        - target_names : list of str. The classes, sorted.
        - DESCR : str. Summary of the files.

    Raises
    ------
    FileNotFoundError
        If there is no such directory.
    NotADirectoryError
        If `directory` is a file.
    ValueError
        If the directory has no sub-folders, if they hold no audio files, or if an item
        of `extensions` does not start with a dot.

    Warns
    -----
    UserWarning
        If a sub-folder holds no audio files; it does not become a class.

    See Also
    --------
    load_table : Labels in a CSV file or a DataFrame.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sktag.datasets import load_folder
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     for name in ("rock/b.wav", "rock/live/a.wav", "waltz/c.wav"):
    ...         path = Path(directory, name)
    ...         path.parent.mkdir(parents=True, exist_ok=True)
    ...         path.touch()
    ...     mine = load_folder(directory)
    >>> [Path(path).name for path in mine.paths]
    ['b.wav', 'a.wav', 'c.wav']
    >>> mine.target.tolist()
    ['rock', 'rock', 'waltz']
    """
    extensions = _check_extensions(extensions)
    directory = Path(directory)
    if not directory.is_dir():
        error = NotADirectoryError if directory.exists() else FileNotFoundError
        raise error(
            f"'{directory}' is not a directory. Pass the directory that holds one "
            "sub-folder per class."
        )
    folders = sorted(
        folder
        for folder in directory.iterdir()
        if folder.is_dir() and not folder.name.startswith(".")
    )
    if not folders:
        raise ValueError(
            f"'{directory}' has no sub-folders, which would be the classes. Move the "
            "files of each class to a folder of its own, or list files and labels "
            "in a table and use load_table."
        )
    files = {folder.name: audio_files(folder, extensions) for folder in folders}
    empty = [name for name, found in files.items() if not found]
    if len(empty) == len(folders):
        raise ValueError(
            f"The {len(folders)} sub-folders of '{directory}' hold no files that end "
            f"in {', '.join(extensions)}. Pass the extensions of your files."
        )
    for name in empty:
        warn(
            f"The sub-folder '{directory / name}' holds no audio files and is left "
            "out. Remove it, or pass the extensions of its files."
        )
    names = [name for name in files if name not in empty]
    paths = [str(path) for name in names for path in files[name]]
    return Bunch(
        paths=paths,
        target=np.repeat(names, [len(files[name]) for name in names]),
        target_names=names,
        DESCR=f"{len(paths)} audio files in {len(names)} classes from '{directory}'.",
    )


def load_table(
    csv,
    file_column,
    label_columns,
    root=None,
    *,
    offset_column=None,
    duration_column=None,
    group_column=None,
    split_column=None,
):
    r"""List the audio files and labels of a table.

    Parameters
    ----------
    csv : str, path-like or DataFrame
        A table with a header and one row per clip: the path of a CSV file in UTF-8 or
        UTF-16, separated by commas, semicolons or tabs; or a DataFrame. If numbers are
        separated by semicolons, they may have a decimal comma.
    file_column : str
        The column of the audio files' paths.
    label_columns : str or sequence of str
        The column of the labels; or a sequence of numeric columns, one per tag (0 and
        1, or false and true; empty where not annotated) or per value to predict.
    root : str, path-like or None, default=None
        The directory that relative paths start from. None means the directory of the
        CSV file, or the working directory for a DataFrame.
    offset_column : str, default=None
        The column of the clips' starts in their files, in seconds; 0 where empty.
    duration_column : str, default=None
        The column of the clips' durations, in seconds; where empty, a clip lasts to the
        end of its file.
    group_column : str, default=None
        The column of the groups (an artist, a recording) that a split must not part.
    split_column : str, default=None
        The column of the parts, such as "train" and "test", or of the folds.

    Returns
    -------
    bunch : Bunch
        With the attributes

        - paths : list of str, length n_clips. The files, in the table's order.
        - target : ndarray. For a single column, of shape (n_clips,): numbers if
          every label is a finite number (int if all are whole, otherwise float; true
          and false are 1 and 0), otherwise strings. Numbers with a leading zero, such
          as "01", are strings, and so are all labels beside them. For a sequence of
          columns, of shape (n_clips, n_columns): int if all numbers are whole, as in
          an indicator matrix of tags, otherwise float, with NaN for empty cells.
        - target_names : list of str. The classes, sorted, if the labels are strings;
          otherwise the names of the columns.
        - data : DataFrame with the columns path, offset and duration, which is the X of
          :class:`sktag.RawWave`. Only with `offset_column` or `duration_column`; needs
          pandas.
        - groups : ndarray of shape (n_clips,). Only with `group_column`; for `fit` and
          cross-validation.
        - split : ndarray of shape (n_clips,). Only with `split_column`.
        - DESCR : str. Summary of the files.

    Raises
    ------
    FileNotFoundError
        If the CSV file or one of the audio files does not exist.
    ValueError
        If the file has another encoding, if a column is missing, if the table has no
        rows, if a cell in one of these columns is empty that must not be, or if a cell
        in a numeric column is not a number.

    See Also
    --------
    load_folder : One folder per class.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sktag.datasets import load_table
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     for name in ("a.wav", "b.wav"):
    ...         Path(directory, name).touch()
    ...     table = Path(directory, "songs.csv")
    ...     _ = table.write_text(
    ...         "file,mood,bpm,piano\na.wav,calm,71.5,1\nb.wav,happy,124,0\n"
    ...     )
    ...     moods = load_table(table, "file", "mood")
    ...     tempi = load_table(table, "file", "bpm")
    ...     tags = load_table(table, "file", ["piano"])
    >>> [Path(path).name for path in moods.paths]
    ['a.wav', 'b.wav']
    >>> moods.target.tolist(), tempi.target.tolist(), tags.target.tolist()
    (['calm', 'happy'], [71.5, 124.0], [[1], [0]])
    """
    single = isinstance(label_columns, str)
    labels = [label_columns] if single else list(label_columns)
    if not labels:
        raise ValueError(
            f"label_columns={label_columns!r} must name at least one column. Pass the "
            "column of the labels, or a list of columns."
        )
    times = {"offset": offset_column, "duration": duration_column}
    others = {"groups": group_column, "split": split_column}
    extra = [name for name in (*times.values(), *others.values()) if name is not None]
    columns, name = read_columns(csv, file_column, [*labels, *extra])
    if root is None:
        root = Path() if hasattr(csv, "columns") else Path(csv).parent
    paths = [Path(root, text) for text in columns[file_column].filled()]
    missing = [path for path in paths if not path.is_file()]
    if missing:
        raise FileNotFoundError(
            f"{len(missing)} of the {len(paths)} files in {name} do not exist, the "
            f"first of them '{missing[0]}'. Pass the directory that their paths start "
            "from as root."
        )
    if single:
        target = as_labels(columns[label_columns])
        is_text = target.dtype.kind == "U"
        target_names = np.unique(target).tolist() if is_text else [label_columns]
    else:
        target = np.array([as_numbers(columns[label]) for label in labels]).T
        target_names = [str(label) for label in labels]
    bunch = Bunch(
        paths=[str(path) for path in paths],
        target=target,
        target_names=target_names,
        DESCR=f"{len(paths)} audio files listed in {name}, with {labels} as target.",
    )
    for key, column in others.items():
        if column is not None:
            bunch[key] = as_labels(columns[column])
    if offset_column is not None or duration_column is not None:
        bunch.data = _segments(bunch.paths, times, columns)
    return bunch


def _segments(paths, times, columns):
    """Return the clips as a DataFrame of path, offset and duration."""
    try:
        import pandas as pd
    except ImportError as error:
        raise ImportError(
            "offset_column and duration_column give a DataFrame, which needs pandas: "
            "pip install pandas."
        ) from error
    frame = {"path": paths}
    for key, column in times.items():
        empty = 0.0 if key == "offset" else np.nan
        frame[key] = np.full(len(paths), empty)
        if column is not None:
            frame[key] = as_seconds(columns[column], key, empty)
    return pd.DataFrame(frame)
