/* Sub-devices: partitions, what they say of themselves, and work on each. */
#include "common.h"

static void describe(cl_device_id device, cl_device_id parent, cl_platform_id platform)
{
    cl_uint units, references;
    cl_device_id up;
    cl_platform_id of;
    cl_device_partition_property type[8];
    size_t size;
    CHECK(clGetDeviceInfo(device, CL_DEVICE_MAX_COMPUTE_UNITS, sizeof units, &units, NULL));
    CHECK(clGetDeviceInfo(device, CL_DEVICE_PARENT_DEVICE, sizeof up, &up, NULL));
    CHECK(clGetDeviceInfo(device, CL_DEVICE_PLATFORM, sizeof of, &of, NULL));
    CHECK(clGetDeviceInfo(device, CL_DEVICE_PARTITION_TYPE, sizeof type, type, &size));
    CHECK(clGetDeviceInfo(device, CL_DEVICE_REFERENCE_COUNT, sizeof references, &references, NULL));
    EXPECT(of == platform);
    printf("  %u units, %s, %u references, type", units, up == parent ? "of its parent" : "of something else", references);
    for (size_t i = 0; i < size / sizeof *type; i++)
        printf(" 0x%llx", (unsigned long long)type[i]);
    printf("\n");
}

static int work(cl_device_id device)
{
    const char *source = "kernel void square(global int *x) { size_t i = get_global_id(0); x[i] = (int)(i * i); }";
    cl_int code;
    struct cl cl = {NULL, device, clCreateContext(NULL, 1, &device, NULL, NULL, &code), NULL};
    CREATED(code);
    cl.queue = new_queue(&cl, 0);
    int out[100], total = 0;
    size_t global = 100;
    cl_program program = build(&cl, source, "");
    cl_kernel kernel = new_kernel(program, "square");
    cl_mem buffer = new_buffer(&cl, 0, sizeof out, NULL);
    CHECK(clSetKernelArg(kernel, 0, sizeof buffer, &buffer));
    CHECK(clEnqueueNDRangeKernel(cl.queue, kernel, 1, NULL, &global, NULL, 0, NULL, NULL));
    CHECK(clEnqueueReadBuffer(cl.queue, buffer, CL_TRUE, 0, sizeof out, out, 0, NULL, NULL));
    for (int i = 0; i < 100; i++)
        total += out[i];
    CHECK(clReleaseMemObject(buffer));
    CHECK(clReleaseKernel(kernel));
    CHECK(clReleaseProgram(program));
    stop(&cl);
    return total;
}

/* A build for the root is one for its parts, in a context that has both. */
static void built_for_the_root(cl_context context, cl_device_id devices[2])
{
    const char *source = "kernel void first(global int *x) { *x = 1; } kernel void second(global int *x) { *x = 2; }";
    cl_int code;
    cl_program program = clCreateProgramWithSource(context, 1, &source, NULL, &code);
    CREATED(code);
    CHECK(clBuildProgram(program, 1, &devices[0], "", NULL, NULL));
    size_t kernels;
    CHECK(clGetProgramInfo(program, CL_PROGRAM_NUM_KERNELS, sizeof kernels, &kernels, NULL));
    printf("  %zu kernels\n", kernels);
    cl_kernel kernel = new_kernel(program, "second");
    for (int i = 0; i < 2; i++) {
        struct cl cl = {NULL, devices[i], context, NULL};
        cl.queue = new_queue(&cl, 0);
        cl_build_status status;
        CHECK(clGetProgramBuildInfo(program, devices[i], CL_PROGRAM_BUILD_STATUS, sizeof status, &status, NULL));
        cl_mem buffer = new_buffer(&cl, 0, sizeof(int), NULL);
        CHECK(clSetKernelArg(kernel, 0, sizeof buffer, &buffer));
        size_t one = 1;
        int out = 0;
        CHECK(clEnqueueNDRangeKernel(cl.queue, kernel, 1, NULL, &one, NULL, 0, NULL, NULL));
        CHECK(clEnqueueReadBuffer(cl.queue, buffer, CL_TRUE, 0, sizeof out, &out, 0, NULL, NULL));
        printf("  status %d, work: %d\n", status, out);
        CHECK(clReleaseMemObject(buffer));
        CHECK(clFinish(cl.queue));
        CHECK(clReleaseCommandQueue(cl.queue));
    }
    CHECK(clReleaseKernel(kernel));
    CHECK(clReleaseProgram(program));
}

int main(void)
{
    cl_platform_id platform;
    cl_device_id device, subs[64];
    cl_uint count = 0;
    CHECK(clGetPlatformIDs(1, &platform, NULL));
    CHECK(clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, 1, &device, NULL));
    printf("root:\n");
    describe(device, NULL, platform);

    const cl_device_partition_property equally[] = {CL_DEVICE_PARTITION_EQUALLY, 1, 0};
    CHECK(clCreateSubDevices(device, equally, 64, subs, &count));
    printf("equally: %s\n", count >= 1 ? "there are some" : "none");
    for (cl_uint i = 0; i < count; i++) {
        describe(subs[i], device, platform);
        printf("  work: %d\n", work(subs[i]));
        CHECK(clRetainDevice(subs[i]));
        CHECK(clReleaseDevice(subs[i]));
        CHECK(clReleaseDevice(subs[i]));
    }
    const cl_device_partition_property counts[] = {CL_DEVICE_PARTITION_BY_COUNTS, 1,
                                                   CL_DEVICE_PARTITION_BY_COUNTS_LIST_END, 0};
    cl_uint needed = 0;
    CHECK(clCreateSubDevices(device, counts, 0, NULL, &needed));
    printf("by counts needs %u\n", needed);
    CHECK(clCreateSubDevices(device, counts, 64, subs, &count));
    for (cl_uint i = 0; i < count; i++) {
        describe(subs[i], device, platform);
        printf("  work: %d\n", work(subs[i]));
    }
    printf("context of a sub-device and its root: ");
    cl_device_id both[] = {device, subs[0]};
    cl_int code;
    cl_context context = clCreateContext(NULL, 2, both, NULL, NULL, &code);
    printf("%s\n", code_name(code));
    if (context) {
        built_for_the_root(context, both);
        sleep_ms(5);
        CHECK(clReleaseContext(context));
    }
    for (cl_uint i = 0; i < count; i++)
        CHECK(clReleaseDevice(subs[i]));

    const cl_device_partition_property huge[] = {CL_DEVICE_PARTITION_EQUALLY, 100000, 0};
    printf("too many: %s\n", code_name(clCreateSubDevices(device, huge, 64, subs, &count)));
    const cl_device_partition_property domain[] = {CL_DEVICE_PARTITION_BY_AFFINITY_DOMAIN,
                                                   CL_DEVICE_AFFINITY_DOMAIN_NUMA, 0};
    printf("by domain: %s\n", code_name(clCreateSubDevices(device, domain, 64, subs, &count)));
    printf("retain of a root: %s, release: %s\n", code_name(clRetainDevice(device)), code_name(clReleaseDevice(device)));
    return 0;
}
