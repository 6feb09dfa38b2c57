/* Stands between a program and its disk, once LD_PRELOAD names it.
 *
 * TESTKIT_DISK_SYNC_US: every sync takes so many microseconds longer.
 * TESTKIT_DISK_FAULT: a file. While it is there, what it says happens below TESTKIT_DISK_FOLDER, and neither to pipes
 * and sockets nor to logs elsewhere:
 *   "sync 5", "write 5"            each such call fails with this error's number
 *   "die-before 3", "die-after 3"  the process is killed at a sync, after so many that went well
 * Each time, a byte is added to the file of this name with ".hits" behind it, if there is one.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define NEXT(name) ({ static __typeof__(&name) next; if (!next) next = (__typeof__(&name))dlsym(RTLD_NEXT, #name); next; })

static ssize_t plain_read(int fd, void *bytes, size_t size) { return NEXT(read)(fd, bytes, size); }

static int lies_in_folder(int fd) {
    const char *folder = getenv("TESTKIT_DISK_FOLDER");
    char link[64], path[4096];
    if (!folder) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    size_t own = strlen(folder);
    return strncmp(path, folder, own) == 0 && path[own] == '/';
}

static void count_hit(const char *file) {
    char name[4096];
    snprintf(name, sizeof name, "%s.hits", file);
    int hits = open(name, O_WRONLY | O_APPEND | O_CLOEXEC);
    if (hits < 0) return;
    if (NEXT(write)(hits, "x", 1) < 0) {}
    close(hits);
}

/* The number that the file says of a call now, -1 if it does not name it. */
static int fault(const char *call, int fd) {
    const char *file = getenv("TESTKIT_DISK_FAULT");
    char text[64], named[32];
    int number = 0, before = errno;
    if (!file) return -1;
    int opened = open(file, O_RDONLY | O_CLOEXEC);
    if (opened < 0) { errno = before; return -1; }
    ssize_t length = plain_read(opened, text, sizeof text - 1);
    close(opened);
    errno = before;
    if (length <= 0) return -1;
    text[length] = 0;
    if (sscanf(text, "%31s %d", named, &number) != 2 || strcmp(named, call) != 0 || !lies_in_folder(fd)) return -1;
    return number;
}

static void may_die(const char *call, int fd) {
    static int passed;
    int most = fault(call, fd);
    if (most < 0 || __atomic_fetch_add(&passed, 1, __ATOMIC_RELAXED) < most) return;
    count_hit(getenv("TESTKIT_DISK_FAULT"));
    kill(getpid(), SIGKILL);
}

static void wait_longer(void) {
    const char *text = getenv("TESTKIT_DISK_SYNC_US");
    long micros = text ? strtol(text, NULL, 10) : 0;
    int before = errno;
    struct timespec left = { micros / 1000000, micros % 1000000 * 1000 };
    while (micros > 0 && nanosleep(&left, &left) == -1 && errno == EINTR) {}
    errno = before;
}

#define FAIL(call, fd) do { int number = fault(call, fd); \
    if (number > 0) { count_hit(getenv("TESTKIT_DISK_FAULT")); errno = number; return -1; } } while (0)
#define SYNC(name, fd) do { FAIL("sync", fd); may_die("die-before", fd); int done = NEXT(name)(fd); wait_longer(); \
    if (done == 0) { may_die("die-after", fd); } \
    return done; } while (0)

int fsync(int fd) { SYNC(fsync, fd); }
int fdatasync(int fd) { SYNC(fdatasync, fd); }

ssize_t write(int fd, const void *bytes, size_t size) { FAIL("write", fd); return NEXT(write)(fd, bytes, size); }
ssize_t pwrite(int fd, const void *bytes, size_t size, off_t at) { FAIL("write", fd); return NEXT(pwrite)(fd, bytes, size, at); }
ssize_t pwrite64(int fd, const void *bytes, size_t size, off64_t at) { FAIL("write", fd); return NEXT(pwrite64)(fd, bytes, size, at); }
ssize_t writev(int fd, const struct iovec *parts, int count) { FAIL("write", fd); return NEXT(writev)(fd, parts, count); }
ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t at) { FAIL("write", fd); return NEXT(pwritev)(fd, parts, count, at); }
ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t at) { FAIL("write", fd); return NEXT(pwritev64)(fd, parts, count, at); }
