"""What the code shows as a whole: the other ends of topics, outboxes, windows of writing twice, names of databases."""

from __future__ import annotations

from textwrap import dedent

import pytest

from data_integration_architect.discovery import discover
from data_integration_architect.scanners.observations import marked_lines

REQUIREMENTS = "sqlalchemy\npsycopg2\nkafka-python\n"


@pytest.fixture
def observed(tmp_path):
    def run(**files):
        (tmp_path / "requirements.txt").write_text(REQUIREMENTS, encoding="utf-8")
        for name, text in files.items():
            path = tmp_path / name.replace("__", "/").replace("_dot_", ".")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(dedent(text), encoding="utf-8")
        found = discover(tmp_path, workers=0)
        return [(one.class_, one.function, one.places) for one in found.observations]

    return run


PRODUCE = """\
    from kafka import KafkaProducer

    producer = KafkaProducer()

    def announce(order):
        producer.send("{}", order)
    """
CONSUME = """\
    from kafka import KafkaConsumer

    def listen():
        for message in KafkaConsumer("{}"):
            print(message)
    """


def test_both_ends_of_a_topic_are_silent(observed):
    assert observed(a_dot_py=PRODUCE.format("orders"), b_dot_py=CONSUME.format("orders")) == []


def test_names_that_nearly_match_are_one_observation(observed):
    (one,) = observed(a_dot_py=PRODUCE.format("orders.created"), b_dot_py=CONSUME.format("order_created"))
    assert one == ("topic-names-nearly-match", "orders.created", ("a.py:6", "b.py:4"))


def test_a_topic_without_its_other_end(observed):
    found = observed(a_dot_py=PRODUCE.format("payments"), b_dot_py=CONSUME.format("shipments"))
    assert found == [
        ("topic-without-producer", "shipments", ("b.py:4",)),
        ("unconsumed-topic", "payments", ("a.py:6",)),
    ]


def test_numbered_topics_are_not_misspelt(observed):
    found = observed(a_dot_py=PRODUCE.format("orders-1"), b_dot_py=CONSUME.format("orders-2"))
    assert "topic-names-nearly-match" not in {one[0] for one in found}


def test_a_computed_name_leaves_the_other_end_open(observed):
    computed = CONSUME.format("x").replace('"x"', "topic()")
    assert observed(a_dot_py=PRODUCE.format("payments"), b_dot_py=computed) == []


OUTBOX = """\
    from kafka import KafkaProducer
    from sqlalchemy.orm import Session, declarative_base

    Base = declarative_base()
    producer = KafkaProducer()

    class Order(Base):
        __tablename__ = "orders"

    class OutboxMessage(Base):
        __tablename__ = "outbox"

    def place(session: Session, order: Order):
        session.add(order)
        session.add(OutboxMessage(topic="orders"))
        session.commit()
    """
RELAY = """
    def relay(session: Session):
        for message in session.query(OutboxMessage).all():
            producer.send("orders", message)
            session.delete(message)
        session.commit()
    """
AROUND = """
    def cancel(session: Session, order: Order):
        session.add(order)
        session.commit()
        producer.send("cancelled", order)
    """


def test_an_outbox_that_nothing_empties(observed):
    ((kind, _, places),) = observed(shop__app_dot_py=OUTBOX)
    assert (kind, places) == ("dead-outbox", ("shop/app.py:15",))


def test_an_outbox_with_a_relay_is_silent(observed):
    assert observed(shop__app_dot_py=OUTBOX + RELAY) == []


def test_a_message_around_the_outbox(observed):
    ((kind, function, places),) = observed(shop__app_dot_py=OUTBOX + RELAY + AROUND)
    assert (kind, function) == ("bypassed-outbox", "cancel") and places[0].startswith("shop/app.py:2")


def test_a_window_that_the_authors_marked(observed):
    marked = OUTBOX + AROUND.replace("    def cancel", "    # TODO remove the dual write\n    def cancel")
    kinds = [one[0] for one in observed(shop__app_dot_py=marked)]
    assert "migration-window-without-exit" in kinds
    assert "migration-window-without-exit" not in [one[0] for one in observed(shop__app_dot_py=OUTBOX + AROUND)]


@pytest.mark.parametrize("text", ["# dual-write", "if flags.double_writes_enabled:", "// Shadow write until June"])
def test_words_that_mark_a_window(text):
    assert marked_lines(f"a = 1\n{text}\n") == (2,)


@pytest.mark.parametrize("text", ["# writes twice a day", "individual_writer = 1", "doubled = written"])
def test_words_that_mark_none(text):
    assert marked_lines(text) == ()


def test_one_database_under_two_names(observed):
    compose = """\
        services:
          db:
            image: postgres:16
            container_name: orders-db
            environment: {POSTGRES_DB: shop}
          api:
            build: api
            environment: {DATABASE_URL: "postgresql://u@db:5432/shop"}
          report:
            build: report
            environment: {DATABASE_URL: "postgresql://u@orders-db:5432/shop"}
        """
    found = observed(compose_dot_yaml=compose)
    assert [(kind, name) for kind, name, _ in found] == [("one-database-two-names", "db/shop")]
