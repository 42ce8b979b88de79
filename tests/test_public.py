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
from numpydoc.docscrape import NumpyDocString
from numpydoc.hooks.validate_docstrings import parse_config
from numpydoc.validate import validate
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils.estimator_checks import check_param_validation

import sktag

CHECKS = parse_config(Path(__file__).parents[1])
PUBLIC_TOO = {"GL08", "PR01", "PR02", "RT01", "SS05", "YD01"}  # see pyproject.toml
# Sections whose entries read alike in all networks, but for these, which differ by the
# kind of network (1-D, 2-D, waveforms) or by what it predicts.
OF_THE_KIND = {
    "Parameters": {"architecture", "kernel_size", "pool_size", "dropout"},
    "Attributes": {"module_", "n_features_in_"},
}
OF_THE_TASK = {"Parameters": {"loss"}, "Attributes": {"module_"}}
# Their names are imported from `sktag`, or are for this package alone.
TOP_LEVEL_ONLY = {
    *("clips", "transformers", "estimators", "recipes"),
    *("targets", "training"),
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


def entries(obj, section):
    """Return type line and text of each entry in a section of a docstring."""
    found = NumpyDocString(inspect.getdoc(obj))[section]
    return {entry.name: (entry.type, "\n".join(entry.desc)) for entry in found}


OBJECTS = public_objects()
ESTIMATORS = {
    name: obj
    for name, obj in OBJECTS.items()
    if inspect.isclass(obj) and issubclass(obj, BaseEstimator)
}
NETWORKS = {
    name: cls
    for name, cls in ESTIMATORS.items()
    if issubclass(cls, ClassifierMixin | RegressorMixin)
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
def test_parameter_of_a_wrong_type_is_refused_by_each_estimator(name):
    check_param_validation(name.rpartition(".")[2], ESTIMATORS[name]())


@pytest.mark.parametrize("name", ESTIMATORS)
def test_docstring_of_each_estimator_has_an_example_that_runs(name):
    assert ">>> " in "".join(
        NumpyDocString(inspect.getdoc(ESTIMATORS[name]))["Examples"]
    )


@pytest.mark.parametrize("section", OF_THE_KIND)
def test_entries_that_networks_share_read_alike_in_their_docstrings(section):
    texts = {}
    for name, cls in NETWORKS.items():
        kind = re.sub("Classifier$|Regressor$", "", cls.__name__)
        task = "Classifier" if issubclass(cls, ClassifierMixin) else "Regressor"
        for entry, text in entries(cls, section).items():
            key = [entry]
            key += [kind] * (entry in OF_THE_KIND[section])
            key += [task] * (entry in OF_THE_TASK[section])
            texts.setdefault(tuple(key), {}).setdefault(text, []).append(name)
    assert len(texts) > 10
    differ = {key: list(by_text.values()) for key, by_text in texts.items()}
    assert {key: names for key, names in differ.items() if len(names) > 1} == {}
    # What may differ does: else it is taken off the lists.
    for entry in OF_THE_KIND[section] | OF_THE_TASK[section]:
        assert len({t for key, ts in texts.items() if key[0] == entry for t in ts}) > 1


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
