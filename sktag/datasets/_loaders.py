"""Loaders for your own recordings. They list files and labels, and read no audio.

- Errors on disk or in the table are reported here, with their place, and not in the
  middle of a fit.
- The order of the files is the same on every machine.
- They need no package for tables, but accept DataFrames of pandas and polars.
"""

import csv
from pathlib import Path

import numpy as np
from sklearn.utils import Bunch

from sktag._messages import did_you_mean, warn
from sktag.clips._files import AUDIO_EXTENSIONS, audio_files


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
    extensions : sequence of str, default=(".wav", ".flac", ".ogg", ".mp3", ".aiff", \
".aif", ".au")
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


def _read_csv(path):
    """Read the header, the rows and the place of each row of a CSV or TSV file."""
    delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, delimiter=delimiter)
        header = [name.strip() for name in next(reader, [])]
        rows, places = [], []
        for row in reader:
            if not any(cell.strip() for cell in row):
                continue
            place = f"line {reader.line_num}"
            if len(row) != len(header):
                raise ValueError(
                    f"'{path}', {place}: {len(row)} cells, but the header has "
                    f"{len(header)} columns. Put quotes around cells with a "
                    f"{'tab' if delimiter == chr(9) else 'comma'}."
                )
            rows.append(row)
            places.append(place)
    return header, rows, places


def _read_columns(table, wanted):
    """Read some columns as lists, the place of each row, and the table's name."""
    if hasattr(table, "columns"):
        name, header = "the DataFrame", list(table.columns)
        places = [f"row {i} (the first is 0)" for i in range(len(table))]
    else:
        path = Path(table)
        if not path.is_file():
            raise FileNotFoundError(
                f"There is no file '{path}'. Pass the path of a CSV file, or a "
                "DataFrame."
            )
        header, rows, places = _read_csv(path)
        name = f"'{path}'"
    for column in wanted:
        count = header.count(column)
        if count != 1:
            what = (
                f"{count} columns {column!r} instead of one"
                if count
                else (f"no column {column!r}")
            )
            hint = "" if count else did_you_mean(column, header)
            raise ValueError(f"{name} has {what}. Its columns are {header}.{hint}")
    if not places:
        raise ValueError(f"{name} has no rows. Add one per audio file.")
    if hasattr(table, "columns"):
        columns = [list(table[column]) for column in wanted]
    else:
        columns = [[row[header.index(column)] for row in rows] for column in wanted]
    return columns, places, name


def _text(cell):
    """Return a cell as text; empty for None, NaN and pandas.NA."""
    if cell is None or str(cell) in ("nan", "<NA>", "NaT"):
        return ""
    return str(cell).strip()


def _number(text):
    """Return the number in a text, or None; "True" and "False" are 1 and 0."""
    if text.lower() in ("true", "false"):
        return int(text.lower() == "true")
    try:
        value = float(text)
    except ValueError:
        return None
    if "_" in text or not np.isfinite(value):
        return None
    return int(value) if value.is_integer() and abs(value) < 2**53 else value


def load_table(csv, file_column, label_columns, root=None):
    r"""List the audio files and labels of a table.

    Parameters
    ----------
    csv : str, path-like or DataFrame
        A table with a header and one row per audio file: the path of a CSV file in
        UTF-8 (separated by tabs if it ends in `.tsv`), or a DataFrame.
    file_column : str
        The column of the audio files' paths.
    label_columns : str or sequence of str
        The column of the labels; or a sequence of numeric columns, one per tag (0 and
        1, or false and true) or per value to predict.
    root : str, path-like or None, default=None
        The directory that relative paths start from. None means the directory of the
        CSV file, or the working directory for a DataFrame.

    Returns
    -------
    bunch : Bunch
        With the attributes

        - paths : list of str, length n_clips. The files, in the table's order.
        - target : ndarray. For a single column, of shape (n_clips,): numbers if
          every label is a finite number (int if all are whole, otherwise float; true
          and false are 1 and 0), otherwise strings. For a sequence of columns, of
          shape (n_clips, n_columns): int if all numbers are whole, as in an indicator
          matrix of tags, otherwise float.
        - target_names : list of str. The classes, sorted, if the labels are strings;
          otherwise the names of the columns.
        - DESCR : str. Summary of the files.

    Raises
    ------
    FileNotFoundError
        If the CSV file or one of the audio files does not exist.
    ValueError
        If a column is missing, if the table has no rows, if a cell in these columns is
        empty, or if a label in a sequence of columns is not a number.

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
    (files, *columns), places, name = _read_columns(csv, [file_column, *labels])
    for column, cells in zip([file_column, *labels], [files, *columns], strict=True):
        for place, cell in zip(places, cells, strict=True):
            if not _text(cell):
                raise ValueError(
                    f"{name}, {place}: the cell in column {column!r} is empty. Fill "
                    "it in, or remove the row."
                )
    if root is None:
        root = Path() if hasattr(csv, "columns") else Path(csv).parent
    paths = [Path(root, _text(cell)) for cell in files]
    missing = [path for path in paths if not path.is_file()]
    if missing:
        raise FileNotFoundError(
            f"{len(missing)} of the {len(paths)} files in {name} do not exist, the "
            f"first of them '{missing[0]}'. Pass the directory that their paths start "
            "from as root."
        )
    texts = [[_text(cell) for cell in cells] for cells in columns]
    numbers = [[_number(text) for text in column] for column in texts]
    if single and None in numbers[0]:
        target = np.array(texts[0])
        target_names = sorted(set(texts[0]))
    else:
        for label, column, values in zip(labels, texts, numbers, strict=True):
            if None in values:
                row = values.index(None)
                raise ValueError(
                    f"{name}, {places[row]}: {column[row]!r} in column {label!r} is "
                    "not a finite number, as several label columns must be. For a "
                    "column of class names, pass label_columns as one string."
                )
        target = np.array(numbers[0]) if single else np.array(numbers).T
        target_names = [str(label) for label in labels]
    return Bunch(
        paths=[str(path) for path in paths],
        target=target,
        target_names=target_names,
        DESCR=f"{len(paths)} audio files listed in {name}, with {labels} as target.",
    )
