/* Does AddressSanitizer see inside the library? A freed handle is read by Rust code only; CTest
 * expects the report of it. Part of the sanitizer's build alone: elsewhere it means nothing. */
#include "check.h"

int main(void) {
    enter_directory();
    ironwal_wal *wal = open_log("log");
    ironwal_stream *stream = NULL;
    OK(ironwal_stream_open(wal, TEXT("s"), &stream, &error));
    ironwal_stream_free(stream);
    ironwal_stream_sync(stream, NULL);
    ironwal_wal_close(wal, NULL);
    return 0;
}
