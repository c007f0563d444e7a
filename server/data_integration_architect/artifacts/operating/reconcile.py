"""Compares derived stores with their systems of record, row by row: `python operate/reconcile.py [SINK...]`.

A difference counts only if it is the same in two looks, a longest lag apart, and the row did not change in between:
a copy may be late, it may not be wrong. Rows that are left over are deletions that did not arrive. Exit code 1 with
differences. METRICS_FILE=/path/file.prom writes numbers for the text file collector of node_exporter.
"""

from __future__ import annotations

import base64
import importlib
import json
import os
import sys
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

PAGE = 5_000
MOST_KEYS = 20
Rows = dict[str, dict[str, Any]]


def main(wanted: list[str]) -> int:
    settings = json.loads((Path(__file__).parent / "reconcile.json").read_text(encoding="utf-8"))
    chosen = [one for one in settings if not wanted or one["sink"] in wanted]
    found = {one["sink"]: differences(one, float(os.environ.get("LAG_SECONDS", one["lag_seconds"]))) for one in chosen}
    for sink, different in found.items():
        for kind, keys in different.items():
            print(f"{sink}: {len(keys)} {kind}" + (f": {', '.join(keys[:MOST_KEYS])}" if keys else ""))
    if os.environ.get("METRICS_FILE"):
        lines = [f'reconcile_differences{{sink="{s}"}} {sum(map(len, d.values()))}\n' for s, d in found.items()]
        lines.append(f"reconcile_finished_timestamp_seconds {time.time():.0f}\n")
        Path(os.environ["METRICS_FILE"]).write_text("".join(lines), encoding="utf-8")
    return 1 if any(keys for different in found.values() for keys in different.values()) else 0


def differences(one: Mapping[str, Any], lag_seconds: float) -> dict[str, list[str]]:
    """Keys that are missing, left over or of another content, in both looks."""
    first_source, first_target = source_rows(one["source"]), target_rows(one["target"])
    suspects = suspicious(first_source, first_target)
    if suspects:
        time.sleep(lag_seconds)
    second_source, second_target = (source_rows(one["source"]), target_rows(one["target"])) if suspects else ({}, {})
    again = suspicious(second_source, second_target)
    result: dict[str, list[str]] = {"missing": [], "left over": [], "different": []}
    for key in sorted(suspects):
        if suspects[key] == again.get(key) and first_source.get(key) == second_source.get(key):
            result[again[key]].append(key)
    return result


def suspicious(source: Rows, target: Rows) -> dict[str, str]:
    """Key → what is wrong with it at this moment."""
    found = dict.fromkeys(target.keys() - source.keys(), "left over")
    for key, row in source.items():
        if key not in target:
            found[key] = "missing"
        elif any(row[c] != target[key].get(c) for c in row if isinstance(row[c], str | int | bool | None)):
            # Other types are written in another form by the connector, and are left to a comparison of your own.
            found[key] = "different"
    return found


def connect(settings: Mapping[str, Any]) -> Any:
    driver = importlib.import_module(os.environ.get(settings["driver_from"]) or settings["driver"])
    return driver.connect(**json.loads(os.environ[settings["connection_from"]]))


def source_rows(settings: Mapping[str, Any]) -> Rows:
    if settings["kind"] == "mongodb":
        return documents(settings)
    connection = connect(settings)
    try:
        cursor = connection.cursor()
        cursor.execute(settings["query"])
        names = [column[0] for column in cursor.description]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    finally:
        connection.close()
    return {key_of([row[field] for field in settings["key"]]): row for row in rows}


def documents(settings: Mapping[str, Any]) -> Rows:
    import pymongo

    client: Any = pymongo.MongoClient(os.environ[settings["url_from"]])
    try:
        found = list(client[settings["database"]][settings["collection"]].find())
    finally:
        client.close()
    # Ids are texts in derived stores; what else is no text, number or truth is left to a comparison of your own.
    return {key_of([_id_of(row["_id"])]): {**row, "_id": _id_of(row["_id"])} for row in found}


def _id_of(value: Any) -> Any:
    return str(value) if type(value).__name__ == "ObjectId" else value


def key_of(values: list[Any]) -> str:
    """As the consumers write it."""
    if len(values) == 1 and isinstance(values[0], str | int):
        return str(values[0])
    return json.dumps(values, ensure_ascii=False, separators=(",", ":"))


def target_rows(settings: Mapping[str, Any]) -> Rows:
    if settings["kind"] == "search":
        return search_rows(settings)
    if settings["kind"] == "redis":
        import redis

        client = redis.Redis.from_url(os.environ[settings["url_from"]], decode_responses=True)
        rows = ((name, client.hget(name, "row")) for name in client.scan_iter(settings["prefix"] + "*", count=1000))
        return {name[len(settings["prefix"]) :]: json.loads(str(row)) for name, row in rows if row is not None}
    if settings["kind"] == "s3":
        return s3_rows(settings)
    if settings["kind"] == "iceberg":
        return iceberg_rows(settings)
    connection = connect(settings)
    try:
        cursor = connection.cursor()
        cursor.execute(settings["query"])
        return {str(key): json.loads(row) for key, row in cursor.fetchall()}
    finally:
        connection.close()


def s3_rows(settings: Mapping[str, Any]) -> Rows:
    import boto3

    client: Any = boto3.client("s3", endpoint_url=os.environ.get(settings["endpoint_from"]) or None)
    bucket = os.environ[settings["bucket_from"]]
    found: Rows = {}
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=settings["prefix"]):
        for entry in page.get("Contents", ()):
            stored = json.loads(client.get_object(Bucket=bucket, Key=entry["Key"])["Body"].read())
            if not stored["deleted"]:
                found[stored["key"]] = stored["row"]
    return found


def iceberg_rows(settings: Mapping[str, Any]) -> Rows:
    from pyiceberg.catalog import load_catalog

    catalog = load_catalog(settings["catalog"], **json.loads(os.environ[settings["catalog_from"]]))
    table = catalog.load_table((settings["namespace"], settings["table"]))
    rows = table.scan(row_filter="deleted = false", selected_fields=("row_key", "row_data")).to_arrow().to_pylist()
    return {row["row_key"]: json.loads(row["row_data"]) for row in rows}


def search_rows(settings: Mapping[str, Any]) -> Rows:
    found: Rows = {}
    after: list[Any] | None = None
    ask(settings, f"/{settings['index']}/_refresh", {})
    while True:
        body: dict[str, Any] = {"size": PAGE, "sort": [{"key": "asc"}], "query": {"term": {"deleted": False}}}
        if after:
            body["search_after"] = after
        hits = ask(settings, f"/{settings['index']}/_search", body)["hits"]["hits"]
        found |= {hit["_source"]["key"]: hit["_source"]["row"] for hit in hits}
        if len(hits) < PAGE:
            return found
        after = hits[-1]["sort"]


def ask(settings: Mapping[str, Any], path: str, body: object) -> Any:
    headers = {"Content-Type": "application/json"}
    password = os.environ.get(settings["password_from"], "")
    if password:
        pair = f"{os.environ.get(settings['user_from'], '')}:{password}".encode()
        headers["Authorization"] = "Basic " + base64.b64encode(pair).decode()
    url = os.environ[settings["url_from"]].rstrip("/") + path
    request = urllib.request.Request(url, json.dumps(body).encode(), headers, method="POST")
    with urllib.request.urlopen(request, timeout=60) as response:
        return json.load(response)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
