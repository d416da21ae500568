/* Preloaded into a process, makes one of its syncs fail: FAIL_CALL names it, FAIL_AT says which one
 * of them, counted from 1. The sync itself is not done. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

static atomic_long calls;

static int fails(const char *name) {
    const char *call = getenv("FAIL_CALL"), *at = getenv("FAIL_AT");
    if (!call || !at || strcmp(call, name) != 0 || atomic_fetch_add(&calls, 1) + 1 != atol(at))
        return 0;
    errno = EIO;
    return 1;
}

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

int fsync(int fd) { return fails("fsync") ? -1 : NEXT(fsync)(fd); }

int fdatasync(int fd) { return fails("fdatasync") ? -1 : NEXT(fdatasync)(fd); }

int msync(void *at, size_t len, int flags) { return fails("msync") ? -1 : NEXT(msync)(at, len, flags); }

int sync_file_range(int fd, off64_t at, off64_t len, unsigned flags) {
    return fails("sync_file_range") ? -1 : NEXT(sync_file_range)(fd, at, len, flags);
}
