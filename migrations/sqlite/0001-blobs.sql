-- Times are milliseconds since 1970.
CREATE TABLE blobs (
  hash BLOB NOT NULL PRIMARY KEY,
  data BLOB NOT NULL,
  size INTEGER NOT NULL,
  created_at INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000 AS INTEGER)),
  -- Set, with data = x'', when the bytes are in blob_segments.
  upload TEXT
);

-- 1 MiB each (the last may be shorter), each with its own BLAKE3 hash.
CREATE TABLE blob_segments (
  upload TEXT NOT NULL,
  n INTEGER NOT NULL,
  hash BLOB NOT NULL,
  data BLOB NOT NULL,
  PRIMARY KEY (upload, n)
);

-- Uploads under way, and uploads whose segments are to be removed; swept when untouched.
CREATE TABLE uploads (
  upload TEXT NOT NULL PRIMARY KEY,
  touched_at INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000 AS INTEGER))
);
