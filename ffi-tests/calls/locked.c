/* Does a second writer get LOCKED, from this process and from another, by any path; and the first one
 * DETACHED once its directory is another one? */
#include "check.h"

static ironwal_status open_again(const char *path) {
    ironwal_options *options = NULL;
    ironwal_wal *second = NULL;
    if (ironwal_options_new(path, strlen(path), &options, NULL) != IRONWAL_OK) return 1;
    ironwal_status status = ironwal_wal_open(options, &second, NULL);
    ironwal_options_free(options);
    if (status == IRONWAL_OK) ironwal_wal_close(second, NULL);
    return status;
}

/* In a process of its own: started by exec, so that it shares nothing with this one. */
static ironwal_status open_elsewhere(const char *program, const char *path) {
    return -exit_code_of(start_again(program, path, NULL));
}

#ifndef _WIN32
/* A log whose directory was moved away while it is open, with another log in its place. */
static void refuses_to_write_into_the_other(void) {
    char path[512], moved[512];
    snprintf(path, sizeof path, "%s", path_of("replaced"));
    snprintf(moved, sizeof moved, "%s", path_of("moved"));
    ironwal_wal *wal = open_log("replaced");
    OK(ironwal_append(wal, TEXT("s"), TEXT("old"), NULL, &error));
    CHECK(rename(path, moved) == 0);
    ironwal_wal *other = open_log("replaced");
    OK(ironwal_append(other, TEXT("s"), TEXT("new"), NULL, &error));
    EXPECT(IRONWAL_E_DETACHED, ironwal_wal_sync_all(wal, &error));
    EXPECT(IRONWAL_E_DETACHED, ironwal_sync(wal, TEXT("s"), &error));
    EXPECT(IRONWAL_E_DETACHED, ironwal_truncate(wal, TEXT("s"), 1, NULL, &error));
    EXPECT(IRONWAL_E_DETACHED, ironwal_delete_stream(wal, TEXT("s"), &error));
    EXPECT(IRONWAL_E_DETACHED, ironwal_append(wal, TEXT("s"), TEXT("x"), NULL, &error));
    EXPECT(IRONWAL_E_DETACHED, ironwal_append(wal, TEXT("t"), TEXT("x"), NULL, &error));
    EXPECT(IRONWAL_E_DETACHED, ironwal_wal_close(wal, &error));
    CHECK(open_again(moved) == IRONWAL_OK);
    CHECK(open_again(path) == IRONWAL_E_LOCKED);
    OK(ironwal_wal_close(other, &error));
    /* LOCK removed by hand does not let a second writer in. */
    wal = open_log("replaced");
    CHECK(remove(path_of("replaced/LOCK")) == 0);
    CHECK(open_again(path) == IRONWAL_E_LOCKED);
    EXPECT(IRONWAL_E_DETACHED, ironwal_wal_close(wal, &error));
    CHECK(open_again(path) == IRONWAL_OK);
}
#else
/* Here neither the directory nor the lock file can be moved or removed while the log is open. */
static void refuses_to_write_into_the_other(void) {
    char path[512];
    snprintf(path, sizeof path, "%s", path_of("replaced"));
    ironwal_wal *wal = open_log("replaced");
    CHECK(remove(path_of("replaced/LOCK")) != 0);
    CHECK(rename(path_of("replaced/LOCK"), "other") != 0);
    CHECK(open_again(path) == IRONWAL_E_LOCKED);
    OK(ironwal_append(wal, TEXT("s"), TEXT("x"), NULL, &error));
    OK(ironwal_wal_close(wal, &error));
    CHECK(open_again(path) == IRONWAL_OK);
}

/* Links need a right that users do not have: by another spelling of the path. */
static int symlink(const char *target, const char *link) {
    (void)target;
    char *name = strrchr(link, '/');
    strcpy(name, "/./LOG");
    return 0;
}
#endif

int main(int argc, char **argv) {
    if (argc > 1) return -open_again(argv[1]);
    enter_directory();
    char log[512], link[512];
    snprintf(log, sizeof log, "%s", path_of("log"));
    snprintf(link, sizeof link, "%s", path_of("link"));
    CHECK(symlink("log", link) == 0);
    ironwal_wal *wal = open_log("log");
    CHECK(open_again(log) == IRONWAL_E_LOCKED);
    CHECK(open_again(link) == IRONWAL_E_LOCKED);
    CHECK(open_elsewhere(argv[0], log) == IRONWAL_E_LOCKED);
    CHECK(open_elsewhere(argv[0], link) == IRONWAL_E_LOCKED);
    OK(ironwal_append(wal, TEXT("s"), TEXT("x"), NULL, &error));
    OK(ironwal_wal_close(wal, &error));
    CHECK(open_again(link) == IRONWAL_OK);
    CHECK(open_elsewhere(argv[0], log) == IRONWAL_OK);
    refuses_to_write_into_the_other();
    return 0;
}
