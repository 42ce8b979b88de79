"""Functions and classes of users: what they do, and whether they can be pickled.

A pickle holds the name of a function or class, not what it does. The keys of caches and
checkpoints are made of pickles, so `code_of` is added to them.
"""

import pickle
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from dis import get_instructions
from functools import partial
from inspect import iscode, isfunction, ismodule
from itertools import chain
from types import CodeType, FunctionType, MethodType
from typing import Any

# They pickle functions by value, or pickle nothing.
_BY_VALUE = ("copy", "cloudpickle", "dill")
_INSTALLED = tuple(
    {sysconfig.get_paths()[name] for name in ("stdlib", "purelib", "platlib")}
)
_PLAIN = (bool, int, float, complex, str, bytes, type(None))


def code_of(*values: object) -> list[Any]:
    """Return the code of users' functions, classes and callable objects, as plain data.

    It includes defaults, constants with names in capitals, and the functions and
    classes that they name, of the same module and of others that are not installed.
    Other values have none.
    """
    return list(_codes(values, set()))


def _codes(values: Iterable[object], seen: set[int]) -> Iterator[Any]:
    """Yield the code of each value that has some and was not seen yet."""
    for value in values:
        if isinstance(value, list | tuple):
            yield from _codes(value, seen)
        elif isinstance(value, dict):
            yield from _codes(value.values(), seen)
        elif isinstance(value, partial):
            yield from _codes((value.func, *value.args, *value.keywords.values()), seen)
        elif isinstance(value, MethodType | staticmethod | classmethod):
            yield from _codes((value.__func__,), seen)
        elif isinstance(value, property):
            yield from _codes((value.fget,), seen)
        elif id(value) not in seen and not _is_own(value):
            seen.add(id(value))
            if isfunction(value):
                yield from _of_function(value, seen)
            elif isinstance(value, type):
                yield from _of_class(value, seen)
            elif callable(value) and isfunction(type(value).__call__):
                # An object: its pickle has its values, but not these.
                held = getattr(value, "__dict__", {}).values()
                held = [v for v in held if isfunction(v)]
                yield from _codes((type(value), *held), seen)


def _is_own(value: object) -> bool:
    owner = value if isfunction(value) or isinstance(value, type) else type(value)
    return (owner.__module__ or "").split(".")[0] in ("sktag", "builtins")


def _of_function(function: FunctionType, seen: set[int]) -> Iterator[Any]:
    code = function.__code__
    yield _plain(code)
    defaults = function.__defaults__ or (), (function.__kwdefaults__ or {}).values()
    yield [repr(v) for v in chain(*defaults) if isinstance(v, _PLAIN)]
    named = {name: function.__globals__.get(name) for name in _names(code)}
    for name, value in sorted(named.items()):
        if name.isupper() and isinstance(value, _PLAIN):
            yield name, repr(value)
        elif ismodule(value) and _is_users(value.__name__):
            yield from _codes([getattr(value, n, None) for n in sorted(named)], seen)
        elif (module := getattr(value, "__module__", None)) and (
            module == function.__module__ or _is_users(module)
        ):
            yield from _codes((value,), seen)
    # The function that a decorator wraps.
    yield from _codes((getattr(function, "__wrapped__", None),), seen)


def _is_users(module: str) -> bool:
    """Tell whether a module is neither of an installed package nor of Python."""
    if module.split(".")[0] == "sktag":
        return False
    path = getattr(sys.modules.get(module), "__file__", None)
    return path is not None and not path.startswith(_INSTALLED)


def _of_class(cls: type, seen: set[int]) -> Iterator[Any]:
    for base in cls.__mro__:
        if base.__module__ != cls.__module__ and not _is_users(base.__module__):
            continue
        methods = [v for v in vars(base).values() if isfunction(v)]
        # What methods assign is state, such as a counter.
        state = {name for method in methods for name in _assigned(method.__code__)}
        for name, value in sorted(vars(base).items()):
            if isinstance(value, _PLAIN):
                if not name.startswith("__") and name not in state:
                    yield name, repr(value)
            elif not isinstance(value, type):
                yield from _codes((value,), seen)


def _plain(code: CodeType) -> tuple[Any, ...]:
    """Return code without the lines it stands on."""
    constants = [_plain(c) if iscode(c) else _repr(c) for c in code.co_consts]
    return code.co_code, constants, code.co_names


def _repr(constant: object) -> str:
    # The order of a set differs from process to process.
    if isinstance(constant, frozenset):
        return repr(sorted(map(repr, constant)))
    return repr(constant)


def _assigned(code: CodeType) -> set[str]:
    """Return the names of the attributes that code assigns."""
    return {i.argval for i in get_instructions(code) if i.opname == "STORE_ATTR"}


def _names(code: CodeType) -> set[str]:
    """Return the names that code and the code inside of it look up."""
    inner = [_names(c) for c in code.co_consts if iscode(c)]
    return set(code.co_names).union(*inner)


def refuse_unpicklable(owner: str, values: Iterable[object]) -> None:
    """Raise an error if pickle cannot find one of these functions by its name."""
    for value in values:
        if isinstance(value, list | tuple):
            refuse_unpicklable(owner, value)
            continue
        value = value.func if isinstance(value, partial) else value
        name = getattr(value, "__qualname__", "")
        if "<" in name and not _is_by_value():
            raise pickle.PicklingError(
                f"{owner} has the function {name}, which cannot be pickled, since no "
                "other process would find it by this name: define it with def, outside "
                "of any function."
            )


def _is_by_value() -> bool:
    """Tell whether the running pickler keeps functions themselves, not their names."""
    frame = sys._getframe(1)
    while frame is not None:
        module = frame.f_globals.get("__name__") or ""
        if module.split(".")[0] in _BY_VALUE:
            return True
        frame = frame.f_back  # type: ignore[assignment]  # None ends the loop
    return False
