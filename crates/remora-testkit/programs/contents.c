/*
 * Long sources and binaries: created again and again, released before they are built, many at once, and built while
 * somebody waits. `contents SEED` makes them different from those of another seed; `contents SEED wait` stays until its
 * input ends.
 */
#include "common.h"

enum { COUNT = 8, LENGTH = 100000 };

static struct cl cl;

/* About LENGTH bytes, most of them a comment. */
static char *source_of(const char *seed, int number)
{
    char *text = malloc(LENGTH + 1);
    int used = sprintf(text, "/* %s %d ", seed, number);
    while (used < LENGTH - 200)
        used += sprintf(text + used, "%d ", used * 7919 % 10007);
    sprintf(text + used, "*/\nkernel void f(global int *x) { *x += %d; }\n", number + 1);
    return text;
}

static cl_program create(const char *text)
{
    cl_int code;
    cl_program program = clCreateProgramWithSource(cl.context, 1, &text, NULL, &code);
    CREATED(code);
    return program;
}

static void run(cl_program program, cl_mem buffer)
{
    cl_kernel kernel = new_kernel(program, "f");
    CHECK(clSetKernelArg(kernel, 0, sizeof buffer, &buffer));
    CHECK(clEnqueueTask(cl.queue, kernel, 0, NULL, NULL));
    CHECK(clFinish(cl.queue));
    CHECK(clReleaseKernel(kernel));
}

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int ended;

static void CL_CALLBACK note(cl_program program, void *data)
{
    (void)program;
    (void)data;
    pthread_mutex_lock(&mutex);
    ended++;
    pthread_cond_signal(&changed);
    pthread_mutex_unlock(&mutex);
}

static cl_program from_binary(cl_program built)
{
    size_t size;
    unsigned char *bytes;
    cl_int code, status;
    CHECK(clGetProgramInfo(built, CL_PROGRAM_BINARY_SIZES, sizeof size, &size, NULL));
    bytes = malloc(size);
    CHECK(clGetProgramInfo(built, CL_PROGRAM_BINARIES, sizeof bytes, &bytes, NULL));
    cl_program program =
        clCreateProgramWithBinary(cl.context, 1, &cl.device, &size, (const unsigned char **)&bytes, &status, &code);
    CREATED(code);
    CHECK(status);
    memset(bytes, 0, size);
    free(bytes);
    CHECK(clBuildProgram(program, 1, &cl.device, "", NULL, NULL));
    return program;
}

int main(int argc, char **argv)
{
    const char *seed = argc > 1 ? argv[1] : "same";
    char *texts[COUNT], back[LENGTH + 1];
    cl_program programs[COUNT];
    int sum = 0;
    size_t size;
    cl = start(0);
    cl_mem buffer = new_buffer(&cl, CL_MEM_COPY_HOST_PTR, sizeof sum, &sum);

    /* Never built. */
    char *text = source_of(seed, 100);
    CHECK(clReleaseProgram(create(text)));
    free(text);

    for (int i = 0; i < COUNT; i++) {
        texts[i] = source_of(seed, i);
        programs[i] = create(texts[i]);
        /* The program's memory is its own again. */
        memset(texts[i], 0, LENGTH);
        free(texts[i]);
    }
    for (int i = 0; i < COUNT; i++)
        CHECK(clBuildProgram(programs[i], 0, NULL, i % 2 ? "-DX" : NULL, i % 2 ? note : NULL, NULL));
    pthread_mutex_lock(&mutex);
    while (ended < COUNT / 2)
        pthread_cond_wait(&changed, &mutex);
    pthread_mutex_unlock(&mutex);
    for (int i = 0; i < COUNT; i++) {
        run(programs[i], buffer);
        CHECK(clGetProgramInfo(programs[i], CL_PROGRAM_SOURCE, sizeof back, back, &size));
        printf("%d: %zu bytes, %016llx\n", i, size, (unsigned long long)checksum(back, size) * (argc < 2));
    }
    /* The same once more. */
    cl_program again = create(back);
    CHECK(clBuildProgram(again, 0, NULL, "", NULL, NULL));
    run(again, buffer);
    cl_program binary = from_binary(again);
    run(binary, buffer);
    CHECK(clReleaseProgram(binary));
    binary = from_binary(again);
    run(binary, buffer);

    /* A long header, and a compilation that outlives what it is of. */
    char *header = source_of(seed, 200), *user = source_of(seed, 300);
    memcpy(strstr(header, "kernel"), "#define V 1000\n\0", 16);
    strcpy(strstr(user, "kernel"), "\n#include \"v.h\"\nkernel void f(global int *x) { *x += V; }\n");
    cl_program headers[] = {create(header)}, program = create(user);
    const char *names[] = {"v.h"};
    ended = 0;
    CHECK(clCompileProgram(program, 0, NULL, "", 1, headers, names, note, NULL));
    CHECK(clReleaseProgram(headers[0]));
    pthread_mutex_lock(&mutex);
    while (!ended)
        pthread_cond_wait(&changed, &mutex);
    pthread_mutex_unlock(&mutex);
    cl_int code;
    cl_program linked = clLinkProgram(cl.context, 0, NULL, "", 1, &program, NULL, NULL, &code);
    CREATED(code);
    run(linked, buffer);
    free(header);
    free(user);

    CHECK(clEnqueueReadBuffer(cl.queue, buffer, CL_TRUE, 0, sizeof sum, &sum, 0, NULL, NULL));
    printf("%d\n", sum);
    fflush(stdout);
    if (argc > 2) {
        char byte;
        while (read(0, &byte, 1) > 0)
            continue;
    }
    for (int i = 0; i < COUNT; i++)
        CHECK(clReleaseProgram(programs[i]));
    CHECK(clReleaseProgram(again));
    CHECK(clReleaseProgram(binary));
    CHECK(clReleaseProgram(program));
    CHECK(clReleaseProgram(linked));
    CHECK(clReleaseMemObject(buffer));
    stop(&cl);
    return 0;
}
