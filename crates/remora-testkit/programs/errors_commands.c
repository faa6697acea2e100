/* What enqueued commands say to bad arguments. */
#include "errors.h"

static char room[8192];
static cl_context other_context;
static cl_mem buffer, tiny, read_only_host, write_only_host, no_host, foreign;
static cl_event foreign_event;

static void transfers(const struct cl *cl)
{
    cl_command_queue queue = cl->queue;
    cl_event none = NULL, gate = new_user_event(cl);
    TRY("read: no queue", CL_INVALID_COMMAND_QUEUE,
        clEnqueueReadBuffer(NULL, buffer, CL_TRUE, 0, 4, room, 0, NULL, NULL));
    TRY("read: no buffer", CL_INVALID_MEM_OBJECT,
        clEnqueueReadBuffer(queue, NULL, CL_TRUE, 0, 4, room, 0, NULL, NULL));
    TRY("read: no memory", CL_INVALID_VALUE, clEnqueueReadBuffer(queue, buffer, CL_TRUE, 0, 4, NULL, 0, NULL, NULL));
    TRY("read: past the end", CL_INVALID_VALUE,
        clEnqueueReadBuffer(queue, buffer, CL_TRUE, 4000, 100, room, 0, NULL, NULL));
    TRY("read: offset past the end", CL_INVALID_VALUE,
        clEnqueueReadBuffer(queue, buffer, CL_TRUE, 5000, 1, room, 0, NULL, NULL));
    TRY("read: end wraps round", CL_INVALID_VALUE,
        clEnqueueReadBuffer(queue, buffer, CL_TRUE, 16, (size_t)-8, room, 0, NULL, NULL));
    TRY("read: list without count", CL_INVALID_EVENT_WAIT_LIST,
        clEnqueueReadBuffer(queue, buffer, CL_TRUE, 0, 4, room, 0, &gate, NULL));
    TRY("read: count without list", CL_INVALID_EVENT_WAIT_LIST,
        clEnqueueReadBuffer(queue, buffer, CL_TRUE, 0, 4, room, 1, NULL, NULL));
    TRY("read: NULL in the list", CL_INVALID_EVENT_WAIT_LIST,
        clEnqueueReadBuffer(queue, buffer, CL_TRUE, 0, 4, room, 1, &none, NULL));
    TRY("read: event of another context", CL_INVALID_CONTEXT,
        clEnqueueReadBuffer(queue, buffer, CL_TRUE, 0, 4, room, 1, &foreign_event, NULL));
    TRY("read: buffer of another context", CL_INVALID_CONTEXT,
        clEnqueueReadBuffer(queue, foreign, CL_TRUE, 0, 4, room, 0, NULL, NULL));
    TRY("read: write-only for the host", CL_INVALID_OPERATION,
        clEnqueueReadBuffer(queue, write_only_host, CL_TRUE, 0, 4, room, 0, NULL, NULL));
    TRY("read: no access for the host", CL_INVALID_OPERATION,
        clEnqueueReadBuffer(queue, no_host, CL_TRUE, 0, 4, room, 0, NULL, NULL));
    TRY("write: read-only for the host", CL_INVALID_OPERATION,
        clEnqueueWriteBuffer(queue, read_only_host, CL_TRUE, 0, 4, room, 0, NULL, NULL));
    TRY("write: no queue", CL_INVALID_COMMAND_QUEUE,
        clEnqueueWriteBuffer(NULL, buffer, CL_TRUE, 0, 4, room, 0, NULL, NULL));
    TRY("write: no buffer", CL_INVALID_MEM_OBJECT,
        clEnqueueWriteBuffer(queue, NULL, CL_TRUE, 0, 4, room, 0, NULL, NULL));
    TRY("write: no memory", CL_INVALID_VALUE, clEnqueueWriteBuffer(queue, buffer, CL_TRUE, 0, 4, NULL, 0, NULL, NULL));
    TRY("write: past the end", CL_INVALID_VALUE,
        clEnqueueWriteBuffer(queue, buffer, CL_FALSE, 4095, 2, room, 0, NULL, NULL));
    CHECK(clSetUserEventStatus(gate, CL_COMPLETE));
    CHECK(clReleaseEvent(gate));
}

static void rectangles(const struct cl *cl)
{
    const size_t zero[3] = {0, 0, 0}, region[3] = {16, 4, 2}, empty[3] = {0, 4, 2}, large[3] = {64, 64, 64};
    TRY("rect: empty region", CL_INVALID_VALUE, clEnqueueReadBufferRect(cl->queue, buffer, CL_TRUE, zero, zero, empty, 0, 0, 0,
                                                                        0, room, 0, NULL, NULL));
    TRY("rect: past the end", CL_INVALID_VALUE, clEnqueueReadBufferRect(cl->queue, buffer, CL_TRUE, zero, zero, large, 0, 0, 0,
                                                                        0, room, 0, NULL, NULL));
    TRY("rect: short row pitch", CL_INVALID_VALUE, clEnqueueReadBufferRect(cl->queue, buffer, CL_TRUE, zero, zero, region, 8,
                                                                           0, 0, 0, room, 0, NULL, NULL));
    TRY("rect: short slice pitch", CL_INVALID_VALUE,
        clEnqueueWriteBufferRect(cl->queue, buffer, CL_TRUE, zero, zero, region, 16, 32, 0, 0, room, 0, NULL, NULL));
    TRY("rect: short host row pitch", CL_INVALID_VALUE,
        clEnqueueWriteBufferRect(cl->queue, buffer, CL_TRUE, zero, zero, region, 16, 0, 8, 0, room, 0, NULL, NULL));
    TRY("rect: no memory", CL_INVALID_VALUE, clEnqueueWriteBufferRect(cl->queue, buffer, CL_TRUE, zero, zero, region, 0, 0, 0,
                                                                      0, NULL, 0, NULL, NULL));
    TRY("rect copy: overlap", CL_MEM_COPY_OVERLAP,
        clEnqueueCopyBufferRect(cl->queue, buffer, buffer, zero, zero, region, 0, 0, 0, 0, 0, NULL, NULL));
    TRY("rect copy: past the end", CL_INVALID_VALUE,
        clEnqueueCopyBufferRect(cl->queue, buffer, tiny, zero, zero, region, 0, 0, 0, 0, 0, NULL, NULL));
}

static void copies_and_fills(const struct cl *cl)
{
    cl_command_queue queue = cl->queue;
    TRY("copy: no source", CL_INVALID_MEM_OBJECT, clEnqueueCopyBuffer(queue, NULL, buffer, 0, 0, 4, 0, NULL, NULL));
    TRY("copy: no target", CL_INVALID_MEM_OBJECT, clEnqueueCopyBuffer(queue, buffer, NULL, 0, 0, 4, 0, NULL, NULL));
    TRY("copy: overlap", CL_MEM_COPY_OVERLAP, clEnqueueCopyBuffer(queue, buffer, buffer, 0, 8, 16, 0, NULL, NULL));
    TRY("copy: past the source", CL_INVALID_VALUE, clEnqueueCopyBuffer(queue, tiny, buffer, 0, 0, 128, 0, NULL, NULL));
    TRY("copy: past the target", CL_INVALID_VALUE, clEnqueueCopyBuffer(queue, buffer, tiny, 0, 60, 8, 0, NULL, NULL));
    TRY("copy: of another context", CL_INVALID_CONTEXT,
        clEnqueueCopyBuffer(queue, foreign, buffer, 0, 0, 4, 0, NULL, NULL));
    TRY("fill: no pattern", CL_INVALID_VALUE, clEnqueueFillBuffer(queue, buffer, NULL, 4, 0, 16, 0, NULL, NULL));
    TRY("fill: pattern of 0", CL_INVALID_VALUE, clEnqueueFillBuffer(queue, buffer, room, 0, 0, 16, 0, NULL, NULL));
    TRY("fill: pattern of 3", CL_INVALID_VALUE, clEnqueueFillBuffer(queue, buffer, room, 3, 0, 18, 0, NULL, NULL));
    TRY("fill: pattern of 256", CL_INVALID_VALUE, clEnqueueFillBuffer(queue, buffer, room, 256, 0, 256, 0, NULL, NULL));
    TRY("fill: offset no multiple", CL_INVALID_VALUE, clEnqueueFillBuffer(queue, buffer, room, 4, 2, 16, 0, NULL, NULL));
    TRY("fill: size no multiple", CL_INVALID_VALUE, clEnqueueFillBuffer(queue, buffer, room, 4, 0, 18, 0, NULL, NULL));
    TRY("fill: past the end", CL_INVALID_VALUE, clEnqueueFillBuffer(queue, buffer, room, 4, 4092, 8, 0, NULL, NULL));
    TRY("fill: no buffer", CL_INVALID_MEM_OBJECT, clEnqueueFillBuffer(queue, NULL, room, 4, 0, 16, 0, NULL, NULL));
}

static void maps(const struct cl *cl)
{
    cl_command_queue queue = cl->queue;
    MAKE("map: no queue", CL_INVALID_COMMAND_QUEUE,
         clEnqueueMapBuffer(NULL, buffer, CL_TRUE, CL_MAP_READ, 0, 4, 0, NULL, NULL, &code));
    MAKE("map: no buffer", CL_INVALID_MEM_OBJECT,
         clEnqueueMapBuffer(queue, NULL, CL_TRUE, CL_MAP_READ, 0, 4, 0, NULL, NULL, &code));
    MAKE("map: past the end", CL_INVALID_VALUE,
         clEnqueueMapBuffer(queue, buffer, CL_TRUE, CL_MAP_READ, 4000, 200, 0, NULL, NULL, &code));
    MAKE_EITHER("map: unknown flags", CL_INVALID_VALUE, CL_SUCCESS,
         clEnqueueMapBuffer(queue, buffer, CL_TRUE, 1 << 20, 0, 4, 0, NULL, NULL, &code));
    MAKE_EITHER("map: invalidate and read", CL_INVALID_VALUE, CL_SUCCESS,
         clEnqueueMapBuffer(queue, buffer, CL_TRUE, CL_MAP_READ | CL_MAP_WRITE_INVALIDATE_REGION, 0, 4, 0, NULL, NULL,
                            &code));
    MAKE("map: write of read-only for the host", CL_INVALID_OPERATION,
         clEnqueueMapBuffer(queue, read_only_host, CL_TRUE, CL_MAP_WRITE, 0, 4, 0, NULL, NULL, &code));
    MAKE("map: read of write-only for the host", CL_INVALID_OPERATION,
         clEnqueueMapBuffer(queue, write_only_host, CL_TRUE, CL_MAP_READ, 0, 4, 0, NULL, NULL, &code));
    MAKE("map: count without list", CL_INVALID_EVENT_WAIT_LIST,
         clEnqueueMapBuffer(queue, buffer, CL_TRUE, CL_MAP_READ, 0, 4, 1, NULL, NULL, &code));
    TRY("unmap: not mapped", CL_INVALID_VALUE, clEnqueueUnmapMemObject(queue, buffer, room, 0, NULL, NULL));
    TRY("unmap: no object", CL_INVALID_MEM_OBJECT, clEnqueueUnmapMemObject(queue, NULL, room, 0, NULL, NULL));
}

static void images(const struct cl *cl)
{
    cl_image_format format = {CL_RGBA, CL_UNSIGNED_INT8};
    cl_image_desc desc = {0};
    desc.image_type = CL_MEM_OBJECT_IMAGE2D;
    desc.image_width = desc.image_height = 8;
    cl_mem image = clCreateImage(cl->context, 0, &format, &desc, NULL, &code);
    CREATED(code);
    format.image_channel_data_type = CL_FLOAT;
    cl_mem floats = clCreateImage(cl->context, 0, &format, &desc, NULL, &code);
    CREATED(code);
    const size_t zero[3] = {0, 0, 0}, all[3] = {8, 8, 1}, past[3] = {9, 8, 1}, deep[3] = {8, 8, 2}, empty[3] = {0, 8, 1};
    const cl_uint color[4] = {0, 0, 0, 0};
    cl_command_queue queue = cl->queue;
    TRY("image read: past the edge", CL_INVALID_VALUE,
        clEnqueueReadImage(queue, image, CL_TRUE, zero, past, 0, 0, room, 0, NULL, NULL));
    TRY("image read: too deep", CL_INVALID_VALUE,
        clEnqueueReadImage(queue, image, CL_TRUE, zero, deep, 0, 0, room, 0, NULL, NULL));
    TRY("image read: no memory", CL_INVALID_VALUE,
        clEnqueueReadImage(queue, image, CL_TRUE, zero, all, 0, 0, NULL, 0, NULL, NULL));
    TRY("image read: no image", CL_INVALID_MEM_OBJECT,
        clEnqueueReadImage(queue, NULL, CL_TRUE, zero, all, 0, 0, room, 0, NULL, NULL));
    TRY("image read: of a buffer", CL_INVALID_MEM_OBJECT,
        clEnqueueReadImage(queue, buffer, CL_TRUE, zero, all, 0, 0, room, 0, NULL, NULL));
    EITHER("image write: short row pitch", CL_INVALID_VALUE, CL_SUCCESS,
        clEnqueueWriteImage(queue, image, CL_TRUE, zero, all, 16, 0, room, 0, NULL, NULL));
    EITHER("image write: empty region", CL_INVALID_VALUE, CL_SUCCESS,
        clEnqueueWriteImage(queue, image, CL_TRUE, zero, empty, 0, 0, room, 0, NULL, NULL));
    TRY("image copy: formats differ", CL_IMAGE_FORMAT_MISMATCH,
        clEnqueueCopyImage(queue, image, floats, zero, zero, all, 0, NULL, NULL));
    TRY("image copy: overlap", CL_MEM_COPY_OVERLAP,
        clEnqueueCopyImage(queue, image, image, zero, zero, all, 0, NULL, NULL));
    TRY("image fill: past the edge", CL_INVALID_VALUE,
        clEnqueueFillImage(queue, image, color, zero, past, 0, NULL, NULL));
    TRY("image fill: no colour", CL_INVALID_VALUE, clEnqueueFillImage(queue, image, NULL, zero, all, 0, NULL, NULL));
    TRY("image to buffer: past its end", CL_INVALID_VALUE,
        clEnqueueCopyImageToBuffer(queue, image, tiny, zero, all, 0, 0, NULL, NULL));
    TRY("buffer to image: past its end", CL_INVALID_VALUE,
        clEnqueueCopyBufferToImage(queue, tiny, image, 0, zero, all, 0, NULL, NULL));
    CHECK(clReleaseMemObject(image));
    CHECK(clReleaseMemObject(floats));
}

static void kernels(const struct cl *cl)
{
    cl_program program = build(cl,
                               "kernel void f(global int *x) { x[0] = 1; }\n"
                               "kernel __attribute__((reqd_work_group_size(4, 1, 1))) void four(global int *x) { x[0] = 1; }",
                               "");
    cl_kernel kernel = new_kernel(program, "f"), four = new_kernel(program, "four"), unset = new_kernel(program, "f");
    size_t global[3] = {16, 1, 1}, local[3] = {4, 1, 1}, odd[3] = {3, 1, 1}, huge[3] = {1 << 20, 1, 1};
    size_t large[3] = {1 << 20, 1, 1}, eight[3] = {8, 1, 1};
    cl_command_queue queue = cl->queue;
    CHECK(clSetKernelArg(kernel, 0, sizeof buffer, &buffer));
    CHECK(clSetKernelArg(four, 0, sizeof buffer, &buffer));
    TRY("kernel: no queue", CL_INVALID_COMMAND_QUEUE,
        clEnqueueNDRangeKernel(NULL, kernel, 1, NULL, global, NULL, 0, NULL, NULL));
    TRY("kernel: 0 dimensions", CL_INVALID_WORK_DIMENSION,
        clEnqueueNDRangeKernel(queue, kernel, 0, NULL, global, NULL, 0, NULL, NULL));
    TRY("kernel: 4 dimensions", CL_INVALID_WORK_DIMENSION,
        clEnqueueNDRangeKernel(queue, kernel, 4, NULL, global, NULL, 0, NULL, NULL));
    TRY("kernel: local size no divisor", CL_INVALID_WORK_GROUP_SIZE,
        clEnqueueNDRangeKernel(queue, kernel, 1, NULL, global, odd, 0, NULL, NULL));
    EITHER("kernel: local size too large", CL_INVALID_WORK_ITEM_SIZE, CL_INVALID_WORK_GROUP_SIZE,
        clEnqueueNDRangeKernel(queue, kernel, 1, NULL, large, huge, 0, NULL, NULL));
    TRY("kernel: not the required local size", CL_INVALID_WORK_GROUP_SIZE,
        clEnqueueNDRangeKernel(queue, four, 1, NULL, global, eight, 0, NULL, NULL));
    TRY("kernel: argument not set", CL_INVALID_KERNEL_ARGS,
        clEnqueueNDRangeKernel(queue, unset, 1, NULL, global, local, 0, NULL, NULL));
    CHECK(clFinish(queue));
    CHECK(clReleaseKernel(kernel));
    CHECK(clReleaseKernel(four));
    CHECK(clReleaseKernel(unset));
    CHECK(clReleaseProgram(program));
}

static void synchronisation(const struct cl *cl)
{
    cl_command_queue queue = cl->queue;
    cl_event event, none = NULL;
    TRY("marker: no queue", CL_INVALID_COMMAND_QUEUE, clEnqueueMarkerWithWaitList(NULL, 0, NULL, &event));
    TRY("marker: count without list", CL_INVALID_EVENT_WAIT_LIST, clEnqueueMarkerWithWaitList(queue, 1, NULL, &event));
    TRY("marker: NULL in the list", CL_INVALID_EVENT_WAIT_LIST, clEnqueueMarkerWithWaitList(queue, 1, &none, &event));
    TRY("marker: of another context", CL_INVALID_CONTEXT, clEnqueueMarkerWithWaitList(queue, 1, &foreign_event, &event));
    TRY("barrier: no queue", CL_INVALID_COMMAND_QUEUE, clEnqueueBarrierWithWaitList(NULL, 0, NULL, NULL));
    TRY("barrier: count without list", CL_INVALID_EVENT_WAIT_LIST, clEnqueueBarrierWithWaitList(queue, 1, NULL, NULL));
    TRY("migrate: nothing", CL_INVALID_VALUE, clEnqueueMigrateMemObjects(queue, 0, NULL, 0, 0, NULL, NULL));
    TRY("migrate: unknown flags", CL_INVALID_VALUE,
        clEnqueueMigrateMemObjects(queue, 1, &buffer, 1 << 20, 0, NULL, NULL));
    cl_event events[2] = {new_user_event(cl), foreign_event};
    TRY("wait: of two contexts", CL_INVALID_CONTEXT, clWaitForEvents(2, events));
    CHECK(clReleaseEvent(events[0]));
}

int main(void)
{
    struct cl cl = start(0);
    buffer = new_buffer(&cl, CL_MEM_READ_WRITE, 4096, NULL);
    tiny = new_buffer(&cl, CL_MEM_READ_WRITE, 64, NULL);
    read_only_host = new_buffer(&cl, CL_MEM_HOST_READ_ONLY, 64, NULL);
    write_only_host = new_buffer(&cl, CL_MEM_HOST_WRITE_ONLY, 64, NULL);
    no_host = new_buffer(&cl, CL_MEM_HOST_NO_ACCESS, 64, NULL);
    other_context = clCreateContext(NULL, 1, &cl.device, NULL, NULL, &code);
    CREATED(code);
    foreign = clCreateBuffer(other_context, 0, 64, NULL, &code);
    CREATED(code);
    foreign_event = clCreateUserEvent(other_context, &code);
    CREATED(code);
    transfers(&cl);
    rectangles(&cl);
    copies_and_fills(&cl);
    maps(&cl);
    images(&cl);
    kernels(&cl);
    synchronisation(&cl);
    CHECK(clSetUserEventStatus(foreign_event, CL_COMPLETE));
    CHECK(clReleaseEvent(foreign_event));
    cl_mem mems[] = {buffer, tiny, read_only_host, write_only_host, no_host, foreign};
    for (int i = 0; i < 6; i++)
        CHECK(clReleaseMemObject(mems[i]));
    CHECK(clReleaseContext(other_context));
    stop(&cl);
    return 0;
}
