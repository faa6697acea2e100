/* Queues on the device: what can be asked of them, kernels that enqueue kernels to the default queue and to a given one. */
#include "common.h"

enum { COUNT = 256 };

static const char *const SOURCE =
    "kernel void twice(global int *x) {\n"
    "    ndrange_t range = ndrange_1D(get_global_size(0));\n"
    "    if (get_global_id(0) == 0)\n"
    "        x[0] = enqueue_kernel(get_default_queue(), CLK_ENQUEUE_FLAGS_WAIT_KERNEL, range,\n"
    "                              ^{ size_t i = get_global_id(0); if (i) x[i] *= 2; });\n"
    "}\n"
    "kernel void into(queue_t queue, global int *x, int n) {\n"
    "    clk_event_t first, second;\n"
    "    void (^add)(void) = ^{ x[get_global_id(0)] += n; };\n"
    "    void (^square)(void) = ^{ size_t i = get_global_id(0); x[i] *= x[i]; };\n"
    "    int code = enqueue_kernel(queue, CLK_ENQUEUE_FLAGS_NO_WAIT, ndrange_1D(16), 0, NULL, &first, add);\n"
    "    code |= enqueue_kernel(queue, CLK_ENQUEUE_FLAGS_NO_WAIT, ndrange_1D(16, 4), 1, &first, &second, square);\n"
    "    code |= enqueue_marker(queue, 1, &second, NULL);\n"
    "    release_event(first);\n"
    "    release_event(second);\n"
    "    x[16] = code;\n"
    "}\n"
    "void down(global int *x, int n) {\n"
    "    if (n > 0)\n"
    "        enqueue_kernel(get_default_queue(), CLK_ENQUEUE_FLAGS_WAIT_KERNEL, ndrange_1D(1),\n"
    "                       ^{ atomic_add(x, n); down(x, n - 1); });\n"
    "}\n"
    "kernel void nested(global int *x, int n) { down(x, n); }\n"
    "kernel void with_local(global int *x) {\n"
    "    void (^sum)(local void *) = ^(local void *memory) {\n"
    "        local int *part = memory;\n"
    "        part[get_local_id(0)] = get_global_id(0);\n"
    "        barrier(CLK_LOCAL_MEM_FENCE);\n"
    "        if (get_local_id(0) == 0) {\n"
    "            int total = 0;\n"
    "            for (int i = 0; i < 8; i++) total += part[i];\n"
    "            x[get_group_id(0)] = total;\n"
    "        }\n"
    "    };\n"
    "    enqueue_kernel(get_default_queue(), CLK_ENQUEUE_FLAGS_WAIT_KERNEL, ndrange_1D(32, 8), sum, (uint)(8 * sizeof(int)));\n"
    "}\n"
    "kernel void sizes(global int *x) {\n"
    "    void (^block)(void) = ^{ x[0] = 1; };\n"
    "    x[1] = get_kernel_work_group_size(block) > 0;\n"
    "    x[2] = get_kernel_preferred_work_group_size_multiple(block) > 0;\n"
    "    x[0] = is_valid_event(create_user_event());\n"
    "}\n";

static struct cl cl;

static void info(const char *what, cl_command_queue queue, cl_command_queue first, cl_command_queue second)
{
    cl_command_queue found = NULL;
    cl_uint size = 0, references = 0;
    cl_command_queue_properties properties = 0;
    cl_queue_properties list[8];
    size_t length = 0;
    void *context, *device;
    printf("%s:", what);
    cl_int code = clGetCommandQueueInfo(queue, CL_QUEUE_DEVICE_DEFAULT, sizeof found, &found, NULL);
    printf(" default %s %s,", code_name(code),
           code ? "" : !found ? "none" : found == first ? "the first" : found == second ? "the second" : "another");
    code = clGetCommandQueueInfo(queue, CL_QUEUE_SIZE, sizeof size, &size, NULL);
    printf(" size %s %u,", code_name(code), code ? 0 : size);
    CHECK(clGetCommandQueueInfo(queue, CL_QUEUE_PROPERTIES, sizeof properties, &properties, NULL));
    CHECK(clGetCommandQueueInfo(queue, CL_QUEUE_REFERENCE_COUNT, sizeof references, &references, NULL));
    CHECK(clGetCommandQueueInfo(queue, CL_QUEUE_PROPERTIES_ARRAY, sizeof list, list, &length));
    CHECK(clGetCommandQueueInfo(queue, CL_QUEUE_CONTEXT, sizeof context, &context, NULL));
    CHECK(clGetCommandQueueInfo(queue, CL_QUEUE_DEVICE, sizeof device, &device, NULL));
    EXPECT(context == cl.context && device == cl.device);
    printf(" properties %lx, references %u, list of", (unsigned long)properties, references);
    for (size_t i = 0; i < length / sizeof *list; i++)
        printf(" %lx", (unsigned long)list[i]);
    printf("\n");
}

static cl_command_queue made(const char *what, cl_command_queue_properties properties, long size)
{
    cl_queue_properties list[] = {CL_QUEUE_PROPERTIES, properties, size < 0 ? 0 : CL_QUEUE_SIZE, size < 0 ? 0 : size, 0};
    cl_int code;
    cl_command_queue queue = clCreateCommandQueueWithProperties(cl.context, cl.device, list, &code);
    printf("%s: %s\n", what, code_name(code));
    return queue;
}

static void show(cl_mem buffer, size_t count)
{
    int x[COUNT];
    CHECK(clEnqueueReadBuffer(cl.queue, buffer, CL_TRUE, 0, count * sizeof *x, x, 0, NULL, NULL));
    for (size_t i = 0; i < count; i++)
        printf("%d%s", x[i], i + 1 == count ? "\n" : " ");
}

int main(void)
{
    cl = start(0);
    cl_command_queue_properties able;
    cl_device_device_enqueue_capabilities capabilities;
    cl_uint queues, events, preferred, most;
    CHECK(clGetDeviceInfo(cl.device, CL_DEVICE_QUEUE_ON_DEVICE_PROPERTIES, sizeof able, &able, NULL));
    CHECK(clGetDeviceInfo(cl.device, CL_DEVICE_DEVICE_ENQUEUE_CAPABILITIES, sizeof capabilities, &capabilities, NULL));
    CHECK(clGetDeviceInfo(cl.device, CL_DEVICE_MAX_ON_DEVICE_QUEUES, sizeof queues, &queues, NULL));
    CHECK(clGetDeviceInfo(cl.device, CL_DEVICE_MAX_ON_DEVICE_EVENTS, sizeof events, &events, NULL));
    CHECK(clGetDeviceInfo(cl.device, CL_DEVICE_QUEUE_ON_DEVICE_PREFERRED_SIZE, sizeof preferred, &preferred, NULL));
    CHECK(clGetDeviceInfo(cl.device, CL_DEVICE_QUEUE_ON_DEVICE_MAX_SIZE, sizeof most, &most, NULL));
    printf("%lx %lx, %u queues, %u events, sizes %u %u\n", (unsigned long)able, (unsigned long)capabilities, queues, events,
           preferred, most);

    const cl_command_queue_properties on_device = CL_QUEUE_ON_DEVICE | CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE;
    info("the host's", cl.queue, NULL, NULL);
    cl_command_queue first = made("a queue", on_device, -1);
    info("first", first, first, NULL);
    info("the host's", cl.queue, first, NULL);
    cl_command_queue second = made("the default", on_device | CL_QUEUE_ON_DEVICE_DEFAULT, 4096);
    info("first", first, first, second);
    info("second", second, first, second);
    info("the host's", cl.queue, first, second);
    cl_command_queue again = made("the default again", on_device | CL_QUEUE_ON_DEVICE_DEFAULT, 8192);
    EXPECT(again == second);
    info("again", again, first, second);
    made("in order", CL_QUEUE_ON_DEVICE, -1);
    made("nowhere", CL_QUEUE_ON_DEVICE_DEFAULT, -1);
    made("a size on the host", 0, 4096);
    made("what isn't", on_device | 1 << 20, 4096);

    cl_mem buffer = new_buffer(&cl, 0, COUNT * sizeof(int), NULL);
    int zero = 0, value = 3;
    printf("fill: %s\n", code_name(clEnqueueFillBuffer(first, buffer, &zero, 4, 0, 64, 0, NULL, NULL)));
    printf("read: %s\n", code_name(clEnqueueReadBuffer(first, buffer, CL_TRUE, 0, 4, &zero, 0, NULL, NULL)));
    printf("marker: %s\n", code_name(clEnqueueMarkerWithWaitList(first, 0, NULL, NULL)));
    printf("finish: %s\n", code_name(clFinish(first)));

    cl_program program = build(&cl, SOURCE, "-cl-std=CL2.0 -cl-kernel-arg-info");
    size_t one = 1, all = 32;
    cl_kernel kernel = new_kernel(program, "twice");
    CHECK(clEnqueueFillBuffer(cl.queue, buffer, &value, sizeof value, 0, COUNT * sizeof value, 0, NULL, NULL));
    CHECK(clSetKernelArg(kernel, 0, sizeof buffer, &buffer));
    CHECK(clEnqueueNDRangeKernel(cl.queue, kernel, 1, NULL, &all, NULL, 0, NULL, NULL));
    show(buffer, 34);
    CHECK(clReleaseKernel(kernel));

    kernel = new_kernel(program, "into");
    char type[32];
    cl_kernel_arg_address_qualifier address;
    CHECK(clGetKernelArgInfo(kernel, 0, CL_KERNEL_ARG_TYPE_NAME, sizeof type, type, NULL));
    CHECK(clGetKernelArgInfo(kernel, 0, CL_KERNEL_ARG_ADDRESS_QUALIFIER, sizeof address, &address, NULL));
    printf("a %s, %x\n", type, address);
    cl_command_queue nothing = NULL;
    printf("no queue: %s\n", code_name(clSetKernelArg(kernel, 0, sizeof nothing, &nothing)));
    printf("half a queue: %s\n", code_name(clSetKernelArg(kernel, 0, 4, &first)));
    CHECK(clSetKernelArg(kernel, 1, sizeof buffer, &buffer));
    CHECK(clSetKernelArg(kernel, 2, sizeof value, &value));
    for (int i = 0; i < 2; i++) {
        CHECK(clSetKernelArg(kernel, 0, sizeof first, i ? &second : &first));
        CHECK(clEnqueueFillBuffer(cl.queue, buffer, &value, sizeof value, 0, COUNT * sizeof value, 0, NULL, NULL));
        CHECK(clEnqueueTask(cl.queue, kernel, 0, NULL, NULL));
        show(buffer, 18);
    }
    CHECK(clReleaseKernel(kernel));

    kernel = new_kernel(program, "nested");
    int depth = 12;
    cl_event event;
    CHECK(clEnqueueFillBuffer(cl.queue, buffer, &zero, sizeof zero, 0, COUNT * sizeof zero, 0, NULL, NULL));
    CHECK(clSetKernelArg(kernel, 0, sizeof buffer, &buffer));
    CHECK(clSetKernelArg(kernel, 1, sizeof depth, &depth));
    /* The event of a kernel is complete when its children are. */
    CHECK(clEnqueueNDRangeKernel(cl.queue, kernel, 1, NULL, &one, NULL, 0, NULL, &event));
    CHECK(clWaitForEvents(1, &event));
    show(buffer, 1);
    CHECK(clReleaseEvent(event));
    CHECK(clReleaseKernel(kernel));

    const char *const others[] = {"with_local", "sizes"};
    for (int i = 0; i < 2; i++) {
        kernel = new_kernel(program, others[i]);
        CHECK(clSetKernelArg(kernel, 0, sizeof buffer, &buffer));
        CHECK(clEnqueueTask(cl.queue, kernel, 0, NULL, NULL));
        show(buffer, 4);
        CHECK(clReleaseKernel(kernel));
    }

    printf("the first as default: %s\n", code_name(clSetDefaultDeviceCommandQueue(cl.context, cl.device, first)));
    info("first", first, first, second);
    info("second", second, first, second);
    info("the host's", cl.queue, first, second);
    kernel = new_kernel(program, "twice");
    CHECK(clEnqueueFillBuffer(cl.queue, buffer, &value, sizeof value, 0, COUNT * sizeof value, 0, NULL, NULL));
    CHECK(clSetKernelArg(kernel, 0, sizeof buffer, &buffer));
    CHECK(clEnqueueNDRangeKernel(cl.queue, kernel, 1, NULL, &all, NULL, 0, NULL, NULL));
    show(buffer, 34);
    CHECK(clReleaseKernel(kernel));
    printf("the host's as default: %s\n", code_name(clSetDefaultDeviceCommandQueue(cl.context, cl.device, cl.queue)));
    printf("nothing as default: %s\n", code_name(clSetDefaultDeviceCommandQueue(cl.context, cl.device, NULL)));
    printf("no context: %s\n", code_name(clSetDefaultDeviceCommandQueue(NULL, cl.device, first)));
    printf("no device: %s\n", code_name(clSetDefaultDeviceCommandQueue(cl.context, NULL, first)));

    CHECK(clRetainCommandQueue(first));
    CHECK(clReleaseCommandQueue(first));
    CHECK(clFinish(cl.queue));
    CHECK(clReleaseMemObject(buffer));
    CHECK(clReleaseProgram(program));
    CHECK(clReleaseCommandQueue(again));
    CHECK(clReleaseCommandQueue(second));
    CHECK(clReleaseCommandQueue(first));
    stop(&cl);

    /* A default queue that goes makes room for another. */
    cl = start(0);
    for (long i = 0; i < 20; i++) {
        cl_queue_properties list[] = {CL_QUEUE_PROPERTIES, on_device | CL_QUEUE_ON_DEVICE_DEFAULT, CL_QUEUE_SIZE,
                                      1024 + i, 0};
        cl_int code;
        cl_uint size;
        cl_command_queue passing = clCreateCommandQueueWithProperties(cl.context, cl.device, list, &code);
        CREATED(code);
        CHECK(clGetCommandQueueInfo(passing, CL_QUEUE_SIZE, sizeof size, &size, NULL));
        printf("%u%s", size, i == 19 ? "\n" : " ");
        CHECK(clReleaseCommandQueue(passing));
    }
    stop(&cl);
    return 0;
}
