/* Variables of the program's scope keep their values from kernel to kernel; callbacks for the end of a program. */
#include "common.h"

static const char *const SOURCE =
    "global int counter = 5;\n"
    "global int table[16];\n"
    "constant int primes[4] = {2, 3, 5, 7};\n"
    "global int *global where = &counter;\n"
    "kernel void bump(int by) { atomic_add(&counter, by); table[by & 15] = primes[by & 3]; }\n"
    "kernel void look(global int *out) {\n"
    "    static global int seen = 0;\n"
    "    out[0] = *where;\n"
    "    for (int i = 0; i < 16; i++) out[1 + i] = table[i];\n"
    "    out[17] = ++seen;\n"
    "}\n";

static struct cl cl;

static void CL_CALLBACK gone(cl_program program, void *data)
{
    (void)program;
    printf("gone: %s\n", (const char *)data);
}

static void look(cl_program program, const char *what)
{
    cl_kernel kernel = new_kernel(program, "look");
    int out[18];
    cl_mem buffer = new_buffer(&cl, 0, sizeof out, NULL);
    CHECK(clSetKernelArg(kernel, 0, sizeof buffer, &buffer));
    CHECK(clEnqueueTask(cl.queue, kernel, 0, NULL, NULL));
    CHECK(clEnqueueReadBuffer(cl.queue, buffer, CL_TRUE, 0, sizeof out, out, 0, NULL, NULL));
    printf("%s:", what);
    for (int i = 0; i < 18; i++)
        printf(" %d", out[i]);
    printf("\n");
    CHECK(clReleaseMemObject(buffer));
    CHECK(clReleaseKernel(kernel));
}

static void bump(cl_program program, int by)
{
    cl_kernel kernel = new_kernel(program, "bump");
    size_t global = 10;
    CHECK(clSetKernelArg(kernel, 0, sizeof by, &by));
    CHECK(clEnqueueNDRangeKernel(cl.queue, kernel, 1, NULL, &global, NULL, 0, NULL, NULL));
    CHECK(clReleaseKernel(kernel));
}

int main(void)
{
    cl = start(0);
    size_t most, preferred, total;
    CHECK(clGetDeviceInfo(cl.device, CL_DEVICE_MAX_GLOBAL_VARIABLE_SIZE, sizeof most, &most, NULL));
    CHECK(clGetDeviceInfo(cl.device, CL_DEVICE_GLOBAL_VARIABLE_PREFERRED_TOTAL_SIZE, sizeof preferred, &preferred, NULL));
    printf("up to %zu, best %zu\n", most, preferred);
    cl_program program = build(&cl, SOURCE, "-cl-std=CL2.0"), other = build(&cl, SOURCE, "-cl-std=CL3.0");
    CHECK(clGetProgramBuildInfo(program, cl.device, CL_PROGRAM_BUILD_GLOBAL_VARIABLE_TOTAL_SIZE, sizeof total, &total, NULL));
    printf("total %zu\n", total);
    cl_bool constructors = 7, destructors = 7;
    /* Twice: the second time it is known. */
    for (int i = 0; i < 2; i++) {
        CHECK(clGetProgramInfo(program, CL_PROGRAM_SCOPE_GLOBAL_CTORS_PRESENT, sizeof constructors, &constructors, NULL));
        CHECK(clGetProgramInfo(program, CL_PROGRAM_SCOPE_GLOBAL_DTORS_PRESENT, sizeof destructors, &destructors, NULL));
        printf("constructors %u, destructors %u\n", constructors, destructors);
    }
    look(program, "at first");
    bump(program, 3);
    look(program, "after 3");
    bump(program, 6);
    look(program, "after 6");
    look(other, "the other");

    static char first[] = "first", second[] = "second";
    printf("a callback: %s\n", code_name(clSetProgramReleaseCallback(program, gone, first)));
    printf("another: %s\n", code_name(clSetProgramReleaseCallback(program, gone, second)));
    printf("for no program: %s\n", code_name(clSetProgramReleaseCallback(NULL, gone, NULL)));
    CHECK(clReleaseProgram(program));
    CHECK(clReleaseProgram(other));
    sleep_ms(20);
    stop(&cl);
    return 0;
}
