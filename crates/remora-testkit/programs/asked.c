/* Asks about everything as many times as the argument says, once everything has been asked. */
#include "common.h"

static struct cl cl;

int main(int argc, char **argv)
{
    static unsigned char value[1 << 16];
    size_t size, global = 64, local = 16;
    cl_int code;
    cl_uint count;
    cl = start(CL_QUEUE_PROFILING_ENABLE);
    cl_program program = build(&cl, "kernel void set(global int *x, local int *y) { x[get_global_id(0)] = 7; }", "");
    cl_kernel kernel = new_kernel(program, "set");
    cl_mem buffer = new_buffer(&cl, 0, 4096, NULL);
    cl_image_format format = {CL_RGBA, CL_UNORM_INT8};
    cl_image_desc shape = {.image_type = CL_MEM_OBJECT_IMAGE2D, .image_width = 16, .image_height = 16};
    cl_mem image = clCreateImage(cl.context, 0, &format, &shape, NULL, &code);
    CREATED(code);
    cl_sampler sampler = clCreateSampler(cl.context, CL_FALSE, CL_ADDRESS_CLAMP, CL_FILTER_NEAREST, &code);
    CREATED(code);
    cl_event event;
    CHECK(clSetKernelArg(kernel, 0, sizeof buffer, &buffer));
    CHECK(clSetKernelArg(kernel, 1, 64, NULL));
    CHECK(clEnqueueNDRangeKernel(cl.queue, kernel, 1, NULL, &global, &local, 0, NULL, &event));
    CHECK(clWaitForEvents(1, &event));
    CHECK(clGetProgramInfo(program, CL_PROGRAM_BINARY_SIZES, sizeof size, &size, NULL));
    unsigned char *binary = malloc(size);

    int times = argc > 1 ? atoi(argv[1]) : 1;
    for (int time = 0; time < times; time++) {
        for (cl_uint param = 0; param < 0x40; param++) {
            clGetPlatformInfo(cl.platform, 0x0900 + param, sizeof value, value, NULL);
            clGetContextInfo(cl.context, 0x1080 + param, sizeof value, value, NULL);
            clGetCommandQueueInfo(cl.queue, 0x1090 + param % 16, sizeof value, value, NULL);
            clGetMemObjectInfo(buffer, 0x1100 + param % 16, sizeof value, value, NULL);
            clGetImageInfo(image, 0x1110 + param % 16, sizeof value, value, NULL);
            clGetSamplerInfo(sampler, 0x1150 + param % 16, sizeof value, value, NULL);
            if (0x1160 + param % 16 != CL_PROGRAM_BINARIES)
                clGetProgramInfo(program, 0x1160 + param % 16, sizeof value, value, NULL);
            clGetProgramBuildInfo(program, cl.device, 0x1180 + param % 16, sizeof value, value, NULL);
            clGetKernelInfo(kernel, 0x1190 + param % 16, sizeof value, value, NULL);
            clGetKernelArgInfo(kernel, 0, 0x1196 + param % 16, sizeof value, value, NULL);
            clGetKernelWorkGroupInfo(kernel, cl.device, 0x11b0 + param % 16, sizeof value, value, NULL);
            clGetEventInfo(event, 0x11d0 + param % 16, sizeof value, value, NULL);
            clGetEventProfilingInfo(event, 0x1280 + param % 8, sizeof value, value, NULL);
        }
        for (cl_uint param = 0x1000; param < 0x1080; param++)
            clGetDeviceInfo(cl.device, param, sizeof value, value, NULL);
        const cl_uint sub_groups[] = {CL_KERNEL_MAX_SUB_GROUP_SIZE_FOR_NDRANGE, CL_KERNEL_SUB_GROUP_COUNT_FOR_NDRANGE,
                                      CL_KERNEL_LOCAL_SIZE_FOR_SUB_GROUP_COUNT, CL_KERNEL_MAX_NUM_SUB_GROUPS,
                                      CL_KERNEL_COMPILE_NUM_SUB_GROUPS};
        for (int i = 0; i < 5; i++)
            clGetKernelSubGroupInfo(kernel, cl.device, sub_groups[i], sizeof local, &local, sizeof value, value, NULL);
        CHECK(clGetProgramInfo(program, CL_PROGRAM_BINARIES, sizeof binary, &binary, NULL));
        CHECK(clGetSupportedImageFormats(cl.context, CL_MEM_READ_ONLY, CL_MEM_OBJECT_IMAGE2D, 0, NULL, &count));
        CHECK(clGetPlatformIDs(0, NULL, &count));
        CHECK(clGetDeviceIDs(cl.platform, CL_DEVICE_TYPE_ALL, 0, NULL, &count));
    }
    printf("asked\n");
    fflush(stdout);
    char byte;
    while (read(0, &byte, 1) > 0)
        continue;
    CHECK(clReleaseEvent(event));
    CHECK(clReleaseSampler(sampler));
    CHECK(clReleaseMemObject(image));
    CHECK(clReleaseMemObject(buffer));
    CHECK(clReleaseKernel(kernel));
    CHECK(clReleaseProgram(program));
    free(binary);
    stop(&cl);
    return 0;
}
