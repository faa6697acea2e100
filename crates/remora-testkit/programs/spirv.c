/*
 * Programs from SPIR-V: what can be asked of them before and after a build, constants that are specialized, wrong modules.
 *
 * MODULE is what spirv-as --target-env spv1.2 makes of this:
 *
 * OpCapability Addresses
 * OpCapability Kernel
 * OpCapability Int64
 * OpCapability Int8
 * OpMemoryModel Physical64 OpenCL
 * OpEntryPoint Kernel %main "special" %gid
 * OpName %out "out"
 * OpDecorate %gid BuiltIn GlobalInvocationId
 * OpDecorate %gid Constant
 * OpDecorate %su SpecId 101
 * OpDecorate %sf SpecId 102
 * OpDecorate %sl SpecId 103
 * OpDecorate %sb SpecId 104
 * OpDecorate %sc SpecId 105
 * %void = OpTypeVoid
 * %bool = OpTypeBool
 * %uchar = OpTypeInt 8 0
 * %uint = OpTypeInt 32 0
 * %ulong = OpTypeInt 64 0
 * %float = OpTypeFloat 32
 * %v3 = OpTypeVector %ulong 3
 * %pv3 = OpTypePointer Input %v3
 * %puint = OpTypePointer CrossWorkgroup %uint
 * %fn = OpTypeFunction %void %puint
 * %su = OpSpecConstant %uint 5
 * %sf = OpSpecConstant %float 1.5
 * %sl = OpSpecConstant %ulong 4294967296
 * %sb = OpSpecConstantTrue %bool
 * %sc = OpSpecConstant %uchar 7
 * %c1 = OpConstant %uint 1
 * %c2 = OpConstant %uint 2
 * %c3 = OpConstant %uint 3
 * %c4 = OpConstant %uint 4
 * %l32 = OpConstant %ulong 32
 * %gid = OpVariable %pv3 Input
 * %main = OpFunction %void None %fn
 * %out = OpFunctionParameter %puint
 * %entry = OpLabel
 * %g = OpLoad %v3 %gid Aligned 32
 * %x = OpCompositeExtract %ulong %g 0
 * OpStore %out %su Aligned 4
 * %p1 = OpInBoundsPtrAccessChain %puint %out %c1
 * %fb = OpBitcast %uint %sf
 * OpStore %p1 %fb Aligned 4
 * %p2 = OpInBoundsPtrAccessChain %puint %out %c2
 * %hi = OpShiftRightLogical %ulong %sl %l32
 * %hi32 = OpUConvert %uint %hi
 * OpStore %p2 %hi32 Aligned 4
 * %p3 = OpInBoundsPtrAccessChain %puint %out %c3
 * %b = OpSelect %uint %sb %c1 %c2
 * OpStore %p3 %b Aligned 4
 * %p4 = OpInBoundsPtrAccessChain %puint %out %c4
 * %cu = OpUConvert %uint %sc
 * OpStore %p4 %cu Aligned 4
 * OpReturn
 * OpFunctionEnd
 */
#include "common.h"

static const cl_uint MODULE[] = {
    0x07230203, 0x00010200, 0x00070000, 36, 0, 0x00020011, 4, 0x00020011, 6, 0x00020011,
    11, 0x00020011, 39, 0x0003000e, 2, 2, 0x0006000f, 6, 1, 0x63657073,
    0x006c6169, 2, 0x00030005, 3, 0x0074756f, 0x00040047, 2, 11, 28, 0x00030047,
    2, 22, 0x00040047, 4, 1, 101, 0x00040047, 5, 1, 102,
    0x00040047, 6, 1, 103, 0x00040047, 7, 1, 104, 0x00040047, 8,
    1, 105, 0x00020013, 9, 0x00020014, 10, 0x00040015, 11, 8, 0,
    0x00040015, 12, 32, 0, 0x00040015, 13, 64, 0, 0x00030016, 14,
    32, 0x00040017, 15, 13, 3, 0x00040020, 16, 1, 15, 0x00040020,
    17, 5, 12, 0x00040021, 18, 9, 17, 0x00040032, 12, 4,
    5, 0x00040032, 14, 5, 0x3fc00000, 0x00050032, 13, 6, 0, 1,
    0x00030030, 10, 7, 0x00040032, 11, 8, 7, 0x0004002b, 12, 19,
    1, 0x0004002b, 12, 20, 2, 0x0004002b, 12, 21, 3, 0x0004002b,
    12, 22, 4, 0x0005002b, 13, 23, 32, 0, 0x0004003b, 16,
    2, 1, 0x00050036, 9, 1, 0, 18, 0x00030037, 17, 3,
    0x000200f8, 24, 0x0006003d, 15, 25, 2, 2, 32, 0x00050051, 13,
    26, 25, 0, 0x0005003e, 3, 4, 2, 4, 0x00050046, 17,
    27, 3, 19, 0x0004007c, 12, 28, 5, 0x0005003e, 27, 28,
    2, 4, 0x00050046, 17, 29, 3, 20, 0x000500c2, 13, 30,
    6, 23, 0x00040071, 12, 31, 30, 0x0005003e, 29, 31, 2,
    4, 0x00050046, 17, 32, 3, 21, 0x000600a9, 12, 33, 7,
    19, 20, 0x0005003e, 32, 33, 2, 4, 0x00050046, 17, 34,
    3, 22, 0x00040071, 12, 35, 8, 0x0005003e, 34, 35, 2,
    4, 0x000100fd, 0x00010038,
};

static struct cl cl;

static void info(const char *what, cl_program program)
{
    size_t il = 0, source = 0, log = 0, kernels = 99;
    cl_build_status status;
    cl_program_binary_type type;
    unsigned char bytes[sizeof MODULE];
    char options[64], names[64] = "";
    CHECK(clGetProgramInfo(program, CL_PROGRAM_IL, 0, NULL, &il));
    if (il == sizeof MODULE)
        CHECK(clGetProgramInfo(program, CL_PROGRAM_IL, sizeof bytes, bytes, NULL));
    CHECK(clGetProgramInfo(program, CL_PROGRAM_SOURCE, 0, NULL, &source));
    CHECK(clGetProgramBuildInfo(program, cl.device, CL_PROGRAM_BUILD_STATUS, sizeof status, &status, NULL));
    CHECK(clGetProgramBuildInfo(program, cl.device, CL_PROGRAM_BUILD_OPTIONS, sizeof options, options, NULL));
    CHECK(clGetProgramBuildInfo(program, cl.device, CL_PROGRAM_BUILD_LOG, 0, NULL, &log));
    CHECK(clGetProgramBuildInfo(program, cl.device, CL_PROGRAM_BINARY_TYPE, sizeof type, &type, NULL));
    printf("%s: %zu bytes of IL (%s), %zu of source, status %d, options '%s', type %x, %s\n", what, il,
           il == sizeof MODULE && memcmp(bytes, MODULE, il) == 0 ? "the same" : "others", source, status, options, type,
           log > 1 ? "a log" : "no log");
    cl_int code = clGetProgramInfo(program, CL_PROGRAM_NUM_KERNELS, sizeof kernels, &kernels, NULL);
    printf("  %s, %zu kernels", code_name(code), kernels);
    code = clGetProgramInfo(program, CL_PROGRAM_KERNEL_NAMES, sizeof names, names, NULL);
    printf(", %s '%s'\n", code_name(code), names);
}

static void run(const char *what, cl_program program)
{
    cl_kernel kernel = new_kernel(program, "special");
    cl_uint values[5] = {0}, arguments;
    char type[64];
    cl_mem buffer = new_buffer(&cl, 0, sizeof values, NULL);
    CHECK(clGetKernelInfo(kernel, CL_KERNEL_NUM_ARGS, sizeof arguments, &arguments, NULL));
    printf("%s: %u arguments, %s", what, arguments,
           code_name(clGetKernelArgInfo(kernel, 0, CL_KERNEL_ARG_TYPE_NAME, sizeof type, type, NULL)));
    CHECK(clSetKernelArg(kernel, 0, sizeof buffer, &buffer));
    CHECK(clEnqueueTask(cl.queue, kernel, 0, NULL, NULL));
    CHECK(clEnqueueReadBuffer(cl.queue, buffer, CL_TRUE, 0, sizeof values, values, 0, NULL, NULL));
    for (int i = 0; i < 5; i++)
        printf(", %x", values[i]);
    printf("\n");
    CHECK(clReleaseKernel(kernel));
    CHECK(clReleaseMemObject(buffer));
}

static void specialize(const char *what, cl_program program, cl_uint id, size_t size, const void *value)
{
    printf("%s: %s\n", what, code_name(clSetProgramSpecializationConstant(program, id, size, value)));
}

static void refused(const char *what, cl_context context, const void *module, size_t size)
{
    cl_int code = CL_SUCCESS;
    cl_program program = clCreateProgramWithIL(context, module, size, &code);
    printf("%s: %s%s\n", what, code_name(code), program ? ", a program" : "");
    if (program)
        CHECK(clReleaseProgram(program));
}

int main(void)
{
    cl = start(0);
    char version[128];
    cl_name_version versions[16];
    size_t length;
    CHECK(clGetDeviceInfo(cl.device, CL_DEVICE_IL_VERSION, sizeof version, version, NULL));
    CHECK(clGetDeviceInfo(cl.device, CL_DEVICE_ILS_WITH_VERSION, sizeof versions, versions, &length));
    printf("%s\n", version);
    for (size_t i = 0; i < length / sizeof *versions; i++)
        printf("%s %x\n", versions[i].name, versions[i].version);

    cl_int code;
    cl_program program = clCreateProgramWithIL(cl.context, MODULE, sizeof MODULE, &code);
    CREATED(code);
    info("new", program);
    CHECK(clBuildProgram(program, 1, &cl.device, "-cl-mad-enable", NULL, NULL));
    info("built", program);
    run("as it is", program);

    cl_uint number = 77;
    float third = 0.375f;
    cl_ulong large = 9ull << 32;
    cl_uchar no = 0, small = 200;
    specialize("a number", program, 101, sizeof number, &number);
    run("not built again", program);
    specialize("a float", program, 102, sizeof third, &third);
    specialize("a large number", program, 103, sizeof large, &large);
    specialize("a truth", program, 104, sizeof no, &no);
    specialize("a small number", program, 105, sizeof small, &small);
    CHECK(clBuildProgram(program, 0, NULL, NULL, NULL, NULL));
    run("specialized", program);
    number = 78;
    specialize("a number again", program, 101, sizeof number, &number);
    CHECK(clBuildProgram(program, 0, NULL, NULL, NULL, NULL));
    run("again", program);
    specialize("no such constant", program, 100, sizeof number, &number);
    specialize("of another size", program, 101, 2, &number);
    specialize("of no size", program, 101, 0, &number);
    specialize("no value", program, 101, sizeof number, NULL);
    specialize("no program", NULL, 101, sizeof number, &number);
    CHECK(clReleaseProgram(program));

    /* Compiled, and linked to two executables. */
    program = clCreateProgramWithIL(cl.context, MODULE, sizeof MODULE, &code);
    CREATED(code);
    CHECK(clCompileProgram(program, 0, NULL, NULL, 0, NULL, NULL, NULL, NULL));
    info("compiled", program);
    cl_program linked = clLinkProgram(cl.context, 0, NULL, NULL, 1, &program, NULL, NULL, &code);
    CREATED(code);
    info("linked", linked);
    run("linked", linked);
    specialize("a linked one", linked, 101, sizeof number, &number);
    CHECK(clReleaseProgram(linked));
    CHECK(clReleaseProgram(program));

    program = build(&cl, "kernel void nothing(void) {}", "");
    info("from source", program);
    specialize("from source", program, 101, sizeof number, &number);
    CHECK(clReleaseProgram(program));

    cl_uint broken[sizeof MODULE / sizeof *MODULE];
    memcpy(broken, MODULE, sizeof broken);
    broken[0] ^= 1;
    refused("no magic", cl.context, broken, sizeof broken);
    refused("no context", NULL, MODULE, sizeof MODULE);
    refused("no module", cl.context, NULL, sizeof MODULE);
    refused("an empty module", cl.context, MODULE, 0);
    stop(&cl);
    return 0;
}
