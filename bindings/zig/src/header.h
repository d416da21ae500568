/* What is translated for src: the C library, as it is installed. */
#include <ironwal.h>
