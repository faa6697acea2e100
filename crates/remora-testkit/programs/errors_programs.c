/*
 * Programs and kernels: what their functions say to bad arguments and in the wrong state. `errors_programs all` has those
 * calls too that PoCL crashes of.
 */
#include "errors.h"

static int all;
static char room[4096];
static cl_device_id foreign_device;
static cl_context other;

static cl_program create(cl_context context, const char *source)
{
    cl_program program = clCreateProgramWithSource(context, 1, &source, NULL, &code);
    CREATED(code);
    return program;
}

static void creation(const struct cl *cl)
{
    const char *source = "kernel void f() {}", *strings[] = {source, NULL};
    const unsigned char *binary = (const unsigned char *)"not a binary at all", *nothing = NULL;
    size_t length = 19;
    cl_int status = 4711;
    cl_device_id no_device = NULL;
    MAKE("source: second string NULL", CL_INVALID_VALUE, clCreateProgramWithSource(cl->context, 2, strings, NULL, &code));
    MAKE("binary: no context", CL_INVALID_CONTEXT,
         clCreateProgramWithBinary(NULL, 1, &cl->device, &length, &binary, &status, &code));
    MAKE("binary: count without list", CL_INVALID_VALUE,
         clCreateProgramWithBinary(cl->context, 1, NULL, &length, &binary, &status, &code));
    MAKE("binary: list without count", CL_INVALID_VALUE,
         clCreateProgramWithBinary(cl->context, 0, &cl->device, &length, &binary, &status, &code));
    if (all)
        MAKE("binary: no binaries", CL_INVALID_VALUE,
             clCreateProgramWithBinary(cl->context, 1, &cl->device, &length, NULL, &status, &code));
    MAKE("binary: NULL binary", CL_INVALID_VALUE,
         clCreateProgramWithBinary(cl->context, 1, &cl->device, &length, &nothing, &status, &code));
    MAKE("binary: NULL device", CL_INVALID_DEVICE,
         clCreateProgramWithBinary(cl->context, 1, &no_device, &length, &binary, &status, &code));
    MAKE("binary: none", CL_INVALID_BINARY,
         clCreateProgramWithBinary(cl->context, 1, &cl->device, &length, &binary, &status, &code));
    printf("its status: %s\n", code_name(status));
    if (foreign_device)
        MAKE("binary: device of no context", CL_INVALID_DEVICE,
             clCreateProgramWithBinary(cl->context, 1, &foreign_device, &length, &binary, &status, &code));
    MAKE("built-in: no context", CL_INVALID_CONTEXT,
         clCreateProgramWithBuiltInKernels(NULL, 1, &cl->device, "none", &code));
    MAKE("built-in: no device", CL_INVALID_VALUE,
         clCreateProgramWithBuiltInKernels(cl->context, 0, NULL, "none", &code));
    MAKE("built-in: no names", CL_INVALID_VALUE,
         clCreateProgramWithBuiltInKernels(cl->context, 1, &cl->device, NULL, &code));
    if (all)
        MAKE("built-in: NULL device", CL_INVALID_DEVICE,
             clCreateProgramWithBuiltInKernels(cl->context, 1, &no_device, "none", &code));
    MAKE("built-in: unknown name", CL_INVALID_VALUE,
         clCreateProgramWithBuiltInKernels(cl->context, 1, &cl->device, "there is no such kernel", &code));
}

static void builds(const struct cl *cl)
{
    cl_device_id nothing = NULL;
    cl_program good = create(cl->context, "kernel void f(global int *x) { *x = 1; }");
    cl_program bad = create(cl->context, "kernel void f(global int *x) { *x = y; }");
    const char *name = "good.h";
    if (all) {
        TRY("build: NULL device", CL_INVALID_DEVICE, clBuildProgram(good, 1, &nothing, "", NULL, NULL));
        TRY("compile: NULL device", CL_INVALID_DEVICE,
            clCompileProgram(good, 1, &nothing, "", 0, NULL, NULL, NULL, NULL));
    }
    if (foreign_device)
        TRY("build: device of no program", CL_INVALID_DEVICE, clBuildProgram(good, 1, &foreign_device, "", NULL, NULL));
    TRY("build: unknown option", CL_INVALID_BUILD_OPTIONS, clBuildProgram(good, 0, NULL, "-there-is-no-such", NULL, NULL));
    TRY("build: mistake", CL_BUILD_PROGRAM_FAILURE, clBuildProgram(bad, 0, NULL, "", NULL, NULL));
    MAKE("kernel: build failed", CL_INVALID_PROGRAM_EXECUTABLE, clCreateKernel(bad, "f", &code));
    TRY("kernels: build failed", CL_INVALID_PROGRAM_EXECUTABLE, clCreateKernelsInProgram(bad, 0, NULL, NULL));
    TRY("program info: names, build failed", CL_INVALID_PROGRAM_EXECUTABLE,
        clGetProgramInfo(bad, CL_PROGRAM_KERNEL_NAMES, sizeof room, room, NULL));
    TRY("compile: devices without count", CL_INVALID_VALUE,
        clCompileProgram(good, 0, &cl->device, "", 0, NULL, NULL, NULL, NULL));
    TRY("compile: count without devices", CL_INVALID_VALUE, clCompileProgram(good, 1, NULL, "", 0, NULL, NULL, NULL, NULL));
    TRY("compile: data without callback", CL_INVALID_VALUE,
        clCompileProgram(good, 0, NULL, "", 0, NULL, NULL, NULL, room));
    if (all)
        TRY("compile: headers without names", CL_INVALID_VALUE,
            clCompileProgram(good, 0, NULL, "", 1, &bad, NULL, NULL, NULL));
    TRY("compile: names without headers", CL_INVALID_VALUE,
        clCompileProgram(good, 0, NULL, "", 0, NULL, &name, NULL, NULL));
    TRY("compile: headers without count", CL_INVALID_VALUE,
        clCompileProgram(good, 0, NULL, "", 0, &bad, &name, NULL, NULL));
    TRY("compile: unknown option", CL_INVALID_COMPILER_OPTIONS,
        clCompileProgram(good, 0, NULL, "-there-is-no-such", 0, NULL, NULL, NULL, NULL));
    TRY("compile: mistake", CL_COMPILE_PROGRAM_FAILURE, clCompileProgram(bad, 0, NULL, "", 0, NULL, NULL, NULL, NULL));
    /* Some drivers don't compile what they were asked to build. */
    CHECK(clReleaseProgram(good));
    good = create(cl->context, "kernel void f(global int *x) { *x = 1; }");
    TRY("compile: good", CL_SUCCESS, clCompileProgram(good, 0, NULL, "", 0, NULL, NULL, NULL, NULL));
    MAKE("kernel: only compiled", CL_INVALID_PROGRAM_EXECUTABLE, clCreateKernel(good, "f", &code));

    cl_program inputs[] = {good, NULL}, source = create(cl->context, "kernel void g(global int *x) { *x = 2; }");
    cl_program foreign = create(other, "kernel void g(global int *x) { *x = 2; }");
    MAKE("link: devices without count", CL_INVALID_VALUE,
         clLinkProgram(cl->context, 0, &cl->device, "", 1, &good, NULL, NULL, &code));
    MAKE("link: count without devices", CL_INVALID_VALUE,
         clLinkProgram(cl->context, 1, NULL, "", 1, &good, NULL, NULL, &code));
    MAKE("link: NULL device", CL_INVALID_DEVICE,
         clLinkProgram(cl->context, 1, &nothing, "", 1, &good, NULL, NULL, &code));
    MAKE("link: no list", CL_INVALID_VALUE, clLinkProgram(cl->context, 0, NULL, "", 1, NULL, NULL, NULL, &code));
    if (all) {
        MAKE("link: list without count", CL_INVALID_VALUE,
             clLinkProgram(cl->context, 0, NULL, "", 0, &good, NULL, NULL, &code));
        MAKE("link: NULL program", CL_INVALID_PROGRAM,
             clLinkProgram(cl->context, 0, NULL, "", 2, inputs, NULL, NULL, &code));
    }
    MAKE("link: data without callback", CL_INVALID_VALUE,
         clLinkProgram(cl->context, 0, NULL, "", 1, &good, NULL, room, &code));
    cl_program mixed[] = {good, source};
    if (all)
        TRY("link: compiled and not", CL_INVALID_OPERATION,
            (clLinkProgram(cl->context, 0, NULL, "", 2, mixed, NULL, NULL, &code), code));
    TRY("link: unknown option", CL_INVALID_LINKER_OPTIONS,
        (clLinkProgram(cl->context, 0, NULL, "-there-is-no-such", 1, &good, NULL, NULL, &code), code));
    CHECK(clReleaseProgram(foreign));
    CHECK(clReleaseProgram(source));
    CHECK(clReleaseProgram(bad));
    CHECK(clReleaseProgram(good));
}

static void queries(const struct cl *cl)
{
    cl_program program = create(cl->context, "kernel void f(global int *x, local int *y, float z) { *x = *y + z; }");
    cl_kernel kernels[4];
    cl_uint count = 0;
    size_t wide = 8;
    TRY("build info: no program", CL_INVALID_PROGRAM,
        clGetProgramBuildInfo(NULL, cl->device, CL_PROGRAM_BUILD_STATUS, sizeof room, room, NULL));
    TRY("build info: before", CL_SUCCESS,
        clGetProgramBuildInfo(program, cl->device, CL_PROGRAM_BUILD_STATUS, sizeof room, room, NULL));
    if (foreign_device)
        TRY("build info: device of no program", CL_INVALID_DEVICE,
            clGetProgramBuildInfo(program, foreign_device, CL_PROGRAM_BUILD_STATUS, sizeof room, room, NULL));
    CHECK(clBuildProgram(program, 0, NULL, "-cl-kernel-arg-info", NULL, NULL));
    static const struct {
        const char *name;
        cl_uint param;
    } asked[] = {{"reference count", CL_PROGRAM_REFERENCE_COUNT}, {"context", CL_PROGRAM_CONTEXT},
                 {"devices", CL_PROGRAM_DEVICES}, {"source", CL_PROGRAM_SOURCE}, {"sizes", CL_PROGRAM_BINARY_SIZES},
                 {"binaries", CL_PROGRAM_BINARIES}, {"number of kernels", CL_PROGRAM_NUM_KERNELS},
                 {"names", CL_PROGRAM_KERNEL_NAMES}, {"IL", CL_PROGRAM_IL}};
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
        size_t needed = 0;
        printf("program info: %s\n", asked[i].name);
        TRY(" size", CL_SUCCESS, clGetProgramInfo(program, asked[i].param, 0, NULL, &needed));
        if (needed > 0)
            TRY(" no room", CL_INVALID_VALUE, clGetProgramInfo(program, asked[i].param, needed - 1, room, NULL));
    }
    TRY("build info: log, no room", CL_INVALID_VALUE,
        clGetProgramBuildInfo(program, cl->device, CL_PROGRAM_BUILD_OPTIONS, 1, room, NULL));
    TRY("kernels: no program", CL_INVALID_PROGRAM, clCreateKernelsInProgram(NULL, 4, kernels, &count));
    TRY("kernels: number", CL_SUCCESS, clCreateKernelsInProgram(program, 0, NULL, &count));
    printf("%u\n", count);
    TRY("kernels: all", CL_SUCCESS, clCreateKernelsInProgram(program, 4, kernels, NULL));
    cl_kernel kernel = kernels[0];
    MAKE("clone: none", CL_INVALID_KERNEL, clCloneKernel(NULL, &code));
    TRY("arg info: no kernel", CL_INVALID_KERNEL, clGetKernelArgInfo(NULL, 0, CL_KERNEL_ARG_NAME, sizeof room, room, NULL));
    TRY("arg info: index", CL_INVALID_ARG_INDEX,
        clGetKernelArgInfo(kernel, 3, CL_KERNEL_ARG_NAME, sizeof room, room, NULL));
    TRY("arg info: no room", CL_INVALID_VALUE, clGetKernelArgInfo(kernel, 0, CL_KERNEL_ARG_TYPE_NAME, 1, room, NULL));
    TRY("arg info: unknown name", CL_INVALID_VALUE, clGetKernelArgInfo(kernel, 0, 1, sizeof room, room, NULL));
    TRY("work-group info: no kernel", CL_INVALID_KERNEL,
        clGetKernelWorkGroupInfo(NULL, cl->device, CL_KERNEL_WORK_GROUP_SIZE, sizeof room, room, NULL));
    TRY("work-group info: the only device", CL_SUCCESS,
        clGetKernelWorkGroupInfo(kernel, NULL, CL_KERNEL_WORK_GROUP_SIZE, sizeof room, room, NULL));
    if (foreign_device)
        TRY("work-group info: device of no kernel", CL_INVALID_DEVICE,
            clGetKernelWorkGroupInfo(kernel, foreign_device, CL_KERNEL_WORK_GROUP_SIZE, sizeof room, room, NULL));
    TRY("work-group info: global size of no built-in", CL_INVALID_VALUE,
        clGetKernelWorkGroupInfo(kernel, cl->device, CL_KERNEL_GLOBAL_WORK_SIZE, sizeof room, room, NULL));
    TRY("sub-group info: no kernel", CL_INVALID_KERNEL,
        clGetKernelSubGroupInfo(NULL, cl->device, CL_KERNEL_MAX_SUB_GROUP_SIZE_FOR_NDRANGE, sizeof wide, &wide, sizeof room,
                                room, NULL));

    /* Arguments. */
    cl_mem buffer = new_buffer(cl, 0, 64, NULL);
    cl_sampler sampler = clCreateSampler(cl->context, CL_FALSE, CL_ADDRESS_CLAMP, CL_FILTER_NEAREST, &code);
    CREATED(code);
    float z = 1;
    TRY("arg: no kernel", CL_INVALID_KERNEL, clSetKernelArg(NULL, 0, sizeof buffer, &buffer));
    TRY("arg: index", CL_INVALID_ARG_INDEX, clSetKernelArg(kernel, 3, sizeof buffer, &buffer));
    TRY("arg: size of a buffer", CL_INVALID_ARG_SIZE, clSetKernelArg(kernel, 0, 4, &buffer));
    TRY("arg: local memory with a value", CL_INVALID_ARG_VALUE, clSetKernelArg(kernel, 1, 4, &z));
    TRY("arg: no value", CL_INVALID_ARG_VALUE, clSetKernelArg(kernel, 2, sizeof z, NULL));
    TRY("arg: size of a value", CL_INVALID_ARG_SIZE, clSetKernelArg(kernel, 2, 8, room));
    if (all)
        TRY("arg: a sampler for a buffer", CL_INVALID_MEM_OBJECT, clSetKernelArg(kernel, 0, sizeof sampler, &sampler));
    TRY("arg: NULL buffer", CL_SUCCESS, clSetKernelArg(kernel, 0, sizeof buffer, NULL));
    CHECK(clSetKernelArg(kernel, 0, sizeof buffer, &buffer));
    CHECK(clSetKernelArg(kernel, 1, 64, NULL));
    CHECK(clSetKernelArg(kernel, 2, sizeof z, &z));

    /* Launches. */
    size_t one = 1, zero = 0, most = (size_t)-1, many = 1 << 20, sixteen = 16, five = 5;
    cl_command_queue queue = cl->queue;
    TRY("launch: no global size", CL_SUCCESS,
        clEnqueueNDRangeKernel(queue, kernel, 1, NULL, NULL, NULL, 0, NULL, NULL));
    TRY("launch: global size 0", CL_SUCCESS, clEnqueueNDRangeKernel(queue, kernel, 1, NULL, &zero, NULL, 0, NULL, NULL));
    TRY("launch: offset too large", CL_INVALID_GLOBAL_OFFSET,
        clEnqueueNDRangeKernel(queue, kernel, 1, &most, &sixteen, NULL, 0, NULL, NULL));
    TRY("launch: local size too large", CL_INVALID_WORK_ITEM_SIZE,
        clEnqueueNDRangeKernel(queue, kernel, 1, NULL, &many, &many, 0, NULL, NULL));
    TRY("launch: local size no divisor", CL_INVALID_WORK_GROUP_SIZE,
        clEnqueueNDRangeKernel(queue, kernel, 1, NULL, &sixteen, &five, 0, NULL, NULL));
    if (all) {
        CHECK(clSetKernelArg(kernel, 1, (size_t)1 << 40, NULL));
        TRY("launch: too much local memory", CL_OUT_OF_RESOURCES,
            clEnqueueNDRangeKernel(queue, kernel, 1, NULL, &one, NULL, 0, NULL, NULL));
    }
    CHECK(clFinish(queue));
    CHECK(clReleaseSampler(sampler));
    CHECK(clReleaseMemObject(buffer));
    CHECK(clReleaseKernel(kernel));
    CHECK(clReleaseProgram(program));
}

int main(int argc, char **argv)
{
    all = argc > 1 && strcmp(argv[1], "all") == 0;
    struct cl cl = start(0);
    other = clCreateContext(NULL, 1, &cl.device, NULL, NULL, &code);
    CREATED(code);
    const cl_device_partition_property equally[] = {CL_DEVICE_PARTITION_EQUALLY, 1, 0};
    cl_device_id parts[64];
    if (clCreateSubDevices(cl.device, equally, 64, parts, NULL) == CL_SUCCESS)
        foreign_device = parts[0];
    creation(&cl);
    builds(&cl);
    queries(&cl);
    CHECK(clReleaseContext(other));
    stop(&cl);
    return 0;
}
