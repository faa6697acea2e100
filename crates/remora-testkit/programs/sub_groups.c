/* Sub-groups: what can be asked of kernels, and what kernels make of them; clones of kernels. */
#include "common.h"

static const char *const SOURCE =
    "kernel void plain(global int *out) { out[get_global_id(0)] = get_sub_group_size(); }\n"
    "__attribute__((reqd_work_group_size(32, 1, 1))) kernel void fixed(global int *out)\n"
    "{ out[get_global_id(0)] = get_sub_group_id() * 100 + get_num_sub_groups(); }\n"
    "__attribute__((intel_reqd_sub_group_size(8))) kernel void eight(global int *out) {\n"
    "    int value = sub_group_scan_inclusive_add((int)get_sub_group_local_id());\n"
    "    out[get_global_id(0)] = sub_group_broadcast(value, 3) * 100 + sub_group_reduce_max(value);\n"
    "}\n";

static struct cl cl;

static void ask(cl_kernel kernel, const char *name, cl_kernel_sub_group_info param, const char *of, size_t input_size,
                const size_t *input, size_t room)
{
    size_t values[3] = {99, 99, 99}, length = 88;
    cl_int code =
        clGetKernelSubGroupInfo(kernel, cl.device, param, input_size, input, room, room ? values : NULL, &length);
    printf("  %s of %s, room for %zu: %s", name, of, room, code_name(code));
    if (code == CL_SUCCESS)
        printf(" %zu bytes: %zu %zu %zu", length, values[0], values[1], values[2]);
    printf("\n");
}

static void info(cl_kernel kernel)
{
    const struct {
        cl_kernel_sub_group_info param;
        const char *name;
    } params[] = {
        {CL_KERNEL_MAX_SUB_GROUP_SIZE_FOR_NDRANGE, "size"}, {CL_KERNEL_SUB_GROUP_COUNT_FOR_NDRANGE, "count"},
        {CL_KERNEL_LOCAL_SIZE_FOR_SUB_GROUP_COUNT, "local size"}, {CL_KERNEL_MAX_NUM_SUB_GROUPS, "most"},
        {CL_KERNEL_COMPILE_NUM_SUB_GROUPS, "compiled"}, {CL_KERNEL_WORK_GROUP_SIZE, "something else"},
    };
    const size_t line[] = {64}, plane[] = {16, 4}, space[] = {8, 4, 2}, two[] = {2};
    /* Twice: the second time it is known. */
    for (int time = 0; time < 2; time++) {
        for (size_t i = 0; i < sizeof params / sizeof *params; i++) {
            for (size_t room = 0; room <= 24; room += 8) {
                ask(kernel, params[i].name, params[i].param, "a line", sizeof line, line, room);
                ask(kernel, params[i].name, params[i].param, "two", sizeof two, two, room);
            }
            ask(kernel, params[i].name, params[i].param, "a plane", sizeof plane, plane, 8);
            ask(kernel, params[i].name, params[i].param, "a space", sizeof space, space, 8);
            ask(kernel, params[i].name, params[i].param, "little room", sizeof line, line, 4);
        }
        ask(kernel, "most", CL_KERNEL_MAX_NUM_SUB_GROUPS, "nothing", 0, NULL, 8);
        ask(kernel, "compiled", CL_KERNEL_COMPILE_NUM_SUB_GROUPS, "nothing", 0, NULL, 8);
        ask(kernel, "count", CL_KERNEL_SUB_GROUP_COUNT_FOR_NDRANGE, "nothing", 0, NULL, 8);
    }
    size_t size;
    printf("  no group's: %s\n",
           code_name(clGetKernelWorkGroupInfo(kernel, cl.device, CL_KERNEL_MAX_NUM_SUB_GROUPS, sizeof size, &size, NULL)));
}

static void run(cl_kernel kernel, const char *name)
{
    size_t global = 64, local = 32;
    CHECK(clEnqueueNDRangeKernel(cl.queue, kernel, 1, NULL, &global, &local, 0, NULL, NULL));
    printf("%s runs: %s\n", name, code_name(clFinish(cl.queue)));
}

static void show(cl_mem buffer)
{
    int out[64];
    CHECK(clEnqueueReadBuffer(cl.queue, buffer, CL_TRUE, 0, sizeof out, out, 0, NULL, NULL));
    for (int i = 0; i < 64; i += 7)
        printf(" %d", out[i]);
    printf("\n");
}

int main(void)
{
    cl = start(0);
    cl_uint most;
    cl_bool forward;
    CHECK(clGetDeviceInfo(cl.device, CL_DEVICE_MAX_NUM_SUB_GROUPS, sizeof most, &most, NULL));
    CHECK(clGetDeviceInfo(cl.device, CL_DEVICE_SUB_GROUP_INDEPENDENT_FORWARD_PROGRESS, sizeof forward, &forward, NULL));
    printf("up to %u, forward progress %u\n", most, forward);
    cl_program program = build(&cl, SOURCE, "-cl-std=CL3.0");
    const char *const names[] = {"plain", "fixed", "eight"};
    cl_mem buffer = new_buffer(&cl, 0, 64 * sizeof(int), NULL), other = new_buffer(&cl, 0, 64 * sizeof(int), NULL);
    for (int i = 0; i < 3; i++) {
        cl_kernel kernel = new_kernel(program, names[i]);
        printf("%s\n", names[i]);
        info(kernel);
        CHECK(clSetKernelArg(kernel, 0, sizeof buffer, &buffer));
        run(kernel, names[i]);
        show(buffer);

        /* A clone has the arguments of its original, and from then on its own. */
        cl_int code;
        cl_kernel clone = clCloneKernel(kernel, &code);
        CREATED(code);
        CHECK(clSetKernelArg(kernel, 0, sizeof other, &other));
        int zero = 0;
        CHECK(clEnqueueFillBuffer(cl.queue, buffer, &zero, sizeof zero, 0, sizeof(int[64]), 0, NULL, NULL));
        CHECK(clEnqueueFillBuffer(cl.queue, other, &zero, sizeof zero, 0, sizeof(int[64]), 0, NULL, NULL));
        CHECK(clReleaseKernel(kernel));
        run(clone, "its clone");
        show(buffer);
        show(other);
        char name[16];
        cl_uint references;
        cl_program its;
        CHECK(clGetKernelInfo(clone, CL_KERNEL_FUNCTION_NAME, sizeof name, name, NULL));
        CHECK(clGetKernelInfo(clone, CL_KERNEL_REFERENCE_COUNT, sizeof references, &references, NULL));
        CHECK(clGetKernelInfo(clone, CL_KERNEL_PROGRAM, sizeof its, &its, NULL));
        printf("%s, %u references, %s program\n", name, references, its == program ? "the same" : "another");
        CHECK(clReleaseKernel(clone));
    }
    cl_int code;
    clCloneKernel(NULL, &code);
    printf("a clone of nothing: %s\n", code_name(code));
    size_t length;
    cl_kernel kernel = new_kernel(program, "plain"), clone = clCloneKernel(kernel, &code);
    CREATED(code);
    printf("without a device: %s\n",
           code_name(clGetKernelSubGroupInfo(kernel, NULL, CL_KERNEL_MAX_NUM_SUB_GROUPS, 0, NULL, 0, NULL, &length)));
    printf("without a kernel: %s\n",
           code_name(clGetKernelSubGroupInfo(NULL, cl.device, CL_KERNEL_MAX_NUM_SUB_GROUPS, 0, NULL, 0, NULL, &length)));
    size_t global = 64;
    printf("a clone without arguments: %s\n",
           code_name(clEnqueueNDRangeKernel(cl.queue, clone, 1, NULL, &global, NULL, 0, NULL, NULL)));
    CHECK(clReleaseKernel(kernel));
    CHECK(clReleaseKernel(clone));
    CHECK(clReleaseMemObject(buffer));
    CHECK(clReleaseMemObject(other));
    CHECK(clReleaseProgram(program));
    stop(&cl);
    return 0;
}
