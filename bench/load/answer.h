/* Reads an answer as it comes: its head, its length or its chunks, its body against what is due. */
static void keep_sample(struct connection *c, const char *bytes, i64 length) {
  if (c->body_at + length > SAMPLE_BYTES - 16) length = SAMPLE_BYTES - 16 - c->body_at;
  if (length > 0) memcpy(c->sample + 16 + c->body_at, bytes, length);
}

static void take_body(struct connection *c, const char *bytes, i64 length) {
  if (job->bodies != 0 && !c->is_wrong) {
    const char *expected = job->bodies + c->request * job->body_head_bytes;
    i64 at = c->body_at, taken = 0;
    if (at + length > job->body_head_bytes + job->body_tail_bytes) { c->is_wrong = 1; return; }
    if (at < job->body_head_bytes) {
      taken = job->body_head_bytes - at < length ? job->body_head_bytes - at : length;
      if (memcmp(bytes, expected + at, taken) != 0) c->is_wrong = 1;
      at += taken;
    }
    if (memcmp(bytes + taken, job->tail + at - job->body_head_bytes, length - taken) != 0)
      c->is_wrong = 1;
  }
  c->body_at += length;
}

static void read_head(struct connection *c, const char *head, i64 length) {
  const char *line = head, *end = head + length;
  c->status = (head[9] - '0') * 100 + (head[10] - '0') * 10 + head[11] - '0';
  c->state = LENGTH;
  c->left = 0;
  while ((line = memchr(line, '\n', end - line)) != 0 && ++line < end) {
    if (strncasecmp(line, "content-length:", 15) == 0) {
      const char *digit = line + 15;
      while (*digit == ' ') digit++;
      while (*digit >= '0' && *digit <= '9') c->left = c->left * 10 + *digit++ - '0';
    } else if (strncasecmp(line, "transfer-encoding: chunked", 26) == 0) {
      c->state = CHUNK_SIZE;
    } else if (strncasecmp(line, "connection: close", 17) == 0) {
      c->closes = 1;
    }
  }
}

/* Gives how many bytes it used of the head; -1 when it is not whole yet, and kept. */
static i64 take_head(struct connection *c, const char *bytes, i64 length) {
  if (c->head_length == 0) {
    const char *end = memmem(bytes, length, "\r\n\r\n", 4);
    if (end != 0) { read_head(c, bytes, end - bytes + 2); return end - bytes + 4; }
  }
  if (c->partial == 0) c->partial = calloc(1, HEAD_MAX);
  i64 before = c->head_length;
  i64 taken = length > HEAD_MAX - before ? HEAD_MAX - before : length;
  memcpy(c->partial + before, bytes, taken);
  const char *end = memmem(c->partial, before + taken, "\r\n\r\n", 4);
  if (end == 0) { c->head_length = before + taken; return -1; }
  read_head(c, c->partial, end - c->partial + 2);
  return end - c->partial + 4 - before;
}

static i64 take_chunk_size(struct connection *c, const char *bytes, i64 length) {
  i64 used = 0;
  while (used < length) {
    char digit = bytes[used++];
    if (digit == '\n') { c->state = c->left == 0 ? LAST_LINE : CHUNK; break; }
    if (digit >= '0' && digit <= '9') c->left = c->left * 16 + digit - '0';
    else if ((digit | 32) >= 'a' && (digit | 32) <= 'f') c->left = c->left * 16 + (digit | 32) - 87;
  }
  return used;
}

/* Takes what came, from the state the connection is in; gives how much, -1: all of it. */
static i64 take_some(struct connection *c, const char *bytes, i64 length) {
  i64 used = c->left < length ? c->left : length;
  const char *line_end;
  switch (c->state) {
    case HEAD:
      return take_head(c, bytes, length);
    case LENGTH:
    case CHUNK:
      if (c->sample != 0) keep_sample(c, bytes, used);
      take_body(c, bytes, used);
      c->left -= used;
      if (c->left == 0 && c->state == CHUNK) c->state = CHUNK_END;
      return used;
    case CHUNK_SIZE:
      return take_chunk_size(c, bytes, length);
    default:
      line_end = memchr(bytes, '\n', length);
      if (line_end == 0) return -1;
      c->state = c->state == CHUNK_END ? CHUNK_SIZE : IDLE;
      return line_end + 1 - bytes;
  }
}

static int is_whole(struct connection *c) {
  return c->state == IDLE || (c->state == LENGTH && c->left == 0);
}
