/* Native kernels: where the device says that it runs them, it does; elsewhere it says so. */
#include "common.h"

static void CL_CALLBACK work(void *arguments)
{
    struct {
        int number;
        int *result;
    } *args = arguments;
    *args->result = args->number * 2;
}

int main(void)
{
    struct cl cl = start(0);
    cl_device_exec_capabilities can;
    int result = 0;
    struct {
        int number;
        int *result;
    } args = {21, &result};
    CHECK(clGetDeviceInfo(cl.device, CL_DEVICE_EXECUTION_CAPABILITIES, sizeof can, &can, NULL));
    cl_int code = clEnqueueNativeKernel(cl.queue, work, &args, sizeof args, 0, NULL, NULL, 0, NULL, NULL);
    CHECK(clFinish(cl.queue));
    if (can & CL_EXEC_NATIVE_KERNEL)
        EXPECT(code == CL_SUCCESS && result == 42);
    else
        EXPECT(code == CL_INVALID_OPERATION && result == 0);
    printf("native kernels are as the device says\n");
    stop(&cl);
    return 0;
}
