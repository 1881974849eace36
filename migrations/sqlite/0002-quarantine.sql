-- Rows that `registry verify --quarantine` took out of blobs. The segments of a large one stay where
-- they are, under their upload, which this row keeps from being swept.
CREATE TABLE quarantined_blobs (
  id TEXT NOT NULL PRIMARY KEY,
  quarantined_at INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000 AS INTEGER)),
  why TEXT NOT NULL,
  hash BLOB NOT NULL,
  data BLOB NOT NULL,
  size INTEGER NOT NULL,
  created_at INTEGER,
  upload TEXT
);

CREATE INDEX quarantined_blobs_upload ON quarantined_blobs (upload) WHERE upload IS NOT NULL;

-- Tells which blob has an upload's segments, so that those of none can be swept.
CREATE INDEX blobs_upload ON blobs (upload) WHERE upload IS NOT NULL;
