/* How do the tests make a disk fail? Loaded before libc (LD_PRELOAD), this stands in for the calls
 * that write and sync, and fails those of the chosen kind: "write", "sync", "space" (allocation and
 * growing writes) or "" for none. Only .wal files and directories count, so that nothing else of
 * the program is disturbed. "threads" fails every start of a thread. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

void faulty_break(const char *kind, int code);
int faulty_failed(void);

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char broken[16];
static int broken_code;
static int failed;

void faulty_break(const char *kind, int code) {
    pthread_mutex_lock(&lock);
    snprintf(broken, sizeof broken, "%s", kind);
    broken_code = code;
    failed = 0;
    pthread_mutex_unlock(&lock);
}

int faulty_failed(void) {
    pthread_mutex_lock(&lock);
    int count = failed;
    pthread_mutex_unlock(&lock);
    return count;
}

static int is_ours(int fd) {
    char link[64], path[4096];
    struct stat status;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t len = readlink(link, path, sizeof path - 1);
    if (len <= 0 || fstat(fd, &status) != 0) return 0;
    path[len] = 0;
    return strstr(path, "ironwal-test-") && (S_ISDIR(status.st_mode) || strstr(path, ".wal"));
}

static int fails(const char *kind, int fd) {
    pthread_mutex_lock(&lock);
    int code = 0;
    if (strcmp(kind, broken) == 0 && is_ours(fd)) {
        code = broken_code;
        failed++;
    }
    pthread_mutex_unlock(&lock);
    if (code) errno = code;
    return code;
}

#define REAL(name) (*(__typeof__(&name))real(#name))
static void *real(const char *name) { return dlsym(RTLD_NEXT, name); }

int pthread_create(pthread_t *thread, const pthread_attr_t *how, void *(*body)(void *), void *arg) {
    pthread_mutex_lock(&lock);
    int code = strcmp("threads", broken) == 0 ? broken_code : 0;
    failed += code != 0;
    pthread_mutex_unlock(&lock);
    return code ? code : REAL(pthread_create)(thread, how, body, arg);
}

/* A write that needs blocks the file does not have yet. */
static int lacks_space(int fd, size_t len, off_t offset) {
    struct stat status;
    if (fstat(fd, &status) != 0) return 0;
    return offset + (off_t)len > status.st_size && fails("space", fd);
}

static size_t total_of(const struct iovec *parts, int count) {
    size_t total = 0;
    for (int at = 0; at < count; at++) total += parts[at].iov_len;
    return total;
}

int fsync(int fd) { return fails("sync", fd) ? -1 : REAL(fsync)(fd); }
int fdatasync(int fd) { return fails("sync", fd) ? -1 : REAL(fdatasync)(fd); }

ssize_t write(int fd, const void *data, size_t len) {
    return fails("write", fd) ? -1 : REAL(write)(fd, data, len);
}
ssize_t pwrite(int fd, const void *data, size_t len, off_t offset) {
    if (fails("write", fd) || lacks_space(fd, len, offset)) return -1;
    return REAL(pwrite)(fd, data, len, offset);
}
ssize_t pwrite64(int fd, const void *data, size_t len, off64_t offset) {
    if (fails("write", fd) || lacks_space(fd, len, offset)) return -1;
    return REAL(pwrite64)(fd, data, len, offset);
}
ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset) {
    if (fails("write", fd) || lacks_space(fd, total_of(parts, count), offset)) return -1;
    return REAL(pwritev)(fd, parts, count, offset);
}
ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t offset) {
    if (fails("write", fd) || lacks_space(fd, total_of(parts, count), offset)) return -1;
    return REAL(pwritev64)(fd, parts, count, offset);
}
int fallocate(int fd, int mode, off_t offset, off_t len) {
    return fails("space", fd) ? -1 : REAL(fallocate)(fd, mode, offset, len);
}
int fallocate64(int fd, int mode, off64_t offset, off64_t len) {
    return fails("space", fd) ? -1 : REAL(fallocate64)(fd, mode, offset, len);
}
int posix_fallocate(int fd, off_t offset, off_t len) {
    int code = fails("space", fd);
    return code ? code : REAL(posix_fallocate)(fd, offset, len);
}
int posix_fallocate64(int fd, off64_t offset, off64_t len) {
    int code = fails("space", fd);
    return code ? code : REAL(posix_fallocate64)(fd, offset, len);
}
