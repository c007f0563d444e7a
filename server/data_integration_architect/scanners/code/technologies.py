"""Which concrete technology a generic one (`sql`, `cache`, `broker`) is, from drivers and addresses nearby."""

from __future__ import annotations

import re
from collections import Counter, defaultdict

from .clients import Clients
from .manifests import folder_of
from .program import Program

ADDRESS = re.compile(
    r"\b(?:jdbc:)?(postgres(?:ql)?|mysql|mariadb|sqlserver|oracle|sqlite|h2|redis|rediss|amqps?|nats|mongodb(?:\+srv)?|"
    r"kafka|clickhouse|cassandra|memcached|pulsar|sqs)(?:\+\w+)?:(?://|:mem|mem:|thin:|@)",
)
# What a Prisma schema says instead of an address. Source: https://www.prisma.io/docs/orm/reference/prisma-schema-reference
PROVIDER = re.compile(r"provider\s*=\s*[\"'](postgresql|mysql|sqlserver|mongodb|cockroachdb|sqlite)[\"']")
# Which of its connections Laravel takes. Source: https://laravel.com/docs/queues, https://laravel.com/docs/database
CONNECTION = re.compile(r"\b(?:DB_CONNECTION[\"']?\s*[=:]\s*[\"']?|pdo_)(pgsql|mysql|mariadb|sqlsrv|sqlite)\b")
CONNECTED = {"pgsql": "postgresql", "sqlsrv": "sqlserver"}
QUEUE = re.compile(r"\bQUEUE_(?:CONNECTION|DRIVER)[\"']?\s*[=:]\s*[\"']?(redis|sqs|rabbitmq|beanstalkd)\b")
# The backend that a setting of Django names. Source: https://django-storages.readthedocs.io/
STORAGE = re.compile(r"\bstorages\.backends\.(s3|gcloud|azure)")
STORAGES = {"gcloud": "gcs", "azure": "azure-blob"}
TELLING = ("://", "jdbc:", "dapr.io", "DB_CONNECTION", "QUEUE_", "pdo_", "storages.backends")
# What a Dapr component says instead of an address. Source: https://docs.dapr.io/reference/components-reference/
COMPONENT = re.compile(r"\btype:\s*[\"']?(?:pubsub|state)\.([\w.-]+)")
COMPONENTS = {
    **{
        name: name
        for name in (
            "redis",
            "kafka",
            "rabbitmq",
            "pulsar",
            "postgresql",
            "mysql",
            "mongodb",
            "sqlserver",
            "cassandra",
            "memcached",
        )
    },
    "azure.servicebus": "servicebus",
    "azure.servicebus.queues": "servicebus",
    "azure.servicebus.topics": "servicebus",
    "azure.eventhubs": "eventhubs",
    "azure.cosmosdb": "cosmosdb",
    "aws.snssqs": "sqs",
    "aws.dynamodb": "dynamodb",
    "gcp.pubsub": "pubsub",
    "jetstream": "nats",
    "natsstreaming": "nats",
    "mqtt3": "mqtt",
}
ADDRESSED = {
    "postgres": "postgresql",
    "rediss": "redis",
    "amqp": "rabbitmq",
    "amqps": "rabbitmq",
    "mongodb+srv": "mongodb",
}
RELATIONAL = ("postgresql", "mysql", "mariadb", "sqlserver", "oracle", "cockroachdb", "sqlite", "h2")
BROKERS = ("kafka", "rabbitmq", "nats", "sqs", "pubsub", "servicebus", "pulsar", "activemq", "redis")
GENERIC = {
    "sql": RELATIONAL,
    "cache": ("redis", "memcached", "hazelcast"),
    "broker": BROKERS,
    "queue": ("redis", "rabbitmq", "sqs"),
    "search-index": ("algolia", "meilisearch", "typesense", "elasticsearch", "solr", "tntsearch"),
}


def addresses(text: str) -> Counter[str]:
    """Technologies whose connection addresses occur in a text."""
    found = Counter(ADDRESSED.get(name, name) for name in ADDRESS.findall(text))
    found.update(CONNECTED.get(name, name) for name in CONNECTION.findall(text))
    found.update(STORAGES.get(name, name) for name in STORAGE.findall(text))
    found.update("queue:" + name for name in QUEUE.findall(text))
    found.update(COMPONENTS[name] for name in COMPONENT.findall(text) if name in COMPONENTS)
    return found


def providers(text: str) -> Counter[str]:
    """Technologies that the data sources of a Prisma schema name."""
    return Counter(PROVIDER.findall(text))


class Technologies:
    """Technologies by folder, and what counts as one system."""

    def __init__(self, program: Program, clients: Clients, addressed: dict[str, Counter[str]]) -> None:
        self.program, self.clients = program, clients
        self.by_folder: dict[str, Counter[str]] = defaultdict(Counter)
        for path, found in addressed.items():
            self.by_folder[folder_of(path)] += found
        self._near: dict[str, dict[str, int]] = {}
        self._resolved: dict[tuple[str, str], str] = {}
        self.used: Counter[str] = Counter()
        for library in program.libraries:
            self.used[clients.technology.get(library, "")] += 1

    def near(self, folder: str) -> dict[str, int]:
        """Technologies of drivers and addresses for a folder, weighted by nearness."""
        found = self._near.get(folder)
        if found is None:
            weights: Counter[str] = Counter()
            for manifest in self.program.by_manifest:
                if folder == manifest.folder or folder.startswith(manifest.folder + "/") or not manifest.folder:
                    used = {
                        self.clients.technology.get(library, "")
                        for package in manifest.packages
                        for library in self.program.package_libraries(manifest.ecosystem, package)
                    }
                    for technology in used:
                        weights[technology] += 20 + 5 * manifest.folder.count("/")
            for place, counts in self.by_folder.items():
                common = shared(place, folder)
                for technology, count in counts.items():
                    weights[technology] += min(count, 3) * (1 + common)
            found = self._near[folder] = dict(weights)
        return found

    def resolve(self, technology: str, path: str) -> str:
        """The concrete technology for a place in the tree, the generic one if nothing tells."""
        options = GENERIC.get(technology)
        if options is None:
            return technology
        key = (technology, folder_of(path))
        found = self._resolved.get(key)
        if found is None:
            weights = self.near(key[1])
            said = [name for name in weights if name.startswith("queue:")] if technology == "queue" else []
            ranked = sorted(options, key=lambda name: (-weights.get(name, 0), options.index(name)))
            solid = [name for name in ranked if weights.get(name, 0) and name not in ("h2", "sqlite")]
            light = [name for name in ranked if weights.get(name, 0)]
            # Several engines beside each other are a choice that configuration makes.
            known = [technology] if technology == "search-index" and len(solid) > 1 else solid
            found = (known or light or [technology])[0]
            if said:
                found = max(said, key=lambda name: (weights[name], name)).removeprefix("queue:")
            self._resolved[key] = found
        return found

    def system(self, technology: str, path: str) -> str:
        """The key of a system: empty for what is no store, one key for all relational stores near each other."""
        family = self.clients.families.get(technology, technology)
        if family == "none":
            return ""
        concrete = self.resolve(technology, path)
        if concrete in RELATIONAL or concrete == "sql":
            return "sql"
        if concrete == "search-index":
            return ""  # without the client of an engine, the index lies in the database or beside the program
        backed = self.clients.backing.get(concrete)
        if backed == "?":
            near = self.near(folder_of(path))
            return "redis" if near.get("redis") and not near.get("rabbitmq") else concrete
        return backed or concrete


def shared(one: str, other: str) -> int:
    """Number of leading folders that two paths share."""
    count = 0
    for a, b in zip(one.split("/"), other.split("/"), strict=False):
        if a != b:
            break
        count += 1
    return count
