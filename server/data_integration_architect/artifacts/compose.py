"""compose.yaml: the engines of the design with its files applied, for whoever has Docker."""

from __future__ import annotations

from typing import Any

from data_integration_architect.artifacts import versions
from data_integration_architect.artifacts.connect import connectors
from data_integration_architect.artifacts.names import variable
from data_integration_architect.artifacts.plan import Plan
from data_integration_architect.files import dump_yaml

PORTS = {"postgresql": 5432, "mysql": 3306, "mariadb": 3306, "redis": 6379, "elasticsearch": 9200, "opensearch": 9200}
BROKER = "kafka:9092"
HEAP = "-Xms512m -Xmx512m"
KAFKA_TOOLS = "/opt/kafka/bin"


def compose_files(plan: Plan) -> dict[str, str]:
    """compose.yaml and the names of the secrets that it wants; nothing where no engine of it runs in a container."""
    stores = {d.name: d.technology for d in plan.databases.values()} | {s.target: s.technology for s in plan.sinks}
    stores = {name: technology for name, technology in stores.items() if technology in PORTS}
    if not plan.topics or not stores:
        return {}
    secrets = [variable(name, "ADMIN_PASSWORD") for name, kind in stores.items() if kind not in {"redis"}]
    captured = {c.database.name for c in plan.captures} | {o.database.name for o in plan.outboxes}
    secrets += [variable(name, "CAPTURE_PASSWORD") for name in sorted(captured)]
    services: dict[str, Any] = {}
    for name, technology in stores.items():
        services[name] = _store(name, technology)
    services["kafka"] = _broker()
    services["topics"] = {
        "image": versions.IMAGES["kafka"],
        "entrypoint": ["/bin/sh", "-c", f"PATH=$$PATH:{KAFKA_TOOLS} sh /design/kafka/create-topics.sh"],
        "environment": {"KAFKA_BOOTSTRAP_SERVERS": BROKER, "REPLICATION": "1", "IN_SYNC": "1"},
        "volumes": ["./:/design:ro"],
        "depends_on": {"kafka": {"condition": "service_healthy"}},
    }
    waits: dict[str, Any] = {"topics": {"condition": "service_completed_successfully"}}
    for name, technology in stores.items():
        setup = _setup(plan, name, technology)
        if setup:
            services[f"setup-{name}"] = setup
            waits[f"setup-{name}"] = {"condition": "service_completed_successfully"}
    environment = _environment(stores)
    if connectors(plan):
        services["connect"] = _connect(environment, captured, waits)
        puts = " && ".join(
            f"curl -fsS -X PUT -H 'Content-Type: application/json' --data @/design/connect/{name}.json "
            f"http://connect:8083/connectors/{name}/config"
            for name in sorted(connectors(plan))
        )
        services["connectors"] = {
            "image": versions.IMAGES["connect"],
            "entrypoint": ["/bin/sh", "-c", puts],
            "volumes": ["./:/design:ro"],
            "depends_on": {"connect": {"condition": "service_healthy"}},
        }
    used = {s.name: [s.target] for s in plan.sinks if s.target in stores}
    used |= {f"{o.name}_{side}": list(stores) for o in plan.operations for side in ("debit", "credit")}
    for name, targets in used.items():
        addresses = _environment({target: stores[target] for target in targets})
        services[f"consumer-{name.replace('_', '-')}"] = {
            "image": versions.IMAGES["python"],
            "working_dir": "/design",
            "command": ["/bin/sh", "-c", "pip install -q -r consumers/requirements.txt && "
                        f"exec python -m consumers.consume consumers/{name}.json"],
            "environment": {"KAFKA_BOOTSTRAP_SERVERS": BROKER, **addresses},
            "volumes": ["./:/design:ro"],
            "restart": "unless-stopped",
            "depends_on": waits,
        }  # fmt: skip
    head = (
        "# The engines of this design with its files applied: docker compose --env-file .env up -d\n"
        "# Services that set something up end with 0; docker compose ps --all shows it.\n"
        "# A lab, not a production set-up: one broker, no TLS. Secrets come from .env; see .env.example.\n"
        "# For whoever has Docker. Not executed in the project's tests, which run local processes from packages.\n"
    )
    left_out = sorted({f"{s.target} ({s.technology})" for s in plan.sinks if s.target not in stores})
    if left_out:
        head += f"# Not in it, and neither are their consumers: {', '.join(left_out)}.\n"
    example = "".join(f"{name}=\n" for name in secrets)
    return {"compose.yaml": head + dump_yaml({"services": services}), ".env.example": example}


def _secret(name: str) -> str:
    return f"${{{name}:?set it in .env}}"


def _store(name: str, technology: str) -> dict[str, Any]:
    password = _secret(variable(name, "ADMIN_PASSWORD"))
    port = PORTS[technology]
    service: dict[str, Any] = {"image": versions.IMAGES[technology], "ports": [f"127.0.0.1::{port}"]}
    if technology == "postgresql":
        service |= {
            "command": ["postgres", "-c", "wal_level=logical"],
            "environment": {"POSTGRES_PASSWORD": password, "POSTGRES_DB": name},
            "healthcheck": _health(f"pg_isready -U postgres -d {name}"),
        }
    elif technology in {"mysql", "mariadb"}:
        prefix = technology.upper()
        service |= {
            "command": ["--server-id=1", "--log-bin=log", "--binlog-format=ROW", "--binlog-row-image=FULL"],
            "environment": {f"{prefix}_ROOT_PASSWORD": password, f"{prefix}_DATABASE": name},
            "healthcheck": _health(
                "healthcheck.sh --connect --innodb_initialized"
                if technology == "mariadb"
                else 'mysqladmin ping -h 127.0.0.1 -p"$$MYSQL_ROOT_PASSWORD"'
            ),
        }
    elif technology == "redis":
        service |= {"command": ["redis-server", "--appendonly", "yes"], "healthcheck": _health("redis-cli ping")}
    else:
        open_to_all = {
            "elasticsearch": {"xpack.security.enabled": "false", "ES_JAVA_OPTS": HEAP},
            "opensearch": {"DISABLE_SECURITY_PLUGIN": "true", "DISABLE_INSTALL_DEMO_CONFIG": "true",
                           "OPENSEARCH_JAVA_OPTS": HEAP},
        }  # fmt: skip
        service |= {
            "environment": {"discovery.type": "single-node", **open_to_all[technology]},
            "healthcheck": _health("curl -fsS http://localhost:9200/_cluster/health"),
        }
    return service


def _health(command: str) -> dict[str, Any]:
    return {"test": ["CMD-SHELL", command], "interval": "3s", "timeout": "5s", "retries": 40}


def _broker() -> dict[str, Any]:
    return {
        "image": versions.IMAGES["kafka"],
        "ports": ["127.0.0.1::9092"],
        "environment": {
            "KAFKA_NODE_ID": "1", "KAFKA_PROCESS_ROLES": "broker,controller",
            "KAFKA_LISTENERS": "CLIENTS://:9092,CONTROLLER://:9093",
            "KAFKA_ADVERTISED_LISTENERS": f"CLIENTS://{BROKER}",
            "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "CLIENTS:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "KAFKA_INTER_BROKER_LISTENER_NAME": "CLIENTS", "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
            "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@kafka:9093", "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
            "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1", "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
            "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": "1",
        },
        "healthcheck": _health(f"{KAFKA_TOOLS}/kafka-topics.sh --bootstrap-server localhost:9092 --list"),
    }  # fmt: skip


def _connect(environment: dict[str, str], captured: set[str], waits: dict[str, Any]) -> dict[str, Any]:
    passwords = {variable(n, "CAPTURE_PASSWORD"): _secret(variable(n, "CAPTURE_PASSWORD")) for n in sorted(captured)}
    return {
        "image": versions.IMAGES["connect"],
        "ports": ["127.0.0.1::8083"],
        "environment": {
            "BOOTSTRAP_SERVERS": BROKER, "KAFKA_BOOTSTRAP_SERVERS": BROKER, "GROUP_ID": "connect",
            "CONFIG_STORAGE_TOPIC": "connect_configs",
            "OFFSET_STORAGE_TOPIC": "connect_offsets", "STATUS_STORAGE_TOPIC": "connect_status",
            "CONNECT_CONFIG_PROVIDERS": "env",
            "CONNECT_CONFIG_PROVIDERS_ENV_CLASS": "org.apache.kafka.common.config.provider.EnvVarConfigProvider",
            **{k: v for k, v in environment.items() if k.endswith(("_HOST", "_PORT"))}, **passwords,
        },
        "depends_on": waits,
        "healthcheck": _health("curl -fsS http://localhost:8083/connectors"),
    }  # fmt: skip


def _environment(stores: dict[str, str]) -> dict[str, str]:
    """Addresses inside the network, under the names that connectors and consumers use."""
    found: dict[str, str] = {}
    for name, technology in stores.items():
        port = PORTS[technology]
        password = _secret(variable(name, "ADMIN_PASSWORD"))
        if technology in {"postgresql", "mysql", "mariadb"}:
            found |= {variable(name, "HOST"): name, variable(name, "PORT"): str(port)}
            user, database = ("postgres", "dbname") if technology == "postgresql" else ("root", "database")
            found[variable(name, "CONNECTION")] = (
                f'{{"host": "{name}", "port": {port}, "user": "{user}", "{database}": "{name}", '
                f'"password": "{password}"}}'
            )
        else:
            scheme = "redis" if technology == "redis" else "http"
            found[variable(name, "URL")] = f"{scheme}://{name}:{port}"
    return found


def _setup(plan: Plan, name: str, technology: str) -> dict[str, Any] | None:
    """Applies the SQL files or index bodies of one store, once; what lies in its folders, in the order of names."""
    folders = f"/design/lab/{name}.sql /design/databases/{name}/*.sql /design/sinks/{name}/*.sql"
    each = f'for f in {folders}; do case "$$f" in */merge_*) continue;; esac; [ -f "$$f" ] || continue; '
    password = _secret(variable(name, "ADMIN_PASSWORD"))
    captured = any(c.database.name == name for c in plan.captures) or any(
        o.database.name == name for o in plan.outboxes
    )
    capture = _secret(variable(name, "CAPTURE_PASSWORD")) if captured else "unused"
    service: dict[str, Any] = {
        "image": versions.IMAGES[technology],
        "volumes": ["./:/design:ro"],
        "depends_on": {name: {"condition": "service_healthy"}},
    }
    if technology == "postgresql":
        line = (
            f'psql -v ON_ERROR_STOP=1 -v capture_password="$$CAPTURE" -h {name} -U postgres -d {name} -f "$$f" '
            "|| exit 1; done"
        )
        return {**service, "entrypoint": ["/bin/sh", "-c", each + line],
                "environment": {"PGPASSWORD": password, "CAPTURE": capture}}  # fmt: skip
    if technology in {"mysql", "mariadb"}:
        line = (
            f'{technology} -h {name} -u root -p"$$ADMIN" --init-command="SET @capture_password = \'$$CAPTURE\'" '
            f'{name} < "$$f" || exit 1; done'
        )
        return {**service, "entrypoint": ["/bin/sh", "-c", each + line],
                "environment": {"ADMIN": password, "CAPTURE": capture}}  # fmt: skip
    if technology in {"elasticsearch", "opensearch"}:
        # An index that is there stays as it is; one that is refused ends the start.
        puts = " && ".join(
            f"(curl -fs -o /dev/null http://{name}:9200/{s.place}_v1 || "
            f"curl -fsS -X PUT -H 'Content-Type: application/json' --data @/design/sinks/{name}/{s.place}.json "
            f"http://{name}:9200/{s.place}_v1)"
            for s in plan.sinks
            if s.target == name
        )
        return {**service, "entrypoint": ["/bin/sh", "-c", puts]}
    return None
