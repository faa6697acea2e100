/*
 * Extensions: every parameter that a platform and a device answer, the functions that they give by name, and what the
 * smaller extensions do. What a device doesn't offer is printed as such.
 */
#include "common.h"

#define SPIRV_EXTENDED_INSTRUCTION_SETS 0x12b9
#define SPIRV_EXTENSIONS 0x12ba

/* Handles, and what differs for a reason that docs/differences.md gives. */
static const cl_uint elsewhere[] = {
    CL_PLATFORM_EXTENSIONS,
    CL_PLATFORM_EXTENSIONS_WITH_VERSION,
    CL_DEVICE_PLATFORM,
    CL_DEVICE_PARENT_DEVICE,
    CL_DEVICE_EXTENSIONS,
    CL_DEVICE_EXTENSIONS_WITH_VERSION,
    CL_DEVICE_SVM_CAPABILITIES,
    /* cl_intel_unified_shared_memory */
    0x4190,
    0x4191,
    0x4192,
    0x4193,
    0x4194,
};

static int is_elsewhere(cl_uint param)
{
    for (size_t i = 0; i < sizeof elsewhere / sizeof *elsewhere; i++)
        if (elsewhere[i] == param)
            return 1;
    return 0;
}

static int is_named_versions(cl_uint param)
{
    return param == CL_DEVICE_OPENCL_C_FEATURES || param == CL_DEVICE_ILS_WITH_VERSION ||
           param == CL_DEVICE_BUILT_IN_KERNELS_WITH_VERSION || param == CL_DEVICE_OPENCL_C_ALL_VERSIONS;
}

/* What stands behind the end of a name is nobody's business. */
static void print_named_versions(const cl_name_version *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        printf(" %s 0x%x", list[i].name, list[i].version);
    printf("\n");
}

static void print_strings(const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        printf(" %s", list[i]);
    printf("\n");
}

static void parameters(const struct cl *cl, cl_uint from, cl_uint to)
{
    static unsigned char value[1 << 16];
    for (cl_uint param = from; param < to; param++) {
        if (is_elsewhere(param))
            continue;
        size_t size = 0;
        cl_int code = param < 0x1000 ? clGetPlatformInfo(cl->platform, param, sizeof value, value, &size)
                                     : clGetDeviceInfo(cl->device, param, sizeof value, value, &size);
        if (code == CL_INVALID_VALUE)
            continue;
        printf("0x%x: %s, %zu bytes, ", param, code_name(code), code ? 0 : size);
        if (code)
            printf("\n");
        else if (param == SPIRV_EXTENDED_INSTRUCTION_SETS || param == SPIRV_EXTENSIONS)
            print_strings((const char *const *)(void *)value, size / sizeof(char *));
        else if (is_named_versions(param))
            print_named_versions((const cl_name_version *)(void *)value, size / sizeof(cl_name_version));
        else
            printf("%016llx\n", (unsigned long long)checksum(value, size));
    }
}

static int offers(const struct cl *cl, const char *extension)
{
    static char names[1 << 14], of_platform[1 << 14];
    size_t length = strlen(extension);
    CHECK(clGetDeviceInfo(cl->device, CL_DEVICE_EXTENSIONS, sizeof names, names, NULL));
    CHECK(clGetPlatformInfo(cl->platform, CL_PLATFORM_EXTENSIONS, sizeof of_platform, of_platform, NULL));
    strcat(strcat(names, " "), of_platform);
    for (const char *found = names; (found = strstr(found, extension)); found += length)
        if (found[length] == ' ' || !found[length])
            return 1;
    printf("%s: not offered\n", extension);
    return 0;
}

static void *function(const struct cl *cl, const char *name)
{
    return clGetExtensionFunctionAddressForPlatform(cl->platform, name);
}

static void functions(const struct cl *cl)
{
    static const char *const names[] = {
        "clCreateCommandQueueWithPropertiesKHR", "clCreateProgramWithILKHR", "clGetKernelSuggestedLocalWorkSizeKHR",
        "clSetContentSizeBufferPoCL",            "clCreateBufferNV",         "clSetKernelAttributeNV",
        "clGetKernelAttributeNV",                "clNobodyHasThis",
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        printf("%s: %s\n", names[i], function(cl, names[i]) ? "there" : "not there");
}

static void queue_properties(const struct cl *cl)
{
    /* Priority, throttle, job slot, and one that doesn't exist. */
    static const cl_queue_properties names[] = {0x1096, 0x1097, 0x41e1, 0x1234};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        cl_queue_properties list[] = {names[i], 1, CL_QUEUE_PROPERTIES, CL_QUEUE_PROFILING_ENABLE, 0};
        cl_int code;
        cl_command_queue queue = clCreateCommandQueueWithProperties(cl->context, cl->device, list, &code);
        printf("queue property 0x%llx: %s\n", (unsigned long long)names[i], code_name(code));
        if (queue)
            CHECK(clReleaseCommandQueue(queue));
    }
    if (offers(cl, "cl_intel_exec_by_local_thread")) {
        cl_command_queue queue = new_queue(cl, (cl_command_queue_properties)1 << 31);
        CHECK(clFinish(queue));
        CHECK(clReleaseCommandQueue(queue));
        printf("a queue that executes in the thread that enqueues\n");
    }
    /* cl_khr_initialize_memory, cl_intel_driver_diagnostics, nothing. */
    static const cl_context_properties of_context[] = {0x2030, 0x4106, 0x1234};
    for (size_t i = 0; i < sizeof of_context / sizeof *of_context; i++) {
        cl_context_properties list[] = {CL_CONTEXT_PLATFORM, (cl_context_properties)cl->platform, of_context[i], 1, 0};
        cl_int code;
        cl_context context = clCreateContext(list, 1, &cl->device, NULL, NULL, &code);
        printf("context property 0x%llx: %s\n", (unsigned long long)of_context[i], code_name(code));
        if (context)
            CHECK(clReleaseContext(context));
    }
}

/* A module with the kernel `nothing`, of OpenCL 1.2's SPIR-V. */
static const cl_uint module[] = {
    0x07230203, 0x00010000, 0, 6, 0,                                        /* the header */
    0x00020011, 4, 0x00020011, 6,                                          /* capabilities Addresses and Kernel */
    0x0003000e, 2, 2,                                                      /* Physical64, OpenCL */
    0x0005000f, 6, 4, 0x68746f6e, 0x00676e69,                              /* the entry point %4 "nothing" */
    0x00020013, 1, 0x00030021, 2, 1,                                       /* void and its function type */
    0x00050036, 1, 4, 0, 2, 0x000200f8, 5, 0x000100fd, 0x00010038,         /* the function */
};

typedef cl_program (*create_with_il)(cl_context, const void *, size_t, cl_int *);

static void intermediate_language(const struct cl *cl)
{
    if (!offers(cl, "cl_khr_il_program"))
        return;
    create_with_il create = (create_with_il)function(cl, "clCreateProgramWithILKHR");
    cl_int code;
    create(cl->context, NULL, 0, &code);
    printf("no IL: %s\n", code_name(code));
    cl_program program = create(cl->context, module, sizeof module, &code);
    CREATED(code);
    CHECK(clBuildProgram(program, 1, &cl->device, "", NULL, NULL));
    char names[64];
    size_t size, global = 4;
    CHECK(clGetProgramInfo(program, CL_PROGRAM_KERNEL_NAMES, sizeof names, names, NULL));
    CHECK(clGetProgramInfo(program, CL_PROGRAM_IL, 0, NULL, &size));
    printf("IL of %zu bytes, %zu told: %s\n", sizeof module, size, names);
    cl_kernel kernel = new_kernel(program, "nothing");
    CHECK(clEnqueueNDRangeKernel(cl->queue, kernel, 1, NULL, &global, NULL, 0, NULL, NULL));
    CHECK(clFinish(cl->queue));
    CHECK(clReleaseKernel(kernel));
    CHECK(clReleaseProgram(program));
}

static void sub_group(cl_kernel kernel, const struct cl *cl, cl_uint param, const size_t *input, cl_uint count)
{
    size_t value[3] = {0}, size = 0;
    cl_int code = clGetKernelSubGroupInfo(kernel, cl->device, param, count * sizeof *input, input, sizeof value, value, &size);
    printf("sub-groups 0x%x: %s, %zu bytes, %zu %zu %zu\n", param, code_name(code), code ? 0 : size, code ? 0 : value[0],
           code ? 0 : value[1], code ? 0 : value[2]);
}

typedef cl_int (*suggest)(cl_command_queue, cl_kernel, cl_uint, const size_t *, const size_t *, size_t *);

static void kernels(const struct cl *cl)
{
    const char *source = "kernel void add(global int *x, int y) { x[get_global_id(0)] += y; }";
    cl_program program = build(cl, source, "");
    cl_kernel kernel = new_kernel(program, "add");
    cl_uint most = 0;
    cl_ulong spill = 0;
    size_t local[3] = {64, 4, 1}, groups = 3, suggested[3] = {0}, global[3] = {1024, 48, 10}, offset[3] = {1, 2, 3};
    cl_int code = clGetKernelWorkGroupInfo(kernel, cl->device, 0x4109, sizeof spill, &spill, NULL);
    printf("spilled memory: %s, %llu\n", code_name(code), (unsigned long long)spill);
    CHECK(clGetDeviceInfo(cl->device, CL_DEVICE_MAX_NUM_SUB_GROUPS, sizeof most, &most, NULL));
    if (most) {
        sub_group(kernel, cl, CL_KERNEL_MAX_SUB_GROUP_SIZE_FOR_NDRANGE, local, 1);
        sub_group(kernel, cl, CL_KERNEL_SUB_GROUP_COUNT_FOR_NDRANGE, local, 2);
        sub_group(kernel, cl, CL_KERNEL_SUB_GROUP_COUNT_FOR_NDRANGE, NULL, 0);
        sub_group(kernel, cl, CL_KERNEL_LOCAL_SIZE_FOR_SUB_GROUP_COUNT, &groups, 1);
        sub_group(kernel, cl, CL_KERNEL_MAX_NUM_SUB_GROUPS, NULL, 0);
        sub_group(kernel, cl, CL_KERNEL_COMPILE_NUM_SUB_GROUPS, NULL, 0);
        sub_group(kernel, cl, 0x410a, NULL, 0);
        sub_group(kernel, cl, CL_KERNEL_WORK_GROUP_SIZE, NULL, 0);
    }
    if (offers(cl, "cl_khr_suggested_local_work_size")) {
        suggest ask = (suggest)function(cl, "clGetKernelSuggestedLocalWorkSizeKHR");
        cl_mem buffer = new_buffer(cl, 0, 1 << 20, NULL);
        cl_int y = 7;
        printf("unset arguments: %s\n", code_name(ask(cl->queue, kernel, 1, NULL, global, suggested)));
        CHECK(clSetKernelArg(kernel, 0, sizeof buffer, &buffer));
        CHECK(clSetKernelArg(kernel, 1, sizeof y, &y));
        for (cl_uint dimensions = 1; dimensions <= 3; dimensions++) {
            CHECK(ask(cl->queue, kernel, dimensions, dimensions == 2 ? offset : NULL, global, suggested));
            printf("suggested: %zu %zu %zu\n", suggested[0], suggested[1], suggested[2]);
        }
        size_t nothing = 0;
        printf("no queue: %s\n", code_name(ask(NULL, kernel, 1, NULL, global, suggested)));
        printf("no kernel: %s\n", code_name(ask(cl->queue, NULL, 1, NULL, global, suggested)));
        printf("4 dimensions: %s\n", code_name(ask(cl->queue, kernel, 4, NULL, global, suggested)));
        printf("no size: %s\n", code_name(ask(cl->queue, kernel, 1, NULL, NULL, suggested)));
        printf("size 0: %s\n", code_name(ask(cl->queue, kernel, 1, NULL, &nothing, suggested)));
        printf("no place: %s\n", code_name(ask(cl->queue, kernel, 1, NULL, global, NULL)));
        CHECK(clReleaseMemObject(buffer));
    }
    CHECK(clReleaseKernel(kernel));
    CHECK(clReleaseProgram(program));
}

typedef cl_int (*set_content_size)(cl_mem, cl_mem);

static void content_size(const struct cl *cl)
{
    if (!offers(cl, "cl_pocl_content_size"))
        return;
    set_content_size set = (set_content_size)function(cl, "clSetContentSizeBufferPoCL");
    cl_ulong used = 100;
    unsigned char in[4096], out[4096];
    fill_random(in, sizeof in, 1);
    cl_mem buffer = new_buffer(cl, CL_MEM_COPY_HOST_PTR, sizeof in, in);
    cl_mem size = new_buffer(cl, CL_MEM_COPY_HOST_PTR, sizeof used, &used);
    printf("no buffer: %s\n", code_name(set(NULL, size)));
    printf("no size: %s\n", code_name(set(buffer, NULL)));
    struct cl other = start(0);
    cl_mem alien = new_buffer(&other, CL_MEM_COPY_HOST_PTR, sizeof used, &used);
    printf("size of another context: %s\n", code_name(set(buffer, alien)));
    CHECK(clReleaseMemObject(alien));
    stop(&other);
    printf("content size: %s\n", code_name(set(buffer, size)));
    printf("the same again: %s\n", code_name(set(buffer, size)));
    CHECK(clReleaseMemObject(size));
    CHECK(clEnqueueReadBuffer(cl->queue, buffer, CL_TRUE, 0, used, out, 0, NULL, NULL));
    printf("the content is %s\n", memcmp(in, out, used) ? "wrong" : "right");
    CHECK(clReleaseMemObject(buffer));
}

typedef cl_mem (*create_buffer_nv)(cl_context, cl_mem_flags, cl_bitfield, size_t, void *, cl_int *);
typedef cl_int (*set_attribute)(cl_kernel, cl_device_id, cl_uint, size_t, const void *);
typedef cl_int (*get_attribute)(cl_kernel, cl_device_id, cl_uint, size_t, void *, size_t *);

static void nvidia(const struct cl *cl)
{
    if (offers(cl, "cl_nv_create_buffer")) {
        create_buffer_nv create = (create_buffer_nv)function(cl, "clCreateBufferNV");
        static unsigned char in[1 << 16], out[1 << 16];
        fill_random(in, sizeof in, 2);
        /* In the host's memory, pinned, and both; and a flag that doesn't exist. */
        for (cl_bitfield flags = 1; flags <= 4; flags++) {
            cl_int code;
            cl_mem buffer = create(cl->context, CL_MEM_READ_WRITE, flags, sizeof in, NULL, &code);
            printf("NVIDIA's flags %llu: %s\n", (unsigned long long)flags, code_name(code));
            if (!buffer)
                continue;
            CHECK(clEnqueueWriteBuffer(cl->queue, buffer, CL_TRUE, 0, sizeof in, in, 0, NULL, NULL));
            CHECK(clEnqueueReadBuffer(cl->queue, buffer, CL_TRUE, 0, sizeof out, out, 0, NULL, NULL));
            EXPECT(!memcmp(in, out, sizeof in));
            unsigned char *mapped = clEnqueueMapBuffer(cl->queue, buffer, CL_TRUE, CL_MAP_READ | CL_MAP_WRITE, 0, sizeof in, 0,
                                                       NULL, NULL, &code);
            CREATED(code);
            EXPECT(!memcmp(in, mapped, sizeof in));
            mapped[7] = 7;
            CHECK(clEnqueueUnmapMemObject(cl->queue, buffer, mapped, 0, NULL, NULL));
            CHECK(clEnqueueReadBuffer(cl->queue, buffer, CL_TRUE, 7, 1, out, 0, NULL, NULL));
            EXPECT(out[0] == 7);
            CHECK(clReleaseMemObject(buffer));
        }
    }
    if (offers(cl, "cl_nv_kernel_attribute")) {
        set_attribute set = (set_attribute)function(cl, "clSetKernelAttributeNV");
        get_attribute get = (get_attribute)function(cl, "clGetKernelAttributeNV");
        cl_program program = build(cl, "kernel void nothing(local int *x) { x[0] = 0; }", "");
        cl_kernel kernel = new_kernel(program, "nothing");
        cl_uint value = 4096, told = 0;
        size_t size = 0;
        printf("setting an attribute: %s\n", code_name(set(kernel, cl->device, 0, sizeof value, &value)));
        cl_int code = get(kernel, cl->device, 0, sizeof told, &told, &size);
        printf("asking for it: %s, %u, %zu bytes\n", code_name(code), told, size);
        printf("an unknown one: %s\n", code_name(set(kernel, cl->device, 77, sizeof value, &value)));
        CHECK(clReleaseKernel(kernel));
        CHECK(clReleaseProgram(program));
    }
}

int main(void)
{
    struct cl cl = start(0);
    parameters(&cl, 0x900, 0x930);
    parameters(&cl, 0x1000, 0x1100);
    parameters(&cl, 0x1290, 0x12d0);
    parameters(&cl, 0x2030, 0x2060);
    parameters(&cl, 0x4000, 0x4300);
    functions(&cl);
    queue_properties(&cl);
    intermediate_language(&cl);
    kernels(&cl);
    content_size(&cl);
    nvidia(&cl);
    stop(&cl);
    return 0;
}
