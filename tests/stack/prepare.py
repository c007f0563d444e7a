"""Installs what the tests on real engines need: Debian packages where that is possible, jars from Maven Central."""

from data_integration_architect.lab.packages import JARS, PROGRAMS, fetch, require

fetch(sorted(PROGRAMS), [name for name in JARS if name not in {"kafka", "opensearch"}], print)
require(["promtool", "docker-compose"])
