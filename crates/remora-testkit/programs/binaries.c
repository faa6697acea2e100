/*
 * What compilers and linkers make travels as binaries from one process to another: executables, compiled objects and
 * libraries. `binaries write DIRECTORY` makes them, `binaries read DIRECTORY` uses them; without arguments it runs both.
 */
#include "common.h"

#include <sys/wait.h>

static struct cl cl;
static const char *directory;

static const char *binary_type(cl_program program)
{
    cl_program_binary_type type = 0;
    CHECK(clGetProgramBuildInfo(program, cl.device, CL_PROGRAM_BINARY_TYPE, sizeof type, &type, NULL));
    switch (type) {
    case CL_PROGRAM_BINARY_TYPE_NONE:
        return "nothing";
    case CL_PROGRAM_BINARY_TYPE_COMPILED_OBJECT:
        return "compiled object";
    case CL_PROGRAM_BINARY_TYPE_LIBRARY:
        return "library";
    case CL_PROGRAM_BINARY_TYPE_EXECUTABLE:
        return "executable";
    }
    return "another";
}

static FILE *open_file(const char *name, const char *mode)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, mode);
    EXPECT(file != NULL);
    return file;
}

static void save(const char *name, cl_program program)
{
    size_t size = 0;
    CHECK(clGetProgramInfo(program, CL_PROGRAM_BINARY_SIZES, sizeof size, &size, NULL));
    EXPECT(size > 0);
    unsigned char *bytes = malloc(size);
    CHECK(clGetProgramInfo(program, CL_PROGRAM_BINARIES, sizeof bytes, &bytes, NULL));
    FILE *file = open_file(name, "w");
    EXPECT(fwrite(bytes, 1, size, file) == size && fclose(file) == 0);
    free(bytes);
    printf("%s: %s saved\n", name, binary_type(program));
}

static cl_program load(const char *name)
{
    FILE *file = open_file(name, "r");
    EXPECT(fseek(file, 0, SEEK_END) == 0);
    size_t size = (size_t)ftell(file);
    unsigned char *bytes = malloc(size);
    rewind(file);
    EXPECT(fread(bytes, 1, size, file) == size && fclose(file) == 0);
    const unsigned char *given = bytes;
    cl_int status = 1, code;
    cl_program program = clCreateProgramWithBinary(cl.context, 1, &cl.device, &size, &given, &status, &code);
    CREATED(code);
    CHECK(status);
    free(bytes);
    printf("%s: %s loaded\n", name, binary_type(program));
    return program;
}

static cl_program compiled(const char *source)
{
    cl_int code;
    cl_program program = clCreateProgramWithSource(cl.context, 1, &source, NULL, &code);
    CREATED(code);
    CHECK(clCompileProgram(program, 0, NULL, "", 0, NULL, NULL, NULL, NULL));
    return program;
}

static cl_program linked(const char *options, cl_uint count, const cl_program *inputs)
{
    cl_int code;
    cl_program program = clLinkProgram(cl.context, 0, NULL, options, count, inputs, NULL, NULL, &code);
    CREATED(code);
    return program;
}

static int call(cl_program program, const char *name)
{
    int result = -1;
    cl_kernel kernel = new_kernel(program, name);
    cl_mem out = new_buffer(&cl, 0, sizeof result, NULL);
    CHECK(clSetKernelArg(kernel, 0, sizeof out, &out));
    CHECK(clEnqueueTask(cl.queue, kernel, 0, NULL, NULL));
    CHECK(clEnqueueReadBuffer(cl.queue, out, CL_TRUE, 0, sizeof result, &result, 0, NULL, NULL));
    CHECK(clReleaseMemObject(out));
    CHECK(clReleaseKernel(kernel));
    return result;
}

static void make(void)
{
    cl_program program = build(&cl, "kernel void whole(global int *out) { *out = 42; }", "-cl-mad-enable");
    save("executable", program);
    CHECK(clReleaseProgram(program));

    cl_program user = compiled("int one(int);\nint two(int);\nkernel void f(global int *out) { *out = one(1) + two(2); }");
    cl_program one = compiled("int one(int x) { return 10 * x; }"), two = compiled("int two(int x) { return 100 * x; }");
    save("user", user);
    save("one", one);
    cl_program parts[] = {one, two};
    cl_program library = linked("-create-library -enable-link-options", 2, parts);
    save("library", library);
    /* At once. Not every driver takes what the library allows. */
    cl_program all[] = {user, library};
    cl_int code;
    program = clLinkProgram(cl.context, 0, NULL, "-cl-finite-math-only", 2, all, NULL, NULL, &code);
    printf("options for the link: %s\n", code_name(code));
    if (program)
        CHECK(clReleaseProgram(program));
    program = linked("", 2, all);
    printf("library linked: %s, %d\n", binary_type(program), call(program, "f"));
    save("linked", program);
    cl_program everything[] = {program, library, user, one, two};
    for (int i = 0; i < 5; i++)
        CHECK(clReleaseProgram(everything[i]));
}

static void use(void)
{
    cl_program program = load("executable");
    CHECK(clBuildProgram(program, 0, NULL, "", NULL, NULL));
    printf("executable: %s, %d\n", binary_type(program), call(program, "whole"));
    /* Once more from what the binary gives. */
    save("again", program);
    CHECK(clReleaseProgram(program));
    program = load("again");
    CHECK(clBuildProgram(program, 0, NULL, "", NULL, NULL));
    printf("again: %d\n", call(program, "whole"));
    CHECK(clReleaseProgram(program));
    program = load("linked");
    CHECK(clBuildProgram(program, 0, NULL, "", NULL, NULL));
    printf("linked: %d\n", call(program, "f"));
    CHECK(clReleaseProgram(program));

    cl_program inputs[] = {load("user"), load("library")};
    program = linked("", 2, inputs);
    printf("object and library: %s, %d\n", binary_type(program), call(program, "f"));
    CHECK(clReleaseProgram(program));
    cl_program three[] = {inputs[0], load("one"), compiled("int two(int x) { return 1000 * x; }")};
    program = linked("", 3, three);
    printf("objects and a new one: %d\n", call(program, "f"));
    CHECK(clReleaseProgram(program));
    cl_program all[] = {inputs[0], inputs[1], three[1], three[2]};
    for (int i = 0; i < 4; i++)
        CHECK(clReleaseProgram(all[i]));
}

static void run(char *self, char *what)
{
    char *arguments[] = {self, what, (char *)directory, NULL};
    int status;
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        execv("/proc/self/exe", arguments);
        _exit(127);
    }
    EXPECT(waitpid(child, &status, 0) == child && status == 0);
}

int main(int argc, char **argv)
{
    if (argc > 2) {
        directory = argv[2];
        cl = start(0);
        if (strcmp(argv[1], "write") == 0)
            make();
        else
            use();
        stop(&cl);
        return 0;
    }
    char place[64] = "/tmp/remora-binaries-XXXXXX", remove[128];
    directory = mkdtemp(place);
    EXPECT(directory != NULL);
    run(argv[0], "write");
    run(argv[0], "read");
    snprintf(remove, sizeof remove, "rm -r %s", directory);
    EXPECT(system(remove) == 0);
    return 0;
}
