/* Does an error object say what happened and where, to any thread, and has every status a name? */
#include "check.h"
#include <errno.h>
#include <pthread.h>
#ifndef _WIN32
#include <sys/resource.h>
#endif

static void names(void) {
    for (int32_t status = -35; status <= 0; status++) {
        const char *name = ironwal_status_name(status);
        CHECK(strncmp(name, "IRONWAL_", 8) == 0);
        if (status != IRONWAL_E_OTHER) CHECK(strcmp(name, "IRONWAL_E_OTHER") != 0);
        for (int32_t other = -35; other < status; other++)
            CHECK(strcmp(name, ironwal_status_name(other)) != 0);
    }
    static const int32_t unknown[] = {INT32_MIN, -36, 1, INT32_MAX};
    for (int at = 0; at < 4; at++)
        CHECK(strcmp(ironwal_status_name(unknown[at]), "IRONWAL_E_OTHER") == 0);
}

static void versions(void) {
    char text[32];
    CHECK(ironwal_version_number() == IRONWAL_VERSION_NUMBER);
    CHECK(strcmp(ironwal_version_string(), IRONWAL_VERSION_STRING) == 0);
    CHECK(IRONWAL_VERSION_NUMBER == IRONWAL_VERSION_MAJOR * 1000000 +
                                        IRONWAL_VERSION_MINOR * 1000 + IRONWAL_VERSION_PATCH);
    snprintf(text, sizeof text, "%d.%d.%d", IRONWAL_VERSION_MAJOR, IRONWAL_VERSION_MINOR,
             IRONWAL_VERSION_PATCH);
    CHECK(strcmp(text, IRONWAL_VERSION_STRING) == 0);
}

/* What the system says of a path through a directory that does not exist. */
#ifdef _WIN32
enum { MISSING = 3 }; /* ERROR_PATH_NOT_FOUND */
#else
enum { MISSING = ENOENT };
#endif

static void *read_elsewhere(void *details) {
    const ironwal_error *made_there = (const ironwal_error *)details;
    CHECK(ironwal_error_status(made_there) == IRONWAL_E_IO);
    CHECK(ironwal_error_os_error(made_there) == MISSING);
    CHECK(strstr(ironwal_error_path(made_there).data, "missing") != NULL);
    CHECK(strstr(ironwal_error_message(made_there).data, "missing") != NULL);
    return NULL;
}

/* What opening the log `name` says after its refusal fits the cause, and blames no disk. */
static void advises(const char *name, int os_error, const char *advice) {
    ironwal_options *options = options_for(name);
    ironwal_wal *wal = NULL;
    ironwal_error *details = NULL;
    CHECK(ironwal_wal_open(options, &wal, &details) != IRONWAL_OK && wal == NULL);
    const char *message = ironwal_error_message(details).data;
    if (ironwal_error_os_error(details) != os_error || !strstr(message, advice) ||
        strstr(message, "disk")) {
        fprintf(stderr, "%s: not \"%s\": %s\n", name, advice, message);
        exit(1);
    }
    ironwal_error_free(details);
    ironwal_options_free(options);
}

#ifndef _WIN32
static void advice(void) {
    char parent[512], loop[512], long_name[302];
    memset(long_name, 'n', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = 0;
    snprintf(parent, sizeof parent, "%s", path_of("plain"));
    FILE *file = fopen(parent, "w");
    CHECK(file != NULL && fclose(file) == 0);
    snprintf(loop, sizeof loop, "%s", path_of("loop"));
    CHECK(symlink("loop", loop) == 0);
    advises("no-parent/log", ENOENT, "check the path");
    advises("plain", 0, "no directory");
    advises("plain/log", ENOTDIR, "no directory");
    advises(long_name, ENAMETOOLONG, "shorten the path");
    advises("loop/log", ELOOP, "symbolic links");
    ironwal_wal *holder = open_log("held");
    advises("held", 0, "close the other writer");
    OK(ironwal_wal_close(holder, &error));

    struct rlimit before, none = {0, 0};
    CHECK(getrlimit(RLIMIT_NOFILE, &before) == 0);
    none.rlim_max = before.rlim_max;
    CHECK(setrlimit(RLIMIT_NOFILE, &none) == 0);
    advises("held", EMFILE, "ulimit -n");
    CHECK(setrlimit(RLIMIT_NOFILE, &before) == 0);
}
#else
/* The codes are those of winerror.h. Descriptors have no limit of their own, and links need a right that users do not
 * have. */
static void advice(void) {
    FILE *file = fopen(path_of("plain"), "w");
    CHECK(file != NULL && fclose(file) == 0);
    advises("no-parent/log", MISSING, "check the path");
    advises("plain", 0, "no directory");
    ironwal_wal *holder = open_log("held");
    advises("held", 0, "close the other writer");
    OK(ironwal_wal_close(holder, &error));
}
#endif

int main(void) {
    enter_directory();
    names();
    versions();
    advice();

    /* The parent of the root is missing: the system's code and the path are named. */
    ironwal_options *options = options_for("missing/log");
    ironwal_wal *wal = NULL;
    ironwal_error *details = NULL;
    CHECK(ironwal_wal_open(options, &wal, &details) == IRONWAL_E_IO && wal == NULL);
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, read_elsewhere, details) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    /* It outlives what it came from. */
    ironwal_options_free(options);
    read_elsewhere(details);
    ironwal_error_free(details);

    /* A root that is a file. */
    FILE *file = fopen(path_of("file"), "w");
    CHECK(file != NULL && fclose(file) == 0);
    options = options_for("file");
    details = NULL;
    CHECK(ironwal_wal_open(options, &wal, &details) != IRONWAL_OK && wal == NULL);
    CHECK(ironwal_error_message(details).len > 0);
    ironwal_error_free(details);
    ironwal_options_free(options);

    /* The stream is named, and an error pointer left over from before is overwritten. */
    wal = open_log("log");
    details = (ironwal_error *)&details;
    CHECK(ironwal_truncate(wal, TEXT("none"), 1, NULL, &details) == IRONWAL_E_STREAM_NOT_FOUND);
    CHECK(strcmp(ironwal_error_stream(details).data, "none") == 0);
    CHECK(ironwal_error_stream(details).len == 4);
    CHECK(ironwal_error_os_error(details) == 0);
    ironwal_error_free(details);
    details = (ironwal_error *)&details;
    CHECK(ironwal_append(wal, TEXT("s"), TEXT("x"), NULL, &details) == IRONWAL_OK);
    CHECK(details == NULL);
    OK(ironwal_wal_close(wal, &error));
    return 0;
}
