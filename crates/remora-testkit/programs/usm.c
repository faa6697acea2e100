/*
 * Unified shared memory (cl_intel_unified_shared_memory): memory of the host, of the device and shared, used by both
 * sides without maps.
 */
#include "common.h"

#include <CL/cl_ext.h>

#define FUNCTIONS(X) \
    X(clHostMemAllocINTEL) X(clDeviceMemAllocINTEL) X(clSharedMemAllocINTEL) X(clMemFreeINTEL) \
    X(clMemBlockingFreeINTEL) X(clGetMemAllocInfoINTEL) X(clSetKernelArgMemPointerINTEL) X(clEnqueueMemFillINTEL) \
    X(clEnqueueMemcpyINTEL) X(clEnqueueMigrateMemINTEL) X(clEnqueueMemAdviseINTEL)
#define DECLARE(name) static name##_fn name##_;
FUNCTIONS(DECLARE)

static const char *source =
    "kernel void add(global int *to, global const int *from) { to[get_global_id(0)] += from[get_global_id(0)]; }\n"
    "kernel void follow(global ulong *table, global int *out) { out[0] = *(global int *)table[1] + 1; }\n";

static void describe(const struct cl *cl, const char *what, const char *memory, size_t offset)
{
    cl_unified_shared_memory_type_intel type = 0;
    void *base = NULL;
    size_t size = 0;
    cl_device_id device = NULL;
    CHECK(clGetMemAllocInfoINTEL_(cl->context, memory + offset, CL_MEM_ALLOC_TYPE_INTEL, sizeof type, &type, NULL));
    CHECK(clGetMemAllocInfoINTEL_(cl->context, memory + offset, CL_MEM_ALLOC_BASE_PTR_INTEL, sizeof base, &base, NULL));
    CHECK(clGetMemAllocInfoINTEL_(cl->context, memory + offset, CL_MEM_ALLOC_SIZE_INTEL, sizeof size, &size, NULL));
    CHECK(clGetMemAllocInfoINTEL_(cl->context, memory + offset, CL_MEM_ALLOC_DEVICE_INTEL, sizeof device, &device,
                                  NULL));
    printf("%s: type %#x, its base %d, %zu bytes, device %d\n", what, type, base == memory, size,
           device == NULL ? 0 : device == cl->device ? 1 : 2);
}

int main(void)
{
    struct cl cl = start(0);
    char extensions[8192] = "";
    cl_int code;
    CHECK(clGetDeviceInfo(cl.device, CL_DEVICE_EXTENSIONS, sizeof extensions, extensions, NULL));
    if (!strstr(extensions, "cl_intel_unified_shared_memory")) {
        printf("not offered\n");
        return 0;
    }
#define LOAD(name)                                                                          \
    name##_ = (name##_fn)clGetExtensionFunctionAddressForPlatform(cl.platform, #name); \
    EXPECT(name##_ != NULL);
    FUNCTIONS(LOAD)
    const cl_device_info capabilities[] = {
        CL_DEVICE_HOST_MEM_CAPABILITIES_INTEL, CL_DEVICE_DEVICE_MEM_CAPABILITIES_INTEL,
        CL_DEVICE_SINGLE_DEVICE_SHARED_MEM_CAPABILITIES_INTEL, CL_DEVICE_CROSS_DEVICE_SHARED_MEM_CAPABILITIES_INTEL};
    for (int i = 0; i < 4; i++) {
        cl_bitfield can = 0;
        CHECK(clGetDeviceInfo(cl.device, capabilities[i], sizeof can, &can, NULL));
        printf("capabilities %#llx\n", (unsigned long long)can);
    }

    enum { COUNT = 5000 };
    const size_t size = COUNT * sizeof(int), items = COUNT;
    int *host = clHostMemAllocINTEL_(cl.context, NULL, size, 0, &code);
    CREATED(code);
    int *device = clDeviceMemAllocINTEL_(cl.context, cl.device, NULL, size, 64, &code);
    CREATED(code);
    int *shared = clSharedMemAllocINTEL_(cl.context, cl.device, NULL, size, 0, &code);
    CREATED(code);
    describe(&cl, "host", (char *)host, 100);
    describe(&cl, "device", (char *)device, 0);
    describe(&cl, "shared", (char *)shared, size - 1);
    cl_unified_shared_memory_type_intel type = 7;
    CHECK(clGetMemAllocInfoINTEL_(cl.context, &cl, CL_MEM_ALLOC_TYPE_INTEL, sizeof type, &type, NULL));
    printf("of the program: type %#x\n", type);

    cl_program program = build(&cl, source, "");
    cl_kernel add = new_kernel(program, "add"), follow = new_kernel(program, "follow");
    int one = 1, *plain = malloc(size);
    for (int i = 0; i < COUNT; i++) {
        host[i] = i;
        shared[i] = 10 * i;
        plain[i] = 1000;
    }
    cl_event event;
    cl_command_type command = 0;
    CHECK(clEnqueueMemFillINTEL_(cl.queue, device, &one, sizeof one, size, 0, NULL, &event));
    CHECK(clSetKernelArgMemPointerINTEL_(add, 0, device));
    CHECK(clSetKernelArgMemPointerINTEL_(add, 1, host));
    CHECK(clEnqueueNDRangeKernel(cl.queue, add, 1, NULL, &items, NULL, 1, &event, NULL));
    CHECK(clGetEventInfo(event, CL_EVENT_COMMAND_TYPE, sizeof command, &command, NULL));
    printf("fill: %#x\n", command);
    CHECK(clReleaseEvent(event));
    CHECK(clSetKernelArgMemPointerINTEL_(add, 0, shared));
    CHECK(clSetKernelArgMemPointerINTEL_(add, 1, device));
    CHECK(clEnqueueNDRangeKernel(cl.queue, add, 1, NULL, &items, NULL, 0, NULL, NULL));
    CHECK(clFinish(cl.queue));
    printf("shared: %016llx\n", (unsigned long long)checksum(shared, size));
    CHECK(clEnqueueMemcpyINTEL_(cl.queue, CL_FALSE, device, plain, size, 0, NULL, NULL));
    CHECK(clEnqueueMemcpyINTEL_(cl.queue, CL_FALSE, host, device, size / 2, 0, NULL, &event));
    CHECK(clEnqueueMemcpyINTEL_(cl.queue, CL_TRUE, plain, shared, size, 1, &event, NULL));
    CHECK(clGetEventInfo(event, CL_EVENT_COMMAND_TYPE, sizeof command, &command, NULL));
    printf("copy: %#x, %016llx %016llx\n", command, (unsigned long long)checksum(host, size),
           (unsigned long long)checksum(plain, size));
    CHECK(clReleaseEvent(event));
    code = clEnqueueMigrateMemINTEL_(cl.queue, shared, size, CL_MIGRATE_MEM_OBJECT_HOST, 0, NULL, NULL);
    printf("migrate: %s\n", code_name(code));

    /* Found by a pointer in memory. */
    cl_ulong *table = clSharedMemAllocINTEL_(cl.context, NULL, NULL, 64, 0, &code);
    CREATED(code);
    cl_bool yes = CL_TRUE;
    table[1] = (cl_ulong)(uintptr_t)(host + 7);
    host[7] = 41;
    CHECK(clSetKernelArgMemPointerINTEL_(follow, 0, table));
    CHECK(clSetKernelArgMemPointerINTEL_(follow, 1, shared));
    CHECK(clSetKernelExecInfo(follow, CL_KERNEL_EXEC_INFO_INDIRECT_HOST_ACCESS_INTEL, sizeof yes, &yes));
    size_t single = 1;
    CHECK(clEnqueueNDRangeKernel(cl.queue, follow, 1, NULL, &single, NULL, 0, NULL, NULL));
    CHECK(clFinish(cl.queue));
    printf("found %d\n", shared[0]);

    clHostMemAllocINTEL_(cl.context, NULL, 0, 0, &code);
    printf("refused: %s", code_name(code));
    clHostMemAllocINTEL_(NULL, NULL, 4, 0, &code);
    printf(" %s", code_name(code));
    clHostMemAllocINTEL_(cl.context, NULL, 4, 3, &code);
    printf(" %s", code_name(code));
    clDeviceMemAllocINTEL_(cl.context, NULL, NULL, 4, 0, &code);
    printf(" %s\n", code_name(code));

    CHECK(clEnqueueNDRangeKernel(cl.queue, add, 1, NULL, &items, NULL, 0, NULL, NULL));
    CHECK(clMemBlockingFreeINTEL_(cl.context, device));
    CHECK(clMemFreeINTEL_(cl.context, host));
    CHECK(clMemFreeINTEL_(cl.context, shared));
    CHECK(clMemFreeINTEL_(cl.context, table));
    CHECK(clMemFreeINTEL_(cl.context, NULL));
    CHECK(clReleaseKernel(add));
    CHECK(clReleaseKernel(follow));
    CHECK(clReleaseProgram(program));
    stop(&cl);
    free(plain);
    return 0;
}
