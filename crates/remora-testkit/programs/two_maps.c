/* Several maps of one memory object: counted, unmapped in any order, in several queues, of sub-buffers and images. */
#include "common.h"

enum { SIZE = 1 << 16 };

static unsigned char got[SIZE];

static cl_uint count(cl_mem mem)
{
    cl_uint number;
    CHECK(clGetMemObjectInfo(mem, CL_MEM_MAP_COUNT, sizeof number, &number, NULL));
    return number;
}

/* Drivers count an unmap a moment after it is complete. */
static cl_uint count_down_to(cl_mem mem, cl_uint number)
{
    for (int i = 0; i < 4000 && count(mem) != number; i++)
        sleep_ms(5);
    return count(mem);
}

static unsigned char *map(cl_command_queue queue, cl_mem buffer, cl_map_flags flags, size_t offset, size_t size)
{
    cl_int code;
    void *pointer = clEnqueueMapBuffer(queue, buffer, CL_TRUE, flags, offset, size, 0, NULL, NULL, &code);
    CREATED(code);
    return pointer;
}

static void unmap(cl_command_queue queue, cl_mem mem, void *pointer)
{
    CHECK(clEnqueueUnmapMemObject(queue, mem, pointer, 0, NULL, NULL));
}

static void show(const char *what, cl_command_queue queue, cl_mem buffer)
{
    CHECK(clEnqueueReadBuffer(queue, buffer, CL_TRUE, 0, SIZE, got, 0, NULL, NULL));
    printf("%s: %016llx, %u maps\n", what, (unsigned long long)checksum(got, SIZE), count_down_to(buffer, 0));
}

static void one_buffer(const struct cl *cl, cl_mem_flags flags, void *host)
{
    static unsigned char random[SIZE];
    cl_command_queue other = new_queue(cl, 0);
    fill_random(random, SIZE, 5);
    cl_mem buffer = new_buffer(cl, flags, SIZE, host);
    CHECK(clEnqueueWriteBuffer(cl->queue, buffer, CL_TRUE, 0, SIZE, random, 0, NULL, NULL));
    /* The same region twice, and others that overlap it, for reading: all show the same. */
    unsigned char *a = map(cl->queue, buffer, CL_MAP_READ, 1000, 5000), *b = map(cl->queue, buffer, CL_MAP_READ, 1000, 5000);
    unsigned char *c = map(other, buffer, CL_MAP_READ, 3000, 9000), *d = map(other, buffer, CL_MAP_READ, 0, SIZE);
    printf("four maps: %u, %d %d %d\n", count(buffer), memcmp(a, b, 5000), memcmp(a + 2000, c, 3000), memcmp(d + 3000, c, 9000));
    unmap(other, buffer, a);
    CHECK(clFinish(other));
    printf("then %u", count_down_to(buffer, 3));
    unmap(cl->queue, buffer, d);
    unmap(cl->queue, buffer, c);
    CHECK(clFinish(cl->queue));
    printf(", %u", count_down_to(buffer, 1));
    unmap(other, buffer, b);
    CHECK(clFinish(other));
    printf(", %u\n", count_down_to(buffer, 0));
    /* What is no longer mapped, and what never was. */
    printf("unmapped again: %s\n", code_name(clEnqueueUnmapMemObject(cl->queue, buffer, d, 0, NULL, NULL)));
    printf("of nothing: %s\n", code_name(clEnqueueUnmapMemObject(cl->queue, buffer, random, 0, NULL, NULL)));
    /* Regions side by side for writing, unmapped the other way round, in two queues. */
    unsigned char *parts[8];
    for (size_t i = 0; i < 8; i++)
        parts[i] = map(i % 2 ? other : cl->queue, buffer, i % 3 ? CL_MAP_WRITE : CL_MAP_WRITE_INVALIDATE_REGION,
                       i * (SIZE / 8), SIZE / 8);
    printf("eight maps: %u\n", count(buffer));
    for (size_t i = 0; i < 8; i++)
        memset(parts[i], (int)(20 + i), SIZE / 8);
    for (size_t i = 8; i-- > 0;)
        unmap(i % 3 ? other : cl->queue, buffer, parts[i]);
    CHECK(clFinish(cl->queue));
    CHECK(clFinish(other));
    show("written side by side", cl->queue, buffer);
    /* Another queue writes to what is not mapped while something is, and maps wait for events of other queues. */
    cl_event written, mapped;
    cl_int code;
    a = map(cl->queue, buffer, CL_MAP_READ | CL_MAP_WRITE, 0, 1000);
    CHECK(clEnqueueWriteBuffer(other, buffer, CL_FALSE, 2000, 1000, random, 0, NULL, &written));
    b = clEnqueueMapBuffer(cl->queue, buffer, CL_FALSE, CL_MAP_READ, 2000, 1000, 1, &written, &mapped, &code);
    CREATED(code);
    CHECK(clFlush(other));
    CHECK(clWaitForEvents(1, &mapped));
    printf("after the other queue's write: %d, %u maps\n", memcmp(b, random, 1000), count(buffer));
    a[0] = 99;
    unmap(other, buffer, a);
    unmap(other, buffer, b);
    CHECK(clFinish(other));
    show("all unmapped", other, buffer);
    CHECK(clReleaseEvent(written));
    CHECK(clReleaseEvent(mapped));
    CHECK(clFinish(cl->queue));
    /* A map that the program forgets. */
    a = map(cl->queue, buffer, CL_MAP_READ, 0, SIZE);
    EXPECT(a[0] == 99);
    sleep_ms(5);
    CHECK(clReleaseMemObject(buffer));
    CHECK(clReleaseCommandQueue(other));
}

/* Small buffers are the same memory in all maps on every link. */
static void small_buffer(const struct cl *cl)
{
    enum { SMALL = 1024 };
    cl_buffer_region rest = {512, SMALL - 512};
    cl_int code;
    cl_mem buffer = new_buffer(cl, 0, SMALL, NULL);
    CHECK(clEnqueueFillBuffer(cl->queue, buffer, "abcd", 4, 0, SMALL, 0, NULL, NULL));
    cl_mem part = clCreateSubBuffer(buffer, 0, CL_BUFFER_CREATE_TYPE_REGION, &rest, &code);
    CREATED(code);
    unsigned char *a = map(cl->queue, buffer, CL_MAP_READ | CL_MAP_WRITE, 0, 256);
    unsigned char *b = map(cl->queue, buffer, CL_MAP_READ | CL_MAP_WRITE, 256, 256);
    unsigned char *c = map(cl->queue, part, CL_MAP_READ | CL_MAP_WRITE, 0, SMALL - 512);
    memset(a, 1, 256);
    unsigned char *d = map(cl->queue, buffer, CL_MAP_READ, 16, 16);
    printf("small: %d %d %d %d, %d %d\n", (int)(b - a), (int)(c - a), (int)(d - a), d[3], b[4], c[5]);
    memset(c, 3, SMALL - 512);
    memset(b, 2, 256);
    unmap(cl->queue, part, c);
    unmap(cl->queue, buffer, a);
    unmap(cl->queue, buffer, d);
    b[5] = 4;
    unmap(cl->queue, buffer, b);
    CHECK(clEnqueueReadBuffer(cl->queue, buffer, CL_TRUE, 0, SMALL, got, 0, NULL, NULL));
    printf("then %d %d %d %d, %016llx\n", got[0], got[256], got[261], got[512], (unsigned long long)checksum(got, SMALL));
    a = map(cl->queue, buffer, CL_MAP_WRITE_INVALIDATE_REGION, 100, 8);
    b = map(cl->queue, buffer, CL_MAP_READ, 100, 24);
    memset(a, 5, 8);
    printf("overlapping: %d, %d\n", (int)(b - a), b[10]);
    unmap(cl->queue, buffer, b);
    unmap(cl->queue, buffer, a);
    CHECK(clEnqueueReadBuffer(cl->queue, buffer, CL_TRUE, 0, SMALL, got, 0, NULL, NULL));
    printf("then %016llx\n", (unsigned long long)checksum(got, SMALL));
    sleep_ms(5);
    CHECK(clReleaseMemObject(part));
    CHECK(clReleaseMemObject(buffer));
}

/* What has been written through one map stays when another begins that shows some of it. */
static void small_overlapping(const struct cl *cl, cl_mem_flags flags, void *host)
{
    enum { SMALL = 1024 };
    cl_buffer_region start = {0, 128};
    cl_int code;
    cl_mem buffer = new_buffer(cl, flags, SMALL, host);
    CHECK(clEnqueueFillBuffer(cl->queue, buffer, "abcd", 4, 0, SMALL, 0, NULL, NULL));
    cl_mem part = clCreateSubBuffer(buffer, 0, CL_BUFFER_CREATE_TYPE_REGION, &start, &code);
    CREATED(code);
    unsigned char *a = map(cl->queue, buffer, CL_MAP_WRITE, 0, 64), *b = map(cl->queue, buffer, CL_MAP_WRITE, 80, 8);
    memset(a, 1, 64);
    memset(b, 2, 8);
    unsigned char *c = map(cl->queue, buffer, CL_MAP_READ | CL_MAP_WRITE, 32, 64);
    printf("written, then shown: %d %d, %d %d %d %d %d\n", a[31], a[40], c[0], c[32], c[47], c[48], c[56]);
    unmap(cl->queue, buffer, c);
    a[2] = 7;
    unmap(cl->queue, buffer, b);
    unmap(cl->queue, buffer, a);
    a = map(cl->queue, buffer, CL_MAP_WRITE, 4, SMALL - 4);
    memset(a, 5, SMALL - 4);
    /* The pointer of a map is there before its bytes are. */
    cl_event gate = new_user_event(cl), shown;
    c = clEnqueueMapBuffer(cl->queue, part, CL_FALSE, CL_MAP_READ, 0, 128, 1, &gate, &shown, &code);
    CREATED(code);
    CHECK(clSetUserEventStatus(gate, CL_COMPLETE));
    CHECK(clWaitForEvents(1, &shown));
    printf("of a part: %d, %d %d %d\n", a[40], c[2], c[3], c[4]);
    unmap(cl->queue, part, c);
    unmap(cl->queue, buffer, a);
    CHECK(clEnqueueReadBuffer(cl->queue, buffer, CL_TRUE, 0, SMALL, got, 0, NULL, NULL));
    printf("then %016llx\n", (unsigned long long)checksum(got, SMALL));
    CHECK(clReleaseEvent(gate));
    CHECK(clReleaseEvent(shown));
    sleep_ms(5);
    CHECK(clReleaseMemObject(part));
    CHECK(clReleaseMemObject(buffer));
}

static void sub_buffers(const struct cl *cl)
{
    cl_buffer_region halves[2] = {{0, SIZE / 2}, {SIZE / 2, SIZE / 2}};
    cl_mem buffer = new_buffer(cl, 0, SIZE, NULL), half[2];
    unsigned char zero = 0, *parts[2];
    CHECK(clEnqueueFillBuffer(cl->queue, buffer, &zero, 1, 0, SIZE, 0, NULL, NULL));
    for (int i = 0; i < 2; i++) {
        cl_int code;
        half[i] = clCreateSubBuffer(buffer, 0, CL_BUFFER_CREATE_TYPE_REGION, &halves[i], &code);
        CREATED(code);
        parts[i] = map(cl->queue, half[i], CL_MAP_READ | CL_MAP_WRITE, 0, SIZE / 2);
        memset(parts[i], 40 + i, SIZE / 2);
    }
    /* PoCL 3.1 counts these maps for the whole. */
    unsigned char *whole = map(cl->queue, buffer, CL_MAP_READ, 0, SIZE);
    unmap(cl->queue, buffer, whole);
    unmap(cl->queue, half[1], parts[1]);
    unmap(cl->queue, half[0], parts[0]);
    CHECK(clFinish(cl->queue));
    printf("none: %u %u, whole %u\n", count_down_to(half[0], 0), count_down_to(half[1], 0), count_down_to(buffer, 0));
    show("halves", cl->queue, buffer);
    sleep_ms(5);
    CHECK(clReleaseMemObject(half[0]));
    CHECK(clReleaseMemObject(half[1]));
    CHECK(clReleaseMemObject(buffer));
}

static void images(const struct cl *cl)
{
    const cl_image_format format = {CL_RGBA, CL_UNSIGNED_INT8};
    const size_t left[3] = {0, 0, 0}, right[3] = {20, 0, 0}, half[3] = {20, 40, 1}, whole[3] = {40, 40, 1};
    cl_image_desc desc = {0};
    cl_int code;
    size_t rows[2];
    desc.image_type = CL_MEM_OBJECT_IMAGE2D;
    desc.image_width = desc.image_height = 40;
    cl_mem image = clCreateImage(cl->context, 0, &format, &desc, NULL, &code);
    CREATED(code);
    unsigned char *parts[2];
    for (int i = 0; i < 2; i++) {
        parts[i] = clEnqueueMapImage(cl->queue, image, CL_TRUE, CL_MAP_WRITE, i ? right : left, half, &rows[i], NULL, 0,
                                     NULL, NULL, &code);
        CREATED(code);
    }
    for (int i = 0; i < 2; i++)
        for (size_t y = 0; y < 40; y++)
            memset(parts[i] + y * rows[i], (int)y + 100 * i, 80);
    printf("image: %u maps", count(image));
    unmap(cl->queue, image, parts[0]);
    unmap(cl->queue, image, parts[1]);
    CHECK(clFinish(cl->queue));
    CHECK(clEnqueueReadImage(cl->queue, image, CL_TRUE, left, whole, 0, 0, got, 0, NULL, NULL));
    printf(", %016llx, %u maps\n", (unsigned long long)checksum(got, 6400), count_down_to(image, 0));
    sleep_ms(5);
    CHECK(clReleaseMemObject(image));
}

int main(void)
{
    static unsigned char host[SIZE];
    struct cl cl = start(0);
    one_buffer(&cl, 0, NULL);
    one_buffer(&cl, CL_MEM_ALLOC_HOST_PTR, NULL);
    one_buffer(&cl, CL_MEM_USE_HOST_PTR, host);
    small_buffer(&cl);
    small_overlapping(&cl, 0, NULL);
    small_overlapping(&cl, CL_MEM_USE_HOST_PTR, host);
    sub_buffers(&cl);
    images(&cl);
    stop(&cl);
    return 0;
}
