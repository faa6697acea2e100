/* Images of every type: reads, writes, copies, fills, buffer exchange, samplers and image info. */
#include "common.h"

static unsigned char from[1 << 18], to[1 << 18];

static void show(const char *what, const void *memory, size_t size)
{
    printf("%s: %016llx\n", what, (unsigned long long)checksum(memory, size));
}

static cl_mem create(const struct cl *cl, cl_image_format format, cl_image_desc desc, cl_mem_flags flags, void *host)
{
    cl_int code;
    cl_mem image = clCreateImage(cl->context, flags, &format, &desc, host, &code);
    CREATED(code);
    return image;
}

static cl_image_desc shape(cl_mem_object_type type, size_t width, size_t height, size_t depth, size_t layers)
{
    cl_image_desc desc = {0};
    desc.image_type = type;
    desc.image_width = width;
    desc.image_height = height;
    desc.image_depth = depth;
    desc.image_array_size = layers;
    return desc;
}

static void describe(const char *what, cl_mem image)
{
    size_t numbers[7];
    static const cl_image_info params[] = {CL_IMAGE_ELEMENT_SIZE, CL_IMAGE_ROW_PITCH, CL_IMAGE_SLICE_PITCH,
                                           CL_IMAGE_WIDTH,        CL_IMAGE_HEIGHT,    CL_IMAGE_DEPTH,
                                           CL_IMAGE_ARRAY_SIZE};
    cl_uint levels, samples;
    cl_image_format format;
    cl_mem_object_type type;
    for (int i = 0; i < 7; i++)
        CHECK(clGetImageInfo(image, params[i], sizeof(size_t), &numbers[i], NULL));
    CHECK(clGetImageInfo(image, CL_IMAGE_NUM_MIP_LEVELS, sizeof levels, &levels, NULL));
    CHECK(clGetImageInfo(image, CL_IMAGE_NUM_SAMPLES, sizeof samples, &samples, NULL));
    CHECK(clGetImageInfo(image, CL_IMAGE_FORMAT, sizeof format, &format, NULL));
    CHECK(clGetMemObjectInfo(image, CL_MEM_TYPE, sizeof type, &type, NULL));
    size_t size;
    CHECK(clGetMemObjectInfo(image, CL_MEM_SIZE, sizeof size, &size, NULL));
    printf("%s: type 0x%x format 0x%x/0x%x element %zu row %zu slice %zu, %zu x %zu x %zu, %zu layers, %u levels, "
           "%u samples, %zu bytes\n",
           what, type, format.image_channel_order, format.image_channel_data_type, numbers[0], numbers[1], numbers[2],
           numbers[3], numbers[4], numbers[5], numbers[6], levels, samples, size);
}

static const struct {
    const char *name;
    cl_mem_object_type type;
    size_t width, height, depth, layers;
    size_t whole[3], origin[3], part[3];
} types[] = {
    {"1D", CL_MEM_OBJECT_IMAGE1D, 61, 0, 0, 0, {61, 1, 1}, {7, 0, 0}, {30, 1, 1}},
    {"1D array", CL_MEM_OBJECT_IMAGE1D_ARRAY, 61, 0, 0, 5, {61, 5, 1}, {7, 2, 0}, {30, 3, 1}},
    {"2D", CL_MEM_OBJECT_IMAGE2D, 61, 37, 0, 0, {61, 37, 1}, {7, 5, 0}, {30, 20, 1}},
    {"2D array", CL_MEM_OBJECT_IMAGE2D_ARRAY, 61, 37, 0, 4, {61, 37, 4}, {7, 5, 1}, {30, 20, 2}},
    {"3D", CL_MEM_OBJECT_IMAGE3D, 61, 37, 6, 0, {61, 37, 6}, {7, 5, 2}, {30, 20, 3}},
};

static void every_type(const struct cl *cl)
{
    const cl_image_format format = {CL_RGBA, CL_UNSIGNED_INT8};
    const size_t zero[3] = {0, 0, 0};
    fill_random(from, sizeof from, 77);
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        const size_t *whole = types[i].whole, *part = types[i].part, *origin = types[i].origin;
        size_t size = whole[0] * whole[1] * whole[2] * 4;
        cl_image_desc desc = shape(types[i].type, types[i].width, types[i].height, types[i].depth, types[i].layers);
        cl_mem image = create(cl, format, desc, CL_MEM_COPY_HOST_PTR, from);
        describe(types[i].name, image);
        memset(to, 0, sizeof to);
        CHECK(clEnqueueReadImage(cl->queue, image, CL_TRUE, zero, whole, 0, 0, to, 0, NULL, NULL));
        EXPECT(memcmp(from, to, size) == 0);

        /* A part, from memory whose rows and slices are longer. */
        size_t row = part[0] * 4 + 12, slice = types[i].type == CL_MEM_OBJECT_IMAGE1D_ARRAY ? row : row * (part[1] + 2);
        int slices = types[i].type != CL_MEM_OBJECT_IMAGE1D && types[i].type != CL_MEM_OBJECT_IMAGE2D;
        CHECK(clEnqueueWriteImage(cl->queue, image, CL_FALSE, origin, part, row, slices ? slice : 0, from + 1000, 0,
                                  NULL, NULL));
        CHECK(clEnqueueReadImage(cl->queue, image, CL_TRUE, zero, whole, 0, 0, to, 0, NULL, NULL));
        show("  written part", to, size);
        memset(to, 0x11, sizeof to);
        CHECK(clEnqueueReadImage(cl->queue, image, CL_TRUE, origin, part, row, slices ? slice : 0, to, 0, NULL, NULL));
        show("  read part", to, sizeof to);

        const cl_uint color[4] = {1, 20, 30, 255};
        cl_mem other = create(cl, format, desc, 0, NULL);
        CHECK(clEnqueueFillImage(cl->queue, other, color, zero, whole, 0, NULL, NULL));
        CHECK(clEnqueueCopyImage(cl->queue, image, other, origin, zero, part, 0, NULL, NULL));
        CHECK(clEnqueueReadImage(cl->queue, other, CL_TRUE, zero, whole, 0, 0, to, 0, NULL, NULL));
        show("  filled and copied", to, size);

        cl_mem buffer = new_buffer(cl, 0, sizeof to, NULL);
        unsigned char nothing = 0;
        CHECK(clEnqueueFillBuffer(cl->queue, buffer, &nothing, 1, 0, sizeof to, 0, NULL, NULL));
        CHECK(clEnqueueCopyImageToBuffer(cl->queue, other, buffer, origin, part, 256, 0, NULL, NULL));
        CHECK(clEnqueueCopyBufferToImage(cl->queue, buffer, image, 256, zero, part, 0, NULL, NULL));
        CHECK(clEnqueueReadBuffer(cl->queue, buffer, CL_TRUE, 0, sizeof to, to, 0, NULL, NULL));
        show("  to buffer", to, sizeof to);
        CHECK(clEnqueueReadImage(cl->queue, image, CL_TRUE, zero, whole, 0, 0, to, 0, NULL, NULL));
        show("  from buffer", to, size);

        /* Mapped: the pitches are the driver's, the pixels are not. */
        size_t map_row, map_slice;
        cl_int code;
        unsigned char *pointer = clEnqueueMapImage(cl->queue, image, CL_TRUE, CL_MAP_READ, origin, part, &map_row,
                                                   &map_slice, 0, NULL, NULL, &code);
        CREATED(code);
        uint64_t sum = 0;
        for (size_t z = 0; z < part[2]; z++)
            for (size_t y = 0; y < part[1]; y++) {
                size_t step = types[i].type == CL_MEM_OBJECT_IMAGE1D_ARRAY ? map_slice : map_row;
                sum = sum * 31 + checksum(pointer + z * map_slice + y * step, part[0] * 4);
            }
        printf("  mapped: %016llx\n", (unsigned long long)sum);
        CHECK(clEnqueueUnmapMemObject(cl->queue, image, pointer, 0, NULL, NULL));
        CHECK(clReleaseMemObject(buffer));
        CHECK(clReleaseMemObject(other));
        CHECK(clReleaseMemObject(image));
    }
}

static void formats(const struct cl *cl)
{
    static const cl_mem_object_type kinds[] = {CL_MEM_OBJECT_IMAGE1D,       CL_MEM_OBJECT_IMAGE1D_BUFFER,
                                               CL_MEM_OBJECT_IMAGE1D_ARRAY, CL_MEM_OBJECT_IMAGE2D,
                                               CL_MEM_OBJECT_IMAGE2D_ARRAY, CL_MEM_OBJECT_IMAGE3D};
    for (int i = 0; i < 6; i++) {
        cl_image_format formats[256];
        cl_uint count = 0;
        CHECK(clGetSupportedImageFormats(cl->context, CL_MEM_READ_WRITE, kinds[i], 256, formats, &count));
        printf("0x%x: %u formats:", kinds[i], count);
        for (cl_uint k = 0; k < count; k++)
            printf(" %x/%x", formats[k].image_channel_order, formats[k].image_channel_data_type);
        printf("\n");
    }
    /* Every format that exists in 2D keeps its pixels. */
    cl_image_format formats[256];
    cl_uint count = 0;
    const size_t zero[3] = {0, 0, 0}, whole[3] = {19, 11, 1};
    CHECK(clGetSupportedImageFormats(cl->context, CL_MEM_READ_WRITE, CL_MEM_OBJECT_IMAGE2D, 256, formats, &count));
    for (cl_uint k = 0; k < count; k++) {
        cl_mem image = create(cl, formats[k], shape(CL_MEM_OBJECT_IMAGE2D, 19, 11, 0, 0), 0, NULL);
        size_t element;
        CHECK(clGetImageInfo(image, CL_IMAGE_ELEMENT_SIZE, sizeof element, &element, NULL));
        CHECK(clEnqueueWriteImage(cl->queue, image, CL_TRUE, zero, whole, 0, 0, from, 0, NULL, NULL));
        memset(to, 0, 19 * 11 * element);
        CHECK(clEnqueueReadImage(cl->queue, image, CL_TRUE, zero, whole, 0, 0, to, 0, NULL, NULL));
        EXPECT(memcmp(from, to, 19 * 11 * element) == 0);
        CHECK(clReleaseMemObject(image));
    }
    printf("%u formats keep their pixels\n", count);
}

static const char *source =
    "kernel void sample(read_only image2d_t in, sampler_t s, global float4 *out, float scale)\n"
    "{ int2 p = (int2)(get_global_id(0), get_global_id(1));\n"
    "  out[p.y * get_global_size(0) + p.x] = read_imagef(in, s, convert_float2(p) * scale); }\n"
    "kernel void invert(read_only image2d_t in, write_only image2d_t out)\n"
    "{ int2 p = (int2)(get_global_id(0), get_global_id(1));\n"
    "  const sampler_t s = CLK_NORMALIZED_COORDS_FALSE | CLK_ADDRESS_CLAMP | CLK_FILTER_NEAREST;\n"
    "  write_imageui(out, p, (uint4)(255) - read_imageui(in, s, p)); }\n"
    "kernel void pull(read_only image1d_buffer_t in, global uint4 *out)\n"
    "{ out[get_global_id(0)] = read_imageui(in, (int)get_global_id(0)); }\n"
    "kernel void volume(read_only image3d_t in, global uint4 *out)\n"
    "{ int4 p = (int4)(get_global_id(0), get_global_id(1), get_global_id(2), 0);\n"
    "  const sampler_t s = CLK_NORMALIZED_COORDS_FALSE | CLK_ADDRESS_CLAMP_TO_EDGE | CLK_FILTER_NEAREST;\n"
    "  out[(p.z * get_global_size(1) + p.y) * get_global_size(0) + p.x] = read_imageui(in, s, p); }\n";

static void in_kernels(const struct cl *cl)
{
    cl_program program = build(cl, source, "");
    cl_kernel sample = new_kernel(program, "sample"), invert = new_kernel(program, "invert");
    cl_kernel pull = new_kernel(program, "pull"), volume = new_kernel(program, "volume");
    const cl_image_format floats = {CL_RGBA, CL_FLOAT}, bytes = {CL_RGBA, CL_UNSIGNED_INT8};
    const size_t zero[3] = {0, 0, 0}, whole[3] = {16, 16, 1};
    size_t global[3] = {16, 16, 4};
    float texels[16 * 16 * 4];
    for (int i = 0; i < 16 * 16 * 4; i++)
        texels[i] = (float)(i % 97) / 8;
    cl_mem image = create(cl, floats, shape(CL_MEM_OBJECT_IMAGE2D, 16, 16, 0, 0),
                          CL_MEM_READ_ONLY | CL_MEM_COPY_HOST_PTR, texels);
    cl_mem out = new_buffer(cl, CL_MEM_READ_WRITE, sizeof to, NULL);
    static const cl_addressing_mode modes[] = {CL_ADDRESS_NONE, CL_ADDRESS_CLAMP_TO_EDGE, CL_ADDRESS_CLAMP,
                                               CL_ADDRESS_REPEAT};
    for (int i = 0; i < 4; i++)
        for (int linear = 0; linear < 2; linear++) {
            cl_int code;
            cl_bool normalized = modes[i] == CL_ADDRESS_REPEAT;
            float scale = modes[i] == CL_ADDRESS_NONE ? 0.75f : normalized ? 0.11f : 1.25f;
            cl_sampler sampler =
                clCreateSampler(cl->context, normalized, modes[i], linear ? CL_FILTER_LINEAR : CL_FILTER_NEAREST, &code);
            CREATED(code);
            CHECK(clSetKernelArg(sample, 0, sizeof image, &image));
            CHECK(clSetKernelArg(sample, 1, sizeof sampler, &sampler));
            CHECK(clSetKernelArg(sample, 2, sizeof out, &out));
            CHECK(clSetKernelArg(sample, 3, sizeof scale, &scale));
            CHECK(clEnqueueNDRangeKernel(cl->queue, sample, 2, NULL, global, NULL, 0, NULL, NULL));
            CHECK(clEnqueueReadBuffer(cl->queue, out, CL_TRUE, 0, sizeof texels, to, 0, NULL, NULL));
            printf("mode 0x%x, %s: %016llx\n", modes[i], linear ? "linear" : "nearest",
                   (unsigned long long)checksum(to, sizeof texels));
            CHECK(clReleaseSampler(sampler));
        }
    cl_image_desc flat = shape(CL_MEM_OBJECT_IMAGE2D, 16, 16, 0, 0);
    cl_mem a = create(cl, bytes, flat, CL_MEM_READ_ONLY | CL_MEM_COPY_HOST_PTR, from);
    cl_mem b = create(cl, bytes, flat, CL_MEM_WRITE_ONLY, NULL);
    CHECK(clSetKernelArg(invert, 0, sizeof a, &a));
    CHECK(clSetKernelArg(invert, 1, sizeof b, &b));
    CHECK(clEnqueueNDRangeKernel(cl->queue, invert, 2, NULL, global, NULL, 0, NULL, NULL));
    CHECK(clEnqueueReadImage(cl->queue, b, CL_TRUE, zero, whole, 0, 0, to, 0, NULL, NULL));
    for (int i = 0; i < 16 * 16 * 4; i++)
        EXPECT(to[i] == 255 - from[i]);
    show("inverted", to, 16 * 16 * 4);

    cl_mem store = new_buffer(cl, CL_MEM_COPY_HOST_PTR, 4096, from);
    cl_image_desc line = shape(CL_MEM_OBJECT_IMAGE1D_BUFFER, 256, 0, 0, 0);
    line.buffer = store;
    cl_mem view = create(cl, bytes, line, CL_MEM_READ_ONLY, NULL), back;
    CHECK(clGetMemObjectInfo(view, CL_MEM_ASSOCIATED_MEMOBJECT, sizeof back, &back, NULL));
    EXPECT(back == store);
    describe("1D buffer", view);
    size_t pixels = 256;
    CHECK(clSetKernelArg(pull, 0, sizeof view, &view));
    CHECK(clSetKernelArg(pull, 1, sizeof out, &out));
    CHECK(clEnqueueNDRangeKernel(cl->queue, pull, 1, NULL, &pixels, NULL, 0, NULL, NULL));
    CHECK(clEnqueueReadBuffer(cl->queue, out, CL_TRUE, 0, 256 * 16, to, 0, NULL, NULL));
    show("1D buffer", to, 256 * 16);

    cl_mem deep = create(cl, bytes, shape(CL_MEM_OBJECT_IMAGE3D, 16, 16, 4, 0), CL_MEM_COPY_HOST_PTR, from);
    CHECK(clSetKernelArg(volume, 0, sizeof deep, &deep));
    CHECK(clSetKernelArg(volume, 1, sizeof out, &out));
    CHECK(clEnqueueNDRangeKernel(cl->queue, volume, 3, NULL, global, NULL, 0, NULL, NULL));
    CHECK(clEnqueueReadBuffer(cl->queue, out, CL_TRUE, 0, 1024 * 16, to, 0, NULL, NULL));
    show("3D", to, 1024 * 16);

    cl_mem mems[] = {image, out, a, b, view, store, deep};
    for (int i = 0; i < 7; i++)
        CHECK(clReleaseMemObject(mems[i]));
    cl_kernel kernels[] = {sample, invert, pull, volume};
    for (int i = 0; i < 4; i++)
        CHECK(clReleaseKernel(kernels[i]));
    CHECK(clReleaseProgram(program));
}

/* The calls of OpenCL 1.1. */
static void old_calls(const struct cl *cl)
{
    const cl_image_format format = {CL_BGRA, CL_UNORM_INT8};
    cl_int code;
    cl_mem flat = clCreateImage2D(cl->context, CL_MEM_COPY_HOST_PTR, &format, 20, 10, 96, from, &code);
    CREATED(code);
    cl_mem deep = clCreateImage3D(cl->context, CL_MEM_COPY_HOST_PTR, &format, 8, 4, 3, 0, 0, from, &code);
    CREATED(code);
    const size_t zero[3] = {0, 0, 0}, area[3] = {20, 10, 1}, volume[3] = {8, 4, 3};
    CHECK(clEnqueueReadImage(cl->queue, flat, CL_TRUE, zero, area, 0, 0, to, 0, NULL, NULL));
    show("clCreateImage2D", to, 800);
    CHECK(clEnqueueReadImage(cl->queue, deep, CL_TRUE, zero, volume, 0, 0, to, 0, NULL, NULL));
    show("clCreateImage3D", to, 384);
    CHECK(clReleaseMemObject(flat));
    CHECK(clReleaseMemObject(deep));
}

int main(void)
{
    struct cl cl = start(0);
    every_type(&cl);
    formats(&cl);
    in_kernels(&cl);
    old_calls(&cl);
    stop(&cl);
    return 0;
}
