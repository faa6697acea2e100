/* Buffers: reads and writes (blocking or not, whole, partial, rectangular), copies, fills and sub-buffers. */
#include "common.h"

static unsigned char expected[1 << 16], got[1 << 16];

static void show(const char *what, const void *memory, size_t size)
{
    printf("%s: %016llx\n", what, (unsigned long long)checksum(memory, size));
}

static void read_write(const struct cl *cl)
{
    static const size_t sizes[] = {1, 3, 4, 63, 4096, 4097, 65536};
    cl_mem buffer = new_buffer(cl, CL_MEM_READ_WRITE, sizeof got, NULL);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        size_t size = sizes[i], offset = (sizeof got - size) / 3;
        cl_event events[2];
        fill_random(expected, size, (uint32_t)i);
        CHECK(clEnqueueWriteBuffer(cl->queue, buffer, CL_TRUE, offset, size, expected, 0, NULL, NULL));
        memset(got, 0, size);
        CHECK(clEnqueueReadBuffer(cl->queue, buffer, CL_TRUE, offset, size, got, 0, NULL, NULL));
        EXPECT(memcmp(expected, got, size) == 0);
        fill_random(expected, size, (uint32_t)i + 100);
        CHECK(clEnqueueWriteBuffer(cl->queue, buffer, CL_FALSE, offset, size, expected, 0, NULL, &events[0]));
        CHECK(clEnqueueReadBuffer(cl->queue, buffer, CL_FALSE, offset, size, got, 1, events, &events[1]));
        CHECK(clWaitForEvents(1, &events[1]));
        EXPECT(memcmp(expected, got, size) == 0);
        CHECK(clReleaseEvent(events[0]));
        CHECK(clReleaseEvent(events[1]));
        printf("%zu bytes at %zu: ", size, offset);
        show("same", got, size);
    }
    CHECK(clReleaseMemObject(buffer));
}

/* Larger than any staging area: many parts, yet one event. */
static void large(const struct cl *cl)
{
    size_t size = (size_t)96 << 20;
    unsigned char *from = malloc(size), *to = calloc(1, size);
    EXPECT(from && to);
    fill_random(from, size, 7);
    cl_mem buffer = new_buffer(cl, CL_MEM_READ_WRITE, size, NULL);
    cl_event event;
    CHECK(clEnqueueWriteBuffer(cl->queue, buffer, CL_FALSE, 0, size, from, 0, NULL, NULL));
    CHECK(clEnqueueReadBuffer(cl->queue, buffer, CL_FALSE, 0, size, to, 0, NULL, &event));
    CHECK(clFinish(cl->queue));
    EXPECT(event_status(event) == CL_COMPLETE);
    EXPECT(memcmp(from, to, size) == 0);
    show("large", to, size);
    CHECK(clReleaseEvent(event));
    CHECK(clReleaseMemObject(buffer));
    free(from);
    free(to);
}

static void rectangles(const struct cl *cl)
{
    cl_mem buffer = new_buffer(cl, CL_MEM_READ_WRITE, sizeof got, NULL);
    cl_mem other = new_buffer(cl, CL_MEM_READ_WRITE, sizeof got, NULL);
    unsigned char zero = 0;
    fill_random(expected, sizeof expected, 3);
    CHECK(clEnqueueFillBuffer(cl->queue, buffer, &zero, 1, 0, sizeof got, 0, NULL, NULL));
    CHECK(clEnqueueFillBuffer(cl->queue, other, &zero, 1, 0, sizeof got, 0, NULL, NULL));
    const size_t buffer_origin[3] = {5, 2, 1}, host_origin[3] = {1, 3, 2}, region[3] = {17, 9, 4};
    CHECK(clEnqueueWriteBufferRect(cl->queue, buffer, CL_TRUE, buffer_origin, host_origin, region, 64, 1024, 40, 800,
                                   expected, 0, NULL, NULL));
    CHECK(clEnqueueReadBuffer(cl->queue, buffer, CL_TRUE, 0, sizeof got, got, 0, NULL, NULL));
    show("rectangle written", got, sizeof got);
    for (size_t z = 0; z < region[2]; z++)
        for (size_t y = 0; y < region[1]; y++)
            EXPECT(memcmp(got + (buffer_origin[2] + z) * 1024 + (buffer_origin[1] + y) * 64 + buffer_origin[0],
                          expected + (host_origin[2] + z) * 800 + (host_origin[1] + y) * 40 + host_origin[0],
                          region[0]) == 0);
    memset(got, 0xee, sizeof got);
    CHECK(clEnqueueReadBufferRect(cl->queue, buffer, CL_FALSE, buffer_origin, host_origin, region, 64, 1024, 32, 512,
                                  got, 0, NULL, NULL));
    CHECK(clFinish(cl->queue));
    show("rectangle read", got, sizeof got);
    const size_t copy_from[3] = {4, 1, 0}, copy_to[3] = {9, 5, 3};
    CHECK(clEnqueueCopyBufferRect(cl->queue, buffer, other, copy_from, copy_to, region, 64, 1024, 48, 960, 0, NULL,
                                  NULL));
    CHECK(clEnqueueReadBuffer(cl->queue, other, CL_TRUE, 0, sizeof got, got, 0, NULL, NULL));
    show("rectangle copied", got, sizeof got);
    /* Pitches of zero mean that rows lie close together. */
    const size_t origin[3] = {0, 0, 0}, packed[3] = {16, 8, 2};
    memset(got, 0, sizeof got);
    CHECK(clEnqueueReadBufferRect(cl->queue, other, CL_TRUE, origin, origin, packed, 0, 0, 0, 0, got, 0, NULL, NULL));
    show("packed rectangle", got, 256);
    CHECK(clReleaseMemObject(buffer));
    CHECK(clReleaseMemObject(other));
}

static void copies_and_fills(const struct cl *cl)
{
    cl_mem a = new_buffer(cl, CL_MEM_READ_WRITE, 4096, NULL);
    cl_mem b = new_buffer(cl, CL_MEM_READ_WRITE, 4096, NULL);
    unsigned char pattern[128];
    fill_random(pattern, sizeof pattern, 11);
    for (size_t size = 1; size <= 128; size *= 2) {
        CHECK(clEnqueueFillBuffer(cl->queue, a, pattern, size, 0, 4096, 0, NULL, NULL));
        CHECK(clEnqueueFillBuffer(cl->queue, a, pattern + 128 - size, size, 1024, 512, 0, NULL, NULL));
        CHECK(clEnqueueCopyBuffer(cl->queue, a, b, 0, 0, 4096, 0, NULL, NULL));
        CHECK(clEnqueueCopyBuffer(cl->queue, a, b, 1000, 3001, 777, 0, NULL, NULL));
        CHECK(clEnqueueCopyBuffer(cl->queue, b, b, 100, 2000, 900, 0, NULL, NULL));
        CHECK(clEnqueueReadBuffer(cl->queue, b, CL_TRUE, 0, 4096, got, 0, NULL, NULL));
        printf("pattern of %zu: ", size);
        show("filled", got, 4096);
    }
    CHECK(clReleaseMemObject(a));
    CHECK(clReleaseMemObject(b));
}

static void sub_buffers(const struct cl *cl)
{
    cl_uint align = 0;
    CHECK(clGetDeviceInfo(cl->device, CL_DEVICE_MEM_BASE_ADDR_ALIGN, sizeof align, &align, NULL));
    size_t step = align / 8;
    cl_int code;
    fill_random(expected, 8 * step, 21);
    cl_mem parent = new_buffer(cl, CL_MEM_READ_WRITE | CL_MEM_COPY_HOST_PTR, 8 * step, expected);
    cl_buffer_region region = {2 * step, 3 * step};
    cl_mem sub = clCreateSubBuffer(parent, CL_MEM_READ_WRITE, CL_BUFFER_CREATE_TYPE_REGION, &region, &code);
    CREATED(code);
    CHECK(clEnqueueReadBuffer(cl->queue, sub, CL_TRUE, 0, 3 * step, got, 0, NULL, NULL));
    EXPECT(memcmp(got, expected + 2 * step, 3 * step) == 0);
    memset(got, 0x5a, step);
    CHECK(clEnqueueWriteBuffer(cl->queue, sub, CL_TRUE, step, step, got, 0, NULL, NULL));
    CHECK(clEnqueueReadBuffer(cl->queue, parent, CL_TRUE, 0, 8 * step, got, 0, NULL, NULL));
    memset(expected + 3 * step, 0x5a, step);
    EXPECT(memcmp(got, expected, 8 * step) == 0);

    cl_mem back;
    size_t offset;
    CHECK(clGetMemObjectInfo(sub, CL_MEM_ASSOCIATED_MEMOBJECT, sizeof back, &back, NULL));
    CHECK(clGetMemObjectInfo(sub, CL_MEM_OFFSET, sizeof offset, &offset, NULL));
    EXPECT(back == parent && offset == 2 * step);

    /* A kernel writes through one part and reads through another. */
    const char *source = "kernel void copy(global const uchar *a, global uchar *b)"
                         "{ size_t i = get_global_id(0); b[i] = a[i] ^ 0xff; }";
    cl_program program = build(cl, source, "");
    cl_kernel kernel = new_kernel(program, "copy");
    cl_buffer_region tail = {6 * step, step};
    cl_mem last = clCreateSubBuffer(parent, 0, CL_BUFFER_CREATE_TYPE_REGION, &tail, &code);
    CREATED(code);
    CHECK(clSetKernelArg(kernel, 0, sizeof sub, &sub));
    CHECK(clSetKernelArg(kernel, 1, sizeof last, &last));
    CHECK(clEnqueueNDRangeKernel(cl->queue, kernel, 1, NULL, &step, NULL, 0, NULL, NULL));
    CHECK(clEnqueueReadBuffer(cl->queue, parent, CL_TRUE, 0, 8 * step, got, 0, NULL, NULL));
    for (size_t i = 0; i < step; i++)
        EXPECT(got[6 * step + i] == (expected[2 * step + i] ^ 0xff));
    show("sub-buffers", got, 8 * step);
    CHECK(clReleaseKernel(kernel));
    CHECK(clReleaseProgram(program));
    CHECK(clReleaseMemObject(last));
    CHECK(clReleaseMemObject(parent));
    /* The part keeps the whole alive. */
    CHECK(clEnqueueReadBuffer(cl->queue, sub, CL_TRUE, 0, step, got, 0, NULL, NULL));
    EXPECT(memcmp(got, expected + 2 * step, step) == 0);
    CHECK(clReleaseMemObject(sub));
}

/* The bytes of CL_MEM_COPY_HOST_PTR and of a blocking write are taken at the call. */
static void taken_at_the_call(const struct cl *cl)
{
    cl_event gate = new_user_event(cl);
    fill_random(expected, 4096, 5);
    memcpy(got, expected, 4096);
    cl_mem copied = new_buffer(cl, CL_MEM_COPY_HOST_PTR, 4096, got);
    memset(got, 0, 4096);
    CHECK(clSetUserEventStatus(gate, CL_COMPLETE));
    CHECK(clEnqueueReadBuffer(cl->queue, copied, CL_TRUE, 0, 4096, got, 1, &gate, NULL));
    EXPECT(memcmp(got, expected, 4096) == 0);
    CHECK(clEnqueueWriteBuffer(cl->queue, copied, CL_TRUE, 0, 4096, got + 4096, 0, NULL, NULL));
    memset(got + 4096, 1, 4096);
    CHECK(clEnqueueReadBuffer(cl->queue, copied, CL_TRUE, 0, 4096, got, 0, NULL, NULL));
    show("taken at the call", got, 4096);
    CHECK(clReleaseMemObject(copied));
    CHECK(clReleaseEvent(gate));
}

int main(void)
{
    struct cl cl = start(0);
    read_write(&cl);
    large(&cl);
    rectangles(&cl);
    copies_and_fills(&cl);
    sub_buffers(&cl);
    taken_at_the_call(&cl);
    stop(&cl);
    return 0;
}
