/* Semaphores: between queues, asked about, and misused. A device without them prints that it has none. */
#include "common.h"

typedef void *semaphore_t;
typedef cl_ulong property_t;

enum {
    TYPE = 0x203d,
    BINARY = 1,
    CONTEXT = 0x2039,
    REFERENCE_COUNT = 0x203a,
    PROPERTIES = 0x203b,
    PAYLOAD = 0x203c,
    DEVICE_LIST = 0x2053,
};

static struct {
    semaphore_t (*create)(cl_context, const property_t *, cl_int *);
    cl_int (*wait)(cl_command_queue, cl_uint, const semaphore_t *, const cl_ulong *, cl_uint, const cl_event *, cl_event *);
    cl_int (*signal)(cl_command_queue, cl_uint, const semaphore_t *, const cl_ulong *, cl_uint, const cl_event *, cl_event *);
    cl_int (*info)(semaphore_t, cl_uint, size_t, void *, size_t *);
    cl_int (*retain)(semaphore_t);
    cl_int (*release)(semaphore_t);
} f;

static const char *name(cl_int code)
{
    return code == -1142 ? "CL_INVALID_SEMAPHORE_KHR" : code_name(code);
}

static void *function(const struct cl *cl, const char *of)
{
    void *found = clGetExtensionFunctionAddressForPlatform(cl->platform, of);
    if (!found)
        FAIL("%s is not there", of);
    return found;
}

static semaphore_t create(const struct cl *cl)
{
    const property_t list[] = {TYPE, BINARY, 0};
    cl_int code;
    semaphore_t made = f.create(cl->context, list, &code);
    CREATED(code);
    return made;
}

/* One queue writes, the other reads after the semaphore, again and again. */
static void between_queues(const struct cl *cl)
{
    cl_int numbers[4096];
    cl_command_queue other = new_queue(cl, 0);
    cl_mem mem = new_buffer(cl, 0, sizeof numbers, NULL);
    semaphore_t full = create(cl), empty = create(cl);
    for (cl_int i = 0; i < 20; i++) {
        if (i)
            CHECK(f.wait(cl->queue, 1, &empty, NULL, 0, NULL, NULL));
        CHECK(clEnqueueFillBuffer(cl->queue, mem, &i, sizeof i, 0, sizeof numbers, 0, NULL, NULL));
        CHECK(f.signal(cl->queue, 1, &full, NULL, 0, NULL, NULL));
        CHECK(clFlush(cl->queue));
        CHECK(f.wait(other, 1, &full, NULL, 0, NULL, NULL));
        CHECK(clEnqueueReadBuffer(other, mem, CL_TRUE, 0, sizeof numbers, numbers, 0, NULL, NULL));
        EXPECT(numbers[0] == i && numbers[4095] == i);
        CHECK(f.signal(other, 1, &empty, NULL, 0, NULL, NULL));
        CHECK(clFlush(other));
    }
    CHECK(f.wait(cl->queue, 1, &empty, NULL, 0, NULL, NULL));
    CHECK(clFinish(cl->queue));
    CHECK(clFinish(other));
    printf("20 turns of two queues\n");
    CHECK(f.release(full));
    CHECK(f.release(empty));
    CHECK(clReleaseMemObject(mem));
    CHECK(clReleaseCommandQueue(other));
}

static void events(const struct cl *cl)
{
    semaphore_t semaphore = create(cl);
    cl_event signalled, waited;
    cl_command_type types[2];
    CHECK(f.signal(cl->queue, 1, &semaphore, NULL, 0, NULL, &signalled));
    CHECK(f.wait(cl->queue, 1, &semaphore, NULL, 0, NULL, &waited));
    CHECK(clFinish(cl->queue));
    CHECK(clGetEventInfo(signalled, CL_EVENT_COMMAND_TYPE, sizeof *types, &types[0], NULL));
    CHECK(clGetEventInfo(waited, CL_EVENT_COMMAND_TYPE, sizeof *types, &types[1], NULL));
    printf("events of types 0x%x and 0x%x: %s, %s\n", types[0], types[1], status_name(event_status(signalled)),
           status_name(event_status(waited)));
    CHECK(clReleaseEvent(signalled));
    CHECK(clReleaseEvent(waited));
    CHECK(f.release(semaphore));
}

static void queries(const struct cl *cl)
{
    semaphore_t semaphore = create(cl);
    cl_uint type = 0, references = 0;
    cl_context context = NULL;
    property_t list[8];
    cl_ulong payload = 99;
    size_t size = 0;
    CHECK(f.info(semaphore, TYPE, sizeof type, &type, NULL));
    CHECK(f.info(semaphore, CONTEXT, sizeof context, &context, NULL));
    CHECK(f.info(semaphore, REFERENCE_COUNT, sizeof references, &references, NULL));
    printf("type %u, %s context, %u references\n", type, context == cl->context ? "its" : "another", references);
    CHECK(f.info(semaphore, PROPERTIES, sizeof list, list, &size));
    printf("%zu bytes of properties\n", size);
    CHECK(f.info(semaphore, PAYLOAD, sizeof payload, &payload, &size));
    printf("payload %llu in %zu bytes\n", (unsigned long long)payload, size);
    cl_int code = f.info(semaphore, DEVICE_LIST, sizeof list, list, &size);
    printf("devices: %s\n", name(code));
    printf("an unknown query: %s\n", name(f.info(semaphore, 0x1234, sizeof list, list, &size)));
    CHECK(f.retain(semaphore));
    CHECK(f.info(semaphore, REFERENCE_COUNT, sizeof references, &references, NULL));
    printf("%u references\n", references);
    CHECK(f.release(semaphore));
    CHECK(f.release(semaphore));
}

static void mistakes(const struct cl *cl)
{
    cl_int code;
    const property_t unknown[] = {TYPE, BINARY, 0x1234, 1, 0}, no_type[] = {0};
    f.create(NULL, unknown, &code);
    printf("no context: %s\n", name(code));
    f.create(cl->context, unknown, &code);
    printf("an unknown property: %s\n", name(code));
    f.create(cl->context, no_type, &code);
    printf("no type: %s\n", name(code));
    f.create(cl->context, NULL, &code);
    printf("no properties: %s\n", name(code));
    semaphore_t semaphore = create(cl), nothing = NULL;
    printf("no queue: %s\n", name(f.signal(NULL, 1, &semaphore, NULL, 0, NULL, NULL)));
    printf("no semaphores: %s\n", name(f.signal(cl->queue, 0, NULL, NULL, 0, NULL, NULL)));
    printf("a semaphore that is none: %s\n", name(f.wait(cl->queue, 1, &nothing, NULL, 0, NULL, NULL)));
    printf("a wait list alone: %s\n", name(f.signal(cl->queue, 1, &semaphore, NULL, 1, NULL, NULL)));
    printf("release of nothing: %s\n", name(f.release(NULL)));
    CHECK(f.release(semaphore));
}

int main(void)
{
    struct cl cl = start(0);
    static char names[1 << 14];
    CHECK(clGetDeviceInfo(cl.device, CL_DEVICE_EXTENSIONS, sizeof names, names, NULL));
    if (!strstr(strcat(names, " "), "cl_khr_semaphore ")) {
        printf("cl_khr_semaphore: not offered\n");
        stop(&cl);
        return 0;
    }
    f.create = function(&cl, "clCreateSemaphoreWithPropertiesKHR");
    f.wait = function(&cl, "clEnqueueWaitSemaphoresKHR");
    f.signal = function(&cl, "clEnqueueSignalSemaphoresKHR");
    f.info = function(&cl, "clGetSemaphoreInfoKHR");
    f.retain = function(&cl, "clRetainSemaphoreKHR");
    f.release = function(&cl, "clReleaseSemaphoreKHR");
    queries(&cl);
    events(&cl);
    between_queues(&cl);
    mistakes(&cl);
    stop(&cl);
    return 0;
}
