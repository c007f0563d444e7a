"""Ways of frameworks to hide an effect: command objects, aggregates, facades, observers, generated queries."""

from __future__ import annotations

from code_samples import found, scan_files


def test_a_command_object_is_the_effect_of_its_client() -> None:
    files = {
        "package.json": '{"dependencies": {"@aws-sdk/client-dynamodb": "3", "@aws-sdk/client-sns": "3"}}',
        "src/orders.ts": """\
            import { DynamoDBClient, GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
            import { PublishCommand, SNSClient } from '@aws-sdk/client-sns';

            const db = new DynamoDBClient({});
            const sns = new SNSClient({});

            export async function place(order) {
              await db.send(new PutItemCommand({ TableName: 'orders', Item: order }));
              await sns.send(new PublishCommand({ TopicArn: 'orders', Message: order.id }));
            }

            export async function announce(id) {
              await db.send(new GetItemCommand({ TableName: 'orders', Key: id }));
              await sns.send(new PublishCommand({ TopicArn: 'orders', Message: id }));
            }
            """,
    }
    assert found(scan_files(files)) == [("place", ("dynamodb", "sns"), "dual_write", "direct")]


AGGREGATE = {
    "package.json": '{"dependencies": {"@nestjs/cqrs": "1", "typeorm": "1", "pg": "1", "kafkajs": "1"}}',
    "src/account.ts": """\
        import { AggregateRoot } from '@nestjs/cqrs';
        import { Opened } from './opened';

        export class Account extends AggregateRoot {
          open() {
            this.apply(new Opened());
          }
          rename() {}
        }
        """,
    "src/opened.ts": "export class Opened {}\n",
    "src/opened.handler.ts": """\
        import { EventsHandler, IEventHandler } from '@nestjs/cqrs';
        import { Producer } from 'kafkajs';
        import { Opened } from './opened';

        @EventsHandler(Opened)
        export class OpenedHandler implements IEventHandler<Opened> {
          constructor(private readonly producer: Producer) {}
          async handle(event: Opened) {
            await this.producer.send({ topic: 'opened', messages: [] });
          }
        }
        """,
    "src/open.ts": """\
        import { EventPublisher } from '@nestjs/cqrs';
        import { Repository } from 'typeorm';
        import { Account } from './account';

        export class OpenAccount {
          constructor(private readonly accounts: Repository<Account>, private readonly publisher: EventPublisher) {}
          async open() {
            const account = this.publisher.mergeObjectContext(new Account());
            account.open();
            await this.accounts.save(account);
            account.commit();
          }
          async rename() {
            const account = this.publisher.mergeObjectContext(new Account());
            account.rename();
            await this.accounts.save(account);
            account.commit();
          }
        }
        """,
}


def test_an_aggregate_publishes_what_it_applied() -> None:
    assert [(name, kind) for name, _, _, kind in found(scan_files(AGGREGATE))] == [("OpenAccount.open", "hook")]


LARAVEL = {
    "composer.json": '{"require": {"laravel/framework": "12", "ext-pdo_mysql": "*"}}',
    "app/Models/Album.php": """\
        <?php
        namespace App\\Models;
        use App\\Observers\\AlbumObserver;
        use Illuminate\\Database\\Eloquent\\Attributes\\ObservedBy;
        use Illuminate\\Database\\Eloquent\\Model;

        #[ObservedBy(AlbumObserver::class)]
        class Album extends Model {}
        """,
    "app/Models/Song.php": """\
        <?php
        namespace App\\Models;
        use Illuminate\\Database\\Eloquent\\Model;

        class Song extends Model {}
        """,
    "app/Observers/AlbumObserver.php": """\
        <?php
        namespace App\\Observers;
        use App\\Facades\\Jobs;
        use App\\Models\\Album;

        class AlbumObserver {
            public function deleted(Album $album): void { Jobs::enqueue($album); }
        }
        """,
    "app/Facades/Jobs.php": """\
        <?php
        namespace App\\Facades;
        use App\\Services\\JobQueue;
        use Illuminate\\Support\\Facades\\Facade;

        class Jobs extends Facade {
            protected static function getFacadeAccessor(): string { return JobQueue::class; }
        }
        """,
    "app/Services/JobQueue.php": """\
        <?php
        namespace App\\Services;

        class JobQueue {
            public function enqueue($job) { dispatch($job); }
        }
        """,
    "app/Events/SongLiked.php": "<?php\nnamespace App\\Events;\n\nclass SongLiked {}\n",
    "app/Listeners/TellFriends.php": """\
        <?php
        namespace App\\Listeners;
        use App\\Events\\SongLiked;
        use Illuminate\\Contracts\\Queue\\ShouldQueue;

        class TellFriends implements ShouldQueue {
            public function handle(SongLiked $event): void {}
        }
        """,
    "app/Services/Likes.php": """\
        <?php
        namespace App\\Services;
        use App\\Events\\SongLiked;
        use App\\Models\\Album;
        use App\\Models\\Song;

        class Likes {
            public function like(Song $song): void {
                $song->update(['liked' => true]);
                event(new SongLiked());
            }
            public function drop(Album $album): void { $album->delete(); }
            public function rename(Album $album): void { $album->update(['name' => 'a']); }
            public function tell(): void { event(new SongLiked()); }
        }
        """,
}


def test_queued_listeners_observers_and_facades_are_followed() -> None:
    names = [name for name, _, _, _ in found(scan_files(LARAVEL))]
    assert names == ["AlbumObserver.deleted", "Likes.like", "Likes.drop"]


def test_what_is_plucked_from_a_model_is_no_model() -> None:
    likes = """\
        <?php
        namespace App\\Services;
        use App\\Models\\Song;

        class Likes {
            public function ids($id) {
                dispatch($id);
                return Song::where('liked', true)->pluck('id')->push($id)->toArray();
            }
        }
        """
    assert [name for name, *_ in found(scan_files({**LARAVEL, "app/Services/Likes.php": likes}))] == [
        "AlbumObserver.deleted"
    ]


def test_a_listener_that_is_not_queued_is_no_queue() -> None:
    listener = LARAVEL["app/Listeners/TellFriends.php"].replace(" implements ShouldQueue", "")
    names = [name for name, _, _, _ in found(scan_files({**LARAVEL, "app/Listeners/TellFriends.php": listener}))]
    assert "Likes.like" not in names


GENERATED_QUERIES = {
    "go.mod": "module shop\n\nrequire (\n\tgithub.com/jackc/pgx/v5 v5.0.0\n\tgithub.com/segmentio/kafka-go v0.4.0\n)\n",
    "db/query.sql.go": """\
        // Code generated by sqlc. DO NOT EDIT.
        package db

        import (
            "context"
            "database/sql"
        )

        type DBTX interface {
            ExecContext(context.Context, string, ...interface{}) (sql.Result, error)
            QueryRowContext(context.Context, string, ...interface{}) *sql.Row
        }

        type Queries struct {
            db DBTX
        }

        const createOrder = `INSERT INTO orders (id) VALUES ($1)`

        func (q *Queries) CreateOrder(ctx context.Context, id string) error {
            _, err := q.db.ExecContext(ctx, createOrder, id)
            return err
        }
        """,
    "orders/place.go": """\
        package orders

        import (
            "context"

            "github.com/segmentio/kafka-go"
            "shop/db"
        )

        func Place(ctx context.Context, q *db.Queries, w *kafka.Writer) error {
            if err := q.CreateOrder(ctx, "1"); err != nil {
                return err
            }
            return w.WriteMessages(ctx, kafka.Message{})
        }
        """,
}


def test_generated_queries_are_read_and_not_reported() -> None:
    result = scan_files(GENERATED_QUERIES)
    assert [(name, kind) for name, _, _, kind in found(result)] == [("Place", "helper")]
    other = GENERATED_QUERIES["db/query.sql.go"].replace("by sqlc", "by protoc-gen-go")
    assert found(scan_files({**GENERATED_QUERIES, "db/query.sql.go": other})) == []


def test_state_and_messages_of_one_client_are_two_systems() -> None:
    files = {
        "Shop.csproj": '<Project><ItemGroup><PackageReference Include="Dapr.Client" /></ItemGroup></Project>',
        "Orders.cs": """\
            using Dapr.Client;
            namespace Shop;
            public class Orders(DaprClient dapr)
            {
                public async Task Place(Order order)
                {
                    await dapr.SaveStateAsync("store", order.Id, order);
                    await dapr.PublishEventAsync("pubsub", "orders", order);
                }
                public async Task Keep(Order order)
                {
                    await dapr.SaveStateAsync("store", order.Id, order);
                    await dapr.DeleteStateAsync("store", order.Id);
                }
            }
            """,
    }
    assert found(scan_files(files)) == [("Orders.Place", ("dapr-state", "dapr-pubsub"), "dual_write", "direct")]


def test_a_helper_that_processes_the_outbox_makes_its_caller_a_relay() -> None:
    files = {
        "requirements.txt": "sqlalchemy\npsycopg2\nkafka-python\n",
        "relay.py": """\
            from kafka import KafkaProducer
            from sqlalchemy.orm import Session

            producer = KafkaProducer()

            def process_outbox(message):
                producer.send(message.topic, message.data)

            def notify(message):
                producer.send(message.topic, message.data)

            def process(session: Session, message):
                process_outbox(message)
                session.delete(message)
                session.commit()

            def tell(session: Session, message):
                notify(message)
                session.delete(message)
                session.commit()
            """,
    }
    assert [name for name, _, _, _ in found(scan_files(files))] == ["tell"]


def test_methods_that_a_library_implements_do_what_their_annotations_say() -> None:
    mapper = """
        package shop;
        import org.apache.ibatis.annotations.*;

        @Mapper
        public interface OrderDao {
          @Insert("insert into orders(id) " + "values (#{id})")
          int create(Order order);
          @Select("update orders set state = 1 where id = #{id}")
          int close(long id);
          @Select("select * from orders where id = #{id}")
          Order load(long id);
          int deleteByState(int state);
        }
        """
    service = """
        package shop;
        import redis.clients.jedis.Jedis;

        public class OrderService {
          private OrderDao orderDao;
          private Jedis jedis;
          public void place(Order order) { orderDao.create(order); jedis.set("o", "1"); }
          public void close(long id) { orderDao.close(id); jedis.set("o", "2"); }
          public void purge() { orderDao.deleteByState(3); jedis.set("o", "3"); }
          public void warm(long id) { orderDao.load(id); jedis.set("o", "4"); }
        }
        """
    order = "package shop; public class Order { long id; }"
    result = scan_files({"shop/OrderDao.java": mapper, "shop/OrderService.java": service, "shop/Order.java": order})
    assert [(function, systems) for function, systems, _, _ in found(result)] == [
        ("OrderService.place", ("sql", "redis")),
        ("OrderService.close", ("sql", "redis")),
        ("OrderService.purge", ("sql", "redis")),
    ]


def test_a_lazy_property_and_a_lambda_after_the_commit_are_followed_in_kotlin() -> None:
    files = {
        "build.gradle.kts": 'dependencies { implementation("org.springframework.data:spring-data-r2dbc") }',
        "src/Orders.kt": """\
            package shop
            import org.springframework.data.repository.kotlin.CoroutineCrudRepository
            import org.springframework.transaction.reactive.TransactionalOperator
            import org.springframework.transaction.reactive.executeAndAwait
            import software.amazon.awssdk.services.sns.SnsClient

            class Clients(val client: SnsClient)
            interface OrderRepository : CoroutineCrudRepository<Order, String>
            class Order(val id: String)

            class Events(clients: Clients) {
              private val topic by lazy { clients.client ?: throw RuntimeException("no topic") }
              fun send(id: String) { topic.publish(id) }
            }

            open class OrderService(private val orders: OrderRepository) {
              open suspend fun place(order: Order): Order { return orders.save(order) }
            }

            class AuditedOrderService(private val events: Events, orders: OrderRepository) : OrderService(orders) {
              override suspend fun place(order: Order): Order {
                return super.place(order).also { events.send(it.id) }
              }
            }

            class Store(
              private val tx: TransactionalOperator,
              private val orders: OrderRepository,
              private val events: Events,
            ) {
              suspend fun store(order: Order) {
                val saved = tx.executeAndAwait { orders.save(order) }
                events.send(saved.id)
              }
            }
            """,
    }
    result = scan_files(files)
    assert [(w.function, w.systems, w.order) for w in result.dual_writes] == [
        ("AuditedOrderService.place", ("sql", "sns"), "no-transaction"),
        ("Store.store", ("sql", "sns"), "after-commit"),
    ]


def test_a_topic_and_a_queue_of_one_messaging_service_are_one_system() -> None:
    source = """
        package shop;
        import software.amazon.awssdk.services.sns.SnsClient;
        import software.amazon.awssdk.services.sqs.SqsClient;

        public class Notices {
          private SnsClient sns;
          private SqsClient sqs;
          public void tell() { sns.publish("a"); sqs.sendMessage("b"); }
        }
        """
    assert found(scan_files({"shop/Notices.java": source})) == []


def test_clients_of_node_that_wrap_another_store() -> None:
    files = {
        "package.json": '{"dependencies": {"typeorm": "1", "aws-sdk": "2", "graphql-redis-subscriptions": "2"}}',
        "src/posts.ts": """\
            import { S3, SNS } from 'aws-sdk';
            import { RedisPubSub } from 'graphql-redis-subscriptions';
            import { Repository } from 'typeorm';
            import { Post } from './post';

            export class Posts {
              constructor(private posts: Repository<Post>, private pubSub: RedisPubSub) {}
              async add(post: Post) {
                await this.posts.save(post);
                this.pubSub.publish('post', post);
              }
              async tell(post: Post) {
                await this.posts.save(post);
                await new SNS().publish({ TopicArn: 'posts' }).promise();
              }
              async attach(post: Post) {
                await new S3().upload({ Bucket: 'posts' }).promise();
              }
            }
            """,
        "src/post.ts": "export class Post {}",
    }
    result = scan_files(files)
    assert [(function, systems) for function, systems, _, _ in found(result)] == [
        ("Posts.add", ("sql", "redis")),
        ("Posts.tell", ("sql", "sns")),
    ]
    assert {store.technology for store in result.stores} == {"redis", "sns", "s3"}


def test_a_serializer_writes_the_model_that_it_describes_through_mixins_too() -> None:
    files = {
        "requirements.txt": "django\ndjangorestframework\ncelery\n",
        "shop/models.py": """\
            from django.db import models
            from .tasks import send

            class Order(models.Model):
                def save(self, **kwargs):
                    self.total = 1
                    super().save(**kwargs)

                def start(self):
                    send.delay(self.pk)

            def dispatch(order: Order):
                order.state = 2
                order.save()
                send.delay(order.pk)

            class Invoice(models.Model):
                def save(self, **kwargs):
                    super().save(**kwargs)
                    send.delay(self.pk)

            def bill(invoice: Invoice):
                invoice.save()

            def split(order: Order):
                order.save()
                for part in order.parts:
                    dispatch(order)
            """,
        "shop/tasks.py": """\
            from celery import shared_task

            @shared_task
            def send(pk):
                pass
            """,
        "shop/serializers.py": """\
            from rest_framework import serializers
            from .models import Order

            class OwnedMixin:
                def create(self, validated):
                    validated["owner"] = 1
                    return super().create(validated)

            class OrderSerializer(OwnedMixin, serializers.ModelSerializer):
                class Meta:
                    model = Order

                def create(self, validated):
                    order = super().create(validated)
                    order.start()
                    return order
            """,
    }
    result = scan_files(files)
    assert [(function, systems) for function, systems, _, _ in found(result)] == [
        ("dispatch", ("sql", "celery")),
        ("Invoice.save", ("sql", "celery")),
        ("split", ("sql", "celery")),
        ("OrderSerializer.create", ("sql", "celery")),
    ]


def test_a_function_in_a_field_of_a_struct_runs_where_the_field_is_called() -> None:
    files = {
        "go.mod": "module shop\nrequire github.com/hibiken/asynq v0.24.0\nrequire gorm.io/gorm v1.25.0\n",
        "shop.go": """\
            package shop

            import (
                "github.com/hibiken/asynq"
                "gorm.io/gorm"
            )

            type Params struct {
                Name  string
                After func(id int) error
            }

            type Store struct{ db *gorm.DB }

            func (s *Store) Create(arg Params) error {
                return s.db.Transaction(func(tx *gorm.DB) error {
                    tx.Create(&arg.Name)
                    return arg.After(1)
                })
            }

            type Server struct {
                store *Store
                tasks *asynq.Client
            }

            func (s *Server) Place() error {
                arg := Params{Name: "a", After: func(id int) error {
                    _, err := s.tasks.Enqueue(asynq.NewTask("mail", nil))
                    return err
                }}
                return s.store.Create(arg)
            }
            """,
    }
    result = scan_files(files)
    assert [(w.function, w.systems, w.order) for w in result.dual_writes] == [
        ("Store.Create", ("sql", "asynq"), "inside-transaction"),
        ("Server.Place", ("sql", "asynq"), "inside-transaction"),
    ]
