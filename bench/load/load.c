/*
 * The load generator's inner loop: epoll and raw sockets, one request under way a connection,
 * every answer's status and length read, every expected body compared byte for byte. Compiled in
 * memory by bun:ffi. C, because Bun's own sockets cost half as much again, and a generator must not
 * be what limits a row.
 */
#include "system.h"

enum { HEAD_MAX = 16384, PRIVATE_MAX = 4096 };
enum { TIMER = -1, EVENTS_MAX = 512 };
enum { SAMPLE_BYTES = 1024, BUFFER_BYTES = 1 << 18 };

/* Field by field as `jobFields` in native.ts has them, eight bytes each. */
struct job {
  i64 port, connections, duration_ns, interval_ns, drain_ns;
  i64 request_count, requests_max, is_random, seed;
  const char *heads; const i64 *head_starts; const char *tail; i64 tail_bytes;
  i64 counter_offset, counter_next;
  const char *bodies; i64 body_head_bytes, body_tail_bytes;
  i64 sample_every; char *samples; i64 samples_max;
  float *latencies_us; i64 latencies_max;
  i64 answered, elapsed_ns, not_ok, first_not_ok, wrong_bodies, broken, unanswered, sample_count;
};

enum state { IDLE, HEAD, LENGTH, CHUNK_SIZE, CHUNK, CHUNK_END, LAST_LINE };

struct connection {
  int fd, is_watched_for_writing, closes, is_wrong;
  enum state state;
  i64 request, number, started_ns, sent, left, body_at, head_length, status;
  const char *head; i64 head_bytes;
  char *sample, *partial; char private_head[PRIVATE_MAX];
};

static struct job *job;
static struct connection *connections;
static int poller;
static int *idle, idle_count;
static i64 requests_begun, in_flight, is_over, last_answer_ns;
static u64 random_state;
static char buffer[BUFFER_BYTES];

#include "answer.h"

static i64 now(void) {
  struct timespec time;
  clock_gettime(MONOTONIC, &time);
  return time.sec * 1000000000LL + time.nsec;
}

static u64 next_random(void) {
  random_state ^= random_state << 13;
  random_state ^= random_state >> 7;
  random_state ^= random_state << 17;
  return random_state;
}

static void watch(struct connection *c, int operation, unsigned events) {
  struct epoll_event event;
  event.events = events;
  event.data = (u64)(c - connections);
  epoll_ctl(poller, operation, c->fd, &event);
}

static int open_connection(struct connection *c) {
  struct address address = { INTERNET, 0, LOOPBACK, { 0 } };
  int one = 1;
  address.port = (unsigned short)swapped((int)job->port);
  c->fd = socket(INTERNET, STREAM, 0);
  c->state = IDLE;
  c->closes = 0;
  if (c->fd < 0 || connect(c->fd, &address, sizeof address) != 0) return -1;
  setsockopt(c->fd, TCP, NO_DELAY, &one, sizeof one);
  ioctl(c->fd, NO_WAITING, &one);
  c->is_watched_for_writing = 0;
  watch(c, ADD, READABLE);
  return 0;
}

static void send_more(struct connection *c) {
  i64 total = c->head_bytes + job->tail_bytes;
  while (c->sent < total) {
    struct iovec parts[2];
    int count = 0;
    if (c->sent < c->head_bytes) {
      parts[count].base = c->head + c->sent;
      parts[count++].length = c->head_bytes - c->sent;
    }
    if (job->tail_bytes > 0) {
      i64 skip = c->sent > c->head_bytes ? c->sent - c->head_bytes : 0;
      parts[count].base = job->tail + skip;
      parts[count++].length = job->tail_bytes - skip;
    }
    ssize_t written = writev(c->fd, parts, count);
    if (written <= 0) break; /* full; what is broken shows when it is read */
    c->sent += written;
  }
  int wants_writing = c->sent < total;
  if (wants_writing == c->is_watched_for_writing) return;
  c->is_watched_for_writing = wants_writing;
  watch(c, MODIFY, wants_writing ? READABLE | WRITABLE : READABLE);
}

static void begin(struct connection *c, i64 due_ns) {
  i64 n = job->is_random ? (i64)(next_random() % (u64)job->request_count)
                         : requests_begun % job->request_count;
  c->request = n;
  c->number = n;
  c->head = job->heads + job->head_starts[n];
  c->head_bytes = job->head_starts[n + 1] - job->head_starts[n];
  if (job->counter_offset >= 0) {
    u64 counter = (u64)job->counter_next++;
    c->number = (i64)counter;
    memcpy(c->private_head, c->head, c->head_bytes);
    for (int digit = 15; digit >= 0; digit--, counter >>= 4)
      c->private_head[job->counter_offset + digit] = "0123456789abcdef"[counter & 15];
    c->head = c->private_head;
  }
  c->sample = 0;
  if (job->sample_every > 0 && requests_begun % job->sample_every == 0
      && job->sample_count < job->samples_max) {
    c->sample = job->samples + job->sample_count++ * SAMPLE_BYTES;
    ((i64 *)c->sample)[1] = -1; /* not answered */
  }
  requests_begun++;
  in_flight++;
  c->sent = c->body_at = c->head_length = 0;
  c->is_wrong = 0;
  c->started_ns = due_ns;
  c->state = HEAD;
  send_more(c);
}

static int has_more(void) {
  return !is_over && (job->requests_max == 0 || requests_begun < job->requests_max);
}

static void begin_next(struct connection *c) {
  if (job->interval_ns > 0) idle[idle_count++] = (int)(c - connections);
  else if (has_more()) begin(c, now());
}

static void reopen(struct connection *c) {
  close(c->fd);
  if (open_connection(c) != 0) c->fd = -1;
}

/* The connection ended, or said what nobody asked for. */
static void fail(struct connection *c) {
  int was_idle = c->state == IDLE;
  if (!was_idle) { job->broken++; in_flight--; }
  reopen(c);
  if (c->fd >= 0 && !was_idle) begin_next(c);
}

static void finish(struct connection *c, i64 end_ns) {
  i64 ended = now();
  in_flight--;
  c->state = IDLE;
  if (c->status != 200) {
    if (job->not_ok++ == 0) job->first_not_ok = c->status;
  } else if (c->is_wrong || (job->bodies != 0
             && c->body_at != job->body_head_bytes + job->body_tail_bytes)) {
    job->wrong_bodies++;
  }
  if (c->sample != 0) {
    ((i64 *)c->sample)[0] = c->number;
    ((i64 *)c->sample)[1] = c->body_at;
  }
  if (ended <= end_ns || job->interval_ns > 0) {
    if (job->answered < job->latencies_max)
      job->latencies_us[job->answered] = (float)(ended - c->started_ns) / 1000;
    job->answered++;
    last_answer_ns = ended;
  }
  if (c->closes) reopen(c);
  if (c->fd >= 0) begin_next(c);
}

static void receive(struct connection *c, i64 end_ns) {
  for (;;) {
    ssize_t length = recv(c->fd, buffer, BUFFER_BYTES, 0);
    if (length < 0 && *__errno_location() == TRY_AGAIN) return;
    if (length <= 0 || c->state == IDLE) { fail(c); return; }
    for (i64 at = 0; at < length;) {
      i64 used = take_some(c, buffer + at, length - at);
      at = used < 0 ? length : at + used;
      if (is_whole(c)) { finish(c, end_ns); return; }
    }
    if (length < BUFFER_BYTES) return;
  }
}

/* Open loop: sends what is due by `time`, as long as a connection is free. */
static void begin_due(i64 start_ns, i64 time) {
  while (idle_count > 0 && !is_over) {
    i64 due_ns = start_ns + requests_begun * job->interval_ns;
    if (due_ns > time) return;
    begin(connections + idle[--idle_count], due_ns);
  }
}

static int start_timer(void) {
  struct itimerspec every = { { 0, 0 }, { 0, 0 } };
  struct epoll_event event;
  int timer = timerfd_create(MONOTONIC, TIMER_NO_WAITING);
  every.interval.nsec = every.value.nsec = (long)job->interval_ns;
  timerfd_settime(timer, 0, &every, 0);
  event.events = READABLE;
  event.data = (u64)TIMER;
  epoll_ctl(poller, ADD, timer, &event);
  return timer;
}

static void poll(i64 start_ns, i64 end_ns, int timer) {
  static struct epoll_event events[EVENTS_MAX];
  u64 ticks;
  int count = epoll_wait(poller, events, EVENTS_MAX, 20);
  for (int n = 0; n < count; n++) {
    i64 which = (i64)events[n].data;
    if (which == TIMER) { read(timer, &ticks, sizeof ticks); continue; }
    struct connection *c = connections + which;
    if (c->fd < 0) continue;
    if (events[n].events & WRITABLE) send_more(c);
    if (events[n].events & ~WRITABLE) receive(c, end_ns);
  }
  if (timer >= 0) begin_due(start_ns, now());
}

/* Runs one slice and fills the last line of the job; gives 0, or -1 when it cannot connect. */
int run(struct job *given) {
  int timer = -1, result = 0;
  job = given;
  connections = calloc(job->connections, sizeof *connections);
  idle = calloc(job->connections, sizeof *idle);
  poller = epoll_create1(0);
  requests_begun = in_flight = is_over = last_answer_ns = idle_count = 0;
  random_state = (u64)job->seed | 1;
  for (i64 n = 0; n < job->connections; n++)
    if (open_connection(connections + n) != 0) result = -1;
  i64 start_ns = now(), end_ns = start_ns + job->duration_ns;
  if (job->interval_ns > 0) timer = start_timer();
  for (i64 n = 0; n < job->connections && result == 0; n++) begin_next(connections + n);
  while (result == 0 && now() < end_ns && (in_flight > 0 || has_more()))
    poll(start_ns, end_ns, timer);
  is_over = 1;
  i64 drained_ns = now() + job->drain_ns;
  while (in_flight > 0 && now() < drained_ns) poll(start_ns, end_ns, timer);
  job->unanswered = in_flight;
  job->elapsed_ns = job->requests_max > 0 ? last_answer_ns - start_ns : job->duration_ns;
  for (i64 n = 0; n < job->connections; n++) {
    if (connections[n].fd >= 0) close(connections[n].fd);
    free(connections[n].partial);
  }
  if (timer >= 0) close(timer);
  close(poller);
  free(connections);
  free(idle);
  return result;
}
