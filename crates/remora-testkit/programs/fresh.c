/*
 * Memory that nothing was written to. OpenCL doesn't say what is in it, but a driver on a CPU has large memory from the
 * system, which is all zeros, where the program has told its allocator to keep none. darktable does, and its results depend
 * on it.
 */
#include "common.h"

#include <malloc.h>

enum { WIDTH = 320, HEIGHT = 240, SIZE = WIDTH * HEIGHT * 4, COUNT = 8 };

static struct cl cl;
static unsigned char *bytes;

static cl_mem new_image(void)
{
    cl_int code;
    cl_image_format format = {CL_RGBA, CL_UNSIGNED_INT8};
    cl_image_desc description = {.image_type = CL_MEM_OBJECT_IMAGE2D, .image_width = WIDTH, .image_height = HEIGHT};
    cl_mem image = clCreateImage(cl.context, 0, &format, &description, NULL, &code);
    CREATED(code);
    return image;
}

static void report(const char *what)
{
    size_t others = 0;
    for (size_t at = 0; at < SIZE; at++)
        others += bytes[at] != 0;
    printf("%s: %zu bytes aren't 0\n", what, others);
}

/* What is in new objects, which are filled and let go after that. */
static void round_of_objects(void)
{
    const size_t origin[3] = {0}, region[3] = {WIDTH, HEIGHT, 1};
    cl_mem buffers[COUNT], images[COUNT];
    for (int i = 0; i < COUNT; i++) {
        buffers[i] = new_buffer(&cl, 0, SIZE, NULL);
        memset(bytes, 0xff, SIZE);
        CHECK(clEnqueueReadBuffer(cl.queue, buffers[i], CL_TRUE, 0, SIZE, bytes, 0, NULL, NULL));
        report("buffer");
        images[i] = new_image();
        memset(bytes, 0xff, SIZE);
        CHECK(clEnqueueReadImage(cl.queue, images[i], CL_TRUE, origin, region, 0, 0, bytes, 0, NULL, NULL));
        report("image");
    }
    memset(bytes, 0xa5, SIZE);
    for (int i = 0; i < COUNT; i++) {
        CHECK(clEnqueueWriteBuffer(cl.queue, buffers[i], CL_TRUE, 0, SIZE, bytes, 0, NULL, NULL));
        CHECK(clEnqueueWriteImage(cl.queue, images[i], CL_TRUE, origin, region, 0, 0, bytes, 0, NULL, NULL));
    }
    CHECK(clFinish(cl.queue));
    for (int i = 0; i < COUNT; i++) {
        CHECK(clReleaseMemObject(buffers[i]));
        CHECK(clReleaseMemObject(images[i]));
    }
}

int main(void)
{
    EXPECT(mallopt(M_MMAP_THRESHOLD, 128 << 10));
    cl = start(0);
    bytes = malloc(SIZE);
    EXPECT(bytes);
    for (int i = 0; i < 3; i++)
        round_of_objects();
    free(bytes);
    stop(&cl);
    return 0;
}
