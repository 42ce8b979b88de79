"""The code of users' functions and classes, for comparison between runs.

A pickle has only their names, so that a changed body would go unnoticed. Followed are
what a function calls, as far as it is the user's and is found by name: functions and
classes in its globals, defaults and closure, and in modules of the user. Code of
installed packages is left out.
"""

import pickle
import sys
import sysconfig
from dis import get_instructions
from functools import cached_property
from inspect import iscode, isfunction, ismodule
from pathlib import Path

_INSTALLED = tuple(
    {
        sysconfig.get_paths()[name]
        for name in ("stdlib", "platstdlib", "purelib", "platlib")
    }
    | {str(Path(__file__).parents[1])}
)
_CONSTANTS = (str, bytes, int, float, complex, type(None), type(...))


def code_of(value):
    """Return the code of all users' functions and classes that a pickle names."""
    finder = _Finder()
    finder.dump(value)
    return finder.found


def code_of_class(cls):
    """Return the code of a class, which need not be one that can be pickled."""
    finder = _Finder()
    finder.visit(cls)
    return finder.found


class _Nowhere:
    def write(self, data):
        return len(data)


class _Finder(pickle.Pickler):
    """Pickles to nowhere, and collects code on the way."""

    def __init__(self):
        # Arrays are not copied: their content has no code.
        super().__init__(_Nowhere(), protocol=5, buffer_callback=lambda buffer: None)
        self.found = []
        self._seen = {}

    def reducer_override(self, obj):
        """Collect the code of a function or class; pickle it as usual."""
        self.visit(obj)
        return NotImplemented

    def visit(self, obj):
        """Collect the code of an object that is a user's function or class."""
        is_code = isfunction(obj) or isinstance(obj, type)
        if not is_code or id(obj) in self._seen or not _is_users(obj):
            return
        self._seen[id(obj)] = obj  # kept, or another object may get its id
        name = f"{obj.__module__}.{obj.__qualname__}"
        if isfunction(obj):
            self.found.append((name, self._function(obj)))
            return
        codes = [f.__code__ for f in vars(obj).values() if isfunction(f)]
        stored = {name for code in codes for name in _stored(code)}
        members = [
            (key, self._part(member))
            for key, member in sorted(vars(obj).items())
            if isfunction(member) or not (key.startswith("__") or key in stored)
        ]
        self.found.append((name, members))
        for base in obj.__bases__:
            self.visit(base)

    def _part(self, value):
        """Return what can be compared of a member or variable; visit its code."""
        if isinstance(value, staticmethod | classmethod):
            value = value.__func__
        if isinstance(value, property):
            return [self._part(f) for f in (value.fget, value.fset, value.fdel)]
        if isinstance(value, cached_property):
            value = value.func
        if isinstance(value, tuple | list):
            return [self._part(item) for item in value]
        if isinstance(value, _CONSTANTS):
            return repr(value)
        is_code = isfunction(value) or isinstance(value, type)
        self.visit(value if is_code else type(value))
        return None

    def _function(self, function):
        code, scope = function.__code__, function.__globals__
        names = _names(code)
        used = [scope[n] for n in names if n in scope and n not in _stored(code)]
        for module in filter(ismodule, used):
            if _is_users_file(getattr(module, "__file__", None)):
                used += [getattr(module, n) for n in names if hasattr(module, n)]
        cells = [c.cell_contents for c in function.__closure__ or () if _is_full(c)]
        defaults = [
            *(function.__defaults__ or ()),
            *(function.__kwdefaults__ or {}).values(),
        ]
        return _plain(code), [self._part(value) for value in used + cells + defaults]


def _is_full(cell):
    """Tell whether a variable of a closure is assigned."""
    try:
        return cell.cell_contents is not None
    except ValueError:
        return False


def _is_users(obj):
    if isfunction(obj):
        return _is_users_file(obj.__code__.co_filename)
    if obj.__module__ in sys.builtin_module_names:
        return False
    return _is_users_file(getattr(sys.modules.get(obj.__module__), "__file__", None))


def _is_users_file(path):
    # Without a file, it was typed.
    return path is None or not path.startswith((*_INSTALLED, "<frozen"))


def _names(code):
    """Return the names that code uses, that of inner functions included."""
    inner = [name for c in code.co_consts if iscode(c) for name in _names(c)]
    return sorted({*code.co_names, *inner})


def _stored(code):
    """Return the attributes and globals that code assigns: state, such as counters."""
    assigns = ("STORE_ATTR", "STORE_GLOBAL")
    found = {i.argval for i in get_instructions(code) if i.opname in assigns}
    return found.union(*(_stored(c) for c in code.co_consts if iscode(c)))


def _plain(code):
    return code.co_code, [_constant(c) for c in code.co_consts], code.co_names


def _constant(value):
    if iscode(value):
        return _plain(value)
    if isinstance(value, frozenset):  # its order is another in each process
        return sorted(map(repr, value))
    return repr(value)
