"""Small topologies for the tests of mechanisms, as text with places to fill in."""

import yaml

from data_integration_architect.modelcheck.cases import Question
from data_integration_architect.modelcheck.check import decide
from data_integration_architect.modelcheck.facts import Assumptions
from data_integration_architect.modelcheck.verdict import Verdict
from data_integration_architect.modelcheck.world import Bounds
from data_integration_architect.topology import Topology, normalize

DUAL_WRITE = """
stores: {pg: {}, es: {}}
entities: {product: {key: id, system_of_record: pg}}
processes:
  shop:
    instances: %(instances)s
    handlers: {save: {trigger: {request: {retries: false}}, steps: %(steps)s}}
"""

CAPTURE = """
stores: {pg: {technology: postgresql}, es: {technology: elasticsearch}}
channels: {changes: {technology: kafka, message_key: %(key)s, partitions: 12%(moved)s}}
entities: {product: {key: id, deletes: %(deletes)s}}
processes:
  shop:
    instances: many
    handlers: {save: {trigger: {request: {retries: false}}, steps: [{write: pg, entity: product}]}}
  indexer:
    instances: %(instances)s
    handlers:
      run: {trigger: {consume: changes, %(trigger)s}, steps: [{write: es, entity: product, %(write)s}]}
captures: {debezium: {from: pg, to: changes, by: log}}
"""

OUTBOX = """
stores: {pg: {}, views: {}}
channels: {outbox: {technology: table, in: pg, carries: [invoice]}}
entities: {invoice: {key: id}}
processes:
  api:
    handlers:
      save:
        trigger: {request: {retries: false}}
        steps: [{transaction: pg, steps: [{write: pg, entity: invoice}, {append: outbox, entity: invoice}]}]
  builder:
    instances: %(instances)s
    handlers:
      poll: {trigger: {consume: outbox, %(trigger)s}, steps: [{write: views, entity: invoice, guard: none}]}
"""

CACHE = """
stores: {main: {}, cache: {expiry: %(expiry)s}}
entities: {profile: {key: id}}
processes:
  web:
    instances: many
    handlers:
      view:
        trigger: {request: {}}
        steps:
          - {read: cache, entity: profile, on_miss: [
              {read: main, entity: profile}, {write: cache, entity: profile, guard: %(guard)s}]}
      edit: {trigger: {request: {retries: %(retries)s}}, steps: %(steps)s}
"""

TRANSFER = """
stores: {a: {}, b: {}, memory: {}}
channels: {transfers: {technology: kafka}, debits: {technology: kafka}, credits: {technology: kafka}}
entities: {account: {key: account_id, change: delta}}
processes:
  api:
    handlers:
      send:
        trigger:
          request:
            retries: %(retries)s
            operation_id: {made_by: client, survives_retry: %(survives)s, built_from: %(built)s}
        steps: [{append: transfers, entity: transfer}]
  splitter:
    instances: 1
    handlers:
      split:
        trigger: {consume: transfers}
        steps: [{append: debits, entity: account}, {append: credits, entity: account}]
  debit:
    instances: 1
    handlers:
      run:
        trigger: {consume: debits}
        dedup: %(debit)s
        steps: [{write: a, entity: account, mode: increment, guard: none}]
  credit:
    instances: 1
    handlers:
      run:
        trigger: {consume: credits}
        dedup: %(credit)s
        steps: [{write: b, entity: account, mode: increment, guard: none}]
constraints: [{name: total, kind: sum, entity: account}]
"""

TWO_PHASE = """
stores: {a: {}, b: {}}
entities: {account: {key: id}}
processes:
  bank:
    handlers:
      transfer:
        trigger: {request: {retries: false}}
        steps:
          - transaction: [a, b]
            coordinator: {log: %(log)s, returns: %(returns)s}
            steps: [{write: a, entity: account}, {write: b, entity: account}]
"""

REPLICA = """
stores: {pg: {}, standby: {replica_of: pg, replication: %(replication)s}}
entities: {profile: {key: id}}
processes:
  web: {handlers: {edit: {trigger: {request: {retries: false}}, steps: [{write: pg, entity: profile}]}}}
readers: [{reads: standby, entity: profile, own_writes: required, own_writes_from: %(source)s}]
"""


def topology(text: str, **values: object) -> Topology:
    """The normal form of a topology."""
    return normalize(Topology.model_validate(yaml.safe_load(text % values if values else text))).topology


def verdict(
    given: Topology,
    question: tuple[str, str, str | None],
    bounds: Bounds | None = None,
    assumptions: Assumptions | None = None,
    also: tuple[tuple[str, str | None], ...] = (),
) -> Verdict:
    """The verdict on one question."""
    return decide(given, Question(*question, also), bounds or Bounds(), assumptions=assumptions)


RETRY_TOPIC = """
stores: {pg: {}, es: {}}
channels: {changes: {technology: kafka, message_key: id}, again: {technology: kafka, message_key: id}}
entities: {product: {key: id}}
processes:
  shop:
    instances: many
    handlers: {save: {trigger: {request: {retries: false}}, steps: [{write: pg, entity: product}]}}
  indexer:
    instances: 1
    handlers:
      run:
        trigger: {consume: changes, %(trigger)s}
        steps: [{write: es, entity: product, guard: none, retry: {attempts: 3, then: dead-letter}, dead_letter: again}]
      rerun: {trigger: {consume: again}, steps: [{write: es, entity: product, guard: none}]}
captures: {debezium: {from: pg, to: changes, by: log}}
"""

QUERY = """
stores: {pg: {}, wh: {}}
channels: {rows: {technology: kafka, message_key: id}}
entities: {order: {key: id, deletes: %(deletes)s}}
processes:
  shop:
    instances: many
    handlers: {save: {trigger: {request: {retries: false}}, steps: [{write: pg, entity: order}]}}
captures: {poll: {from: pg, to: rows, by: query, cursor: modified-time, %(capture)s}}
consumers: {load: {from: rows, to: wh, guard: none, instances: 1}}
"""

JOB = """
stores: {pg: {}, wh: {}}
entities: {order: {key: id, deletes: hard}}
processes:
  shop:
    instances: many
    handlers: {save: {trigger: {request: {retries: false}}, steps: [{write: pg, entity: order}]}}
jobs: {nightly: {from: pg, to: wh, every: 24h, mode: %(mode)s}}
"""

RE_READ = """
stores: {pg: {}, es: {}}
channels: {ids: {technology: table, in: pg, message_key: id}}
entities: {product: {key: id, deletes: hard}}
processes:
  shop:
    instances: many
    handlers:
      save:
        trigger: {request: {retries: false}}
        steps: [{transaction: pg, steps: [{write: pg, entity: product}, {append: ids, entity: product}]}]
  indexer:
    instances: 1
    handlers:
      run:
        trigger: {consume: ids, cursor: commit-order}
        steps:
          - {read: pg, entity: product}
          - {write: es, entity: product, values: re-read, guard: none, missing_source: %(missing)s}
"""
