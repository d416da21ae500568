/* Preloaded into a process, makes calls of the system fail without making them. FAIL_CALL names them,
 * comma-separated; FAIL_CODE is the error number, 5 (EIO) if absent. FAIL_AT says which of these calls
 * fails, counted from 1; "all": each; "odd": each is interrupted once and answered when made again. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static atomic_long calls;

static int is_named(const char *name, const char *list) {
    size_t len = strlen(name);
    for (const char *at = list; at && (at = strstr(at, name)); at += len) {
        int starts = at == list || at[-1] == ',';
        if (starts && (at[len] == 0 || at[len] == ',')) return 1;
    }
    return 0;
}

static int fails(const char *name) {
    static _Thread_local int inside, odd;
    const char *at = getenv("FAIL_AT"), *code = getenv("FAIL_CODE");
    if (inside || !at || !is_named(name, getenv("FAIL_CALL"))) return 0;
    inside = 1;
    int now;
    if (strcmp(at, "all") == 0) now = 1;
    else if (strcmp(at, "odd") == 0) now = (odd = !odd);
    else now = atomic_fetch_add(&calls, 1) + 1 == atol(at);
    inside = 0;
    if (now) errno = code ? atoi(code) : EIO;
    return now;
}

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

/* RESULT NAME(PARAMETERS) { fails, or the next NAME(ARGUMENTS) } */
#define STAND_IN(result, name, label, parameters, arguments) \
    result name parameters { return fails(label) ? -1 : NEXT(name) arguments; }

STAND_IN(int, fsync, "fsync", (int fd), (fd))
STAND_IN(int, fdatasync, "fdatasync", (int fd), (fd))
STAND_IN(int, msync, "msync", (void *at, size_t len, int flags), (at, len, flags))
STAND_IN(int, sync_file_range, "sync_file_range", (int fd, off64_t at, off64_t len, unsigned flags),
         (fd, at, len, flags))
STAND_IN(int, syncfs, "syncfs", (int fd), (fd))
STAND_IN(int, madvise, "madvise", (void *at, size_t len, int advice), (at, len, advice))
STAND_IN(int, flock, "flock", (int fd, int operation), (fd, operation))
STAND_IN(int, fallocate, "fallocate", (int fd, int mode, off_t at, off_t len), (fd, mode, at, len))
STAND_IN(int, fallocate64, "fallocate", (int fd, int mode, off64_t at, off64_t len),
         (fd, mode, at, len))
STAND_IN(int, ftruncate, "ftruncate", (int fd, off_t len), (fd, len))
STAND_IN(int, ftruncate64, "ftruncate", (int fd, off64_t len), (fd, len))
STAND_IN(int, fstatfs, "statfs", (int fd, struct statfs *to), (fd, to))
STAND_IN(int, statfs, "statfs", (const char *path, struct statfs *to), (path, to))
STAND_IN(int, statvfs, "statvfs", (const char *path, struct statvfs *to), (path, to))
STAND_IN(int, fstatvfs, "statvfs", (int fd, struct statvfs *to), (fd, to))
STAND_IN(int, fstatat, "fstatat",
         (int at, const char *restrict path, struct stat *restrict to, int flags),
         (at, path, to, flags))
STAND_IN(int, fstatat64, "fstatat",
         (int at, const char *restrict path, struct stat64 *restrict to, int flags),
         (at, path, to, flags))
STAND_IN(int, rename, "rename", (const char *from, const char *to), (from, to))
STAND_IN(int, renameat, "rename", (int a, const char *from, int b, const char *to), (a, from, b, to))
STAND_IN(int, unlink, "unlink", (const char *path), (path))
STAND_IN(int, unlinkat, "unlink", (int at, const char *path, int flags), (at, path, flags))
STAND_IN(int, rmdir, "rmdir", (const char *path), (path))
STAND_IN(int, mkdir, "mkdir", (const char *path, mode_t mode), (path, mode))
STAND_IN(int, mkdirat, "mkdir", (int at, const char *path, mode_t mode), (at, path, mode))
STAND_IN(int, link, "link", (const char *from, const char *to), (from, to))
STAND_IN(int, linkat, "link", (int a, const char *from, int b, const char *to, int flags),
         (a, from, b, to, flags))
STAND_IN(int, statx, "statx",
         (int at, const char *restrict path, int flags, unsigned mask, struct statx *restrict to),
         (at, path, flags, mask, to))
STAND_IN(ssize_t, pread, "read", (int fd, void *to, size_t len, off_t at), (fd, to, len, at))
STAND_IN(ssize_t, pread64, "read", (int fd, void *to, size_t len, off64_t at), (fd, to, len, at))
STAND_IN(ssize_t, pwrite, "write", (int fd, const void *from, size_t len, off_t at),
         (fd, from, len, at))
STAND_IN(ssize_t, pwrite64, "write", (int fd, const void *from, size_t len, off64_t at),
         (fd, from, len, at))
STAND_IN(ssize_t, pwritev, "pwritev", (int fd, const struct iovec *parts, int count, off_t at),
         (fd, parts, count, at))
STAND_IN(ssize_t, pwritev64, "pwritev", (int fd, const struct iovec *parts, int count, off64_t at),
         (fd, parts, count, at))
STAND_IN(ssize_t, copy_file_range, "copy_file_range",
         (int from, off64_t *at, int to, off64_t *to_at, size_t len, unsigned flags),
         (from, at, to, to_at, len, flags))
STAND_IN(int, getrlimit, "getrlimit", (__rlimit_resource_t which, struct rlimit *to), (which, to))
STAND_IN(int, getrlimit64, "getrlimit", (__rlimit_resource_t which, struct rlimit64 *to),
         (which, to))

/* Mapped for storing; the loader's and the allocator's maps are none of ours. */
void *mmap(void *at, size_t len, int protection, int flags, int fd, off_t offset) {
    if ((flags & MAP_SHARED) && fd >= 0 && fails("mmap")) return MAP_FAILED;
    return NEXT(mmap)(at, len, protection, flags, fd, offset);
}
void *mmap64(void *at, size_t len, int protection, int flags, int fd, off64_t offset) {
    if ((flags & MAP_SHARED) && fd >= 0 && fails("mmap")) return MAP_FAILED;
    return NEXT(mmap64)(at, len, protection, flags, fd, offset);
}

#define OPEN(name, dir, dir_argument)                         \
    int name(dir const char *path, int flags, ...) {          \
        va_list rest;                                         \
        va_start(rest, flags);                                \
        mode_t mode = va_arg(rest, mode_t);                   \
        va_end(rest);                                         \
        if (fails("open")) return -1;                         \
        return NEXT(name)(dir_argument path, flags, mode);    \
    }
#define NONE
#define DIRECTORY int at,
#define DIRECTORY_ARGUMENT at,
OPEN(open, NONE, NONE)
OPEN(open64, NONE, NONE)
OPEN(openat, DIRECTORY, DIRECTORY_ARGUMENT)
OPEN(openat64, DIRECTORY, DIRECTORY_ARGUMENT)

long syscall(long number, ...) {
    va_list rest;
    long a[6];
    va_start(rest, number);
    for (int at = 0; at < 6; at++) a[at] = va_arg(rest, long);
    va_end(rest);
    if (number == SYS_getdents64 && fails("getdents64")) return -1;
    if (number == SYS_getrandom && fails("getrandom")) return -1;
    if (number == SYS_copy_file_range && fails("copy_file_range")) return -1;
    return NEXT(syscall)(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
