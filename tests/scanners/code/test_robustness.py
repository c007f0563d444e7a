"""No input crashes or hangs the scan, nothing secret leaves it, and the same input gives the same bytes."""

from __future__ import annotations

import pytest
from code_samples import clients, found, scan_files
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_languages import HANDLERS

from data_integration_architect.scanners.code import scan_sources
from data_integration_architect.scanners.code.languages import LANGUAGES
from data_integration_architect.scanners.code.manifests import is_manifest, read_manifest
from data_integration_architect.scanners.code.typetext import parse_type
from data_integration_architect.scanners.facts import safe_name

ENDINGS = sorted(LANGUAGES)
SOURCES = [(path, text) for files in HANDLERS.values() for path, text in files.items()]
MANIFESTS = ("package.json", "pyproject.toml", "go.mod", "pom.xml", "build.gradle", "a.csproj", "requirements.txt")


def scan_text(path: str, text: str) -> None:
    scan_sources([(path, text.encode("utf-8", "surrogatepass"))], clients(), workers=0)


@st.composite
def mutated(draw: st.DrawFn) -> tuple[str, str]:
    """A sample with pieces cut, doubled and swapped."""
    path, text = draw(st.sampled_from(SOURCES))
    for _ in range(draw(st.integers(1, 4))):
        a, b = sorted(draw(st.tuples(st.integers(0, len(text)), st.integers(0, len(text)))))
        piece = draw(st.sampled_from(("", "{", "}", "(", ")", '"', "\n", "<", "=", "class ", text[a:b], text[a:b] * 2)))
        text = text[:a] + piece + text[b:]
    return path, text


SMALL = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
MANY = settings(max_examples=5_000, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)


@SMALL
@given(st.sampled_from(ENDINGS), st.text(max_size=300))
def test_arbitrary_text_never_raises(ending: str, text: str) -> None:
    scan_text("a" + ending, text)


@SMALL
@given(mutated())
def test_mutated_source_never_raises(sample: tuple[str, str]) -> None:
    scan_text(*sample)


@SMALL
@given(st.sampled_from(MANIFESTS), st.text(max_size=200))
def test_arbitrary_manifests_never_raise(name: str, text: str) -> None:
    assert is_manifest(name)
    read_manifest(name, text)


@SMALL
@given(st.text(alphabet="<>[](){}|&,.?* MapListx", max_size=120))
def test_arbitrary_types_never_raise(text: str) -> None:
    parse_type(text)


@pytest.mark.soak
@MANY
@given(st.sampled_from(ENDINGS), st.text(max_size=2_000))
def test_arbitrary_text_never_raises_many(ending: str, text: str) -> None:
    scan_text("a" + ending, text)


@pytest.mark.soak
@MANY
@given(mutated())
def test_mutated_source_never_raises_many(sample: tuple[str, str]) -> None:
    scan_text(*sample)


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("text", ["(" * 5_000, "a." * 3_000 + "b", "x = " + "[" * 2_000, "f(" * 2_000, "{" * 20_000])
def test_deep_nesting_is_skipped_and_counted_or_read(ending: str, text: str) -> None:
    result = scan_files({"a" + ending: text})
    assert result.files + sum(result.skipped.values()) == 1


def test_what_is_not_read_is_counted_by_reason() -> None:
    files = {
        "vendor/x/a.go": "package a",
        "api.pb.go": "package a",
        "big.py": "x = 1\n" * 200_000,
        "app.js": "var a=1;" * 3_000,
        "ok.py": "x = 1\n",
        "README.md": "text",
    }
    result = scan_files(files)
    assert (result.files, result.skipped) == (1, {"generated": 1, "minified": 1, "too-large": 1, "vendored": 1})
    binary = scan_sources([("a.py", b"\0\1\2")], clients(), workers=0)
    assert binary.skipped == {"binary": 1}


def test_recursion_and_cycles_end() -> None:
    files = {
        "requirements.txt": "sqlalchemy\nredis\n",
        "a.py": "from b import g\nfrom b import *\nx = x\ny = z\nz = y\n\n\ndef f():\n    return g() + f()\n",
        "b.py": "from a import f\nfrom a import *\n\n\nclass A(B):\n    def m(self):\n"
        "        self.m()\n        self.x = self.x\n\n\n"
        "class B(A):\n    pass\n\n\ndef g():\n    return f()\n",
        "c.ts": 'export * from "./d";\nexport { a as b } from "./d";\nimport { a } from "./d";\na();\n',
        "d.ts": 'export * from "./c";\nexport { b as a } from "./c";\n',
        "e.java": "class A extends B { void f() { f(); } } class B extends A {} interface I extends I {}",
    }
    assert found(scan_files(files)) == []


def test_same_input_same_bytes_in_any_order() -> None:
    files = list(HANDLERS["csharp"].items()) + list(HANDLERS["go"].items())
    one = scan_sources([(p, t.encode()) for p, t in files], clients(), workers=0)
    other = scan_sources([(p, t.encode()) for p, t in reversed(files)], clients(), workers=0)
    assert one == other


def test_workers_give_what_this_process_gives() -> None:
    files = [(path, text.encode()) for path, text in SOURCES if path.endswith(tuple(ENDINGS))]
    assert scan_sources(files, clients(), workers=1) == scan_sources(files, clients(), workers=0)


def test_secrets_do_not_reach_facts() -> None:
    secret = "sk4f9AbC2dE3fG4hI5jK6lM7nO8p"
    files = {
        "requirements.txt": "kafka-python\nsqlalchemy\npsycopg2\n",
        "a.py": "from kafka import KafkaProducer\nfrom sqlalchemy import create_engine\n"
        f'engine = create_engine("postgresql://u:{secret}@db/x")\np = KafkaProducer(password="{secret}")\n\n\n'
        'def f():\n    engine.execute("INSERT INTO orders VALUES (1)")\n'
        f'    p.send("{secret}", b"")\n    p.send("orders", b"")\n',
    }
    result = scan_files(files)
    assert len(result.dual_writes) == 1
    assert secret not in repr(result)
    assert "orders" in {effect.name for effect in result.dual_writes[0].effects}


def test_names_are_cut_to_one_line() -> None:
    assert safe_name("orders.created") == "orders.created"
    assert safe_name("a\n b") == "a b"
    assert len(safe_name("a-" * 500)) <= 120
    assert safe_name("amqp://u:p@h") == "" and safe_name("my password") == "" and safe_name("a\u202eb") == ""


ANNOTATED = {
    "python": ("a.py", "from {package} import {name}\n@{given}\nclass A:\n    @{given}\n    def a(self, b): ...\n"),
    "java": ("A.java", "import {package}.{name};\n@{given}\nclass A {{ @{given} void a(@{given} B b) {{}} }}\n"),
    "kotlin": ("A.kt", "import {package}.{name}\n@{given}\nclass A {{ @{given} fun a(b: B) {{}} }}\n"),
    "typescript": ("a.ts", "import {{ {name} }} from '{package}';\n@{given}\nclass A {{ @{given} a(b: B) {{}} }}\n"),
    "csharp": ("A.cs", "using {package};\n[{given}]\nclass A {{ [{given}] void a(B b) {{}} }}\n"),
    "php": ("a.php", "<?php\nuse {package}\\{name};\n#[{given}]\nclass A {{ #[{given}] function a($b) {{}} }}\n"),
}
GIVEN = (
    "",
    "()",
    "(A)",
    "('b', A)",
    "([A, []])",
    "({{}})",
    "(k = [])",
    "(A::class)",
    "(A.class)",
    "(typeof(A))",
    "(lambda: 0)",
)


@pytest.mark.parametrize("language", sorted(ANNOTATED))
def test_annotations_with_any_arguments_never_raise(language: str) -> None:
    path, source = ANNOTATED[language]
    tried = 0
    for name, meanings in sorted(clients().decorators.items()):
        for languages, prefixes, _, _ in meanings:
            if languages and language not in languages.split(","):
                continue
            for prefix in prefixes[:1]:
                package = prefix.rstrip(".").replace(".", "\\") if language == "php" else prefix.rstrip(".")
                for written in GIVEN:
                    scan_text(path, source.format(package=package, name=name, given=name + written))
                    tried += 1
    assert tried >= len(GIVEN)
