/* Which calls of POSIX do the C tests and examples use that MinGW-w64 lacks? Included before every source of
 * theirs on Windows (-include), so that the sources stay those of other systems.
 *
 * MinGW-w64 has pthreads, clocks, dirent.h and ftw.h. It lacks directories made under a name of their own; and
 * its remove() removes no directory, so that examples could not clean up after themselves. */
#ifndef POSIX_ON_WINDOWS_H
#define POSIX_ON_WINDOWS_H

#include <direct.h>
#include <errno.h>
#include <io.h>
#include <process.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Makes a directory; the six X at the end of `path` become digits. Directories below /tmp make that too, for
 * it exists under Wine only. */
static inline char *mkdtemp(char *path) {
    const size_t len = strlen(path);
    if (len < 6 || strcmp(path + len - 6, "XXXXXX") != 0) {
        errno = EINVAL;
        return NULL;
    }
    if (strncmp(path, "/tmp/", 5) == 0) (void)_mkdir("/tmp");
    for (unsigned attempt = 0; attempt < 1000; attempt++) {
        snprintf(path + len - 6, 7, "%06u", ((unsigned)_getpid() * 1000 + attempt) % 1000000);
        if (_mkdir(path) == 0) return path;
        if (errno != EEXIST) return NULL;
    }
    return NULL;
}

/* The limit of time is ctest's alone. */
static inline unsigned alarm(unsigned seconds) {
    (void)seconds;
    return 0;
}

#ifndef __cplusplus
static inline int remove_file_or_directory(const char *path) {
    return (remove)(path) == 0 ? 0 : _rmdir(path);
}
#define remove(path) remove_file_or_directory(path)
#endif

#endif
