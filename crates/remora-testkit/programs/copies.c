/* What drivers read differently in the specification: slices at odd distances, copies that overlap, copies of nothing. */
#include "common.h"

static void show(const char *what, const void *memory, size_t size)
{
    printf("%s: %016llx\n", what, (unsigned long long)checksum(memory, size));
}

/* Slices that aren't a number of rows apart: drivers differ in whether they take that. */
static void odd_slices(const struct cl *cl)
{
    static unsigned char bytes[1024], got[1024];
    const size_t zero[3] = {0, 0, 0}, there[3] = {3, 2, 1}, region[3] = {8, 2, 4};
    cl_mem a = new_buffer(cl, CL_MEM_READ_WRITE, sizeof bytes, NULL), b = new_buffer(cl, CL_MEM_READ_WRITE, sizeof bytes, NULL);
    unsigned char seven = 7;
    fill_random(bytes, sizeof bytes, 78);
    CHECK(clEnqueueFillBuffer(cl->queue, a, &seven, 1, 0, sizeof bytes, 0, NULL, NULL));
    CHECK(clEnqueueFillBuffer(cl->queue, b, &seven, 1, 0, sizeof bytes, 0, NULL, NULL));
    CHECK(clFinish(cl->queue));
    for (int i = 0; i < 4; i++) {
        size_t mine = i & 1 ? 68 : 65, its = i & 2 ? 68 : 65;
        printf("slices of %zu and %zu: ", mine, its);
        printf("%s", code_name(clEnqueueWriteBufferRect(cl->queue, a, i > 1, there, zero, region, 13, its, 13, mine, bytes, 0,
                                                        NULL, NULL)));
        printf(" %s", code_name(clEnqueueCopyBufferRect(cl->queue, a, b, zero, there, region, 13, its, 13, mine, 0, NULL, NULL)));
        printf(" %s ", code_name(clEnqueueReadBufferRect(cl->queue, b, i > 1, there, zero, region, 13, its, 13, mine, got, 0,
                                                         NULL, NULL)));
        CHECK(clFinish(cl->queue));
        show("", got, sizeof got);
    }
    CHECK(clReleaseMemObject(a));
    CHECK(clReleaseMemObject(b));
}

/* Rectangles of one buffer that overlap, or have their rows or slices between those of the other. */
static void overlaps(const struct cl *cl)
{
    static const size_t regions[][3] = {{6, 3, 2}, {6, 2, 2}, {1, 5, 3}, {16, 1, 1}};
    static unsigned char bytes[1024], got[1024];
    fill_random(bytes, sizeof bytes, 77);
    cl_mem buffer = new_buffer(cl, CL_MEM_COPY_HOST_PTR, sizeof bytes, bytes);
    for (size_t i = 0; i < sizeof regions / sizeof *regions; i++) {
        int copied = 0;
        for (size_t to = 0; to < 6 * 6 * 3; to++) {
            const size_t from[3] = {5, 1, 1}, origin[3] = {to % 6 * 5, to / 6 % 6, to / 36};
            cl_int code = clEnqueueCopyBufferRect(cl->queue, buffer, buffer, from, origin, regions[i], 16, 80, 16, 80, 0,
                                                  NULL, NULL);
            if (code != CL_SUCCESS && code != CL_MEM_COPY_OVERLAP)
                FAIL("a copy gives %s", code_name(code));
            copied += code == CL_SUCCESS;
            putchar(code == CL_SUCCESS ? '.' : '#');
        }
        CHECK(clEnqueueReadBuffer(cl->queue, buffer, CL_TRUE, 0, sizeof got, got, 0, NULL, NULL));
        printf(" %d copies, %016llx\n", copied, (unsigned long long)checksum(got, sizeof got));
    }
    CHECK(clReleaseMemObject(buffer));
}

static void nothing(const struct cl *cl)
{
    cl_mem a = new_buffer(cl, CL_MEM_READ_WRITE, 4096, NULL);
    cl_mem b = new_buffer(cl, CL_MEM_READ_WRITE, 4096, NULL);
    printf("no bytes: %s", code_name(clEnqueueCopyBuffer(cl->queue, a, b, 0, 4096, 0, 0, NULL, NULL)));
    printf(" %s", code_name(clEnqueueCopyBuffer(cl->queue, a, a, 16, 16, 0, 0, NULL, NULL)));
    printf(" %s\n", code_name(clEnqueueCopyBuffer(cl->queue, a, b, 4097, 0, 0, 0, NULL, NULL)));
    CHECK(clReleaseMemObject(a));
    CHECK(clReleaseMemObject(b));
}

int main(void)
{
    struct cl cl = start(0);
    overlaps(&cl);
    odd_slices(&cl);
    nothing(&cl);
    stop(&cl);
    return 0;
}
