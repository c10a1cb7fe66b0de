"""A tree against a model: every fault at once, each a sentence with path, value and place.

Two rounds: pydantic names the faults of single places; what is faulty is then left out, so that the rules between places (`Rule`) are
asked about the rest, and nobody mends a file twice.
"""

import difflib
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Generic, NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from anchorwatch.contract.reading import PROBLEMS_MAX, Path, Places, printable, shown_path
from anchorwatch.contract.values import NOTHING, Plain

M = TypeVar("M", bound=BaseModel)
Fault = tuple[Path, str]  # where, what is wrong and what to do
ROUNDS_MAX = 5  # a faulty needed key takes its parent with it in the next round


class Rule(NamedTuple, Generic[M]):
    """What one place says about another. Not asked while one of the paths it `needs` is faulty itself."""

    needs: tuple[Path, ...]
    check: Callable[[M], Iterable[Fault]]


class Kind(NamedTuple, Generic[M]):
    """One kind of file."""

    model: type[M]
    rules: tuple[Rule[M], ...]
    removed: Mapping[Path, str]  # keys that were, or that people bring from elsewhere; "*" is any -> what to write instead
    placeholders: Mapping[str, Any]  # for needed keys that are faulty, so that the rest can be looked at
    secret: Callable[[Path], bool] = lambda _path: False  # values never to be shown


def validate(kind: Kind[M], tree: Any, places: Places, context: Mapping[str, Any] | None = None) -> tuple[M | None, list[str]]:
    """The value when nothing is wrong, and the problems in the order of the file."""
    faults: list[Fault] = []
    found, errors = _try(kind.model, tree, context)
    faults += [(_path(error), _reason(kind, error, tree)) for error in errors]
    partial, gone, rest = found, set[Path](), tree
    for _ in range(ROUNDS_MAX):
        if partial is not None:
            break
        rest, gone = _without_faulty(kind, rest, errors, gone)
        partial, errors = _try(kind.model, rest, context)
    if partial is not None:
        for rule in kind.rules:
            if not any(_touch(need, path) for need in rule.needs for path in gone):
                faults += rule.check(partial)
    faults.sort(key=lambda fault: places.rank(fault[0]))
    return (found if not faults else None), [sentence(kind, fault, tree, places) for fault in faults[:PROBLEMS_MAX]]


def sentence(kind: Kind[M], fault: Fault, tree: Any, places: Places) -> str:
    path, reason = fault
    value = value_at(tree, path)
    shown = ""
    if isinstance(value, (str, int, float, bool)) and value != "":
        text = "***" if kind.secret(path) else printable(str(value).lower() if isinstance(value, bool) else str(value))
        shown = f" = {text}"
    return f"{shown_path(path)}{shown}: {reason} ({places.where(path)})"


def value_at(tree: Any, path: Path) -> Any:
    for step in path:
        there = step in tree if isinstance(tree, dict) else isinstance(tree, list) and isinstance(step, int) and step < len(tree)
        if not there:
            return None
        tree = tree[step]
    return tree


def nearest(word: str, known: Iterable[str]) -> str:
    """`; did you mean "by"?` or the short list of what there is."""
    names = sorted(known)
    if close := difflib.get_close_matches(word, names, n=1, cutoff=0.6):
        return f'did you mean "{close[0]}"?'
    return "known: " + ", ".join(names[:20]) + (", …" if len(names) > 20 else "")


def _try(model: type[M], tree: Any, context: Mapping[str, Any] | None) -> tuple[M | None, list[ErrorDetails]]:
    try:
        return model.model_validate(tree, context=dict(context or {})), []
    except ValidationError as error:
        return None, error.errors(include_url=False)


def _path(error: ErrorDetails) -> Path:
    loc = error["loc"]
    return loc[:-1] if loc and loc[-1] == "[key]" else loc


def _reason(kind: Kind[M], error: ErrorDetails, tree: Any) -> str:
    path = _path(error)
    value = value_at(tree, path)
    match error["type"]:
        case "extra_forbidden":
            return _unknown(kind, path)
        case "missing":
            return _missing(kind, path)
        case "value_error":
            return ("as a key: " if error["loc"][-1:] == ("[key]",) else "") + str(error["ctx"]["error"])
        case _ if isinstance(value, Plain) and value in NOTHING:
            return "nothing is written here; fill it in or leave the key out"
        case "literal_error":
            expected = str(error["ctx"]["expected"])
            return "must be " + expected.replace("'", "")
        case "model_type" | "dict_type":
            first = next(iter(kind.model.model_fields))
            return (
                "must be a mapping (key: value)"
                if path
                else f"must be a mapping: lines of key: value, of which `{first}: …` may be the first"
            )
        case "tuple_type":
            return "must be a list: [first, second]"
        case "too_long":
            return f"must have at most {error['ctx']['max_length']} entries"
        case "too_short":
            return f"must have at least {error['ctx']['min_length']} entries"
    return error["msg"]


def _unknown(kind: Kind[M], path: Path) -> str:
    for pattern, instead in kind.removed.items():
        if len(pattern) == len(path) and all(want in ("*", step) for want, step in zip(pattern, path, strict=True)):
            return f"is not a key; {instead}"
    model = model_at(kind.model, path[:-1])
    return f"unknown key; {nearest(str(path[-1]), model.model_fields if model else ())}"


def _missing(kind: Kind[M], path: Path) -> str:
    if isinstance(path[-1], int):
        return "is missing; write [from, to]"
    model = model_at(kind.model, path[:-1])
    field = model.model_fields.get(path[-1]) if model else None
    return "is needed" + (f": {field.description}" if field and field.description else "")


def model_at(model: type[BaseModel], path: Path) -> type[BaseModel] | None:
    """The model whose fields are the keys at this path; None where there is none."""
    at: Any = model
    for step in path:
        if isinstance(at, _Each):
            at = at.inner
        elif isinstance(at, type) and issubclass(at, BaseModel) and (field := at.model_fields.get(str(step))):
            at = _inner(field.annotation)
        else:
            return None
    return at if isinstance(at, type) and issubclass(at, BaseModel) else None


class _Each(NamedTuple):
    """The annotation of a mapping's or list's entries."""

    inner: Any


def _inner(annotation: Any) -> Any:
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return _inner(arguments[0])
    if origin in (typing.Union, types.UnionType):
        return _inner(next(argument for argument in arguments if argument is not type(None)))
    if origin is dict:
        return _Each(_inner(arguments[1]))
    if origin is tuple:
        return _Each(_inner(arguments[0]))
    return annotation


def _touch(one: Path, other: Path) -> bool:
    n = min(len(one), len(other))
    return one[:n] == other[:n]


def _without_faulty(kind: Kind[M], tree: Any, errors: Iterable[ErrorDetails], gone: set[Path]) -> tuple[Any, set[Path]]:
    """The tree without what is faulty, and all that was left out. Whole lists go: paths of what stays must not shift."""
    gone = set(gone)
    for error in errors:
        path = error["loc"][:-1] if error["type"] == "missing" or error["loc"][-1:] == ("[key]",) else error["loc"]
        first_index = next((n for n, step in enumerate(path) if isinstance(step, int)), len(path))
        gone.add(path[:first_index] or error["loc"])
    rest = _drop(tree, gone, ()) if isinstance(tree, dict) else {}
    placed = {key: value for key, value in kind.placeholders.items() if key not in rest}
    return {**rest, **placed}, gone | {(key,) for key in placed}


def _drop(tree: dict[str, Any], gone: set[Path], path: Path) -> dict[str, Any]:
    return {
        key: _drop(value, gone, (*path, key)) if isinstance(value, dict) else value
        for key, value in tree.items()
        if (*path, key) not in gone
    }
