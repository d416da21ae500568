/* What do the tests share? Checks that end the process, and a directory that goes with it. */
#ifndef CHECK_H
#define CHECK_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <dirent.h>
#include <ftw.h>
#include <inttypes.h>
#include <ironwal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#ifdef _WIN32
#include <process.h>
#else
#include <sys/wait.h>
#endif

#define CHECK(condition)                                                                       \
    do {                                                                                       \
        if (!(condition)) {                                                                    \
            fprintf(stderr, "%s:%d: failed: %s\n", __FILE__, __LINE__, #condition);            \
            exit(1);                                                                           \
        }                                                                                      \
    } while (0)

/* A call whose last argument is `error`, which must give `expected`. */
#define EXPECT(expected, call) expect_status((expected), (call), &error, #call, __FILE__, __LINE__)
#define OK(call) EXPECT(IRONWAL_OK, call)

/* Text as (pointer, length). */
#define TEXT(literal) (literal), (sizeof(literal) - 1)

static ironwal_error *error;
static char directory[256];
static pid_t directory_owner;

static inline int is_answer(ironwal_status status) {
    return status == IRONWAL_E_NOT_FOUND || status == IRONWAL_E_END ||
           status == IRONWAL_E_BUFFER_TOO_SMALL || status == IRONWAL_E_TIMEOUT;
}

static inline void expect_status(ironwal_status expected, ironwal_status got,
                                 ironwal_error **details, const char *call, const char *file,
                                 int line) {
    ironwal_str message = ironwal_error_message(*details);
    if (got != expected) {
        fprintf(stderr, "%s:%d: %s gave %s, expected %s: %s\n", file, line, call,
                ironwal_status_name(got), ironwal_status_name(expected),
                message.data ? message.data : "");
        exit(1);
    }
    /* Every failure says what happened, nothing else makes an object. */
    if ((got == IRONWAL_OK || is_answer(got)) != (*details == NULL)) {
        fprintf(stderr, "%s:%d: %s gave %s %s an error object\n", file, line, call,
                ironwal_status_name(got), *details ? "with" : "without");
        exit(1);
    }
    if (*details) {
        CHECK(ironwal_error_status(*details) == got);
        CHECK(message.len > 0 && strlen(message.data) == message.len);
    }
    ironwal_error_free(*details);
    *details = NULL;
}

static inline int remove_one(const char *path, const struct stat *status, int kind,
                             struct FTW *at) {
    (void)status;
    (void)kind;
    (void)at;
    /* On Windows remove() removes no directory. */
    return remove(path) == 0 ? 0 : rmdir(path);
}

static inline void remove_directory(void) {
    if (getpid() == directory_owner) nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* Makes a directory of this test's own; it is removed when the process ends. */
static inline void enter_directory(void) {
    const char *base = getenv("TMPDIR");
    snprintf(directory, sizeof directory, "%s/ironwal-test-XXXXXX", base ? base : "/tmp");
    CHECK(mkdtemp(directory) != NULL);
    directory_owner = getpid();
    atexit(remove_directory);
}

static inline int make_directory(const char *path) {
#ifdef _WIN32
    return mkdir(path);
#else
    return mkdir(path, 0700);
#endif
}

/* Where the log `name` of this test lies. */
static inline const char *path_of(const char *name) {
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    return path;
}

static inline ironwal_options *options_for(const char *name) {
    const char *path = path_of(name);
    ironwal_options *options = NULL;
    OK(ironwal_options_new(path, strlen(path), &options, &error));
    return options;
}

/* Opens a log and gives up the options. */
static inline ironwal_wal *open_with(ironwal_options *options) {
    ironwal_wal *wal = NULL;
    OK(ironwal_wal_open(options, &wal, &error));
    CHECK(wal != NULL);
    ironwal_options_free(options);
    return wal;
}

static inline ironwal_wal *open_log(const char *name) { return open_with(options_for(name)); }

static inline ironwal_slice slice_of(const void *data, size_t len) {
    ironwal_slice slice;
    slice.data = data;
    slice.len = len;
    return slice;
}

static inline int view_is(ironwal_view view, const void *data, size_t len) {
    if (view.len != len || (view.data == NULL) != (len == 0)) return 0;
    return len == 0 || memcmp(view.data, data, len) == 0;
}

static inline int buffer_is(const ironwal_buffer *buffer, const void *data, size_t len) {
    ironwal_view view;
    view.data = buffer->data;
    view.len = buffer->len;
    return view_is(view, data, len);
}

/* Starts this program once more, in a process that shares nothing with this one; `second` may be NULL. */
#ifdef _WIN32
typedef intptr_t child_process;

static inline child_process start_again(const char *program, const char *first, const char *second) {
    const intptr_t child = _spawnl(_P_NOWAIT, program, program, first, second, (char *)NULL);
    CHECK(child != -1);
    return child;
}

static inline int exit_code_of(child_process child) {
    int status = 0;
    CHECK(_cwait(&status, child, 0) == child);
    return status;
}
#else
typedef pid_t child_process;

static inline child_process start_again(const char *program, const char *first, const char *second) {
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        /* The kernel cannot run a program of another processor by itself. */
        if (getenv("IRONWAL_TEST_EMULATOR"))
            execl("/bin/sh", "sh", "-c", "exec $IRONWAL_TEST_EMULATOR \"$@\"", "sh", program, first, second,
                  (char *)NULL);
        else
            execl(program, program, first, second, (char *)NULL);
        _exit(99);
    }
    return child;
}

/* The child of fork ends here, without the parent's atexit handlers. */
static inline int exit_code_of(child_process child) {
    int status = 0;
    CHECK(waitpid(child, &status, 0) == child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
#endif

#endif
