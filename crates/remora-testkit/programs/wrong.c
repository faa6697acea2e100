/* Mistakes of a program that lie in its use of OpenCL, for tests of what is to find them in libremora.so. */
#include "common.h"

#include <pthread.h>

enum { SIZE = 64 };

static cl_uint got[SIZE / sizeof(cl_uint)];

static void *look(void *argument)
{
    (void)argument;
    printf("first: %u\n", got[0]);
    return NULL;
}

/* A thread looks at memory that a command is to write to. */
static void race(const struct cl *cl, cl_mem buffer)
{
    pthread_t thread;
    cl_event gate = new_user_event(cl);
    CHECK(clEnqueueReadBuffer(cl->queue, buffer, CL_FALSE, 0, SIZE, got, 1, &gate, NULL));
    EXPECT(pthread_create(&thread, NULL, look, NULL) == 0);
    CHECK(clSetUserEventStatus(gate, CL_COMPLETE));
    CHECK(clFinish(cl->queue));
    pthread_join(thread, NULL);
    CHECK(clReleaseEvent(gate));
}

/* Writes more than there is. */
static void overrun(const struct cl *cl, cl_mem buffer)
{
    cl_uint *values = calloc(SIZE - 1, 1);
    CHECK(clEnqueueWriteBuffer(cl->queue, buffer, CL_TRUE, 0, SIZE, values, 0, NULL, NULL));
    free(values);
}

int main(int argc, char **argv)
{
    struct cl cl = start(0);
    cl_mem buffer = new_buffer(&cl, 0, SIZE, NULL);
    EXPECT(argc == 2);
    if (strcmp(argv[1], "race") == 0)
        race(&cl, buffer);
    else
        overrun(&cl, buffer);
    CHECK(clReleaseMemObject(buffer));
    stop(&cl);
    return 0;
}
