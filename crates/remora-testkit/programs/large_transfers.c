/*
 * Transfers that are too large to go in one piece: every byte arrives, with and without events, in queues of every kind, and
 * from any address. To another thread of the queue each is one command.
 */
#include "common.h"

enum { SIZE = (45 << 20) + 12345, MARGIN = 64 };

static struct cl cl;
static unsigned char *source, *target;

static void transfers(cl_command_queue queue, const char *name, size_t offset, size_t size, int skew)
{
    cl_event written, read;
    cl_mem buffer = new_buffer(&cl, 0, SIZE, NULL);
    unsigned char zero = 0;
    CHECK(clEnqueueFillBuffer(queue, buffer, &zero, 1, 0, SIZE, 0, NULL, NULL));
    CHECK(clFinish(queue));
    for (int round = 0; round < 4; round++) {
        int blocking = round & 1, events = round & 2;
        memset(target, 0xee, SIZE + MARGIN);
        fill_random(source, SIZE + MARGIN, (unsigned)round + 1);
        CHECK(clEnqueueWriteBuffer(queue, buffer, blocking, offset, size, source + skew, 0, NULL, events ? &written : NULL));
        /* What the program does to its memory now is its own affair. */
        if (!blocking && !events)
            CHECK(clFinish(queue));
        if (blocking)
            memset(source + skew + size / 2, 0x11, 1000);
        CHECK(clEnqueueReadBuffer(queue, buffer, blocking, offset, size, target + skew, events ? 1 : 0,
                                  events ? &written : NULL, events ? &read : NULL));
        if (events) {
            CHECK(clWaitForEvents(1, &read));
            EXPECT(event_status(written) == CL_COMPLETE && event_status(read) == CL_COMPLETE);
            CHECK(clReleaseEvent(written));
            CHECK(clReleaseEvent(read));
        }
        CHECK(clFinish(queue));
        if (blocking)
            fill_random(source, SIZE + MARGIN, (unsigned)round + 1);
        EXPECT(!memcmp(source + skew, target + skew, size));
        for (int i = 0; i < skew; i++)
            EXPECT(target[i] == 0xee);
        EXPECT(target[skew + size] == 0xee);
    }
    CHECK(clReleaseMemObject(buffer));
    printf("%s: %zu bytes at %zu\n", name, size, offset);
}

enum { FILLS = 40 };

static cl_mem filled;

static void *fill(void *unused)
{
    for (int i = 0; i < FILLS; i++) {
        unsigned char value = (unsigned char)(i + 1);
        CHECK(clEnqueueFillBuffer(cl.queue, filled, &value, 1, 0, SIZE, 0, NULL, NULL));
        CHECK(clFlush(cl.queue));
        sleep_ms(1);
    }
    return unused;
}

/* What is read between two fills of another thread is all of the one or all of the other. */
static void read_between_fills(void)
{
    pthread_t thread;
    unsigned char zero = 0;
    filled = new_buffer(&cl, 0, SIZE, NULL);
    CHECK(clEnqueueFillBuffer(cl.queue, filled, &zero, 1, 0, SIZE, 0, NULL, NULL));
    EXPECT(!pthread_create(&thread, NULL, fill, NULL));
    do {
        CHECK(clEnqueueReadBuffer(cl.queue, filled, CL_TRUE, 0, SIZE, target, 0, NULL, NULL));
        EXPECT(!memcmp(target, target + 1, SIZE - 1));
    } while (target[0] < FILLS);
    EXPECT(!pthread_join(thread, NULL));
    CHECK(clReleaseMemObject(filled));
    printf("between fills\n");
}

int main(void)
{
    cl = start(0);
    source = malloc(SIZE + MARGIN);
    target = malloc(SIZE + MARGIN);
    cl_command_queue measured = new_queue(&cl, CL_QUEUE_PROFILING_ENABLE);
    transfers(cl.queue, "in order", 0, SIZE, 0);
    transfers(cl.queue, "in order", 4099, SIZE - 5000, 7);
    transfers(cl.queue, "in order", 0, 16 << 20, 0);
    transfers(cl.queue, "in order", 1, (16 << 20) + 1, 1);
    transfers(measured, "measured", 77, SIZE - 77, 3);
    read_between_fills();
    cl_command_queue free_order = new_queue(&cl, CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE);
    cl_mem buffer = new_buffer(&cl, 0, SIZE, NULL);
    cl_event written;
    fill_random(source, SIZE, 9);
    CHECK(clEnqueueWriteBuffer(free_order, buffer, CL_FALSE, 0, SIZE, source, 0, NULL, &written));
    CHECK(clEnqueueReadBuffer(free_order, buffer, CL_TRUE, 0, SIZE, target, 1, &written, NULL));
    EXPECT(!memcmp(source, target, SIZE));
    printf("out of order\n");
    CHECK(clReleaseEvent(written));
    CHECK(clReleaseMemObject(buffer));
    CHECK(clReleaseCommandQueue(measured));
    CHECK(clReleaseCommandQueue(free_order));
    stop(&cl);
    return 0;
}
