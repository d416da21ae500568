#include <ironwal.h>
