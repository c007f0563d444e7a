"""What is and what is not a dual write, each beside its near miss."""

from __future__ import annotations

from code_samples import found, scan_files

REQUIREMENTS = "sqlalchemy\npsycopg2\nkafka-python\nredis\nrq\n"
HEAD = """\
from kafka import KafkaProducer
from redis import Redis
from rq import Queue
from sqlalchemy.orm import Session

producer = KafkaProducer()
cache = Redis()
queue = Queue(connection=cache)


"""


def python(body: str, path: str = "app/orders.py") -> list[tuple[str, tuple[str, ...], str, str]]:
    from textwrap import dedent

    return found(scan_files({"requirements.txt": REQUIREMENTS, path: HEAD + dedent(body)}))


def test_effects_in_different_arms_lie_on_no_common_path() -> None:
    both = """
        def place(session: Session, order, fast):
            if fast:
                producer.send("orders", order)
            session.add(order)
        """
    either = """
        def place(session: Session, order, fast):
            if fast:
                producer.send("orders", order)
            else:
                session.add(order)
        """
    returned = """
        def place(session: Session, order, fast):
            if fast:
                producer.send("orders", order)
                return
            session.add(order)
        """
    assert len(python(both)) == 1
    assert python(either) == []
    assert python(returned) == []


def test_an_error_handler_is_no_second_half() -> None:
    body = """
        def place(session: Session, order):
            try:
                session.add(order)
            except ValueError:
                producer.send("failed", order)
        """
    assert python(body) == []
    assert len(python(body.replace("except ValueError", "finally"))) == 1


def test_cache_set_is_a_dual_write_and_eviction_its_own_low_class() -> None:
    body = """
        def rename(session: Session, user):
            session.add(user)
            cache.set(user.id, user.name)
        """
    assert python(body) == [("rename", ("postgresql", "redis"), "dual_write", "direct")]
    evicted = python(body.replace("cache.set(user.id, user.name)", "cache.delete(user.id)"))
    assert evicted == [("rename", ("postgresql", "redis"), "cache_invalidation", "direct")]


def test_a_lock_a_read_and_a_pop_are_no_writes() -> None:
    for call in ('cache.set("lock", 1, nx=True)', 'cache.get("x")', 'cache.lpop("queue")'):
        assert python(f"def work(session: Session, order):\n    {call}\n    session.add(order)\n") == []


def test_a_queue_on_redis_and_redis_are_one_store() -> None:
    body = """
        def start(job):
            cache.set("running", 1)
            queue.enqueue(job)
        """
    assert python(body) == []
    assert len(python(body.replace('cache.set("running", 1)', 'producer.send("running", b"")'))) == 1


def test_helper_found_and_thin_caller_not_repeated() -> None:
    body = """
        def publish(order):
            producer.send("orders", order)


        def place(session: Session, order):
            session.add(order)
            publish(order)


        def handler(session: Session, order):
            place(session, order)
            return "ok"
        """
    assert python(body) == [("place", ("postgresql", "kafka"), "dual_write", "helper")]


def test_test_code_is_told_apart() -> None:
    body = """
        def place(session: Session, order):
            session.add(order)
            producer.send("orders", order)
        """
    assert len(python(body, "app/orders.py")) == 1
    assert python(body, "tests/test_orders.py") == []


def test_outbox_row_in_the_same_database_is_no_dual_write_and_its_relay_neither() -> None:
    body = """
        class OutboxMessage:
            pass


        def place(session: Session, order):
            session.add(order)
            session.add(OutboxMessage())
            session.commit()


        def relay_outbox(session: Session):
            for message in session.query(OutboxMessage):
                producer.send("orders", message)
                session.delete(message)
                session.commit()
        """
    assert python(body) == []
    assert len(python(body.replace("def relay_outbox", "def send_all").replace("OutboxMessage", "Invoice"))) == 1


def test_order_to_the_commit() -> None:
    def order(first: str, second: str) -> str:
        result = scan_files(
            {
                "requirements.txt": REQUIREMENTS,
                "a.py": HEAD + f"def f(session: Session, x):\n    session.add(x)\n    {first}\n    {second}\n",
            }
        )
        return result.dual_writes[0].order

    assert order('producer.send("t", x)', "session.commit()") == "before-commit"
    assert order("session.commit()", 'producer.send("t", x)') == "after-commit"


def test_inside_a_declared_transaction() -> None:
    result = scan_files(
        {
            "pom.xml": "<artifactId>spring-boot-starter-data-jpa</artifactId><artifactId>spring-kafka</artifactId>",
            "src/main/java/S.java": """\
                import org.springframework.data.jpa.repository.JpaRepository;
                import org.springframework.kafka.core.KafkaTemplate;
                import org.springframework.transaction.annotation.Transactional;
                interface Orders extends JpaRepository<Order, Long> {}
                class S {
                    Orders orders;
                    KafkaTemplate<String, Order> kafka;
                    @Transactional
                    void place(Order order) { orders.save(order); kafka.send("t", order); }
                }
                """,
        }
    )
    assert [write.order for write in result.dual_writes] == ["inside-transaction"]


def test_implementers_of_one_interface_are_alternatives() -> None:
    files = {
        "package.json": '{"dependencies": {"ioredis": "1", "pg": "1"}}',
        "store.ts": """\
            import Redis from "ioredis";
            import { Pool } from "pg";
            export interface SessionStore { put(id: string): Promise<void>; }
            export class RedisStore implements SessionStore {
              private client = new Redis();
              async put(id: string) { await this.client.set(id, "1"); }
            }
            export class PgStore implements SessionStore {
              private pool = new Pool();
              async put(id: string) { await this.pool.query("INSERT INTO s VALUES ($1)", [id]); }
            }
            export class Login {
              constructor(private readonly store: SessionStore) {}
              async run() { await this.store.put("a"); }
            }
            """,
    }
    assert found(scan_files(files)) == []


def test_object_storage_mail_and_local_caches_are_no_second_store() -> None:
    files = {
        "package.json": '{"dependencies": {"@aws-sdk/client-s3": "3", "pg": "1"}}',
        "a.ts": """\
            import { S3 } from "@aws-sdk/client-s3";
            import { Pool } from "pg";
            const s3 = new S3({});
            const pool = new Pool();
            export async function upload(id: string) {
              await pool.query("INSERT INTO files VALUES ($1)", [id]);
              await s3.putObject({});
            }
            """,
    }
    result = scan_files(files)
    assert found(result) == []
    assert {use.technology for use in result.stores} == {"postgresql", "s3"}


def test_in_the_arm_of_an_error_the_failed_call_had_no_effect() -> None:
    def go(publish_in_arm: str, publish_after: str) -> list[tuple[str, tuple[str, ...], str, str]]:
        files = {
            "go.mod": "module example.com/a\nrequire (\n\tgithub.com/lib/pq v1.0.0\n"
            "\tgithub.com/segmentio/kafka-go v0.4.0\n)\n",
            "a/a.go": f"""\
                package a
                import (
                    "database/sql"
                    "github.com/segmentio/kafka-go"
                )
                type S struct {{
                    db *sql.DB
                    w  *kafka.Writer
                }}
                func (s *S) Work() {{
                    if _, err := s.db.Exec("INSERT INTO a VALUES (1)"); err != nil {{
                        {publish_in_arm}
                    }}
                    {publish_after}
                }}
                """,
        }
        return found(scan_files(files))

    assert go("s.w.WriteMessages(nil)", "") == []
    assert len(go("return", "s.w.WriteMessages(nil)")) == 1


def test_an_event_log_that_is_marked_around_the_publish_is_a_relay() -> None:
    body = """
        class EventLogService:
            def __init__(self, session: Session):
                self.session = session

            def mark_published(self, event):
                self.session.add(event)
                self.session.commit()


        def publish_through_bus(log: EventLogService, event):
            producer.send("orders", event)
            log.mark_published(event)
        """
    assert python(body) == []
    assert len(python(body.replace("EventLog", "Invoice"))) == 1


def test_attributes_of_a_class_that_extends_a_client_are_the_client() -> None:
    files = {
        "package.json": '{"dependencies": {"@prisma/client": "6", "pg": "8", "@nestjs/elasticsearch": "11"}}',
        "db.ts": """\
            import { PrismaClient } from "@prisma/client";
            export class Db extends PrismaClient {}
            """,
        "products.ts": """\
            import { ElasticsearchService } from "@nestjs/elasticsearch";
            import { Db } from "./db";
            export class Products {
              constructor(private readonly db: Db, private readonly es: ElasticsearchService) {}
              async create(id: string) {
                await Promise.all([this.db.product.create({ data: { id } }), this.es.create({ index: "products" })]);
              }
            }
            """,
    }
    assert found(scan_files(files)) == [("Products.create", ("postgresql", "elasticsearch"), "dual_write", "direct")]
