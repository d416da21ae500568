/* Are odd stream names distinct streams, found again under the same names after reopening? */
#include "check.h"

static char long_name[255];

/* A disk that ignores case has one directory for A and a: the second of the two is refused there. */
#ifdef _WIN32
#define BIG "AA"
#else
#define BIG "A"
#endif

static const struct {
    const char *data;
    size_t len;
} odd[] = {
    {TEXT("a/b")}, {TEXT("a_b")},  {TEXT(BIG)},         {TEXT("a")},    {TEXT("\xc3\xbc")},
    {TEXT("..")},  {TEXT(".")},    {TEXT("CON")},       {TEXT("HEAD")}, {TEXT("x#deleted")},
    {TEXT(" ")},   {TEXT("LOCK")}, {TEXT("a%2Fb")},     {TEXT("\n")},   {TEXT("\xf0\x9f\xa6\x80")},
    {TEXT("con")}, {TEXT("nul")},  {TEXT("a.b")},       {TEXT(".a")},   {TEXT("a.")},
    {TEXT("~")},   {TEXT("-")},    {TEXT("segments.idx")}, {long_name, 255},
};
enum { COUNT = sizeof odd / sizeof odd[0] };

int main(void) {
    enter_directory();
    /* 255 bytes that all need escaping. */
    for (int at = 0; at < 255; at++) long_name[at] = (char)(1 + at % 31);
    ironwal_wal *wal = open_log("log");
    for (size_t at = 0; at < COUNT; at++)
        OK(ironwal_append(wal, odd[at].data, odd[at].len, odd[at].data, odd[at].len, NULL, &error));
#ifdef _WIN32
    EXPECT(IRONWAL_E_INVALID_FILENAME, ironwal_append(wal, TEXT("A"), TEXT("x"), NULL, &error));
#endif
    OK(ironwal_wal_close(wal, &error));

    wal = open_log("log");
    for (size_t at = 0; at < COUNT; at++) {
        ironwal_buffer buffer;
        OK(ironwal_get(wal, odd[at].data, odd[at].len, 0, &buffer, &error));
        CHECK(buffer_is(&buffer, odd[at].data, odd[at].len));
        ironwal_buffer_free(&buffer);
        EXPECT(IRONWAL_E_NOT_FOUND,
               ironwal_get(wal, odd[at].data, odd[at].len, 1, &buffer, &error));
    }
    ironwal_name_list *names = NULL;
    OK(ironwal_wal_streams(wal, &names, &error));
    CHECK(ironwal_name_list_count(names) == COUNT);
    for (size_t at = 0; at < COUNT; at++) {
        int found = 0;
        for (size_t which = 0; which < COUNT; which++) {
            ironwal_str name = ironwal_name_list_get(names, which);
            found += name.len == odd[at].len && memcmp(name.data, odd[at].data, name.len) == 0;
        }
        CHECK(found == 1);
    }
    ironwal_name_list_free(names);
    OK(ironwal_wal_close(wal, &error));
    return 0;
}
