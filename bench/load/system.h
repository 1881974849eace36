/* What the C of this directory uses of Linux, so that no headers need be installed. */
typedef long long i64;
typedef unsigned long long u64;
typedef unsigned long size_t;
typedef long ssize_t;

#ifdef __x86_64__
struct epoll_event { unsigned events; u64 data; } __attribute__((packed));
#else
struct epoll_event { unsigned events; u64 data; };
#endif
struct timespec { long sec, nsec; };
struct itimerspec { struct timespec interval, value; };
struct address { unsigned short family, port; unsigned host; char zero[8]; };
struct iovec { const void *base; size_t length; };

int epoll_create1(int), epoll_ctl(int, int, int, struct epoll_event *);
int epoll_wait(int, struct epoll_event *, int, int);
int socket(int, int, int), connect(int, const void *, unsigned), close(int), ioctl(int, u64, int *);
int setsockopt(int, int, int, const void *, unsigned), clock_gettime(int, struct timespec *);
int timerfd_create(int, int), timerfd_settime(int, int, const struct itimerspec *, void *);
ssize_t recv(int, void *, size_t, int), read(int, void *, size_t);
ssize_t writev(int, const struct iovec *, int);
void *calloc(size_t, size_t), *memchr(const void *, int, size_t);
void *memcpy(void *, const void *, size_t), *memmem(const void *, size_t, const void *, size_t);
int memcmp(const void *, const void *, size_t), strncasecmp(const char *, const char *, size_t);
int *__errno_location(void);
void free(void *);
ssize_t send(int, const void *, size_t, int);
int bind(int, const void *, unsigned), listen(int, int), accept4(int, void *, void *, int);
int getsockname(int, void *, unsigned *);

enum { READABLE = 1, WRITABLE = 4, ADD = 1, MODIFY = 3, NO_SIGNAL = 0x4000, TRY_AGAIN = 11 };
enum { INTERNET = 2, STREAM = 1, TCP = 6, NO_DELAY = 1, NO_WAITING = 0x5421 };
enum { MONOTONIC = 1, TIMER_NO_WAITING = 2048, LOOPBACK = 0x0100007f };

/* A port as the network orders its bytes, and back. */
static int swapped(int port) { return ((port & 255) << 8) | (port >> 8 & 255); }
