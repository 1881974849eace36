-- Rows that `registry verify --quarantine` took out of blobs. The segments of a large one stay where
-- they are, under their upload, which this row keeps from being swept.
CREATE TABLE quarantined_blobs (
  id uuid PRIMARY KEY,
  quarantined_at timestamptz NOT NULL DEFAULT now(),
  why text NOT NULL,
  hash bytea NOT NULL,
  data bytea NOT NULL,
  size bigint NOT NULL,
  created_at timestamptz,
  upload uuid
);

ALTER TABLE quarantined_blobs ALTER COLUMN data SET STORAGE EXTERNAL;

CREATE INDEX quarantined_blobs_upload ON quarantined_blobs (upload) WHERE upload IS NOT NULL;

-- Tells which blob has an upload's segments, so that those of none can be swept. It holds large
-- blobs only, but building it reads all rows, while nobody may store any: where that would take
-- longer than a moment, it is left to the operator (docs/integrity.md).
DO $$
BEGIN
  IF pg_relation_size('blobs') < 268435456 THEN
    CREATE INDEX IF NOT EXISTS blobs_upload ON blobs (upload) WHERE upload IS NOT NULL;
  END IF;
END
$$;
