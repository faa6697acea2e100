/* User events: what they hold back, in which order, and what a negative status does to those that wait. */
#include "common.h"

static cl_event marker_after(cl_command_queue queue, cl_event event)
{
    cl_event marker;
    CHECK(clEnqueueMarkerWithWaitList(queue, 1, &event, &marker));
    return marker;
}

static void holds_back(const struct cl *cl)
{
    cl_event gate = new_user_event(cl), read;
    cl_uint references;
    cl_command_type type;
    cl_command_queue queue = cl->queue;
    int value = 5, got = 0;
    cl_mem buffer = new_buffer(cl, CL_MEM_COPY_HOST_PTR, sizeof value, &value);
    CHECK(clGetEventInfo(gate, CL_EVENT_COMMAND_TYPE, sizeof type, &type, NULL));
    CHECK(clGetEventInfo(gate, CL_EVENT_COMMAND_QUEUE, sizeof queue, &queue, NULL));
    CHECK(clGetEventInfo(gate, CL_EVENT_REFERENCE_COUNT, sizeof references, &references, NULL));
    printf("fresh: %s, type 0x%x, %s, %u reference\n", status_name(event_status(gate)), type,
           queue ? "a queue" : "no queue", references);
    CHECK(clEnqueueReadBuffer(cl->queue, buffer, CL_FALSE, 0, sizeof got, &got, 1, &gate, &read));
    CHECK(clFlush(cl->queue));
    sleep_ms(30);
    EXPECT(glance(&got) == 0 && event_status(read) > CL_RUNNING);
    CHECK(clSetUserEventStatus(gate, CL_COMPLETE));
    CHECK(clWaitForEvents(1, &read));
    printf("after: %s, %d\n", status_name(event_status(gate)), got);
    printf("set again: %s\n", code_name(clSetUserEventStatus(gate, CL_COMPLETE)));
    cl_ulong time;
    printf("profile: %s\n",
           code_name(clGetEventProfilingInfo(gate, CL_PROFILING_COMMAND_END, sizeof time, &time, NULL)));
    CHECK(clReleaseEvent(gate));
    CHECK(clReleaseEvent(read));
    CHECK(clReleaseMemObject(buffer));
}

static void waited_for(const struct cl *cl)
{
    cl_event done = new_user_event(cl), failed = new_user_event(cl);
    CHECK(clSetUserEventStatus(done, CL_COMPLETE));
    printf("wait for a complete one: %s\n", code_name(clWaitForEvents(1, &done)));
    CHECK(clSetUserEventStatus(failed, -77));
    printf("wait for a failed one: %s\n", code_name(clWaitForEvents(1, &failed)));
    printf("its status: %s\n", status_name(event_status(failed)));
    cl_event both[] = {done, failed};
    printf("wait for both: %s\n", code_name(clWaitForEvents(2, both)));
    CHECK(clReleaseEvent(done));
    CHECK(clReleaseEvent(failed));
}

/* A negative status goes down the chain, but not to those that don't wait for it. */
static void failure_spreads(const struct cl *cl)
{
    cl_command_queue queue = new_queue(cl, CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE);
    cl_event gate = new_user_event(cl), chain[3], write, fill, free_one;
    int value = 9, got = 1;
    cl_mem buffer = new_buffer(cl, CL_MEM_COPY_HOST_PTR, sizeof value, &value);
    chain[0] = marker_after(queue, gate);
    chain[1] = marker_after(queue, chain[0]);
    CHECK(clEnqueueReadBuffer(queue, buffer, CL_FALSE, 0, sizeof got, &got, 1, &chain[1], &chain[2]));
    CHECK(clEnqueueWriteBuffer(queue, buffer, CL_FALSE, 0, sizeof value, &value, 1, &gate, &write));
    CHECK(clEnqueueFillBuffer(queue, buffer, &value, 4, 0, 4, 1, &write, &fill));
    CHECK(clEnqueueMarkerWithWaitList(queue, 0, NULL, &free_one));
    CHECK(clFlush(queue));
    CHECK(clSetUserEventStatus(gate, -5));
    for (int i = 0; i < 3; i++) {
        printf("wait for link %d: %s, ", i, code_name(clWaitForEvents(1, &chain[i])));
        printf("%s\n", event_status(chain[i]) < 0 ? "failed" : status_name(event_status(chain[i])));
    }
    clWaitForEvents(1, &fill);
    printf("write: %s, fill: %s, read left %d\n", event_status(write) < 0 ? "failed" : "not failed",
           event_status(fill) < 0 ? "failed" : "not failed", got);
    /* The queue goes on. */
    cl_event after;
    CHECK(clEnqueueReadBuffer(queue, buffer, CL_FALSE, 0, sizeof got, &got, 0, NULL, &after));
    CHECK(clWaitForEvents(1, &after));
    printf("after: %d\n", got);
    cl_event all[] = {gate, chain[0], chain[1], chain[2], write, fill, free_one, after};
    for (int i = 0; i < 8; i++)
        CHECK(clReleaseEvent(all[i]));
    CHECK(clReleaseMemObject(buffer));
    CHECK(clReleaseCommandQueue(queue));
}

static void *fail_later(void *gate)
{
    sleep_ms(30);
    CHECK(clSetUserEventStatus(gate, -1));
    return NULL;
}

static void blocking_behind_a_failure(const struct cl *cl)
{
    cl_command_queue queue = new_queue(cl, 0);
    cl_event gate = new_user_event(cl);
    int got = 3;
    pthread_t thread;
    cl_mem buffer = new_buffer(cl, 0, sizeof got, NULL);
    EXPECT(pthread_create(&thread, NULL, fail_later, gate) == 0);
    cl_int code = clEnqueueReadBuffer(queue, buffer, CL_TRUE, 0, sizeof got, &got, 1, &gate, NULL);
    EXPECT(pthread_join(thread, NULL) == 0);
    /* The specification wants the error; PoCL 3.1 gives success. Neither may touch the memory. */
    EXPECT(code == CL_SUCCESS || code == CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST);
    printf("blocking read behind an event that fails: %d\n", got);
    CHECK(clReleaseEvent(gate));
    CHECK(clReleaseMemObject(buffer));
    CHECK(clReleaseCommandQueue(queue));
}

/* Many gates, opened in an order of their own by another thread. */
enum { GATES = 64 };
static cl_event gates[GATES];

static void *open_gates(void *unused)
{
    (void)unused;
    for (int i = 0; i < GATES; i++) {
        int k = i * 37 % GATES;
        CHECK(clSetUserEventStatus(gates[k], CL_COMPLETE));
        if (i % 16 == 0)
            sleep_ms(1);
    }
    return NULL;
}

static void many(const struct cl *cl)
{
    cl_command_queue queue = new_queue(cl, CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE);
    cl_mem buffer = new_buffer(cl, 0, GATES * sizeof(int), NULL);
    int values[GATES], got[GATES];
    cl_event events[GATES];
    pthread_t thread;
    for (int i = 0; i < GATES; i++) {
        gates[i] = new_user_event(cl);
        values[i] = i * 3;
        CHECK(clEnqueueWriteBuffer(queue, buffer, CL_FALSE, (size_t)i * sizeof(int), sizeof(int), &values[i], 1,
                                   &gates[i], &events[i]));
    }
    CHECK(clFlush(queue));
    EXPECT(pthread_create(&thread, NULL, open_gates, NULL) == 0);
    CHECK(clWaitForEvents(GATES, events));
    EXPECT(pthread_join(thread, NULL) == 0);
    CHECK(clEnqueueReadBuffer(queue, buffer, CL_TRUE, 0, sizeof got, got, 0, NULL, NULL));
    EXPECT(memcmp(values, got, sizeof got) == 0);
    printf("%d gates opened\n", GATES);
    for (int i = 0; i < GATES; i++) {
        CHECK(clReleaseEvent(gates[i]));
        CHECK(clReleaseEvent(events[i]));
    }
    CHECK(clReleaseMemObject(buffer));
    CHECK(clReleaseCommandQueue(queue));
}

/* Of two threads that set an event at the same time, one does. */
static cl_event contested;
static pthread_barrier_t both;

static void *set_contested(void *unused)
{
    (void)unused;
    pthread_barrier_wait(&both);
    cl_int code = clSetUserEventStatus(contested, CL_COMPLETE);
    EXPECT(code == CL_SUCCESS || code == CL_INVALID_OPERATION);
    return code == CL_SUCCESS ? &both : NULL;
}

static void set_by_two(const struct cl *cl)
{
    int set = 0;
    EXPECT(pthread_barrier_init(&both, NULL, 2) == 0);
    for (int i = 0; i < 500; i++) {
        pthread_t thread;
        void *by_other;
        contested = new_user_event(cl);
        EXPECT(pthread_create(&thread, NULL, set_contested, NULL) == 0);
        set += set_contested(NULL) != NULL;
        EXPECT(pthread_join(thread, &by_other) == 0);
        set += by_other != NULL;
        CHECK(clReleaseEvent(contested));
    }
    printf("500 events set by two threads: %d times\n", set);
    pthread_barrier_destroy(&both);
}

int main(void)
{
    struct cl cl = start(0);
    holds_back(&cl);
    waited_for(&cl);
    failure_spreads(&cl);
    blocking_behind_a_failure(&cl);
    many(&cl);
    set_by_two(&cl);
    stop(&cl);
    return 0;
}
