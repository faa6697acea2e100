/*
 * A long build in one thread; the queue of another one goes on meanwhile: long_build [SALT [LINES]].
 */
#include "common.h"

static struct cl cl;
static int built;

/* A source that takes the compiler some seconds; `salt` keeps it out of the compiler's cache. */
static char *long_source(unsigned salt, int lines)
{
    size_t room = 256 + (size_t)lines * 160, used = 0;
    char *text = malloc(room);
    used += (size_t)snprintf(text + used, room - used, "kernel void big(global float *x) {\n float v = *x + %uu;\n", salt);
    for (int i = 0; i < lines; i++)
        used += (size_t)snprintf(text + used, room - used,
                                 " if (v > %d.0f) v = sin(v * %d.5f) + pow(v, %d.25f); else v = cos(v) * exp(v / %d.0f);\n",
                                 i, i + 1, i % 5, i + 2);
    snprintf(text + used, room - used, " *x = v;\n}\n");
    return text;
}

static void *build_it(void *source)
{
    const char *text = source;
    cl_int code;
    cl_program program = clCreateProgramWithSource(cl.context, 1, &text, NULL, &code);
    CREATED(code);
    CHECK(clBuildProgram(program, 1, &cl.device, "", NULL, NULL));
    __atomic_store_n(&built, 1, __ATOMIC_SEQ_CST);
    CHECK(clReleaseKernel(new_kernel(program, "big")));
    CHECK(clReleaseProgram(program));
    return NULL;
}

int main(int argc, char **argv)
{
    unsigned salt = argc > 1 ? (unsigned)atoi(argv[1]) : (unsigned)getpid();
    int rounds = 0, rounds_while_building = 0, got = 0;
    char *source = long_source(salt, argc > 2 ? atoi(argv[2]) : 2000);
    pthread_t thread;
    size_t one = 1;
    cl = start(0);
    cl_program program = build(&cl, "kernel void count(global int *x) { *x += 1; }", "");
    cl_kernel kernel = new_kernel(program, "count");
    cl_mem buffer = new_buffer(&cl, CL_MEM_COPY_HOST_PTR, sizeof got, &got);
    CHECK(clSetKernelArg(kernel, 0, sizeof buffer, &buffer));
    CHECK(clEnqueueNDRangeKernel(cl.queue, kernel, 1, NULL, &one, NULL, 0, NULL, NULL));
    CHECK(clFinish(cl.queue));
    rounds++;
    EXPECT(pthread_create(&thread, NULL, build_it, source) == 0);
    while (!glance(&built)) {
        CHECK(clEnqueueNDRangeKernel(cl.queue, kernel, 1, NULL, &one, NULL, 0, NULL, NULL));
        CHECK(clEnqueueReadBuffer(cl.queue, buffer, CL_TRUE, 0, sizeof got, &got, 0, NULL, NULL));
        EXPECT(got == ++rounds);
        rounds_while_building += !glance(&built);
    }
    EXPECT(pthread_join(thread, NULL) == 0);
    printf("the queue ran while the build did: %s\n", rounds_while_building > 20 ? "yes" : "no");
    fprintf(stderr, "%d rounds\n", rounds_while_building);
    CHECK(clReleaseMemObject(buffer));
    CHECK(clReleaseKernel(kernel));
    CHECK(clReleaseProgram(program));
    stop(&cl);
    free(source);
    return rounds_while_building > 20 ? 0 : 1;
}
