CREATE TABLE orders (
  order_id bigint PRIMARY KEY,
  status text NOT NULL
);

CREATE TABLE outbox (
  message_id bigserial PRIMARY KEY,
  topic text NOT NULL,
  payload jsonb NOT NULL
);
