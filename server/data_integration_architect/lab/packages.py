"""Programs of the lab: Debian packages and jars from Maven Central, found or installed."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from glob import glob
from pathlib import Path

from data_integration_architect.artifacts import versions
from data_integration_architect.errors import ArchitectError

INSTALL_SECONDS = 600


class LabError(ArchitectError):
    """The lab cannot do what was asked: what, why, and what to do next."""


DEBIAN = {
    # binary: (package, places beyond PATH)
    "postgres": ("postgresql", "/usr/lib/postgresql/*/bin/postgres"),
    "initdb": ("postgresql", "/usr/lib/postgresql/*/bin/initdb"),
    "psql": ("postgresql", "/usr/lib/postgresql/*/bin/psql"),
    "mariadbd": ("mariadb-server", "/usr/sbin/mariadbd"),
    "mariadb-install-db": ("mariadb-server", "/usr/bin/mariadb-install-db"),
    "mariadb": ("mariadb-client", "/usr/bin/mariadb"),
    "redis-server": ("redis-server", "/usr/bin/redis-server"),
    "java": ("default-jre-headless", "/usr/bin/java"),
    "mvn": ("maven", "/usr/bin/mvn"),
    "promtool": ("prometheus", "/usr/bin/promtool"),
}

_CONNECTORS = ("postgres", "mysql", "mariadb", "mongodb", "sqlserver", "oracle", "jdbc")

JARS: dict[str, tuple[tuple[str, str, str], ...]] = {
    "kafka": (
        ("org.apache.kafka", f"kafka_{versions.SCALA}", versions.KAFKA),
        ("org.apache.kafka", "connect-runtime", versions.KAFKA),
        ("org.apache.kafka", "connect-json", versions.KAFKA),
        ("org.apache.kafka", "connect-transforms", versions.KAFKA),
        ("org.slf4j", "slf4j-simple", "1.7.36"),
    ),
    **{name: (("io.debezium", f"debezium-connector-{name}", versions.DEBEZIUM),) for name in _CONNECTORS},
    "opensearch": (
        ("org.opensearch", "opensearch", versions.OPENSEARCH),
        ("org.opensearch", "opensearch-plugin-classloader", versions.OPENSEARCH),
        ("org.opensearch.plugin", "transport-netty4-client", versions.OPENSEARCH),
        ("org.apache.logging.log4j", "log4j-core", "2.21.0"),
    ),
}


def binary(name: str) -> str:
    """Path of a program; installs its Debian package where that is possible. Raises: LabError."""
    found = _located(name)
    if found:
        return found
    package = DEBIAN[name][0]
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise LabError(f"{name} is not installed; install the package {package}")
    _install(package)
    found = _located(name)
    if not found:
        raise LabError(f"{name} is not there although the package {package} was installed")
    return found


def is_available(name: str) -> bool:
    """Whether a program is there, without installing it."""
    return _located(name) is not None


def _located(name: str) -> str | None:
    on_path = shutil.which(name)
    if on_path and name not in {"postgres", "initdb", "psql"}:
        return on_path
    places = sorted(glob(DEBIAN[name][1]))
    return places[-1] if places else on_path


def _install(package: str) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    commands = [["apt-get", "update", "-q"], ["apt-get", "install", "-y", "-q", "--no-install-recommends", package]]
    for command in commands:
        done = subprocess.run(
            command, check=False, env=environment, capture_output=True, text=True, timeout=INSTALL_SECONDS
        )
        if done.returncode != 0 and command is commands[-1]:
            raise LabError(f"apt-get could not install {package}: {done.stderr.strip()[-300:]}")


def cache_folder() -> Path:
    """Where downloaded jars live."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "data-integration-architect" / "lab"


def jars(name: str) -> Path:
    """Folder with the jars of one component and all that they need. Raises: LabError."""
    wanted = JARS[name]
    digest = hashlib.sha256(repr(wanted).encode()).hexdigest()[:12]
    folder = cache_folder() / f"{name}-{digest}"
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        (Path(scratch) / "pom.xml").write_text(_pom(wanted), encoding="utf-8")
        command = [
            binary("mvn"), "-q", "-B", "dependency:copy-dependencies", "-DincludeScope=runtime",
            "-DoutputDirectory=jars",
        ]  # fmt: skip
        done = subprocess.run(
            command, check=False, cwd=scratch, capture_output=True, text=True, timeout=INSTALL_SECONDS
        )
        if done.returncode != 0:
            raise LabError(f"Maven could not fetch {name}: {_first_error(done.stdout)}")
        try:
            os.replace(Path(scratch) / "jars", folder)
        except OSError:
            # Another run was faster; its jars are the same.
            if not folder.is_dir():
                raise
    return folder


def _first_error(output: str) -> str:
    return next((line[:300] for line in output.splitlines() if "[ERROR]" in line), output[-300:])


def _pom(wanted: Sequence[tuple[str, str, str]]) -> str:
    dependencies = "".join(
        f"<dependency><groupId>{g}</groupId><artifactId>{a}</artifactId><version>{v}</version><exclusions>"
        # Needed by a cache of Oracle's connector that nobody turns on, and not in every mirror.
        "<exclusion><groupId>org.ehcache</groupId><artifactId>ehcache</artifactId></exclusion></exclusions></dependency>"
        for g, a, v in wanted
    )
    return (
        '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>'
        "<groupId>lab</groupId><artifactId>lab</artifactId><version>1</version>"
        f"<dependencies>{dependencies}</dependencies></project>"
    )
