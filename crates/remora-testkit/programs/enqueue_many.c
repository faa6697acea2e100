/* 100,000 commands enqueued without waiting for any; a clFinish at the end. */
#include "common.h"

int main(int argc, char **argv)
{
    int commands = argc > 1 ? atoi(argv[1]) : 100000;
    struct cl cl = start(0);
    cl_program program = build(&cl, "kernel void add(global uint *x, uint n) { *x = *x * 5 + n; }", "");
    cl_kernel kernel = new_kernel(program, "add");
    cl_uint value = 1, expected = 1, got = 0;
    size_t one = 1;
    cl_mem buffer = new_buffer(&cl, CL_MEM_COPY_HOST_PTR, sizeof value, &value);
    CHECK(clSetKernelArg(kernel, 0, sizeof buffer, &buffer));
    for (int i = 0; i < commands; i++) {
        cl_uint n = (cl_uint)i % 1000;
        CHECK(clSetKernelArg(kernel, 1, sizeof n, &n));
        CHECK(clEnqueueNDRangeKernel(cl.queue, kernel, 1, NULL, &one, NULL, 0, NULL, NULL));
        expected = expected * 5 + n;
    }
    CHECK(clFinish(cl.queue));
    CHECK(clEnqueueReadBuffer(cl.queue, buffer, CL_TRUE, 0, sizeof got, &got, 0, NULL, NULL));
    EXPECT(got == expected);
    printf("%d commands, %u\n", commands, got);
    CHECK(clReleaseMemObject(buffer));
    CHECK(clReleaseKernel(kernel));
    CHECK(clReleaseProgram(program));
    stop(&cl);
    return 0;
}
