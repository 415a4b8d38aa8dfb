// Memory that ends where memory ends: who reads one byte too many is stopped by the processor, not by luck.
#pragma once

#include <stddef.h>

enum { GUARDED_SIZE = 4096 };

// Makes the memory. Stops the program if there is none.
void guarded_make(void);

// A copy of these bytes, up to GUARDED_SIZE of them, whose last one is the last that can be read. The next call takes its
// place.
const char *guarded_copy(const char *bytes, size_t length);
