/*
 * fork: before OpenCL was used, after it was used by a parent whose child doesn't use it, and (fork after) after it was
 * used by a parent whose child does. The last is beyond what PoCL can do natively: its threads aren't in the child.
 */
#include "common.h"
#include <sys/wait.h>

static int compute(const struct cl *cl, int n)
{
    const char *source = "kernel void cube(global int *x) { *x = *x * *x * *x; }";
    cl_program program = build(cl, source, "");
    cl_kernel kernel = new_kernel(program, "cube");
    size_t one = 1;
    cl_mem buffer = new_buffer(cl, CL_MEM_COPY_HOST_PTR, sizeof n, &n);
    CHECK(clSetKernelArg(kernel, 0, sizeof buffer, &buffer));
    CHECK(clEnqueueNDRangeKernel(cl->queue, kernel, 1, NULL, &one, NULL, 0, NULL, NULL));
    CHECK(clEnqueueReadBuffer(cl->queue, buffer, CL_TRUE, 0, sizeof n, &n, 0, NULL, NULL));
    CHECK(clReleaseMemObject(buffer));
    CHECK(clReleaseKernel(kernel));
    CHECK(clReleaseProgram(program));
    return n;
}

static int compute_alone(int n)
{
    struct cl cl = start(0);
    int result = compute(&cl, n);
    stop(&cl);
    return result;
}

/* What `child` printed is out before this returns. */
static void wait_for(pid_t child)
{
    int status;
    EXPECT(waitpid(child, &status, 0) == child);
    EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void before_use(void)
{
    pid_t children[3];
    for (int i = 0; i < 3; i++) {
        fflush(stdout);
        children[i] = fork();
        EXPECT(children[i] >= 0);
        if (children[i] == 0) {
            int result = compute_alone(i + 2);
            if (result != (i + 2) * (i + 2) * (i + 2))
                _exit(1);
            exit(0);
        }
    }
    for (int i = 0; i < 3; i++)
        wait_for(children[i]);
    printf("three children computed\n");
    printf("parent: %d\n", compute_alone(5));
}

static volatile int calls;

static void CL_CALLBACK count(cl_event event, cl_int state, void *data)
{
    (void)event;
    (void)state;
    (void)data;
    __atomic_add_fetch(&calls, 1, __ATOMIC_SEQ_CST);
}

static void after_use(int child_uses_it)
{
    struct cl cl = start(0);
    printf("parent before: %d\n", compute(&cl, 6));
    int n = 11, got[2] = {0, 0};
    cl_mem buffer = new_buffer(&cl, CL_MEM_COPY_HOST_PTR, sizeof n, &n);
    cl_event gate = new_user_event(&cl), reads[2];
    cl_command_queue queues[] = {cl.queue, new_queue(&cl, 0)};
    for (int i = 0; i < 2; i++) {
        CHECK(clEnqueueReadBuffer(queues[i], buffer, CL_FALSE, 0, sizeof n, &got[i], 1, &gate, &reads[i]));
        CHECK(clSetEventCallback(reads[i], CL_COMPLETE, count, NULL));
    }
    for (int i = 0; i < 3; i++) {
        fflush(stdout);
        pid_t child = fork();
        EXPECT(child >= 0);
        if (child == 0) {
            /* The callbacks are the parent's. */
            event_status(reads[0]);
            event_status(reads[1]);
            sleep_ms(20);
            printf("child %d: %d calls\n", i, calls);
            fflush(stdout);
            if (child_uses_it) {
                printf("child %d: %d\n", i, compute_alone(7 + i));
                fflush(stdout);
            }
            /* With and without the handlers of exit: neither may touch what is the parent's. */
            if (i % 2)
                exit(0);
            _exit(0);
        }
        wait_for(child);
    }
    CHECK(clSetUserEventStatus(gate, CL_COMPLETE));
    for (int i = 0; i < 2; i++)
        CHECK(clFinish(queues[i]));
    printf("parent after: %d, %d, %d\n", got[0], got[1], compute(&cl, 8));
    for (int i = 0; i < 10000 && __atomic_load_n(&calls, __ATOMIC_ACQUIRE) < 2; i++)
        sleep_ms(2);
    printf("parent: %d calls\n", calls);
    for (int i = 0; i < 2; i++)
        CHECK(clReleaseEvent(reads[i]));
    CHECK(clReleaseCommandQueue(queues[1]));
    CHECK(clReleaseEvent(gate));
    CHECK(clReleaseMemObject(buffer));
    stop(&cl);
}

int main(int argc, char **argv)
{
    int beyond = argc > 1 && strcmp(argv[1], "after") == 0;
    if (!beyond)
        before_use();
    after_use(beyond);
    return 0;
}
