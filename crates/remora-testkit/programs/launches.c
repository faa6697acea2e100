/* What a driver says of launches by itself: of kernels that want a local size, and of arguments that nobody asked to keep. */
#include "common.h"

static void wanted_size(const struct cl *cl)
{
    cl_program program = build(cl,
                               "__attribute__((reqd_work_group_size(8, 1, 1))) kernel void eight(global int *out) {"
                               " out[get_global_id(0)] = get_local_size(0); }",
                               "");
    cl_kernel kernel = new_kernel(program, "eight");
    cl_mem mem = new_buffer(cl, 0, 4096, NULL);
    CHECK(clSetKernelArg(kernel, 0, sizeof mem, &mem));
    for (size_t global = 16; global < 20; global++) {
        cl_int code = clEnqueueNDRangeKernel(cl->queue, kernel, 1, NULL, &global, NULL, 0, NULL, NULL);
        cl_int end = clFinish(cl->queue);
        printf("%zu by the driver's choice: %s, %s\n", global, code_name(code), code_name(end));
    }
    for (size_t local = 7; local < 10; local++) {
        size_t global = 8 * local;
        cl_int code = clEnqueueNDRangeKernel(cl->queue, kernel, 1, NULL, &global, &local, 0, NULL, NULL);
        cl_int end = clFinish(cl->queue);
        printf("%zu by %zu: %s, %s\n", global, local, code_name(code), code_name(end));
    }
    CHECK(clReleaseMemObject(mem));
    CHECK(clReleaseKernel(kernel));
    CHECK(clReleaseProgram(program));
}

static void argument_info(const struct cl *cl, const char *options)
{
    cl_program program = build(cl, "kernel void some(global const int *restrict pointer, float3 value) { }", options);
    cl_kernel kernel = new_kernel(program, "some");
    char name[64] = "";
    cl_int code = clGetKernelArgInfo(kernel, 1, CL_KERNEL_ARG_NAME, sizeof name, name, NULL);
    printf("with \"%s\": %s, \"%s\"\n", options, code_name(code), name);
    cl_ulong qualifiers = 0;
    code = clGetKernelArgInfo(kernel, 0, CL_KERNEL_ARG_TYPE_QUALIFIER, sizeof qualifiers, &qualifiers, NULL);
    printf("qualifiers: %s, %d\n", code_name(code), (int)qualifiers);
    CHECK(clReleaseKernel(kernel));
    CHECK(clReleaseProgram(program));
}

int main(void)
{
    struct cl cl = start(0);
    wanted_size(&cl);
    argument_info(&cl, "");
    argument_info(&cl, "-cl-kernel-arg-info");
    stop(&cl);
    return 0;
}
