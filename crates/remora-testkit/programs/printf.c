/*
 * A kernel's printf and the program's own output: each line where it stands natively. With "stuck": nobody reads what a
 * kernel prints, and another queue goes on; looking at the kernel's event holds up nobody either. With "closed": nobody can read it any more.
 */
#include "common.h"

#include <sys/wait.h>

static const char *source =
    "kernel void say(int n) { printf(\"kernel %d\\n\", n); }\n"
    "kernel void formats(float f, double d, float4 v, int i)\n"
    "{ printf(\"%5.2f|%e|%4.1v4hlf|%-6d|%06x|%c|%s|%%\\n\", f, d, v, i, i, 'z', \"text\"); }\n"
    "kernel void many(int n) { for (int i = 0; i < n; i++) printf(\"line %d of %d, with some more text\\n\", i, n); }\n"
    "kernel void bare(void) { printf(\"no newline;\"); }\n";

static const size_t one = 1;

static void launch(const struct cl *cl, cl_kernel kernel)
{
    CHECK(clEnqueueNDRangeKernel(cl->queue, kernel, 1, NULL, &one, NULL, 0, NULL, NULL));
}

static cl_event print_lines(const struct cl *cl, cl_int lines)
{
    cl_program program = build(cl, source, "");
    cl_kernel many = new_kernel(program, "many");
    CHECK(clSetKernelArg(many, 0, sizeof lines, &lines));
    cl_event event;
    CHECK(clEnqueueNDRangeKernel(cl->queue, many, 1, NULL, &one, NULL, 0, NULL, &event));
    CHECK(clFlush(cl->queue));
    CHECK(clReleaseKernel(many));
    CHECK(clReleaseProgram(program));
    return event;
}

static void *read_all(void *data)
{
    size_t *total = data;
    static char text[4096];
    ssize_t count;
    while ((count = read(STDIN_FILENO, text, sizeof text)) > 0)
        *total += (size_t)count;
    return NULL;
}

static void CL_CALLBACK told(cl_event event, cl_int state, void *data)
{
    (void)event;
    *(volatile cl_int *)data = state;
}

/* Polls for a while. */
static const char *soon(cl_event event)
{
    for (int i = 0; i < 100 && event_status(event) > CL_COMPLETE; i++)
        sleep_ms(2);
    return event_status(event) > CL_COMPLETE ? "not complete" : "complete";
}

static int stuck(void)
{
    struct cl cl = start(0);
    cl_command_queue other = new_queue(&cl, 0);
    int number = 5, ends[2], out = dup(STDOUT_FILENO);
    cl_mem buffer = new_buffer(&cl, CL_MEM_COPY_HOST_PTR, sizeof number, &number);
    volatile cl_int state = 1;
    cl_event said, read, behind;
    pthread_t reader;
    size_t total = 0;
    EXPECT(pipe(ends) == 0 && dup2(ends[0], STDIN_FILENO) >= 0 && dup2(ends[1], STDOUT_FILENO) >= 0);
    close(ends[0]);
    close(ends[1]);
    said = print_lines(&cl, 8000);
    sleep_ms(50);
    number = 0;
    CHECK(clEnqueueReadBuffer(other, buffer, CL_FALSE, 0, sizeof number, &number, 0, NULL, &read));
    CHECK(clFlush(other));
    for (int i = 0; i < 10000 && event_status(read) > CL_COMPLETE; i++)
        sleep_ms(2);
    dprintf(out, "another queue meanwhile: %s, %d\n", status_name(event_status(read)), number);
    dprintf(out, "the kernel: %s\n", soon(said));
    CHECK(clSetEventCallback(said, CL_COMPLETE, told, (void *)&state));
    CHECK(clEnqueueFillBuffer(other, buffer, &number, sizeof number, 0, sizeof number, 1, &said, &behind));
    CHECK(clFlush(other));
    dprintf(out, "a command behind it: %s\n", soon(behind));
    dprintf(out, "its callback: %s\n", state == 1 ? "not yet" : "too early");
    EXPECT(pthread_create(&reader, NULL, read_all, &total) == 0);
    CHECK(clFinish(other));
    CHECK(clFinish(cl.queue));
    dprintf(out, "in the end: %s, %s\n", soon(said), soon(behind));
    for (int i = 0; i < 10000 && state == 1; i++)
        sleep_ms(2);
    dprintf(out, "told: %d\n", state);
    EXPECT(dup2(out, STDOUT_FILENO) >= 0);
    EXPECT(pthread_join(reader, NULL) == 0);
    printf("all that was printed: %zu bytes\n", total);
    CHECK(clReleaseEvent(said));
    CHECK(clReleaseEvent(behind));
    CHECK(clReleaseEvent(read));
    CHECK(clReleaseMemObject(buffer));
    CHECK(clReleaseCommandQueue(other));
    stop(&cl);
    return 0;
}

static int closed(void)
{
    int ends[2], status;
    EXPECT(pipe(ends) == 0);
    pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        dup2(ends[1], STDOUT_FILENO);
        struct cl cl = start(0);
        CHECK(clReleaseEvent(print_lines(&cl, 1)));
        CHECK(clFinish(cl.queue));
        _exit(0);
    }
    close(ends[0]);
    close(ends[1]);
    EXPECT(child > 0 && waitpid(child, &status, 0) == child);
    printf("printing into a closed pipe: %s %d\n", WIFSIGNALED(status) ? "signal" : "exit",
           WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    return 0;
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return argv[1][0] == 's' ? stuck() : closed();
    struct cl cl = start(0);
    cl_program program = build(&cl, source, "");
    cl_kernel say = new_kernel(program, "say"), formats = new_kernel(program, "formats");
    cl_kernel many = new_kernel(program, "many"), bare = new_kernel(program, "bare");

    /* Some drivers print as the program does, others by themselves. */
    cl_int first = -1;
    CHECK(clSetKernelArg(say, 0, sizeof first, &first));
    printf("before\n");
    launch(&cl, say);
    CHECK(clFinish(cl.queue));
    printf("after\n");
    fflush(stdout);
    for (cl_int i = 0; i < 5; i++) {
        printf("program %d\n", i);
        fflush(stdout);
        CHECK(clSetKernelArg(say, 0, sizeof i, &i));
        launch(&cl, say);
        CHECK(clFinish(cl.queue));
    }
    /* By an event instead of a finish. */
    cl_int number = 10;
    cl_event event;
    CHECK(clSetKernelArg(say, 0, sizeof number, &number));
    CHECK(clEnqueueNDRangeKernel(cl.queue, say, 1, NULL, &one, NULL, 0, NULL, &event));
    CHECK(clWaitForEvents(1, &event));
    CHECK(clReleaseEvent(event));
    printf("after event\n");
    fflush(stdout);
    /* By a blocking read. */
    number = 11;
    CHECK(clSetKernelArg(say, 0, sizeof number, &number));
    launch(&cl, say);
    cl_mem buffer = new_buffer(&cl, CL_MEM_COPY_HOST_PTR, sizeof number, &number);
    CHECK(clEnqueueReadBuffer(cl.queue, buffer, CL_TRUE, 0, sizeof number, &number, 0, NULL, NULL));
    printf("after read\n");
    fflush(stdout);
    /* By looking at the status of an event. */
    number = 12;
    CHECK(clSetKernelArg(say, 0, sizeof number, &number));
    CHECK(clEnqueueNDRangeKernel(cl.queue, say, 1, NULL, &one, NULL, 0, NULL, &event));
    CHECK(clFlush(cl.queue));
    while (event_status(event) != CL_COMPLETE)
        sleep_ms(1);
    CHECK(clReleaseEvent(event));
    printf("after polling\n");
    fflush(stdout);

    cl_float f = 3.14159f;
    cl_double d = 1234.5;
    cl_float4 v = {{1, 2.5, -3, 4}};
    cl_int i = 2748;
    CHECK(clSetKernelArg(formats, 0, sizeof f, &f));
    CHECK(clSetKernelArg(formats, 1, sizeof d, &d));
    CHECK(clSetKernelArg(formats, 2, sizeof v, &v));
    CHECK(clSetKernelArg(formats, 3, sizeof i, &i));
    launch(&cl, formats);
    CHECK(clFinish(cl.queue));

    cl_int lines = 3000;
    CHECK(clSetKernelArg(many, 0, sizeof lines, &lines));
    launch(&cl, many);
    CHECK(clFinish(cl.queue));
    launch(&cl, bare);
    launch(&cl, bare);
    CHECK(clFinish(cl.queue));
    printf(" end\n");
    fflush(stdout);

    CHECK(clReleaseMemObject(buffer));
    CHECK(clReleaseKernel(say));
    CHECK(clReleaseKernel(formats));
    CHECK(clReleaseKernel(many));
    CHECK(clReleaseKernel(bare));
    CHECK(clReleaseProgram(program));
    stop(&cl);
    return 0;
}
