-- The Rust registry's table is adopted as it stands: nothing below rewrites a row.
CREATE TABLE IF NOT EXISTS blobs (
  hash bytea PRIMARY KEY,
  data bytea NOT NULL,
  size bigint NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);

-- Set, with data = '', when the bytes are in blob_segments.
ALTER TABLE blobs ADD COLUMN IF NOT EXISTS upload uuid;

-- Ciphertext does not compress.
ALTER TABLE blobs ALTER COLUMN data SET STORAGE EXTERNAL;

-- 1 MiB each (the last may be shorter), each with its own BLAKE3 hash.
CREATE TABLE blob_segments (
  upload uuid NOT NULL,
  n integer NOT NULL,
  hash bytea NOT NULL,
  data bytea NOT NULL,
  PRIMARY KEY (upload, n)
);

ALTER TABLE blob_segments ALTER COLUMN data SET STORAGE EXTERNAL;

-- Uploads under way, and uploads whose segments are to be removed; swept when untouched.
CREATE TABLE uploads (
  upload uuid PRIMARY KEY,
  touched_at timestamptz NOT NULL DEFAULT now()
);
