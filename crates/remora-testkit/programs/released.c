/* Callbacks for the end of a program, on a driver that has them. */
#include "common.h"

#include <semaphore.h>

static sem_t called;

static void CL_CALLBACK gone(cl_program program, void *data)
{
    (void)program;
    printf("gone: %s\n", (const char *)data);
    EXPECT(sem_post(&called) == 0);
}

int main(void)
{
    static char first[] = "first", second[] = "second", other[] = "other";
    struct cl cl = start(0);
    EXPECT(sem_init(&called, 0, 0) == 0);
    cl_program program = build(&cl, "kernel void nothing(void) {}", "");
    cl_kernel kernel = new_kernel(program, "nothing");
    CHECK(clSetProgramReleaseCallback(program, gone, first));
    CHECK(clSetProgramReleaseCallback(program, gone, second));
    printf("no callback: %s\n", code_name(clSetProgramReleaseCallback(program, NULL, NULL)));
    printf("no program: %s\n", code_name(clSetProgramReleaseCallback(NULL, gone, NULL)));
    CHECK(clReleaseProgram(program));

    /* The kernel keeps its program, so another one goes first. */
    program = build(&cl, "kernel void nothing(void) {}", "");
    CHECK(clSetProgramReleaseCallback(program, gone, other));
    CHECK(clReleaseProgram(program));
    EXPECT(sem_wait(&called) == 0);
    printf("the kernel goes\n");
    CHECK(clReleaseKernel(kernel));
    EXPECT(sem_wait(&called) == 0);
    EXPECT(sem_wait(&called) == 0);
    stop(&cl);
    return 0;
}
