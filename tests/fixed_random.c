/* Random numbers of the system that are none: loaded before everything else, a simulation draws the same ones in every run.
 * Tokio, hash maps and TLS ask for them, and what they do with them decides which of two things that are ready goes first.
 * Each thread begins anew. */
#define _GNU_SOURCE
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

static __thread uint64_t state = 1;

ssize_t getrandom(void *buffer, size_t length, unsigned int flags) {
    (void)flags;
    for (size_t i = 0; i < length; i++) {
        state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        ((uint8_t *)buffer)[i] = (uint8_t)(state >> 33);
    }
    return (ssize_t)length;
}
