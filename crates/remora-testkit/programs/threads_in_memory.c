/* Threads that share one buffer of the program's own memory (CL_MEM_USE_HOST_PTR), each with a part of its own: what one of
 * them does to its part is nothing to the others. With "direct": without maps, as CPU drivers have it. */
#include "common.h"

#include <pthread.h>

enum { THREADS = 4, PART = 4096, ROUNDS = 40 };

static const char *source = "kernel void bump(global uchar *x, uint step)\n"
                            "{ if (get_global_id(0) % step == 0) x[get_global_id(0)] += 1; }\n";
static struct cl cl;
static cl_program program;
static cl_mem whole;
static unsigned char memory[THREADS * PART] __attribute__((aligned(4096)));
static int direct;

/* What the kernel does. */
static void expect(unsigned char *expected, cl_uint step)
{
    for (size_t i = 0; i < PART; i += step)
        expected[i]++;
}

static unsigned char *map(cl_command_queue queue, cl_mem buffer, cl_map_flags flags, size_t offset, size_t size)
{
    cl_int code;
    void *pointer = clEnqueueMapBuffer(queue, buffer, CL_TRUE, flags, offset, size, 0, NULL, NULL, &code);
    CREATED(code);
    return pointer;
}

static void unmap(cl_command_queue queue, cl_mem mem, void *pointer)
{
    cl_event event;
    CHECK(clEnqueueUnmapMemObject(queue, mem, pointer, 0, NULL, &event));
    CHECK(clWaitForEvents(1, &event));
    CHECK(clReleaseEvent(event));
}

static void *work(void *argument)
{
    size_t index = (size_t)(uintptr_t)argument, global = PART;
    unsigned char expected[PART], *mine = memory + index * PART;
    cl_command_queue queue = new_queue(&cl, 0);
    cl_kernel kernel = new_kernel(program, "bump");
    cl_buffer_region region = {index * PART, PART};
    cl_int code;
    cl_mem part = clCreateSubBuffer(whole, 0, CL_BUFFER_CREATE_TYPE_REGION, &region, &code);
    CREATED(code);
    memcpy(expected, mine, PART);
    CHECK(clSetKernelArg(kernel, 0, sizeof part, &part));
    for (cl_uint round = 0; round < ROUNDS; round++) {
        cl_uint step = 1 + (round + (cl_uint)index) % 5;
        size_t place = (round * 97 + index) % (PART - 100);
        if (direct) {
            memset(mine + place, (int)round, 100);
        } else {
            /* In one piece and in two, of the part and of the whole. */
            unsigned char *a = map(queue, part, CL_MAP_WRITE, place, 50);
            unsigned char *b = map(queue, whole, CL_MAP_READ | CL_MAP_WRITE, index * PART + place + 50, 50);
            EXPECT(a == mine + place && b == a + 50);
            memset(a, (int)round, 50);
            unmap(queue, part, a);
            memset(b, (int)round, 50);
            unmap(queue, whole, b);
        }
        memset(expected + place, (int)round, 100);
        CHECK(clSetKernelArg(kernel, 1, sizeof step, &step));
        CHECK(clEnqueueNDRangeKernel(queue, kernel, 1, NULL, &global, NULL, 0, NULL, NULL));
        expect(expected, step);
        if (direct) {
            CHECK(clFinish(queue));
            EXPECT(memcmp(mine, expected, PART) == 0);
        } else {
            unsigned char *shown = map(queue, part, CL_MAP_READ, 0, PART);
            EXPECT(shown == mine && memcmp(shown, expected, PART) == 0);
            unmap(queue, part, shown);
        }
    }
    CHECK(clFinish(queue));
    CHECK(clReleaseMemObject(part));
    CHECK(clReleaseKernel(kernel));
    CHECK(clReleaseCommandQueue(queue));
    return NULL;
}

/* A command of another queue is enqueued while the region is mapped, and waits for the unmap. */
static void written_late(void)
{
    unsigned char got[100];
    cl_command_queue other = new_queue(&cl, 0);
    cl_event gate = new_user_event(&cl), unmapped;
    unsigned char *pointer = map(cl.queue, whole, CL_MAP_WRITE, 1000, 100);
    memset(pointer, 1, 50);
    CHECK(clEnqueueReadBuffer(other, whole, CL_FALSE, 1000, 100, got, 1, &gate, NULL));
    CHECK(clFlush(other));
    memset(pointer + 50, 2, 50);
    CHECK(clEnqueueUnmapMemObject(cl.queue, whole, pointer, 0, NULL, &unmapped));
    CHECK(clWaitForEvents(1, &unmapped));
    CHECK(clSetUserEventStatus(gate, CL_COMPLETE));
    CHECK(clFinish(other));
    printf("written late: %016llx\n", (unsigned long long)checksum(got, sizeof got));
    CHECK(clReleaseEvent(gate));
    CHECK(clReleaseEvent(unmapped));
    CHECK(clReleaseCommandQueue(other));
}

int main(int argc, char **argv)
{
    (void)argv;
    pthread_t threads[THREADS];
    direct = argc > 1;
    cl = start(0);
    program = build(&cl, source, "");
    fill_random(memory, sizeof memory, 7);
    whole = new_buffer(&cl, CL_MEM_USE_HOST_PTR, sizeof memory, memory);
    for (int i = 0; i < THREADS; i++)
        EXPECT(pthread_create(&threads[i], NULL, work, (void *)(uintptr_t)i) == 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    unsigned char *pointer = map(cl.queue, whole, CL_MAP_READ, 0, sizeof memory);
    printf("all: %016llx\n", (unsigned long long)checksum(pointer, sizeof memory));
    unmap(cl.queue, whole, pointer);
    written_late();
    CHECK(clReleaseMemObject(whole));
    CHECK(clReleaseProgram(program));
    stop(&cl);
    return 0;
}
