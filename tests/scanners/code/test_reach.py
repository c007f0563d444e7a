"""Ways in which a function reaches a store through other code: path mappings, extensions, scopes, bindings."""

from __future__ import annotations

from code_samples import found, scan_files


def test_modules_are_found_by_the_path_mapping_of_the_compiler() -> None:
    files = {
        "package.json": '{"dependencies": {"@prisma/client": "5", "pg": "8", "bull": "4"}}',
        "tsconfig.base.json": """{
          // comments and trailing commas are allowed here
          "compilerOptions": {"baseUrl": ".", "paths": {
            "@shop/store": ["./libs/kernel/src/database/main"], "@jobs/*": ["./libs/kernel/src/jobs/*"],
            /* "*": [] */},},
        }""",
        "libs/kernel/src/database/main.ts": """
            import { PrismaClient } from '@prisma/client';
            export class Store extends PrismaClient {}
        """,
        "libs/kernel/src/jobs/labels.ts": """
            import { Queue } from 'bull';
            export class Labels {
              constructor(private readonly pending: Queue<{ id: string }>) {}
              print(id: string) { return this.pending.add('print', { id }); }
            }
        """,
        "apps/api/parcels.ts": """
            import { Store } from '@shop/store';
            import { Labels } from '@jobs/labels';
            export class Parcels {
              constructor(private readonly store: Store, private readonly labels: Labels) {}
              async send(id: string) {
                await this.store.parcel.update({ where: { id } });
                await this.labels.print(id);
              }
            }
        """,
    }
    assert [name for name, *_ in found(scan_files(files))] == ["Parcels.send"]
    del files["tsconfig.base.json"]
    assert found(scan_files(files)) == []


GRADLE = 'implementation("com.github.seratch:kotliquery:1.9")\nimplementation("org.apache.kafka:kafka-clients:3")\n'
SENDER = """
    package shop
    import org.apache.kafka.clients.producer.KafkaProducer
    import org.apache.kafka.clients.producer.ProducerRecord

    class Sender(private val producer: KafkaProducer<String, String>) {
        fun tell(text: String) { producer.send(ProducerRecord("parcels", text)) }
    }
"""


def kotlin(body: str) -> list[tuple[str, tuple[str, ...], str, str]]:
    return found(scan_files({"build.gradle.kts": GRADLE, "src/Sender.kt": SENDER, "src/Parcels.kt": body}))


def test_extension_functions_belong_to_the_type_that_they_extend() -> None:
    body = """
        package shop
        import java.sql.Connection

        interface Database { val connection: Connection }

        suspend fun Database.close(id: String): Boolean =
            connection.use { it.prepareStatement("update parcel set closed = true").run { executeUpdate() > 0 } }

        fun String.close(id: String): Boolean = true

        class Parcels(private val database: Database, private val sender: Sender, private val label: String) {
            suspend fun both(id: String) {
                database.close(id)
                sender.tell(id)
            }
            fun one(id: String) {
                label.close(id)
                sender.tell(id)
            }
        }
    """
    assert [name for name, *_ in kotlin(body)] == ["Parcels.both"]


def test_scope_functions_give_their_lambda_a_receiver_or_an_argument() -> None:
    body = """
        package shop
        import javax.sql.DataSource
        import kotliquery.Session
        import kotliquery.queryOf
        import kotliquery.sessionOf
        import kotliquery.using

        class Rows {
            companion object {
                context(tx: Session)
                fun close(id: String) = tx.run(queryOf(\"\"\"
                    UPDATE parcel SET closed = true WHERE id = '${'$'}{id}'
                \"\"\".trimIndent()).asUpdate)
            }
        }

        class Work(private val source: DataSource) {
            fun <T> inOne(block: context(Session) () -> T): T =
                using(sessionOf(source)) { session -> session.transaction { tx -> block(tx) } }
        }
    """
    user = """
        package shop
        import javax.sql.DataSource
        import shop.Rows.Companion.close

        class Parcels(private val source: DataSource, private val sender: Sender) {
            context(helper: Sender)
            fun inContext(id: String) = Work(source).inOne { close(id) }.also { helper.tell(id) }

            fun onReceiver(id: String) {
                Work(source).inOne { close(id) }
                sender.apply { tell(id) }
            }

            fun read(id: String) {
                source.let { it.connection.prepareStatement("select id from parcel") }
                sender.apply { tell(id) }
            }
        }
    """
    files = {"build.gradle.kts": GRADLE, "src/Sender.kt": SENDER, "src/Rows.kt": body, "src/Parcels.kt": user}
    assert [name for name, *_ in found(scan_files(files))] == ["Parcels.inContext", "Parcels.onReceiver"]


def test_csharp_extension_methods_take_their_receiver_as_first_argument() -> None:
    files = {
        "Shop.csproj": """<PackageReference Include="Confluent.Kafka" />
            <PackageReference Include="Npgsql.EntityFrameworkCore.PostgreSQL" />
            <PackageReference Include="Microsoft.EntityFrameworkCore" />""",
        "Sending.cs": """
            using Confluent.Kafka;
            namespace Shop.Messages {
                public static class Sending {
                    public static Task Tell(this IProducer<string, string> line, string id) {
                        return line.ProduceAsync("parcels", new Message<string, string> { Value = id });
                    }
                }
            }
        """,
        "Parcels.cs": """
            using Confluent.Kafka;
            using Microsoft.EntityFrameworkCore;
            using Shop.Messages;
            namespace Shop {
                public class Parcel { public string Id { get; set; } }
                public class Store : DbContext { public DbSet<Parcel> Parcels { get; set; } }
                public class Desk {
                    private readonly Store store;
                    private readonly IProducer<string, string> line;
                    public async Task Close(string id) {
                        store.Parcels.Add(new Parcel { Id = id });
                        await store.SaveChangesAsync();
                        await line.Tell(id);
                    }
                }
            }
        """,
    }
    assert [name for name, *_ in found(scan_files(files))] == ["Desk.Close"]


def test_a_caller_that_adds_a_write_to_a_whole_dual_write_has_its_own_finding() -> None:
    body = """
        from kafka import KafkaProducer
        from sqlalchemy.orm import Session

        producer = KafkaProducer()


        def credit(session: Session, amount):
            session.add(amount)
            session.commit()
            producer.send("credits", amount)


        def paid(session: Session, amount):
            credit(session, amount)
            tell(amount)


        def tell(amount):
            producer.send("payments", amount)


        def only_calls(session: Session, amount):
            credit(session, amount)
    """
    files = {"requirements.txt": "sqlalchemy\npsycopg2\nkafka-python\n", "app/pay.py": body}
    assert [name for name, *_ in found(scan_files(files))] == ["credit", "paid"]


GO_MOD = "module shop.test/app\nrequire (\n gorm.io/gorm v1.25\n gorm.io/driver/mysql v1\n gorm.io/gen v0.3\n" + (
    " github.com/segmentio/kafka-go v0.4\n github.com/redis/rueidis v1\n entgo.io/ent v0.14\n)\n"
)


def test_go_queries_that_a_generator_wrote_and_methods_taken_as_values() -> None:
    files = {
        "go.mod": GO_MOD,
        "query/parcels.gen.go": """
            // Code generated by gorm.io/gen. DO NOT EDIT.
            package query
            import "gorm.io/gen"
            type Query struct { Parcel parcel }
            type parcel struct { parcelDo }
            type parcelDo struct { gen.DO }
            func (p parcelDo) Create(values ...*Row) error { return p.DO.Create(values) }
        """,
        "shop/store.go": """
            package shop
            import (
                "shop.test/app/query"
                "github.com/redis/rueidis"
            )
            type Store interface { Keep(id string) error }
            type rows struct { q *query.Query }
            func (r rows) Keep(id string) error { return r.q.Parcel.Create(nil) }
            type desk struct { store Store; memory rueidis.Client }
            func (d desk) Close(id string) error {
                keep := d.store.Keep
                if err := keep(id); err != nil { return err }
                return d.memory.Do(nil, d.memory.B().Set().Key(id).Value("1").Build()).Error()
            }
            func (d desk) Look(id string) error {
                if err := d.store.Keep(id); err != nil { return err }
                return d.memory.Do(nil, d.memory.B().Get().Key(id).Build()).Error()
            }
        """,
    }
    assert [name for name, *_ in found(scan_files(files))] == ["desk.Close"]


def test_a_generated_client_is_known_by_its_folder() -> None:
    files = {
        "go.mod": GO_MOD,
        "shop/desk.go": """
            package shop
            import (
                "context"
                "shop.test/app/ent"
                "github.com/segmentio/kafka-go"
            )
            type desk struct { client *ent.Client; out *kafka.Writer }
            func (d desk) Open(ctx context.Context, id string) error {
                if _, err := d.client.Parcel.Create().SetCode(id).Save(ctx); err != nil { return err }
                return d.out.WriteMessages(ctx, kafka.Message{Value: []byte(id)})
            }
            func (d desk) Show(ctx context.Context, id string) error {
                if _, err := d.client.Parcel.Query().All(ctx); err != nil { return err }
                return d.out.WriteMessages(ctx, kafka.Message{Value: []byte(id)})
            }
        """,
    }
    assert [name for name, *_ in found(scan_files(files))] == ["desk.Open"]


def test_a_cached_read_on_the_way_is_no_write_of_its_caller() -> None:
    files = {
        "package.json": '{"dependencies": {"knex": "3", "pg": "8", "redis": "4"}}',
        "server/db.js": 'const knex = require("knex");\nconst db = knex({});\nmodule.exports = db;\n',
        "server/memory.js": (
            'const { createClient } = require("redis");\nconst client = createClient();\nmodule.exports = { client };\n'
        ),
        "server/parcels.js": """
            const db = require("./db");
            const memory = require("./memory");
            async function known(id) {
              const kept = await memory.client.get(id);
              if (kept) return kept;
              const row = await db("parcels").where({ id }).first();
              memory.client.set(id, row);
              return row;
            }
            async function note(id) {
              await memory.client.set(id, "seen");
            }
            async function close(id) {
              const parcel = await known(id);
              await db("parcels").update({ closed: true });
            }
            async function see(id) {
              await note(id);
              await db("parcels").update({ seen: true });
            }
            module.exports = { close, see };
        """,
    }
    assert [name for name, *_ in found(scan_files(files))] == ["see"]


def test_a_go_package_is_known_by_the_name_that_it_declares() -> None:
    files = {
        "go.mod": GO_MOD,
        "lines/kafka/out.go": """
            package teller
            import "github.com/segmentio/kafka-go"
            type Teller struct { w *kafka.Writer }
            func (t *Teller) Tell(id string) error { return t.w.WriteMessages(nil, kafka.Message{}) }
        """,
        "shop/desk.go": """
            package shop
            import (
                "gorm.io/gorm"
                "shop.test/app/lines/kafka"
            )
            type Desk struct { db *gorm.DB; out *teller.Teller }
            func (d *Desk) Open(id string) error {
                if err := d.db.Create(&id).Error; err != nil { return err }
                go func() { d.out.Tell(id) }()
                return nil
            }
        """,
    }
    assert [name for name, *_ in found(scan_files(files))] == ["Desk.Open"]


def test_only_the_listeners_of_the_event_that_a_wrapper_is_given_run() -> None:
    files = {
        "pom.xml": "<artifactId>spring-boot-starter-data-jpa</artifactId><artifactId>postgresql</artifactId>"
        "<artifactId>spring-kafka</artifactId>",
        "src/main/java/shop/Desk.java": """
            package shop;
            import org.springframework.context.ApplicationEventPublisher;
            import org.springframework.context.event.EventListener;
            import org.springframework.data.jpa.repository.JpaRepository;
            import org.springframework.kafka.core.KafkaTemplate;

            interface Happening {}
            class Opened implements Happening {}
            class Closed implements Happening {}
            interface Parcels extends JpaRepository<Parcel, Long> {}

            class Bell {
              private ApplicationEventPublisher inner;
              void ring(Happening happening) { inner.publishEvent(happening); }
            }

            class Listeners {
              private KafkaTemplate<String, String> line;
              @EventListener
              void opened(Opened event) { line.send("opened", "x"); }
              @EventListener
              void closed(Closed event) { System.out.println(event); }
            }

            class Desk {
              private Parcels parcels;
              private Bell bell;
              void open(Parcel parcel) { parcels.save(parcel); bell.ring(new Opened()); }
              void close(Parcel parcel) { parcels.save(parcel); bell.ring(new Closed()); }
            }
        """,
    }
    assert [name for name, *_ in found(scan_files(files))] == ["Desk.open"]


def test_stored_messages_that_are_sent_and_then_deleted_are_an_outbox_by_any_name() -> None:
    body = """
        package shop;
        import org.springframework.data.jpa.repository.JpaRepository;
        import org.springframework.kafka.core.KafkaTemplate;

        class {row} {{ }}
        interface Rows extends JpaRepository<{row}, Long> {{}}

        class Sweeper {{
          private Rows rows;
          private KafkaTemplate<String, String> line;
          void sweep() {{
            for ({row} row : rows.findAll()) {{
              line.send("parcels", "x");
              rows.delete(row);
            }}
          }}
        }}
    """
    pom = (
        "<artifactId>spring-boot-starter-data-jpa</artifactId><artifactId>postgresql</artifactId>"
        "<artifactId>spring-kafka</artifactId>"
    )

    def scanned(row: str) -> int:
        return len(found(scan_files({"pom.xml": pom, "src/main/java/shop/Sweeper.java": body.format(row=row)})))

    assert scanned("ParcelEventEntity") == 0
    assert scanned("Parcel") == 1
