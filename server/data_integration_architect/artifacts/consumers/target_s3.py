"""Object storage: one object per row, replaced only by a newer version with the conditional writes of the store.

A deletion leaves an object that is marked, so that an older record finds its version. Readers skip marked objects; a
rule of the bucket may expire those with the tag `deleted=true` once no older record can come again.
"""

from __future__ import annotations

import json
import os
import urllib.parse
from collections.abc import Mapping, Sequence
from typing import Any

import boto3
from botocore.exceptions import ClientError

from .change import Change, whole

# Somebody else wrote the object between the look and the write: look again.
CHANGED_MEANWHILE = {"PreconditionFailed", "ConditionalRequestConflict"}
MOST_TRIES = 20


class S3Target:
    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.bucket, self.prefix = os.environ[settings["bucket_from"]], settings["prefix"]
        self.client: Any = boto3.client("s3", endpoint_url=os.environ.get(settings["endpoint_from"]) or None)

    def apply(self, changes: Sequence[Change]) -> None:
        """Writes all rows that are newer than what is stored. Raises: botocore's ClientError, OSError."""
        for change in changes:
            if not any(self._written(change) for _ in range(MOST_TRIES)):
                raise OSError(f"{self.prefix}: another writer was faster {MOST_TRIES} times")

    def _written(self, change: Change) -> bool:
        """False where the object changed between reading and writing."""
        name = self.prefix + urllib.parse.quote(change.key, safe="") + ".json"
        stored, tag = self._stored(name)
        if stored is not None and stored["version"] >= change.version:
            return True
        row = None if change.document is None else whole(change, (stored or {}).get("row") or {})
        body = json.dumps({"key": change.key, "version": change.version, "deleted": row is None, "row": row})
        condition = {"IfNoneMatch": "*"} if tag is None else {"IfMatch": tag}
        try:
            self.client.put_object(
                Bucket=self.bucket, Key=name, Body=body.encode(), ContentType="application/json",
                Tagging=f"deleted={'true' if row is None else 'false'}", **condition,
            )  # fmt: skip
        except ClientError as error:
            if error.response["Error"]["Code"] in CHANGED_MEANWHILE:
                return False
            raise
        return True

    def _stored(self, name: str) -> tuple[dict[str, Any] | None, str | None]:
        """What the object says and its tag; nothing where there is none."""
        try:
            found = self.client.get_object(Bucket=self.bucket, Key=name)
        except ClientError as error:
            if error.response["Error"]["Code"] == "NoSuchKey":
                return None, None
            raise
        return dict(json.loads(found["Body"].read())), found["ETag"]
