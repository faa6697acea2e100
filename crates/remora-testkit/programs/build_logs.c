/* What builds leave behind, word for word: logs and options of those that work and those that don't, and of binaries. */
#include "common.h"

static struct cl cl;

static void show(const char *what, cl_program program, cl_int code)
{
    char log[8192], options[256];
    size_t size;
    cl_build_status status;
    cl_program_binary_type type;
    CHECK(clGetProgramBuildInfo(program, cl.device, CL_PROGRAM_BUILD_STATUS, sizeof status, &status, NULL));
    CHECK(clGetProgramBuildInfo(program, cl.device, CL_PROGRAM_BINARY_TYPE, sizeof type, &type, NULL));
    CHECK(clGetProgramBuildInfo(program, cl.device, CL_PROGRAM_BUILD_LOG, sizeof log, log, &size));
    CHECK(clGetProgramBuildInfo(program, cl.device, CL_PROGRAM_BUILD_OPTIONS, sizeof options, options, NULL));
    printf("%s: %s, status %d, type %x, options [%s], a log of %zu:\n%s\n", what, code_name(code), status, type, options,
           size, log);
}

static cl_program source(const char *text)
{
    cl_int code;
    cl_program program = clCreateProgramWithSource(cl.context, 1, &text, NULL, &code);
    CREATED(code);
    return program;
}

static void built(const char *what, cl_program program, const char *options)
{
    show(what, program, clBuildProgram(program, 0, NULL, options, NULL, NULL));
}

static void compiled(const char *what, cl_program program, const char *options)
{
    show(what, program, clCompileProgram(program, 0, NULL, options, 0, NULL, NULL, NULL, NULL));
}

int main(void)
{
    cl = start(0);
    static const char one[] = "kernel void one(global int *out) { *out = NUMBER; }";
    cl_program program = source(one);
    built("without a number", program, "");
    built("again", program, NULL);
    CHECK(clReleaseProgram(program));
    program = source(one);
    built("with what isn't one", program, "-nonsense");
    CHECK(clReleaseProgram(program));
    program = source(one);
    show("new", program, CL_SUCCESS);
    built("with a number", program, "-D NUMBER=7");
    built("with another", program, "-D NUMBER=8 -cl-mad-enable");
    built("with information", program, "-D NUMBER=8 -cl-kernel-arg-info");
    built("with a number again", program, " -D NUMBER=9 ");

    size_t size;
    cl_int status, code;
    CHECK(clGetProgramInfo(program, CL_PROGRAM_BINARY_SIZES, sizeof size, &size, NULL));
    unsigned char *binary = malloc(size);
    const unsigned char *given = binary;
    CHECK(clGetProgramInfo(program, CL_PROGRAM_BINARIES, sizeof binary, &binary, NULL));
    CHECK(clReleaseProgram(program));
    program = clCreateProgramWithBinary(cl.context, 1, &cl.device, &size, &given, &status, &code);
    CREATED(code);
    show("a binary", program, status);
    built("built from it", program, "");
    cl_kernel kernel = new_kernel(program, "one");
    int number = 0;
    cl_mem buffer = new_buffer(&cl, 0, sizeof number, NULL);
    CHECK(clSetKernelArg(kernel, 0, sizeof buffer, &buffer));
    CHECK(clEnqueueTask(cl.queue, kernel, 0, NULL, NULL));
    CHECK(clEnqueueReadBuffer(cl.queue, buffer, CL_TRUE, 0, sizeof number, &number, 0, NULL, NULL));
    printf("it gives %d\n", number);
    CHECK(clReleaseKernel(kernel));
    CHECK(clReleaseMemObject(buffer));
    CHECK(clReleaseProgram(program));
    free(binary);

    program = source("#include \"is/nowhere.h\"\nkernel void two(void) {}");
    compiled("without a header", program, "-D UNUSED");
    CHECK(clReleaseProgram(program));
    program = source("int two(void) { return 2; }\n#ifdef MORE\n#error no more\n#endif\n");
    compiled("compiled", program, "");
    compiled("compiled badly", program, "-D MORE");
    compiled("compiled again", program, "-cl-opt-disable");
    cl_program library = clLinkProgram(cl.context, 0, NULL, "-create-library", 1, &program, NULL, NULL, &code);
    CREATED(code);
    show("a library", library, code);
    CHECK(clReleaseProgram(library));
    CHECK(clReleaseProgram(program));
    stop(&cl);
    return 0;
}
