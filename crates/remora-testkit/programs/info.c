/* Every clGet*Info query of every object, each answer printed as bytes; handles only as what they stand for. */
#include "common.h"

typedef cl_int (*query)(const void *object, cl_uint param, size_t size, void *value, size_t *needed);

struct param {
    cl_uint number;
    const char *name;
    enum { NUMBER, TEXT, HANDLE, COUNTED, VERSIONS } kind;
};

#define N(x) {x, #x, NUMBER}
#define T(x) {x, #x, TEXT}
#define H(x) {x, #x, HANDLE}
/* Names with versions: behind a name some drivers leave what was in their memory. */
#define V(x) {x, #x, VERSIONS}
/* A reference count: what the driver itself holds counts too, so only that there is a number. */
#define C(x) {x, #x, COUNTED}

static const void *known[16];
static const char *known_names[16];
static int known_count;

static void know(const void *handle, const char *name)
{
    known[known_count] = handle;
    known_names[known_count++] = name;
}

static const char *handle_name(const void *handle)
{
    if (!handle)
        return "none";
    for (int i = 0; i < known_count; i++)
        if (known[i] == handle)
            return known_names[i];
    return "unknown";
}

static void show(query ask, const void *object, const struct param *params, size_t count)
{
    static unsigned char value[1 << 16];
    for (size_t i = 0; i < count; i++) {
        size_t needed = 0, again = 0;
        cl_int code = ask(object, params[i].number, 0, NULL, &needed);
        printf("  %s: ", params[i].name);
        if (code != CL_SUCCESS) {
            printf("%s\n", code_name(code));
            continue;
        }
        EXPECT(needed <= sizeof value);
        memset(value, 0, needed);
        code = ask(object, params[i].number, sizeof value, value, &again);
        if (code != CL_SUCCESS || again != needed) {
            printf("%s, %zu bytes and %zu\n", code_name(code), needed, again);
            continue;
        }
        if (params[i].kind == TEXT)
            printf("\"%.*s\" (%zu)\n", (int)needed, (const char *)value, needed);
        else if (params[i].kind == HANDLE) {
            for (size_t k = 0; k < needed / sizeof(void *); k++)
                printf("%s ", handle_name(((void **)value)[k]));
            printf("(%zu)\n", needed);
        } else if (params[i].kind == VERSIONS) {
            for (size_t k = 0; k < needed / sizeof(cl_name_version); k++)
                printf("%s %x ", ((cl_name_version *)value)[k].name, ((cl_name_version *)value)[k].version);
            printf("(%zu)\n", needed);
        } else if (params[i].kind == COUNTED)
            printf("a number (%zu)\n", needed);
        else {
            for (size_t k = 0; k < needed; k++)
                printf("%02x", value[k]);
            printf(" (%zu)\n", needed);
        }
    }
}

#define SHOW(what, ask, object, params)                                              \
    do {                                                                             \
        printf("%s:\n", what);                                                       \
        show(ask, object, params, sizeof params / sizeof *params);                   \
    } while (0)

#define QUERY(name, function, type)                                                                \
    static cl_int name(const void *object, cl_uint param, size_t size, void *value, size_t *needed) \
    {                                                                                              \
        return function((type)object, param, size, value, needed);                                 \
    }

QUERY(ask_platform, clGetPlatformInfo, cl_platform_id)
QUERY(ask_device, clGetDeviceInfo, cl_device_id)
QUERY(ask_context, clGetContextInfo, cl_context)
QUERY(ask_queue, clGetCommandQueueInfo, cl_command_queue)
QUERY(ask_mem, clGetMemObjectInfo, cl_mem)
QUERY(ask_image, clGetImageInfo, cl_mem)
QUERY(ask_sampler, clGetSamplerInfo, cl_sampler)
QUERY(ask_program, clGetProgramInfo, cl_program)
QUERY(ask_kernel, clGetKernelInfo, cl_kernel)
QUERY(ask_event, clGetEventInfo, cl_event)

static cl_device_id the_device;

static cl_int ask_build(const void *object, cl_uint param, size_t size, void *value, size_t *needed)
{
    return clGetProgramBuildInfo((cl_program)object, the_device, param, size, value, needed);
}

static cl_int ask_work_group(const void *object, cl_uint param, size_t size, void *value, size_t *needed)
{
    return clGetKernelWorkGroupInfo((cl_kernel)object, the_device, param, size, value, needed);
}

static cl_int ask_arg(const void *object, cl_uint param, size_t size, void *value, size_t *needed)
{
    return clGetKernelArgInfo((cl_kernel)object, 0, param, size, value, needed);
}

static const struct param platform_params[] = {
    T(CL_PLATFORM_PROFILE), T(CL_PLATFORM_VERSION), T(CL_PLATFORM_NAME), T(CL_PLATFORM_VENDOR),
    T(CL_PLATFORM_EXTENSIONS), N(CL_PLATFORM_HOST_TIMER_RESOLUTION), N(CL_PLATFORM_NUMERIC_VERSION),
    V(CL_PLATFORM_EXTENSIONS_WITH_VERSION),
};

static const struct param device_params[] = {
    N(CL_DEVICE_TYPE), N(CL_DEVICE_VENDOR_ID), N(CL_DEVICE_MAX_COMPUTE_UNITS), N(CL_DEVICE_MAX_WORK_ITEM_DIMENSIONS),
    N(CL_DEVICE_MAX_WORK_GROUP_SIZE), N(CL_DEVICE_MAX_WORK_ITEM_SIZES), N(CL_DEVICE_PREFERRED_VECTOR_WIDTH_CHAR),
    N(CL_DEVICE_PREFERRED_VECTOR_WIDTH_SHORT), N(CL_DEVICE_PREFERRED_VECTOR_WIDTH_INT),
    N(CL_DEVICE_PREFERRED_VECTOR_WIDTH_LONG), N(CL_DEVICE_PREFERRED_VECTOR_WIDTH_FLOAT),
    N(CL_DEVICE_PREFERRED_VECTOR_WIDTH_DOUBLE), N(CL_DEVICE_PREFERRED_VECTOR_WIDTH_HALF),
    N(CL_DEVICE_NATIVE_VECTOR_WIDTH_CHAR), N(CL_DEVICE_NATIVE_VECTOR_WIDTH_SHORT),
    N(CL_DEVICE_NATIVE_VECTOR_WIDTH_INT), N(CL_DEVICE_NATIVE_VECTOR_WIDTH_LONG),
    N(CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT), N(CL_DEVICE_NATIVE_VECTOR_WIDTH_DOUBLE),
    N(CL_DEVICE_NATIVE_VECTOR_WIDTH_HALF), N(CL_DEVICE_MAX_CLOCK_FREQUENCY), N(CL_DEVICE_ADDRESS_BITS),
    N(CL_DEVICE_MAX_READ_IMAGE_ARGS), N(CL_DEVICE_MAX_WRITE_IMAGE_ARGS), N(CL_DEVICE_MAX_READ_WRITE_IMAGE_ARGS),
    N(CL_DEVICE_MAX_MEM_ALLOC_SIZE), N(CL_DEVICE_IMAGE2D_MAX_WIDTH), N(CL_DEVICE_IMAGE2D_MAX_HEIGHT),
    N(CL_DEVICE_IMAGE3D_MAX_WIDTH), N(CL_DEVICE_IMAGE3D_MAX_HEIGHT), N(CL_DEVICE_IMAGE3D_MAX_DEPTH),
    N(CL_DEVICE_IMAGE_MAX_BUFFER_SIZE), N(CL_DEVICE_IMAGE_MAX_ARRAY_SIZE), N(CL_DEVICE_IMAGE_SUPPORT),
    N(CL_DEVICE_IMAGE_PITCH_ALIGNMENT), N(CL_DEVICE_IMAGE_BASE_ADDRESS_ALIGNMENT), N(CL_DEVICE_MAX_PARAMETER_SIZE),
    N(CL_DEVICE_MAX_SAMPLERS), N(CL_DEVICE_MEM_BASE_ADDR_ALIGN), N(CL_DEVICE_MIN_DATA_TYPE_ALIGN_SIZE),
    N(CL_DEVICE_SINGLE_FP_CONFIG), N(CL_DEVICE_DOUBLE_FP_CONFIG), N(CL_DEVICE_GLOBAL_MEM_CACHE_TYPE),
    N(CL_DEVICE_GLOBAL_MEM_CACHELINE_SIZE), N(CL_DEVICE_GLOBAL_MEM_CACHE_SIZE), N(CL_DEVICE_GLOBAL_MEM_SIZE),
    N(CL_DEVICE_MAX_CONSTANT_BUFFER_SIZE), N(CL_DEVICE_MAX_CONSTANT_ARGS), N(CL_DEVICE_LOCAL_MEM_TYPE),
    N(CL_DEVICE_LOCAL_MEM_SIZE), N(CL_DEVICE_ERROR_CORRECTION_SUPPORT), N(CL_DEVICE_PROFILING_TIMER_RESOLUTION),
    N(CL_DEVICE_ENDIAN_LITTLE), N(CL_DEVICE_AVAILABLE), N(CL_DEVICE_COMPILER_AVAILABLE),
    N(CL_DEVICE_LINKER_AVAILABLE), N(CL_DEVICE_EXECUTION_CAPABILITIES), N(CL_DEVICE_QUEUE_ON_HOST_PROPERTIES),
    N(CL_DEVICE_QUEUE_ON_DEVICE_PROPERTIES), T(CL_DEVICE_BUILT_IN_KERNELS), H(CL_DEVICE_PLATFORM), T(CL_DEVICE_NAME),
    T(CL_DEVICE_VENDOR), T(CL_DRIVER_VERSION), T(CL_DEVICE_PROFILE), T(CL_DEVICE_VERSION),
    T(CL_DEVICE_OPENCL_C_VERSION), T(CL_DEVICE_EXTENSIONS), N(CL_DEVICE_PRINTF_BUFFER_SIZE),
    N(CL_DEVICE_PREFERRED_INTEROP_USER_SYNC), N(CL_DEVICE_PARTITION_MAX_SUB_DEVICES),
    N(CL_DEVICE_PARTITION_PROPERTIES), N(CL_DEVICE_PARTITION_AFFINITY_DOMAIN), N(CL_DEVICE_PARTITION_TYPE),
    N(CL_DEVICE_REFERENCE_COUNT), N(CL_DEVICE_NUMERIC_VERSION), V(CL_DEVICE_EXTENSIONS_WITH_VERSION),
    V(CL_DEVICE_ILS_WITH_VERSION), V(CL_DEVICE_BUILT_IN_KERNELS_WITH_VERSION),
    N(CL_DEVICE_ATOMIC_MEMORY_CAPABILITIES), N(CL_DEVICE_ATOMIC_FENCE_CAPABILITIES),
    N(CL_DEVICE_NON_UNIFORM_WORK_GROUP_SUPPORT), V(CL_DEVICE_OPENCL_C_ALL_VERSIONS), V(CL_DEVICE_OPENCL_C_FEATURES),
    N(CL_DEVICE_WORK_GROUP_COLLECTIVE_FUNCTIONS_SUPPORT), N(CL_DEVICE_GENERIC_ADDRESS_SPACE_SUPPORT),
    N(CL_DEVICE_DEVICE_ENQUEUE_CAPABILITIES), N(CL_DEVICE_PIPE_SUPPORT), T(CL_DEVICE_IL_VERSION),
    N(CL_DEVICE_MAX_NUM_SUB_GROUPS), N(CL_DEVICE_SUB_GROUP_INDEPENDENT_FORWARD_PROGRESS),
    N(CL_DEVICE_PREFERRED_WORK_GROUP_SIZE_MULTIPLE), T(CL_DEVICE_LATEST_CONFORMANCE_VERSION_PASSED),
    N(CL_DEVICE_MAX_GLOBAL_VARIABLE_SIZE), N(CL_DEVICE_GLOBAL_VARIABLE_PREFERRED_TOTAL_SIZE),
    N(CL_DEVICE_MAX_ON_DEVICE_QUEUES), N(CL_DEVICE_MAX_ON_DEVICE_EVENTS), N(CL_DEVICE_MAX_PIPE_ARGS),
    N(CL_DEVICE_PIPE_MAX_ACTIVE_RESERVATIONS), N(CL_DEVICE_PIPE_MAX_PACKET_SIZE), N(CL_DEVICE_SVM_CAPABILITIES),
    N(CL_DEVICE_PREFERRED_PLATFORM_ATOMIC_ALIGNMENT), N(CL_DEVICE_PREFERRED_GLOBAL_ATOMIC_ALIGNMENT),
    N(CL_DEVICE_PREFERRED_LOCAL_ATOMIC_ALIGNMENT), N(CL_DEVICE_HOST_UNIFIED_MEMORY),
};

static const struct param context_params[] = {
    C(CL_CONTEXT_REFERENCE_COUNT), N(CL_CONTEXT_NUM_DEVICES), H(CL_CONTEXT_DEVICES), N(CL_CONTEXT_PROPERTIES),
};

static const struct param queue_params[] = {
    H(CL_QUEUE_CONTEXT), H(CL_QUEUE_DEVICE), C(CL_QUEUE_REFERENCE_COUNT), N(CL_QUEUE_PROPERTIES), N(CL_QUEUE_SIZE),
    H(CL_QUEUE_DEVICE_DEFAULT), N(CL_QUEUE_PROPERTIES_ARRAY),
};

static const struct param mem_params[] = {
    N(CL_MEM_TYPE), N(CL_MEM_FLAGS), N(CL_MEM_SIZE), H(CL_MEM_HOST_PTR), N(CL_MEM_MAP_COUNT),
    C(CL_MEM_REFERENCE_COUNT), H(CL_MEM_CONTEXT), H(CL_MEM_ASSOCIATED_MEMOBJECT), N(CL_MEM_OFFSET),
    N(CL_MEM_USES_SVM_POINTER), N(CL_MEM_PROPERTIES),
};

static const struct param image_params[] = {
    N(CL_IMAGE_FORMAT), N(CL_IMAGE_ELEMENT_SIZE), N(CL_IMAGE_ROW_PITCH), N(CL_IMAGE_SLICE_PITCH), N(CL_IMAGE_WIDTH),
    N(CL_IMAGE_HEIGHT), N(CL_IMAGE_DEPTH), N(CL_IMAGE_ARRAY_SIZE), H(CL_IMAGE_BUFFER), N(CL_IMAGE_NUM_MIP_LEVELS),
    N(CL_IMAGE_NUM_SAMPLES),
};

static const struct param sampler_params[] = {
    N(CL_SAMPLER_REFERENCE_COUNT), H(CL_SAMPLER_CONTEXT), N(CL_SAMPLER_NORMALIZED_COORDS),
    N(CL_SAMPLER_ADDRESSING_MODE), N(CL_SAMPLER_FILTER_MODE), N(CL_SAMPLER_PROPERTIES),
};

static const struct param program_params[] = {
    N(CL_PROGRAM_REFERENCE_COUNT), H(CL_PROGRAM_CONTEXT), N(CL_PROGRAM_NUM_DEVICES), H(CL_PROGRAM_DEVICES),
    T(CL_PROGRAM_SOURCE), N(CL_PROGRAM_NUM_KERNELS), T(CL_PROGRAM_KERNEL_NAMES), T(CL_PROGRAM_IL),
    N(CL_PROGRAM_SCOPE_GLOBAL_CTORS_PRESENT), N(CL_PROGRAM_SCOPE_GLOBAL_DTORS_PRESENT),
};

static const struct param build_params[] = {
    N(CL_PROGRAM_BUILD_STATUS), T(CL_PROGRAM_BUILD_OPTIONS), T(CL_PROGRAM_BUILD_LOG), N(CL_PROGRAM_BINARY_TYPE),
    N(CL_PROGRAM_BUILD_GLOBAL_VARIABLE_TOTAL_SIZE),
};

/* Without the log, for which PoCL 3.1 has an error and the specification an empty text. */
static const struct param unbuilt_params[] = {
    N(CL_PROGRAM_BUILD_STATUS), T(CL_PROGRAM_BUILD_OPTIONS), N(CL_PROGRAM_BINARY_TYPE),
};

static const struct param kernel_params[] = {
    T(CL_KERNEL_FUNCTION_NAME), N(CL_KERNEL_NUM_ARGS), N(CL_KERNEL_REFERENCE_COUNT), H(CL_KERNEL_CONTEXT),
    H(CL_KERNEL_PROGRAM), T(CL_KERNEL_ATTRIBUTES),
};

static const struct param work_group_params[] = {
    N(CL_KERNEL_WORK_GROUP_SIZE), N(CL_KERNEL_COMPILE_WORK_GROUP_SIZE), N(CL_KERNEL_LOCAL_MEM_SIZE),
    N(CL_KERNEL_PREFERRED_WORK_GROUP_SIZE_MULTIPLE), N(CL_KERNEL_PRIVATE_MEM_SIZE), N(CL_KERNEL_GLOBAL_WORK_SIZE),
};

static const struct param arg_params[] = {
    N(CL_KERNEL_ARG_ADDRESS_QUALIFIER), N(CL_KERNEL_ARG_ACCESS_QUALIFIER), T(CL_KERNEL_ARG_TYPE_NAME),
    N(CL_KERNEL_ARG_TYPE_QUALIFIER), T(CL_KERNEL_ARG_NAME),
};

static const struct param event_params[] = {
    H(CL_EVENT_COMMAND_QUEUE), H(CL_EVENT_CONTEXT), N(CL_EVENT_COMMAND_TYPE), N(CL_EVENT_COMMAND_EXECUTION_STATUS),
    C(CL_EVENT_REFERENCE_COUNT),
};

int main(void)
{
    struct cl cl = start(0);
    cl_int code;
    static char host[4096];
    the_device = cl.device;
    know(cl.platform, "platform");
    know(cl.device, "device");
    know(cl.context, "context");
    know(cl.queue, "queue");
    know(host, "host memory");
    SHOW("platform", ask_platform, cl.platform, platform_params);
    SHOW("device", ask_device, cl.device, device_params);
    SHOW("context", ask_context, cl.context, context_params);
    SHOW("queue", ask_queue, cl.queue, queue_params);

    cl_mem buffer = new_buffer(&cl, CL_MEM_USE_HOST_PTR | CL_MEM_HOST_READ_ONLY, sizeof host, host);
    know(buffer, "buffer");
    cl_buffer_region region = {1024, 512};
    cl_mem sub = clCreateSubBuffer(buffer, 0, CL_BUFFER_CREATE_TYPE_REGION, &region, &code);
    CREATED(code);
    know(host + 1024, "inside of host memory");
    SHOW("buffer", ask_mem, buffer, mem_params);
    SHOW("sub-buffer", ask_mem, sub, mem_params);

    cl_image_format format = {CL_RGBA, CL_UNORM_INT8};
    cl_image_desc desc = {0};
    desc.image_type = CL_MEM_OBJECT_IMAGE3D;
    desc.image_width = 7;
    desc.image_height = 5;
    desc.image_depth = 3;
    cl_mem image = clCreateImage(cl.context, CL_MEM_WRITE_ONLY, &format, &desc, NULL, &code);
    CREATED(code);
    SHOW("image as memory", ask_mem, image, mem_params);
    SHOW("image", ask_image, image, image_params);

    cl_sampler sampler = clCreateSampler(cl.context, CL_TRUE, CL_ADDRESS_MIRRORED_REPEAT, CL_FILTER_LINEAR, &code);
    CREATED(code);
    SHOW("sampler", ask_sampler, sampler, sampler_params);

    const char *source = "kernel void twice(global float *values, local int *scratch) { values[0] *= 2; }";
    cl_program program = clCreateProgramWithSource(cl.context, 1, &source, NULL, &code);
    CREATED(code);
    know(program, "program");
    SHOW("program before the build", ask_program, program, program_params);
    SHOW("build before the build", ask_build, program, unbuilt_params);
    CHECK(clBuildProgram(program, 1, &cl.device, "-cl-kernel-arg-info -D X=1", NULL, NULL));
    SHOW("program", ask_program, program, program_params);
    SHOW("build", ask_build, program, build_params);
    cl_kernel kernel = new_kernel(program, "twice");
    SHOW("kernel", ask_kernel, kernel, kernel_params);
    SHOW("work-group", ask_work_group, kernel, work_group_params);
    SHOW("argument", ask_arg, kernel, arg_params);
    CHECK(clSetKernelArg(kernel, 1, 256, NULL));
    SHOW("work-group with local memory", ask_work_group, kernel, work_group_params);

    cl_event user = new_user_event(&cl), marker;
    SHOW("user event", ask_event, user, event_params);
    CHECK(clEnqueueMarkerWithWaitList(cl.queue, 0, NULL, &marker));
    CHECK(clFinish(cl.queue));
    SHOW("marker", ask_event, marker, event_params);
    CHECK(clRetainContext(cl.context));
    CHECK(clReleaseContext(cl.context));
    CHECK(clReleaseEvent(user));
    CHECK(clReleaseEvent(marker));
    CHECK(clReleaseKernel(kernel));
    CHECK(clReleaseProgram(program));
    CHECK(clReleaseSampler(sampler));
    CHECK(clReleaseMemObject(image));
    CHECK(clReleaseMemObject(sub));
    CHECK(clReleaseMemObject(buffer));
    stop(&cl);
    return 0;
}
