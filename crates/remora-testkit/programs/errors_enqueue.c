/*
 * What all functions that enqueue something have in common, for each of them: no queue, wrong wait lists, objects that are
 * none or of another context. `errors_enqueue all` has those too that PoCL crashes of.
 */
#include "errors.h"

static char room[4096];
static const size_t zero[3] = {0, 0, 0}, part[3] = {4, 4, 1}, one = 1;
static const cl_uint color[4] = {1, 2, 3, 4};
static cl_int number = 7;

/* What the calls use. */
struct things {
    cl_mem buffer, other, image, another;
    cl_kernel kernel;
};
static struct things own, foreign, none, now;

#define ARGUMENTS cl_command_queue queue, cl_uint count, const cl_event *list, cl_event *event
#define REST count, list, event
typedef cl_int enqueue(ARGUMENTS);

static cl_int read_buffer(ARGUMENTS)
{
    return clEnqueueReadBuffer(queue, now.buffer, CL_TRUE, 0, 4, room, REST);
}
static cl_int write_buffer(ARGUMENTS)
{
    return clEnqueueWriteBuffer(queue, now.buffer, CL_TRUE, 0, 4, room, REST);
}
static cl_int read_rect(ARGUMENTS)
{
    return clEnqueueReadBufferRect(queue, now.buffer, CL_TRUE, zero, zero, part, 0, 0, 0, 0, room, REST);
}
static cl_int write_rect(ARGUMENTS)
{
    return clEnqueueWriteBufferRect(queue, now.buffer, CL_TRUE, zero, zero, part, 0, 0, 0, 0, room, REST);
}
static cl_int copy_buffer(ARGUMENTS)
{
    return clEnqueueCopyBuffer(queue, now.buffer, now.other, 0, 0, 4, REST);
}
static cl_int copy_rect(ARGUMENTS)
{
    return clEnqueueCopyBufferRect(queue, now.buffer, now.other, zero, zero, part, 0, 0, 0, 0, REST);
}
static cl_int fill_buffer(ARGUMENTS)
{
    return clEnqueueFillBuffer(queue, now.buffer, &number, 4, 0, 16, REST);
}
static cl_int map_buffer(ARGUMENTS)
{
    void *mapped = clEnqueueMapBuffer(queue, now.buffer, CL_TRUE, CL_MAP_READ, 0, 4, REST, &code);
    EXPECT((mapped != NULL) == (code == CL_SUCCESS));
    if (mapped)
        CHECK(clEnqueueUnmapMemObject(queue, now.buffer, mapped, 0, NULL, NULL));
    return code;
}
static cl_int read_image(ARGUMENTS)
{
    return clEnqueueReadImage(queue, now.image, CL_TRUE, zero, part, 0, 0, room, REST);
}
static cl_int write_image(ARGUMENTS)
{
    return clEnqueueWriteImage(queue, now.image, CL_TRUE, zero, part, 0, 0, room, REST);
}
static cl_int copy_image(ARGUMENTS)
{
    return clEnqueueCopyImage(queue, now.image, now.another, zero, zero, part, REST);
}
static cl_int fill_image(ARGUMENTS)
{
    return clEnqueueFillImage(queue, now.image, color, zero, part, REST);
}
static cl_int image_to_buffer(ARGUMENTS)
{
    return clEnqueueCopyImageToBuffer(queue, now.image, now.buffer, zero, part, 0, REST);
}
static cl_int buffer_to_image(ARGUMENTS)
{
    return clEnqueueCopyBufferToImage(queue, now.buffer, now.image, 0, zero, part, REST);
}
static cl_int map_image(ARGUMENTS)
{
    size_t row, slice;
    void *mapped = clEnqueueMapImage(queue, now.image, CL_TRUE, CL_MAP_READ, zero, part, &row, &slice, REST, &code);
    EXPECT((mapped != NULL) == (code == CL_SUCCESS));
    if (mapped)
        CHECK(clEnqueueUnmapMemObject(queue, now.image, mapped, 0, NULL, NULL));
    return code;
}
static cl_int migrate(ARGUMENTS)
{
    return clEnqueueMigrateMemObjects(queue, 1, &now.buffer, 0, REST);
}
static cl_int launch(ARGUMENTS)
{
    return clEnqueueNDRangeKernel(queue, now.kernel, 1, NULL, &one, NULL, REST);
}
static cl_int task(ARGUMENTS)
{
    return clEnqueueTask(queue, now.kernel, REST);
}
static cl_int marker(ARGUMENTS)
{
    return clEnqueueMarkerWithWaitList(queue, REST);
}
static cl_int barrier(ARGUMENTS)
{
    return clEnqueueBarrierWithWaitList(queue, REST);
}

/* `missing` is what it says without its objects; PoCL 3.1 crashes or hangs after some of this where a function is FRAGILE. */
enum { FRAGILE = 1 };
static const struct {
    const char *name;
    enqueue *call;
    cl_int missing;
    int fragile;
} functions[] = {
    {"read", read_buffer, CL_INVALID_MEM_OBJECT, 0},
    {"write", write_buffer, CL_INVALID_MEM_OBJECT, 0},
    {"read rect", read_rect, CL_INVALID_MEM_OBJECT, 0},
    {"write rect", write_rect, CL_INVALID_MEM_OBJECT, 0},
    {"copy", copy_buffer, CL_INVALID_MEM_OBJECT, 0},
    {"copy rect", copy_rect, CL_INVALID_MEM_OBJECT, FRAGILE},
    {"fill", fill_buffer, CL_INVALID_MEM_OBJECT, 0},
    {"map", map_buffer, CL_INVALID_MEM_OBJECT, 0},
    {"read image", read_image, CL_INVALID_MEM_OBJECT, 0},
    {"write image", write_image, CL_INVALID_MEM_OBJECT, 0},
    {"copy image", copy_image, CL_INVALID_MEM_OBJECT, 0},
    {"fill image", fill_image, CL_INVALID_MEM_OBJECT, 0},
    {"image to buffer", image_to_buffer, CL_INVALID_MEM_OBJECT, 0},
    {"buffer to image", buffer_to_image, CL_INVALID_MEM_OBJECT, 0},
    {"map image", map_image, CL_INVALID_MEM_OBJECT, 0},
    {"migrate", migrate, CL_INVALID_MEM_OBJECT, 0},
    {"kernel", launch, CL_INVALID_KERNEL, FRAGILE},
    {"task", task, CL_INVALID_KERNEL, FRAGILE},
    {"marker", marker, CL_SUCCESS, 0},
    {"barrier", barrier, CL_SUCCESS, 0},
};

static struct things things_of(cl_context context, cl_device_id device)
{
    const char *source = "kernel void f(global int *x) { *x = 1; }";
    const cl_image_format format = {CL_RGBA, CL_UNSIGNED_INT8};
    cl_image_desc desc = {0};
    desc.image_type = CL_MEM_OBJECT_IMAGE2D;
    desc.image_width = desc.image_height = 8;
    struct things things;
    things.buffer = clCreateBuffer(context, 0, 256, NULL, &code);
    CREATED(code);
    things.other = clCreateBuffer(context, 0, 256, NULL, &code);
    CREATED(code);
    things.image = clCreateImage(context, 0, &format, &desc, NULL, &code);
    CREATED(code);
    things.another = clCreateImage(context, 0, &format, &desc, NULL, &code);
    CREATED(code);
    cl_program program = clCreateProgramWithSource(context, 1, &source, NULL, &code);
    CREATED(code);
    CHECK(clBuildProgram(program, 1, &device, "", NULL, NULL));
    things.kernel = new_kernel(program, "f");
    CHECK(clSetKernelArg(things.kernel, 0, sizeof(cl_mem), &things.buffer));
    CHECK(clReleaseProgram(program));
    return things;
}

static void release(struct things *things)
{
    CHECK(clReleaseMemObject(things->buffer));
    CHECK(clReleaseMemObject(things->other));
    CHECK(clReleaseMemObject(things->image));
    CHECK(clReleaseMemObject(things->another));
    CHECK(clReleaseKernel(things->kernel));
}

int main(int argc, char **argv)
{
    int all = argc > 1 && strcmp(argv[1], "all") == 0;
    struct cl cl = start(0);
    cl_context other = clCreateContext(NULL, 1, &cl.device, NULL, NULL, &code);
    CREATED(code);
    cl_event gate = new_user_event(&cl), nothing[2] = {gate, NULL}, event;
    cl_event foreign_event[2] = {gate, clCreateUserEvent(other, &code)};
    CREATED(code);
    CHECK(clSetUserEventStatus(gate, CL_COMPLETE));
    own = things_of(cl.context, cl.device);
    foreign = things_of(other, cl.device);
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        enqueue *call = functions[i].call;
        printf("%s\n", functions[i].name);
        now = own;
        TRY(" good", CL_SUCCESS, call(cl.queue, 0, NULL, NULL));
        TRY(" good, with an event", CL_SUCCESS, call(cl.queue, 1, &gate, &event));
        CHECK(clWaitForEvents(1, &event));
        CHECK(clReleaseEvent(event));
        TRY(" no queue", CL_INVALID_COMMAND_QUEUE, call(NULL, 0, NULL, NULL));
        if (all || !functions[i].fragile) {
            TRY(" list without count", CL_INVALID_EVENT_WAIT_LIST, call(cl.queue, 0, &gate, NULL));
            TRY(" count without list", CL_INVALID_EVENT_WAIT_LIST, call(cl.queue, 1, NULL, NULL));
            TRY(" NULL in the list", CL_INVALID_EVENT_WAIT_LIST, call(cl.queue, 2, nothing, NULL));
            TRY(" event of another context", CL_INVALID_CONTEXT, call(cl.queue, 2, foreign_event, NULL));
        }
        if (functions[i].missing != CL_SUCCESS) {
            now = none;
            if (all || !functions[i].fragile)
                TRY(" no object", functions[i].missing, call(cl.queue, 0, NULL, NULL));
            now = foreign;
            TRY(" object of another context", CL_INVALID_CONTEXT, call(cl.queue, 0, NULL, NULL));
        }
        if (all) {
            /* An event is given only by a call that succeeds. */
            event = (cl_event)room;
            now = own;
            EXPECT(call(cl.queue, 0, &gate, &event) != CL_SUCCESS && event == (cl_event)room);
        }
    }
    CHECK(clFinish(cl.queue));
    release(&own);
    release(&foreign);
    CHECK(clSetUserEventStatus(foreign_event[1], CL_COMPLETE));
    CHECK(clReleaseEvent(foreign_event[1]));
    CHECK(clReleaseEvent(gate));
    CHECK(clReleaseContext(other));
    stop(&cl);
    return 0;
}
