"""A file is changed in place: what the data says changes, what a person wrote around it does not."""

import copy

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from data_integration_architect.files import dump_yaml, parse_text
from data_integration_architect.yaml_edit import edited

TEXT = """\
# head
stores:
  a: {technology: redis}  # quick
  # before b
  b:
    technology: "mysql"
steps:
  - write: a  # first
  # before the second
  - write: b
"""


def changed(change):
    data = copy.deepcopy(parse_text(TEXT).data)
    change(data)
    text = edited(TEXT, data)
    assert parse_text(text).data == data
    return text


def test_without_a_change_every_byte_stays():
    assert changed(lambda data: None) == TEXT


@pytest.mark.parametrize("change", [
    lambda d: d["stores"]["a"].update(technology="valkey"), lambda d: d["stores"].update(c={"technology": "kafka"}),
    lambda d: d["steps"].append({"read": "a"}), lambda d: d["steps"][1].update(write="a"),
    lambda d: d.update(scope="whole"),
])  # fmt: skip
def test_a_change_leaves_the_comments(change):
    text = changed(change)
    for comment in ("# head", "# quick", "# before b", "# first", "# before the second", '"mysql"'):
        assert comment in text


def test_what_goes_takes_only_its_own_comments():
    text = changed(lambda d: d["stores"].pop("a"))
    assert "# quick" not in text and "# before the second" in text


def test_what_is_no_mapping_is_not_edited():
    assert edited("- a\n", {}) is None and edited("a: [\n", {}) is None


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text("ab:# -'\"\n", max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", min_size=1, max_size=2), inner, max_size=3)
    ),
    max_leaves=12,
)
MAPPINGS = st.dictionaries(st.text("abc", min_size=1, max_size=2), VALUES, min_size=1, max_size=4)


@settings(deadline=None, max_examples=150)
@given(MAPPINGS, MAPPINGS)
@example({"a": None}, {"a": ":a"})
def test_the_data_is_what_was_asked_for_or_nothing(before, after):
    text = edited(dump_yaml(before), after)
    assert text is None or parse_text(text).data == after
