/* A program that leaks everything and exits: with commands under way, behind an event that nobody sets. */
#include "common.h"

static char host[1 << 16];

int main(int argc, char **argv)
{
    struct cl cl = start(CL_QUEUE_PROFILING_ENABLE);
    cl_int code;
    cl_program program = build(&cl, "kernel void spin(global int *x) { for (int i = 0; i < 1000; i++) x[i % 16] += i; }", "");
    for (int i = 0; i < 100; i++) {
        cl_kernel kernel = new_kernel(program, "spin");
        cl_mem buffer = new_buffer(&cl, i % 2 ? CL_MEM_ALLOC_HOST_PTR : 0, 1 << 16, NULL);
        size_t one = 1;
        cl_event event;
        CHECK(clSetKernelArg(kernel, 0, sizeof buffer, &buffer));
        CHECK(clEnqueueNDRangeKernel(cl.queue, kernel, 1, NULL, &one, NULL, 0, NULL, &event));
        CHECK(clEnqueueReadBuffer(cl.queue, buffer, CL_FALSE, 0, sizeof host, host, 0, NULL, NULL));
        clCreateSampler(cl.context, CL_FALSE, CL_ADDRESS_CLAMP, CL_FILTER_NEAREST, &code);
        CREATED(code);
        if (i % 10 == 0) {
            CHECK(clRetainContext(cl.context));
            clEnqueueMapBuffer(cl.queue, buffer, CL_TRUE, CL_MAP_WRITE, 0, 4096, 0, NULL, NULL, &code);
            CREATED(code);
        }
    }
    CHECK(clFinish(cl.queue));
    if (argc > 1 && strcmp(argv[1], "pending") == 0) {
        cl_event gate = new_user_event(&cl);
        cl_command_queue other = new_queue(&cl, CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE);
        cl_mem buffer = new_buffer(&cl, 0, sizeof host, NULL);
        for (int i = 0; i < 100; i++)
            CHECK(clEnqueueWriteBuffer(other, buffer, CL_FALSE, 0, sizeof host, host, 1, &gate, NULL));
        CHECK(clFlush(other));
    }
    printf("leaked everything\n");
    return 0;
}
