/* The other half of two_files_a.c. */
#include <ironwal.h>

uint32_t version_seen_by_b(void);

uint32_t version_seen_by_b(void) { return ironwal_version_number(); }
