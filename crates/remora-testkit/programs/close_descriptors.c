/* A program that closes all descriptors but the first three, as daemons do, and opens files of its own: between asking for
 * devices and using them, and in the middle. It goes on, and nobody touches its files. */
#include "common.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>

enum { FILES = 24, SIZE = 1 << 20 };

static int files[FILES];

static void close_all(void)
{
    for (int i = 3; i < 4096; i++)
        close(i);
    for (int i = 0; i < FILES; i++) {
        char path[] = "/tmp/remora-test-XXXXXX";
        files[i] = mkstemp(path);
        EXPECT(files[i] >= 0 && unlink(path) == 0);
        EXPECT(write(files[i], "mine", 4) == 4);
    }
}

static void check_files(const char *when)
{
    int untouched = 0;
    for (int i = 0; i < FILES; i++) {
        char bytes[5] = "";
        struct stat stat;
        untouched += fstat(files[i], &stat) == 0 && stat.st_size == 4 && pread(files[i], bytes, 4, 0) == 4 &&
                     strcmp(bytes, "mine") == 0 && lseek(files[i], 0, SEEK_CUR) == 4;
    }
    printf("%s: %d of %d files untouched\n", when, untouched, FILES);
    fflush(stdout);
}

/* The sum of a buffer that a kernel has changed, or 0 if the device is gone. */
static unsigned long compute(const struct cl *cl, cl_kernel kernel)
{
    static unsigned char bytes[SIZE];
    size_t global = SIZE;
    unsigned long sum = 0;
    cl_int code;
    fill_random(bytes, SIZE, 1);
    cl_mem buffer = clCreateBuffer(cl->context, CL_MEM_COPY_HOST_PTR, SIZE, bytes, &code);
    if (code != CL_SUCCESS)
        return 0;
    code = clSetKernelArg(kernel, 0, sizeof buffer, &buffer);
    if (code == CL_SUCCESS)
        code = clEnqueueNDRangeKernel(cl->queue, kernel, 1, NULL, &global, NULL, 0, NULL, NULL);
    if (code == CL_SUCCESS)
        code = clEnqueueReadBuffer(cl->queue, buffer, CL_TRUE, 0, SIZE, bytes, 0, NULL, NULL);
    clReleaseMemObject(buffer);
    if (code != CL_SUCCESS)
        return 0;
    for (size_t i = 0; i < SIZE; i++)
        sum += bytes[i];
    return sum;
}

static unsigned long session(int close_meanwhile)
{
    struct cl cl = start(0);
    cl_program program = build(&cl, "kernel void bump(global uchar *x) { x[get_global_id(0)] ^= 1; }", "");
    cl_kernel kernel = new_kernel(program, "bump");
    unsigned long sum = compute(&cl, kernel);
    if (close_meanwhile) {
        EXPECT(sum != 0);
        close_all();
        sum = compute(&cl, kernel);
    }
    sleep_ms(5);
    clReleaseKernel(kernel);
    clReleaseProgram(program);
    clReleaseCommandQueue(cl.queue);
    clReleaseContext(cl.context);
    return sum;
}

int main(void)
{
    cl_platform_id platform;
    CHECK(clGetPlatformIDs(1, &platform, NULL));
    close_all();
    printf("after asking for devices: %lu\n", session(0));
    check_files("after asking for devices");
    unsigned long sum = session(1);
    /* Where all calls go through a descriptor they can't go on; but a new session can be had. */
    if (sum == 0)
        sum = session(0);
    printf("after using them: %lu\n", sum);
    check_files("after using them");
    return 0;
}
