/* What the creation and query of objects say to bad arguments. */
#include "errors.h"

static char room[4096];
static size_t size;

static void platforms_and_devices(const struct cl *cl)
{
    cl_uint count;
    cl_device_id device;
    TRY("platforms: nothing asked", CL_INVALID_VALUE, clGetPlatformIDs(0, NULL, NULL));
    TRY("platform info: unknown name", CL_INVALID_VALUE, clGetPlatformInfo(cl->platform, 0x1, sizeof room, room, NULL));
    TRY("platform info: no room", CL_INVALID_VALUE, clGetPlatformInfo(cl->platform, CL_PLATFORM_NAME, 1, room, NULL));
    TRY("devices: no entries", CL_INVALID_VALUE, clGetDeviceIDs(cl->platform, CL_DEVICE_TYPE_ALL, 0, &device, &count));
    TRY("devices: nothing asked", CL_INVALID_VALUE, clGetDeviceIDs(cl->platform, CL_DEVICE_TYPE_ALL, 0, NULL, NULL));
    EITHER("devices: no such type", CL_INVALID_DEVICE_TYPE, CL_DEVICE_NOT_FOUND, clGetDeviceIDs(cl->platform, 0, 1, &device, &count));
    TRY("devices: none of the type", CL_DEVICE_NOT_FOUND,
        clGetDeviceIDs(cl->platform, CL_DEVICE_TYPE_CUSTOM, 1, &device, &count));
    TRY("device info: unknown name", CL_INVALID_VALUE, clGetDeviceInfo(cl->device, 0x1, sizeof room, room, NULL));
    TRY("device info: no room", CL_INVALID_VALUE, clGetDeviceInfo(cl->device, CL_DEVICE_NAME, 1, room, NULL));
    TRY("device info: no device", CL_INVALID_DEVICE, clGetDeviceInfo(NULL, CL_DEVICE_NAME, sizeof room, room, NULL));
    TRY("retain device: none", CL_INVALID_DEVICE, clRetainDevice(NULL));
    TRY("release device: none", CL_INVALID_DEVICE, clReleaseDevice(NULL));
    TRY("sub-devices: no properties", CL_INVALID_VALUE, clCreateSubDevices(cl->device, NULL, 1, &device, &count));
}

static void contexts(const struct cl *cl)
{
    cl_device_id nothing = NULL;
    cl_context_properties unknown[] = {0x7777, 1, 0};
    cl_context_properties twice[] = {CL_CONTEXT_PLATFORM, (cl_context_properties)cl->platform, CL_CONTEXT_PLATFORM,
                                     (cl_context_properties)cl->platform, 0};
    MAKE("context: no device", CL_INVALID_VALUE, clCreateContext(NULL, 0, NULL, NULL, NULL, &code));
    MAKE("context: NULL list", CL_INVALID_VALUE, clCreateContext(NULL, 1, NULL, NULL, NULL, &code));
    MAKE("context: data without callback", CL_INVALID_VALUE, clCreateContext(NULL, 1, &cl->device, NULL, room, &code));
    MAKE("context: unknown property", CL_INVALID_PROPERTY, clCreateContext(unknown, 1, &cl->device, NULL, NULL, &code));
    MAKE("context: property twice", CL_INVALID_PROPERTY, clCreateContext(twice, 1, &cl->device, NULL, NULL, &code));
    TRY("context: of NULL device", CL_INVALID_DEVICE,
        (clCreateContext(NULL, 1, &nothing, NULL, NULL, &code), code));
    TRY("context info: none", CL_INVALID_CONTEXT, clGetContextInfo(NULL, CL_CONTEXT_DEVICES, sizeof room, room, NULL));
    TRY("context info: unknown name", CL_INVALID_VALUE, clGetContextInfo(cl->context, 1, sizeof room, room, NULL));
    TRY("context info: no room", CL_INVALID_VALUE, clGetContextInfo(cl->context, CL_CONTEXT_DEVICES, 1, room, NULL));
    TRY("retain context: none", CL_INVALID_CONTEXT, clRetainContext(NULL));
    TRY("release context: none", CL_INVALID_CONTEXT, clReleaseContext(NULL));
}

static void queues(const struct cl *cl)
{
    cl_queue_properties unknown[] = {0x7777, 1, 0};
    MAKE("queue: no context", CL_INVALID_CONTEXT, clCreateCommandQueue(NULL, cl->device, 0, &code));
    MAKE("queue: no device", CL_INVALID_DEVICE, clCreateCommandQueue(cl->context, NULL, 0, &code));
    MAKE("queue: unknown bits", CL_INVALID_VALUE, clCreateCommandQueue(cl->context, cl->device, 1 << 20, &code));
    MAKE("queue: unknown property", CL_INVALID_VALUE,
         clCreateCommandQueueWithProperties(cl->context, cl->device, unknown, &code));
    TRY("queue info: none", CL_INVALID_COMMAND_QUEUE, clGetCommandQueueInfo(NULL, CL_QUEUE_DEVICE, 8, room, NULL));
    TRY("queue info: unknown name", CL_INVALID_VALUE, clGetCommandQueueInfo(cl->queue, 1, sizeof room, room, NULL));
    TRY("queue info: no room", CL_INVALID_VALUE, clGetCommandQueueInfo(cl->queue, CL_QUEUE_DEVICE, 1, room, NULL));
    TRY("retain queue: none", CL_INVALID_COMMAND_QUEUE, clRetainCommandQueue(NULL));
    TRY("release queue: none", CL_INVALID_COMMAND_QUEUE, clReleaseCommandQueue(NULL));
    TRY("flush: none", CL_INVALID_COMMAND_QUEUE, clFlush(NULL));
    TRY("finish: none", CL_INVALID_COMMAND_QUEUE, clFinish(NULL));
}

static void buffers(const struct cl *cl)
{
    cl_ulong most = 0;
    CHECK(clGetDeviceInfo(cl->device, CL_DEVICE_MAX_MEM_ALLOC_SIZE, sizeof most, &most, NULL));
    MAKE("buffer: size 0", CL_INVALID_BUFFER_SIZE, clCreateBuffer(cl->context, 0, 0, NULL, &code));
    MAKE("buffer: too large", CL_INVALID_BUFFER_SIZE, clCreateBuffer(cl->context, 0, most + 1, NULL, &code));
    MAKE("buffer: no context", CL_INVALID_CONTEXT, clCreateBuffer(NULL, 0, 16, NULL, &code));
    MAKE("buffer: unknown flags", CL_INVALID_VALUE, clCreateBuffer(cl->context, 1ull << 40, 16, NULL, &code));
    MAKE("buffer: read-only and write-only", CL_INVALID_VALUE,
         clCreateBuffer(cl->context, CL_MEM_READ_ONLY | CL_MEM_WRITE_ONLY, 16, NULL, &code));
    MAKE("buffer: use and alloc", CL_INVALID_VALUE,
         clCreateBuffer(cl->context, CL_MEM_USE_HOST_PTR | CL_MEM_ALLOC_HOST_PTR, 16, room, &code));
    MAKE("buffer: use and copy", CL_INVALID_VALUE,
         clCreateBuffer(cl->context, CL_MEM_USE_HOST_PTR | CL_MEM_COPY_HOST_PTR, 16, room, &code));
    MAKE("buffer: use without pointer", CL_INVALID_HOST_PTR,
         clCreateBuffer(cl->context, CL_MEM_USE_HOST_PTR, 16, NULL, &code));
    MAKE("buffer: copy without pointer", CL_INVALID_HOST_PTR,
         clCreateBuffer(cl->context, CL_MEM_COPY_HOST_PTR, 16, NULL, &code));
    MAKE("buffer: pointer without flag", CL_INVALID_HOST_PTR, clCreateBuffer(cl->context, 0, 16, room, &code));

    cl_mem buffer = new_buffer(cl, CL_MEM_READ_ONLY, 4096, NULL);
    cl_buffer_region past = {0, 8192}, empty = {0, 0}, crooked = {1, 16}, good = {0, 128};
    MAKE("sub-buffer: of nothing", CL_INVALID_MEM_OBJECT,
         clCreateSubBuffer(NULL, 0, CL_BUFFER_CREATE_TYPE_REGION, &good, &code));
    MAKE("sub-buffer: past the end", CL_INVALID_VALUE,
         clCreateSubBuffer(buffer, 0, CL_BUFFER_CREATE_TYPE_REGION, &past, &code));
    MAKE("sub-buffer: empty", CL_INVALID_BUFFER_SIZE,
         clCreateSubBuffer(buffer, 0, CL_BUFFER_CREATE_TYPE_REGION, &empty, &code));
    MAKE("sub-buffer: misaligned", CL_MISALIGNED_SUB_BUFFER_OFFSET,
         clCreateSubBuffer(buffer, 0, CL_BUFFER_CREATE_TYPE_REGION, &crooked, &code));
    MAKE("sub-buffer: no region", CL_INVALID_VALUE,
         clCreateSubBuffer(buffer, 0, CL_BUFFER_CREATE_TYPE_REGION, NULL, &code));
    MAKE("sub-buffer: unknown type", CL_INVALID_VALUE, clCreateSubBuffer(buffer, 0, 0x999, &good, &code));
    MAKE("sub-buffer: write of read-only", CL_INVALID_VALUE,
         clCreateSubBuffer(buffer, CL_MEM_READ_WRITE, CL_BUFFER_CREATE_TYPE_REGION, &good, &code));
    cl_mem sub = clCreateSubBuffer(buffer, 0, CL_BUFFER_CREATE_TYPE_REGION, &good, &code);
    CREATED(code);
    MAKE("sub-buffer: of a sub-buffer", CL_INVALID_MEM_OBJECT,
         clCreateSubBuffer(sub, 0, CL_BUFFER_CREATE_TYPE_REGION, &good, &code));
    CHECK(clReleaseMemObject(sub));
    TRY("mem info: none", CL_INVALID_MEM_OBJECT, clGetMemObjectInfo(NULL, CL_MEM_SIZE, sizeof room, room, NULL));
    TRY("mem info: unknown name", CL_INVALID_VALUE, clGetMemObjectInfo(buffer, 1, sizeof room, room, NULL));
    TRY("mem info: no room", CL_INVALID_VALUE, clGetMemObjectInfo(buffer, CL_MEM_SIZE, 1, room, NULL));
    EITHER("image info: of a buffer", CL_INVALID_MEM_OBJECT, CL_SUCCESS,
        clGetImageInfo(buffer, CL_IMAGE_WIDTH, sizeof room, room, NULL));
    TRY("retain mem: none", CL_INVALID_MEM_OBJECT, clRetainMemObject(NULL));
    TRY("release mem: none", CL_INVALID_MEM_OBJECT, clReleaseMemObject(NULL));
    TRY("mem callback: none", CL_INVALID_VALUE, clSetMemObjectDestructorCallback(buffer, NULL, NULL));
    CHECK(clReleaseMemObject(buffer));
}

static void images_and_samplers(const struct cl *cl)
{
    cl_image_format good = {CL_RGBA, CL_UNSIGNED_INT8}, bad = {0x1, 0x2}, odd = {CL_RGB, CL_UNORM_SHORT_565};
    cl_image_desc flat = {0}, empty, vast, pitch, type;
    flat.image_type = CL_MEM_OBJECT_IMAGE2D;
    flat.image_width = flat.image_height = 8;
    empty = vast = pitch = type = flat;
    empty.image_width = 0;
    vast.image_width = 1u << 30;
    pitch.image_row_pitch = 64;
    type.image_type = CL_MEM_OBJECT_BUFFER;
    MAKE("image: no context", CL_INVALID_CONTEXT, clCreateImage(NULL, 0, &good, &flat, NULL, &code));
    MAKE("image: no format", CL_INVALID_IMAGE_FORMAT_DESCRIPTOR, clCreateImage(cl->context, 0, NULL, &flat, NULL, &code));
    MAKE_EITHER("image: bad format", CL_INVALID_IMAGE_FORMAT_DESCRIPTOR, CL_INVALID_OPERATION,
         clCreateImage(cl->context, 0, &bad, &flat, NULL, &code));
    MAKE_EITHER("image: format that isn't supported", CL_IMAGE_FORMAT_NOT_SUPPORTED, CL_INVALID_OPERATION,
         clCreateImage(cl->context, 0, &odd, &flat, NULL, &code));
    MAKE("image: no description", CL_INVALID_IMAGE_DESCRIPTOR, clCreateImage(cl->context, 0, &good, NULL, NULL, &code));
    MAKE_EITHER("image: width 0", CL_INVALID_IMAGE_SIZE, CL_INVALID_BUFFER_SIZE, clCreateImage(cl->context, 0, &good, &empty, NULL, &code));
    MAKE_EITHER("image: too wide", CL_INVALID_IMAGE_SIZE, CL_INVALID_OPERATION, clCreateImage(cl->context, 0, &good, &vast, NULL, &code));
    MAKE_EITHER("image: pitch without pointer", CL_INVALID_IMAGE_DESCRIPTOR, CL_SUCCESS,
         clCreateImage(cl->context, 0, &good, &pitch, NULL, &code));
    MAKE_EITHER("image: of type buffer", CL_INVALID_IMAGE_DESCRIPTOR, CL_INVALID_VALUE, clCreateImage(cl->context, 0, &good, &type, NULL, &code));
    MAKE("image: pointer without flag", CL_INVALID_HOST_PTR, clCreateImage(cl->context, 0, &good, &flat, room, &code));
    MAKE("image: copy without pointer", CL_INVALID_HOST_PTR,
         clCreateImage(cl->context, CL_MEM_COPY_HOST_PTR, &good, &flat, NULL, &code));
    TRY("image info: none", CL_INVALID_MEM_OBJECT, clGetImageInfo(NULL, CL_IMAGE_WIDTH, sizeof room, room, NULL));
    TRY("formats: no context", CL_INVALID_CONTEXT,
        clGetSupportedImageFormats(NULL, 0, CL_MEM_OBJECT_IMAGE2D, 0, NULL, NULL));
    TRY("formats: type buffer", CL_INVALID_VALUE,
        clGetSupportedImageFormats(cl->context, CL_MEM_READ_WRITE, CL_MEM_OBJECT_BUFFER, 1, &good, NULL));
    MAKE("sampler: no context", CL_INVALID_CONTEXT,
         clCreateSampler(NULL, CL_FALSE, CL_ADDRESS_CLAMP, CL_FILTER_NEAREST, &code));
    MAKE_EITHER("sampler: unknown mode", CL_INVALID_VALUE, CL_SUCCESS, clCreateSampler(cl->context, CL_FALSE, 1, CL_FILTER_NEAREST, &code));
    MAKE_EITHER("sampler: unknown filter", CL_INVALID_VALUE, CL_SUCCESS, clCreateSampler(cl->context, CL_FALSE, CL_ADDRESS_CLAMP, 1, &code));
    TRY("sampler info: none", CL_INVALID_SAMPLER, clGetSamplerInfo(NULL, CL_SAMPLER_CONTEXT, 8, room, NULL));
    TRY("retain sampler: none", CL_INVALID_SAMPLER, clRetainSampler(NULL));
    TRY("release sampler: none", CL_INVALID_SAMPLER, clReleaseSampler(NULL));
}

static void programs(const struct cl *cl)
{
    const char *source = "kernel void f(global int *x, int n) { *x = n; }", *nothing = NULL;
    const unsigned char *binary = (const unsigned char *)"x";
    size_t length = 1, zero = 0;
    cl_int status;
    MAKE("source: no context", CL_INVALID_CONTEXT, clCreateProgramWithSource(NULL, 1, &source, NULL, &code));
    MAKE("source: count 0", CL_INVALID_VALUE, clCreateProgramWithSource(cl->context, 0, &source, NULL, &code));
    MAKE("source: NULL string", CL_INVALID_VALUE, clCreateProgramWithSource(cl->context, 1, &nothing, NULL, &code));
    MAKE("binary: no device", CL_INVALID_VALUE,
         clCreateProgramWithBinary(cl->context, 0, NULL, &length, &binary, &status, &code));
    MAKE("binary: length 0", CL_INVALID_VALUE,
         clCreateProgramWithBinary(cl->context, 1, &cl->device, &zero, &binary, &status, &code));
    MAKE("binary: no lengths", CL_INVALID_VALUE,
         clCreateProgramWithBinary(cl->context, 1, &cl->device, NULL, &binary, &status, &code));

    cl_program program = clCreateProgramWithSource(cl->context, 1, &source, NULL, &code);
    CREATED(code);
    MAKE("kernel: program not built", CL_INVALID_PROGRAM_EXECUTABLE, clCreateKernel(program, "f", &code));
    TRY("program info: kernels before the build", CL_INVALID_PROGRAM_EXECUTABLE,
        clGetProgramInfo(program, CL_PROGRAM_NUM_KERNELS, sizeof size, &size, NULL));
    TRY("build: data without callback", CL_INVALID_VALUE, clBuildProgram(program, 0, NULL, "", NULL, room));
    TRY("build: devices without count", CL_INVALID_VALUE, clBuildProgram(program, 0, &cl->device, "", NULL, NULL));
    TRY("build: count without devices", CL_INVALID_VALUE, clBuildProgram(program, 1, NULL, "", NULL, NULL));
    TRY("build: no program", CL_INVALID_PROGRAM, clBuildProgram(NULL, 0, NULL, "", NULL, NULL));
    TRY("compile: no program", CL_INVALID_PROGRAM, clCompileProgram(NULL, 0, NULL, "", 0, NULL, NULL, NULL, NULL));
    MAKE("link: no context", CL_INVALID_CONTEXT, clLinkProgram(NULL, 0, NULL, "", 1, &program, NULL, NULL, &code));
    MAKE("link: no input", CL_INVALID_VALUE, clLinkProgram(cl->context, 0, NULL, "", 0, NULL, NULL, NULL, &code));
    CHECK(clBuildProgram(program, 1, &cl->device, "", NULL, NULL));
    TRY("program info: none", CL_INVALID_PROGRAM, clGetProgramInfo(NULL, CL_PROGRAM_SOURCE, sizeof room, room, NULL));
    TRY("program info: unknown name", CL_INVALID_VALUE, clGetProgramInfo(program, 1, sizeof room, room, NULL));
    TRY("program info: no room", CL_INVALID_VALUE, clGetProgramInfo(program, CL_PROGRAM_SOURCE, 1, room, NULL));
    TRY("build info: no device", CL_INVALID_DEVICE,
        clGetProgramBuildInfo(program, NULL, CL_PROGRAM_BUILD_STATUS, sizeof room, room, NULL));
    TRY("build info: unknown name", CL_INVALID_VALUE,
        clGetProgramBuildInfo(program, cl->device, 1, sizeof room, room, NULL));
    MAKE("kernel: no program", CL_INVALID_PROGRAM, clCreateKernel(NULL, "f", &code));
    MAKE("kernel: no name", CL_INVALID_VALUE, clCreateKernel(program, NULL, &code));
    MAKE("kernel: unknown name", CL_INVALID_KERNEL_NAME, clCreateKernel(program, "g", &code));

    cl_kernel kernel = new_kernel(program, "f"), several[2];
    cl_uint count;
    TRY("build: while there is a kernel", CL_INVALID_OPERATION,
        clBuildProgram(program, 1, &cl->device, "", NULL, NULL));
    TRY("kernels: too little room", CL_INVALID_VALUE, clCreateKernelsInProgram(program, 0, several, &count));
    TRY("kernel info: none", CL_INVALID_KERNEL, clGetKernelInfo(NULL, CL_KERNEL_NUM_ARGS, sizeof room, room, NULL));
    TRY("kernel info: unknown name", CL_INVALID_VALUE, clGetKernelInfo(kernel, 1, sizeof room, room, NULL));
    TRY("kernel info: no room", CL_INVALID_VALUE, clGetKernelInfo(kernel, CL_KERNEL_FUNCTION_NAME, 1, room, NULL));
    TRY("arg info: index", CL_INVALID_ARG_INDEX,
        clGetKernelArgInfo(kernel, 2, CL_KERNEL_ARG_NAME, sizeof room, room, NULL));
    EITHER("arg info: unknown name", CL_INVALID_VALUE, CL_KERNEL_ARG_INFO_NOT_AVAILABLE, clGetKernelArgInfo(kernel, 0, 1, sizeof room, room, NULL));
    TRY("work-group info: unknown name", CL_INVALID_VALUE,
        clGetKernelWorkGroupInfo(kernel, cl->device, 1, sizeof room, room, NULL));
    TRY("work-group info: no room", CL_INVALID_VALUE,
        clGetKernelWorkGroupInfo(kernel, cl->device, CL_KERNEL_WORK_GROUP_SIZE, 1, room, NULL));
    TRY("retain kernel: none", CL_INVALID_KERNEL, clRetainKernel(NULL));
    TRY("release kernel: none", CL_INVALID_KERNEL, clReleaseKernel(NULL));
    TRY("retain program: none", CL_INVALID_PROGRAM, clRetainProgram(NULL));
    TRY("release program: none", CL_INVALID_PROGRAM, clReleaseProgram(NULL));
    CHECK(clReleaseKernel(kernel));
    CHECK(clReleaseProgram(program));
}

static void events(const struct cl *cl)
{
    cl_event event = new_user_event(cl), none = NULL;
    MAKE("user event: no context", CL_INVALID_CONTEXT, clCreateUserEvent(NULL, &code));
    TRY("set status: positive", CL_INVALID_VALUE, clSetUserEventStatus(event, 1));
    TRY("set status: none", CL_INVALID_EVENT, clSetUserEventStatus(NULL, CL_COMPLETE));
    TRY("wait: no events", CL_INVALID_VALUE, clWaitForEvents(0, NULL));
    TRY("wait: no list", CL_INVALID_VALUE, clWaitForEvents(1, NULL));
    TRY("wait: NULL event", CL_INVALID_EVENT, clWaitForEvents(1, &none));
    TRY("event info: none", CL_INVALID_EVENT, clGetEventInfo(NULL, CL_EVENT_CONTEXT, sizeof room, room, NULL));
    TRY("event info: unknown name", CL_INVALID_VALUE, clGetEventInfo(event, 1, sizeof room, room, NULL));
    TRY("event info: no room", CL_INVALID_VALUE, clGetEventInfo(event, CL_EVENT_CONTEXT, 1, room, NULL));
    TRY("callback: none", CL_INVALID_VALUE, clSetEventCallback(event, CL_COMPLETE, NULL, NULL));
    TRY("profile: none", CL_INVALID_EVENT, clGetEventProfilingInfo(NULL, CL_PROFILING_COMMAND_END, 8, room, NULL));
    TRY("retain event: none", CL_INVALID_EVENT, clRetainEvent(NULL));
    TRY("release event: none", CL_INVALID_EVENT, clReleaseEvent(NULL));
    CHECK(clSetUserEventStatus(event, CL_COMPLETE));
    CHECK(clReleaseEvent(event));
}

int main(void)
{
    struct cl cl = start(0);
    platforms_and_devices(&cl);
    contexts(&cl);
    queues(&cl);
    buffers(&cl);
    images_and_samplers(&cl);
    programs(&cl);
    events(&cl);
    stop(&cl);
    return 0;
}
