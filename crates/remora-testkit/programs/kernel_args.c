/* Kernel arguments: values of every size, local memory, samplers, NULL memory, and the codes for wrong ones. */
#include "common.h"

static const char *source =
    "typedef struct { char a; double b; short c; int d[5]; } mixed;\n"
    "typedef struct { uchar bytes[777]; } big;\n"
    "kernel void values(char c, ushort s, int i, long l, float f, double d, char2 c2, float4 f4, ulong8 l8,\n"
    "                   double16 d16, mixed m, global double *out)\n"
    "{ out[0] = c; out[1] = s; out[2] = i; out[3] = l; out[4] = f; out[5] = d; out[6] = c2.x * 1000 + c2.y;\n"
    "  out[7] = f4.x + f4.w; out[8] = l8.s0 + l8.s7; out[9] = d16.s0 * d16.sf;\n"
    "  out[10] = m.a; out[11] = m.b; out[12] = m.c; out[13] = m.d[4]; }\n"
    "kernel void large(big b, global uint *out)\n"
    "{ uint sum = 0; for (int i = 0; i < 777; i++) sum = sum * 31 + b.bytes[i]; *out = sum; }\n"
    "kernel void shared(local int *a, local float *b, global int *out)\n"
    "{ size_t i = get_local_id(0), n = get_local_size(0);\n"
    "  a[i] = (int)get_global_id(0); b[i] = 0.5f * i; barrier(CLK_LOCAL_MEM_FENCE);\n"
    "  out[get_global_id(0)] = a[n - 1 - i] + (int)(b[n - 1] * 2); }\n"
    "kernel void untouched(local int *a, global int *out) { *out = 7; }\n"
    "kernel void nothing(global int *maybe, constant int *table, global int *out)\n"
    "{ *out = (maybe ? 1 : 2) + (table ? 10 : 20); }\n"
    "kernel void pick(read_only image2d_t image, sampler_t sampler, global float4 *out)\n"
    "{ *out = read_imagef(image, sampler, (float2)(0.5f, 0.5f)); }\n"
    "kernel void counter(global int *x, int n) { x[get_global_id(0)] = n; }\n";

static void values(const struct cl *cl, cl_program program)
{
    struct {
        cl_char a;
        cl_double b;
        cl_short c;
        cl_int d[5];
    } mixed;
    memset(&mixed, 0, sizeof mixed);
    mixed.a = -7;
    mixed.b = 2.5;
    mixed.c = -300;
    mixed.d[4] = 123456;
    cl_char c = -100;
    cl_ushort s = 65000;
    cl_int i = -2000000000;
    cl_long l = -4000000000000;
    cl_float f = 1.25f;
    cl_double d = -0.1;
    cl_char2 c2 = {{3, -4}};
    cl_float4 f4 = {{1, 2, 3, 4}};
    cl_ulong8 l8 = {{1000000000000, 0, 0, 0, 0, 0, 0, 7}};
    cl_double16 d16 = {{3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9}};
    double out[14];
    cl_mem buffer = new_buffer(cl, CL_MEM_WRITE_ONLY, sizeof out, NULL);
    cl_kernel kernel = new_kernel(program, "values");
    const struct {
        size_t size;
        const void *value;
    } args[] = {{sizeof c, &c},   {sizeof s, &s},   {sizeof i, &i},     {sizeof l, &l},         {sizeof f, &f},
                {sizeof d, &d},   {sizeof c2, &c2}, {sizeof f4, &f4},   {sizeof l8, &l8},       {sizeof d16, &d16},
                {sizeof mixed, &mixed}, {sizeof buffer, &buffer}};
    for (cl_uint n = 0; n < 12; n++)
        CHECK(clSetKernelArg(kernel, n, args[n].size, args[n].value));
    size_t one = 1;
    CHECK(clEnqueueNDRangeKernel(cl->queue, kernel, 1, NULL, &one, NULL, 0, NULL, NULL));
    CHECK(clEnqueueReadBuffer(cl->queue, buffer, CL_TRUE, 0, sizeof out, out, 0, NULL, NULL));
    for (int n = 0; n < 14; n++)
        printf("value %d: %.9g\n", n, out[n]);
    CHECK(clReleaseKernel(kernel));
    CHECK(clReleaseMemObject(buffer));
}

static void large_value(const struct cl *cl, cl_program program)
{
    unsigned char bytes[777];
    cl_uint out;
    size_t one = 1;
    fill_random(bytes, sizeof bytes, 4);
    cl_mem buffer = new_buffer(cl, CL_MEM_WRITE_ONLY, sizeof out, NULL);
    cl_kernel kernel = new_kernel(program, "large");
    CHECK(clSetKernelArg(kernel, 0, sizeof bytes, bytes));
    /* The value was taken at the call. */
    memset(bytes, 0, sizeof bytes);
    CHECK(clSetKernelArg(kernel, 1, sizeof buffer, &buffer));
    CHECK(clEnqueueNDRangeKernel(cl->queue, kernel, 1, NULL, &one, NULL, 0, NULL, NULL));
    CHECK(clEnqueueReadBuffer(cl->queue, buffer, CL_TRUE, 0, sizeof out, &out, 0, NULL, NULL));
    printf("777 bytes: %u\n", out);
    CHECK(clReleaseKernel(kernel));
    CHECK(clReleaseMemObject(buffer));
}

static void local_memory(const struct cl *cl, cl_program program)
{
    cl_int out[64];
    size_t global = 64, local = 16;
    cl_mem buffer = new_buffer(cl, CL_MEM_WRITE_ONLY, sizeof out, NULL);
    cl_kernel kernel = new_kernel(program, "shared");
    CHECK(clSetKernelArg(kernel, 0, 16 * sizeof(cl_int), NULL));
    CHECK(clSetKernelArg(kernel, 1, 16 * sizeof(cl_float), NULL));
    CHECK(clSetKernelArg(kernel, 2, sizeof buffer, &buffer));
    CHECK(clEnqueueNDRangeKernel(cl->queue, kernel, 1, NULL, &global, &local, 0, NULL, NULL));
    CHECK(clEnqueueReadBuffer(cl->queue, buffer, CL_TRUE, 0, sizeof out, out, 0, NULL, NULL));
    printf("local memory: %d %d %d %d\n", out[0], out[15], out[16], out[63]);
    CHECK(clReleaseKernel(kernel));
    CHECK(clReleaseMemObject(buffer));
}

static void null_memory(const struct cl *cl, cl_program program)
{
    cl_int out = 0;
    size_t one = 1;
    cl_mem buffer = new_buffer(cl, CL_MEM_WRITE_ONLY, sizeof out, NULL), none = NULL;
    cl_kernel kernel = new_kernel(program, "nothing");
    CHECK(clSetKernelArg(kernel, 0, sizeof none, &none));
    CHECK(clSetKernelArg(kernel, 1, sizeof none, NULL));
    CHECK(clSetKernelArg(kernel, 2, sizeof buffer, &buffer));
    CHECK(clEnqueueNDRangeKernel(cl->queue, kernel, 1, NULL, &one, NULL, 0, NULL, NULL));
    CHECK(clEnqueueReadBuffer(cl->queue, buffer, CL_TRUE, 0, sizeof out, &out, 0, NULL, NULL));
    printf("NULL memory: %d\n", out);
    CHECK(clSetKernelArg(kernel, 0, sizeof buffer, &buffer));
    CHECK(clEnqueueNDRangeKernel(cl->queue, kernel, 1, NULL, &one, NULL, 0, NULL, NULL));
    CHECK(clEnqueueReadBuffer(cl->queue, buffer, CL_TRUE, 0, sizeof out, &out, 0, NULL, NULL));
    printf("memory again: %d\n", out);
    CHECK(clReleaseKernel(kernel));
    CHECK(clReleaseMemObject(buffer));
}

static void samplers(const struct cl *cl, cl_program program)
{
    const cl_image_format format = {CL_RGBA, CL_FLOAT};
    float texels[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}, out[4];
    cl_int code;
    size_t one = 1;
    cl_image_desc desc = {0};
    desc.image_type = CL_MEM_OBJECT_IMAGE2D;
    desc.image_width = desc.image_height = 2;
    cl_mem image = clCreateImage(cl->context, CL_MEM_COPY_HOST_PTR, &format, &desc, texels, &code);
    CREATED(code);
    cl_mem buffer = new_buffer(cl, CL_MEM_WRITE_ONLY, sizeof out, NULL);
    cl_kernel kernel = new_kernel(program, "pick");
    for (int linear = 0; linear < 2; linear++) {
        cl_sampler sampler = clCreateSampler(cl->context, CL_TRUE, CL_ADDRESS_CLAMP_TO_EDGE,
                                             linear ? CL_FILTER_LINEAR : CL_FILTER_NEAREST, &code);
        CREATED(code);
        CHECK(clSetKernelArg(kernel, 0, sizeof image, &image));
        CHECK(clSetKernelArg(kernel, 1, sizeof sampler, &sampler));
        CHECK(clSetKernelArg(kernel, 2, sizeof buffer, &buffer));
        CHECK(clEnqueueNDRangeKernel(cl->queue, kernel, 1, NULL, &one, NULL, 0, NULL, NULL));
        CHECK(clEnqueueReadBuffer(cl->queue, buffer, CL_TRUE, 0, sizeof out, out, 0, NULL, NULL));
        printf("%s: %g %g %g %g\n", linear ? "linear" : "nearest", out[0], out[1], out[2], out[3]);
        CHECK(clReleaseSampler(sampler));
    }
    CHECK(clReleaseKernel(kernel));
    CHECK(clReleaseMemObject(buffer));
    CHECK(clReleaseMemObject(image));
}

/* Each launch has the arguments of its own time, also when it runs much later. */
static void each_launch_its_own(const struct cl *cl, cl_program program)
{
    enum { LAUNCHES = 200 };
    cl_event gate = new_user_event(cl);
    cl_kernel kernel = new_kernel(program, "counter");
    cl_mem buffer = new_buffer(cl, 0, LAUNCHES * sizeof(cl_int), NULL);
    cl_int out[LAUNCHES];
    CHECK(clSetKernelArg(kernel, 0, sizeof buffer, &buffer));
    for (cl_int i = 0; i < LAUNCHES; i++) {
        size_t offset = (size_t)i, one = 1;
        cl_int value = i * i;
        CHECK(clSetKernelArg(kernel, 1, sizeof value, &value));
        CHECK(clEnqueueNDRangeKernel(cl->queue, kernel, 1, &offset, &one, NULL, i == 0, i == 0 ? &gate : NULL, NULL));
    }
    CHECK(clSetUserEventStatus(gate, CL_COMPLETE));
    CHECK(clEnqueueReadBuffer(cl->queue, buffer, CL_TRUE, 0, sizeof out, out, 0, NULL, NULL));
    for (cl_int i = 0; i < LAUNCHES; i++)
        EXPECT(out[i] == i * i);
    printf("%d launches with their own arguments\n", LAUNCHES);
    CHECK(clReleaseEvent(gate));
    CHECK(clReleaseKernel(kernel));
    CHECK(clReleaseMemObject(buffer));
}

/* Wrong before OpenCL 3.1, and right since. */
static void no_local_memory(const struct cl *cl, cl_program program)
{
    cl_kernel kernel = new_kernel(program, "untouched");
    cl_int code = clSetKernelArg(kernel, 0, 0, NULL), out = 0;
    printf("local memory of 0: %s\n", code_name(code));
    if (code == CL_SUCCESS) {
        size_t one = 1;
        cl_mem buffer = new_buffer(cl, 0, sizeof out, NULL);
        CHECK(clSetKernelArg(kernel, 1, sizeof buffer, &buffer));
        CHECK(clEnqueueNDRangeKernel(cl->queue, kernel, 1, NULL, &one, NULL, 0, NULL, NULL));
        CHECK(clEnqueueReadBuffer(cl->queue, buffer, CL_TRUE, 0, sizeof out, &out, 0, NULL, NULL));
        CHECK(clReleaseMemObject(buffer));
        printf("without it: %d\n", out);
    }
    CHECK(clReleaseKernel(kernel));
}

static void wrong_ones(const struct cl *cl, cl_program program)
{
    cl_kernel kernel = new_kernel(program, "values"), shared = new_kernel(program, "shared");
    cl_kernel counter = new_kernel(program, "counter"), pick = new_kernel(program, "pick");
    cl_int number = 1;
    size_t one = 1;
    cl_mem buffer = new_buffer(cl, 0, 64, NULL);
    printf("index 12: %s\n", code_name(clSetKernelArg(kernel, 12, sizeof number, &number)));
    printf("size of an int: %s\n", code_name(clSetKernelArg(kernel, 2, 2, &number)));
    printf("size of a double: %s\n", code_name(clSetKernelArg(kernel, 5, 4, &number)));
    printf("size 0: %s\n", code_name(clSetKernelArg(kernel, 2, 0, &number)));
    printf("no value: %s\n", code_name(clSetKernelArg(kernel, 2, sizeof number, NULL)));
    printf("size of a buffer: %s\n", code_name(clSetKernelArg(kernel, 11, 4, &buffer)));
    printf("value for local memory: %s\n", code_name(clSetKernelArg(shared, 0, sizeof number, &number)));
    printf("size of a sampler: %s\n", code_name(clSetKernelArg(pick, 1, 4, &number)));
    printf("no kernel: %s\n", code_name(clSetKernelArg(NULL, 0, sizeof number, &number)));
    CHECK(clSetKernelArg(counter, 0, sizeof buffer, &buffer));
    printf("an argument missing: %s\n",
           code_name(clEnqueueNDRangeKernel(cl->queue, counter, 1, NULL, &one, NULL, 0, NULL, NULL)));
    CHECK(clSetKernelArg(counter, 1, sizeof number, &number));
    CHECK(clEnqueueNDRangeKernel(cl->queue, counter, 1, NULL, &one, NULL, 0, NULL, NULL));
    CHECK(clFinish(cl->queue));
    CHECK(clReleaseMemObject(buffer));
    CHECK(clReleaseKernel(kernel));
    CHECK(clReleaseKernel(shared));
    CHECK(clReleaseKernel(counter));
    CHECK(clReleaseKernel(pick));
}

int main(void)
{
    struct cl cl = start(0);
    cl_program program = build(&cl, source, "");
    values(&cl, program);
    large_value(&cl, program);
    local_memory(&cl, program);
    null_memory(&cl, program);
    samplers(&cl, program);
    each_launch_its_own(&cl, program);
    no_local_memory(&cl, program);
    wrong_ones(&cl, program);
    CHECK(clReleaseProgram(program));
    stop(&cl);
    return 0;
}
