#define _DEFAULT_SOURCE // MAP_ANONYMOUS

#include "guarded.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(_WIN32)

// Without a guard: what the compiler checks is checked.
static char memory[GUARDED_SIZE];

void guarded_make(void) {}

#else

#include <sys/mman.h>
#include <unistd.h>

static char *memory;

void guarded_make(void) {
    long page = sysconf(_SC_PAGESIZE);
    size_t guard = page > 0 ? (size_t)page : GUARDED_SIZE;
    size_t whole = (GUARDED_SIZE + guard - 1) / guard * guard;
    char *made = mmap(NULL, whole + guard, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (made == MAP_FAILED || mprotect(made + whole, guard, PROT_NONE) != 0) {
        perror("no guarded memory");
        exit(2);
    }
    memory = made + whole - GUARDED_SIZE;
}

#endif

const char *guarded_copy(const char *bytes, size_t length) {
    if (length > GUARDED_SIZE) {
        fprintf(stderr, "%zu bytes are more than can be guarded\n", length);
        exit(2);
    }
    char *copy = memory + GUARDED_SIZE - length;
    if (length > 0) {
        memcpy(copy, bytes, length);
    }
    return copy;
}
