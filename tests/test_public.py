"""Every public name can be imported, and its documentation agrees with its code.

Public are the names in `sktag.__all__` and in the `__all__` of its public modules.
"""

import ast
import importlib
import inspect
import pkgutil
import re
from pathlib import Path

import pytest
import torch
from numpydoc.docscrape import NumpyDocString
from numpydoc.hooks.validate_docstrings import parse_config
from numpydoc.validate import validate
from sklearn.base import BaseEstimator
from sklearn.utils.estimator_checks import check_param_validation

import sktag

CHECKS = parse_config(Path(__file__).parents[1])
PUBLIC_TOO = {"GL08", "PR01", "PR02", "RT01", "SS05", "YD01"}  # see pyproject.toml
# Their public names are those of `sktag`; targets and training have none.
TOP_LEVEL_ONLY = {
    "clips",
    "estimators",
    "recipes",
    "targets",
    "training",
    "transformers",
}


def public_modules():
    names = [m.name for m in pkgutil.iter_modules(sktag.__path__)]
    public = [n for n in names if not n.startswith("_") and n not in TOP_LEVEL_ONLY]
    return ["sktag", *(f"sktag.{name}" for name in sorted(public))]


def public_objects():
    """Return the public classes and functions by the name users import them by."""
    found = {}
    for module_name in public_modules():
        module = importlib.import_module(module_name)
        for name in module.__all__:
            obj = getattr(module, name)
            is_documented = inspect.isclass(obj) or inspect.isfunction(obj)
            if is_documented and obj not in found.values():
                found[f"{module_name}.{name}"] = obj
    return found


def public_members(cls):
    """Return the names of the methods and properties that sktag gives a class."""
    names = []
    for name in dir(cls):
        owner = next((k for k in cls.__mro__ if name in vars(k)), None)
        if name.startswith("_") or owner is None:
            continue
        member = inspect.getattr_static(owner, name)
        function = getattr(member, "fget", None) or getattr(owner, name)
        # scikit-learn sets methods such as set_fit_request on the class itself.
        module = getattr(function, "__module__", None) or ""
        if callable(function) and module.startswith("sktag"):
            names.append(name)
    return names


def documented_parameters(obj):
    """Return the type line of each parameter in the docstring's Parameters section."""
    return {
        name.strip(): parameter.type
        for parameter in NumpyDocString(inspect.getdoc(obj) or "")["Parameters"]
        for name in parameter.name.split(",")
    }


OBJECTS = public_objects()
ESTIMATORS = {
    name: obj
    for name, obj in OBJECTS.items()
    if inspect.isclass(obj) and issubclass(obj, BaseEstimator)
}
DOCUMENTED = [
    *OBJECTS,
    *(
        f"{name}.{member}"
        for name, obj in OBJECTS.items()
        if inspect.isclass(obj)
        for member in public_members(obj)
        if not CHECKS["exclude"].search(f"{name}.{member}")
    ),
]


@pytest.mark.parametrize("module_name", public_modules())
def test_all_of_each_public_module_names_what_is_there(module_name):
    module = importlib.import_module(module_name)
    assert module.__all__
    assert len(set(module.__all__)) == len(module.__all__)
    assert [name for name in module.__all__ if not hasattr(module, name)] == []
    assert (module.__doc__ or "").strip()


@pytest.mark.parametrize("name", DOCUMENTED)
def test_docstring_of_each_public_name_passes_numpydoc(name):
    checks = CHECKS["checks"] | PUBLIC_TOO
    errors = [error for error in validate(name)["errors"] if error[0] in checks]
    assert errors == []


@pytest.mark.parametrize("name", OBJECTS)
def test_defaults_in_the_docstring_are_those_of_the_signature(name):
    documented = documented_parameters(OBJECTS[name])
    signature = inspect.signature(OBJECTS[name]).parameters if documented else {}
    wrong = []
    for parameter, type_line in documented.items():
        said = re.search(r"\bdefault=(.+)$", type_line)
        if said and ast.literal_eval(said[1]) != signature[parameter].default:
            wrong.append(f"{parameter}: {said[0]} is not {signature[parameter]}")
    assert wrong == []


@pytest.mark.parametrize("name", ESTIMATORS)
def test_parameters_of_each_estimator_are_declared_alike_three_times(name):
    cls = ESTIMATORS[name]
    in_signature = list(inspect.signature(cls).parameters)
    assert list(documented_parameters(cls)) == in_signature
    assert sorted(cls._parameter_constraints) == sorted(in_signature)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_each_parameter_of_an_estimator_is_kept_as_given(name):
    cls = ESTIMATORS[name]
    given = {parameter: object() for parameter in inspect.signature(cls).parameters}
    if not given:
        pytest.skip("it has no parameters")
    kept = vars(cls(**given))
    assert {parameter: kept[parameter] for parameter in given} == given


@pytest.mark.parametrize("name", ESTIMATORS)
def test_parameter_of_a_wrong_type_is_refused_by_each_estimator(name):
    # A transformer of a network needs one.
    given = {"sktag.Embedder": (torch.nn.Linear(1, 1),)}.get(name, ())
    check_param_validation(name.rpartition(".")[2], ESTIMATORS[name](*given))


@pytest.mark.parametrize("name", ESTIMATORS)
def test_docstring_of_each_estimator_has_an_example_that_runs(name):
    assert ">>> " in "".join(
        NumpyDocString(inspect.getdoc(ESTIMATORS[name]))["Examples"]
    )


def test_reference_of_the_book_lists_every_public_name_once():
    page = (Path(__file__).parents[1] / "book" / "reference" / "api.md").read_text()
    listed = {}
    for block in page.split("currentmodule::"):
        module, _, rest = block.partition("\n")
        names = re.findall(r"^(?:   |\.\. py:data:: )(\w+)$", rest, flags=re.MULTILINE)
        listed.setdefault(module.strip(), []).extend(names)
    for name in public_modules():
        module = importlib.import_module(name)
        own = [x for x in module.__all__ if not inspect.ismodule(getattr(module, x))]
        assert sorted(listed[name]) == sorted(own)


def test_version_is_that_of_the_entry_to_cite():
    page = Path(__file__).parents[1] / "book" / "reference" / "cite.md"
    assert page.read_text(encoding="utf-8").count(sktag.__version__) == 2


def test_inspection_is_imported_when_it_is_asked_for():
    assert sktag.inspection.TimelineDisplay is not None
    with pytest.raises(AttributeError, match="has no attribute 'inspektion'"):
        _ = sktag.inspektion
