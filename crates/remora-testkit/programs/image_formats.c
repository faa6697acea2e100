/* Every format that the driver lists, for every type of image: with pitches and origins, from every kind of host memory. */
#include "common.h"

enum { W = 13, H = 7, D = 5, ROOM = 1 << 16, MOST = 512 };

static unsigned char from[ROOM] __attribute__((aligned(4096))), other[ROOM], to[ROOM], big[ROOM];

static const struct kind {
    const char *name;
    cl_mem_object_type type;
    size_t width, height, depth, layers;
    size_t whole[3], origin[3], part[3];
    int slices;
} kinds[] = {
    {"1D", CL_MEM_OBJECT_IMAGE1D, W, 0, 0, 0, {W, 1, 1}, {3, 0, 0}, {8, 1, 1}, 0},
    {"1D array", CL_MEM_OBJECT_IMAGE1D_ARRAY, W, 0, 0, D, {W, D, 1}, {3, 1, 0}, {8, 3, 1}, 1},
    {"2D", CL_MEM_OBJECT_IMAGE2D, W, H, 0, 0, {W, H, 1}, {3, 2, 0}, {8, 4, 1}, 0},
    {"2D array", CL_MEM_OBJECT_IMAGE2D_ARRAY, W, H, 0, D, {W, H, D}, {3, 2, 1}, {8, 4, 3}, 1},
    {"3D", CL_MEM_OBJECT_IMAGE3D, W, H, D, 0, {W, H, D}, {3, 2, 1}, {8, 4, 3}, 1},
    {"1D buffer", CL_MEM_OBJECT_IMAGE1D_BUFFER, W, 0, 0, 0, {W, 1, 1}, {3, 0, 0}, {8, 1, 1}, 0},
};

static const size_t zero[3] = {0, 0, 0};

static void say(const char *what, cl_int code, const void *memory, size_t size)
{
    if (code == CL_SUCCESS)
        printf(" %s %08x", what, (unsigned)checksum(memory, size));
    else
        printf(" %s %s", what, code_name(code));
}

static void infos(cl_mem image)
{
    static const cl_image_info params[] = {CL_IMAGE_ELEMENT_SIZE, CL_IMAGE_ROW_PITCH, CL_IMAGE_SLICE_PITCH,
                                           CL_IMAGE_WIDTH,        CL_IMAGE_HEIGHT,    CL_IMAGE_DEPTH,
                                           CL_IMAGE_ARRAY_SIZE};
    size_t number, size;
    for (int i = 0; i < 7; i++) {
        CHECK(clGetImageInfo(image, params[i], sizeof number, &number, &size));
        printf(" %zu", number);
    }
    cl_mem buffer;
    CHECK(clGetImageInfo(image, CL_IMAGE_BUFFER, sizeof buffer, &buffer, NULL));
    CHECK(clGetMemObjectInfo(image, CL_MEM_SIZE, sizeof size, &size, NULL));
    printf(" %s, %zu bytes;", buffer ? "buffer" : "own", size);
}

static size_t element_of(cl_mem image)
{
    size_t element;
    CHECK(clGetImageInfo(image, CL_IMAGE_ELEMENT_SIZE, sizeof element, &element, NULL));
    return element;
}

static cl_int read_whole(const struct cl *cl, const struct kind *kind, cl_mem image)
{
    memset(to, 0, sizeof to);
    return clEnqueueReadImage(cl->queue, image, CL_TRUE, zero, kind->whole, 0, 0, to, 0, NULL, NULL);
}

/* Mapped: the pitches are the driver's, the pixels are not. */
static void mapped(const struct cl *cl, const struct kind *kind, cl_mem image, size_t element)
{
    size_t row = 0, slice = 0, at = 0;
    cl_int code;
    unsigned char *pointer = clEnqueueMapImage(cl->queue, image, CL_TRUE, CL_MAP_READ | CL_MAP_WRITE, kind->origin,
                                               kind->part, &row, &slice, 0, NULL, NULL, &code);
    if (code != CL_SUCCESS) {
        printf(" map %s", code_name(code));
        return;
    }
    int array = kind->type == CL_MEM_OBJECT_IMAGE1D_ARRAY;
    for (size_t z = 0; z < kind->part[2]; z++)
        for (size_t y = 0; y < kind->part[1]; y++) {
            unsigned char *line = pointer + z * slice + y * (array ? slice : row);
            memcpy(big + at, line, kind->part[0] * element);
            at += kind->part[0] * element;
            memset(line, (int)(y + 16 * z), 2 * element);
        }
    CHECK(clEnqueueUnmapMemObject(cl->queue, image, pointer, 0, NULL, NULL));
    say("map", CL_SUCCESS, big, at);
    say("unmap", read_whole(cl, kind, image), to, ROOM);
}

static cl_mem create(const struct cl *cl, const struct kind *kind, cl_image_format format, cl_mem_flags flags,
                     const size_t *pitches, cl_mem buffer, void *host, cl_int *code)
{
    cl_image_desc desc = {0};
    desc.image_type = kind->type;
    desc.image_width = kind->width;
    desc.image_height = kind->height;
    desc.image_depth = kind->depth;
    desc.image_array_size = kind->layers;
    desc.image_row_pitch = pitches[0];
    desc.image_slice_pitch = pitches[1];
    desc.buffer = buffer;
    return clCreateImage(cl->context, flags, &format, &desc, host, code);
}

/* Reads, writes, fills, copies. */
static void use(const struct cl *cl, const struct kind *kind, cl_image_format format, cl_mem image)
{
    size_t element = element_of(image), row = kind->part[0] * element + 3 * element;
    /* PoCL 3.1 takes the row pitch for the distance of a 1D array's layers. */
    size_t gap = kind->type == CL_MEM_OBJECT_IMAGE1D_ARRAY ? 0 : 1;
    size_t slice = !kind->slices ? 0 : gap ? row * (kind->part[1] + gap) : row;
    const size_t none[2] = {0, 0};
    cl_int code;
    memset(big, 0x77, sizeof big);
    code = clEnqueueReadImage(cl->queue, image, CL_TRUE, kind->origin, kind->part, row, slice, big + 1, 0, NULL, NULL);
    say("part", code, big, ROOM);
    code = clEnqueueWriteImage(cl->queue, image, CL_FALSE, kind->origin, kind->part, row, slice, other + 777, 0, NULL, NULL);
    say("written", code ? code : read_whole(cl, kind, image), to, ROOM);
    mapped(cl, kind, image, element);

    int buffered = kind->type == CL_MEM_OBJECT_IMAGE1D_BUFFER;
    cl_mem under = buffered ? new_buffer(cl, CL_MEM_COPY_HOST_PTR, W * 16, from) : NULL;
    cl_mem target = create(cl, kind, format, 0, none, under, NULL, &code);
    if (code == CL_SUCCESS) {
        const cl_float color[4] = {0.25f, 0.5f, 0.75f, 1.0f};
        const cl_uint numbers[4] = {3, 50, 700, 9000};
        cl_channel_type type = format.image_channel_data_type;
        int integers = type >= CL_SIGNED_INT8 && type <= CL_UNSIGNED_INT32;
        const void *filled = integers ? (const void *)numbers : color;
        /* PoCL 3.1 crashes when it fills or copies such an image, or copies it to or from a buffer. */
        if (!buffered) {
            code = clEnqueueFillImage(cl->queue, target, filled, zero, kind->whole, 0, NULL, NULL);
            say("fill", code ? code : read_whole(cl, kind, target), to, ROOM);
        }
        code = clEnqueueCopyImage(cl->queue, image, target, kind->origin, zero, kind->part, 0, NULL, NULL);
        say("copy", code ? code : read_whole(cl, kind, target), to, ROOM);
        CHECK(clReleaseMemObject(target));
    } else {
        printf(" without contents %s", code_name(code));
    }
    if (buffered) {
        CHECK(clReleaseMemObject(under));
        return;
    }
    cl_mem buffer = new_buffer(cl, CL_MEM_COPY_HOST_PTR, ROOM, from);
    code = clEnqueueCopyImageToBuffer(cl->queue, image, buffer, kind->origin, kind->part, 96, 0, NULL, NULL);
    code = code ? code : clEnqueueReadBuffer(cl->queue, buffer, CL_TRUE, 0, ROOM, to, 0, NULL, NULL);
    say("to buffer", code, to, ROOM);
    code = clEnqueueCopyBufferToImage(cl->queue, buffer, image, 160, zero, kind->part, 0, NULL, NULL);
    say("from buffer", code ? code : read_whole(cl, kind, image), to, ROOM);
    CHECK(clReleaseMemObject(buffer));
}

static void one_format(const struct cl *cl, const struct kind *kind, cl_image_format format)
{
    static const struct {
        const char *name;
        cl_mem_flags flags;
        int host, pitched;
    } ways[] = {{"copy", CL_MEM_COPY_HOST_PTR, 1, 0},  {"copy pitched", CL_MEM_COPY_HOST_PTR, 1, 1},
                {"use", CL_MEM_USE_HOST_PTR, 1, 0},    {"use pitched", CL_MEM_USE_HOST_PTR, 1, 1},
                {"alloc", CL_MEM_ALLOC_HOST_PTR, 0, 0}, {"alloc copy", CL_MEM_ALLOC_HOST_PTR | CL_MEM_COPY_HOST_PTR, 1, 0}};
    printf("%s 0x%x/0x%x:\n", kind->name, format.image_channel_order, format.image_channel_data_type);
    for (int i = 0; i < 6; i++) {
        size_t pitches[2] = {0, 0};
        cl_int code;
        cl_mem buffer = NULL;
        unsigned char *host = ways[i].host ? from : NULL;
        fill_random(from, sizeof from, 200 + (unsigned)i);
        if (kind->type == CL_MEM_OBJECT_IMAGE1D_BUFFER) {
            if (i > 0)
                break;
            buffer = new_buffer(cl, CL_MEM_COPY_HOST_PTR, W * 16 + 64, from);
        }
        cl_mem image = create(cl, kind, format, buffer ? 0 : ways[i].flags, pitches, buffer, buffer ? NULL : host, &code);
        if (code == CL_SUCCESS && ways[i].pitched) {
            pitches[0] = (W + 2) * element_of(image);
            pitches[1] = kind->slices ? pitches[0] * (kind->height ? kind->height + 1 : 1) : 0;
            CHECK(clReleaseMemObject(image));
            image = create(cl, kind, format, ways[i].flags, pitches, NULL, host, &code);
        }
        printf(" %s:", ways[i].name);
        if (code != CL_SUCCESS) {
            printf(" %s\n", code_name(code));
            continue;
        }
        infos(image);
        if (host)
            say("whole", read_whole(cl, kind, image), to, ROOM);
        else
            CHECK(clEnqueueWriteImage(cl->queue, image, CL_TRUE, zero, kind->whole, 0, 0, from, 0, NULL, NULL));
        use(cl, kind, format, image);
        CHECK(clFinish(cl->queue));
        if (ways[i].flags & CL_MEM_USE_HOST_PTR && !buffer) {
            size_t row, slice;
            void *pointer = clEnqueueMapImage(cl->queue, image, CL_TRUE, CL_MAP_READ, zero, kind->whole, &row, &slice, 0,
                                              NULL, NULL, &code);
            CREATED(code);
            EXPECT(pointer == from);
            printf(" row %zu slice %zu", row, slice);
            CHECK(clEnqueueUnmapMemObject(cl->queue, image, pointer, 0, NULL, NULL));
            CHECK(clFinish(cl->queue));
            say("memory", CL_SUCCESS, from, ROOM);
        }
        if (buffer) {
            CHECK(clEnqueueReadBuffer(cl->queue, buffer, CL_TRUE, 0, W * 16 + 64, to, 0, NULL, NULL));
            say("its buffer", CL_SUCCESS, to, W * 16 + 64);
        }
        printf("\n");
        CHECK(clReleaseMemObject(image));
        if (buffer)
            CHECK(clReleaseMemObject(buffer));
    }
}

/* A 2D image over a buffer, where the device can have one. */
static void over_a_buffer(const struct cl *cl)
{
    static const size_t pitches[] = {0, 13 * 4, 64, 128, 200, 256, 4096};
    const cl_image_format format = {CL_RGBA, CL_UNSIGNED_INT8};
    const struct kind *kind = &kinds[2];
    for (int i = 0; i < 7; i++) {
        const size_t both[2] = {pitches[i], 0};
        cl_int code;
        fill_random(from, sizeof from, 300 + (unsigned)i);
        cl_mem buffer = new_buffer(cl, CL_MEM_COPY_HOST_PTR, ROOM, from);
        cl_mem image = create(cl, kind, format, 0, both, buffer, NULL, &code);
        printf("2D over a buffer, pitch %zu:", pitches[i]);
        if (code != CL_SUCCESS) {
            printf(" %s\n", code_name(code));
            CHECK(clReleaseMemObject(buffer));
            continue;
        }
        infos(image);
        say("whole", read_whole(cl, kind, image), to, ROOM);
        use(cl, kind, format, image);
        CHECK(clEnqueueReadBuffer(cl->queue, buffer, CL_TRUE, 0, ROOM, to, 0, NULL, NULL));
        say("its buffer", CL_SUCCESS, to, ROOM);
        printf("\n");
        CHECK(clReleaseMemObject(image));
        CHECK(clReleaseMemObject(buffer));
    }
}

int main(void)
{
    struct cl cl = start(0);
    fill_random(other, sizeof other, 5);
    static const cl_mem_flags flags[] = {CL_MEM_READ_WRITE, CL_MEM_READ_ONLY, CL_MEM_WRITE_ONLY,
                                         CL_MEM_KERNEL_READ_AND_WRITE};
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        cl_image_format formats[MOST];
        cl_uint count = 0;
        for (int f = 3; f >= 0; f--) {
            cl_int code = clGetSupportedImageFormats(cl.context, flags[f], kinds[k].type, MOST, formats, &count);
            printf("%s, flags 0x%x: %s", kinds[k].name, (unsigned)flags[f], code_name(code));
            for (cl_uint i = 0; code == CL_SUCCESS && i < count; i++)
                printf(" 0x%x/0x%x", formats[i].image_channel_order, formats[i].image_channel_data_type);
            printf("\n");
        }
        for (cl_uint i = 0; i < count; i++)
            one_format(&cl, &kinds[k], formats[i]);
    }
    over_a_buffer(&cl);
    stop(&cl);
    return 0;
}
