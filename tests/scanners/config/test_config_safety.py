"""The trust boundary of the configuration readers: secrets, hostile names, hostile structure."""

import pytest

from data_integration_architect.redact import REPLACED, clean_name, is_secret_key, scrub
from data_integration_architect.scanners.config.configfacts import fact
from data_integration_architect.scanners.config.draft import draft
from data_integration_architect.scanners.config.registry import read_config

SECRET = "Zx9!kQ7vTr2#Lm"
TOKEN = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"

SEEDED = {
    "docker-compose.yml": f"""
services:
  db:
    image: postgres:16
    environment: {{POSTGRES_PASSWORD: "{SECRET}", POSTGRES_DB: orders}}
  app:
    image: me/app
    environment:
      - DATABASE_URL=postgres://app:{SECRET}@db:5432/orders?password={SECRET}
      - REDIS_URL=redis://:{SECRET}@cache:6379/0
      - API_TOKEN={TOKEN}
      - KAFKA_TOPIC={TOKEN}
""",
    "k8s/app.yaml": f"""
apiVersion: v1
kind: Secret
metadata: {{name: s}}
stringData: {{password: "{SECRET}", url: "mysql://u:{SECRET}@db/x"}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: app}}
spec:
  template:
    spec:
      containers:
        - name: app
          image: me/app
          env: [{{name: DB_PASSWORD, value: "{SECRET}"}}, {{name: DB_URL, value: "mysql://u:{SECRET}@db/x"}}]
""",
    "main.tf": f'resource "aws_db_instance" "d" {{\n engine = "mysql"\n password = "{SECRET}"\n name = "{TOKEN}"\n}}\n',
    "connect/source.json": f"""{{"name": "c", "config": {{
 "connector.class": "io.debezium.connector.mysql.MySqlConnector",
 "database.hostname": "db", "database.password": "{SECRET}", "topic.prefix": "{TOKEN}", "database.user": "{SECRET}",
 "connection.url": "jdbc:mysql://db/x?user=u&password={SECRET}"}}}}""",
    "connect/register.sh": f"""curl -X POST localhost:8083/connectors -d '{{"name": "c2", "config": {{
 "connector.class": "io.confluent.connect.jdbc.JdbcSinkConnector", "topics": "t", "connection.password": "{SECRET}",
 "connection.url": "jdbc:postgresql://u:{SECRET}@db:5432/x"}}}}'""",
    "application.yml": f"spring:\n  datasource:\n    url: jdbc:postgresql://db/x\n    password: {SECRET}\n  rabbitmq:\n"
    f"    addresses: amqp://u:{SECRET}@mq\n",
    "application.properties": f"spring.data.mongodb.uri=mongodb://u:{SECRET}@mongo/x\nspring.redis.password={SECRET}\n",
    "appsettings.json": f'{{"ConnectionStrings": {{"Main": "Server=sql;Database=A;Password={SECRET};",'
    f' "Redis": "cache:6379,password={SECRET}"}}, "Jwt": {{"Key": "{SECRET}"}}}}',
    "settings.py": f'SECRET_KEY = "{SECRET}"\nDATABASES = '
    f'{{"default": {{"ENGINE": "django.db.backends.postgresql", "HOST": "db",'
    f' "PASSWORD": "{SECRET}", "USER": "{SECRET}"}}}}\nCELERY_BROKER_URL = "amqp://u:{SECRET}@mq//"\n',
    "config/database.js": f"module.exports = {{ password: '{SECRET}', url: 'mysql://u:{SECRET}@db/x' }}",
    ".env.example": f"DB_PASSWORD={SECRET}\nDATABASE_URL=postgres://u:{SECRET}@db/x\nDB_TOPIC={TOKEN}\nHOST_VALUE={TOKEN}\n",
    "db/schema.sql": f"CREATE USER x PASSWORD '{SECRET}';\n"
    f"CREATE SUBSCRIPTION s CONNECTION 'host=a password={SECRET}' PUBLICATION p;\n"
    f"CREATE TABLE t (id int primary key, x text default '{TOKEN}');\n",
    "asyncapi.yaml": f"asyncapi: 2.6.0\nservers: {{p: {{url: 'kafka://u:{SECRET}@k', protocol: kafka}}}}\n"
    "channels: {a: {publish: {}}}\n",
    "profiles.yml": f"p:\n  outputs:\n    dev: {{type: postgres, host: db, user: u, password: '{SECRET}'}}\n",
    "values.yaml": f"postgresql:\n  enabled: true\n  auth: {{password: '{SECRET}'}}\n"
    f"env:\n  - {{name: DB_URL, value: 'mysql://u:{SECRET}@db/x'}}\n",
}


@pytest.mark.parametrize("path", sorted(SEEDED))
def test_a_seeded_secret_occurs_in_no_fact_and_no_draft(path: str) -> None:
    facts = read_config(path, SEEDED[path])
    assert [f for f in facts if f.kind != "problem"], "the fixture must be read, or the test shows nothing"
    shown = repr(facts) + repr(draft(facts).topology) + repr(draft(facts).links)
    assert SECRET not in shown
    assert TOKEN not in shown
    assert SECRET[:8] not in shown


def test_broken_files_report_no_content() -> None:
    for path in SEEDED:
        for cut in (7, 40, 90):
            facts = read_config(path, SEEDED[path][:-cut] + "\x00{{'\"" + SECRET)
            assert SECRET not in repr([f for f in facts if f.kind == "problem"])


@pytest.mark.parametrize(
    "key",
    [
        *("password", "DB_PASSWORD", "spring.datasource.password", "connection.password", "PGPASSWORD", "JWT_SECRET"),
        *("apiKey", "aws.secretKey", "client-secret", "auth_token", "sasl.jaas.config", "ssh_key", "Jwt:SigningKey"),
    ],
)
def test_keys_that_name_a_secret(key: str) -> None:
    assert is_secret_key(key)


@pytest.mark.parametrize(
    "key", ["message_key", "primary.key.fields", "key.converter", "host", "topic", "routing-key", "pk.mode"]
)
def test_keys_that_name_none(key: str) -> None:
    assert not is_secret_key(key)


@pytest.mark.parametrize(
    "text",
    [
        TOKEN,
        "AKIA" + "ABCDEFGHIJKLMNOP",
        "https://user:pa55word@host/x",
        "password=hunter2222",
        "eyJ" + "hbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc",
        "d41d8cd98f00b204e9800998ecf8427e",
        "a8Fk2Lq9Zp0Xw7Vb3Nm5Rt1Yc6",
        "postgres://u:p@ss/w@rd@host/db",
    ],
)
def test_text_that_looks_like_a_secret_is_replaced(text: str) -> None:
    cleaned = scrub(text)
    assert cleaned != text
    for part in ("pa55word", "hunter2222", "p@ss", "w@rd", "AKIAABC", "d41d8cd9", "a8Fk2Lq9"):
        assert part not in cleaned


@pytest.mark.parametrize(
    "text", ["orders-by-customer-2024", "com.example.orders.OrderCreatedEvent", "dbserver1.inventory.customers", "«»"]
)
def test_ordinary_names_stay(text: str) -> None:
    assert scrub(text) == text
    assert REPLACED not in scrub(text)


def test_names_are_cut_and_freed_of_control_and_bidirectional_characters() -> None:
    made = fact("topic", "a\u202eb\x00c\u2066d\n" + "x" * 900, "p", 0, note="\u200fz\x1b[31m")
    assert made.subject == ("abcd" + " " + "x" * 900)[:200]
    assert made.text("note") == "z[31m"
    assert made.line == 1
    assert clean_name("\ud800ok") == "ok"


def test_yaml_aliases_are_bounded_and_tags_are_not_resolved() -> None:
    bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{chr(98 + i)}: &{chr(98 + i)} [{','.join(['*' + chr(97 + i)] * 9)}]\n" for i in range(9)
    )
    facts = read_config("compose.yaml", f"services:\n  s: {{image: redis}}\n{bomb}")
    assert [f.text("what") for f in facts] == ["compose: more values than the limit, aliases expanded"]
    tagged = read_config(
        "compose.yaml", "services:\n  s:\n    image: !!python/object/apply:os.system ['redis']\n  t: {image: redis}\n"
    )
    assert [(f.kind, f.subject) for f in tagged] == [("service", "s"), ("store", "t")] or [
        f.subject for f in tagged
    ] == ["t"]


def test_xml_entities_are_refused() -> None:
    bomb = '<!DOCTYPE p [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><project><artifactId>&b;</artifactId></project>'
    assert [f.text("what") for f in read_config("pom.xml", bomb)] == ["maven: XML with entity declarations is not read"]


def test_malformed_files_are_one_problem_with_their_line() -> None:
    for path, text, line in (
        ("docker-compose.yml", "services:\n  a: [\n", 3),
        ("appsettings.json", '{\n "a": 1,\n "b": }', 3),
        ("pom.xml", "<project>\n<a></project>", 2),
        ("pyproject.toml", "[project]\nname = \n", 2),
        ("settings.py", "A = 1\nB = (\n", 2),
    ):
        problems = read_config(path, text)
        assert [f.kind for f in problems] == ["problem"], path
        assert abs(problems[0].line - line) <= 1, (path, problems[0])


def test_deep_nesting_is_a_problem_and_no_crash() -> None:
    for path, text in (
        ("appsettings.json", '{"a":' * 5000 + "1" + "}" * 5000),
        ("docker-compose.yml", "services: " + "[" * 5000),
        ("pom.xml", "<a>" * 5000),
        ("main.tf", "a = " + "[" * 3000 + "]" * 3000),
        ("settings.py", "A = " + "(" * 3000 + ")" * 3000),
        ("pyproject.toml", "a = " + "[" * 3000 + "]" * 3000),
    ):
        assert [f.kind for f in read_config(path, text)] in (["problem"], []), path
    # SQL is read as a flat list of words, so depth is no danger there.
    assert len(read_config("schema.sql", "CREATE TABLE t (" * 3000)) == 1
