-- Keys that `registry delete` took down: a blob's whole hash, or the first 16 bytes of it where no
-- blob was there to tell the rest. Nothing goes from here: what was lifted again says so.
CREATE TABLE takedowns (
  hash bytea PRIMARY KEY,
  created_at timestamptz NOT NULL DEFAULT now(),
  lifted_at timestamptz,
  -- Which change of this table the row's last one was.
  change bigint NOT NULL
);

-- By which registries find what has changed since they looked last.
CREATE INDEX takedowns_change ON takedowns (change);

-- The number of the last change. Whoever makes the next one holds this row until it has committed:
-- so numbers become visible in their order, and whoever has seen one has seen all before it.
CREATE TABLE takedown_changes (
  latest bigint NOT NULL
);

INSERT INTO takedown_changes (latest) VALUES (0);
