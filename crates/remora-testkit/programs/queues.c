/* Queues and events: order in and out of order, wait lists, markers, barriers, event info and profiling. */
#include "common.h"

static const char *source =
    "kernel void add(global int *x, int n) { x[get_global_id(0)] += n; }\n"
    "kernel void mul(global int *x, int n) { x[get_global_id(0)] *= n; }\n"
    "kernel void sum(global const int *a, global const int *b, global int *out)\n"
    "{ size_t i = get_global_id(0); out[i] = a[i] + b[i]; }\n";

enum { COUNT = 64 };

static cl_kernel add, mul, sum;

static cl_event run(cl_command_queue queue, cl_kernel kernel, cl_mem x, cl_int n, cl_uint waits, const cl_event *wait)
{
    size_t global = COUNT;
    cl_event event;
    CHECK(clSetKernelArg(kernel, 0, sizeof x, &x));
    CHECK(clSetKernelArg(kernel, 1, sizeof n, &n));
    CHECK(clEnqueueNDRangeKernel(queue, kernel, 1, NULL, &global, NULL, waits, wait, &event));
    return event;
}

static int value_at(cl_command_queue queue, cl_mem x, size_t index)
{
    int value;
    CHECK(clEnqueueReadBuffer(queue, x, CL_TRUE, index * sizeof value, sizeof value, &value, 0, NULL, NULL));
    return value;
}

static void in_order(const struct cl *cl)
{
    int zeros[COUNT] = {0};
    cl_mem x = new_buffer(cl, CL_MEM_COPY_HOST_PTR, sizeof zeros, zeros);
    cl_event events[4];
    events[0] = run(cl->queue, add, x, 3, 0, NULL);
    events[1] = run(cl->queue, mul, x, 7, 0, NULL);
    events[2] = run(cl->queue, add, x, -1, 0, NULL);
    events[3] = run(cl->queue, mul, x, 2, 0, NULL);
    printf("in order: %d\n", value_at(cl->queue, x, 5));

    cl_ulong before = 0;
    for (int i = 0; i < 4; i++) {
        cl_ulong queued, submit, begin, end;
        printf("event %d: %s\n", i, status_name(event_status(events[i])));
        CHECK(clGetEventProfilingInfo(events[i], CL_PROFILING_COMMAND_QUEUED, sizeof queued, &queued, NULL));
        CHECK(clGetEventProfilingInfo(events[i], CL_PROFILING_COMMAND_SUBMIT, sizeof submit, &submit, NULL));
        CHECK(clGetEventProfilingInfo(events[i], CL_PROFILING_COMMAND_START, sizeof begin, &begin, NULL));
        CHECK(clGetEventProfilingInfo(events[i], CL_PROFILING_COMMAND_END, sizeof end, &end, NULL));
        EXPECT(queued != 0 && queued <= submit && submit <= begin && begin <= end);
        EXPECT(begin >= before);
        before = end;
        CHECK(clReleaseEvent(events[i]));
    }
    printf("profiling: in order\n");
    CHECK(clReleaseMemObject(x));
}

/* ((0 + 2) * 3) + ((0 + 5) * 4), computed as a diamond. */
static void out_of_order(const struct cl *cl)
{
    cl_command_queue queue = new_queue(cl, CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE);
    cl_mem a = new_buffer(cl, 0, COUNT * 4, NULL);
    cl_mem b = new_buffer(cl, 0, COUNT * 4, NULL);
    cl_mem out = new_buffer(cl, 0, COUNT * 4, NULL);
    cl_event cleared[2], added[2], both[2], summed, marker;
    cl_int zero = 0;
    size_t global = COUNT;
    for (int round = 0; round < 20; round++) {
        CHECK(clEnqueueFillBuffer(queue, a, &zero, 4, 0, COUNT * 4, 0, NULL, &cleared[0]));
        CHECK(clEnqueueFillBuffer(queue, b, &zero, 4, 0, COUNT * 4, 0, NULL, &cleared[1]));
        added[0] = run(queue, add, a, 2, 1, &cleared[0]);
        added[1] = run(queue, add, b, 5, 1, &cleared[1]);
        both[0] = run(queue, mul, a, 3, 1, &added[0]);
        both[1] = run(queue, mul, b, 4, 1, &added[1]);
        CHECK(clSetKernelArg(sum, 0, sizeof a, &a));
        CHECK(clSetKernelArg(sum, 1, sizeof b, &b));
        CHECK(clSetKernelArg(sum, 2, sizeof out, &out));
        CHECK(clEnqueueNDRangeKernel(queue, sum, 1, NULL, &global, NULL, 2, both, &summed));
        CHECK(clEnqueueMarkerWithWaitList(queue, 1, &summed, &marker));
        CHECK(clWaitForEvents(1, &marker));
        EXPECT(event_status(summed) == CL_COMPLETE);
        EXPECT(value_at(queue, out, 9) == 26);
        cl_event all[] = {cleared[0], cleared[1], added[0], added[1], both[0], both[1], summed, marker};
        for (int i = 0; i < 8; i++)
            CHECK(clReleaseEvent(all[i]));
    }
    printf("out of order: %d\n", value_at(queue, out, 63));
    CHECK(clReleaseMemObject(a));
    CHECK(clReleaseMemObject(b));
    CHECK(clReleaseMemObject(out));
    CHECK(clReleaseCommandQueue(queue));
}

/* A barrier orders what has no wait list on an out-of-order queue. */
static void barriers(const struct cl *cl)
{
    cl_command_queue queue = new_queue(cl, CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE);
    cl_mem x = new_buffer(cl, 0, COUNT * 4, NULL);
    cl_int one = 1;
    cl_event event, barrier;
    for (int round = 0; round < 20; round++) {
        CHECK(clEnqueueFillBuffer(queue, x, &one, 4, 0, COUNT * 4, 0, NULL, NULL));
        CHECK(clEnqueueBarrierWithWaitList(queue, 0, NULL, NULL));
        CHECK(clReleaseEvent(run(queue, add, x, 4, 0, NULL)));
        CHECK(clEnqueueBarrier(queue));
        event = run(queue, mul, x, 6, 0, NULL);
        CHECK(clEnqueueBarrierWithWaitList(queue, 1, &event, &barrier));
        CHECK(clReleaseEvent(run(queue, add, x, 3, 0, NULL)));
        CHECK(clFinish(queue));
        EXPECT(event_status(barrier) == CL_COMPLETE);
        EXPECT(value_at(queue, x, 0) == 33);
        CHECK(clReleaseEvent(event));
        CHECK(clReleaseEvent(barrier));
    }
    printf("barriers: %d\n", value_at(queue, x, 1));
    CHECK(clReleaseMemObject(x));
    CHECK(clReleaseCommandQueue(queue));
}

/* Commands on one queue that wait for events of another one. */
static void across_queues(const struct cl *cl)
{
    cl_command_queue other = new_queue(cl, 0);
    cl_int zero = 0;
    cl_mem x = new_buffer(cl, 0, COUNT * 4, NULL);
    CHECK(clEnqueueFillBuffer(cl->queue, x, &zero, 4, 0, COUNT * 4, 0, NULL, NULL));
    CHECK(clFinish(cl->queue));
    cl_event last = NULL;
    for (int i = 0; i < 50; i++) {
        cl_event next = run(i % 2 ? other : cl->queue, add, x, i, last != NULL, last ? &last : NULL);
        CHECK(clFlush(i % 2 ? other : cl->queue));
        if (last)
            CHECK(clReleaseEvent(last));
        last = next;
    }
    CHECK(clEnqueueBarrierWithWaitList(cl->queue, 1, &last, NULL));
    printf("across queues: %d\n", value_at(cl->queue, x, 11));
    CHECK(clReleaseEvent(last));
    CHECK(clReleaseMemObject(x));
    CHECK(clReleaseCommandQueue(other));
}

static void event_info(const struct cl *cl)
{
    cl_mem x = new_buffer(cl, 0, COUNT * 4, NULL);
    cl_mem y = new_buffer(cl, 0, COUNT * 4, NULL);
    int values[COUNT] = {0};
    cl_event events[8];
    cl_int code;
    CHECK(clEnqueueWriteBuffer(cl->queue, x, CL_FALSE, 0, sizeof values, values, 0, NULL, &events[0]));
    CHECK(clEnqueueCopyBuffer(cl->queue, x, y, 0, 0, sizeof values, 0, NULL, &events[1]));
    CHECK(clEnqueueReadBuffer(cl->queue, y, CL_FALSE, 0, sizeof values, values, 0, NULL, &events[2]));
    void *mapped = clEnqueueMapBuffer(cl->queue, x, CL_TRUE, CL_MAP_READ, 0, 16, 0, NULL, &events[3], &code);
    CREATED(code);
    CHECK(clEnqueueUnmapMemObject(cl->queue, x, mapped, 0, NULL, &events[4]));
    CHECK(clEnqueueMarker(cl->queue, &events[5]));
    CHECK(clEnqueueMigrateMemObjects(cl->queue, 1, &x, 0, 0, NULL, &events[6]));
    events[7] = run(cl->queue, add, x, 1, 0, NULL);
    CHECK(clFinish(cl->queue));
    for (int i = 0; i < 8; i++) {
        cl_command_type type;
        cl_command_queue queue;
        cl_context context;
        cl_uint references;
        CHECK(clGetEventInfo(events[i], CL_EVENT_COMMAND_TYPE, sizeof type, &type, NULL));
        CHECK(clGetEventInfo(events[i], CL_EVENT_COMMAND_QUEUE, sizeof queue, &queue, NULL));
        CHECK(clGetEventInfo(events[i], CL_EVENT_CONTEXT, sizeof context, &context, NULL));
        CHECK(clRetainEvent(events[i]));
        CHECK(clGetEventInfo(events[i], CL_EVENT_REFERENCE_COUNT, sizeof references, &references, NULL));
        CHECK(clReleaseEvent(events[i]));
        EXPECT(queue == cl->queue && context == cl->context && references >= 2);
        printf("command %d: type 0x%x, %s\n", i, type, status_name(event_status(events[i])));
        CHECK(clReleaseEvent(events[i]));
    }
    CHECK(clReleaseMemObject(x));
    CHECK(clReleaseMemObject(y));
}

static void without_profiling(const struct cl *cl)
{
    cl_command_queue queue = new_queue(cl, 0);
    cl_event event;
    cl_ulong time;
    CHECK(clEnqueueMarkerWithWaitList(queue, 0, NULL, &event));
    CHECK(clWaitForEvents(1, &event));
    printf("profiling without the property: %s\n",
           code_name(clGetEventProfilingInfo(event, CL_PROFILING_COMMAND_END, sizeof time, &time, NULL)));
    CHECK(clReleaseEvent(event));
    CHECK(clReleaseCommandQueue(queue));
}

static void with_properties(const struct cl *cl)
{
    cl_queue_properties properties[] = {CL_QUEUE_PROPERTIES, CL_QUEUE_PROFILING_ENABLE, 0};
    cl_int code;
    cl_command_queue queue = clCreateCommandQueueWithProperties(cl->context, cl->device, properties, &code);
    CREATED(code);
    cl_command_queue_properties got;
    CHECK(clGetCommandQueueInfo(queue, CL_QUEUE_PROPERTIES, sizeof got, &got, NULL));
    printf("with properties: 0x%x\n", (unsigned)got);
    CHECK(clReleaseCommandQueue(queue));
}

/* What waited for an event that failed has failed itself, of which a finish says nothing. */
static void finish_after_failures(const struct cl *cl)
{
    cl_command_queue queue = new_queue(cl, 0);
    cl_mem x = new_buffer(cl, 0, 64, NULL);
    int from = 3, to = 4;
    cl_event gate = new_user_event(cl), events[3];
    CHECK(clEnqueueReadBuffer(queue, x, CL_FALSE, 0, sizeof to, &to, 1, &gate, &events[0]));
    CHECK(clEnqueueWriteBuffer(queue, x, CL_FALSE, 0, sizeof from, &from, 1, &gate, &events[1]));
    CHECK(clEnqueueMarkerWithWaitList(queue, 1, &gate, &events[2]));
    CHECK(clFlush(queue));
    CHECK(clSetUserEventStatus(gate, -77));
    printf("finish after failures: %s, ", code_name(clFinish(queue)));
    printf("again: %s, read left %d\n", code_name(clFinish(queue)), to);
    for (int i = 0; i < 3; i++)
        CHECK(clReleaseEvent(events[i]));
    CHECK(clReleaseEvent(gate));
    CHECK(clReleaseMemObject(x));
    CHECK(clReleaseCommandQueue(queue));
}

int main(void)
{
    struct cl cl = start(CL_QUEUE_PROFILING_ENABLE);
    cl_program program = build(&cl, source, "");
    add = new_kernel(program, "add");
    mul = new_kernel(program, "mul");
    sum = new_kernel(program, "sum");
    in_order(&cl);
    out_of_order(&cl);
    barriers(&cl);
    across_queues(&cl);
    event_info(&cl);
    without_profiling(&cl);
    with_properties(&cl);
    finish_after_failures(&cl);
    CHECK(clReleaseKernel(add));
    CHECK(clReleaseKernel(mul));
    CHECK(clReleaseKernel(sum));
    CHECK(clReleaseProgram(program));
    stop(&cl);
    return 0;
}
