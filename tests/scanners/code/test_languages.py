"""The same handler in each language: a row, then a message."""

from __future__ import annotations

import pytest
from code_samples import found, scan_files

HANDLERS = {
    "python": {
        "requirements.txt": "sqlalchemy\npsycopg2\nkafka-python\n",
        "app/orders.py": """\
            from kafka import KafkaProducer
            from sqlalchemy.orm import Session

            producer = KafkaProducer()


            def place(session: Session, order):
                session.add(order)
                session.commit()
                producer.send("orders", order)
            """,
    },
    "java": {
        "pom.xml": "<artifactId>spring-boot-starter-data-jpa</artifactId><artifactId>postgresql</artifactId>"
        "<artifactId>spring-kafka</artifactId>",
        "src/main/java/shop/OrderRepository.java": """\
            package shop;
            import org.springframework.data.jpa.repository.JpaRepository;
            public interface OrderRepository extends JpaRepository<Order, Long> {}
            """,
        "src/main/java/shop/OrderService.java": """\
            package shop;
            import org.springframework.kafka.core.KafkaTemplate;
            public class OrderService {
                private final OrderRepository orders;
                private final KafkaTemplate<String, Order> kafka;
                public OrderService(OrderRepository orders, KafkaTemplate<String, Order> kafka) {
                    this.orders = orders;
                    this.kafka = kafka;
                }
                public void place(Order order) {
                    orders.save(order);
                    kafka.send("orders", order);
                }
            }
            """,
    },
    "kotlin": {
        "build.gradle.kts": 'implementation("org.postgresql:postgresql")\n'
        'implementation("org.springframework.kafka:spring-kafka")',
        "src/main/kotlin/Orders.kt": """\
            package shop
            import org.springframework.data.jpa.repository.JpaRepository
            import org.springframework.kafka.core.KafkaTemplate
            interface OrderRepository : JpaRepository<Order, Long>
            class OrderService(private val orders: OrderRepository, private val kafka: KafkaTemplate<String, Order>) {
                fun place(order: Order) {
                    val saved = orders.save(order)
                    kafka.send("orders", saved)
                }
            }
            """,
    },
    "typescript": {
        "package.json": '{"dependencies": {"typeorm": "1", "pg": "1", "kafkajs": "1"}}',
        "src/orders.ts": """\
            import { Repository } from "typeorm";
            import { Producer } from "kafkajs";
            export class OrderService {
              constructor(private readonly orders: Repository<Order>, private readonly producer: Producer) {}
              async place(order: Order) {
                await this.orders.save(order);
                await this.producer.send({ topic: "orders", messages: [] });
              }
            }
            """,
    },
    "javascript": {
        "package.json": '{"dependencies": {"pg": "1", "kafkajs": "1", "express": "1"}}',
        "server.js": """\
            const express = require("express");
            const { Pool } = require("pg");
            const { Kafka } = require("kafkajs");
            const pool = new Pool();
            const producer = new Kafka({}).producer();
            const app = express();
            app.post("/orders", async (req, res) => {
              await pool.query("INSERT INTO orders (id) VALUES ($1)", [req.body.id]);
              await producer.send({ topic: "orders", messages: [] });
              res.end();
            });
            """,
    },
    "go": {
        "go.mod": "module example.com/shop\nrequire (\n\tgithub.com/lib/pq v1.0.0\n"
        "\tgithub.com/segmentio/kafka-go v0.4.0\n)\n",
        "orders/service.go": """\
            package orders
            import (
                "context"
                "database/sql"
                "github.com/segmentio/kafka-go"
            )
            type Service struct {
                db     *sql.DB
                writer *kafka.Writer
            }
            func (s *Service) Place(ctx context.Context, id string) error {
                if _, err := s.db.ExecContext(ctx, "INSERT INTO orders (id) VALUES ($1)", id); err != nil {
                    return err
                }
                return s.writer.WriteMessages(ctx, kafka.Message{})
            }
            """,
    },
    "csharp": {
        "Shop.csproj": '<PackageReference Include="Npgsql.EntityFrameworkCore.PostgreSQL" Version="8" />'
        '<PackageReference Include="Confluent.Kafka" Version="2" />',
        "Orders/OrderService.cs": """\
            using Microsoft.EntityFrameworkCore;
            using Confluent.Kafka;
            namespace Shop.Orders;
            public class ShopContext : DbContext { public DbSet<Order> Orders { get; set; } }
            public class OrderService(ShopContext context, IProducer<string, string> producer)
            {
                public async Task Place(Order order)
                {
                    context.Orders.Add(order);
                    await context.SaveChangesAsync();
                    await producer.ProduceAsync("orders", null);
                }
            }
            """,
    },
    "php": {
        "composer.json": '{"require": {"laravel/framework": "11", "ext-pdo_pgsql": "*", "ext-rdkafka": "*"}}',
        "app/Orders.php": """\
            <?php
            namespace App;
            use Illuminate\\Database\\Eloquent\\Model;
            use RdKafka\\ProducerTopic;
            class Order extends Model {}
            class OrderService {
                public function __construct(private ProducerTopic $topic) {}
                public function place(array $data) {
                    $order = Order::create($data);
                    $this->topic->produce(0, 0, "order");
                }
            }
            """,
    },
}


@pytest.mark.parametrize("language", sorted(HANDLERS))
def test_row_then_message_is_one_dual_write_with_both_lines(language: str) -> None:
    result = scan_files(HANDLERS[language])
    assert [(systems, class_) for _, systems, class_, _ in found(result)] == [(("postgresql", "kafka"), "dual_write")]
    (write,) = result.dual_writes
    assert write.confidence == "seen"
    assert [effect.technology for effect in write.effects][-1] == "kafka"
    assert write.line <= write.effects[0].at < write.effects[-1].at == write.end_line


@pytest.mark.parametrize("language", sorted(HANDLERS))
def test_silent_without_the_message(language: str) -> None:
    words = ("producer.send", "kafka.send", "WriteMessages", "ProduceAsync", "topic->produce")
    files = {
        path: "\n".join(line for line in text.split("\n") if not any(word in line for word in words))
        for path, text in HANDLERS[language].items()
    }
    assert found(scan_files(files)) == []


def test_the_store_inventory_names_driver_and_broker() -> None:
    result = scan_files(HANDLERS["go"])
    assert [(use.technology, use.evidence) for use in result.stores] == [("kafka", "call"), ("postgresql", "call")]
