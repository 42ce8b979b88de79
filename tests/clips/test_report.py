"""Notes about files: at once, or gathered."""

import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import count

import pytest

from sktag.clips import _report
from sktag.clips._report import note, one_report

_numbers = count()


@pytest.fixture
def key():
    """A file that no other test has noted."""
    return f"file {next(_numbers)}"


def messages(*calls):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for call in calls:
            call()
    assert all(w.filename == __file__ for w in caught)
    return [str(w.message) for w in caught]


def test_note_outside_of_a_report_warns_once_of_each_file(key):
    def repaired():
        note(key, "repaired", "'a' was cut.")

    def sound():
        note(key, "ok")

    assert messages(repaired, repaired, sound) == ["'a' was cut."]


def test_note_in_a_report_is_gathered_from_all_threads(key):
    def noted(i):
        note((key, i), "repaired" if i < 7 else "ok", f"'{i}' was cut.")
        note((key, i), "ok")

    def read():
        with one_report(), one_report(), ThreadPoolExecutor(4) as pool:
            list(pool.map(noted, range(20)))

    [message] = messages(read)
    lines = message.splitlines()
    assert lines[0] == "Files: 7 repaired, 13 ok."
    assert len(lines) == 1 + _report._N_NAMED + 1
    assert lines[-1] == "and 2 more."


def test_report_names_the_worst_of_a_file_and_failures_first(key):
    def read():
        with one_report():
            note((key, 1), "suspect", "'b' is loud.")
            note((key, 0), "suspect", "'a' is loud.")
            note((key, 0), "failed", "'a' is no sound.")

    expected = "Files: 1 failed, 1 suspect.\n'a' is no sound.\n'b' is loud."
    assert messages(read, read) == [expected]


def test_report_has_a_row_for_each_file(key):
    report = one_report()

    def read():
        with report:
            note((key, 0), "ok")
            note((key, 1), "failed", "'a' is no sound.")

    assert len(messages(read)) == 1
    assert report.rows == (
        ((key, 0), "ok", ""),
        ((key, 1), "failed", "'a' is no sound."),
    )


def test_report_of_sound_files_says_nothing(key):
    with one_report():
        note(key, "ok")


def test_report_that_an_error_leaves_says_nothing_and_forgets(key):
    def failing():
        with suppress(KeyError), one_report():
            note(key, "repaired", "'a' was cut.")
            raise KeyError

    def empty():
        with one_report():
            pass

    assert messages(failing, empty) == []


def test_report_holds_no_more_files_than_its_bound(key, monkeypatch):
    monkeypatch.setattr(_report, "_MEMORY_SIZE", 10)

    def read():
        with one_report():
            for i in range(50):
                note((key, i), "failed", f"'{i}' is no sound.")

    [message] = messages(read)
    assert message.startswith("Files: 10 failed.")
