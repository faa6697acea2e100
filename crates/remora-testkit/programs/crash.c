/*
 * Sources that the driver's compiler or the driver itself doesn't survive: crash MODE. Natively the program dies of them. It
 * prints what each call gave, and then uses OpenCL again from the beginning.
 */
#include "common.h"

static struct cl cl;

/* Makes clang crash, in every driver that is built on it. */
static const char *crashing = "#pragma clang __debug crash\nkernel void f(global ulong *x) { *x = 1; }\n";
/* Whatever stands there isn't memory. */
static const char *wild = "kernel void f(global ulong *x) { *(global int *)x[0] = 1; }\n";

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int ended;

static void end_one(void)
{
    pthread_mutex_lock(&mutex);
    ended++;
    pthread_cond_signal(&changed);
    pthread_mutex_unlock(&mutex);
}

static void wait_for_end(void)
{
    pthread_mutex_lock(&mutex);
    while (!ended)
        pthread_cond_wait(&changed, &mutex);
    pthread_mutex_unlock(&mutex);
}

static void CL_CALLBACK built(cl_program program, void *data)
{
    (void)program;
    (void)data;
    end_one();
}

static void CL_CALLBACK reached(cl_event event, cl_int status, void *data)
{
    (void)event;
    printf("callback: %s\n", status_name(status));
    *(cl_int *)data = status;
    end_one();
}

static void say(const char *what, cl_int code)
{
    printf("%s: %s\n", what, code_name(code));
    fflush(stdout);
}

static cl_program create(const char *source)
{
    cl_int code;
    cl_program program = clCreateProgramWithSource(cl.context, 1, &source, NULL, &code);
    CREATED(code);
    return program;
}

static void say_status(cl_program program)
{
    cl_build_status status;
    CHECK(clGetProgramBuildInfo(program, cl.device, CL_PROGRAM_BUILD_STATUS, sizeof status, &status, NULL));
    printf("status: %s\n", status == CL_BUILD_ERROR ? "CL_BUILD_ERROR" : "another");
    cl_int code;
    EXPECT(clCreateKernel(program, "f", &code) == NULL && code != CL_SUCCESS);
}

static void compiler(int with_callback)
{
    cl_program program = create(crashing);
    say("build", clBuildProgram(program, 0, NULL, "", with_callback ? built : NULL, NULL));
    if (with_callback)
        wait_for_end();
    say_status(program);
    CHECK(clReleaseProgram(program));
}

/* Two nested macros of nothing are four of nothing: 2^63 of them take a while. */
static void endless(void)
{
    char text[8192] = "#define A0\n";
    int used = (int)strlen(text);
    for (int i = 1; i < 64; i++)
        used += sprintf(text + used, "#define A%d A%d A%d\n", i, i - 1, i - 1);
    sprintf(text + used, "kernel void f(global ulong *x) { A63 }\n");
    cl_program program = create(text);
    say("build", clBuildProgram(program, 0, NULL, "", built, NULL));
    /* What needs no compiler goes on. */
    unsigned in[16], out[16] = {0};
    fill_random(in, sizeof in, 3);
    cl_mem buffer = new_buffer(&cl, CL_MEM_COPY_HOST_PTR, sizeof in, in);
    say("read", clEnqueueReadBuffer(cl.queue, buffer, CL_TRUE, 0, sizeof out, out, 0, NULL, NULL));
    EXPECT(memcmp(in, out, sizeof in) == 0);
    printf("ready\n");
    fflush(stdout);
    wait_for_end();
    say_status(program);
}

static void kernel(const char *mode)
{
    cl_program program = build(&cl, wild, "");
    cl_kernel kernel = new_kernel(program, "f");
    unsigned long long address = 8;
    cl_mem buffer = new_buffer(&cl, CL_MEM_COPY_HOST_PTR, sizeof address, &address);
    cl_event gate = new_user_event(&cl), event, after;
    size_t one = 1;
    cl_int told = CL_SUCCESS;
    CHECK(clSetKernelArg(kernel, 0, sizeof buffer, &buffer));
    /* So that nothing can be lost before all of it has been enqueued. */
    CHECK(clEnqueueNDRangeKernel(cl.queue, kernel, 1, NULL, &one, NULL, 1, &gate, &event));
    CHECK(clSetEventCallback(event, CL_COMPLETE, reached, &told));
    CHECK(clEnqueueMarkerWithWaitList(cl.queue, 0, NULL, &after));
    CHECK(clSetUserEventStatus(gate, CL_COMPLETE));
    if (strcmp(mode, "finish") == 0)
        say("finish", clFinish(cl.queue));
    else if (strcmp(mode, "wait") == 0)
        say("wait", clWaitForEvents(1, &event));
    else if (strcmp(mode, "read") == 0)
        say("read", clEnqueueReadBuffer(cl.queue, buffer, CL_TRUE, 0, sizeof address, &address, 0, NULL, NULL));
    else {
        cl_int code;
        EXPECT(clEnqueueMapBuffer(cl.queue, buffer, CL_TRUE, CL_MAP_READ, 0, 8, 0, NULL, NULL, &code) == NULL);
        say("map", code);
    }
    wait_for_end();
    EXPECT(told < 0 && event_status(event) == told);
    say("event", event_status(event));
    say("after", event_status(after));
    EXPECT(clFinish(cl.queue) != CL_SUCCESS);
}

int main(int argc, char **argv)
{
    const char *mode = argc > 1 ? argv[1] : "finish";
    cl = start(0);
    if (strcmp(mode, "compiler") == 0)
        compiler(0);
    else if (strcmp(mode, "callback") == 0)
        compiler(1);
    else if (strcmp(mode, "endless") == 0)
        endless();
    else
        kernel(mode);
    say("finish", clFinish(cl.queue));
    CHECK(clReleaseCommandQueue(cl.queue));
    CHECK(clReleaseContext(cl.context));

    cl = start(0);
    cl_program program = build(&cl, "kernel void f(global int *x) { *x = 42; }", "");
    cl_kernel kernel = new_kernel(program, "f");
    cl_mem buffer = new_buffer(&cl, 0, 64, NULL);
    int result = 0;
    CHECK(clSetKernelArg(kernel, 0, sizeof buffer, &buffer));
    CHECK(clEnqueueTask(cl.queue, kernel, 0, NULL, NULL));
    CHECK(clEnqueueReadBuffer(cl.queue, buffer, CL_TRUE, 0, sizeof result, &result, 0, NULL, NULL));
    printf("again: %d\n", result);
    CHECK(clReleaseMemObject(buffer));
    CHECK(clReleaseKernel(kernel));
    CHECK(clReleaseProgram(program));
    stop(&cl);
    return 0;
}
