/* Preloaded into a process to see what a kill leaves at its every write.
 *
 * CRASH_MATCH   only calls on files whose path contains this text count
 * CRASH_AT      end this process by SIGKILL in place of its n-th such call
 * CRASH_FULL    from its n-th such call on the disk is full
 * CRASH_SLOW    each such call takes so many milliseconds
 * CRASH_IMAGES  copy the file, as a kill would leave it, to this folder before every such call
 * CRASH_CLOCK   the date runs backwards from the start of the process
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static long calls;
static __thread int inside;

static void copy(const char *path) {
    char name[PATH_MAX], block[1 << 16];
    snprintf(name, sizeof name, "%s/%06ld", getenv("CRASH_IMAGES"), calls);
    int in = open(path, O_RDONLY), out = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    for (ssize_t n; in >= 0 && out >= 0 && (n = read(in, block, sizeof block)) > 0;)
        if (write(out, block, n) != n) abort();
    if (in >= 0) close(in);
    if (out >= 0) close(out);
}

/* Whether the call must fail. */
static int note(const char *path) {
    const char *match = getenv("CRASH_MATCH"), *at = getenv("CRASH_AT");
    const char *full = getenv("CRASH_FULL");
    if (inside || !match || !strstr(path, match)) return 0;
    inside = 1;
    ++calls;
    if (getenv("CRASH_IMAGES")) copy(path);
    if (getenv("CRASH_SLOW")) usleep(1000 * atol(getenv("CRASH_SLOW")));
    if (at && atol(at) == calls) kill(getpid(), SIGKILL);
    inside = 0;
    if (!full || atol(full) > calls) return 0;
    errno = ENOSPC;
    return 1;
}

static int note_fd(int fd) {
    char link[64], path[PATH_MAX];
    if (inside) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    if (n < 0) return 0;
    path[n] = 0;
    return note(path);
}

#define WRAP(type, name, parameters, arguments, before)                    \
    type name parameters {                                                  \
        static type(*real) parameters;                                      \
        if (!real) real = (type(*) parameters)dlsym(RTLD_NEXT, #name);      \
        if (before) return -1;                                              \
        return real arguments;                                              \
    }

#define BYTES (int fd, const void *data, size_t size), (fd, data, size), note_fd(fd)
#define PLACE (int fd, const void *data, size_t size, off64_t at), (fd, data, size, at), note_fd(fd)
#define PARTS (int fd, const struct iovec *data, int count, off64_t at), (fd, data, count, at), note_fd(fd)
#define WRAP_(...) WRAP(__VA_ARGS__)
WRAP_(ssize_t, write, BYTES)
WRAP_(ssize_t, pwrite, PLACE)
WRAP_(ssize_t, pwrite64, PLACE)
WRAP_(ssize_t, pwritev, PARTS)
WRAP_(ssize_t, pwritev64, PARTS)
WRAP(ssize_t, writev, (int fd, const struct iovec *data, int count), (fd, data, count), note_fd(fd))
WRAP(int, ftruncate, (int fd, off64_t size), (fd, size), note_fd(fd))
WRAP(int, ftruncate64, (int fd, off64_t size), (fd, size), note_fd(fd))
WRAP(int, fsync, (int fd), (fd), note_fd(fd))
WRAP(int, rename, (const char *old, const char *new), (old, new), note(new))

int clock_gettime(clockid_t id, struct timespec *now) {
    static int (*real)(clockid_t, struct timespec *);
    static time_t start;
    if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int code = real(id, now);
    if (code == 0 && id == CLOCK_REALTIME && getenv("CRASH_CLOCK")) {
        if (!start) start = now->tv_sec;
        now->tv_sec = 2 * start - now->tv_sec;
    }
    return code;
}
