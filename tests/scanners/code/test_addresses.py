"""What settings say of stores without an address."""

from __future__ import annotations

import pytest

from data_integration_architect.scanners.code.technologies import addresses, providers


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("DB_CONNECTION=pgsql", {"postgresql"}),
        ("DB_CONNECTION: mysql", {"mysql"}),
        ("SHOP_DATABASE_DRIVER=pdo_mysql", {"mysql"}),
        ("QUEUE_CONNECTION=sqs", {"queue:sqs"}),
        ("QUEUE_CONNECTION=sync", set()),
        ("  type: pubsub.rabbitmq", {"rabbitmq"}),
        ("  type: state.azure.cosmosdb", {"cosmosdb"}),
        ("  type: pubsub.in-memory", set()),
        ("BROKER_URL = 'sqs://key:secret@'", {"sqs"}),
        ("DEFAULT_FILE_STORAGE = 'storages.backends.s3boto3.S3Boto3Storage'", {"s3"}),
        ("DEFAULT_FILE_STORAGE = 'storages.backends.gcloud.GoogleCloudStorage'", {"gcs"}),
        ("NOT_DB_CONNECTIONS=mysqlish", set()),
    ],
)
def test_settings_that_name_a_technology(text: str, found: set[str]) -> None:
    assert set(addresses(text)) == found


def test_a_prisma_schema_names_its_provider() -> None:
    assert set(
        providers('datasource db {\n  provider = "postgresql"\n}\ngenerator c { provider = "prisma-client-js" }')
    ) == {"postgresql"}
