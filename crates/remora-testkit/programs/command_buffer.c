/*
 * Command buffers: recording every kind of command, sync points, enqueuing again and again, queries, mistakes, and changing
 * what was recorded. A device without them prints that it has none.
 */
#include "common.h"

/* Handles, types and values, as all versions of the extension have them. */
typedef void *buffer_t;
typedef cl_uint sync_t;
typedef cl_ulong property_t;

enum {
    DEVICE_CAPABILITIES = 0x12a9,
    FLAGS = 0x1293,
    QUEUES = 0x1294,
    NUM_QUEUES = 0x1295,
    REFERENCE_COUNT = 0x1296,
    STATE = 0x1297,
    PROPERTIES_ARRAY = 0x1298,
    SIMULTANEOUS_USE = 1,
    MUTABLE = 2,
    MUTABLE_CAPABILITIES = 0x12b0,
    UPDATABLE_FIELDS = 0x12b1,
};

static const char *name(cl_int code)
{
    switch (code) {
    case -1138:
        return "CL_INVALID_COMMAND_BUFFER_KHR";
    case -1139:
        return "CL_INVALID_SYNC_POINT_WAIT_LIST_KHR";
    case -1140:
        return "CL_INCOMPATIBLE_COMMAND_QUEUE_KHR";
    case -1141:
        return "CL_INVALID_MUTABLE_COMMAND_KHR";
    }
    return code_name(code);
}

/* A version of the extension from 0.9.5 on gives most functions a list of properties. */
static int with_properties;

static struct {
    buffer_t (*create)(cl_uint, const cl_command_queue *, const property_t *, cl_int *);
    cl_int (*finalize)(buffer_t);
    cl_int (*retain)(buffer_t);
    cl_int (*release)(buffer_t);
    cl_int (*enqueue)(cl_uint, cl_command_queue *, buffer_t, cl_uint, const cl_event *, cl_event *);
    cl_int (*info)(buffer_t, cl_uint, size_t, void *, size_t *);
    cl_int (*kernel)(buffer_t, cl_command_queue, const property_t *, cl_kernel, cl_uint, const size_t *, const size_t *,
                     const size_t *, cl_uint, const sync_t *, sync_t *, void **);
    void *barrier, *copy, *copy_rect, *copy_image, *image_to_buffer, *buffer_to_image, *fill, *fill_image;
    cl_int (*update)(buffer_t, cl_uint, const cl_uint *, const void **);
    cl_int (*mutable_info)(void *, cl_uint, size_t, void *, size_t *);
} f;

#define ARGUMENTS(...) __VA_ARGS__
/* Defines a function that calls `f.field` in the form that the driver's version has. */
#define COMMAND(function, field, types, values)                                                              \
    static cl_int function(buffer_t b, types, cl_uint n, const sync_t *wait, sync_t *point, void **handle)   \
    {                                                                                                        \
        if (with_properties)                                                                                 \
            return ((cl_int(*)(buffer_t, cl_command_queue, const property_t *, types, cl_uint, const sync_t *, sync_t *, \
                               void **))f.field)(b, NULL, NULL, values, n, wait, point, handle);             \
        return ((cl_int(*)(buffer_t, cl_command_queue, types, cl_uint, const sync_t *, sync_t *, void **))f.field)( \
            b, NULL, values, n, wait, point, handle);                                                        \
    }

COMMAND(copy, copy, ARGUMENTS(cl_mem src, cl_mem dst, size_t from, size_t to, size_t size),
        ARGUMENTS(src, dst, from, to, size))
COMMAND(copy_rect, copy_rect,
        ARGUMENTS(cl_mem src, cl_mem dst, const size_t *from, const size_t *to, const size_t *region, size_t row, size_t slice,
                  size_t row2, size_t slice2),
        ARGUMENTS(src, dst, from, to, region, row, slice, row2, slice2))
COMMAND(copy_image, copy_image,
        ARGUMENTS(cl_mem src, cl_mem dst, const size_t *from, const size_t *to, const size_t *region),
        ARGUMENTS(src, dst, from, to, region))
COMMAND(image_to_buffer, image_to_buffer,
        ARGUMENTS(cl_mem src, cl_mem dst, const size_t *from, const size_t *region, size_t to),
        ARGUMENTS(src, dst, from, region, to))
COMMAND(buffer_to_image, buffer_to_image,
        ARGUMENTS(cl_mem src, cl_mem dst, size_t from, const size_t *to, const size_t *region),
        ARGUMENTS(src, dst, from, to, region))
COMMAND(fill, fill, ARGUMENTS(cl_mem mem, const void *pattern, size_t length, size_t offset, size_t size),
        ARGUMENTS(mem, pattern, length, offset, size))
COMMAND(fill_image, fill_image, ARGUMENTS(cl_mem mem, const void *color, const size_t *origin, const size_t *region),
        ARGUMENTS(mem, color, origin, region))

static cl_int barrier(buffer_t b, cl_uint n, const sync_t *wait, sync_t *point)
{
    if (with_properties)
        return ((cl_int(*)(buffer_t, cl_command_queue, const property_t *, cl_uint, const sync_t *, sync_t *,
                           void **))f.barrier)(b, NULL, NULL, n, wait, point, NULL);
    return ((cl_int(*)(buffer_t, cl_command_queue, cl_uint, const sync_t *, sync_t *, void **))f.barrier)(b, NULL, n, wait,
                                                                                                          point, NULL);
}

static cl_uint version(const struct cl *cl, const char *extension)
{
    static cl_name_version list[256];
    size_t size = 0;
    CHECK(clGetDeviceInfo(cl->device, CL_DEVICE_EXTENSIONS_WITH_VERSION, sizeof list, list, &size));
    for (size_t i = 0; i < size / sizeof *list; i++)
        if (!strcmp(list[i].name, extension))
            return list[i].version;
    return 0;
}

static void *function(const struct cl *cl, const char *of)
{
    void *found = clGetExtensionFunctionAddressForPlatform(cl->platform, of);
    if (!found)
        FAIL("%s is not there", of);
    return found;
}

static void load(const struct cl *cl)
{
    f.create = function(cl, "clCreateCommandBufferKHR");
    f.finalize = function(cl, "clFinalizeCommandBufferKHR");
    f.retain = function(cl, "clRetainCommandBufferKHR");
    f.release = function(cl, "clReleaseCommandBufferKHR");
    f.enqueue = function(cl, "clEnqueueCommandBufferKHR");
    f.info = function(cl, "clGetCommandBufferInfoKHR");
    f.kernel = function(cl, "clCommandNDRangeKernelKHR");
    f.barrier = function(cl, "clCommandBarrierWithWaitListKHR");
    f.copy = function(cl, "clCommandCopyBufferKHR");
    f.copy_rect = function(cl, "clCommandCopyBufferRectKHR");
    f.copy_image = function(cl, "clCommandCopyImageKHR");
    f.image_to_buffer = function(cl, "clCommandCopyImageToBufferKHR");
    f.buffer_to_image = function(cl, "clCommandCopyBufferToImageKHR");
    f.fill = function(cl, "clCommandFillBufferKHR");
    f.fill_image = function(cl, "clCommandFillImageKHR");
}

static cl_uint number(buffer_t b, cl_uint param)
{
    cl_uint value = 99;
    CHECK(f.info(b, param, sizeof value, &value, NULL));
    return value;
}

static buffer_t create(const struct cl *cl, property_t flags)
{
    const property_t list[] = {FLAGS, flags, 0};
    cl_int code;
    buffer_t b = f.create(1, &cl->queue, flags ? list : NULL, &code);
    CREATED(code);
    return b;
}

#define N 256

static void show(const struct cl *cl, const char *what, cl_mem mem)
{
    cl_int out[N];
    CHECK(clEnqueueReadBuffer(cl->queue, mem, CL_TRUE, 0, sizeof out, out, 0, NULL, NULL));
    printf("%s: %016llx, %d %d\n", what, (unsigned long long)checksum(out, sizeof out), out[0], out[N - 1]);
}

/* Copies, fills and launches, each after the other by sync points. */
static void buffers(const struct cl *cl, cl_kernel add)
{
    cl_int in[N], two = 2, three = 3, seven = 7;
    size_t global = N, from[3] = {0, 0, 0}, to[3] = {4, 1, 0}, region[3] = {32, 4, 1};
    fill_random(in, sizeof in, 3);
    cl_mem a = new_buffer(cl, CL_MEM_COPY_HOST_PTR, sizeof in, in), b = new_buffer(cl, 0, sizeof in, NULL);
    buffer_t commands = create(cl, 0);
    sync_t point[8];
    printf("state %u, %u queues, %u references\n", number(commands, STATE), number(commands, NUM_QUEUES),
           number(commands, REFERENCE_COUNT));
    CHECK(fill(commands, b, &seven, sizeof seven, 0, sizeof in, 0, NULL, &point[0], NULL));
    CHECK(copy(commands, a, b, 0, 64, 512, 1, point, &point[1], NULL));
    CHECK(clSetKernelArg(add, 0, sizeof b, &b));
    CHECK(clSetKernelArg(add, 1, sizeof two, &two));
    CHECK(f.kernel(commands, NULL, NULL, add, 1, NULL, &global, NULL, 1, &point[1], &point[2], NULL));
    CHECK(barrier(commands, 0, NULL, &point[3]));
    CHECK(copy_rect(commands, a, b, from, to, region, 64, 0, 64, 0, 2, &point[2], &point[4], NULL));
    /* What is set after the recording is for the next one. */
    CHECK(clSetKernelArg(add, 1, sizeof three, &three));
    CHECK(f.kernel(commands, NULL, NULL, add, 1, NULL, &global, NULL, 1, &point[4], NULL, NULL));
    for (int i = 1; i < 5; i++)
        EXPECT(point[i] != point[i - 1]);
    printf("before it is finalized: %s\n", name(f.enqueue(0, NULL, commands, 0, NULL, NULL)));
    CHECK(f.finalize(commands));
    printf("state %u\n", number(commands, STATE));
    printf("finalized twice: %s\n", name(f.finalize(commands)));
    printf("recorded after that: %s\n", name(copy(commands, a, b, 0, 0, 4, 0, NULL, NULL, NULL)));
    for (int i = 0; i < 3; i++) {
        CHECK(f.enqueue(0, NULL, commands, 0, NULL, NULL));
        CHECK(clFinish(cl->queue));
        show(cl, "buffers", b);
    }
    cl_event event;
    cl_command_type type;
    CHECK(f.enqueue(1, (cl_command_queue *)&cl->queue, commands, 0, NULL, &event));
    CHECK(clWaitForEvents(1, &event));
    CHECK(clGetEventInfo(event, CL_EVENT_COMMAND_TYPE, sizeof type, &type, NULL));
    printf("its event: %s, type 0x%x\n", status_name(event_status(event)), type);
    CHECK(clReleaseEvent(event));
    printf("state %u\n", number(commands, STATE));
    CHECK(f.retain(commands));
    printf("%u references\n", number(commands, REFERENCE_COUNT));
    CHECK(f.release(commands));
    CHECK(f.release(commands));
    CHECK(clReleaseMemObject(a));
    CHECK(clReleaseMemObject(b));
}

static void images(const struct cl *cl)
{
    cl_bool there = CL_FALSE;
    CHECK(clGetDeviceInfo(cl->device, CL_DEVICE_IMAGE_SUPPORT, sizeof there, &there, NULL));
    if (!there) {
        printf("no images\n");
        return;
    }
    const cl_image_format format = {CL_RGBA, CL_UNSIGNED_INT8};
    const cl_image_desc description = {.image_type = CL_MEM_OBJECT_IMAGE2D, .image_width = 16, .image_height = 16};
    size_t origin[3] = {0, 0, 0}, inside[3] = {4, 2, 0}, region[3] = {8, 8, 1}, whole[3] = {16, 16, 1};
    cl_uint color[4] = {1, 2, 3, 4};
    unsigned char in[1024];
    cl_int code;
    fill_random(in, sizeof in, 4);
    cl_mem from = new_buffer(cl, CL_MEM_COPY_HOST_PTR, sizeof in, in), to = new_buffer(cl, 0, sizeof in, NULL);
    cl_mem one = clCreateImage(cl->context, 0, &format, &description, NULL, &code);
    CREATED(code);
    cl_mem other = clCreateImage(cl->context, 0, &format, &description, NULL, &code);
    CREATED(code);
    buffer_t commands = create(cl, 0);
    sync_t point[4];
    code = fill_image(commands, one, color, origin, whole, 0, NULL, &point[0], NULL);
    printf("filling an image: %s\n", name(code));
    if (code == CL_SUCCESS) {
        CHECK(buffer_to_image(commands, from, one, 64, inside, region, 1, &point[0], &point[1], NULL));
        CHECK(copy_image(commands, one, other, origin, origin, whole, 1, &point[1], &point[2], NULL));
        CHECK(image_to_buffer(commands, other, to, origin, whole, 0, 1, &point[2], NULL, NULL));
        CHECK(f.finalize(commands));
        CHECK(f.enqueue(0, NULL, commands, 0, NULL, NULL));
        CHECK(clFinish(cl->queue));
        show(cl, "images", to);
    }
    CHECK(f.release(commands));
    CHECK(clReleaseMemObject(one));
    CHECK(clReleaseMemObject(other));
    CHECK(clReleaseMemObject(from));
    CHECK(clReleaseMemObject(to));
}

/* Behind a user event, and released before it runs. */
static void behind(const struct cl *cl, cl_kernel add)
{
    cl_int zero = 0, five = 5;
    size_t global = N;
    cl_mem mem = new_buffer(cl, 0, N * sizeof zero, NULL);
    CHECK(clEnqueueFillBuffer(cl->queue, mem, &zero, sizeof zero, 0, N * sizeof zero, 0, NULL, NULL));
    buffer_t commands = create(cl, 0);
    CHECK(clSetKernelArg(add, 0, sizeof mem, &mem));
    CHECK(clSetKernelArg(add, 1, sizeof five, &five));
    CHECK(f.kernel(commands, NULL, NULL, add, 1, NULL, &global, NULL, 0, NULL, NULL, NULL));
    CHECK(f.finalize(commands));
    cl_event gate = new_user_event(cl), done;
    CHECK(f.enqueue(0, NULL, commands, 1, &gate, &done));
    CHECK(clFlush(cl->queue));
    EXPECT(event_status(done) > CL_COMPLETE);
    CHECK(clSetUserEventStatus(gate, CL_COMPLETE));
    CHECK(clWaitForEvents(1, &done));
    CHECK(f.release(commands));
    show(cl, "behind a user event", mem);
    CHECK(clReleaseEvent(gate));
    CHECK(clReleaseEvent(done));
    CHECK(clReleaseMemObject(mem));
}

static void mistakes(const struct cl *cl, cl_kernel add)
{
    cl_int code, one = 1;
    size_t global = N;
    f.create(0, NULL, NULL, &code);
    printf("no queues: %s\n", name(code));
    /* PoCL 3.1, the only driver with the first version, crashes here and where else this is asked, or doesn't look. */
    if (with_properties) {
        cl_command_queue none = NULL;
        f.create(1, &none, NULL, &code);
        printf("a queue that is none: %s\n", name(code));
    }
    const property_t unknown[] = {0x1234, 1, 0};
    f.create(1, &cl->queue, unknown, &code);
    printf("an unknown property: %s\n", name(code));
    cl_mem a = new_buffer(cl, 0, N * sizeof one, NULL), b = new_buffer(cl, 0, N * sizeof one, NULL);
    buffer_t commands = create(cl, 0);
    sync_t point, wrong = 1000;
    void *handle;
    printf("no command buffer: %s\n", name(copy(NULL, a, b, 0, 0, 4, 0, NULL, NULL, NULL)));
    printf("no memory: %s\n", name(copy(commands, NULL, b, 0, 0, 4, 0, NULL, NULL, NULL)));
    printf("beyond the end: %s\n", name(copy(commands, a, b, 0, N * sizeof one - 3, 4, 0, NULL, NULL, NULL)));
    printf("overlap: %s\n", name(copy(commands, a, a, 0, 2, 4, 0, NULL, NULL, NULL)));
    printf("a list without sync points: %s\n", name(copy(commands, a, b, 0, 0, 4, 1, NULL, NULL, NULL)));
    printf("sync points without a number: %s\n", name(copy(commands, a, b, 0, 0, 4, 0, &wrong, NULL, NULL)));
    printf("an unknown sync point: %s\n", name(barrier(commands, 1, &wrong, NULL)));
    printf("a handle of a copy: %s\n", name(copy(commands, a, b, 0, 0, 4, 0, NULL, &point, &handle)));
    if (with_properties)
        printf("no kernel: %s\n",
               name(f.kernel(commands, NULL, NULL, NULL, 1, NULL, &global, NULL, 0, NULL, NULL, NULL)));
    CHECK(clSetKernelArg(add, 0, sizeof a, &a));
    CHECK(clSetKernelArg(add, 1, sizeof one, &one));
    if (with_properties)
        printf("4 dimensions: %s\n",
               name(f.kernel(commands, NULL, NULL, add, 4, NULL, &global, NULL, 0, NULL, NULL, NULL)));
    printf("a queue of its own: %s\n",
           name(f.kernel(commands, cl->queue, NULL, add, 1, NULL, &global, NULL, 0, NULL, NULL, NULL)));
    CHECK(f.kernel(commands, NULL, NULL, add, 1, NULL, &global, NULL, 0, NULL, NULL, NULL));
    CHECK(f.finalize(commands));
    printf("not a command buffer: %s\n", name(f.enqueue(0, NULL, NULL, 0, NULL, NULL)));
    printf("a number of queues alone: %s\n", name(f.enqueue(1, NULL, commands, 0, NULL, NULL)));
    printf("a wait list alone: %s\n", name(f.enqueue(0, NULL, commands, 1, NULL, NULL)));
    cl_uint value;
    printf("an unknown query: %s\n", name(f.info(commands, 0x1234, sizeof value, &value, NULL)));
    if (with_properties)
        printf("too little room: %s\n", name(f.info(commands, STATE, 1, &value, NULL)));
    size_t size = 99;
    CHECK(f.info(commands, PROPERTIES_ARRAY, 0, NULL, &size));
    printf("%zu bytes of properties\n", size);
    cl_command_queue queue = NULL;
    CHECK(f.info(commands, QUEUES, sizeof queue, &queue, NULL));
    EXPECT(queue == cl->queue || !with_properties);
    printf("release of nothing: %s\n", name(f.release(NULL)));
    CHECK(f.release(commands));
    CHECK(clReleaseMemObject(a));
    CHECK(clReleaseMemObject(b));
}

/* As cl_khr_command_buffer_mutable_dispatch has them since 0.9.3. */
struct argument {
    cl_uint index;
    size_t size;
    const void *value;
};

struct change {
    void *command;
    cl_uint num_args, num_svm_args, num_exec_infos, work_dim;
    const struct argument *args, *svm_args;
    const void *exec_infos;
    const size_t *offset, *global, *local;
};

static void show_command(const char *what, void *command)
{
    size_t offset[3] = {0}, global[3] = {0}, local[3] = {0}, size[3];
    cl_uint dimensions = 0, type = 0;
    CHECK(f.mutable_info(command, 0x12ad, sizeof type, &type, NULL));
    CHECK(f.mutable_info(command, 0x12a4, sizeof dimensions, &dimensions, NULL));
    CHECK(f.mutable_info(command, 0x12a5, sizeof offset, offset, &size[0]));
    CHECK(f.mutable_info(command, 0x12a6, sizeof global, global, &size[1]));
    CHECK(f.mutable_info(command, 0x12a7, sizeof local, local, &size[2]));
    printf("%s: type 0x%x, %u dimensions, offset %zu, %zu items, %zu in a group, %zu %zu %zu bytes\n", what, type, dimensions,
           offset[0], global[0], local[0], size[0], size[1], size[2]);
}

static void changes(const struct cl *cl, cl_kernel add)
{
    if (!version(cl, "cl_khr_command_buffer_mutable_dispatch")) {
        printf("no mutable dispatch\n");
        return;
    }
    f.update = function(cl, "clUpdateMutableCommandsKHR");
    f.mutable_info = function(cl, "clGetMutableCommandInfoKHR");
    cl_ulong fields = 0;
    CHECK(clGetDeviceInfo(cl->device, MUTABLE_CAPABILITIES, sizeof fields, &fields, NULL));
    printf("fields that can be changed: 0x%llx\n", (unsigned long long)fields);
    cl_int zero = 0, one = 1, hundred = 100;
    size_t global = N, local = 16, offset = 64, part = 128, half = 8;
    cl_mem a = new_buffer(cl, 0, N * sizeof one, NULL), b = new_buffer(cl, 0, N * sizeof one, NULL);
    CHECK(clEnqueueFillBuffer(cl->queue, a, &zero, sizeof zero, 0, N * sizeof zero, 0, NULL, NULL));
    CHECK(clEnqueueFillBuffer(cl->queue, b, &zero, sizeof zero, 0, N * sizeof zero, 0, NULL, NULL));
    buffer_t commands = create(cl, MUTABLE);
    const property_t list[] = {UPDATABLE_FIELDS, fields, 0};
    void *command = NULL;
    CHECK(clSetKernelArg(add, 0, sizeof a, &a));
    CHECK(clSetKernelArg(add, 1, sizeof one, &one));
    CHECK(f.kernel(commands, NULL, list, add, 1, NULL, &global, &local, 0, NULL, NULL, &command));
    show_command("recorded", command);
    property_t told[8];
    size_t size = 0;
    void *of = NULL;
    cl_kernel kernel = NULL;
    CHECK(f.mutable_info(command, 0x12a2, sizeof told, told, &size));
    CHECK(f.mutable_info(command, 0x12a1, sizeof of, &of, NULL));
    CHECK(f.mutable_info(command, 0x12a3, sizeof kernel, &kernel, NULL));
    EXPECT(size == sizeof list && !memcmp(told, list, size) && of == commands && kernel == add);
    const cl_uint types[] = {0};
    const struct argument arguments[] = {{0, sizeof b, &b}, {1, sizeof hundred, &hundred}};
    struct change change = {.command = command, .num_args = 2, .args = arguments};
    const void *list_of_changes[] = {&change};
    printf("changed too early: %s\n", name(f.update(commands, 1, types, list_of_changes)));
    CHECK(f.finalize(commands));
    CHECK(f.enqueue(0, NULL, commands, 0, NULL, NULL));
    /* What was enqueued before the change runs as it was. */
    CHECK(clFinish(cl->queue));
    CHECK(f.update(commands, 1, types, list_of_changes));
    CHECK(f.enqueue(0, NULL, commands, 0, NULL, NULL));
    CHECK(clFinish(cl->queue));
    show(cl, "before the change", a);
    show(cl, "after the change", b);
    struct change sizes = {.command = command, .work_dim = 1, .offset = &offset, .global = &part, .local = &half};
    list_of_changes[0] = &sizes;
    CHECK(f.update(commands, 1, types, list_of_changes));
    CHECK(f.enqueue(0, NULL, commands, 0, NULL, NULL));
    CHECK(clFinish(cl->queue));
    show(cl, "a part", b);
    show_command("changed", command);
    const cl_uint wrong_type[] = {77};
    printf("another type: %s\n", name(f.update(commands, 1, wrong_type, list_of_changes)));
    printf("no changes in a list: %s\n", name(f.update(commands, 1, types, NULL)));
    printf("nothing to change: %s\n", name(f.update(commands, 0, NULL, NULL)));
    struct change nobody = {.command = NULL};
    list_of_changes[0] = &nobody;
    printf("no command: %s\n", name(f.update(commands, 1, types, list_of_changes)));
    struct change missing = {.command = command, .num_args = 1};
    list_of_changes[0] = &missing;
    printf("a number of arguments alone: %s\n", name(f.update(commands, 1, types, list_of_changes)));
    struct change dimensions = {.command = command, .work_dim = 2, .global = (size_t[]){1, 1}};
    list_of_changes[0] = &dimensions;
    printf("other dimensions: %s\n", name(f.update(commands, 1, types, list_of_changes)));
    printf("an unknown query: %s\n", name(f.mutable_info(command, 0x1234, sizeof size, &size, NULL)));
    CHECK(f.release(commands));
    CHECK(clReleaseMemObject(a));
    CHECK(clReleaseMemObject(b));
}

static int gone;

static void CL_CALLBACK count_gone(cl_mem mem, void *data)
{
    (void)mem, (void)data;
    __atomic_fetch_add(&gone, 1, __ATOMIC_SEQ_CST);
}

static cl_mem counted(const struct cl *cl)
{
    cl_mem mem = new_buffer(cl, 0, N * sizeof(cl_int), NULL);
    CHECK(clSetMemObjectDestructorCallback(mem, count_gone, NULL));
    return mem;
}

/* What a change puts something else in place of is the program's to release. */
static void replaced(const struct cl *cl, cl_kernel add)
{
    enum { TIMES = 8 };
    if (!version(cl, "cl_khr_command_buffer_mutable_dispatch"))
        return;
    cl_int one = 1;
    size_t global = N;
    buffer_t commands = create(cl, MUTABLE);
    const property_t list[] = {UPDATABLE_FIELDS, 8, 0};
    const cl_uint types[] = {0};
    void *command = NULL;
    cl_mem mem = counted(cl);
    CHECK(clSetKernelArg(add, 0, sizeof mem, &mem));
    CHECK(clSetKernelArg(add, 1, sizeof one, &one));
    CHECK(f.kernel(commands, NULL, list, add, 1, NULL, &global, NULL, 0, NULL, NULL, &command));
    CHECK(f.finalize(commands));
    for (int i = 0; i < TIMES; i++) {
        cl_mem next = counted(cl);
        const struct argument argument = {0, sizeof next, &next};
        struct change change = {.command = command, .num_args = 1, .args = &argument};
        const void *list_of_changes[] = {&change};
        CHECK(f.update(commands, 1, types, list_of_changes));
        CHECK(f.enqueue(0, NULL, commands, 0, NULL, NULL));
        CHECK(clFinish(cl->queue));
        CHECK(clReleaseMemObject(mem));
        mem = next;
    }
    for (int i = 0; i < 1000 && __atomic_load_n(&gone, __ATOMIC_SEQ_CST) < TIMES; i++)
        sleep_ms(2);
    printf("given back: %d\n", __atomic_load_n(&gone, __ATOMIC_SEQ_CST));
    CHECK(f.release(commands));
    CHECK(clReleaseMemObject(mem));
}

/* Enqueued many times without waiting, where the device can. */
static void many(const struct cl *cl, cl_kernel add)
{
    cl_ulong capabilities = 0;
    CHECK(clGetDeviceInfo(cl->device, DEVICE_CAPABILITIES, sizeof capabilities, &capabilities, NULL));
    printf("capabilities 0x%llx\n", (unsigned long long)capabilities);
    if (!(capabilities & 4))
        return;
    cl_int zero = 0, one = 1;
    size_t global = N;
    cl_mem mem = new_buffer(cl, 0, N * sizeof zero, NULL);
    CHECK(clEnqueueFillBuffer(cl->queue, mem, &zero, sizeof zero, 0, N * sizeof zero, 0, NULL, NULL));
    buffer_t commands = create(cl, SIMULTANEOUS_USE);
    CHECK(clSetKernelArg(add, 0, sizeof mem, &mem));
    CHECK(clSetKernelArg(add, 1, sizeof one, &one));
    for (int i = 0; i < 10; i++)
        CHECK(f.kernel(commands, NULL, NULL, add, 1, NULL, &global, NULL, 0, NULL, NULL, NULL));
    CHECK(f.finalize(commands));
    for (int i = 0; i < 100; i++)
        CHECK(f.enqueue(0, NULL, commands, 0, NULL, NULL));
    CHECK(clFinish(cl->queue));
    show(cl, "many times", mem);
    CHECK(f.release(commands));
    CHECK(clReleaseMemObject(mem));
}

int main(void)
{
    struct cl cl = start(0);
    cl_uint has = version(&cl, "cl_khr_command_buffer");
    if (!has) {
        printf("cl_khr_command_buffer: not offered\n");
        stop(&cl);
        return 0;
    }
    with_properties = has >= CL_MAKE_VERSION(0, 9, 5);
    printf("cl_khr_command_buffer 0x%x\n", has);
    load(&cl);
    cl_program program =
        build(&cl, "kernel void add(global int *x, int y) { x[get_global_id(0)] += y; }", "");
    cl_kernel add = new_kernel(program, "add");
    buffers(&cl, add);
    images(&cl);
    behind(&cl, add);
    mistakes(&cl, add);
    many(&cl, add);
    changes(&cl, add);
    replaced(&cl, add);
    CHECK(clReleaseKernel(add));
    CHECK(clReleaseProgram(program));
    stop(&cl);
    return 0;
}
