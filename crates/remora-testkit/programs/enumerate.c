/* What a program finds: each platform with its devices. `enumerate time` says on stderr how long it took. */
#include "common.h"

int main(int argc, char **argv)
{
    cl_platform_id platforms[16];
    cl_uint count = 0;
    double begin = seconds();
    cl_int code = clGetPlatformIDs(16, platforms, &count);
    double took = seconds() - begin;
    if (code != CL_SUCCESS)
        count = 0;
    printf("%u platforms\n", count);
    for (cl_uint i = 0; i < count; i++) {
        char name[256] = "";
        cl_device_id devices[16];
        cl_uint found = 0;
        CHECK(clGetPlatformInfo(platforms[i], CL_PLATFORM_NAME, sizeof name, name, NULL));
        if (clGetDeviceIDs(platforms[i], CL_DEVICE_TYPE_ALL, 16, devices, &found) != CL_SUCCESS)
            found = 0;
        printf("%s: %u devices\n", name, found);
        for (cl_uint k = 0; k < found; k++) {
            CHECK(clGetDeviceInfo(devices[k], CL_DEVICE_NAME, sizeof name, name, NULL));
            printf("  %s\n", name);
        }
    }
    if (argc > 1 && strcmp(argv[1], "time") == 0)
        fprintf(stderr, "%.6f\n", took);
    return 0;
}
