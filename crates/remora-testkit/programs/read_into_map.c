/*
 * Commands whose memory in the program is a mapped object or shared virtual memory: in order, and without waiting, the
 * unmap behind a read takes what was read, and so does a write from there.
 */
#include "common.h"

enum { SIZE = 1 << 16 };

static int *map(const struct cl *cl, cl_mem buffer, cl_bool blocking, size_t size, cl_event *event)
{
    cl_int code;
    int *pointer = clEnqueueMapBuffer(cl->queue, buffer, blocking, CL_MAP_READ | CL_MAP_WRITE, 0, size, 0, NULL, event, &code);
    CREATED(code);
    return pointer;
}

static void unmap(const struct cl *cl, cl_mem buffer, void *pointer, cl_event after)
{
    CHECK(clEnqueueUnmapMemObject(cl->queue, buffer, pointer, after != NULL, after ? &after : NULL, NULL));
}

static void fill(const struct cl *cl, cl_mem buffer, int value, size_t size)
{
    CHECK(clEnqueueFillBuffer(cl->queue, buffer, &value, sizeof value, 0, size, 0, NULL, NULL));
}

static int at(const struct cl *cl, cl_mem buffer, size_t offset)
{
    int got;
    CHECK(clEnqueueReadBuffer(cl->queue, buffer, CL_TRUE, offset, sizeof got, &got, 0, NULL, NULL));
    return got;
}

static void buffers(const struct cl *cl, const char *what, size_t size, int *host)
{
    cl_mem from = new_buffer(cl, 0, SIZE, NULL), to = new_buffer(cl, host ? CL_MEM_USE_HOST_PTR : 0, size, host);
    size_t half = size / 2;
    const size_t zero[3] = {0, 0, 0}, rows[3] = {16, 4, 1};
    fill(cl, to, 5, size);
    fill(cl, from, 11, SIZE);
    int *pointer = map(cl, to, CL_TRUE, size, NULL);
    CHECK(clEnqueueReadBuffer(cl->queue, from, CL_FALSE, 0, half, pointer, 0, NULL, NULL));
    unmap(cl, to, pointer, NULL);
    printf("%s, read: %d %d\n", what, at(cl, to, 64), at(cl, to, half));
    /* With gaps. */
    fill(cl, from, 13, SIZE);
    pointer = map(cl, to, CL_TRUE, size, NULL);
    CHECK(clEnqueueReadBufferRect(cl->queue, from, CL_FALSE, zero, zero, rows, 16, 64, 32, 128, pointer, 0, NULL, NULL));
    unmap(cl, to, pointer, NULL);
    printf("%s, rows: %d %d %d\n", what, at(cl, to, 64), at(cl, to, 80), at(cl, to, 96));
    /* A map that nobody has waited for. */
    fill(cl, to, 17, size);
    pointer = map(cl, to, CL_FALSE, size, NULL);
    unmap(cl, to, pointer, NULL);
    printf("%s, not waited for: %d\n", what, at(cl, to, half));
    /* What the program does while the unmap waits for it. */
    cl_event mapped, gate = new_user_event(cl);
    pointer = map(cl, to, CL_FALSE, size, &mapped);
    unmap(cl, to, pointer, gate);
    CHECK(clWaitForEvents(1, &mapped));
    pointer[1] = 19;
    CHECK(clSetUserEventStatus(gate, CL_COMPLETE));
    printf("%s, unmapped later: %d %d\n", what, at(cl, to, 4), at(cl, to, half));
    CHECK(clReleaseEvent(mapped));
    CHECK(clReleaseEvent(gate));
    CHECK(clReleaseMemObject(from));
    CHECK(clReleaseMemObject(to));
}

/* To what a map will show once it is complete, a write may be added that takes it. */
static void write_from_map(const struct cl *cl)
{
    cl_mem from = new_buffer(cl, 0, SIZE, NULL), to = new_buffer(cl, 0, SIZE, NULL);
    fill(cl, from, 23, SIZE);
    int *pointer = map(cl, from, CL_FALSE, SIZE, NULL);
    CHECK(clEnqueueWriteBuffer(cl->queue, to, CL_FALSE, 0, SIZE, pointer, 0, NULL, NULL));
    printf("written from a map: %d\n", at(cl, to, 400));
    unmap(cl, from, pointer, NULL);
    CHECK(clFinish(cl->queue));
    CHECK(clReleaseMemObject(from));
    CHECK(clReleaseMemObject(to));
}

static void shared(const struct cl *cl)
{
    cl_device_svm_capabilities can = 0;
    clGetDeviceInfo(cl->device, CL_DEVICE_SVM_CAPABILITIES, sizeof can, &can, NULL);
    int *memory = can & CL_DEVICE_SVM_COARSE_GRAIN_BUFFER ? clSVMAlloc(cl->context, CL_MEM_READ_WRITE, SIZE, 0) : NULL;
    if (!memory)
        return;
    cl_mem from = new_buffer(cl, 0, SIZE, NULL), to = new_buffer(cl, 0, SIZE, NULL);
    int value = 29;
    fill(cl, from, 31, SIZE);
    CHECK(clEnqueueSVMMemFill(cl->queue, memory, &value, sizeof value, SIZE, 0, NULL, NULL));
    CHECK(clEnqueueSVMMap(cl->queue, CL_TRUE, CL_MAP_READ | CL_MAP_WRITE, memory, SIZE, 0, NULL, NULL));
    CHECK(clEnqueueReadBuffer(cl->queue, from, CL_FALSE, 0, SIZE / 2, memory, 0, NULL, NULL));
    CHECK(clEnqueueWriteBuffer(cl->queue, to, CL_FALSE, 0, SIZE, memory, 0, NULL, NULL));
    CHECK(clEnqueueSVMUnmap(cl->queue, memory, 0, NULL, NULL));
    CHECK(clEnqueueSVMMemcpy(cl->queue, CL_FALSE, &value, memory + 16, sizeof value, 0, NULL, NULL));
    printf("shared: %d %d", at(cl, to, 64), at(cl, to, SIZE / 2));
    printf(" %d\n", value);
    clSVMFree(cl->context, memory);
    CHECK(clReleaseMemObject(from));
    CHECK(clReleaseMemObject(to));
}

int main(void)
{
    struct cl cl = start(0);
    static int host[SIZE / sizeof(int)] __attribute__((aligned(4096)));
    buffers(&cl, "large", SIZE, NULL);
    buffers(&cl, "small", 512, NULL);
    buffers(&cl, "the program's", SIZE, host);
    write_from_map(&cl);
    shared(&cl);
    stop(&cl);
    return 0;
}
