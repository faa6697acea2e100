/* 10,000 buffers that live at the same time, each with contents of its own. */
#include "common.h"

enum { BUFFERS = 10000 };
static cl_mem buffers[BUFFERS];

int main(void)
{
    struct cl cl = start(0);
    uint64_t sum = 0;
    for (uint32_t i = 0; i < BUFFERS; i++) {
        uint32_t contents[64];
        for (uint32_t k = 0; k < 64; k++)
            contents[k] = i * 64 + k;
        buffers[i] = new_buffer(&cl, CL_MEM_COPY_HOST_PTR, sizeof contents, contents);
    }
    for (uint32_t i = 0; i < BUFFERS; i += 2)
        CHECK(clEnqueueCopyBuffer(cl.queue, buffers[i], buffers[(i + 1) % BUFFERS], 0, 128, 64, 0, NULL, NULL));
    for (uint32_t i = 0; i < BUFFERS; i++) {
        uint32_t contents[64];
        CHECK(clEnqueueReadBuffer(cl.queue, buffers[i], CL_TRUE, 0, sizeof contents, contents, 0, NULL, NULL));
        EXPECT(contents[5] == i * 64 + 5);
        EXPECT(contents[32] == (i % 2 ? (i - 1) * 64 : i * 64 + 32));
        sum = sum * 31 + checksum(contents, sizeof contents);
    }
    for (uint32_t i = 0; i < BUFFERS; i++)
        CHECK(clReleaseMemObject(buffers[i * 7919u % BUFFERS]));
    printf("%d buffers: %016llx\n", BUFFERS, (unsigned long long)sum);
    stop(&cl);
    return 0;
}
