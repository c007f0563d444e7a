"""Files as people write them wrong: each mistake once, at its place, with what was allowed and the nearest word."""

import re

import pytest

from data_integration_architect.errors import InputError, UnknownName
from data_integration_architect.explain import explain, topology_schema
from data_integration_architect.files import decode, packaged_names, parse_text
from data_integration_architect.given import read_topology
from data_integration_architect.renderers.markdown import review_markdown
from data_integration_architect.renderers.text import review_text, short_review
from data_integration_architect.topology import load_topology
from data_integration_architect.topology.words import MEANT
from data_integration_architect.use_cases import generate_design, review, review_document
from support import ROOT, schema_words

EXAMPLES = [name for name in packaged_names("examples", ".yaml") if not name.endswith(".evidence")]
STORES = "stores: {pg: {technology: postgresql}, es: {technology: elasticsearch}}\n"
BASE = STORES + "channels: {k: {technology: kafka}}\nentities: {order: {key: id}}\n"


def step(text):
    return BASE + f"processes: {{api: {{handlers: {{save: {{steps: [{text}]}}}}}}}}\n"


def trigger(text):
    return BASE + f"processes: {{api: {{handlers: {{save: {{trigger: {text}}}}}}}}}\n"


STEP = "processes.api.handlers.save.steps[0]"
TRIGGER = "processes.api.handlers.save.trigger"

# Text → one (line, column, path, words of the message) for each problem, in the order of their places.
WRONG = {
    "several mistakes in one step": (
        step("{write: pgg, entity: ordr, mode: 7, retry: {attempts: many}}"),
        [
            (4, 46, f"{STEP}.write", "unknown store 'pgg'; did you mean 'pg'? allowed: es, pg"),
            (4, 58, f"{STEP}.entity", "unknown entity 'ordr'; did you mean 'order'? allowed: order"),
            (4, 72, f"{STEP}.mode", "7 is not allowed; allowed: insert, replace, merge"),
            (4, 89, f"{STEP}.retry.attempts", "'many' stands where a whole number is needed"),
        ],
    ),
    "the key of a step": (
        step("{wirte: pgg, entity: order, mod: replace}"),
        [
            (4, 46, f"{STEP}.wirte", "unknown attribute 'wirte' here; did you mean 'write'? a step has exactly one of"),
            (4, 46, f"{STEP}.wirte", "unknown store 'pgg'; did you mean 'pg'?"),
            (4, 73, f"{STEP}.mod", "unknown attribute 'mod' here; did you mean 'mode'? allowed: dead_letter, entity"),
        ],
    ),
    "another word for a step": (
        step("{publish: k, entity: order}"),
        [(4, 46, f"{STEP}.publish", "did you mean 'append'?")],
    ),
    "a step of no kind": (
        step("{entity: ordr}"),
        [(4, 45, STEP, "a step has exactly one of transaction, read, write, append, call, invalidate, such as {write")],
    ),
    "a step of two kinds": (
        step("{write: pg, read: es}"),
        [(4, 46, f"{STEP}.write", "read and write in one step; write a step for each")],
    ),
    "a step of nothing": (step("{write: }"), [(4, 45, STEP, "write says nothing (Store that is written)")]),
    "a step as text": (step("write pg"), [(4, 45, STEP, "'write pg' stands where a mapping of attributes is needed")]),
    "an attribute of elsewhere": (
        step("{write: pg, message_key: id}"),
        [(4, 57, f"{STEP}.message_key", "it is an attribute of channels.NAME.message_key; allowed: dead_letter")],
    ),
    "a store for a channel and the other way round": (
        step("{append: pg}, {write: k}, {read: k}, {invalidate: cache}"),
        [
            (4, 46, f"{STEP}.append", "'pg' is a store; use write (or call for an outside system)"),
            (4, 60, f"{STEP[:-3]}[1].write", "'k' is a channel; use append"),
            (4, 72, f"{STEP[:-3]}[2].read", "'k' is a channel; a store is needed; allowed: es, pg"),
            (4, 83, f"{STEP[:-3]}[3].invalidate", "unknown store 'cache'; allowed: es, pg; or add it to stores"),
        ],
    ),
    "one missing name in many places": (
        step("{write: db}, {read: db}") + "readers: [{reads: db}]\nsymptoms: [{in: db, kind: stale}]\n",
        [(4, 46, f"{STEP}.write", "unknown store 'db'; allowed: es, pg; or add it to stores (also in lines 4, 5, 6)")],
    ),
    "a misspelt group": (
        "store: {pg: {technology: postgresql}}\nentites: {order: {key: id}}\n"
        "proceses: {a: {handlers: {h: {steps: [{write: pg, entity: order}]}}}}\n",
        [
            (1, 1, "store", "unknown attribute 'store' here; did you mean 'stores'? allowed: caches"),
            (2, 1, "entites", "did you mean 'entities'?"),
            (3, 1, "proceses", "did you mean 'processes'?"),
        ],
    ),
    "a file of another kind": (
        "services: {db: {image: hunter2}}\ncontex: hunter2\n",
        [(1, 1, "services", "did you mean 'processes'?"), (2, 1, "contex", "did you mean 'context'?")],
    ),
    "a group as a list": (
        "stores: [pg, es]\nreaders: [{reads: pg}]\n",
        [(1, 1, "stores", "a list stands where a mapping from names is needed: write NAME:")],
    ),
    "an element as a word": (
        "stores: {pg: postgres}\nchannels: {k: kafka}\nentities: {order: id}\n",
        [
            (1, 10, "stores.pg", "'postgres' stands where a mapping of attributes is needed: write {technology"),
            (2, 12, "channels.k", "write {technology: kafka}"),
            (3, 12, "entities.order", "write {key: id}"),
        ],
    ),
    "brackets left out": (
        BASE + "readers: {reads: pgg}\ncontext: {skills: sql}\n",
        [
            (4, 1, "readers", "a mapping stands where a list is needed: write - before each entry"),
            (4, 11, "readers.reads", "unknown store or channel 'pgg'; did you mean 'pg'?"),
            (5, 11, "context.skills", "'sql' stands where a list is needed: write [sql]"),
        ],
    ),
    "units": (
        BASE + "readers: [{reads: pg, tolerates: 10 minutes, latency: 0.2}]\n"
        "jobs: {j: {from: pg, to: es, every: daily}}\ncontext: {growth: 10%}\n",
        [
            (4, 23, "readers[0].tolerates", "250ms, 5s, 15m, 24h, 30d, 6month, 1y; or none; did you mean 10m?"),
            (4, 46, "readers[0].latency", "0.2 is not a duration with its unit"),
            (5, 30, "jobs.j.every", "did you mean 24h?"),
            (6, 11, "context.growth", "'10%' is not a rate with its unit, such as 200/s, 40/min, 2/month, 10%/y"),
        ],
    ),
    "a word that is not of the list": (
        BASE + "readers: [{reads: pg, decides: money, access: search}]\nsymptoms: [{in: pg, kind: slow}]\n",
        [
            (4, 23, "readers[0].decides", "did you mean 'billing'? allowed: none, access, billing, stock"),
            (4, 39, "readers[0].access", "did you mean 'full-text'?"),
            (5, 21, "symptoms[0].kind", "did you mean 'stale'?"),
        ],
    ),
    "missing attributes": (
        BASE + "symptoms: [{in: pgg}]\ncaches: {c: {of: pgg}}\n",
        [
            (4, 12, "symptoms[0].kind", "is missing (What was seen)"),
            (4, 13, "symptoms[0].in", "unknown store or channel 'pgg'; did you mean 'pg'? allowed: es, k, pg (also in"),
            (5, 10, "caches.c.in", "is missing (Store that caches)"),
            (5, 10, "caches.c.invalidate", "is missing"),
        ],
    ),
    "a trigger as a word": (trigger("request"), [(4, 37, TRIGGER, "such as {request: true}")]),
    "another word for a trigger": (
        trigger("{schedule: 15m}"),
        [(4, 47, f"{TRIGGER}.schedule", "did you mean 'every'?")],
    ),
    "two triggers": (
        trigger("{consume: k, request: true}"),
        [(4, 47, f"{TRIGGER}.consume", "request and consume in one trigger; write a handler for each")],
    ),
    "a capture of a channel": (
        trigger("{changes: k}"),
        [(4, 47, f"{TRIGGER}.changes", "'k' is a channel; use consume")],
    ),
    "names that cannot be told apart": (
        STORES + "channels: {pg: {}}\nentities: {a.b: {}}\n"
        "processes: {p: {handlers: {h.i: {}}}}\njobs: {p: {from: pg, to: es, every: 1h}}\n",
        [
            (2, 12, "channels.pg", "'pg' is also the name of a store"),
            (3, 12, 'entities."a.b"', "a name here has no dot"),
            (4, 28, 'processes.p.handlers."h.i"', "a name here has no dot"),
            (5, 8, "jobs.p", "'p' is also a name in processes"),
        ],
    ),
    "replicas in a circle": (
        "stores: {a: {replica_of: b, lag: 5}, b: {replica_of: a}, c: {replica_of: c}}\n",
        [
            (1, 14, "stores.a.replica_of", "in a circle"),
            (1, 29, "stores.a.lag", "5 is not a duration"),
            (1, 42, "stores.b.replica_of", "in a circle"),
            (1, 62, "stores.c.replica_of", "name the store that it follows"),
        ],
    ),
    "unknown and misspelt": (
        "stores: {pg: {tecnology: unknown}}\n",
        [(1, 15, "stores.pg.tecnology", "did you mean 'technology'?")],
    ),
    "a space left out": (
        "stores: {pg: {technology:postgres}}\n",
        [(1, 15, "stores.pg.technology:postgres", "a space is missing after the colon: technology: postgres")],
    ),
    "keys that occur twice": (
        "stores:\n  pg: {technology: postgresql}\n  pg: {technology: mysql}\n",
        [(3, 3, "stores.pg", "this key occurs twice (first in line 2); keep one")],
    ),
    "a tab": ("stores:\n\tpg: {}\n", [(2, 1, "", "a tab; YAML is indented with spaces only")]),
    "a bracket left open": ("stores: {pg: {}\nreaders: []\n", [(2, 1, "", "the { at line 1, column 9 is not closed")]),
    "a quote left open": ('system: "shop\nstores: {}\n', [(3, 1, "", "the quote at line 1, column 9 is never closed")]),
    "a crooked line": (
        "stores:\n  pg:\n    technology: mysql\n   es: {}\n",
        [(4, 4, "", "this line does not begin in the column of its neighbours; the keys beside it begin at line 2")],
    ),
    "a colon left out": ("stores:\n  pg\n    technology: pg\n", [(3, 15, "", "is a colon missing in the line before")]),
    "a text with a sign": ("system: @shop\n", [(1, 9, "", "text that begins with '@' must stand in quotes")]),
    "comments in JSON": ('{\n  // stores\n  "stores": {}\n}\n', [(2, 3, "", "JSON has no comments")]),
    "a colon left out in JSON": ('{"stores": {"pg" {}}}', [(1, 18, "", "not valid JSON: expecting ':' delimiter")]),
    "nothing": ("# nothing\n", [(None, None, "", "the document is empty; begin with `stores:")]),
    "an empty mapping": ("{}\n", [(1, 1, "", "the document is empty; begin with `stores:")]),
    "the key of a topic": (
        "stores: {pg: {}}\nchannels: {t: {technology: kafka, key: order_id}}\n",
        [(2, 35, "channels.t.key", "did you mean 'message_key'?")],
    ),
    "prose": ("We have PostgreSQL and Elasticsearch.\n", [(1, 1, "", "`explain topology` tells how to write one")]),
    "two documents": ("stores: {}\n---\nstores: {}\n", [(2, 1, "", "a second document; put one topology in a file")]),
}  # fmt: skip


@pytest.mark.parametrize("lead", ["", "\ufeff"], ids=["plain", "byte order mark"])
@pytest.mark.parametrize(
    ("tail", "words"), [(b"\xff", "not UTF-8"), (b"\x00", "a NUL byte"), (b"\x01", "a control character")]
)
def test_what_is_no_text_is_named_at_its_place(lead, tail, words):
    raw = lead.encode("utf-8") + "system: shop\nnote: Größe ".encode() + tail
    with pytest.raises(InputError) as raised:
        parse_text(decode(raw, "file"))
    (problem,) = raised.value.problems
    assert (problem.line, problem.column) == (2, 13)
    assert words in problem.message


@pytest.mark.parametrize(("text", "expected"), WRONG.values(), ids=WRONG)
def test_each_mistake_is_named_once_and_at_its_place(text, expected):
    with pytest.raises(InputError) as raised:
        load_topology(parse_text(text))
    problems = raised.value.problems
    places = [(problem.line, problem.column, problem.path) for problem in problems]
    assert places == [one[:3] for one in expected], "\n".join(map(str, problems))
    for problem, (*_, words) in zip(problems, expected, strict=True):
        assert words in problem.message, problem.message


@pytest.mark.parametrize(
    "text",
    [
        "stores: {pg: {technology: postgresql, log_access: yes, external: no}}\n",
        '{"stores": {"pg": {"technology": "pg",},},}',
        "stores:\nchannels: ~\n",
        "entities: {order: {key: }}\n",
    ],
    ids=["YAML 1.1 flags", "trailing commas", "empty groups", "empty attribute"],
)
def test_harmless_habits_are_read(text):
    load_topology(parse_text(text))


@pytest.mark.parametrize(
    "text",
    [
        "stores: {a: hunter2, b: {url: hunter2}}\nscope: hunter2\n",
        "scope: hunter2\nreaders: [{reads: hunter2, latency: hunter2}]\ncluster: hunter2\n",
        "stores: hunter2\n",
        "entities: {a: [hunter2, 7007]}\nsystem: {x: 7007}\n",
    ],
)
def test_a_file_of_another_kind_is_not_shown(text):
    with pytest.raises(InputError) as raised:
        load_topology(parse_text(text))
    assert raised.value.problems and "hunter2" not in str(raised.value) and "7007" not in str(raised.value)


# Text → line and column, and words of the one message.
NO_YAML = {
    "stores: [": (2, 1, "the [ at line 1, column 9 is never closed; add ]"),
    'stores: [{a: "x]", b: 2, # [\n  c: [d\n': (3, 1, "the [ at line 2, column 6 is never closed; add ]"),
    "stores: {a: [1, 2}": (1, 18, "} stands where the [ at line 1, column 13 is open"),
    "stores: {a: [,]}": (1, 14, "nothing stands before this comma"),
    "stores: ]": (1, 9, "] closes or divides nothing that is open"),
    "stores: {a: b}}": (1, 15, "} closes or divides nothing that is open"),
    "a: 'b' c": (1, 8, "something follows what is complete already"),
    "a: - b": (1, 4, "a list begins on a line of its own"),
    'a: "\\q"': (1, 5, "write two backslashes"),
    "a: *": (1, 5, "must stand in quotes"),
    "a: !x!y b": (1, 4, "must stand in quotes"),
    "a: |99\n x": (1, 6, "begins in the next line"),
    "%YAML 9": (1, 8, "take it out"),
    "a: b\n...\nc: d": (3, 1, "put one topology in a file"),
    "a: b\nc: \x07d": (2, 4, "a control character (U+0007)"),
}
JARGON = re.compile(
    r"node|token|block (?:mapping|sequence|collection)|flow|scalar|stream|indicator|directive|did not find|"
    r"while (?:parsing|scanning)|simple key|anchor|character is"
)


@pytest.mark.parametrize("text", sorted(NO_YAML))
def test_what_is_no_yaml_is_said_in_own_words(text):
    line, column, words = NO_YAML[text]
    with pytest.raises(InputError) as raised:
        parse_text(text)
    (problem,) = raised.value.problems
    assert (problem.line, problem.column) == (line, column)
    assert words in problem.message and not JARGON.search(problem.message)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ('stores: {db: {technology: "post\\0gresql"}}', "stores.db.technology"),
        ('stores: {"d\\0b": {technology: x}}', "stores"),
        ('{"stores": {"db": {"technology": "post\\u0000gresql"}}}', ""),
        ('{"stores": {"d\\u0000b": {"technology": "\\ud83d\\ude00"}}}', ""),
    ],
)
def test_an_escaped_nul_is_refused_like_a_raw_one(text, path):
    with pytest.raises(InputError) as raised:
        parse_text(text)
    (problem,) = raised.value.problems
    assert problem.line == 1 and problem.path == path and "NUL" in problem.message
    with pytest.raises(InputError):
        review(read_topology(text))


def test_a_key_that_occurs_twice_hides_nothing():
    text = (
        "stores:\n  pg: {technology: postgresql}\n"
        "stores:\n  es: {technology: elasticsearch}\n  es: {technologie: solr}\n"
        'entities: {e: {key: id, note: "a\\0b"}}\n'
        "readers: [{reads: pg}, {reads: nope, tolerates: soon}]\n"
    )
    with pytest.raises(InputError) as raised:
        review(read_topology(text))
    found = [(problem.line, problem.path) for problem in raised.value.problems]
    assert found == [
        (3, "stores"),
        (5, "stores.es"),
        (5, "stores.es.technologie"),
        (6, "entities.e.note"),
        (7, "readers[1].reads"),
        (7, "readers[1].tolerates"),
    ]


def test_a_reference_in_what_does_not_belong_in_a_step_is_looked_up():
    with pytest.raises(InputError) as raised:
        review(read_topology(step("{write: nix, append: nax, entity: order}")))
    assert [(p.path, p.message.split(";")[0]) for p in raised.value.problems] == [
        (f"{STEP}.write", "unknown store 'nix'"),
        (f"{STEP}.append", "unknown channel 'nax'"),
        (f"{STEP}.append", "write and append in one step"),
    ]


def test_what_looks_like_a_secret_is_in_no_output():
    text = (
        'system: "db password=hunter2secret"\n'
        'stores: {"postgres://u:hunter2@h/db": {technology: postgresql}, es: {technology: elasticsearch}}\n'
        "entities: {order: {key: id}}\n"
        "processes: {api: {handlers: {save: {trigger: {request: true}, steps: "
        '[{write: "postgres://u:hunter2@h/db", entity: order}, {write: es, entity: order}]}}}}\n'
    )
    given = read_topology(text)
    found = review(given)
    assert any(one.id == "dual-write-unprotected" for one in found.findings)
    design = generate_design(given)
    shown = [found.model_dump_json(), review_text(found, ""), short_review(found), review_markdown(found, ""), design]
    assert "hunter2" not in "".join(map(str, shown)) and "postgres://h/db" in found.model_dump_json()
    for wrong in (text.replace("{write: es,", "{wirte: es, mode: x,"), '{"a:b": 1}'):
        with pytest.raises(InputError) as raised:
            review(read_topology(wrong))
        assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize("digits", [30, 5_000])
def test_a_number_that_is_too_long_is_shown_in_part(digits):
    with pytest.raises(InputError) as raised:
        load_topology(parse_text(BASE + f"processes: {{a: {{instances: {'9' * digits}}}}}\n"))
    (problem,) = raised.value.problems
    assert problem.message.count("'") % 2 == 0 and "or a whole number" in problem.message
    assert len(problem.message) < 200 and "nput" not in problem.message


def test_a_cursor_of_a_capture_on_a_consumer():
    with pytest.raises(InputError) as raised:
        load_topology(parse_text(BASE + "consumers: {c: {from: k, to: es, cursor: commit-position}}\n"))
    assert "did you mean 'commit-order'?" in str(raised.value)


def test_a_place_that_is_misspelt_is_no_topic():
    assert explain("stores.technology").kind == explain("processes.a.handlers.b.steps").kind == "attribute"
    with pytest.raises(UnknownName, match=r"did you mean 'stores.technology'"):
        explain("stroes.technology")


def test_other_words_mean_words_of_the_format():
    assert {word for meant in MEANT.values() for word in meant} <= schema_words(topology_schema())


def test_a_product_that_nobody_knows_is_noted_and_no_error():
    document = parse_text(
        "stores:\n  pg: {technology: posgres}\n  db: {technology: foodb}\n  pay: {technology: acme, external: true}\n"
        "channels: {k: {technology: kafak}, t: {technology: table}, u: {technology: UDP}, n: {}}\n"
        "consumers: {c: {from: k, to: pg, computes: {result: r, engine: flnik}}}\n"
    )
    review = review_document(document)
    unknown = "is not in the catalog, what it can do counts as unknown"
    assert review.notes == (
        f"stores.pg.technology (line 2): `posgres` {unknown}; did you mean `postgres`?",
        f"stores.db.technology (line 3): `foodb` {unknown}",
        f"channels.k.technology (line 5): `kafak` {unknown}; did you mean `kafka`?",
        f"consumers.c.computes.engine (line 6): `flnik` {unknown}; did you mean `flink`?",
    )
    for shown in (review_text(review, ""), short_review(review), review_markdown(review, "").replace("\\", "")):
        assert "did you mean `postgres`?" in " ".join(shown.split())


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_examples_have_no_slips(name):
    assert review(read_topology((ROOT / "examples" / f"{name}.yaml").read_text(encoding="utf-8"))).notes == ()
