/*
 * 10,000 commands enqueued behind a user event, which nothing else holds back; then the event is set. And writes, which take
 * what is in the program's memory when it is their turn, however they come to wait for the event.
 */
#include "common.h"

enum { COMMANDS = 10000 };

/* The write at the end of a way from the event to it. `way` is one of those in `writes`. */
static int written_behind(const struct cl *cl, cl_command_queue other, cl_mem buffer, int way)
{
    static int value;
    int got;
    cl_event gate = new_user_event(cl), marker, again, written;
    cl_command_queue first = way == 2 || way == 3 ? other : cl->queue;
    value = 1;
    CHECK(clEnqueueMarkerWithWaitList(first, 1, &gate, &marker));
    CHECK(clEnqueueMarkerWithWaitList(first, way == 1 ? 0 : 1, way == 1 ? NULL : &marker, &again));
    CHECK(clFlush(first));
    const cl_event *wait = way == 0 ? &gate : way == 1 ? NULL : way == 2 ? &marker : &again;
    if (way == 5)
        CHECK(clEnqueueBarrierWithWaitList(cl->queue, 1, &again, NULL));
    CHECK(clEnqueueWriteBuffer(cl->queue, buffer, CL_FALSE, 0, sizeof value, &value, way == 5 ? 0 : wait != NULL,
                               way == 5 ? NULL : wait, &written));
    value = 2;
    CHECK(clSetUserEventStatus(gate, CL_COMPLETE));
    CHECK(clWaitForEvents(1, &written));
    CHECK(clEnqueueReadBuffer(cl->queue, buffer, CL_TRUE, 0, sizeof got, &got, 0, NULL, NULL));
    CHECK(clReleaseEvent(gate));
    CHECK(clReleaseEvent(marker));
    CHECK(clReleaseEvent(again));
    CHECK(clReleaseEvent(written));
    return got;
}

static void writes(const struct cl *cl)
{
    static const char *ways[] = {"directly", "in order", "another queue's marker", "the marker behind that", "a marker's",
                                 "a barrier"};
    cl_command_queue other = new_queue(cl, 0);
    cl_mem buffer = new_buffer(cl, 0, 4096, NULL);
    for (int way = 0; way < 6; way++)
        printf("%s: %d\n", ways[way], written_behind(cl, other, buffer, way));
    CHECK(clReleaseMemObject(buffer));
    sleep_ms(5);
    CHECK(clReleaseCommandQueue(other));
}

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
    writes(&cl);
    stop(&cl);
    return 0;
}
