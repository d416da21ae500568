/* The README's ten lines: append one durable record, and read it back. */
#include <ironwal.h>
#include <stdio.h>

int main(void) {
    ironwal_options *options = NULL;
    ironwal_wal *wal = NULL;
    ironwal_error *error = NULL;
    uint64_t id = 0;
    ironwal_buffer entry = {NULL, 0};
    if (ironwal_options_new(IRONWAL_STR("./orders"), &options, &error) == IRONWAL_OK &&
        ironwal_wal_open(options, &wal, &error) == IRONWAL_OK &&
        ironwal_append(wal, IRONWAL_STR("trades"), IRONWAL_STR("100@42"), &id, &error) == IRONWAL_OK && // durable
        ironwal_get(wal, IRONWAL_STR("trades"), id, &entry, &error) == IRONWAL_OK)
        printf("%llu: %.*s\n", (unsigned long long)id, (int)entry.len, (char *)entry.data);
    if (error) fprintf(stderr, "%s\n", ironwal_error_message(error).data);
    ironwal_error_free(error);
    ironwal_buffer_free(&entry);
    ironwal_options_free(options);
    return wal && ironwal_wal_close(wal, NULL) == IRONWAL_OK ? 0 : 1;
}
