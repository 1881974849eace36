/*
 * A server that answers without work, for telling how much faster than a server the load generator
 * is: the same bytes for every request, which is whole after `request_bytes`, or, when that is 0,
 * at its empty line.
 */
#include "system.h"

enum { FDS_MAX = 4096, BUFFER_BYTES = 1 << 18 };

static char buffer[BUFFER_BYTES];
static long long missing[FDS_MAX];

/* Listens on a free port of 127.0.0.1 and gives it; -1 when it cannot. */
int open_listener(int *listener) {
  struct address address = { INTERNET, 0, LOOPBACK, { 0 } };
  unsigned bytes = sizeof address;
  *listener = socket(INTERNET, STREAM, 0);
  if (bind(*listener, &address, bytes) != 0 || listen(*listener, 1024) != 0) return -1;
  if (getsockname(*listener, &address, &bytes) != 0) return -1;
  return swapped(address.port);
}

static int is_whole(int fd, ssize_t length, long long request_bytes) {
  if (request_bytes == 0) return length >= 4 && memcmp(buffer + length - 4, "\r\n\r\n", 4) == 0;
  missing[fd] -= length;
  if (missing[fd] > 0) return 0;
  missing[fd] = request_bytes;
  return 1;
}

static void watch(int poller, int fd) {
  struct epoll_event event;
  event.events = READABLE;
  event.data = (u64)fd;
  epoll_ctl(poller, ADD, fd, &event);
}

static void answer(int fd, const char *answer, long long answer_bytes) {
  for (long long sent = 0; sent < answer_bytes;) {
    ssize_t written = send(fd, answer + sent, answer_bytes - sent, NO_SIGNAL);
    if (written <= 0) return;
    sent += written;
  }
}

/* Answers for good. */
void serve(int listener, const char *bytes, long long answer_bytes, long long request_bytes) {
  static struct epoll_event events[512];
  int poller = epoll_create1(0), one = 1;
  watch(poller, listener);
  for (;;) {
    int count = epoll_wait(poller, events, 512, -1);
    for (int n = 0; n < count; n++) {
      int fd = (int)events[n].data;
      if (fd == listener) {
        fd = accept4(listener, 0, 0, 0);
        if (fd < 0 || fd >= FDS_MAX) continue;
        setsockopt(fd, TCP, NO_DELAY, &one, sizeof one);
        missing[fd] = request_bytes;
        watch(poller, fd);
        continue;
      }
      ssize_t length = recv(fd, buffer, BUFFER_BYTES, 0);
      if (length <= 0) close(fd);
      else if (is_whole(fd, length, request_bytes)) answer(fd, bytes, answer_bytes);
    }
  }
}
