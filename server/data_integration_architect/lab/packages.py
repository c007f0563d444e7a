"""Programs of the lab: Debian packages and jars from Maven Central, found or installed."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
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
    "docker-compose": ("docker-compose", "/usr/bin/docker-compose"),
}

_CONNECTORS = ("postgres", "mysql", "mariadb", "mongodb", "sqlserver", "oracle")

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
    "flink-parser": (
        ("org.apache.flink", "flink-sql-parser", versions.FLINK),
        # Left out of what the parser says that it needs: Flink brings it along elsewhere.
        ("org.apache.calcite", "calcite-linq4j", "1.32.0"),
        ("org.slf4j", "slf4j-simple", "1.7.36"),
    ),
}

PROGRAMS = {
    "postgresql": ("initdb", "postgres", "psql"),
    "mariadb": ("mariadbd", "mariadb-install-db", "mariadb"),
    "redis": ("redis-server",),
    "opensearch": ("java",),
    "kafka": ("java",),
    "connect": ("java",),
}


def fetch(engines: Sequence[str], plugins: Sequence[str], progress: Callable[[str], None]) -> None:
    """Installs what these engines and Debezium connectors need and is not there. Raises: LabError."""
    components = ["kafka"] if "kafka" in engines else []
    components += ["opensearch"] if "opensearch" in engines else []
    missing = [name for name in (*components, *plugins) if not _jar_folder(name).is_dir()]
    require([program for engine in engines for program in PROGRAMS[engine]] + (["mvn"] if missing else []))
    for name in missing:
        progress(f"fetching the jars of {name} from Maven Central")
        jars(name)


def binary(name: str) -> str:
    """Path of a program; installs its Debian package where that is possible. Raises: LabError."""
    require([name])
    return str(_located(name))


def require(names: Sequence[str]) -> None:
    """Installs what is missing of these programs, all in one go. Raises: LabError with all to install."""
    missing = [name for name in dict.fromkeys(names) if not _located(name)]
    if not missing:
        return
    packages = list(dict.fromkeys(DEBIAN[name][0] for name in missing))
    if not _can_install():
        raise LabError(
            f"not installed: {', '.join(missing)}; on Debian or Ubuntu: sudo apt-get install {' '.join(packages)}; "
            "elsewhere install these programs and put them on PATH"
        )
    _install(packages)
    still = [name for name in missing if not _located(name)]
    if still:
        raise LabError(f"{', '.join(still)}: not there although {', '.join(packages)} were installed")


def _can_install() -> bool:
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def _located(name: str) -> str | None:
    on_path = shutil.which(name)
    if on_path and name not in {"postgres", "initdb", "psql"}:
        return on_path
    places = sorted(glob(DEBIAN[name][1]))
    return places[-1] if places else on_path


def _install(packages: Sequence[str]) -> None:
    # A package that starts its server at installation would take the engine's usual port.
    policy = Path("/usr/sbin/policy-rc.d")
    is_ours = not policy.exists()
    if is_ours:
        policy.write_text("#!/bin/sh\nexit 101\n", encoding="utf-8")
        policy.chmod(0o755)
    try:
        for command in (["update", "-q"], ["install", "-y", "-q", "--no-install-recommends", *packages]):
            done = subprocess.run(
                ["apt-get", "-o", f"DPkg::Lock::Timeout={INSTALL_SECONDS // 2}", *command],
                check=False, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"}, stdin=subprocess.DEVNULL,
                capture_output=True, text=True, timeout=INSTALL_SECONDS,
            )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise LabError(f"apt-get did not install {', '.join(packages)} within {INSTALL_SECONDS} s") from None
    finally:
        if is_ours:
            policy.unlink()
    if done.returncode != 0:
        raise LabError(f"apt-get could not install {', '.join(packages)}: {done.stderr.strip()[-300:]}")


def cache_folder() -> Path:
    """Where downloaded jars live."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "data-integration-architect" / "lab"


def _jar_folder(name: str) -> Path:
    return cache_folder() / f"{name}-{hashlib.sha256(repr(JARS[name]).encode()).hexdigest()[:12]}"


def jars(name: str) -> Path:
    """Folder with the jars of one component and all that they need. Raises: LabError."""
    wanted, folder = JARS[name], _jar_folder(name)
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        (Path(scratch) / "pom.xml").write_text(_pom(wanted), encoding="utf-8")
        command = [
            binary("mvn"), "-q", "-B", "dependency:copy-dependencies", "-DincludeScope=runtime",
            "-DoutputDirectory=jars",
        ]  # fmt: skip
        try:
            done = subprocess.run(
                command, check=False, cwd=scratch, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                timeout=INSTALL_SECONDS,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise LabError(f"Maven did not fetch {name} within {INSTALL_SECONDS} s") from None
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
