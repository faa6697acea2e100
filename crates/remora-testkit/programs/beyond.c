/*
 * What the specification demands and PoCL 3.1 doesn't do, so that there is no native output to compare with: it ends the
 * process, or crashes, or hangs, or calls no callback. Through Remora, whose front-end checks and whose worker goes by
 * other calls, all of it works. Each line is checked here.
 */
#include "common.h"

static cl_int code;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static cl_int called_with = 1;
static int calls;

static void CL_CALLBACK note(cl_event event, cl_int status, void *data)
{
    (void)event;
    (void)data;
    pthread_mutex_lock(&lock);
    called_with = status;
    calls++;
    pthread_mutex_unlock(&lock);
}

static void old_synchronisation(const struct cl *cl)
{
    int n = 4, got = 0;
    cl_event gate = new_user_event(cl);
    cl_mem buffer = new_buffer(cl, CL_MEM_COPY_HOST_PTR, sizeof n, &n);
    CHECK(clEnqueueWaitForEvents(cl->queue, 1, &gate));
    CHECK(clEnqueueReadBuffer(cl->queue, buffer, CL_FALSE, 0, sizeof got, &got, 0, NULL, NULL));
    CHECK(clFlush(cl->queue));
    sleep_ms(20);
    EXPECT(glance(&got) == 0);
    CHECK(clSetUserEventStatus(gate, CL_COMPLETE));
    CHECK(clFinish(cl->queue));
    EXPECT(got == 4);
    EXPECT(clEnqueueWaitForEvents(cl->queue, 0, NULL) == CL_INVALID_VALUE);
    CHECK(clReleaseEvent(gate));
    CHECK(clReleaseMemObject(buffer));
    printf("clEnqueueWaitForEvents\n");
}

static void behind_failed_events(const struct cl *cl)
{
    cl_command_queue queue = new_queue(cl, 0);
    cl_event failed = new_user_event(cl), read;
    int got = 3;
    cl_mem buffer = new_buffer(cl, 0, sizeof got, NULL);
    CHECK(clSetUserEventStatus(failed, -1));
    EXPECT(clEnqueueReadBuffer(queue, buffer, CL_TRUE, 0, sizeof got, &got, 1, &failed, NULL) ==
           CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST);
    CHECK(clEnqueueReadBuffer(queue, buffer, CL_FALSE, 0, sizeof got, &got, 1, &failed, &read));
    EXPECT(clWaitForEvents(1, &read) == CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST);
    EXPECT(event_status(read) < 0 && got == 3);
    CHECK(clReleaseEvent(read));
    CHECK(clReleaseEvent(failed));
    CHECK(clReleaseMemObject(buffer));
    CHECK(clReleaseCommandQueue(queue));
    printf("commands behind a failed event\n");
}

static void callbacks_of_failed_events(const struct cl *cl)
{
    cl_event event = new_user_event(cl);
    CHECK(clSetEventCallback(event, CL_COMPLETE, note, NULL));
    CHECK(clSetUserEventStatus(event, -42));
    for (int i = 0; i < 1000; i++) {
        pthread_mutex_lock(&lock);
        int done = calls;
        pthread_mutex_unlock(&lock);
        if (done)
            break;
        sleep_ms(5);
    }
    EXPECT(calls == 1 && called_with == -42);
    CHECK(clReleaseEvent(event));
    printf("callback of a failed user event\n");
}

static void bad_arguments(const struct cl *cl)
{
    const char *source = "kernel void f(global int *x) { *x = 1; }";
    size_t global = 16, zero = 0;
    cl_program program = build(cl, source, "");
    cl_kernel kernel = new_kernel(program, "f");
    cl_mem buffer = new_buffer(cl, 0, 64, NULL);
    CHECK(clSetKernelArg(kernel, 0, sizeof buffer, &buffer));
    EXPECT(clEnqueueNDRangeKernel(cl->queue, NULL, 1, NULL, &global, NULL, 0, NULL, NULL) == CL_INVALID_KERNEL);
    EXPECT(clEnqueueTask(cl->queue, NULL, 0, NULL, NULL) == CL_INVALID_KERNEL);
    EXPECT(clEnqueueNDRangeKernel(cl->queue, kernel, 1, NULL, &global, &zero, 0, NULL, NULL) ==
           CL_INVALID_WORK_GROUP_SIZE);
    EXPECT(clEnqueueNDRangeKernel(cl->queue, kernel, 1, NULL, &global, NULL, 1, NULL, NULL) ==
           CL_INVALID_EVENT_WAIT_LIST);
    EXPECT(clCreateProgramWithSource(cl->context, 1, NULL, NULL, &code) == NULL && code == CL_INVALID_VALUE);
    EXPECT(clCompileProgram(program, 0, NULL, "", 1, &program, NULL, NULL, NULL) == CL_INVALID_VALUE);
    cl_image_format format = {CL_RGBA, CL_UNSIGNED_INT8};
    cl_image_desc desc = {0};
    desc.image_type = CL_MEM_OBJECT_IMAGE2D;
    desc.image_width = desc.image_height = 8;
    desc.num_mip_levels = 4;
    EXPECT(clCreateImage(cl->context, 0, &format, &desc, NULL, &code) == NULL && code != CL_SUCCESS);
    /* All of that hurt nobody. */
    CHECK(clEnqueueTask(cl->queue, kernel, 0, NULL, NULL));
    CHECK(clFinish(cl->queue));
    CHECK(clReleaseMemObject(buffer));
    CHECK(clReleaseKernel(kernel));
    CHECK(clReleaseProgram(program));
    printf("bad arguments\n");
}

/* PoCL has a kernel for a moment after it ran and was released, and builds no program that has one. */
static void built_again(const struct cl *cl)
{
    const char *source = "kernel void f(global int *x) { *x = N; }";
    size_t global = 1;
    int out = 0;
    cl_mem buffer = new_buffer(cl, 0, 64, NULL);
    cl_program program = build(cl, source, "-D N=39");
    for (int n = 40; n < 80; n++) {
        char options[16];
        cl_kernel kernel = new_kernel(program, "f");
        CHECK(clSetKernelArg(kernel, 0, sizeof buffer, &buffer));
        CHECK(clEnqueueNDRangeKernel(cl->queue, kernel, 1, NULL, &global, NULL, 0, NULL, NULL));
        CHECK(clEnqueueReadBuffer(cl->queue, buffer, CL_TRUE, 0, sizeof out, &out, 0, NULL, NULL));
        EXPECT(out == n - 1);
        CHECK(clReleaseKernel(kernel));
        snprintf(options, sizeof options, "-D N=%d", n);
        CHECK(clBuildProgram(program, 0, NULL, options, NULL, NULL));
    }
    CHECK(clReleaseProgram(program));
    CHECK(clReleaseMemObject(buffer));
    printf("built again and again\n");
}

int main(void)
{
    struct cl cl = start(0);
    built_again(&cl);
    old_synchronisation(&cl);
    behind_failed_events(&cl);
    callbacks_of_failed_events(&cl);
    bad_arguments(&cl);
    stop(&cl);
    return 0;
}
