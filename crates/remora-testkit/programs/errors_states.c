/*
 * Platforms, devices, contexts, queues, buffers and events: what their functions say to bad arguments and in the wrong
 * state. `errors_states all` has those calls too that PoCL crashes or hangs of.
 */
#include "errors.h"

static int all;
static char room[8192];
static size_t size;

static void CL_CALLBACK ignore_event(cl_event event, cl_int status, void *data)
{
    (void)event;
    (void)status;
    (void)data;
}

static void devices(const struct cl *cl)
{
    cl_uint count = 0;
    cl_device_id device = NULL, parts[64];
    cl_ulong now, then;
    TRY("platforms: no entries", CL_INVALID_VALUE, clGetPlatformIDs(0, (cl_platform_id *)room, &count));
    TRY("devices: several types", CL_SUCCESS,
        clGetDeviceIDs(cl->platform, CL_DEVICE_TYPE_CPU | CL_DEVICE_TYPE_GPU, 1, &device, &count));
    TRY("devices: default", CL_SUCCESS, clGetDeviceIDs(cl->platform, CL_DEVICE_TYPE_DEFAULT, 1, &device, NULL));
    TRY("devices: type with unknown bits", CL_INVALID_DEVICE_TYPE,
        clGetDeviceIDs(cl->platform, (cl_device_type)1 << 40, 1, &device, NULL));
    TRY("retain device: of a platform", CL_SUCCESS, clRetainDevice(cl->device));
    TRY("release device: of a platform", CL_SUCCESS, clReleaseDevice(cl->device));
    static const struct {
        const char *name;
        cl_int wanted;
        cl_device_partition_property list[6];
    } lists[] = {
        {"unknown kind", CL_INVALID_VALUE, {0x7777, 1, 0}},
        {"counts of too many", CL_INVALID_DEVICE_PARTITION_COUNT, {CL_DEVICE_PARTITION_BY_COUNTS, 1 << 20, 0, 0}},
    };
    cl_uint units = 0;
    CHECK(clGetDeviceInfo(cl->device, CL_DEVICE_PARTITION_MAX_SUB_DEVICES, sizeof units, &units, NULL));
    TRY("sub-devices: no device", CL_INVALID_DEVICE, clCreateSubDevices(NULL, lists[0].list, 64, parts, &count));
    if (all && units > 1)
        for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
            TRY(lists[i].name, lists[i].wanted, clCreateSubDevices(cl->device, lists[i].list, 64, parts, &count));
    TRY("timers: no device", CL_INVALID_DEVICE, clGetDeviceAndHostTimer(NULL, &now, &then));
    cl_ulong resolution = 0;
    CHECK(clGetPlatformInfo(cl->platform, CL_PLATFORM_HOST_TIMER_RESOLUTION, sizeof resolution, &resolution, NULL));
    cl_int without = resolution ? CL_INVALID_VALUE : CL_INVALID_OPERATION;
    TRY("timers: no place", without, clGetDeviceAndHostTimer(cl->device, NULL, &then));
    TRY("timers: no other place", without, clGetDeviceAndHostTimer(cl->device, &now, NULL));
    TRY("host timer: no device", CL_INVALID_DEVICE, clGetHostTimer(NULL, &then));
    TRY("host timer: no place", without, clGetHostTimer(cl->device, NULL));
}

static void contexts(const struct cl *cl)
{
    const cl_context_properties platform[] = {CL_CONTEXT_PLATFORM, (cl_context_properties)cl->platform, 0};
    const cl_context_properties unknown[] = {CL_CONTEXT_PLATFORM, (cl_context_properties)cl->platform, 0x7777, 1, 0};
    const cl_context_properties sync[] = {CL_CONTEXT_PLATFORM, (cl_context_properties)cl->platform,
                                          CL_CONTEXT_INTEROP_USER_SYNC, 7, 0};
    const cl_context_properties nowhere[] = {CL_CONTEXT_PLATFORM, 0, 0};
    cl_device_id twice[] = {cl->device, cl->device}, second[] = {cl->device, NULL};
    MAKE("context: list without count", CL_INVALID_VALUE, clCreateContext(platform, 0, &cl->device, NULL, NULL, &code));
    MAKE("context: second device NULL", CL_INVALID_DEVICE, clCreateContext(platform, 2, second, NULL, NULL, &code));
    MAKE("context: unknown property", CL_INVALID_PROPERTY, clCreateContext(unknown, 1, &cl->device, NULL, NULL, &code));
    MAKE("context: value of a property", CL_INVALID_PROPERTY, clCreateContext(sync, 1, &cl->device, NULL, NULL, &code));
    MAKE("context: NULL platform", CL_INVALID_PLATFORM, clCreateContext(nowhere, 1, &cl->device, NULL, NULL, &code));
    cl_context context = clCreateContext(platform, 2, twice, NULL, NULL, &code);
    report("context: a device twice", CL_SUCCESS, code);
    cl_uint number = 0;
    CHECK(clGetContextInfo(context, CL_CONTEXT_NUM_DEVICES, sizeof number, &number, NULL));
    printf("its devices: %u\n", number);
    TRY("context callback: no context", CL_INVALID_CONTEXT, clSetContextDestructorCallback(NULL, NULL, NULL));
    TRY("context callback: none", CL_INVALID_VALUE, clSetContextDestructorCallback(context, NULL, NULL));
    CHECK(clReleaseContext(context));
    MAKE("from type: data without callback", CL_INVALID_VALUE,
         clCreateContextFromType(platform, CL_DEVICE_TYPE_ALL, NULL, room, &code));
    MAKE("from type: unknown property", CL_INVALID_PROPERTY,
         clCreateContextFromType(unknown, CL_DEVICE_TYPE_ALL, NULL, NULL, &code));
    if (all) {
        MAKE("from type: unknown type", CL_INVALID_DEVICE_TYPE,
             clCreateContextFromType(platform, (cl_device_type)1 << 40, NULL, NULL, &code));
        MAKE("from type: none of the type", CL_DEVICE_NOT_FOUND,
             clCreateContextFromType(platform, CL_DEVICE_TYPE_CUSTOM, NULL, NULL, &code));
    }
}

static void queues(const struct cl *cl)
{
    static const struct {
        const char *name;
        cl_int wanted;
        cl_queue_properties list[5];
    } lists[] = {
        {"queue: empty list", CL_SUCCESS, {0}},
        {"queue: unknown bits", CL_INVALID_VALUE, {CL_QUEUE_PROPERTIES, 1 << 20, 0}},
    };
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        cl_command_queue queue = clCreateCommandQueueWithProperties(cl->context, cl->device, lists[i].list, &code);
        report(lists[i].name, lists[i].wanted, code);
        if (queue)
            CHECK(clReleaseCommandQueue(queue));
    }
    MAKE("queue: no context", CL_INVALID_CONTEXT,
         clCreateCommandQueueWithProperties(NULL, cl->device, lists[0].list, &code));
    MAKE("queue: no device", CL_INVALID_DEVICE,
         clCreateCommandQueueWithProperties(cl->context, NULL, lists[0].list, &code));
    cl_command_queue queue = cl->queue;
    TRY("queue info: size of a host queue", CL_INVALID_COMMAND_QUEUE,
        clGetCommandQueueInfo(queue, CL_QUEUE_SIZE, sizeof room, room, NULL));
    TRY("old marker: no queue", CL_INVALID_COMMAND_QUEUE, clEnqueueMarker(NULL, (cl_event *)room));
    TRY("old marker: no event", CL_INVALID_VALUE, clEnqueueMarker(queue, NULL));
    TRY("old barrier: no queue", CL_INVALID_COMMAND_QUEUE, clEnqueueBarrier(NULL));
    if (all) {
        cl_event none = NULL;
        TRY("old wait: no queue", CL_INVALID_COMMAND_QUEUE, clEnqueueWaitForEvents(NULL, 1, &none));
        TRY("old wait: no events", CL_INVALID_VALUE, clEnqueueWaitForEvents(queue, 0, NULL));
        TRY("old wait: NULL event", CL_INVALID_EVENT, clEnqueueWaitForEvents(queue, 1, &none));
    }
}

static void buffers(const struct cl *cl)
{
    static const struct {
        const char *name;
        cl_int wanted;
        cl_mem_flags parent, part;
    } flags[] = {
        {"read-only of write-only", CL_INVALID_VALUE, CL_MEM_WRITE_ONLY, CL_MEM_READ_ONLY},
        {"read-write of write-only", CL_INVALID_VALUE, CL_MEM_WRITE_ONLY, CL_MEM_READ_WRITE},
        {"write-only of read-only", CL_INVALID_VALUE, CL_MEM_READ_ONLY, CL_MEM_WRITE_ONLY},
        {"read-only of read-write", CL_SUCCESS, CL_MEM_READ_WRITE, CL_MEM_READ_ONLY},
        {"host read of host write", CL_INVALID_VALUE, CL_MEM_HOST_WRITE_ONLY, CL_MEM_HOST_READ_ONLY},
        {"host write of host read", CL_INVALID_VALUE, CL_MEM_HOST_READ_ONLY, CL_MEM_HOST_WRITE_ONLY},
        {"host read of no host", CL_INVALID_VALUE, CL_MEM_HOST_NO_ACCESS, CL_MEM_HOST_READ_ONLY},
        {"no host of host read", CL_SUCCESS, CL_MEM_HOST_READ_ONLY, CL_MEM_HOST_NO_ACCESS},
        {"use", CL_INVALID_VALUE, 0, CL_MEM_USE_HOST_PTR},
        {"copy", CL_INVALID_VALUE, 0, CL_MEM_COPY_HOST_PTR},
        {"alloc", CL_INVALID_VALUE, 0, CL_MEM_ALLOC_HOST_PTR},
        {"unknown", CL_INVALID_VALUE, 0, (cl_mem_flags)1 << 40},
    };
    const cl_buffer_region half = {0, 128}, wraps = {128, (size_t)-64};
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        cl_mem parent = new_buffer(cl, flags[i].parent, 256, NULL);
        cl_mem part = clCreateSubBuffer(parent, flags[i].part, CL_BUFFER_CREATE_TYPE_REGION, &half, &code);
        printf("sub-buffer: ");
        report(flags[i].name, flags[i].wanted, code);
        if (part)
            CHECK(clReleaseMemObject(part));
        CHECK(clReleaseMemObject(parent));
    }
    cl_mem buffer = new_buffer(cl, 0, 4096, NULL);
    MAKE("sub-buffer: wraps round", CL_INVALID_VALUE,
         clCreateSubBuffer(buffer, 0, CL_BUFFER_CREATE_TYPE_REGION, &wraps, &code));
    MAKE("buffer: two accesses for the host", CL_INVALID_VALUE,
         clCreateBuffer(cl->context, CL_MEM_HOST_READ_ONLY | CL_MEM_HOST_WRITE_ONLY, 16, NULL, &code));
    TRY("mem callback: no object", CL_INVALID_MEM_OBJECT, clSetMemObjectDestructorCallback(NULL, NULL, NULL));

    cl_command_queue queue = cl->queue;
    void *mapped = clEnqueueMapBuffer(queue, buffer, CL_TRUE, CL_MAP_WRITE, 0, 64, 0, NULL, NULL, &code);
    report("map", CL_SUCCESS, code);
    TRY("unmap: no pointer", CL_INVALID_VALUE, clEnqueueUnmapMemObject(queue, buffer, NULL, 0, NULL, NULL));
    TRY("unmap", CL_SUCCESS, clEnqueueUnmapMemObject(queue, buffer, mapped, 0, NULL, NULL));
    CHECK(clFinish(queue));
    TRY("unmap: again", CL_INVALID_VALUE, clEnqueueUnmapMemObject(queue, buffer, mapped, 0, NULL, NULL));
    TRY("map: no size", CL_INVALID_VALUE,
        (clEnqueueMapBuffer(queue, buffer, CL_TRUE, CL_MAP_READ, 0, 0, 0, NULL, NULL, &code), code));

    const size_t zero[3] = {0, 0, 0}, box[3] = {16, 4, 2}, far[3] = {0, 0, 1 << 20}, flat[3] = {16, 0, 1};
    static const struct {
        const char *name;
        size_t row, slice;
    } pitches[] = {{"row too short", 8, 0}, {"slice too short", 32, 64}};
    for (size_t i = 0; i < 2; i++) {
        size_t row = pitches[i].row, slice = pitches[i].slice;
        printf("rect: %s\n", pitches[i].name);
        TRY(" read", CL_INVALID_VALUE,
            clEnqueueReadBufferRect(queue, buffer, CL_TRUE, zero, zero, box, row, slice, 0, 0, room, 0, NULL, NULL));
        TRY(" read, host", CL_INVALID_VALUE,
            clEnqueueReadBufferRect(queue, buffer, CL_TRUE, zero, zero, box, 0, 0, row, slice, room, 0, NULL, NULL));
        TRY(" write", CL_INVALID_VALUE,
            clEnqueueWriteBufferRect(queue, buffer, CL_TRUE, zero, zero, box, row, slice, 0, 0, room, 0, NULL, NULL));
        TRY(" write, host", CL_INVALID_VALUE,
            clEnqueueWriteBufferRect(queue, buffer, CL_TRUE, zero, zero, box, 0, 0, row, slice, room, 0, NULL, NULL));
    }
    TRY("rect: read far away", CL_INVALID_VALUE,
        clEnqueueReadBufferRect(queue, buffer, CL_TRUE, far, zero, box, 0, 0, 0, 0, room, 0, NULL, NULL));
    TRY("rect: write without rows", CL_INVALID_VALUE,
        clEnqueueWriteBufferRect(queue, buffer, CL_TRUE, zero, zero, flat, 0, 0, 0, 0, room, 0, NULL, NULL));
    TRY("rect: read without memory", CL_INVALID_VALUE,
        clEnqueueReadBufferRect(queue, buffer, CL_TRUE, zero, zero, box, 0, 0, 0, 0, NULL, 0, NULL, NULL));
    if (all) {
        TRY("rect: no origin", CL_INVALID_VALUE,
            clEnqueueReadBufferRect(queue, buffer, CL_TRUE, NULL, zero, box, 0, 0, 0, 0, room, 0, NULL, NULL));
        TRY("migrate: no list", CL_INVALID_VALUE, clEnqueueMigrateMemObjects(queue, 1, NULL, 0, 0, NULL, NULL));
    }
    CHECK(clFinish(queue));
    CHECK(clReleaseMemObject(buffer));
}

static void events(const struct cl *cl)
{
    cl_event user = new_user_event(cl), marker, profiled;
    cl_command_queue queue = new_queue(cl, CL_QUEUE_PROFILING_ENABLE);
    cl_ulong when;
    CHECK(clEnqueueMarkerWithWaitList(cl->queue, 0, NULL, &marker));
    CHECK(clEnqueueMarkerWithWaitList(queue, 1, &user, &profiled));
    TRY("set status: of a command", CL_INVALID_EVENT, clSetUserEventStatus(marker, CL_COMPLETE));
    TRY("set status: running", CL_INVALID_VALUE, clSetUserEventStatus(user, CL_RUNNING));
    TRY("callback: no event", CL_INVALID_EVENT, clSetEventCallback(NULL, CL_COMPLETE, ignore_event, NULL));
    TRY("callback: unknown status", CL_INVALID_VALUE, clSetEventCallback(user, 77, ignore_event, NULL));
    TRY("callback: of CL_QUEUED", CL_INVALID_VALUE, clSetEventCallback(user, CL_QUEUED, ignore_event, NULL));
    TRY("profiling: no event", CL_INVALID_EVENT,
        clGetEventProfilingInfo(NULL, CL_PROFILING_COMMAND_START, sizeof when, &when, NULL));
    TRY("profiling: user event", CL_PROFILING_INFO_NOT_AVAILABLE,
        clGetEventProfilingInfo(user, CL_PROFILING_COMMAND_START, sizeof when, &when, NULL));
    TRY("profiling: not enabled", CL_PROFILING_INFO_NOT_AVAILABLE,
        clGetEventProfilingInfo(marker, CL_PROFILING_COMMAND_START, sizeof when, &when, NULL));
    TRY("profiling: not complete", CL_PROFILING_INFO_NOT_AVAILABLE,
        clGetEventProfilingInfo(profiled, CL_PROFILING_COMMAND_END, sizeof when, &when, NULL));
    TRY("set status", CL_SUCCESS, clSetUserEventStatus(user, CL_COMPLETE));
    TRY("set status: again", CL_INVALID_OPERATION, clSetUserEventStatus(user, CL_COMPLETE));
    CHECK(clFinish(queue));
    CHECK(clFinish(cl->queue));
    TRY("profiling: unknown name", CL_INVALID_VALUE, clGetEventProfilingInfo(profiled, 1, sizeof when, &when, NULL));
    TRY("profiling: no room", CL_INVALID_VALUE,
        clGetEventProfilingInfo(profiled, CL_PROFILING_COMMAND_END, 4, &when, &size));
    TRY("retain event: none", CL_INVALID_EVENT, clRetainEvent(NULL));
    TRY("release event: none", CL_INVALID_EVENT, clReleaseEvent(NULL));
    CHECK(clReleaseEvent(marker));
    CHECK(clReleaseEvent(profiled));
    CHECK(clReleaseEvent(user));
    sleep_ms(5);
    CHECK(clReleaseCommandQueue(queue));
}

int main(int argc, char **argv)
{
    all = argc > 1 && strcmp(argv[1], "all") == 0;
    struct cl cl = start(0);
    devices(&cl);
    contexts(&cl);
    queues(&cl);
    buffers(&cl);
    events(&cl);
    stop(&cl);
    return 0;
}
