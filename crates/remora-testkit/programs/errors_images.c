/*
 * Images and samplers: what their creation and the commands on them say to bad arguments. `errors_images all` has those
 * calls too that PoCL crashes of.
 */
#include "errors.h"

static int all;
static char room[1 << 16];
static const cl_image_format rgba = {CL_RGBA, CL_UNSIGNED_INT8};

static cl_image_desc desc_of(cl_mem_object_type type, size_t width, size_t height, size_t depth, size_t layers)
{
    cl_image_desc desc;
    memset(&desc, 0, sizeof desc);
    desc.image_type = type;
    desc.image_width = width;
    desc.image_height = height;
    desc.image_depth = depth;
    desc.image_array_size = layers;
    return desc;
}

static void create(const struct cl *cl, const char *what, cl_int wanted, cl_mem_flags flags, cl_image_desc desc, void *host)
{
    code = 4711;
    cl_mem image = clCreateImage(cl->context, flags, &rgba, &desc, host, &code);
    report(what, wanted, code);
    if (image)
        CHECK(clReleaseMemObject(image));
}

static void creation(const struct cl *cl)
{
    static const struct {
        const char *name;
        cl_mem_object_type type;
        size_t size[4];
    } kinds[] = {
        {"1D", CL_MEM_OBJECT_IMAGE1D, {8, 0, 0, 0}},       {"1D array", CL_MEM_OBJECT_IMAGE1D_ARRAY, {8, 0, 0, 3}},
        {"2D", CL_MEM_OBJECT_IMAGE2D, {8, 8, 0, 0}},       {"2D array", CL_MEM_OBJECT_IMAGE2D_ARRAY, {8, 8, 0, 3}},
        {"3D", CL_MEM_OBJECT_IMAGE3D, {8, 8, 4, 0}},
    };
    static const char *sides[] = {"width", "height", "depth", "layers"};
    const cl_mem_flags copy = CL_MEM_COPY_HOST_PTR;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        const size_t *size = kinds[i].size;
        cl_image_desc good = desc_of(kinds[i].type, size[0], size[1], size[2], size[3]), bad;
        printf("image: %s\n", kinds[i].name);
        create(cl, " good", CL_SUCCESS, 0, good, NULL);
        for (int side = 0; side < 4; side++) {
            char what[64];
            if (!size[side])
                continue;
            size_t wrong[4];
            memcpy(wrong, size, sizeof wrong);
            wrong[side] = 0;
            snprintf(what, sizeof what, " no %s", sides[side]);
            create(cl, what, CL_INVALID_IMAGE_SIZE, 0, desc_of(kinds[i].type, wrong[0], wrong[1], wrong[2], wrong[3]), NULL);
            wrong[side] = (size_t)1 << 31;
            snprintf(what, sizeof what, " too much %s", sides[side]);
            create(cl, what, CL_INVALID_IMAGE_SIZE, 0, desc_of(kinds[i].type, wrong[0], wrong[1], wrong[2], wrong[3]), NULL);
        }
        bad = good;
        bad.image_row_pitch = 16;
        create(cl, " row pitch too short", CL_INVALID_IMAGE_DESCRIPTOR, copy, bad, room);
        bad.image_row_pitch = 35;
        create(cl, " row pitch no multiple", CL_INVALID_IMAGE_DESCRIPTOR, copy, bad, room);
        bad.image_row_pitch = 32;
        create(cl, " row pitch without pointer", CL_INVALID_IMAGE_DESCRIPTOR, 0, bad, NULL);
        create(cl, " row pitch", CL_SUCCESS, copy, bad, room);
        if (size[2] || size[3]) {
            bad.image_slice_pitch = 16;
            create(cl, " slice pitch too short", CL_INVALID_IMAGE_DESCRIPTOR, copy, bad, room);
            bad.image_slice_pitch = 32 * 8 + 4;
            create(cl, " slice pitch no multiple", CL_INVALID_IMAGE_DESCRIPTOR, copy, bad, room);
            bad.image_row_pitch = 0;
            bad.image_slice_pitch = 32 * 8;
            create(cl, " slice pitch without pointer", CL_INVALID_IMAGE_DESCRIPTOR, 0, bad, NULL);
        }
        create(cl, " pointer without flag", CL_INVALID_HOST_PTR, 0, good, room);
        create(cl, " use without pointer", CL_INVALID_HOST_PTR, CL_MEM_USE_HOST_PTR, good, NULL);
        create(cl, " copy without pointer", CL_INVALID_HOST_PTR, copy, good, NULL);
        create(cl, " use and copy", CL_INVALID_VALUE, CL_MEM_USE_HOST_PTR | copy, good, room);
        create(cl, " unknown flags", CL_INVALID_VALUE, (cl_mem_flags)1 << 40, good, NULL);
        create(cl, " read-only and write-only", CL_INVALID_VALUE, CL_MEM_READ_ONLY | CL_MEM_WRITE_ONLY, good, NULL);
        create(cl, " two accesses for the host", CL_INVALID_VALUE, CL_MEM_HOST_READ_ONLY | CL_MEM_HOST_NO_ACCESS, good, NULL);
        if (all) {
            bad = good;
            bad.num_samples = 2;
            create(cl, " samples", CL_INVALID_IMAGE_DESCRIPTOR, 0, bad, NULL);
            bad = good;
            bad.num_mip_levels = 3;
            create(cl, " mip levels", CL_INVALID_IMAGE_DESCRIPTOR, 0, bad, NULL);
        }
    }
    create(cl, "image: of no type", CL_INVALID_IMAGE_DESCRIPTOR, 0, desc_of(0x9999, 8, 8, 1, 1), NULL);

    /* Over buffers. */
    cl_mem buffer = new_buffer(cl, CL_MEM_READ_ONLY, 256, NULL), image;
    cl_image_desc line = desc_of(CL_MEM_OBJECT_IMAGE1D_BUFFER, 64, 0, 0, 0);
    create(cl, "1D buffer: no buffer", CL_INVALID_IMAGE_DESCRIPTOR, 0, line, NULL);
    line.mem_object = buffer;
    create(cl, "1D buffer: write of read-only", CL_INVALID_VALUE, CL_MEM_WRITE_ONLY, line, NULL);
    create(cl, "1D buffer: with a pointer", CL_INVALID_HOST_PTR, CL_MEM_READ_ONLY, line, room);
    line.image_width = 65;
    create(cl, "1D buffer: past its end", CL_INVALID_IMAGE_SIZE, CL_MEM_READ_ONLY, line, NULL);
    line.image_width = 0;
    create(cl, "1D buffer: no width", CL_INVALID_IMAGE_SIZE, CL_MEM_READ_ONLY, line, NULL);
    cl_image_desc cube = desc_of(CL_MEM_OBJECT_IMAGE3D, 4, 4, 4, 0);
    cube.mem_object = buffer;
    create(cl, "3D: of a buffer", CL_INVALID_IMAGE_DESCRIPTOR, CL_MEM_READ_ONLY, cube, NULL);
    image = clCreateImage2D(cl->context, 0, &rgba, 8, 8, 0, NULL, &code);
    CREATED(code);
    CHECK(clReleaseMemObject(image));
    MAKE("2D: no width", CL_INVALID_IMAGE_SIZE, clCreateImage2D(cl->context, 0, &rgba, 0, 8, 0, NULL, &code));
    MAKE("2D: no context", CL_INVALID_CONTEXT, clCreateImage2D(NULL, 0, &rgba, 8, 8, 0, NULL, &code));
    MAKE("2D: no format", CL_INVALID_IMAGE_FORMAT_DESCRIPTOR, clCreateImage2D(cl->context, 0, NULL, 8, 8, 0, NULL, &code));
    MAKE("2D: pitch without pointer", CL_INVALID_IMAGE_SIZE, clCreateImage2D(cl->context, 0, &rgba, 8, 8, 64, NULL, &code));
    MAKE("3D: depth of 1", CL_INVALID_IMAGE_SIZE, clCreateImage3D(cl->context, 0, &rgba, 8, 8, 1, 0, 0, NULL, &code));
    MAKE("3D: no context", CL_INVALID_CONTEXT, clCreateImage3D(NULL, 0, &rgba, 8, 8, 2, 0, 0, NULL, &code));
    const cl_mem_properties unknown[] = {0x7777, 1, 0}, empty[] = {0};
    cl_image_desc flat = desc_of(CL_MEM_OBJECT_IMAGE2D, 8, 8, 0, 0);
    MAKE("image with properties: unknown", CL_INVALID_PROPERTY,
         clCreateImageWithProperties(cl->context, unknown, 0, &rgba, &flat, NULL, &code));
    image = clCreateImageWithProperties(cl->context, empty, 0, &rgba, &flat, NULL, &code);
    CREATED(code);
    CHECK(clReleaseMemObject(image));
    MAKE("buffer with properties: unknown", CL_INVALID_PROPERTY,
         clCreateBufferWithProperties(cl->context, unknown, 0, 64, NULL, &code));
    CHECK(clReleaseMemObject(buffer));

    cl_uint count;
    cl_image_format formats[4];
    TRY("formats: nothing asked", CL_SUCCESS,
        clGetSupportedImageFormats(cl->context, CL_MEM_READ_WRITE, CL_MEM_OBJECT_IMAGE2D, 0, NULL, NULL));
    TRY("formats: unknown flags", CL_INVALID_VALUE,
        clGetSupportedImageFormats(cl->context, (cl_mem_flags)1 << 40, CL_MEM_OBJECT_IMAGE2D, 0, NULL, &count));
    TRY("formats: unknown type", CL_INVALID_VALUE,
        clGetSupportedImageFormats(cl->context, CL_MEM_READ_WRITE, 0x9999, 0, NULL, &count));
    TRY("formats: no entries", CL_INVALID_VALUE,
        clGetSupportedImageFormats(cl->context, CL_MEM_READ_WRITE, CL_MEM_OBJECT_IMAGE2D, 0, formats, &count));
}

static void commands(const struct cl *cl)
{
    cl_image_desc flat = desc_of(CL_MEM_OBJECT_IMAGE2D, 8, 8, 0, 0), deep = desc_of(CL_MEM_OBJECT_IMAGE3D, 8, 8, 4, 0);
    cl_image_desc layers = desc_of(CL_MEM_OBJECT_IMAGE1D_ARRAY, 8, 0, 0, 4);
    cl_mem image = clCreateImage(cl->context, 0, &rgba, &flat, NULL, &code);
    CREATED(code);
    cl_mem cube = clCreateImage(cl->context, 0, &rgba, &deep, NULL, &code);
    CREATED(code);
    cl_mem array = clCreateImage(cl->context, 0, &rgba, &layers, NULL, &code);
    CREATED(code);
    cl_mem quiet = clCreateImage(cl->context, CL_MEM_HOST_NO_ACCESS, &rgba, &flat, NULL, &code);
    CREATED(code);
    cl_mem written = clCreateImage(cl->context, CL_MEM_HOST_WRITE_ONLY, &rgba, &flat, NULL, &code);
    CREATED(code);
    cl_mem shown = clCreateImage(cl->context, CL_MEM_HOST_READ_ONLY, &rgba, &flat, NULL, &code);
    CREATED(code);
    cl_mem buffer = new_buffer(cl, 0, 1024, NULL);
    cl_command_queue queue = cl->queue;
    static const struct {
        const char *name;
        size_t origin[3], region[3];
    } flat_areas[] = {
        {"past the right", {4, 0, 0}, {5, 8, 1}},  {"past the bottom", {0, 4, 0}, {8, 5, 1}},
        {"past the depth", {0, 0, 1}, {8, 8, 1}},  {"too deep", {0, 0, 0}, {8, 8, 2}},
        {"no width", {0, 0, 0}, {0, 8, 1}},        {"no height", {0, 0, 0}, {8, 0, 1}},
        {"no depth", {0, 0, 0}, {8, 8, 0}},        {"wraps round", {(size_t)-4, 0, 0}, {8, 8, 1}},
    };
    const size_t zero[3] = {0, 0, 0}, whole[3] = {8, 8, 1}, row[3] = {8, 1, 1}, some[3] = {8, 8, 2};
    const cl_uint color[4] = {1, 2, 3, 4};
    size_t pitch, slice;
    /* PoCL writes outside the image. */
    for (size_t i = 0; all && i < sizeof flat_areas / sizeof *flat_areas; i++) {
        const size_t *origin = flat_areas[i].origin, *region = flat_areas[i].region;
        printf("%s\n", flat_areas[i].name);
        TRY(" read", CL_INVALID_VALUE, clEnqueueReadImage(queue, image, CL_TRUE, origin, region, 0, 0, room, 0, NULL, NULL));
        TRY(" write", CL_INVALID_VALUE,
            clEnqueueWriteImage(queue, image, CL_TRUE, origin, region, 0, 0, room, 0, NULL, NULL));
        TRY(" fill", CL_INVALID_VALUE, clEnqueueFillImage(queue, image, color, origin, region, 0, NULL, NULL));
        TRY(" copy from", CL_INVALID_VALUE,
            clEnqueueCopyImage(queue, image, cube, origin, zero, region, 0, NULL, NULL));
        TRY(" copy to", CL_INVALID_VALUE, clEnqueueCopyImage(queue, cube, image, zero, origin, region, 0, NULL, NULL));
        TRY(" to a buffer", CL_INVALID_VALUE,
            clEnqueueCopyImageToBuffer(queue, image, buffer, origin, region, 0, 0, NULL, NULL));
        TRY(" from a buffer", CL_INVALID_VALUE,
            clEnqueueCopyBufferToImage(queue, buffer, image, 0, origin, region, 0, NULL, NULL));
        TRY(" map", CL_INVALID_VALUE,
            (clEnqueueMapImage(queue, image, CL_TRUE, CL_MAP_READ, origin, region, &pitch, &slice, 0, NULL, NULL, &code), code));
    }
    if (all) {
        TRY("read: no origin", CL_INVALID_VALUE,
            clEnqueueReadImage(queue, image, CL_TRUE, NULL, whole, 0, 0, room, 0, NULL, NULL));
        TRY("read: no region", CL_INVALID_VALUE,
            clEnqueueReadImage(queue, image, CL_TRUE, zero, NULL, 0, 0, room, 0, NULL, NULL));
        TRY("fill: no region", CL_INVALID_VALUE, clEnqueueFillImage(queue, image, color, zero, NULL, 0, NULL, NULL));
        TRY("map: no row pitch", CL_INVALID_VALUE,
            (clEnqueueMapImage(queue, image, CL_TRUE, CL_MAP_READ, zero, whole, NULL, NULL, 0, NULL, NULL, &code), code));
    }
    TRY("read: row pitch too short", CL_INVALID_VALUE,
        clEnqueueReadImage(queue, image, CL_TRUE, zero, whole, 16, 0, room, 0, NULL, NULL));
    TRY("read: slice pitch of a flat one", CL_INVALID_VALUE,
        clEnqueueReadImage(queue, image, CL_TRUE, zero, whole, 0, 256, room, 0, NULL, NULL));
    TRY("read: slice pitch too short", CL_INVALID_VALUE,
        clEnqueueReadImage(queue, cube, CL_TRUE, zero, some, 32, 128, room, 0, NULL, NULL));
    TRY("write: slice pitch too short", CL_INVALID_VALUE,
        clEnqueueWriteImage(queue, cube, CL_TRUE, zero, some, 32, 128, room, 0, NULL, NULL));
    TRY("read: layers of an array", CL_SUCCESS,
        clEnqueueReadImage(queue, array, CL_TRUE, zero, row, 0, 0, room, 0, NULL, NULL));
    TRY("read: no access for the host", CL_INVALID_OPERATION,
        clEnqueueReadImage(queue, quiet, CL_TRUE, zero, whole, 0, 0, room, 0, NULL, NULL));
    TRY("read: write-only for the host", CL_INVALID_OPERATION,
        clEnqueueReadImage(queue, written, CL_TRUE, zero, whole, 0, 0, room, 0, NULL, NULL));
    TRY("write: read-only for the host", CL_INVALID_OPERATION,
        clEnqueueWriteImage(queue, shown, CL_TRUE, zero, whole, 0, 0, room, 0, NULL, NULL));
    TRY("map: no access for the host", CL_INVALID_OPERATION,
        (clEnqueueMapImage(queue, quiet, CL_TRUE, CL_MAP_READ, zero, whole, &pitch, &slice, 0, NULL, NULL, &code), code));
    TRY("map: write of read-only for the host", CL_INVALID_OPERATION,
        (clEnqueueMapImage(queue, shown, CL_TRUE, CL_MAP_WRITE, zero, whole, &pitch, &slice, 0, NULL, NULL, &code), code));
    TRY("map: of a buffer", CL_INVALID_MEM_OBJECT,
        (clEnqueueMapImage(queue, buffer, CL_TRUE, CL_MAP_READ, zero, whole, &pitch, &slice, 0, NULL, NULL, &code), code));
    TRY("map buffer: of an image", CL_INVALID_MEM_OBJECT,
        (clEnqueueMapBuffer(queue, image, CL_TRUE, CL_MAP_READ, 0, 4, 0, NULL, NULL, &code), code));
    TRY("read buffer: of an image", CL_INVALID_MEM_OBJECT,
        clEnqueueReadBuffer(queue, image, CL_TRUE, 0, 4, room, 0, NULL, NULL));
    TRY("fill buffer: of an image", CL_INVALID_MEM_OBJECT, clEnqueueFillBuffer(queue, image, color, 4, 0, 4, 0, NULL, NULL));
    TRY("copy: of an image", CL_INVALID_MEM_OBJECT, clEnqueueCopyBuffer(queue, image, buffer, 0, 0, 4, 0, NULL, NULL));
    TRY("copy image: of a buffer", CL_INVALID_MEM_OBJECT,
        clEnqueueCopyImage(queue, buffer, image, zero, zero, whole, 0, NULL, NULL));
    TRY("copy image: overlap in part", CL_MEM_COPY_OVERLAP,
        clEnqueueCopyImage(queue, cube, cube, zero, zero, row, 0, NULL, NULL));
    TRY("to a buffer: past its end", CL_INVALID_VALUE,
        clEnqueueCopyImageToBuffer(queue, image, buffer, zero, whole, 800, 0, NULL, NULL));
    TRY("from a buffer: past its end", CL_INVALID_VALUE,
        clEnqueueCopyBufferToImage(queue, buffer, image, 800, zero, whole, 0, NULL, NULL));
    TRY("image info: unknown name", CL_INVALID_VALUE, clGetImageInfo(image, 1, sizeof room, room, NULL));
    TRY("image info: no room", CL_INVALID_VALUE, clGetImageInfo(image, CL_IMAGE_WIDTH, 1, room, NULL));
    CHECK(clFinish(queue));
    cl_mem mems[] = {image, cube, array, quiet, written, shown, buffer};
    for (size_t i = 0; i < sizeof mems / sizeof *mems; i++)
        CHECK(clReleaseMemObject(mems[i]));
}

static void samplers(const struct cl *cl)
{
    static const struct {
        const char *name;
        cl_int wanted;
        cl_sampler_properties list[7];
    } lists[] = {
        {"empty", CL_SUCCESS, {0}},
        {"full", CL_SUCCESS, {CL_SAMPLER_NORMALIZED_COORDS, CL_FALSE, CL_SAMPLER_ADDRESSING_MODE, CL_ADDRESS_CLAMP,
                              CL_SAMPLER_FILTER_MODE, CL_FILTER_NEAREST, 0}},
        {"unknown name", CL_INVALID_VALUE, {0x7777, 1, 0}},
        {"unknown mode", CL_INVALID_VALUE, {CL_SAMPLER_ADDRESSING_MODE, 1, 0}},
        {"unknown filter", CL_INVALID_VALUE, {CL_SAMPLER_FILTER_MODE, 1, 0}},
        {"twice", CL_INVALID_VALUE, {CL_SAMPLER_FILTER_MODE, CL_FILTER_LINEAR, CL_SAMPLER_FILTER_MODE, CL_FILTER_LINEAR, 0}},
    };
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        code = 4711;
        cl_sampler sampler = clCreateSamplerWithProperties(cl->context, lists[i].list, &code);
        printf("sampler ");
        report(lists[i].name, lists[i].wanted, code);
        if (sampler)
            CHECK(clReleaseSampler(sampler));
    }
    MAKE("sampler: no context", CL_INVALID_CONTEXT, clCreateSamplerWithProperties(NULL, lists[0].list, &code));
    cl_sampler sampler = clCreateSampler(cl->context, CL_TRUE, CL_ADDRESS_REPEAT, CL_FILTER_LINEAR, &code);
    CREATED(code);
    TRY("sampler info: unknown name", CL_INVALID_VALUE, clGetSamplerInfo(sampler, 1, sizeof room, room, NULL));
    TRY("sampler info: no room", CL_INVALID_VALUE, clGetSamplerInfo(sampler, CL_SAMPLER_CONTEXT, 1, room, NULL));
    CHECK(clReleaseSampler(sampler));
}

int main(int argc, char **argv)
{
    all = argc > 1 && strcmp(argv[1], "all") == 0;
    struct cl cl = start(0);
    creation(&cl);
    commands(&cl);
    samplers(&cl);
    stop(&cl);
    return 0;
}
