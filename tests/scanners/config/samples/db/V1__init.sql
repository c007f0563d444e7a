CREATE TABLE public.orders (
  id BIGSERIAL PRIMARY KEY, customer_id bigint NOT NULL REFERENCES customers (id), payload jsonb, number text UNIQUE, deleted_at timestamptz
);
CREATE TABLE outbox (id uuid PRIMARY KEY, aggregate_type text, aggregate_id text, payload jsonb);
ALTER TABLE orders REPLICA IDENTITY FULL;
CREATE UNIQUE INDEX ON orders (customer_id, number);
CREATE PUBLICATION shop FOR TABLE orders, public.outbox;
SELECT pg_create_logical_replication_slot('shop', 'pgoutput');
CREATE FUNCTION f() RETURNS trigger AS $$ BEGIN PERFORM pg_notify('orders', NEW.id::text); RETURN NEW; END $$ LANGUAGE plpgsql;
CREATE TRIGGER t AFTER INSERT OR UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION f();
