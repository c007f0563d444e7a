"""How each engine is prepared, started and asked whether it is ready. All listen on loopback, below one folder."""

from __future__ import annotations

import http.client
import json
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from data_integration_architect.artifacts.versions import OPENSEARCH
from data_integration_architect.lab.packages import binary, jars
from data_integration_architect.lab.process import UNPRIVILEGED, Program, give_to_user, is_listening, run

# Enough for a lab; the client compiler alone halves the time to start.
JAVA = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"]
CLUSTER_ID = "bGFiLWxhYi1sYWItbGFiLQ"
ADMINISTRATOR = "postgres"


def new_folder(base: Path, name: str) -> Path:
    folder = base / name
    folder.mkdir()
    return folder


def relay(base: Path, name: str, listen_port: int, server_port: int) -> Program:
    """The relay in front of a server."""
    script = Path(__file__).with_name("proxy.py")
    return Program(
        f"{name}_relay",
        [sys.executable, str(script), str(listen_port), str(server_port)],
        str(new_folder(base, f"{name}_relay")),
    )


def postgresql(base: Path, name: str, port: int) -> Program:
    folder = new_folder(base, name)
    give_to_user(folder, UNPRIVILEGED)
    data = folder / "data"
    run(
        [
            binary("initdb"), "-D", str(data), "-U", ADMINISTRATOR, "-A", "trust", "-E", "UTF8", "--locale=C",
            "--no-sync",
        ],
        folder, user=UNPRIVILEGED,
    )  # fmt: skip
    settings = {
        "listen_addresses": "127.0.0.1", "port": port, "unix_socket_directories": "", "wal_level": "logical",
        "max_replication_slots": 10, "max_prepared_transactions": 10,
        "max_wal_senders": 10, "wal_sender_timeout": "10s", "shared_buffers": "64MB",
        "log_min_messages": "warning",
    }  # fmt: skip
    options = [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]
    return Program(name, [binary("postgres"), "-D", str(data), *options], str(folder), user=UNPRIVILEGED)


def mariadb(base: Path, name: str, port: int) -> Program:
    folder = new_folder(base, name)
    give_to_user(folder, UNPRIVILEGED)
    data, install = folder / "data", binary("mariadb-install-db")
    server = binary("mariadbd")
    run(
        [install, "--no-defaults", f"--datadir={data}", "--auth-root-authentication-method=normal", "--skip-test-db"],
        folder, user=UNPRIVILEGED,
    )  # fmt: skip
    options = [
        f"--datadir={data}", f"--port={port}", "--socket=s", "--bind-address=127.0.0.1",
        "--log-bin=log", "--binlog-format=ROW", "--binlog-row-image=FULL", "--server-id=1", "--skip-name-resolve",
        "--innodb-buffer-pool-size=64M", f"--pid-file={folder / 'pid'}",
    ]  # fmt: skip
    return Program(name, [server, "--no-defaults", *options], str(folder), user=UNPRIVILEGED)


def redis(base: Path, name: str, port: int) -> Program:
    folder = new_folder(base, name)
    # A title of its own would overwrite its environment, by which a lab knows what it started.
    options = [
        "--port", str(port), "--bind", "127.0.0.1", "--appendonly", "yes", "--appendfsync", "always", "--save", "",
        "--set-proc-title", "no",
    ]  # fmt: skip
    return Program(name, [binary("redis-server"), *options, "--dir", str(folder)], str(folder))


def opensearch(base: Path, name: str, port: int, transport_port: int) -> Program:
    """OpenSearch from its published libraries: the server and the network module, laid out as its archive has them."""
    folder = new_folder(base, name)
    library = jars("opensearch")
    for part in ("config", "modules/transport-netty4", "plugins", "logs", "lib", "data", "tmp"):
        (folder / part).mkdir(parents=True)
    module = folder / "modules" / "transport-netty4"
    for jar in sorted(library.iterdir()):
        is_network = jar.name.startswith(("netty-", "transport-netty4"))
        shutil.copy(jar, module if is_network else folder / "lib")
    (module / "plugin-descriptor.properties").write_text(
        f"description=network\nversion={OPENSEARCH}\nname=transport-netty4\njava.version=11\n"
        f"classname=org.opensearch.transport.Netty4Plugin\nopensearch.version={OPENSEARCH}\n"
        "has.native.controller=false\n",
        encoding="utf-8",
    )
    (module / "plugin-security.policy").write_text(
        'grant {\n  permission java.io.FilePermission "/proc/sys/net/core/somaxconn", "read";\n'
        '  permission java.net.SocketPermission "*", "accept,connect,listen,resolve";\n'
        '  permission java.lang.RuntimePermission "setContextClassLoader";\n'
        '  permission java.lang.RuntimePermission "getClassLoader";\n'
        '  permission java.lang.RuntimePermission "accessDeclaredMembers";\n};\n',
        encoding="utf-8",
    )
    settings = {
        "cluster.name": "lab", "node.name": "lab", "path.data": str(folder / "data"), "path.logs": str(folder / "logs"),
        "network.host": "127.0.0.1", "http.port": port, "transport.port": transport_port,
        "discovery.type": "single-node", "bootstrap.system_call_filter": False,
        "cluster.routing.allocation.disk.threshold_enabled": False, "node.max_local_storage_nodes": 1,
    }  # fmt: skip
    (folder / "config" / "opensearch.yml").write_text(
        "".join(f"{key}: {json.dumps(value)}\n" for key, value in settings.items()), encoding="utf-8"
    )
    (folder / "config" / "log4j2.properties").write_text(
        "rootLogger.level=warn\nrootLogger.appenderRef.c.ref=c\nappender.c.type=Console\nappender.c.name=c\n"
        "appender.c.layout.type=PatternLayout\nappender.c.layout.pattern=%d %p %c %m%n\n",
        encoding="utf-8",
    )
    give_to_user(folder, UNPRIVILEGED)
    java = [
        binary("java"), *JAVA, "-Xms384m", "-Xmx384m", "-Djava.security.manager=allow", "-Dlog4j2.disable.jmx=true",
        "-Dio.netty.noUnsafe=true", "-Dio.netty.noKeySetOptimization=true", "-Dio.netty.allocator.numDirectArenas=0",
        "-Dio.netty.recycler.maxCapacityPerThread=0", f"-Djava.io.tmpdir={folder / 'tmp'}",
        f"-Dopensearch.path.home={folder}", f"-Dopensearch.path.conf={folder / 'config'}",
        "-Dopensearch.distribution.type=tar", "-cp", f"{folder / 'lib'}/*", "org.opensearch.bootstrap.OpenSearch",
    ]  # fmt: skip
    return Program(name, java, str(folder), user=UNPRIVILEGED)


def kafka(base: Path, name: str, port: int, controller_port: int, advertised_port: int) -> Program:
    """A broker that is its own controller; clients come through the relay at the advertised port."""
    folder = new_folder(base, name)
    library = jars("kafka")
    settings = {
        "process.roles": "broker,controller", "node.id": 1,
        "controller.quorum.voters": f"1@127.0.0.1:{controller_port}",
        "listeners": f"CLIENTS://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}",
        "advertised.listeners": f"CLIENTS://127.0.0.1:{advertised_port}", "inter.broker.listener.name": "CLIENTS",
        "controller.listener.names": "CONTROLLER",
        "listener.security.protocol.map": "CLIENTS:PLAINTEXT,CONTROLLER:PLAINTEXT", "log.dirs": folder / "data",
        "auto.create.topics.enable": "false", "offsets.topic.replication.factor": 1, "offsets.topic.num.partitions": 1,
        "transaction.state.log.replication.factor": 1, "transaction.state.log.min.isr": 1,
        "transaction.state.log.num.partitions": 1, "group.initial.rebalance.delay.ms": 0,
        "group.min.session.timeout.ms": 1000, "share.coordinator.state.topic.replication.factor": 1,
        "share.coordinator.state.topic.min.isr": 1,
    }  # fmt: skip
    file = folder / "server.properties"
    file.write_text("".join(f"{key}={value}\n" for key, value in settings.items()), encoding="utf-8")
    java = [binary("java"), *JAVA, "-Xms256m", "-Xmx512m", "-cp", f"{library}/*"]
    run([*java, "kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c", str(file)], folder)
    return Program(name, [*java, "kafka.Kafka", str(file)], str(folder))


def connect(
    base: Path, name: str, port: int, servers: str, plugins: list[str], environment: Mapping[str, str]
) -> Program:
    """A worker of Kafka Connect with Debezium's connectors; addresses and secrets come from its environment."""
    folder = new_folder(base, name)
    library = jars("kafka")
    plugin_folder = new_folder(folder, "plugins")
    for plugin in plugins:
        (plugin_folder / plugin).symlink_to(jars(plugin))
    converter = "org.apache.kafka.connect.json.JsonConverter"
    settings = {
        "bootstrap.servers": servers, "group.id": name, "listeners": f"http://127.0.0.1:{port}",
        "rest.advertised.host.name": "127.0.0.1", "key.converter": converter, "value.converter": converter,
        "config.storage.topic": "connect_configs", "offset.storage.topic": "connect_offsets",
        "status.storage.topic": "connect_status", "config.storage.replication.factor": 1,
        "offset.storage.replication.factor": 1, "status.storage.replication.factor": 1,
        "offset.storage.partitions": 1, "status.storage.partitions": 1, "offset.flush.interval.ms": 1000,
        "plugin.path": plugin_folder, "plugin.discovery": "service_load", "config.providers": "env",
        "config.providers.env.class": "org.apache.kafka.common.config.provider.EnvVarConfigProvider",
        "scheduled.rebalance.max.delay.ms": 0, "session.timeout.ms": 6000, "heartbeat.interval.ms": 1000,
        "topic.creation.enable": "false",
    }  # fmt: skip
    file = folder / "connect.properties"
    file.write_text("".join(f"{key}={value}\n" for key, value in settings.items()), encoding="utf-8")
    java = [binary("java"), *JAVA, "-Xms256m", "-Xmx512m", "-cp", f"{library}/*"]
    return Program(
        name, [*java, "org.apache.kafka.connect.cli.ConnectDistributed", str(file)], str(folder), dict(environment)
    )


def is_ready(engine: str, port: int) -> bool:
    """Whether a server answers a request of its own protocol."""
    if not is_listening(port):
        return False
    try:
        if engine == "postgresql":
            return _postgresql_answers(port)
        if engine == "mariadb":
            return _mariadb_answers(port)
        if engine == "redis":
            import redis as client

            return bool(client.Redis(port=port, socket_timeout=2).ping())
        if engine == "opensearch":
            return get_json(port, "/_cluster/health").get("status") in {"green", "yellow"}
        if engine == "connect":
            return isinstance(get_json(port, "/connectors"), list)
        if engine == "kafka":
            from confluent_kafka.admin import AdminClient

            broker = AdminClient({"bootstrap.servers": f"127.0.0.1:{port}", "log_level": 0})
            return bool(broker.list_topics(timeout=3).brokers)
    except Exception:  # each client has errors of its own for "not yet"
        return False
    return True


def _postgresql_answers(port: int) -> bool:
    import psycopg

    with psycopg.connect(
        host="127.0.0.1", port=port, user=ADMINISTRATOR, dbname="postgres", connect_timeout=2
    ) as there:
        return there.execute("SELECT 1").fetchone() is not None


def _mariadb_answers(port: int) -> bool:
    import pymysql

    pymysql.connect(host="127.0.0.1", port=port, user="root", connect_timeout=2, read_timeout=2).close()
    return True


def get_json(port: int, path: str, method: str = "GET", body: Any = None, seconds: float = 30) -> Any:
    """Answer of an HTTP server on loopback. Raises: OSError, RuntimeError for a status of 400 and above."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=seconds)
    try:
        text = None if body is None else json.dumps(body)
        connection.request(method, path, text, {"Content-Type": "application/json"})
        response = connection.getresponse()
        content = response.read()
        if response.status >= 400:
            raise RuntimeError(f"{method} {path}: {response.status} {content[:2000].decode(errors='replace')}")
        return json.loads(content) if content else None
    except http.client.HTTPException as error:
        raise OSError(str(error)) from error
    finally:
        connection.close()
