/* Eight threads on eight queues of one context: objects of their own, and one program of all. */
#include "common.h"

enum { THREADS = 8, ROUNDS = 200, COUNT = 4096 };

static struct cl cl;
static cl_program program;
static cl_uint results[THREADS];

static void *work(void *argument)
{
    cl_uint index = (cl_uint)(uintptr_t)argument, zero = index, *values = calloc(COUNT, sizeof *values);
    size_t global = COUNT;
    cl_command_queue queue = new_queue(&cl, index % 2 ? CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE : 0);
    cl_kernel kernel = new_kernel(program, "advance");
    cl_mem buffer = new_buffer(&cl, 0, COUNT * sizeof *values, NULL);
    cl_event last;
    CHECK(clEnqueueFillBuffer(queue, buffer, &zero, sizeof zero, 0, COUNT * sizeof *values, 0, NULL, &last));
    for (cl_uint round = 0; round < ROUNDS; round++) {
        cl_event next;
        CHECK(clSetKernelArg(kernel, 0, sizeof buffer, &buffer));
        CHECK(clSetKernelArg(kernel, 1, sizeof round, &round));
        CHECK(clEnqueueNDRangeKernel(queue, kernel, 1, NULL, &global, NULL, 1, &last, &next));
        CHECK(clReleaseEvent(last));
        last = next;
        if (round % 16 == 0) {
            /* Objects come and go beside it. */
            cl_mem passing = new_buffer(&cl, CL_MEM_COPY_HOST_PTR, 1000, values);
            CHECK(clEnqueueReadBuffer(queue, passing, CL_TRUE, 0, 1000, values, 0, NULL, NULL));
            CHECK(clReleaseMemObject(passing));
        }
    }
    CHECK(clEnqueueReadBuffer(queue, buffer, CL_TRUE, 0, COUNT * sizeof *values, values, 1, &last, NULL));
    results[index] = (cl_uint)checksum(values, COUNT * sizeof *values);
    CHECK(clReleaseEvent(last));
    CHECK(clReleaseMemObject(buffer));
    CHECK(clReleaseKernel(kernel));
    CHECK(clReleaseCommandQueue(queue));
    free(values);
    return NULL;
}

int main(void)
{
    pthread_t threads[THREADS];
    cl = start(0);
    program = build(&cl,
                    "kernel void advance(global uint *x, uint n) "
                    "{ size_t i = get_global_id(0); x[i] = x[i] * 1664525u + n + (uint)i; }",
                    "");
    for (uintptr_t i = 0; i < THREADS; i++)
        EXPECT(pthread_create(&threads[i], NULL, work, (void *)i) == 0);
    for (int i = 0; i < THREADS; i++)
        EXPECT(pthread_join(threads[i], NULL) == 0);
    for (int i = 0; i < THREADS; i++)
        printf("thread %d: %08x\n", i, results[i]);
    CHECK(clReleaseProgram(program));
    stop(&cl);
    return 0;
}
