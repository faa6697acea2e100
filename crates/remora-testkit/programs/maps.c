/* Map and unmap of buffers and images, for every kind of host pointer. */
#include "common.h"

enum { SIZE = 1 << 16 };

static const char *source = "kernel void bump(global uchar *x) { x[get_global_id(0)] += 1; }";
static cl_kernel bump;
static unsigned char expected[SIZE];

static void run_bump(const struct cl *cl, cl_mem buffer)
{
    size_t global = SIZE;
    CHECK(clSetKernelArg(bump, 0, sizeof buffer, &buffer));
    CHECK(clEnqueueNDRangeKernel(cl->queue, bump, 1, NULL, &global, NULL, 0, NULL, NULL));
}

static void *map(const struct cl *cl, cl_mem buffer, cl_map_flags flags, size_t offset, size_t size)
{
    cl_int code;
    void *pointer = clEnqueueMapBuffer(cl->queue, buffer, CL_TRUE, flags, offset, size, 0, NULL, NULL, &code);
    CREATED(code);
    EXPECT(pointer != NULL);
    return pointer;
}

static void round_trip(const struct cl *cl, const char *what, cl_mem buffer, unsigned char *host)
{
    cl_uint count;
    fill_random(expected, SIZE, 1);
    unsigned char *pointer = map(cl, buffer, CL_MAP_WRITE, 0, SIZE);
    memcpy(pointer, expected, SIZE);
    CHECK(clGetMemObjectInfo(buffer, CL_MEM_MAP_COUNT, sizeof count, &count, NULL));
    EXPECT(count == 1);
    CHECK(clEnqueueUnmapMemObject(cl->queue, buffer, pointer, 0, NULL, NULL));
    run_bump(cl, buffer);
    pointer = map(cl, buffer, CL_MAP_READ, 100, SIZE - 200);
    for (size_t i = 0; i < SIZE - 200; i++)
        EXPECT(pointer[i] == (unsigned char)(expected[100 + i] + 1));
    if (host)
        EXPECT(pointer == host + 100);
    CHECK(clEnqueueUnmapMemObject(cl->queue, buffer, pointer, 0, NULL, NULL));
    /* Two parts at once, the second invalidated. */
    unsigned char *first = map(cl, buffer, CL_MAP_READ | CL_MAP_WRITE, 0, 1000);
    unsigned char *second = map(cl, buffer, CL_MAP_WRITE_INVALIDATE_REGION, 2000, 1000);
    if (host)
        EXPECT(second == host + 2000);
    first[0] = 0xaa;
    memset(second, 0xbb, 1000);
    CHECK(clEnqueueUnmapMemObject(cl->queue, buffer, first, 0, NULL, NULL));
    CHECK(clEnqueueUnmapMemObject(cl->queue, buffer, second, 0, NULL, NULL));
    run_bump(cl, buffer);
    static unsigned char got[SIZE];
    CHECK(clEnqueueReadBuffer(cl->queue, buffer, CL_TRUE, 0, SIZE, got, 0, NULL, NULL));
    EXPECT(got[0] == 0xab && got[2000] == 0xbc && got[2999] == 0xbc);
    /* Drivers count an unmap a moment after it is complete. */
    for (int i = 0; i < 4000 && count > 0; i++) {
        sleep_ms(i > 0);
        CHECK(clGetMemObjectInfo(buffer, CL_MEM_MAP_COUNT, sizeof count, &count, NULL));
    }
    EXPECT(count == 0);
    printf("%s: %016llx\n", what, (unsigned long long)checksum(got, SIZE));
}

static void host_pointer_info(const char *what, cl_mem buffer, const void *host)
{
    void *pointer = &pointer;
    cl_mem_flags flags;
    CHECK(clGetMemObjectInfo(buffer, CL_MEM_HOST_PTR, sizeof pointer, &pointer, NULL));
    CHECK(clGetMemObjectInfo(buffer, CL_MEM_FLAGS, sizeof flags, &flags, NULL));
    printf("%s: flags 0x%x, host pointer %s\n", what, (unsigned)flags,
           pointer == NULL ? "none" : pointer == host ? "mine" : "other");
}

static void buffers(const struct cl *cl)
{
    cl_mem buffer = new_buffer(cl, CL_MEM_READ_WRITE, SIZE, NULL);
    host_pointer_info("plain", buffer, NULL);
    round_trip(cl, "plain", buffer, NULL);
    CHECK(clReleaseMemObject(buffer));

    buffer = new_buffer(cl, CL_MEM_READ_WRITE | CL_MEM_ALLOC_HOST_PTR, SIZE, NULL);
    host_pointer_info("alloc", buffer, NULL);
    round_trip(cl, "alloc", buffer, NULL);
    CHECK(clReleaseMemObject(buffer));

    unsigned char *host = NULL;
    EXPECT(posix_memalign((void **)&host, 4096, SIZE) == 0);
    fill_random(host, SIZE, 9);
    buffer = new_buffer(cl, CL_MEM_READ_WRITE | CL_MEM_COPY_HOST_PTR, SIZE, host);
    host_pointer_info("copy", buffer, host);
    unsigned char *pointer = map(cl, buffer, CL_MAP_READ, 0, SIZE);
    EXPECT(memcmp(pointer, host, SIZE) == 0);
    CHECK(clEnqueueUnmapMemObject(cl->queue, buffer, pointer, 0, NULL, NULL));
    round_trip(cl, "copy", buffer, NULL);
    CHECK(clReleaseMemObject(buffer));

    buffer = new_buffer(cl, CL_MEM_READ_WRITE | CL_MEM_ALLOC_HOST_PTR | CL_MEM_COPY_HOST_PTR, SIZE, host);
    host_pointer_info("alloc and copy", buffer, host);
    round_trip(cl, "alloc and copy", buffer, NULL);
    CHECK(clReleaseMemObject(buffer));

    buffer = new_buffer(cl, CL_MEM_READ_WRITE | CL_MEM_USE_HOST_PTR, SIZE, host);
    host_pointer_info("use", buffer, host);
    round_trip(cl, "use", buffer, host);
    CHECK(clReleaseMemObject(buffer));

    /* The contents at creation are what the kernel sees; after map the host sees what it did. */
    fill_random(host, SIZE, 10);
    memcpy(expected, host, SIZE);
    buffer = new_buffer(cl, CL_MEM_USE_HOST_PTR, SIZE, host);
    run_bump(cl, buffer);
    pointer = map(cl, buffer, CL_MAP_READ, 0, SIZE);
    for (size_t i = 0; i < SIZE; i++)
        EXPECT(host[i] == (unsigned char)(expected[i] + 1));
    CHECK(clEnqueueUnmapMemObject(cl->queue, buffer, pointer, 0, NULL, NULL));
    CHECK(clFinish(cl->queue));
    printf("use, kernel first: %016llx\n", (unsigned long long)checksum(host, SIZE));
    CHECK(clReleaseMemObject(buffer));
    free(host);
}

/* Non-blocking maps: the pointer is there at once, the contents when the event is complete. */
static void non_blocking(const struct cl *cl)
{
    cl_int code;
    cl_event gate = new_user_event(cl), mapped, unmapped;
    cl_mem buffer = new_buffer(cl, CL_MEM_ALLOC_HOST_PTR, SIZE, NULL);
    unsigned char seven = 7;
    CHECK(clEnqueueFillBuffer(cl->queue, buffer, &seven, 1, 0, SIZE, 1, &gate, NULL));
    unsigned char *pointer =
        clEnqueueMapBuffer(cl->queue, buffer, CL_FALSE, CL_MAP_READ | CL_MAP_WRITE, 0, SIZE, 0, NULL, &mapped, &code);
    CREATED(code);
    EXPECT(event_status(mapped) != CL_COMPLETE);
    CHECK(clSetUserEventStatus(gate, CL_COMPLETE));
    CHECK(clWaitForEvents(1, &mapped));
    EXPECT(pointer[0] == 7 && pointer[SIZE - 1] == 7);
    memset(pointer, 8, SIZE / 2);
    CHECK(clEnqueueUnmapMemObject(cl->queue, buffer, pointer, 1, &mapped, &unmapped));
    run_bump(cl, buffer);
    unsigned char got[2];
    CHECK(clEnqueueReadBuffer(cl->queue, buffer, CL_TRUE, SIZE / 2 - 1, 2, got, 0, NULL, NULL));
    printf("non-blocking: %d %d, %s\n", got[0], got[1], status_name(event_status(unmapped)));
    CHECK(clReleaseEvent(gate));
    CHECK(clReleaseEvent(mapped));
    CHECK(clReleaseEvent(unmapped));
    CHECK(clReleaseMemObject(buffer));
}

static void images(const struct cl *cl)
{
    const cl_image_format format = {CL_RGBA, CL_UNSIGNED_INT8};
    const size_t origin[3] = {2, 3, 0}, region[3] = {20, 10, 1}, zero[3] = {0, 0, 0}, whole[3] = {33, 17, 1};
    static const char *names[] = {"plain image", "alloc image", "use image", "copy image"};
    static const cl_mem_flags flags[] = {0, CL_MEM_ALLOC_HOST_PTR, CL_MEM_USE_HOST_PTR, CL_MEM_COPY_HOST_PTR};
    for (int i = 0; i < 4; i++) {
        cl_image_desc desc = {0};
        cl_int code;
        unsigned char pixels[17][33][4], *host = NULL;
        desc.image_type = CL_MEM_OBJECT_IMAGE2D;
        desc.image_width = 33;
        desc.image_height = 17;
        EXPECT(posix_memalign((void **)&host, 4096, sizeof pixels) == 0);
        fill_random(host, sizeof pixels, 30);
        cl_mem image = clCreateImage(cl->context, CL_MEM_READ_WRITE | flags[i], &format, &desc, i < 2 ? NULL : host,
                                     &code);
        CREATED(code);
        if (i < 2)
            CHECK(clEnqueueWriteImage(cl->queue, image, CL_TRUE, zero, whole, 0, 0, host, 0, NULL, NULL));
        size_t row = 0, slice = 99;
        unsigned char *pointer = clEnqueueMapImage(cl->queue, image, CL_TRUE, CL_MAP_READ | CL_MAP_WRITE, origin, region,
                                                   &row, &slice, 0, NULL, NULL, &code);
        CREATED(code);
        EXPECT(row >= 20 * 4 && slice == 0);
        for (size_t y = 0; y < 10; y++)
            EXPECT(memcmp(pointer + y * row, host + ((y + 3) * 33 + 2) * 4, 80) == 0);
        for (size_t y = 0; y < 10; y++)
            memset(pointer + y * row, (int)y, 40);
        CHECK(clEnqueueUnmapMemObject(cl->queue, image, pointer, 0, NULL, NULL));
        CHECK(clEnqueueReadImage(cl->queue, image, CL_TRUE, zero, whole, 0, 0, pixels, 0, NULL, NULL));
        printf("%s: %016llx\n", names[i], (unsigned long long)checksum(pixels, sizeof pixels));
        CHECK(clReleaseMemObject(image));
        free(host);
    }
}

/* Parts of images, of a few bytes and of many, have the pitches of the whole. */
static void parts_of_images(const struct cl *cl)
{
    static const cl_mem_object_type types[] = {CL_MEM_OBJECT_IMAGE2D, CL_MEM_OBJECT_IMAGE3D, CL_MEM_OBJECT_IMAGE1D_ARRAY,
                                               CL_MEM_OBJECT_IMAGE2D_ARRAY};
    static const size_t widths[] = {5, 300};
    static unsigned char pixels[300 * 4 * 7 * 3];
    const cl_image_format format = {CL_RGBA, CL_UNSIGNED_INT8};
    for (int i = 0; i < 8; i++) {
        cl_mem_object_type type = types[i / 2];
        size_t width = widths[i % 2], row = 0, slice = 0;
        int planes = type != CL_MEM_OBJECT_IMAGE1D_ARRAY, deep = type == CL_MEM_OBJECT_IMAGE3D;
        int layers = type == CL_MEM_OBJECT_IMAGE1D_ARRAY || type == CL_MEM_OBJECT_IMAGE2D_ARRAY;
        const size_t height = planes ? 7 : 3, depth = deep || (planes && layers) ? 3 : 1;
        const size_t zero[3] = {0, 0, 0}, whole[3] = {width, height, depth};
        const size_t origin[3] = {1, 1, depth - 1 ? 1 : 0}, region[3] = {3, 2, depth - 1 ? 2 : 1};
        cl_image_desc desc = {0};
        cl_int code;
        desc.image_type = type;
        desc.image_width = width;
        desc.image_height = planes ? 7 : 0;
        desc.image_depth = deep ? 3 : 0;
        desc.image_array_size = layers ? 3 : 0;
        cl_mem image = clCreateImage(cl->context, CL_MEM_READ_WRITE, &format, &desc, NULL, &code);
        CREATED(code);
        fill_random(pixels, sizeof pixels, 40);
        CHECK(clEnqueueWriteImage(cl->queue, image, CL_TRUE, zero, whole, 0, 0, pixels, 0, NULL, NULL));
        unsigned char *pointer = clEnqueueMapImage(cl->queue, image, CL_TRUE, CL_MAP_READ | CL_MAP_WRITE, origin, region,
                                                   &row, &slice, 0, NULL, NULL, &code);
        CREATED(code);
        size_t rows = planes ? row : slice;
        printf("part of an image: row %zu, slice %zu, %d %d", row, slice, pointer[0], pointer[rows + 11]);
        memset(pointer + rows, 50 + i, 12);
        if (depth > 1) {
            printf(" %d", pointer[slice + rows]);
            pointer[slice] = 60;
        }
        CHECK(clEnqueueUnmapMemObject(cl->queue, image, pointer, 0, NULL, NULL));
        CHECK(clEnqueueReadImage(cl->queue, image, CL_TRUE, zero, whole, 0, 0, pixels, 0, NULL, NULL));
        printf(", %016llx\n", (unsigned long long)checksum(pixels, width * 4 * height * depth));
        sleep_ms(5);
        CHECK(clReleaseMemObject(image));
    }
}

int main(void)
{
    struct cl cl = start(0);
    cl_program program = build(&cl, source, "");
    bump = new_kernel(program, "bump");
    buffers(&cl);
    non_blocking(&cl);
    images(&cl);
    parts_of_images(&cl);
    CHECK(clReleaseKernel(bump));
    CHECK(clReleaseProgram(program));
    stop(&cl);
    return 0;
}
