/* The smallest program that uses the package: one entry in, the same entry out. */
#include <ironwal.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv) {
    if (argc != 2) return 2;
    ironwal_options *options = NULL;
    ironwal_wal *wal = NULL;
    ironwal_buffer entry = {NULL, 0};
    uint64_t id = 99;
    int good = ironwal_options_new(argv[1], strlen(argv[1]), &options, NULL) == IRONWAL_OK &&
               ironwal_wal_open(options, &wal, NULL) == IRONWAL_OK &&
               ironwal_append(wal, "s", 1, "consumer", 8, &id, NULL) == IRONWAL_OK &&
               ironwal_get(wal, "s", 1, id, &entry, NULL) == IRONWAL_OK;
    if (good)
        printf("ironwal %s: %d: %.*s\n", ironwal_version_string(), (int)id, (int)entry.len,
               (const char *)entry.data);
    ironwal_buffer_free(&entry);
    ironwal_options_free(options);
    return good && ironwal_wal_close(wal, NULL) == IRONWAL_OK ? 0 : 1;
}
