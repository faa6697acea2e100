/* A non-blocking read into p and then a non-blocking write from p that waits on it: the new bytes are written. */
#include "common.h"

static void once(const struct cl *cl, size_t size, cl_command_queue writer)
{
    unsigned char *p = malloc(size), *contents = malloc(size), *got = malloc(size);
    cl_event gate = new_user_event(cl), read, written;
    fill_random(contents, size, (uint32_t)size);
    memset(p, 0, size);
    cl_mem from = new_buffer(cl, CL_MEM_COPY_HOST_PTR, size, contents);
    cl_mem to = new_buffer(cl, 0, size, NULL);
    CHECK(clEnqueueReadBuffer(cl->queue, from, CL_FALSE, 0, size, p, 1, &gate, &read));
    CHECK(clEnqueueWriteBuffer(writer, to, CL_FALSE, 0, size, p, 1, &read, &written));
    CHECK(clFlush(cl->queue));
    CHECK(clFlush(writer));
    sleep_ms(2);
    CHECK(clSetUserEventStatus(gate, CL_COMPLETE));
    CHECK(clWaitForEvents(1, &written));
    CHECK(clEnqueueReadBuffer(writer, to, CL_TRUE, 0, size, got, 0, NULL, NULL));
    EXPECT(memcmp(p, contents, size) == 0);
    EXPECT(memcmp(got, contents, size) == 0);
    /* A part of it, in the middle of what is being read. */
    size_t part = size / 3;
    cl_event gate2 = new_user_event(cl), again;
    fill_random(contents, size, (uint32_t)size + 1);
    CHECK(clEnqueueWriteBuffer(cl->queue, from, CL_TRUE, 0, size, contents, 0, NULL, NULL));
    CHECK(clEnqueueReadBuffer(cl->queue, from, CL_FALSE, 0, size, p, 1, &gate2, &again));
    CHECK(clEnqueueWriteBuffer(writer, to, CL_FALSE, 0, part, p + part, 1, &again, NULL));
    CHECK(clSetUserEventStatus(gate2, CL_COMPLETE));
    CHECK(clEnqueueReadBuffer(writer, to, CL_TRUE, 0, part, got, 1, &again, NULL));
    CHECK(clFinish(writer));
    CHECK(clEnqueueReadBuffer(writer, to, CL_TRUE, 0, part, got, 0, NULL, NULL));
    EXPECT(memcmp(got, contents + part, part) == 0);
    printf("%zu bytes: %016llx\n", size, (unsigned long long)checksum(got, part));
    cl_event events[] = {gate, read, written, gate2, again};
    for (int i = 0; i < 5; i++)
        CHECK(clReleaseEvent(events[i]));
    CHECK(clReleaseMemObject(from));
    CHECK(clReleaseMemObject(to));
    free(p);
    free(contents);
    free(got);
}

int main(void)
{
    static const size_t sizes[] = {16, 4096, 100000, 5 << 20, 48 << 20};
    struct cl cl = start(0);
    cl_command_queue other = new_queue(&cl, 0);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        once(&cl, sizes[i], cl.queue);
        once(&cl, sizes[i], other);
    }
    CHECK(clReleaseCommandQueue(other));
    stop(&cl);
    return 0;
}
