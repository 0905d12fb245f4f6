/* SPDX-License-Identifier: Apache-2.0
 *
 * For tests: allocations that fail on demand. A build for users has none of it. A file that the
 * environment names (SALLYPORT_ALLOCATION_FAULTS) holds the four numbers below and is shared with
 * the test, which so decides, while the process runs, which of the next allocations fails.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* The layout of the file. */
struct allocation_faults {
    uint64_t countdown;      /* the allocation with which it becomes 0 fails; 0: none fails */
    uint64_t counted;        /* allocations there were */
    uint64_t failed;         /* allocations that failed */
    uint64_t is_main_chosen; /* not 0: what main's thread allocates counts from the start on */
};

#ifdef SALLYPORT_ALLOCATION_FAULTS

/* Maps the file, if one is named. Before any other thread runs. */
void allocation_faults_start(void);
/* Numbers of the test's own instead of a file's. */
void allocation_faults_use(struct allocation_faults *faults);
/* What this thread allocates from here on counts. */
void allocation_faults_choose_thread(void);
/* Whether the allocation that is about to be made is to fail. */
bool allocation_faults_strike(void);

#else

static inline void allocation_faults_start(void)
{
}

static inline void allocation_faults_choose_thread(void)
{
}

static inline bool allocation_faults_strike(void)
{
    return false;
}

#endif
