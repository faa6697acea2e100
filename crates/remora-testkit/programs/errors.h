/*
 * The tables of bad calls. TRY is for a call that returns its code, MAKE for one that stores it in `code`. Each line
 * names the call, the code that the specification demands and the code that came; where those differ, natively too, the
 * driver departs from the specification. EITHER is for such calls, where PoCL 3.1's code is the second one: it says only
 * whether one of the two came.
 */
#ifndef REMORA_TEST_ERRORS_H
#define REMORA_TEST_ERRORS_H

#include "common.h"

static cl_int code;

static inline void report(const char *call, cl_int wanted, cl_int got)
{
    printf("%s: %s", call, code_name(got));
    if (got != wanted)
        printf(" instead of %s", code_name(wanted));
    printf("\n");
}

static inline void report_either(const char *call, cl_int wanted, cl_int other, cl_int got)
{
    if (got == wanted || got == other)
        printf("%s: as it may be\n", call);
    else
        report(call, wanted, got);
}

#define TRY(what, wanted, call) report(what, wanted, call)
#define MAKE(what, wanted, call)                 \
    do {                                         \
        code = 4711;                             \
        const void *made = (const void *)(call); \
        if (code != CL_SUCCESS)                  \
            EXPECT(made == NULL);                \
        report(what, wanted, code);              \
    } while (0)
#define EITHER(what, wanted, other, call) report_either(what, wanted, other, call)
#define MAKE_EITHER(what, wanted, other, call)     \
    do {                                           \
        code = 4711;                               \
        (void)(call);                              \
        report_either(what, wanted, other, code);  \
    } while (0)

#endif
