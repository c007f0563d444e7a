"""A question about a draft is answered by one line in the file, and the judgement then is what the answer promised."""

import json
import re
from textwrap import dedent

import pytest

from data_integration_architect import cli
from data_integration_architect.discovery import discover
from data_integration_architect.given import Given
from data_integration_architect.use_cases import review

REPOSITORIES = {
    "python": {
        "compose.yaml": """\
            services:
              app: {build: ., environment: {DATABASE_URL: "postgresql://db/shop", REDIS_URL: "redis://cache"}}
              db: {image: "postgres:17"}
              cache: {image: "redis:7"}
              search: {image: "elasticsearch:8.15.0"}
              broker: {image: "rabbitmq:4"}
            """,
        "requirements.txt": "sqlalchemy\npsycopg2\nelasticsearch\npika\nredis\n",
        "app/shop.py": """\
            import pika
            from elasticsearch import Elasticsearch
            from sqlalchemy import Integer, Column
            from sqlalchemy.orm import Session, declarative_base

            Base = declarative_base()
            search = Elasticsearch()
            channel = pika.BlockingConnection().channel()


            class Order(Base):
                __tablename__ = "orders"
                id = Column(Integer, primary_key=True)


            def place(session: Session, order: Order):
                session.add(order)
                session.commit()
                search.index(index="orders", document=order.id)


            def pay(session: Session, order: Order):
                with session.begin():
                    session.add(order)
                    channel.basic_publish(exchange="", routing_key="paid", body=order.id)
            """,
    },
    "typescript": {
        "package.json": '{"dependencies": {"typeorm": "1", "pg": "1", "kafkajs": "1", "ioredis": "5"}}',
        "src/orders.ts": """\
            import { Repository } from 'typeorm';
            import { Producer } from 'kafkajs';
            import Redis from 'ioredis';
            import { Order } from './order';

            export class Orders {
              constructor(
                private readonly orders: Repository<Order>,
                private readonly producer: Producer,
                private readonly redis: Redis,
              ) {}

              async place(order: Order) {
                await this.orders.save(order);
                await this.producer.send({ topic: 'placed', messages: [] });
              }

              async rename(order: Order) {
                await this.orders.save(order);
                await this.redis.set('order', order.name);
              }
            }
            """,
        "src/order.ts": """\
            import { Entity, PrimaryColumn } from 'typeorm';

            @Entity()
            export class Order {
              @PrimaryColumn() id: string;
              name: string;
            }
            """,
    },
}


@pytest.fixture(params=sorted(REPOSITORIES))
def draft(request, tmp_path):
    for path, text in REPOSITORIES[request.param].items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(dedent(text), encoding="utf-8")
    return discover(tmp_path, workers=0).topology


def answered(text, question, value):
    """The draft with the line that the question asks for."""
    said = question.put.replace("VALUE", json.dumps(value))
    lines = text.splitlines()
    if question.line is None:
        return "\n".join([*lines, said]) + "\n"
    held = lines[question.line - 1]
    indent = len(held) - len(held.lstrip())
    key = said.partition(":")[0]
    if held.lstrip().startswith(f"{key}:"):
        lines[question.line - 1] = " " * indent + said
    elif held.endswith("}"):
        lines[question.line - 1] = f"{held.removesuffix('}')}, {said}}}"
    else:
        lines.insert(question.line, " " * (indent + 2) + said)
    return "\n".join(lines) + "\n"


def test_each_answer_is_one_line_and_does_what_it_promised(draft):
    asked = review(Given(draft, "draft")).questions
    assert 2 <= len(asked) <= 7
    for question in asked:
        assert question.put is not None, question.path
        for answer in question.answers:
            after = review(Given(answered(draft, question, answer.value), "draft"))
            # `partial` is what a draft says: that there may be more is not the answer.
            if answer.value != "partial":
                assert question.path not in {one.path for one in after.questions}
            definite = {f"{f.id} at {', '.join(sorted(f.elements))}" for f in after.findings if f.is_definite}
            every = {f"{f.id} at {', '.join(sorted(f.elements))}" for f in after.findings}
            for promise in answer.effect.split("; "):
                verb, _, what = promise.partition(" ")
                what = re.sub(r" \([^()]*\)$", "", what)
                if verb == "confirms":
                    assert what in definite
                elif promise.startswith("rules out "):
                    assert what.removeprefix("out ") not in every


def test_all_questions_are_answered_in_one_file(draft):
    """One line each, all at once: the lines do not get into each other's way."""
    text = draft
    for _ in range(30):
        questions = review(Given(text, "draft")).questions
        if not questions:
            break
        text = answered(text, questions[0], questions[0].answers[0].value)
    assert review(Given(text, "draft")).questions == ()


def test_every_form_of_a_review_says_the_line(draft, tmp_path, capsys):
    file = tmp_path / "draft.yaml"
    file.write_text(draft, encoding="utf-8")
    question = review(Given(draft, "draft")).questions[0]
    for form in ("text", "markdown", "json"):
        with pytest.raises(SystemExit):
            cli.main(["review", str(file), "--format", form, "--check", "none"])
        shown = re.sub(r"\s+", " ", capsys.readouterr().out)
        assert question.put in shown.replace("`", "") and str(question.line) in shown
