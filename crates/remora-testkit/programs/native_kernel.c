/*
 * Native kernels: functions of the program, in their turn, with pointers to memory objects among their arguments. With
 * another argument than none, in a queue out of order.
 */
#include "common.h"

struct arguments {
    int number;
    int *data;
    char odd;
    int *more;
    int **seen;
};

static int turns;

static void CL_CALLBACK work(void *pointer)
{
    struct arguments *args = pointer;
    for (int i = 0; i < args->number; i++) {
        args->data[i] = args->data[i] * 3 + 1;
        args->more[i] += args->data[i];
    }
    if (args->seen)
        *args->seen = args->data;
    __atomic_fetch_add(&turns, 1, __ATOMIC_SEQ_CST);
}

static void CL_CALLBACK count(void *pointer)
{
    (void)pointer;
    __atomic_fetch_add(&turns, 10, __ATOMIC_SEQ_CST);
}

static const char *source = "kernel void twice(global int *data) { data[get_global_id(0)] *= 2; }";

static void run(const struct cl *cl, cl_kernel twice, size_t items)
{
    size_t size = items * sizeof(int);
    cl_mem data = new_buffer(cl, CL_MEM_READ_WRITE, size, NULL), more = new_buffer(cl, CL_MEM_READ_WRITE, size, NULL);
    int *host = malloc(size), zero = 0;
    struct arguments args = {(int)items, NULL, 'x', NULL, NULL};
    cl_mem mems[] = {data, more};
    const void *places[] = {&args.data, &args.more};
    cl_event written[2], done[4], user = new_user_event(cl);
    for (size_t i = 0; i < items; i++)
        host[i] = (int)i;
    CHECK(clEnqueueWriteBuffer(cl->queue, data, CL_FALSE, 0, size, host, 1, &user, &written[0]));
    CHECK(clEnqueueFillBuffer(cl->queue, more, &zero, sizeof zero, 0, size, 1, &user, &written[1]));
    CHECK(clEnqueueNativeKernel(cl->queue, work, &args, sizeof args, 2, mems, places, 2, written, &done[0]));
    /* The arguments were copied. */
    memset(&args, 0xee, sizeof args);
    CHECK(clSetKernelArg(twice, 0, sizeof data, &data));
    CHECK(clEnqueueNDRangeKernel(cl->queue, twice, 1, NULL, &items, NULL, 1, &done[0], &done[1]));
    args.number = (int)items;
    args.seen = NULL;
    CHECK(clEnqueueNativeKernel(cl->queue, work, &args, sizeof args, 2, mems, places, 1, &done[1], &done[2]));
    CHECK(clFlush(cl->queue));
    sleep_ms(20);
    printf("turns before it is time: %d\n", __atomic_exchange_n(&turns, 0, __ATOMIC_SEQ_CST));
    CHECK(clSetUserEventStatus(user, CL_COMPLETE));
    CHECK(clEnqueueReadBuffer(cl->queue, data, CL_FALSE, 0, size, host, 1, &done[2], &done[3]));
    CHECK(clWaitForEvents(1, &done[3]));
    printf("%zu items: %d turns, %016llx", items, __atomic_exchange_n(&turns, 0, __ATOMIC_SEQ_CST),
           (unsigned long long)checksum(host, size));
    CHECK(clEnqueueReadBuffer(cl->queue, more, CL_TRUE, 0, size, host, 1, &done[2], NULL));
    printf(" %016llx\n", (unsigned long long)checksum(host, size));
    for (int i = 0; i < 4; i += 2) {
        cl_command_type type = 0;
        CHECK(clGetEventInfo(done[i], CL_EVENT_COMMAND_TYPE, sizeof type, &type, NULL));
        printf("type %#x, %s\n", type, status_name(event_status(done[i])));
    }
    for (int i = 0; i < 4; i++)
        CHECK(clReleaseEvent(done[i]));
    CHECK(clReleaseEvent(written[0]));
    CHECK(clReleaseEvent(written[1]));
    CHECK(clReleaseEvent(user));
    CHECK(clFinish(cl->queue));
    CHECK(clReleaseMemObject(data));
    CHECK(clReleaseMemObject(more));
    free(host);
}

static int late[1 << 18];

static void CL_CALLBACK put(void *pointer)
{
    sleep_ms(20);
    for (int i = 0; i < 1 << 18; i++)
        late[i] = i + **(int **)pointer;
}

/* What a native kernel leaves in the program's memory is what a write behind it takes, in its queue and in another. */
static void write_behind(const struct cl *cl, size_t size)
{
    static int base;
    int *arguments[1] = {&base}, got[2];
    cl_mem buffer = new_buffer(cl, CL_MEM_READ_WRITE, size, NULL);
    cl_command_queue other = new_queue(cl, 0);
    cl_event put_event, written;
    for (base = 7; base < 9; base++) {
        cl_command_queue writer = base == 7 ? cl->queue : other;
        late[0] = late[size / sizeof(int) - 1] = 1;
        CHECK(clEnqueueNativeKernel(cl->queue, put, arguments, sizeof arguments, 0, NULL, NULL, 0, NULL, &put_event));
        CHECK(clEnqueueWriteBuffer(writer, buffer, CL_FALSE, 0, size, late, 1, &put_event, &written));
        CHECK(clFlush(cl->queue));
        CHECK(clWaitForEvents(1, &written));
        CHECK(clEnqueueReadBuffer(writer, buffer, CL_TRUE, 0, sizeof(int), got, 0, NULL, NULL));
        CHECK(clEnqueueReadBuffer(writer, buffer, CL_TRUE, size - sizeof(int), sizeof(int), got + 1, 0, NULL, NULL));
        printf("%zu bytes behind a native kernel: %d %d\n", size, got[0], got[1]);
        CHECK(clReleaseEvent(put_event));
        CHECK(clReleaseEvent(written));
    }
    CHECK(clReleaseMemObject(buffer));
    sleep_ms(5);
    CHECK(clReleaseCommandQueue(other));
}

static void refusals(const struct cl *cl)
{
    cl_mem buffer = new_buffer(cl, CL_MEM_READ_WRITE, 64, NULL);
    int *args[2] = {NULL, NULL};
    const void *places[] = {&args[0]};
    printf("%s", code_name(clEnqueueNativeKernel(NULL, count, NULL, 0, 0, NULL, NULL, 0, NULL, NULL)));
    printf(" %s", code_name(clEnqueueNativeKernel(cl->queue, NULL, NULL, 0, 0, NULL, NULL, 0, NULL, NULL)));
    printf(" %s", code_name(clEnqueueNativeKernel(cl->queue, count, NULL, 8, 0, NULL, NULL, 0, NULL, NULL)));
    printf(" %s", code_name(clEnqueueNativeKernel(cl->queue, count, args, 0, 0, NULL, NULL, 0, NULL, NULL)));
    printf(" %s", code_name(clEnqueueNativeKernel(cl->queue, count, args, 16, 1, NULL, places, 0, NULL, NULL)));
    printf(" %s", code_name(clEnqueueNativeKernel(cl->queue, count, args, 16, 1, &buffer, NULL, 0, NULL, NULL)));
    printf(" %s\n", code_name(clEnqueueNativeKernel(cl->queue, count, args, 16, 0, &buffer, places, 0, NULL, NULL)));
    CHECK(clReleaseMemObject(buffer));
}

static void CL_CALLBACK say(void *pointer)
{
    printf("native %d\n", *(int *)pointer);
    fflush(stdout);
}

/* What a kernel before it has printed is written before it runs. */
static void print_in_turn(const struct cl *cl)
{
    cl_program program = build(cl, "kernel void say(int n) { printf(\"kernel %d\\n\", n); }", "");
    cl_kernel kernel = new_kernel(program, "say");
    const size_t one = 1;
    fflush(stdout);
    for (int i = 0; i < 100; i++) {
        CHECK(clSetKernelArg(kernel, 0, sizeof i, &i));
        CHECK(clEnqueueNDRangeKernel(cl->queue, kernel, 1, NULL, &one, NULL, 0, NULL, NULL));
        CHECK(clEnqueueNativeKernel(cl->queue, say, &i, sizeof i, 0, NULL, NULL, 0, NULL, NULL));
    }
    CHECK(clFinish(cl->queue));
    CHECK(clReleaseKernel(kernel));
    CHECK(clReleaseProgram(program));
}

int main(int argc, char **argv)
{
    (void)argv;
    struct cl cl = start(argc > 1 ? CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE : 0);
    cl_device_exec_capabilities can;
    CHECK(clGetDeviceInfo(cl.device, CL_DEVICE_EXECUTION_CAPABILITIES, sizeof can, &can, NULL));
    if (!(can & CL_EXEC_NATIVE_KERNEL)) {
        EXPECT(clEnqueueNativeKernel(cl.queue, count, NULL, 0, 0, NULL, NULL, 0, NULL, NULL) == CL_INVALID_OPERATION);
        printf("no native kernels\n");
        return 0;
    }
    cl_program program = build(&cl, source, "");
    cl_kernel twice = new_kernel(program, "twice");
    run(&cl, twice, 10);
    run(&cl, twice, 10000);
    CHECK(clEnqueueNativeKernel(cl.queue, count, NULL, 0, 0, NULL, NULL, 0, NULL, NULL));
    CHECK(clFinish(cl.queue));
    printf("without arguments: %d\n", turns);
    write_behind(&cl, 64);
    write_behind(&cl, sizeof late);
    refusals(&cl);
    if (argc == 1)
        print_in_turn(&cl);
    CHECK(clReleaseKernel(twice));
    CHECK(clReleaseProgram(program));
    stop(&cl);
    return 0;
}
