"""JSON Schemas for editors, as a person would write them: pydantic's own speak of nulls that are refused and of milliseconds."""

from typing import Any

from pydantic import BaseModel

from anchorwatch.contract.values import DURATION_PATTERN, duration_text, size_text


def schema_of(model: type[BaseModel], name: str, title: str) -> dict[str, Any]:
    """JSON Schema 2020-12 of a file."""
    tidy = _tidied(model.model_json_schema())
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": name, **tidy, "title": title}


def _tidied(node: Any) -> Any:
    if isinstance(node, list):
        return [_tidied(each) for each in node]
    if not isinstance(node, dict):
        return node
    found = {key: _tidied(value) for key, value in node.items() if not (key == "title" and isinstance(value, str))}
    if found.get("default", "") is None:
        del found["default"]
    choices = [choice for choice in found.get("anyOf", ()) if choice != {"type": "null"}]
    if len(choices) > 1:
        found["anyOf"] = choices
    elif choices:
        del found["anyOf"]
        found = {**choices[0], **found}
    if found.get("type") == "string" and isinstance(found.get("default"), int):
        write = duration_text if found.get("pattern") == DURATION_PATTERN else size_text
        found["default"] = write(found["default"])
    return found
