/* Sources that include files: from the directory that the program is in, and from one that an option names. */
#include "common.h"

#include <sys/stat.h>

static void write_file(const char *name, const char *text)
{
    FILE *file = fopen(name, "w");
    EXPECT(file && fputs(text, file) >= 0 && fclose(file) == 0);
}

int main(void)
{
    char directory[] = "/tmp/remora-includes-XXXXXX";
    EXPECT(mkdtemp(directory) && chdir(directory) == 0);
    EXPECT(mkdir("sub", 0700) == 0);
    write_file("here.h", "#define HERE 40\n");
    write_file("sub/there.h", "#define THERE 2\n");

    struct cl cl = start(0);
    cl_program program = build(&cl,
                               "#include \"here.h\"\n#include <there.h>\n"
                               "kernel void f(global int *x) { *x = HERE + THERE; }\n",
                               "-I sub");
    cl_kernel kernel = new_kernel(program, "f");
    cl_mem buffer = new_buffer(&cl, 0, 64, NULL);
    int out = 0;
    CHECK(clSetKernelArg(kernel, 0, sizeof buffer, &buffer));
    CHECK(clEnqueueTask(cl.queue, kernel, 0, NULL, NULL));
    CHECK(clEnqueueReadBuffer(cl.queue, buffer, CL_TRUE, 0, sizeof out, &out, 0, NULL, NULL));
    printf("%d\n", out);
    CHECK(clReleaseMemObject(buffer));
    CHECK(clReleaseKernel(kernel));
    CHECK(clReleaseProgram(program));
    stop(&cl);
    EXPECT(unlink("here.h") == 0 && unlink("sub/there.h") == 0 && rmdir("sub") == 0 && rmdir(directory) == 0);
    return 0;
}
