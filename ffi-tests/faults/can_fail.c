/* Does a failed check fail the test? CTest expects this program to fail. */
#include "check.h"

int main(int argc, char **argv) {
    (void)argv;
    enter_directory();
    ironwal_wal *wal = NULL;
    ironwal_options *options = options_for("log");
    if (argc > 1) CHECK(wal != NULL);
    EXPECT(IRONWAL_E_LOCKED, ironwal_wal_open(options, &wal, &error));
    return 0;
}
