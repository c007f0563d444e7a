"""Which reader takes which file: one line per format. `readers_for` decides by name first and by content second."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from data_integration_architect.scanners.config import (
    architecture,
    asyncapi,
    compose,
    dbt,
    dependencies,
    django,
    dotnet,
    environment,
    helm,
    kafka_connect,
    kubernetes,
    migrations,
    scripts,
    spring,
    sql,
    terraform,
)
from data_integration_architect.scanners.config.configfacts import Fact, problem
from data_integration_architect.scanners.config.located import Malformed

ReadFunction: TypeAlias = Callable[[str, str], list[Fact]]
HEAD_CHARACTERS = 64_000


@dataclass(frozen=True)
class Reader:
    """One format: its name, the file names it takes, what the first part of the text must hold, and the function."""

    name: str
    path: re.Pattern[str]
    head: re.Pattern[str] | None
    read: ReadFunction


def _reader(name: str, path: str, read: ReadFunction, head: str = "") -> Reader:
    return Reader(name, re.compile(path, re.IGNORECASE), re.compile(head, re.MULTILINE) if head else None, read)


_YAML = r"\.ya?ml\Z"
_COMPOSE_NAME = (
    r"(?:\A|/)(?:docker[-_])?compose[\w.-]*\.ya?ml\Z|(?:\A|/)[\w.-]*(?:docker-compose|stack)[\w.-]*\.ya?ml\Z"
)
_SETTINGS_NAME = (
    r"(?:\A|/)(?:config|settings|configuration|database|db|kafka|redis|mongo|queue|ormconfig|knexfile|data-?source|constants|env"
    r"|typeorm[\w.-]*config|(?:[\w-]+\.)?(?:config|configuration|settings|env|environment|constants))(?:\.[\w-]+)?\.(?:js|ts|cjs|mjs)\Z"
)

READERS: tuple[Reader, ...] = (
    _reader("compose", _COMPOSE_NAME, compose.read),
    _reader("compose", _YAML, compose.read, r"^services:\s*(?:#.*)?$(?:.|\n)*?^\s+(?:image|build):"),
    _reader(
        "kubernetes",
        _YAML + r"|\.json\Z",
        kubernetes.read,
        r"^\s*-?\s*\"?apiVersion\"?:\s*[\"']?(?!backstage\.io)[\w./-]+(?:.|\n)*^\s*-?\s*\"?kind\"?:|^kind:(?:.|\n)*^apiVersion:\s*(?!backstage\.io)",
    ),
    _reader(
        "backstage",
        r"catalog-info[\w.-]*\.ya?ml\Z|" + _YAML,
        architecture.read_backstage,
        r"^apiVersion:\s*[\"']?backstage\.io/",
    ),
    _reader("helm-chart", r"(?:\A|/)(?:Chart|requirements)\.ya?ml\Z", helm.read_chart, r"^dependencies:"),
    _reader("helm-values", r"(?:\A|/)values[\w.-]*\.ya?ml\Z", helm.read_values),
    _reader("terraform", r"\.(?:tf|tofu)\Z", terraform.read),
    _reader("connector-json", r"\.json\Z", kafka_connect.read_json, r"connector\.class"),
    _reader(
        "connector-properties",
        r"\.properties\Z",
        kafka_connect.read_properties,
        r"^\s*(?:debezium\.source\.)?connector\.class",
    ),
    _reader(
        "script",
        r"\.(?:sh|bash|zsh|ksh|ps1|bat|http|rest|mk|md|adoc)\Z|(?:\A|/)(?:Makefile|Taskfile\.ya?ml|justfile|entrypoint|Jenkinsfile)\Z|\.github/workflows/[\w.-]+\.ya?ml\Z",
        scripts.read,
        r"kafka-topics|connector\.class|topic create",
    ),
    _reader("asyncapi-yaml", _YAML, asyncapi.read_yaml, r"^[\"']?asyncapi[\"']?:"),
    _reader("asyncapi-json", r"\.json\Z", asyncapi.read_json, r"\"asyncapi\"\s*:"),
    _reader("dbt-manifest", r"(?:\A|/)manifest\.json\Z", dbt.read_manifest, r"dbt_schema_version|\"adapter_type\""),
    _reader("dbt-schema", _YAML, dbt.read_schema, r"^(?:sources|models|snapshots):\s*(?:#.*)?$(?:.|\n)*?^\s+-\s+name:"),
    _reader("dbt-profiles", r"(?:\A|/)profiles\.ya?ml\Z", dbt.read_profiles),
    _reader("sql", r"\.(?:sql|ddl|pgsql|psql|tsql|mysql)\Z", sql.read),
    _reader("liquibase-xml", r"\.xml\Z", migrations.read_liquibase_xml, r"<(?:\w+:)?databaseChangeLog"),
    _reader("liquibase-yaml", _YAML, migrations.read_liquibase_yaml, r"^databaseChangeLog:"),
    _reader("liquibase-json", r"\.json\Z", migrations.read_liquibase_json, r"\"databaseChangeLog\""),
    _reader(
        "python-migration",
        r"(?:migrations?|versions|alembic)/(?:[\w.-]+/)*[\w.-]+\.py\Z",
        migrations.read_python,
        r"\bop\.|migrations\.(?:CreateModel|RunSQL|AddConstraint)|Migration\b",
    ),
    _reader("prisma", r"\.prisma\Z", migrations.read_prisma),
    _reader("spring-yaml", r"(?:\A|/)(?:application|bootstrap)[\w.-]*\.ya?ml\Z", spring.read_yaml),
    _reader(
        "spring-properties",
        r"(?:\A|/)(?:application|bootstrap|microprofile-config|[\w-]*(?:kafka|producer|consumer|db|database|jdbc|datasource|config)[\w-]*)[\w.-]*\.properties\Z",
        spring.read_properties,
    ),
    _reader(
        "spring-served-yaml",
        _YAML,
        spring.read_yaml,
        r"^(?:spring|eureka|zuul|security|ribbon|hystrix|quarkus|micronaut|management|datasources)(?:\.[\w.-]+)?:",
    ),
    _reader(
        "spring-served-properties",
        r"\.properties\Z",
        spring.read_properties,
        r"^(?:spring|eureka|zuul|server|quarkus)\.[\w.-]+\s*[=:]",
    ),
    _reader("dotnet", r"(?:\A|/)(?:appsettings|local\.settings|sharedsettings|ocelot)[\w.-]*\.json\Z", dotnet.read),
    _reader(
        "django",
        r"(?:\A|/)(?:settings|config|celeryconfig|constants|conf|configuration|celery)[\w-]*\.py\Z|(?:\A|/)(?:settings|config|configs)/[\w.-]+\.py\Z",
        django.read,
    ),
    _reader(
        "node-json",
        r"(?:\A|/)config/[\w.-]+\.json5?\Z|(?:\A|/)(?:ormconfig|config|default|production|development)\.json\Z",
        environment.read_node_json,
    ),
    _reader(
        "node-script",
        _SETTINGS_NAME + r"|(?:\A|/)(?:config|configs|configuration)/[\w.-]+\.(?:js|ts|cjs|mjs)\Z",
        environment.read_node_script,
    ),
    _reader(
        "dotenv",
        r"(?:\A|/)(?:\.env[\w.-]*|[\w.-]*\.env(?:\.[\w-]+)?|env\.(?:example|sample|template))\Z",
        environment.read_dotenv,
    ),
    _reader("dockerfile", r"(?:\A|/)(?:[\w.-]*Dockerfile[\w.-]*|Containerfile)\Z", environment.read_dockerfile),
    _reader("package-json", r"(?:\A|/)package\.json\Z", dependencies.read_package_json),
    _reader("maven", r"(?:\A|/)pom\.xml\Z", dependencies.read_pom),
    _reader("gradle", r"(?:\A|/)(?!settings\.)[\w.-]+\.gradle(?:\.kts)?\Z", dependencies.read_gradle),
    _reader("gradle-settings", r"(?:\A|/)settings\.gradle(?:\.kts)?\Z", dependencies.read_gradle_settings),
    _reader("gradle-catalog", r"\.versions\.toml\Z", dependencies.read_version_catalog),
    _reader("go", r"(?:\A|/)go\.mod\Z", dependencies.read_go_mod),
    _reader(
        "pip",
        r"(?:\A|/)(?:[\w.-]*requirements[\w.-]*\.(?:txt|in)|requirements/[\w.-]+\.(?:txt|in))\Z",
        dependencies.read_requirements,
    ),
    _reader("pyproject", r"(?:\A|/)(?:pyproject\.toml|Pipfile)\Z", dependencies.read_pyproject),
    _reader("cargo", r"(?:\A|/)Cargo\.toml\Z", dependencies.read_cargo),
    _reader(
        "msbuild",
        r"\.(?:cs|fs|vb)proj\Z|(?:\A|/)(?:Directory\.Packages\.props|Directory\.Build\.props|packages\.config)\Z",
        dependencies.read_msbuild,
    ),
    _reader("ruby", r"(?:\A|/)Gemfile\Z|\.gemspec\Z", dependencies.read_gemfile),
    _reader("composer", r"(?:\A|/)composer\.json\Z", dependencies.read_composer_json),
    _reader(
        "openlineage",
        r"\.(?:json|jsonl|ndjson)\Z",
        architecture.read_openlineage,
        r"\"eventType\"\s*:(?:.|\n)*?\"job\"\s*:|\"job\"\s*:(?:.|\n)*?\"eventType\"\s*:|openlineage",
    ),
    _reader("calm", r"\.json\Z", architecture.read_calm, r"calm\.finos\.org|\"node-type\"\s*:"),
)

# Folders of what others wrote or tools made; what they configure is not this system.
_ASIDE = re.compile(
    r"(?:\A|/)(?:node_modules|vendor|\.git|\.terraform|target|dist|build/(?:libs|classes|resources)|bower_components|\.venv|site-packages)/"
)


def readers_for(path: str, head: str) -> list[Reader]:
    """The readers that take the file at `path`, given the first part of its text; each format at most once.

    Helm templates have none: they are no YAML before rendering.
    """
    path = path.replace("\\", "/")
    if _ASIDE.search(path) or ("/templates/" in f"/{path}" and "{{" in head):
        return []
    head = head[:HEAD_CHARACTERS]
    composed = re.search(_COMPOSE_NAME, path, re.IGNORECASE)
    found: dict[ReadFunction, Reader] = {}
    for reader in READERS:
        if composed and reader.name.startswith("spring-served"):
            continue  # Services of old Compose files stand at the top and may be called `zuul` or `eureka`.
        if reader.read not in found and reader.path.search(path) and (reader.head is None or reader.head.search(head)):
            found[reader.read] = reader
    return list(found.values())


def is_candidate(path: str) -> bool:
    """Whether any reader could take a file of this name: a cheap test before the file is opened."""
    path = path.replace("\\", "/")
    return not _ASIDE.search(path) and any(reader.path.search(path) for reader in READERS)


def read_config(path: str, text: str) -> list[Fact]:
    """All facts of one file, by every reader that takes it; what cannot be read is a `problem` fact."""
    path = posixpath.normpath(path.replace("\\", "/"))
    facts: list[Fact] = []
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    for reader in readers_for(path, text[:HEAD_CHARACTERS]):
        try:
            facts += reader.read(path, text)
        except Malformed as error:
            facts.append(problem(path, error.line, f"{reader.name}: {error.what}"))
        except RecursionError:
            facts.append(problem(path, 1, f"{reader.name}: nested too deeply"))
    return facts
