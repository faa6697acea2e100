/* 10,000 commands enqueued behind a user event, which nothing else holds back; then the event is set. */
#include "common.h"

enum { COMMANDS = 10000 };

int main(void)
{
    struct cl cl = start(0);
    const char *source = "kernel void add(global int *x, int n) { *x = *x * 3 + n; }";
    cl_program program = build(&cl, source, "");
    cl_kernel kernel = new_kernel(program, "add");
    cl_event gate = new_user_event(&cl), last;
    cl_uint value = 1, expected = 1, got = 0;
    size_t one = 1;
    cl_mem buffer = new_buffer(&cl, CL_MEM_COPY_HOST_PTR, sizeof value, &value);
    CHECK(clSetKernelArg(kernel, 0, sizeof buffer, &buffer));
    for (cl_int i = 0; i < COMMANDS; i++) {
        CHECK(clSetKernelArg(kernel, 1, sizeof i, &i));
        CHECK(clEnqueueNDRangeKernel(cl.queue, kernel, 1, NULL, &one, NULL, i == 0, i == 0 ? &gate : NULL,
                                     i == COMMANDS - 1 ? &last : NULL));
        expected = expected * 3 + (cl_uint)i;
    }
    CHECK(clFlush(cl.queue));
    EXPECT(event_status(last) > CL_RUNNING);
    CHECK(clSetUserEventStatus(gate, CL_COMPLETE));
    CHECK(clWaitForEvents(1, &last));
    CHECK(clEnqueueReadBuffer(cl.queue, buffer, CL_TRUE, 0, sizeof got, &got, 0, NULL, NULL));
    EXPECT(got == expected);
    printf("%d commands, %u\n", COMMANDS, got);
    CHECK(clReleaseEvent(gate));
    CHECK(clReleaseEvent(last));
    CHECK(clReleaseMemObject(buffer));
    CHECK(clReleaseKernel(kernel));
    CHECK(clReleaseProgram(program));
    stop(&cl);
    return 0;
}
