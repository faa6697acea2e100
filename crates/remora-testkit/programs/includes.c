/*
 * Sources that include files: from the directory that the program is in, from those that options name, and from beside
 * the including file. `includes computed` names one by a macro.
 */
#include "common.h"

#include <sys/stat.h>

static struct cl cl;
static char base[64] = "/tmp/remora-includes-XXXXXX";

static void write_file(const char *name, const char *text)
{
    FILE *file = fopen(name, "w");
    EXPECT(file && fputs(text, file) >= 0 && fclose(file) == 0);
}

static cl_program create(const char *source)
{
    cl_int code;
    cl_program program = clCreateProgramWithSource(cl.context, 1, &source, NULL, &code);
    CREATED(code);
    return program;
}

/* Without the name of our directory, which is another each time. */
static void say(const char *what, char *text)
{
    char *found;
    while ((found = strstr(text, base)))
        memmove(found, found + strlen(base), strlen(found + strlen(base)) + 1);
    printf("%s: %s\n", what, text);
}

/* What a kernel f of the program writes. */
static void run(const char *what, cl_program program)
{
    char text[512] = "";
    cl_kernel kernel = new_kernel(program, "f");
    cl_mem buffer = new_buffer(&cl, CL_MEM_COPY_HOST_PTR, sizeof text, text);
    CHECK(clSetKernelArg(kernel, 0, sizeof buffer, &buffer));
    CHECK(clEnqueueTask(cl.queue, kernel, 0, NULL, NULL));
    CHECK(clEnqueueReadBuffer(cl.queue, buffer, CL_TRUE, 0, sizeof text, text, 0, NULL, NULL));
    say(what, text);
    CHECK(clReleaseMemObject(buffer));
    CHECK(clReleaseKernel(kernel));
}

static void build_and_run(const char *what, const char *source, const char *options)
{
    cl_program program = create(source);
    char log[8192] = "";
    cl_int code = clBuildProgram(program, 0, NULL, options, NULL, NULL);
    CHECK(clGetProgramBuildInfo(program, cl.device, CL_PROGRAM_BUILD_LOG, sizeof log, log, NULL));
    if (code != CL_SUCCESS)
        FAIL("%s gives %s:\n%s", what, code_name(code), log);
    run(what, program);
    CHECK(clGetProgramBuildInfo(program, cl.device, CL_PROGRAM_BUILD_OPTIONS, sizeof log, log, NULL));
    say("options", log);
    CHECK(clReleaseProgram(program));
}

#define WRITE \
    "kernel void f(global char *x) { constant char *t = TEXT; int i = 0; do x[i] = t[i]; while (t[i++]); }\n"

static void mistake(void)
{
    char log[8192] = "", *line;
    cl_program program = create("#include \"wrong.h\"\nkernel void f(global char *x) { *x = 1; }\n");
    cl_int code = clBuildProgram(program, 0, NULL, "-I sub", NULL, NULL);
    CHECK(clGetProgramBuildInfo(program, cl.device, CL_PROGRAM_BUILD_LOG, sizeof log, log, NULL));
    printf("mistake: %s\n", code_name(code));
    for (line = strtok(log, "\n"); line; line = strtok(NULL, "\n"))
        if (strstr(line, "wrong.h:1"))
            say("log", line);
    CHECK(clReleaseProgram(program));

    program = create("#include \"missing.h\"\nkernel void f(global char *x) { *x = 1; }\n");
    printf("missing: %s\n", code_name(clBuildProgram(program, 0, NULL, "-I sub", NULL, NULL)));
    CHECK(clReleaseProgram(program));
}

/* A header that is given, one that is a file, and a header that includes a file. */
static void compile_and_link(void)
{
    cl_program program = create("#include \"given.h\"\n#include <here.h>\n" WRITE);
    cl_program headers[] = {create("#include \"sub/there.h\"\n#define TEXT \"given \" HERE \" \" THERE\n")};
    const char *names[] = {"given.h"};
    cl_int code;
    CHECK(clCompileProgram(program, 0, NULL, "-I.", 1, headers, names, NULL, NULL));
    cl_program linked = clLinkProgram(cl.context, 0, NULL, "", 1, &program, NULL, NULL, &code);
    CREATED(code);
    run("compiled", linked);
    CHECK(clReleaseProgram(headers[0]));
    CHECK(clReleaseProgram(program));
    CHECK(clReleaseProgram(linked));
}

enum { THREADS = 4 };

static void *build_another(void *data)
{
    int number = (int)(intptr_t)data;
    char source[512];
    snprintf(source, sizeof source, "#include \"number%d.h\"\nkernel void f(global char *x) { *x = NUMBER; }\n", number);
    for (int i = 0; i < 3; i++) {
        cl_program program = build(&cl, source, "");
        CHECK(clReleaseProgram(program));
    }
    return NULL;
}

int main(int argc, char **argv)
{
    char options[256];
    (void)argv;
    cl = start(0);
    /* After everything has been opened. */
    EXPECT(mkdtemp(base) && chdir(base) == 0);
    EXPECT(mkdir("sub", 0700) == 0 && mkdir("sub/deep", 0700) == 0 && mkdir("other", 0700) == 0);
    write_file("here.h", "#define HERE \"here\"\nconstant char file[] = __FILE__;\n");
    write_file("sub/there.h", "#include \"deep/inner.h\"\n#define THERE \"there \" INNER\n");
    write_file("sub/deep/inner.h", "#define INNER \"inner\"\n#include \"../deep/once.h\"\n");
    write_file("sub/deep/once.h", "#ifndef ONCE\n#define ONCE \"once\"\n#include \"../deep/once.h\"\n#endif\n");
    write_file("sub/both.h", "#define BOTH \"of sub\"\n");
    write_file("other/both.h", "#define BOTH \"of other\"\n");
    write_file("sub/wrong.h", "int wrong wrong;\n");

    if (argc > 1) {
        build_and_run("computed", "#define NAME \"here.h\"\n#include NAME\n#define TEXT file\n" WRITE, "");
    } else {
        build_and_run("simple", "#include \"here.h\"\n#define TEXT HERE\n" WRITE, "");
        build_and_run("name", "#include \"here.h\"\n#define TEXT file\n" WRITE, "");
        snprintf(options, sizeof options, "-I%s", base);
        build_and_run("full name", "#include <here.h>\n#define TEXT file\n" WRITE, options);
        build_and_run("nested", "#include \"here.h\"\n#include <there.h>\n#define TEXT THERE \" \" ONCE\n" WRITE, "-I sub");
        build_and_run("first", "#include \"both.h\"\n#define TEXT BOTH\n" WRITE, "-Iother -Isub");
        build_and_run("absent",
                      "#if 0\n#include \"nowhere.h\"\n#endif\n// #include <nowhere.h>\n/*\n#include \"here.h\"\n*/\n"
                      "#ifdef HERE\n#define TEXT \"wrong\"\n#else\n#define TEXT \"right\"\n#endif\n" WRITE,
                      "");
        snprintf(options, sizeof options, "-DX=\"/a\" -I %s/other -I%s/sub", base, base);
        build_and_run("absolute", "#include <both.h>\n#include <there.h>\n#define TEXT BOTH THERE\n" WRITE, options);
        mistake();
        compile_and_link();
        /* Somewhere else, with a file that has changed and one that has gone. */
        write_file("here.h", "#define HERE \"changed\"\n");
        EXPECT(unlink("other/both.h") == 0 && chdir("sub/deep") == 0);
        build_and_run("changed", "#include \"../../here.h\"\n#define TEXT HERE\n" WRITE, "");
        build_and_run("gone", "#include <both.h>\n#define TEXT BOTH\n" WRITE, "-I ../../other -I ../../sub/deep/..");

        pthread_t threads[THREADS];
        for (int i = 0; i < THREADS; i++) {
            char name[32], text[32];
            snprintf(name, sizeof name, "number%d.h", i);
            snprintf(text, sizeof text, "#define NUMBER %d\n", i);
            write_file(name, text);
            EXPECT(pthread_create(&threads[i], NULL, build_another, (void *)(intptr_t)i) == 0);
        }
        for (int i = 0; i < THREADS; i++)
            EXPECT(pthread_join(threads[i], NULL) == 0);
    }
    stop(&cl);
    snprintf(options, sizeof options, "rm -r %s", base);
    EXPECT(system(options) == 0);
    return 0;
}
