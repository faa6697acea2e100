/* The loader is opened, used, closed and opened again; the program goes on and exits. */
#include "common.h"
#include <dlfcn.h>

/* Not linked with the loader: all by name. */
static void use(void *library)
{
    cl_int (*get_platforms)(cl_uint, cl_platform_id *, cl_uint *);
    cl_int (*get_devices)(cl_platform_id, cl_device_type, cl_uint, cl_device_id *, cl_uint *);
    cl_context (*create_context)(const cl_context_properties *, cl_uint, const cl_device_id *, void *, void *, cl_int *);
    cl_command_queue (*create_queue)(cl_context, cl_device_id, cl_command_queue_properties, cl_int *);
    cl_mem (*create_buffer)(cl_context, cl_mem_flags, size_t, void *, cl_int *);
    cl_int (*read_buffer)(cl_command_queue, cl_mem, cl_bool, size_t, size_t, void *, cl_uint, const cl_event *, cl_event *);
    cl_int (*release_buffer)(cl_mem), (*release_queue)(cl_command_queue), (*release_context)(cl_context);
#define FIND(function, name) EXPECT((*(void **)&function = dlsym(library, name)) != NULL)
    FIND(get_platforms, "clGetPlatformIDs");
    FIND(get_devices, "clGetDeviceIDs");
    FIND(create_context, "clCreateContext");
    FIND(create_queue, "clCreateCommandQueue");
    FIND(create_buffer, "clCreateBuffer");
    FIND(read_buffer, "clEnqueueReadBuffer");
    FIND(release_buffer, "clReleaseMemObject");
    FIND(release_queue, "clReleaseCommandQueue");
    FIND(release_context, "clReleaseContext");
    cl_platform_id platform;
    cl_device_id device;
    cl_int code;
    char text[16] = "some contents..", got[16] = "";
    CHECK(get_platforms(1, &platform, NULL));
    CHECK(get_devices(platform, CL_DEVICE_TYPE_ALL, 1, &device, NULL));
    cl_context context = create_context(NULL, 1, &device, NULL, NULL, &code);
    CREATED(code);
    cl_command_queue queue = create_queue(context, device, 0, &code);
    CREATED(code);
    cl_mem buffer = create_buffer(context, CL_MEM_COPY_HOST_PTR, sizeof text, text, &code);
    CREATED(code);
    CHECK(read_buffer(queue, buffer, CL_TRUE, 0, sizeof got, got, 0, NULL, NULL));
    printf("%s\n", got);
    CHECK(release_buffer(buffer));
    CHECK(release_queue(queue));
    CHECK(release_context(context));
}

int main(void)
{
    for (int round = 0; round < 3; round++) {
        void *library = dlopen("libOpenCL.so.1", RTLD_NOW | RTLD_LOCAL);
        if (!library)
            FAIL("%s", dlerror());
        use(library);
        printf("closed: %d\n", dlclose(library));
        sleep_ms(50);
    }
    /* Whatever threads remain must find their code. */
    char *memory = malloc(1 << 24);
    fill_random(memory, 1 << 24, 1);
    printf("%016llx\n", (unsigned long long)checksum(memory, 1 << 24));
    free(memory);
    return 0;
}
