/* What real programs lean on without thinking of it: when calls return, what lives how long, and what an empty list means. */
#include "common.h"

static const char *SOURCE =
    "kernel void fill(global int *x, int n) { x[get_global_id(0)] = n; }\n"
    "kernel void slow(global int *x, int n) { int v = n; for (int i = 0; i < 20000000; i++) v = v * 3 + i; x[0] = v; }\n"
    "typedef struct { int a; float b; } image_info;\n"
    "kernel void by_value(global float *x, image_info info) { x[0] = info.a * info.b; }\n";

static cl_kernel with(cl_program program, const char *name, cl_mem buffer, int number)
{
    cl_kernel kernel = new_kernel(program, name);
    CHECK(clSetKernelArg(kernel, 0, sizeof buffer, &buffer));
    CHECK(clSetKernelArg(kernel, 1, sizeof number, &number));
    return kernel;
}

static void launch(cl_command_queue queue, cl_kernel kernel, size_t global, cl_event wait, cl_event *event)
{
    CHECK(clEnqueueNDRangeKernel(queue, kernel, 1, NULL, &global, NULL, wait ? 1 : 0, wait ? &wait : NULL, event));
}

/* A blocking write is done when it returns: for its event, for what came before it, and for other queues. */
static void blocking_writes(const struct cl *cl, cl_program program)
{
    cl_command_queue profiling = new_queue(cl, CL_QUEUE_PROFILING_ENABLE), other = new_queue(cl, 0);
    int in[256], out[256] = {0};
    cl_mem a = new_buffer(cl, 0, sizeof in, NULL), b = new_buffer(cl, 0, sizeof in, NULL);
    for (int i = 0; i < 256; i++)
        in[i] = i * i;
    cl_event event;
    cl_ulong start = 0, end = 0;
    CHECK(clEnqueueWriteBuffer(profiling, a, CL_TRUE, 0, sizeof in, in, 0, NULL, &event));
    printf("write: %s\n", status_name(event_status(event)));
    CHECK(clGetEventProfilingInfo(event, CL_PROFILING_COMMAND_START, sizeof start, &start, NULL));
    CHECK(clGetEventProfilingInfo(event, CL_PROFILING_COMMAND_END, sizeof end, &end, NULL));
    EXPECT(start <= end);
    CHECK(clReleaseEvent(event));
    /* A read that came before, and a kernel. */
    cl_kernel slow = with(program, "slow", b, 1);
    launch(profiling, slow, 1, NULL, NULL);
    CHECK(clEnqueueReadBuffer(profiling, a, CL_FALSE, 0, sizeof out, out, 0, NULL, NULL));
    CHECK(clEnqueueWriteBuffer(profiling, b, CL_TRUE, 0, sizeof in, in, 0, NULL, NULL));
    printf("read before it: %d\n", memcmp(in, out, sizeof in) == 0);
    /* Another queue sees it without waiting for anything. */
    int wrong = 0;
    for (int i = 0; i < 50; i++) {
        in[0] = i;
        CHECK(clEnqueueWriteBuffer(profiling, a, CL_TRUE, 0, sizeof in, in, 0, NULL, NULL));
        CHECK(clEnqueueReadBuffer(other, a, CL_TRUE, 0, sizeof out, out, 0, NULL, NULL));
        wrong += out[0] != i;
    }
    printf("seen by another queue: %d wrong\n", wrong);
    sleep_ms(5);
    CHECK(clReleaseKernel(slow));
    CHECK(clReleaseMemObject(a));
    CHECK(clReleaseMemObject(b));
    CHECK(clReleaseCommandQueue(profiling));
    CHECK(clReleaseCommandQueue(other));
}

/* Flags about the host's use of an object bind the program only. */
static void host_access(const struct cl *cl)
{
    static int in[100000], out[100000];
    for (int i = 0; i < 100000; i++)
        in[i] = i;
    const size_t sizes[] = {64, 4096, sizeof in};
    for (int s = 0; s < 3; s++) {
        size_t size = sizes[s];
        cl_int code;
        cl_mem write_only = new_buffer(cl, CL_MEM_HOST_WRITE_ONLY, size, NULL);
        int *p = clEnqueueMapBuffer(cl->queue, write_only, CL_TRUE, CL_MAP_WRITE, 0, size, 0, NULL, NULL, &code);
        CREATED(code);
        memcpy(p, in, size);
        CHECK(clEnqueueUnmapMemObject(cl->queue, write_only, p, 0, NULL, NULL));
        cl_mem read_only = new_buffer(cl, CL_MEM_HOST_READ_ONLY | CL_MEM_COPY_HOST_PTR, size, in);
        CHECK(clEnqueueCopyBuffer(cl->queue, write_only, read_only, 0, 0, size / 2, 0, NULL, NULL));
        memset(out, 0, size);
        CHECK(clEnqueueReadBuffer(cl->queue, read_only, CL_TRUE, 0, size, out, 0, NULL, NULL));
        printf("%zu bytes: %s, ", size, memcmp(in, out, size) ? "different" : "the same");
        printf("%s\n", code_name(clEnqueueReadBuffer(cl->queue, write_only, CL_TRUE, 0, size, out, 0, NULL, NULL)));
        sleep_ms(5);
        CHECK(clReleaseMemObject(write_only));
        CHECK(clReleaseMemObject(read_only));
    }
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static cl_int seen[3] = {1, 1, 1};
static int calls;

static void CL_CALLBACK note(cl_event event, cl_int status, void *data)
{
    cl_command_type type = 0;
    pthread_mutex_lock(&lock);
    seen[0] = clGetEventInfo(event, CL_EVENT_COMMAND_TYPE, sizeof type, &type, NULL);
    seen[1] = status;
    calls++;
    pthread_mutex_unlock(&lock);
    (void)data;
}

static void CL_CALLBACK built(cl_program program, void *data)
{
    cl_uint devices = 0;
    pthread_mutex_lock(&lock);
    seen[2] = clGetProgramInfo(program, CL_PROGRAM_NUM_DEVICES, sizeof devices, &devices, NULL);
    calls++;
    pthread_mutex_unlock(&lock);
    (void)data;
}

static void wait_for_calls(int count)
{
    for (int i = 0; i < 4000; i++) {
        pthread_mutex_lock(&lock);
        int done = calls >= count;
        pthread_mutex_unlock(&lock);
        if (done)
            return;
        sleep_ms(5);
    }
    FAIL("a callback doesn't come");
}

/* A callback may use its object, though the program has let go of it. */
static void callbacks_after_release(const struct cl *cl, cl_program program)
{
    cl_mem buffer = new_buffer(cl, 0, 64, NULL);
    cl_kernel slow = with(program, "slow", buffer, 2);
    cl_event event;
    launch(cl->queue, slow, 1, NULL, &event);
    CHECK(clSetEventCallback(event, CL_COMPLETE, note, NULL));
    CHECK(clReleaseEvent(event));
    CHECK(clFlush(cl->queue));
    wait_for_calls(1);
    CHECK(clFinish(cl->queue));
    cl_int code;
    cl_program other = clCreateProgramWithSource(cl->context, 1, &SOURCE, NULL, &code);
    CREATED(code);
    CHECK(clBuildProgram(other, 0, NULL, "", built, NULL));
    CHECK(clReleaseProgram(other));
    wait_for_calls(2);
    printf("callbacks: %s %d, %s\n", code_name(seen[0]), (int)seen[1], code_name(seen[2]));
    sleep_ms(5);
    CHECK(clReleaseKernel(slow));
    CHECK(clReleaseMemObject(buffer));
}

/* A list of complete events is not an empty one, and a map waits for nothing but its list. */
static void lists_of_complete_events(const struct cl *cl, cl_program program)
{
    cl_command_queue queue = new_queue(cl, CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE);
    cl_mem a = new_buffer(cl, 0, 4096, NULL), b = new_buffer(cl, 0, 4096, NULL);
    cl_kernel kernel = with(program, "fill", a, 5);
    cl_event complete, user = new_user_event(cl), barrier, mapped;
    launch(queue, kernel, 16, NULL, &complete);
    CHECK(clWaitForEvents(1, &complete));
    launch(queue, kernel, 16, user, NULL);
    cl_int code;
    void *p = clEnqueueMapBuffer(queue, b, CL_FALSE, CL_MAP_WRITE_INVALIDATE_REGION, 0, 4096, 0, NULL, &mapped, &code);
    CREATED(code);
    CHECK(clWaitForEvents(1, &mapped));
    CHECK(clEnqueueUnmapMemObject(queue, b, p, 0, NULL, NULL));
    printf("mapped beside a command that waits\n");
    CHECK(clEnqueueBarrierWithWaitList(queue, 1, &complete, &barrier));
    CHECK(clWaitForEvents(1, &barrier));
    printf("past the barrier: %s\n", status_name(event_status(barrier)));
    CHECK(clSetUserEventStatus(user, CL_COMPLETE));
    CHECK(clFinish(queue));
    sleep_ms(5);
    CHECK(clReleaseEvent(complete));
    CHECK(clReleaseEvent(user));
    CHECK(clReleaseEvent(barrier));
    CHECK(clReleaseEvent(mapped));
    CHECK(clReleaseKernel(kernel));
    CHECK(clReleaseMemObject(a));
    CHECK(clReleaseMemObject(b));
    CHECK(clReleaseCommandQueue(queue));
}

/* What is written from mapped memory is what the map brings; what is written behind a user event may come until then. */
static void late_bytes(const struct cl *cl)
{
    static int in[4096], out[4096];
    cl_int code, nine = 9;
    cl_mem a = new_buffer(cl, 0, sizeof in, NULL), b = new_buffer(cl, 0, sizeof in, NULL);
    cl_event user = new_user_event(cl);
    CHECK(clEnqueueFillBuffer(cl->queue, a, &nine, sizeof nine, 0, sizeof in, 1, &user, NULL));
    int *p = clEnqueueMapBuffer(cl->queue, a, CL_FALSE, CL_MAP_READ, 0, sizeof in, 0, NULL, NULL, &code);
    CREATED(code);
    CHECK(clEnqueueWriteBuffer(cl->queue, b, CL_FALSE, 0, sizeof in, p, 0, NULL, NULL));
    CHECK(clFlush(cl->queue));
    CHECK(clSetUserEventStatus(user, CL_COMPLETE));
    CHECK(clEnqueueReadBuffer(cl->queue, b, CL_TRUE, 0, sizeof out, out, 0, NULL, NULL));
    printf("from mapped memory: %d %d\n", out[0], out[4095]);
    CHECK(clEnqueueUnmapMemObject(cl->queue, a, p, 0, NULL, NULL));
    CHECK(clReleaseEvent(user));
    user = new_user_event(cl);
    CHECK(clEnqueueWriteBuffer(cl->queue, a, CL_FALSE, 0, sizeof in, in, 1, &user, NULL));
    for (int i = 0; i < 4096; i++)
        in[i] = 7;
    CHECK(clSetUserEventStatus(user, CL_COMPLETE));
    CHECK(clEnqueueReadBuffer(cl->queue, a, CL_TRUE, 0, sizeof out, out, 0, NULL, NULL));
    printf("behind a user event: %d %d\n", out[0], out[4095]);
    sleep_ms(5);
    CHECK(clReleaseEvent(user));
    CHECK(clReleaseMemObject(a));
    CHECK(clReleaseMemObject(b));
}

static void *finisher(void *queue)
{
    CHECK(clFinish(queue));
    return NULL;
}

/* Who waits for something early is not held up by who waits for all. */
static void waits_in_two_threads(const struct cl *cl, cl_program program)
{
    cl_mem buffer = new_buffer(cl, 0, 4096, NULL);
    cl_kernel fill = with(program, "fill", buffer, 1), slow = with(program, "slow", buffer, 3);
    cl_event early, late;
    pthread_t thread;
    launch(cl->queue, fill, 16, NULL, &early);
    launch(cl->queue, slow, 1, NULL, NULL);
    for (int i = 0; i < 16; i++)
        launch(cl->queue, slow, 1, NULL, i == 15 ? &late : NULL);
    EXPECT(pthread_create(&thread, NULL, finisher, cl->queue) == 0);
    sleep_ms(2);
    CHECK(clWaitForEvents(1, &early));
    printf("the last is %s when the first is waited for\n", event_status(late) == CL_COMPLETE ? "complete" : "not complete");
    EXPECT(pthread_join(thread, NULL) == 0);
    sleep_ms(5);
    CHECK(clReleaseEvent(early));
    CHECK(clReleaseEvent(late));
    CHECK(clReleaseKernel(fill));
    CHECK(clReleaseKernel(slow));
    CHECK(clReleaseMemObject(buffer));
}

static void CL_CALLBACK nothing(cl_event event, cl_int status, void *data)
{
    (void)event, (void)status, (void)data;
}

/* More queues than there can be at a time, each gone before the next. */
static void many_queues(const struct cl *cl)
{
    int number = 1;
    cl_mem buffer = new_buffer(cl, 0, 64, NULL);
    for (int i = 0; i < 1100; i++) {
        cl_event event;
        cl_command_queue queue = new_queue(cl, 0);
        CHECK(clEnqueueWriteBuffer(queue, buffer, CL_FALSE, 0, sizeof number, &number, 0, NULL, &event));
        CHECK(clSetEventCallback(event, CL_SUBMITTED, nothing, NULL));
        CHECK(clFinish(queue));
        CHECK(clReleaseEvent(event));
        CHECK(clReleaseCommandQueue(queue));
    }
    printf("1100 queues, one after another\n");
    CHECK(clReleaseMemObject(buffer));
}

static void structs_by_value(const struct cl *cl, cl_program program)
{
    struct {
        cl_int a;
        cl_float b;
    } info = {6, 1.5f};
    float out = 0;
    cl_mem buffer = new_buffer(cl, 0, 64, NULL);
    cl_kernel kernel = new_kernel(program, "by_value");
    CHECK(clSetKernelArg(kernel, 0, sizeof buffer, &buffer));
    CHECK(clSetKernelArg(kernel, 1, sizeof info, &info));
    launch(cl->queue, kernel, 1, NULL, NULL);
    CHECK(clEnqueueReadBuffer(cl->queue, buffer, CL_TRUE, 0, sizeof out, &out, 0, NULL, NULL));
    printf("a struct whose name begins with image: %g\n", out);
    sleep_ms(5);
    CHECK(clReleaseKernel(kernel));
    CHECK(clReleaseMemObject(buffer));
}

/* With an argument, the number of the only part to run. */
int main(int argc, char **argv)
{
    int only = argc > 1 ? atoi(argv[1]) : -1;
    struct cl cl = start(0);
    cl_program program = build(&cl, SOURCE, "");
#define PART(number, call)               \
    if (only == -1 || only == (number)) \
    call
    PART(0, blocking_writes(&cl, program));
    PART(1, host_access(&cl));
    PART(2, callbacks_after_release(&cl, program));
    PART(3, lists_of_complete_events(&cl, program));
    PART(4, late_bytes(&cl));
    PART(5, waits_in_two_threads(&cl, program));
    PART(6, many_queues(&cl));
    PART(7, structs_by_value(&cl, program));
    sleep_ms(5);
    CHECK(clReleaseProgram(program));
    stop(&cl);
    return 0;
}
