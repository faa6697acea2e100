/* Builds a source that includes the file that the argument names: what of it is in the log? */
#include "common.h"

int main(int argc, char **argv)
{
    EXPECT(argc == 2);
    char source[512], log[8192] = "";
    snprintf(source, sizeof source, "#include \"%s\"\nkernel void f(global int *x) { *x = 1; }\n", argv[1]);
    const char *text = source;
    struct cl cl = start(0);
    cl_int code;
    cl_program program = clCreateProgramWithSource(cl.context, 1, &text, NULL, &code);
    CREATED(code);
    printf("%s\n", code_name(clBuildProgram(program, 1, &cl.device, "", NULL, NULL)));
    CHECK(clGetProgramBuildInfo(program, cl.device, CL_PROGRAM_BUILD_LOG, sizeof log - 1, log, NULL));
    printf("%s\n", strstr(log, "xyzzy") ? "seen" : "not seen");
    CHECK(clReleaseProgram(program));
    stop(&cl);
    return 0;
}
