/*
 * For tests that kill somebody: loss transfer|build|kernel|wait|idle works in that way until a call fails, then shows that
 * nothing hangs or crashes any more. It prints "ready" when it is in the middle of its work, and then the first error.
 * `loss MODE once` stops by itself after a while, for runs in which the back-end stays.
 */
#include "common.h"

enum { SIZE = 64 << 20 };

static struct cl cl;
static int once;

static void ready(void)
{
    printf("ready\n");
    fflush(stdout);
}

static cl_int transfer(void)
{
    unsigned char *memory = malloc(SIZE);
    cl_int code;
    cl_mem buffer = new_buffer(&cl, 0, SIZE, NULL);
    fill_random(memory, SIZE, 1);
    for (int i = 0; !once || i < 20; i++) {
        code = clEnqueueWriteBuffer(cl.queue, buffer, CL_FALSE, 0, SIZE, memory, 0, NULL, NULL);
        if (code == CL_SUCCESS)
            code = clEnqueueReadBuffer(cl.queue, buffer, CL_TRUE, 0, SIZE, memory, 0, NULL, NULL);
        if (code != CL_SUCCESS)
            return code;
        if (i == 0)
            ready();
    }
    return CL_SUCCESS;
}

static cl_int build_much(void)
{
    int lines = once ? 200 : 40000;
    size_t room = 256 + (size_t)lines * 160, used = 0;
    char *text = malloc(room);
    cl_int code;
    used += (size_t)snprintf(text + used, room - used, "kernel void big(global float *x) {\n float v = *x + %ld.0f;\n",
                             (long)getpid());
    for (int i = 0; i < lines; i++)
        used += (size_t)snprintf(text + used, room - used,
                                 " if (v > %d.0f) v = sin(v * %d.5f) + pow(v, %d.25f); else v = cos(v) * exp(v / %d.0f);\n",
                                 i, i + 1, i % 5, i + 2);
    snprintf(text + used, room - used, " *x = v;\n}\n");
    const char *source = text;
    cl_program program = clCreateProgramWithSource(cl.context, 1, &source, NULL, &code);
    CREATED(code);
    ready();
    return clBuildProgram(program, 1, &cl.device, "", NULL, NULL);
}

static cl_int run_kernels(void)
{
    cl_program program =
        build(&cl, "kernel void spin(global uint *x) { for (int i = 0; i < 100000; i++) x[0] = x[0] * 5 + i; }", "");
    cl_kernel kernel = new_kernel(program, "spin");
    cl_mem buffer = new_buffer(&cl, 0, 64, NULL);
    size_t one = 1;
    CHECK(clSetKernelArg(kernel, 0, sizeof buffer, &buffer));
    for (int i = 0; !once || i < 20; i++) {
        cl_int code = clEnqueueNDRangeKernel(cl.queue, kernel, 1, NULL, &one, NULL, 0, NULL, NULL);
        if (code == CL_SUCCESS)
            code = clFinish(cl.queue);
        if (code != CL_SUCCESS)
            return code;
        if (i == 0)
            ready();
    }
    return CL_SUCCESS;
}

/* An event of the program that a thread of it waits for. */
static cl_event own;
static pthread_t waiter;

static void *wait_for_own(void *unused)
{
    clWaitForEvents(1, &own);
    return unused;
}

/* Behind an event that nobody sets. */
static cl_int wait_long(void)
{
    own = new_user_event(&cl);
    EXPECT(!pthread_create(&waiter, NULL, wait_for_own, NULL));
    cl_event gate = new_user_event(&cl), marker;
    CHECK(clEnqueueMarkerWithWaitList(cl.queue, 1, &gate, &marker));
    CHECK(clFlush(cl.queue));
    ready();
    if (once)
        CHECK(clSetUserEventStatus(gate, CL_COMPLETE));
    cl_int code = clWaitForEvents(1, &marker);
    if (code != CL_SUCCESS)
        EXPECT(event_status(marker) < 0);
    return code;
}

static cl_int idle(void)
{
    CHECK(clFinish(cl.queue));
    ready();
    char byte;
    /* Until the test closes our input. */
    while (read(0, &byte, 1) > 0)
        continue;
    /* A finish with nothing to wait for needs nobody. */
    cl_int code = clEnqueueMarkerWithWaitList(cl.queue, 0, NULL, NULL);
    return code == CL_SUCCESS ? clFinish(cl.queue) : code;
}

static void CL_CALLBACK ignore(cl_event event, cl_int status, void *data)
{
    (void)event;
    (void)status;
    (void)data;
}

/* Every kind of call once more: an error or not, but an answer. */
static void afterwards(void)
{
    if (own) {
        clSetUserEventStatus(own, CL_COMPLETE);
        EXPECT(!pthread_join(waiter, NULL));
    }
    char bytes[64] = "";
    const char *source = "kernel void f(global int *x) { *x = 1; }";
    cl_int code;
    cl_event event = NULL;
    cl_mem buffer = clCreateBuffer(cl.context, CL_MEM_COPY_HOST_PTR, sizeof bytes, bytes, &code);
    if (buffer) {
        code = clEnqueueReadBuffer(cl.queue, buffer, CL_TRUE, 0, sizeof bytes, bytes, 0, NULL, NULL);
        EXPECT(code != CL_SUCCESS);
        if (clEnqueueWriteBuffer(cl.queue, buffer, CL_FALSE, 0, sizeof bytes, bytes, 0, NULL, &event) == CL_SUCCESS) {
            EXPECT(clWaitForEvents(1, &event) != CL_SUCCESS);
            EXPECT(event_status(event) < 0);
            clSetEventCallback(event, CL_COMPLETE, ignore, NULL);
            clReleaseEvent(event);
        }
        void *mapped = clEnqueueMapBuffer(cl.queue, buffer, CL_TRUE, CL_MAP_READ, 0, 16, 0, NULL, NULL, &code);
        EXPECT(mapped == NULL || code == CL_SUCCESS);
        clReleaseMemObject(buffer);
    }
    cl_program program = clCreateProgramWithSource(cl.context, 1, &source, NULL, &code);
    if (program) {
        EXPECT(clBuildProgram(program, 1, &cl.device, "", NULL, NULL) != CL_SUCCESS);
        clReleaseProgram(program);
    }
    EXPECT(clFinish(cl.queue) != CL_SUCCESS);
    clFlush(cl.queue);
    cl_command_queue queue = clCreateCommandQueue(cl.context, cl.device, 0, &code);
    if (queue)
        clReleaseCommandQueue(queue);
    char name[256];
    CHECK(clGetDeviceInfo(cl.device, CL_DEVICE_NAME, sizeof name, name, NULL));
    clReleaseCommandQueue(cl.queue);
    clReleaseContext(cl.context);
}

int main(int argc, char **argv)
{
    const char *mode = argc > 1 ? argv[1] : "transfer";
    cl_int code;
    once = argc > 2 && strcmp(argv[2], "once") == 0;
    cl = start(0);
    if (strcmp(mode, "build") == 0)
        code = build_much();
    else if (strcmp(mode, "kernel") == 0)
        code = run_kernels();
    else if (strcmp(mode, "wait") == 0)
        code = wait_long();
    else if (strcmp(mode, "idle") == 0)
        code = idle();
    else
        code = transfer();
    printf("%s\n", code_name(code));
    fflush(stdout);
    if (code != CL_SUCCESS)
        afterwards();
    printf("end\n");
    return 0;
}
