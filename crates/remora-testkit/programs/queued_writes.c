/*
 * Many large writes from one memory into one buffer, all queued behind a user event: queued_writes COUNT [MIB].
 * Whoever runs this looks at the memory that the process and its worker use; the program looks at its own.
 */
#include "common.h"

static long resident_kib(void)
{
    char line[256];
    long kib = -1;
    FILE *status = fopen("/proc/self/status", "r");
    EXPECT(status != NULL);
    while (fgets(line, sizeof line, status))
        if (sscanf(line, "VmRSS: %ld kB", &kib) == 1)
            break;
    fclose(status);
    return kib;
}

int main(int argc, char **argv)
{
    int count = argc > 1 ? atoi(argv[1]) : 16;
    size_t size = (size_t)(argc > 2 ? atoi(argv[2]) : 64) << 20;
    struct cl cl = start(0);
    unsigned char *from = malloc(size), *got = malloc(4096);
    EXPECT(from && got && count > 0);
    fill_random(from, size, 1);
    cl_mem buffer = new_buffer(&cl, 0, size, NULL);
    CHECK(clEnqueueWriteBuffer(cl.queue, buffer, CL_TRUE, 0, size, from, 0, NULL, NULL));
    cl_event gate = new_user_event(&cl), last;
    long before = resident_kib();
    for (int i = 0; i < count; i++)
        CHECK(clEnqueueWriteBuffer(cl.queue, buffer, CL_FALSE, 0, size, from, i == 0, i == 0 ? &gate : NULL,
                                   i == count - 1 ? &last : NULL));
    CHECK(clFlush(cl.queue));
    long queued = resident_kib();
    /* The bytes are those of the time at which the command runs. */
    CHECK(clSetUserEventStatus(gate, CL_COMPLETE));
    CHECK(clWaitForEvents(1, &last));
    long after = resident_kib();
    CHECK(clEnqueueReadBuffer(cl.queue, buffer, CL_TRUE, size - 4096, 4096, got, 0, NULL, NULL));
    EXPECT(memcmp(got, from + size - 4096, 4096) == 0);
    fprintf(stderr, "resident: %ld KiB before, %ld queued, %ld after\n", before, queued, after);
    /* An arena of a GiB that is mapped here counts too, with some room for queue and allocator. */
    printf("%d writes of %zu MiB, memory %s\n", count, size >> 20,
           queued - before < 1300 << 10 && after - before < 1300 << 10 ? "bounded" : "out of bounds");
    CHECK(clReleaseEvent(gate));
    CHECK(clReleaseEvent(last));
    CHECK(clReleaseMemObject(buffer));
    free(from);
    free(got);
    stop(&cl);
    return 0;
}
