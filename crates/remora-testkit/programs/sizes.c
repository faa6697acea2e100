/* Odd sizes, offsets and addresses; with "large", a buffer of 6 GiB (or the most that the device takes), of which only parts
 * are touched; with "whole" a transfer of 160 MiB each way in one call. */
#include "common.h"

static const char *source =
    "kernel void put(global uchar *x, ulong first, ulong step) { ulong i = get_global_id(0); x[first + i * step] = 1 + i; }\n"
    "kernel void get(global const uchar *x, ulong first, ulong step, global uchar *out)\n"
    "{ ulong i = get_global_id(0); out[i] = x[first + i * step]; }\n";

enum { SMALL = 10000 };

static void show(const char *what, const void *memory, size_t size)
{
    printf("%s: %016llx\n", what, (unsigned long long)checksum(memory, size));
}

static void odd(const struct cl *cl)
{
    static unsigned char from[SMALL + 64], to[SMALL + 64];
    static const size_t sizes[] = {1, 2, 3, 7, 31, 63, 64, 65, 4095, 4096, 4097, 9999};
    fill_random(from, sizeof from, 1);
    cl_mem buffer = new_buffer(cl, CL_MEM_COPY_HOST_PTR, SMALL, from), other = new_buffer(cl, 0, SMALL, NULL);
    unsigned char none = 0;
    CHECK(clEnqueueFillBuffer(cl->queue, other, &none, 1, 0, SMALL, 0, NULL, NULL));
    for (int i = 0; i < 12; i++)
        for (size_t shift = 0; shift < 4; shift++) {
            size_t size = sizes[i] - (sizes[i] == 9999 ? shift : 0), offset = (SMALL - size) / 3 * shift % (SMALL - size + 1);
            memset(to, 0, sizeof to);
            CHECK(clEnqueueWriteBuffer(cl->queue, buffer, CL_FALSE, offset, size, from + 5 + shift, 0, NULL, NULL));
            CHECK(clEnqueueCopyBuffer(cl->queue, buffer, other, offset, SMALL - size - offset, size, 0, NULL, NULL));
            CHECK(clEnqueueReadBuffer(cl->queue, other, CL_TRUE, SMALL - size - offset, size, to + 3 - shift, 0, NULL, NULL));
            EXPECT(memcmp(to + 3 - shift, from + 5 + shift, size) == 0);
            EXPECT(to[3 - shift + size] == 0 && (shift == 3 || to[2 - shift] == 0));
            cl_int code;
            unsigned char *pointer = clEnqueueMapBuffer(cl->queue, buffer, CL_TRUE, CL_MAP_READ | CL_MAP_WRITE, offset, size,
                                                        0, NULL, NULL, &code);
            CREATED(code);
            EXPECT(memcmp(pointer, from + 5 + shift, size) == 0);
            pointer[size - 1] = (unsigned char)i;
            CHECK(clEnqueueUnmapMemObject(cl->queue, buffer, pointer, 0, NULL, NULL));
        }
    CHECK(clEnqueueReadBuffer(cl->queue, buffer, CL_TRUE, 0, SMALL, to, 0, NULL, NULL));
    show("written", to, SMALL);
    /* Rectangles of a byte, of a row, of a column, and with pitches that are no multiples of anything. */
    static const size_t shapes[][3] = {{1, 1, 1}, {17, 1, 1}, {1, 9, 1}, {1, 1, 5}, {3, 5, 7}, {13, 2, 3}};
    for (int i = 0; i < 6; i++) {
        const size_t at[3] = {5, 3, 2}, host[3] = {1, 1, 1}, *region = shapes[i];
        memset(to, 0, sizeof to);
        CHECK(clEnqueueWriteBufferRect(cl->queue, buffer, CL_FALSE, at, host, region, 31, 31 * 11, 29, 29 * 10, from + 1, 0,
                                       NULL, NULL));
        CHECK(clEnqueueCopyBufferRect(cl->queue, buffer, other, at, host, region, 31, 31 * 11, 37, 37 * 13, 0, NULL, NULL));
        CHECK(clEnqueueReadBufferRect(cl->queue, other, CL_TRUE, host, at, region, 37, 37 * 13, 19, 19 * 9, to + 1, 0, NULL,
                                      NULL));
        show("rectangle", to, SMALL);
    }
    CHECK(clFinish(cl->queue));
    CHECK(clReleaseMemObject(buffer));
    CHECK(clReleaseMemObject(other));
}

/* Nothing at all. */
static void zero(const struct cl *cl)
{
    const size_t origin[3] = {0, 0, 0}, region[3] = {4, 0, 1};
    unsigned char byte = 0;
    cl_int code;
    cl_mem buffer = new_buffer(cl, 0, 64, NULL), other = new_buffer(cl, 0, 64, NULL);
    printf("buffer of 0: ");
    clCreateBuffer(cl->context, 0, 0, NULL, &code);
    printf("%s\n", code_name(code));
    printf("read: %s\n", code_name(clEnqueueReadBuffer(cl->queue, buffer, CL_TRUE, 0, 0, &byte, 0, NULL, NULL)));
    printf("read at the end: %s\n", code_name(clEnqueueReadBuffer(cl->queue, buffer, CL_TRUE, 64, 0, &byte, 0, NULL, NULL)));
    printf("write: %s\n", code_name(clEnqueueWriteBuffer(cl->queue, buffer, CL_TRUE, 0, 0, &byte, 0, NULL, NULL)));
    printf("copy: %s\n", code_name(clEnqueueCopyBuffer(cl->queue, buffer, other, 0, 0, 0, 0, NULL, NULL)));
    printf("fill: %s\n", code_name(clEnqueueFillBuffer(cl->queue, buffer, &byte, 1, 0, 0, 0, NULL, NULL)));
    printf("rect: %s\n", code_name(clEnqueueReadBufferRect(cl->queue, buffer, CL_TRUE, origin, origin, region, 0, 0, 0, 0,
                                                           &byte, 0, NULL, NULL)));
    clEnqueueMapBuffer(cl->queue, buffer, CL_TRUE, CL_MAP_READ, 0, 0, 0, NULL, NULL, &code);
    printf("map: %s\n", code_name(code));
    CHECK(clFinish(cl->queue));
    CHECK(clReleaseMemObject(buffer));
    CHECK(clReleaseMemObject(other));
}

static void large(const struct cl *cl)
{
    static unsigned char from[1 << 20], to[1 << 20];
    const cl_ulong gib = 1ull << 30;
    cl_ulong most, size = 6 * gib;
    CHECK(clGetDeviceInfo(cl->device, CL_DEVICE_MAX_MEM_ALLOC_SIZE, sizeof most, &most, NULL));
    if (size > most)
        size = most;
    printf("%llu MiB\n", (unsigned long long)(size >> 20));
    cl_mem buffer = new_buffer(cl, 0, size, NULL), small = new_buffer(cl, 0, 4096, NULL);
    size_t told;
    CHECK(clGetMemObjectInfo(buffer, CL_MEM_SIZE, sizeof told, &told, NULL));
    EXPECT(told == size);
    /* At the ends, and across the limits of 31 and 32 bits. */
    const cl_ulong places[] = {0, 2 * gib - 1000, 4 * gib - 1, 4 * gib - 524288, 5 * gib + 12345, size - sizeof from};
    for (int i = 0; i < 6; i++) {
        if (places[i] + sizeof from > size)
            continue;
        fill_random(from, sizeof from, 10 + (unsigned)i);
        CHECK(clEnqueueWriteBuffer(cl->queue, buffer, CL_FALSE, places[i], sizeof from, from, 0, NULL, NULL));
        CHECK(clEnqueueReadBuffer(cl->queue, buffer, CL_TRUE, places[i], sizeof to, to, 0, NULL, NULL));
        EXPECT(memcmp(from, to, sizeof to) == 0);
    }
    for (int i = 0; i < 6; i++) {
        if (places[i] + sizeof from > size)
            continue;
        CHECK(clEnqueueReadBuffer(cl->queue, buffer, CL_TRUE, places[i] + 100, sizeof to / 2, to, 0, NULL, NULL));
        show("place", to, sizeof to / 2);
    }
    /* Copied down, filled, mapped, and as rectangles whose rows are 1 GiB apart. */
    CHECK(clEnqueueCopyBuffer(cl->queue, buffer, buffer, size - 4096, 8192, 4096, 0, NULL, NULL));
    CHECK(clEnqueueFillBuffer(cl->queue, buffer, "abcd", 4, size - 4096, 2048, 0, NULL, NULL));
    CHECK(clEnqueueReadBuffer(cl->queue, buffer, CL_TRUE, 8000, 5000, to, 0, NULL, NULL));
    show("copied", to, 5000);
    cl_int code;
    unsigned char *pointer =
        clEnqueueMapBuffer(cl->queue, buffer, CL_TRUE, CL_MAP_READ | CL_MAP_WRITE, size - 5000, 5000, 0, NULL, NULL, &code);
    CREATED(code);
    show("mapped", pointer, 5000);
    memset(pointer, 5, 10);
    CHECK(clEnqueueUnmapMemObject(cl->queue, buffer, pointer, 0, NULL, NULL));
    const size_t origin[3] = {4096, 0, 0}, zeros[3] = {0, 0, 0}, region[3] = {100, size / gib, 1};
    memset(to, 0, sizeof to);
    CHECK(clEnqueueWriteBufferRect(cl->queue, buffer, CL_FALSE, origin, zeros, region, gib, 0, 0, 0, from, 0, NULL, NULL));
    CHECK(clEnqueueReadBufferRect(cl->queue, buffer, CL_TRUE, origin, zeros, region, gib, 0, 0, 0, to, 0, NULL, NULL));
    EXPECT(memcmp(from, to, 100 * (size / gib)) == 0);
    /* Kernels reach everything, and so do sub-buffers. */
    cl_program program = build(cl, source, "");
    cl_kernel put = new_kernel(program, "put"), get = new_kernel(program, "get");
    cl_ulong first = 77, step = gib / 4;
    size_t global = (size - first + step - 1) / step;
    CHECK(clSetKernelArg(put, 0, sizeof buffer, &buffer));
    CHECK(clSetKernelArg(put, 1, sizeof first, &first));
    CHECK(clSetKernelArg(put, 2, sizeof step, &step));
    CHECK(clEnqueueNDRangeKernel(cl->queue, put, 1, NULL, &global, NULL, 0, NULL, NULL));
    cl_buffer_region half = {size / 2, size / 2};
    cl_mem part = clCreateSubBuffer(buffer, 0, CL_BUFFER_CREATE_TYPE_REGION, &half, &code);
    CREATED(code);
    global /= 2;
    CHECK(clSetKernelArg(get, 0, sizeof part, &part));
    CHECK(clSetKernelArg(get, 1, sizeof first, &first));
    CHECK(clSetKernelArg(get, 2, sizeof step, &step));
    CHECK(clSetKernelArg(get, 3, sizeof small, &small));
    CHECK(clEnqueueNDRangeKernel(cl->queue, get, 1, NULL, &global, NULL, 0, NULL, NULL));
    CHECK(clEnqueueReadBuffer(cl->queue, small, CL_TRUE, 0, global, to, 0, NULL, NULL));
    show("kernels", to, global);
    CHECK(clEnqueueReadBuffer(cl->queue, part, CL_TRUE, size / 2 - 5000, 5000, to, 0, NULL, NULL));
    show("part", to, 5000);
    cl_mem mems[] = {part, small, buffer};
    sleep_ms(5);
    for (int i = 0; i < 3; i++)
        CHECK(clReleaseMemObject(mems[i]));
    CHECK(clReleaseKernel(put));
    CHECK(clReleaseKernel(get));
    CHECK(clReleaseProgram(program));
}

static void whole(const struct cl *cl)
{
    size_t size = (160 << 20) + 12345;
    unsigned char *from = malloc(size), *to = malloc(size);
    EXPECT(from && to);
    fill_random(from, size, 3);
    memset(to, 0, size);
    cl_mem buffer = new_buffer(cl, 0, size, NULL);
    CHECK(clEnqueueWriteBuffer(cl->queue, buffer, CL_FALSE, 0, size, from, 0, NULL, NULL));
    CHECK(clEnqueueReadBuffer(cl->queue, buffer, CL_TRUE, 0, size, to, 0, NULL, NULL));
    EXPECT(memcmp(from, to, size) == 0);
    cl_int code;
    unsigned char *pointer = clEnqueueMapBuffer(cl->queue, buffer, CL_TRUE, CL_MAP_READ, 1, size - 1, 0, NULL, NULL, &code);
    CREATED(code);
    EXPECT(memcmp(from + 1, pointer, size - 1) == 0);
    CHECK(clEnqueueUnmapMemObject(cl->queue, buffer, pointer, 0, NULL, NULL));
    CHECK(clFinish(cl->queue));
    CHECK(clReleaseMemObject(buffer));
    buffer = new_buffer(cl, CL_MEM_USE_HOST_PTR, size, from);
    CHECK(clEnqueueReadBuffer(cl->queue, buffer, CL_TRUE, 3, size - 3, to, 0, NULL, NULL));
    EXPECT(memcmp(from + 3, to, size - 3) == 0);
    CHECK(clReleaseMemObject(buffer));
    printf("%zu bytes both ways\n", size);
    free(from);
    free(to);
}

int main(int argc, char **argv)
{
    struct cl cl = start(0);
    if (argc > 1 && strcmp(argv[1], "large") == 0) {
        large(&cl);
    } else if (argc > 1) {
        whole(&cl);
    } else {
        odd(&cl);
        zero(&cl);
    }
    stop(&cl);
    return 0;
}
