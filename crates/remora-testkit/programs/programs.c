/* Programs: source in parts, options, failing builds, compile and link, binaries, and what a program and its kernels say. */
#include "common.h"

static void print_log(const struct cl *cl, cl_program program)
{
    char log[8192] = "";
    size_t size = 0;
    CHECK(clGetProgramBuildInfo(program, cl->device, CL_PROGRAM_BUILD_LOG, sizeof log, log, &size));
    EXPECT(size == strlen(log) + 1);
    printf("  log has %s\n", strstr(log, "error") ? "an error" : size > 1 ? "text" : "nothing");
}

static void build_info(const struct cl *cl, cl_program program)
{
    cl_build_status status;
    cl_program_binary_type type;
    char options[256];
    size_t total;
    CHECK(clGetProgramBuildInfo(program, cl->device, CL_PROGRAM_BUILD_STATUS, sizeof status, &status, NULL));
    CHECK(clGetProgramBuildInfo(program, cl->device, CL_PROGRAM_BINARY_TYPE, sizeof type, &type, NULL));
    CHECK(clGetProgramBuildInfo(program, cl->device, CL_PROGRAM_BUILD_OPTIONS, sizeof options, options, NULL));
    CHECK(clGetProgramBuildInfo(program, cl->device, CL_PROGRAM_BUILD_GLOBAL_VARIABLE_TOTAL_SIZE, sizeof total, &total,
                                NULL));
    printf("  status %d, type 0x%x, options \"%s\", variables %zu\n", status, type, options, total);
}

static int call(const struct cl *cl, cl_program program, const char *name)
{
    int result = -1;
    size_t one = 1;
    cl_kernel kernel = new_kernel(program, name);
    cl_mem out = new_buffer(cl, CL_MEM_WRITE_ONLY, sizeof result, NULL);
    CHECK(clSetKernelArg(kernel, 0, sizeof out, &out));
    CHECK(clEnqueueNDRangeKernel(cl->queue, kernel, 1, NULL, &one, NULL, 0, NULL, NULL));
    CHECK(clEnqueueReadBuffer(cl->queue, out, CL_TRUE, 0, sizeof result, &result, 0, NULL, NULL));
    CHECK(clReleaseMemObject(out));
    CHECK(clReleaseKernel(kernel));
    return result;
}

static void source_in_parts(const struct cl *cl)
{
    /* The second part isn't terminated: its length says where it ends. */
    const char *parts[] = {"kernel void three(global int *out) ", "{ *out = N; }garbage", "\nkernel void four(global int *o) "
                                                                                           "{ *o = 4; }\n"};
    const size_t lengths[] = {0, 13, strlen(parts[2])};
    cl_int code;
    cl_program program = clCreateProgramWithSource(cl->context, 3, parts, lengths, &code);
    CREATED(code);
    CHECK(clBuildProgram(program, 1, &cl->device, "-D N=3 -cl-fast-relaxed-math", NULL, NULL));
    printf("parts: %d %d\n", call(cl, program, "three"), call(cl, program, "four"));
    build_info(cl, program);
    char text[512];
    size_t size;
    CHECK(clGetProgramInfo(program, CL_PROGRAM_SOURCE, sizeof text, text, &size));
    printf("source of %zu:\n%s", size, text);
    size_t kernels;
    CHECK(clGetProgramInfo(program, CL_PROGRAM_NUM_KERNELS, sizeof kernels, &kernels, NULL));
    CHECK(clGetProgramInfo(program, CL_PROGRAM_KERNEL_NAMES, sizeof text, text, NULL));
    printf("%zu kernels: %s\n", kernels, strstr(text, "three") && strstr(text, "four") ? "three and four" : text);
    /* Built again with other options. PoCL's threads have a kernel for a moment after it ran. */
    sleep_ms(5);
    CHECK(clBuildProgram(program, 0, NULL, "-D N=33", NULL, NULL));
    printf("rebuilt: %d\n", call(cl, program, "three"));
    CHECK(clReleaseProgram(program));
}

static void failures(const struct cl *cl)
{
    const char *bad = "kernel void f(global int *x) { *x = undeclared_name; }";
    cl_int code;
    cl_program program = clCreateProgramWithSource(cl->context, 1, &bad, NULL, &code);
    CREATED(code);
    printf("bad source: %s\n", code_name(clBuildProgram(program, 0, NULL, "", NULL, NULL)));
    build_info(cl, program);
    print_log(cl, program);
    cl_kernel kernel = clCreateKernel(program, "f", &code);
    printf("kernel of it: %s, %s\n", kernel ? "made" : "none", code_name(code));
    CHECK(clReleaseProgram(program));

    const char *good = "kernel void g(global int *x) { *x = 1; }";
    program = clCreateProgramWithSource(cl->context, 1, &good, NULL, &code);
    CREATED(code);
    kernel = clCreateKernel(program, "g", &code);
    printf("kernel before the build: %s, %s\n", kernel ? "made" : "none", code_name(code));
    CHECK(clBuildProgram(program, 0, NULL, NULL, NULL, NULL));
    kernel = clCreateKernel(program, "no_such_kernel", &code);
    printf("no such kernel: %s, %s\n", kernel ? "made" : "none", code_name(code));
    printf("bad option: %s\n", code_name(clBuildProgram(program, 0, NULL, "--no-such-option", NULL, NULL)));
    CHECK(clReleaseProgram(program));
}

static void compile_and_link(const struct cl *cl)
{
    const char *main_source = "#include \"numbers.h\"\n#include \"deep/more.h\"\nint helper(int);\n"
                              "kernel void linked(global int *out) { *out = helper(SEVEN) + MORE; }\n";
    const char *helper_source = "int helper(int x) { return x * 10; }\n";
    const char *headers[] = {"#define SEVEN 7\n", "#define MORE 5\n"};
    const char *names[] = {"numbers.h", "deep/more.h"};
    cl_int code;
    cl_program units[2], header_programs[2];
    units[0] = clCreateProgramWithSource(cl->context, 1, &main_source, NULL, &code);
    CREATED(code);
    units[1] = clCreateProgramWithSource(cl->context, 1, &helper_source, NULL, &code);
    CREATED(code);
    for (int i = 0; i < 2; i++) {
        header_programs[i] = clCreateProgramWithSource(cl->context, 1, &headers[i], NULL, &code);
        CREATED(code);
    }
    CHECK(clCompileProgram(units[0], 1, &cl->device, "", 2, header_programs, names, NULL, NULL));
    CHECK(clCompileProgram(units[1], 0, NULL, "-D UNUSED", 0, NULL, NULL, NULL, NULL));
    build_info(cl, units[0]);
    build_info(cl, units[1]);
    cl_program linked = clLinkProgram(cl->context, 1, &cl->device, "", 2, units, NULL, NULL, &code);
    CREATED(code);
    build_info(cl, linked);
    printf("linked: %d\n", call(cl, linked, "linked"));
    printf("compile without header: %s\n",
           code_name(clCompileProgram(units[0], 1, &cl->device, "", 0, NULL, NULL, NULL, NULL)));
    print_log(cl, units[0]);
    cl_program library = clLinkProgram(cl->context, 1, &cl->device, "-create-library", 1, &units[1], NULL, NULL, &code);
    CREATED(code);
    build_info(cl, library);
    CHECK(clReleaseProgram(library));
    CHECK(clReleaseProgram(linked));
    for (int i = 0; i < 2; i++) {
        CHECK(clReleaseProgram(units[i]));
        CHECK(clReleaseProgram(header_programs[i]));
    }
}

static void binaries(const struct cl *cl)
{
    cl_program program = build(cl, "kernel void b(global int *out) { *out = 42; }", "");
    size_t size;
    cl_int status = 1, code;
    CHECK(clGetProgramInfo(program, CL_PROGRAM_BINARY_SIZES, sizeof size, &size, NULL));
    EXPECT(size > 0);
    unsigned char *binary = malloc(size);
    CHECK(clGetProgramInfo(program, CL_PROGRAM_BINARIES, sizeof binary, &binary, NULL));
    CHECK(clReleaseProgram(program));
    const unsigned char *given = binary;
    program = clCreateProgramWithBinary(cl->context, 1, &cl->device, &size, &given, &status, &code);
    CREATED(code);
    printf("binary: %s\n", code_name(status));
    CHECK(clBuildProgram(program, 1, &cl->device, "", NULL, NULL));
    build_info(cl, program);
    printf("from binary: %d\n", call(cl, program, "b"));
    CHECK(clReleaseProgram(program));
    memset(binary, 0x55, size);
    program = clCreateProgramWithBinary(cl->context, 1, &cl->device, &size, &given, &status, &code);
    printf("garbage: %s, %s, %s\n", program ? "made" : "none", code_name(code), code_name(status));
    free(binary);
}

static void kernels(const struct cl *cl)
{
    const char *source = "kernel __attribute__((reqd_work_group_size(4, 2, 1))) void info(global const float4 *restrict in,\n"
                         "    local int *scratch, constant volatile uint *table, read_only image2d_t picture, char letter)\n"
                         "{ scratch[get_local_id(0)] = (int)in[0].x + table[0] + letter; }\n"
                         "kernel void plain(global int *x) { *x = 0; }\n";
    cl_program program = build(cl, source, "-cl-kernel-arg-info");
    cl_kernel kernel = new_kernel(program, "info");
    cl_uint count;
    char text[256];
    CHECK(clGetKernelInfo(kernel, CL_KERNEL_NUM_ARGS, sizeof count, &count, NULL));
    CHECK(clGetKernelInfo(kernel, CL_KERNEL_FUNCTION_NAME, sizeof text, text, NULL));
    printf("%s has %u arguments\n", text, count);
    CHECK(clGetKernelInfo(kernel, CL_KERNEL_ATTRIBUTES, sizeof text, text, NULL));
    printf("attributes: %s\n", text);
    for (cl_uint i = 0; i < count; i++) {
        cl_kernel_arg_address_qualifier address;
        cl_kernel_arg_access_qualifier access;
        cl_kernel_arg_type_qualifier qualifier;
        char type[64];
        CHECK(clGetKernelArgInfo(kernel, i, CL_KERNEL_ARG_ADDRESS_QUALIFIER, sizeof address, &address, NULL));
        CHECK(clGetKernelArgInfo(kernel, i, CL_KERNEL_ARG_ACCESS_QUALIFIER, sizeof access, &access, NULL));
        CHECK(clGetKernelArgInfo(kernel, i, CL_KERNEL_ARG_TYPE_QUALIFIER, sizeof qualifier, &qualifier, NULL));
        CHECK(clGetKernelArgInfo(kernel, i, CL_KERNEL_ARG_TYPE_NAME, sizeof type, type, NULL));
        CHECK(clGetKernelArgInfo(kernel, i, CL_KERNEL_ARG_NAME, sizeof text, text, NULL));
        printf("  %u: %s %s, address 0x%x, access 0x%x, qualifiers 0x%x\n", i, type, text, address, access,
               (unsigned)qualifier);
    }
    size_t numbers[3];
    cl_ulong bytes;
    CHECK(clGetKernelWorkGroupInfo(kernel, cl->device, CL_KERNEL_COMPILE_WORK_GROUP_SIZE, sizeof numbers, numbers, NULL));
    printf("reqd %zu %zu %zu\n", numbers[0], numbers[1], numbers[2]);
    CHECK(clGetKernelWorkGroupInfo(kernel, NULL, CL_KERNEL_WORK_GROUP_SIZE, sizeof *numbers, numbers, NULL));
    printf("work-group %zu\n", numbers[0]);
    CHECK(clGetKernelWorkGroupInfo(kernel, cl->device, CL_KERNEL_PREFERRED_WORK_GROUP_SIZE_MULTIPLE, sizeof *numbers,
                                   numbers, NULL));
    printf("multiple %zu\n", numbers[0]);
    CHECK(clGetKernelWorkGroupInfo(kernel, cl->device, CL_KERNEL_LOCAL_MEM_SIZE, sizeof bytes, &bytes, NULL));
    printf("local memory %llu\n", (unsigned long long)bytes);
    CHECK(clGetKernelWorkGroupInfo(kernel, cl->device, CL_KERNEL_PRIVATE_MEM_SIZE, sizeof bytes, &bytes, NULL));
    printf("private memory %llu\n", (unsigned long long)bytes);
    printf("global work size: %s\n", code_name(clGetKernelWorkGroupInfo(kernel, cl->device, CL_KERNEL_GLOBAL_WORK_SIZE,
                                                                        sizeof numbers, numbers, NULL)));
    cl_kernel all[2];
    CHECK(clCreateKernelsInProgram(program, 2, all, &count));
    printf("%u kernels in the program\n", count);
    for (int i = 0; i < 2; i++) {
        cl_program owner;
        CHECK(clGetKernelInfo(all[i], CL_KERNEL_PROGRAM, sizeof owner, &owner, NULL));
        EXPECT(owner == program);
        CHECK(clReleaseKernel(all[i]));
    }
    /* A kernel keeps its program. */
    CHECK(clReleaseProgram(program));
    CHECK(clGetKernelInfo(kernel, CL_KERNEL_PROGRAM, sizeof program, &program, NULL));
    CHECK(clGetProgramInfo(program, CL_PROGRAM_NUM_DEVICES, sizeof count, &count, NULL));
    printf("%u devices\n", count);
    CHECK(clReleaseKernel(kernel));
}

/* What stands in the program's scope is there for each kernel of it. */
static void constants(const struct cl *cl)
{
    cl_program program = build(cl,
                               "constant int table[4] = {10, 20, 30, 40};\n"
                               "int twice(int x) { return 2 * x; }\n"
                               "kernel void one(global int *out) { *out = twice(table[2]); }\n"
                               "kernel void two(global int *out) { *out = twice(table[3]) + sizeof(size_t); }\n",
                               "-cl-std=CL1.2");
    printf("constants: %d %d\n", call(cl, program, "one"), call(cl, program, "two"));
    CHECK(clReleaseProgram(program));
}

int main(void)
{
    struct cl cl = start(0);
    source_in_parts(&cl);
    failures(&cl);
    compile_and_link(&cl);
    binaries(&cl);
    kernels(&cl);
    constants(&cl);
    CHECK(clUnloadPlatformCompiler(cl.platform));
    stop(&cl);
    return 0;
}
