/* Can two files of one program include the header? The other half is two_files_b.c. */
#include <ironwal.h>

uint32_t version_seen_by_b(void);

int main(void) {
    return ironwal_version_number() == IRONWAL_VERSION_NUMBER &&
                   version_seen_by_b() == IRONWAL_VERSION_NUMBER
               ? 0
               : 1;
}
