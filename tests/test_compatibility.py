"""A schema that breaks readers is refused: when a design is written anew, and before the lab starts one."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_integration_architect.artifacts.build import build_folder
from data_integration_architect.artifacts.compatibility import breaking_changes, refused
from data_integration_architect.artifacts.files import Artifact, write_folder
from data_integration_architect.errors import RefusedPath
from data_integration_architect.given import Given
from data_integration_architect.lab.packages import LabError
from data_integration_architect.lab.schemas import refuse_broken_schemas
from data_integration_architect.lab.stack import new_stack
from data_integration_architect.use_cases import generate_design
from support import ROOT

ORDER = {"type": "object", "required": ["id"], "properties": {"id": {"type": "string"}, "note": {"type": "string"}}}


def changed(**properties: object) -> dict[str, object]:
    return {**ORDER, "properties": {**ORDER["properties"], **properties}}


@pytest.mark.parametrize(
    ("new", "backward", "forward"),
    [
        (changed(size={"type": "integer"}), [], []),
        ({**changed(size={"type": "integer"}), "required": ["id", "size"]}, ["size may be missing"], []),
        ({**ORDER, "properties": {"id": {"type": "string"}}}, [], []),
        ({**ORDER, "required": []}, [], ["id may be missing"]),
        (changed(id={"type": "integer"}), ["id may be string"], ["id may be integer"]),
        (changed(id={"type": ["string", "null"]}), [], ["id may be null"]),
        (changed(note={"enum": ["a", "b"]}), ["note may be anything"], []),
        (changed(note={"type": "string", "minLength": 3}), ["note may lie beyond minLength 3"], []),
        (changed(note={"type": "string", "pattern": "^a"}), ["note has another pattern"], []),
        ({**ORDER, "additionalProperties": False}, [], []),
        ({**ORDER, "properties": {"id": {"type": "string"}}, "additionalProperties": False}, ["note may be there"], []),
    ],
)
def test_what_breaks_whom(new: dict[str, object], backward: list[str], forward: list[str]) -> None:
    def said(mode: str) -> list[str]:
        return [line.partition(": ")[2] for line in breaking_changes(ORDER, new, mode)]  # type: ignore[arg-type]

    for mode, expected in (("backward", backward), ("forward", forward)):
        found = said(mode)
        assert len(found) == len(expected)
        assert all(line.startswith(start) for line, start in zip(found, expected, strict=True))
    assert sorted(said("full")) == sorted([*said("backward"), *said("forward")])
    assert not said("none")


KINDS = st.sampled_from([{"type": t} for t in ("string", "integer", "number", "null", ["string", "null"])])


@st.composite
def schemas(draw: st.DrawFn) -> dict[str, object]:
    """Objects of at most three fields; what is not named is not written."""
    names = draw(st.sets(st.sampled_from("abc"), min_size=1))
    found: dict[str, object] = {"type": "object", "properties": {name: draw(KINDS) for name in sorted(names)}}
    found["required"] = sorted(draw(st.sets(st.sampled_from(sorted(names)))))
    if draw(st.booleans()):
        found["additionalProperties"] = False
    return found


VALUES = {"string": "x", "integer": 3, "number": 1.5, "null": None}


@given(schemas(), schemas(), st.data())
@settings(max_examples=150, deadline=None)
def test_a_reader_that_refuses_nothing_takes_every_record(
    reader: dict[str, object], writer: dict[str, object], data: st.DataObject
) -> None:
    """Judged by another implementation: what `refused` lets pass, jsonschema accepts record by record."""
    if list(refused(reader, writer)):
        return
    properties: dict[str, dict[str, object]] = writer["properties"]  # type: ignore[assignment]
    record = {}
    for name, schema in properties.items():
        if name in writer["required"] or data.draw(st.booleans()):  # type: ignore[operator]
            kinds = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
            record[name] = VALUES[data.draw(st.sampled_from(kinds))]  # type: ignore[arg-type]
    jsonschema.validate(record, writer)
    jsonschema.validate(record, reader)


def test_a_design_that_would_break_readers_is_not_written_over_the_old_one(tmp_path: Path) -> None:
    path, folder = "schemas/orders.value.json", tmp_path / "design"
    write_folder(folder, [Artifact("a.txt", "old\n"), Artifact(path, json.dumps(ORDER))])
    key = {"type": "object", "required": ["order"], "properties": {"order": {}}}
    second = [Artifact("a.txt", "new\n"), Artifact(path, json.dumps(key))]
    with pytest.raises(RefusedPath, match=r"breaks readers: schemas/orders\.value\.json: .*order may be missing"):
        write_folder(folder, second)
    assert (folder / "a.txt").read_text(encoding="utf-8") == "old\n", "nothing is half written"
    fits = [Artifact("a.txt", "new\n"), Artifact(path, json.dumps(changed(size={"type": "integer"})))]
    assert write_folder(folder, fits).written == ("a.txt", path)
    assert write_folder(folder, second, force=True).written == (path,)


def test_the_lab_starts_no_design_whose_consumers_cannot_read_the_changed_schema(tmp_path: Path) -> None:
    example = ROOT / "examples" / "online-retailer.yaml"
    topology = Given(example.read_text(encoding="utf-8"), example.name)
    write_folder(tmp_path, build_folder(generate_design(topology), topology))
    refuse_broken_schemas(tmp_path)
    place = tmp_path / "schemas" / "product_changes.value.json"
    schema = json.loads(place.read_text(encoding="utf-8"))
    schema["properties"]["after"]["properties"] |= {"product_id": {"type": "string"}, "title": {"type": "string"}}
    place.write_text(json.dumps(schema), encoding="utf-8")
    refuse_broken_schemas(tmp_path)
    schema["properties"]["after"]["required"] = ["title"]
    place.write_text(json.dumps(schema), encoding="utf-8")
    stack = new_stack(tmp_path)
    stack.base.rmdir()
    with pytest.raises(LabError) as refusal:
        stack.up()
    assert str(refusal.value) == (
        "a changed schema breaks readers: "
        "schemas/product_changes.value.json: records that are there: after.title may be missing, and it is required; "
        "schemas/product_changes.value.json: the consumers here: after.product_id may be missing, and it is required"
    )
