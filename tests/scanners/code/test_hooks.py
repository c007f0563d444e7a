"""Effects that nobody calls: signals, listeners, after-commit hooks, domain events, outbox libraries."""

from __future__ import annotations

from code_samples import found, scan_files

DJANGO = {
    "requirements.txt": "django\npsycopg2\ncelery\nredis\n",
    "shop/models.py": """\
        from django.db import models


        class Order(models.Model):
            pass


        class Note(models.Model):
            pass
        """,
    "shop/tasks.py": """\
        from celery import shared_task


        @shared_task
        def index_order(pk):
            pass
        """,
}


def test_a_signal_makes_the_handler_and_the_writer_dual_writes() -> None:
    files = DJANGO | {
        "shop/signals.py": """\
            from django.db.models.signals import post_save
            from django.dispatch import receiver

            from shop.models import Order
            from shop.tasks import index_order


            @receiver(post_save, sender=Order)
            def order_saved(instance, **kwargs):
                index_order.delay(instance.pk)
            """,
        "shop/views.py": """\
            from shop.models import Note, Order


            def create_order(request):
                Order.objects.create(name="a")


            def create_note(request):
                Note.objects.create(name="a")


            def delete_order(request):
                Order.objects.filter(pk=1).delete()


            def rename_all(request):
                Order.objects.update(name="b")
            """,
    }
    names = [(name, kind) for name, _, _, kind in found(scan_files(files))]
    assert names == [("order_saved", "hook"), ("create_order", "hook")]


def test_an_after_commit_callback_is_post_commit() -> None:
    files = DJANGO | {
        "shop/views.py": """\
            from django.db import transaction

            from shop.models import Order
            from shop.tasks import index_order


            def create_order(request):
                with transaction.atomic():
                    order = Order.objects.create(name="a")
                    transaction.on_commit(lambda: index_order.delay(order.pk))
            """,
    }
    (write,) = scan_files(files).dual_writes
    assert (write.kind, write.order) == ("post_commit", "after-commit")
    assert write.effects[0].transaction > 0 == write.effects[-1].transaction


def test_a_session_listener_of_a_mixin_fires_for_its_entities_only() -> None:
    files = {
        "requirements.txt": "flask-sqlalchemy\npsycopg2\nelasticsearch\n",
        "app.py": """\
            from elasticsearch import Elasticsearch
            from flask_sqlalchemy import SQLAlchemy

            db = SQLAlchemy()
            es = Elasticsearch()


            class Searchable:
                @classmethod
                def after_commit(cls, session):
                    es.index(index="posts", document={})


            db.event.listen(db.session, "after_commit", Searchable.after_commit)


            class Post(Searchable, db.Model):
                pass


            class Message(db.Model):
                pass


            def write_post():
                db.session.add(Post())
                db.session.commit()


            def write_message():
                db.session.add(Message())
                db.session.commit()
            """,
    }
    assert [(n, k) for n, _, _, k in found(scan_files(files))] == [
        ("Searchable.after_commit", "post_commit"),
        ("write_post", "hook"),
    ]


SPRING = {
    "pom.xml": "<artifactId>spring-boot-starter-data-jpa</artifactId><artifactId>postgresql</artifactId>"
    "<artifactId>spring-kafka</artifactId><artifactId>spring-boot-starter</artifactId>",
    "src/main/java/shop/Orders.java": """\
        package shop;
        import org.springframework.data.jpa.repository.JpaRepository;
        public interface Orders extends JpaRepository<Order, Long> {}
        """,
    "src/main/java/shop/OrderPlaced.java": "package shop; public class OrderPlaced {}",
}


def test_an_after_commit_listener_of_an_event() -> None:
    files = SPRING | {
        "src/main/java/shop/Service.java": """\
            package shop;
            import org.springframework.context.ApplicationEventPublisher;
            public class Service {
                Orders orders;
                ApplicationEventPublisher events;
                public void place(Order order) {
                    orders.save(order);
                    events.publishEvent(new OrderPlaced());
                }
            }
            """,
        "src/main/java/shop/Listener.java": """\
            package shop;
            import org.springframework.kafka.core.KafkaTemplate;
            import org.springframework.transaction.event.TransactionalEventListener;
            public class Listener {
                KafkaTemplate<String, String> kafka;
                @TransactionalEventListener
                public void on(OrderPlaced event) { kafka.send("orders", "x"); }
            }
            """,
    }
    assert found(scan_files(files)) == [("Service.place", ("postgresql", "kafka"), "dual_write", "post_commit")]


def test_a_managed_entity_changed_in_a_transaction_is_written() -> None:
    source = """\
        package shop;
        import org.springframework.kafka.core.KafkaTemplate;
        import org.springframework.transaction.annotation.Transactional;
        public class Service {
            Orders orders;
            KafkaTemplate<String, Order> kafka;
            @Transactional
            public void pay(Long id) {
                orders.findById(id).map(order -> {
                    order.setPaid(true);
                    kafka.send("orders", order);
                    return order;
                });
            }
        }
        """
    entity = {"src/main/java/shop/Order.java": "package shop; public class Order { boolean paid; }"}
    managed = scan_files(SPRING | entity | {"src/main/java/shop/Service.java": source})
    assert [(w.systems, w.confidence) for w in managed.dual_writes] == [(("postgresql", "kafka"), "inferred")]
    loose = scan_files(SPRING | entity | {"src/main/java/shop/Service.java": source.replace("@Transactional", "")})
    assert found(loose) == []


def test_outbox_libraries_write_into_the_database() -> None:
    files = SPRING | {
        "src/main/java/shop/Service.java": """\
            package shop;
            import io.eventuate.tram.events.publisher.DomainEventPublisher;
            public class Service {
                Orders orders;
                DomainEventPublisher publisher;
                public void place(Order order) {
                    orders.save(order);
                    publisher.publish(Order.class, 1, null);
                }
            }
            """,
    }
    result = scan_files(files)
    assert found(result) == []
    assert [e.kind for f in result.functions for e in f.effects] == ["write", "outbox"]


def test_domain_events_are_published_at_the_flush() -> None:
    def files(event: str) -> dict[str, str]:
        return {
            "Shop.csproj": '<PackageReference Include="Microsoft.EntityFrameworkCore.SqlServer" />'
            '<PackageReference Include="MediatR" /><PackageReference Include="MassTransit.RabbitMQ" />',
            "Shop.cs": f"""\
                using Microsoft.EntityFrameworkCore;
                using MediatR;
                using MassTransit;
                namespace Shop;
                public class OrderPlaced : INotification {{}}
                public class OrderRenamed : INotification {{}}
                public abstract class Entity {{
                    List<INotification> events;
                    public void AddDomainEvent(INotification e) {{ events.Add(e); }}
                }}
                public class Order : Entity {{
                    public void Place() {{ AddDomainEvent(new {event}()); }}
                }}
                public class ShopContext : DbContext {{ public DbSet<Order> Orders {{ get; set; }} }}
                public class OrderPlacedHandler(IPublishEndpoint endpoint) : INotificationHandler<OrderPlaced> {{
                    public async Task Handle(OrderPlaced e, CancellationToken t) {{ await endpoint.Publish(e); }}
                }}
                public class OrderRenamedHandler : INotificationHandler<OrderRenamed> {{
                    public async Task Handle(OrderRenamed e, CancellationToken t) {{ }}
                }}
                public class Service(ShopContext context) {{
                    public async Task Place(Order order) {{
                        order.Place();
                        await context.SaveChangesAsync();
                    }}
                }}
                """,
        }

    assert [name for name, *_ in found(scan_files(files("OrderPlaced")))] == ["Service.Place"]
    assert found(scan_files(files("OrderRenamed"))) == []
