"""Rows on idempotency agree with the findings on the same handlers."""

import pytest

from data_integration_architect.use_cases import review_document
from support import parse_text

WEBHOOK = """
stores: {pg: {technology: postgresql}}
channels: {webhooks: {technology: http, carries: [wallet], retention: 30d, event: {content: delta, id: event_id}}}
entities: {wallet: {key: wallet_id}}
processes:
  app:
    handlers:
      top_up:
        trigger: {consume: webhooks}
        dedup: {by: event_id, in: pg, window: WINDOW, scope: global, atomic: true}
        steps: [{transaction: pg, steps: [{write: pg, entity: wallet, mode: increment}]}]
"""


@pytest.mark.parametrize(("window", "currently"), [("24h", "partial"), ("forever", "ok")])
def test_a_memory_that_ends_before_the_repetitions_is_not_ok(window: str, currently: str):
    review = review_document(parse_text(WEBHOOK.replace("WINDOW", window)))
    (row,) = [row for row in review.idempotency if row.flow.endswith("(webhook)")]
    assert (row.mechanism, row.currently, row.operation_id_origin) == ("dedup-by-operation-id", currently, "event")
