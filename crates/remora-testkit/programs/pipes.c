/* Pipes: between two kernels, with reservations, of structs and vectors; what can be asked of them; wrong arguments. */
#include "common.h"

enum { COUNT = 64 };

static const char *const SOURCE =
    "typedef struct { int whole; float part; } pair_t;\n"
    "kernel void put(global const int *in, write_only pipe int p)\n"
    "{ size_t i = get_global_id(0); write_pipe(p, &in[i]); }\n"
    "kernel void take(read_only pipe int p, global int *out)\n"
    "{ int value = -1; read_pipe(p, &value); out[get_global_id(0)] = value; }\n"
    "kernel void put_reserved(global const int *in, write_only pipe int p) {\n"
    "    size_t i = get_global_id(0);\n"
    "    reserve_id_t id = work_group_reserve_write_pipe(p, get_local_size(0));\n"
    "    if (is_valid_reserve_id(id)) { write_pipe(p, id, get_local_id(0), &in[i]); work_group_commit_write_pipe(p, id); }\n"
    "}\n"
    "kernel void take_reserved(read_only pipe int p, global int *out) {\n"
    "    size_t i = get_global_id(0);\n"
    "    int value = -2;\n"
    "    reserve_id_t id = reserve_read_pipe(p, 1);\n"
    "    if (is_valid_reserve_id(id)) { read_pipe(p, id, 0, &value); commit_read_pipe(p, id); }\n"
    "    out[i] = value;\n"
    "}\n"
    "kernel void count(read_only pipe int p, global int *out)\n"
    "{ out[0] = get_pipe_num_packets(p); out[1] = get_pipe_max_packets(p); }\n"
    "kernel void put_pairs(write_only pipe pair_t p, int n)\n"
    "{ for (int i = 0; i < n; i++) { pair_t pair = {i * i, i * 0.5f}; write_pipe(p, &pair); } }\n"
    "kernel void take_pairs(read_only pipe pair_t p, global float *out, int n)\n"
    "{ for (int i = 0; i < n; i++) { pair_t pair; out[i] = read_pipe(p, &pair) ? -1 : pair.whole + pair.part; } }\n"
    "kernel void put_vector(write_only pipe float4 p) { float4 v = (float4)(1, 2, 3, 4); write_pipe(p, &v); }\n"
    "kernel void take_vector(read_only pipe float4 p, global float4 *out) { read_pipe(p, out); }\n";

static struct cl cl;

static cl_mem new_pipe(cl_mem_flags flags, cl_uint size, cl_uint packets)
{
    cl_int code;
    cl_mem pipe = clCreatePipe(cl.context, flags, size, packets, NULL, &code);
    CREATED(code);
    return pipe;
}

static void created(const char *what, cl_context context, cl_mem_flags flags, cl_uint size, cl_uint packets)
{
    cl_int code;
    cl_mem pipe = clCreatePipe(context, flags, size, packets, NULL, &code);
    printf("%s: %s%s\n", what, code_name(code), pipe ? ", a pipe" : "");
    if (pipe)
        CHECK(clReleaseMemObject(pipe));
}

static void info(cl_mem pipe)
{
    cl_mem_flags flags;
    cl_mem_object_type type;
    size_t size, offset, length;
    cl_uint packet, packets, maps, references;
    void *host, *parent, *context;
    CHECK(clGetMemObjectInfo(pipe, CL_MEM_FLAGS, sizeof flags, &flags, NULL));
    CHECK(clGetMemObjectInfo(pipe, CL_MEM_TYPE, sizeof type, &type, NULL));
    CHECK(clGetMemObjectInfo(pipe, CL_MEM_SIZE, sizeof size, &size, NULL));
    CHECK(clGetMemObjectInfo(pipe, CL_MEM_OFFSET, sizeof offset, &offset, NULL));
    CHECK(clGetMemObjectInfo(pipe, CL_MEM_HOST_PTR, sizeof host, &host, NULL));
    CHECK(clGetMemObjectInfo(pipe, CL_MEM_ASSOCIATED_MEMOBJECT, sizeof parent, &parent, NULL));
    CHECK(clGetMemObjectInfo(pipe, CL_MEM_CONTEXT, sizeof context, &context, NULL));
    CHECK(clGetMemObjectInfo(pipe, CL_MEM_MAP_COUNT, sizeof maps, &maps, NULL));
    CHECK(clGetMemObjectInfo(pipe, CL_MEM_REFERENCE_COUNT, sizeof references, &references, NULL));
    CHECK(clGetPipeInfo(pipe, CL_PIPE_PACKET_SIZE, sizeof packet, &packet, &length));
    CHECK(clGetPipeInfo(pipe, CL_PIPE_MAX_PACKETS, sizeof packets, &packets, NULL));
    printf("flags %lx, type %x, size %zu, offset %zu, %s, %s, %s, maps %u, references %u, packets %u * %u (%zu)\n",
           (unsigned long)flags, type, size, offset, host ? "host" : "no host", parent ? "parent" : "no parent",
           context == cl.context ? "context" : "other context", maps, references, packet, packets, length);
    CHECK(clGetPipeInfo(pipe, CL_PIPE_PROPERTIES, 0, NULL, &length));
    printf("properties: %zu bytes\n", length);
    printf("little room: %s\n", code_name(clGetPipeInfo(pipe, CL_PIPE_MAX_PACKETS, 1, &packets, NULL)));
    printf("nothing of the kind: %s\n", code_name(clGetPipeInfo(pipe, 77, sizeof packets, &packets, NULL)));
    printf("an image: %s\n", code_name(clGetImageInfo(pipe, CL_IMAGE_WIDTH, sizeof size, &size, NULL)));
}

static void describe(cl_program program, const char *name)
{
    cl_kernel kernel = new_kernel(program, name);
    cl_uint count;
    CHECK(clGetKernelInfo(kernel, CL_KERNEL_NUM_ARGS, sizeof count, &count, NULL));
    for (cl_uint i = 0; i < count; i++) {
        char type[64], argument[64];
        cl_kernel_arg_type_qualifier qualifier;
        cl_kernel_arg_access_qualifier access;
        CHECK(clGetKernelArgInfo(kernel, i, CL_KERNEL_ARG_TYPE_NAME, sizeof type, type, NULL));
        CHECK(clGetKernelArgInfo(kernel, i, CL_KERNEL_ARG_NAME, sizeof argument, argument, NULL));
        CHECK(clGetKernelArgInfo(kernel, i, CL_KERNEL_ARG_TYPE_QUALIFIER, sizeof qualifier, &qualifier, NULL));
        CHECK(clGetKernelArgInfo(kernel, i, CL_KERNEL_ARG_ACCESS_QUALIFIER, sizeof access, &access, NULL));
        printf("%s: %s %s, %lx %x\n", name, type, argument, (unsigned long)qualifier, access);
    }
    CHECK(clReleaseKernel(kernel));
}

/* Runs `put` and then `take`, and prints what came out. */
static void pass(cl_program program, const char *put, const char *take, cl_mem pipe, size_t local)
{
    cl_kernel from = new_kernel(program, put), to = new_kernel(program, take);
    int in[COUNT], out[COUNT], sum = 0;
    size_t global = COUNT;
    for (int i = 0; i < COUNT; i++)
        in[i] = 1000 + i * 7;
    cl_mem source = new_buffer(&cl, CL_MEM_COPY_HOST_PTR, sizeof in, in), target = new_buffer(&cl, 0, sizeof out, NULL);
    CHECK(clSetKernelArg(from, 0, sizeof source, &source));
    CHECK(clSetKernelArg(from, 1, sizeof pipe, &pipe));
    CHECK(clSetKernelArg(to, 0, sizeof pipe, &pipe));
    CHECK(clSetKernelArg(to, 1, sizeof target, &target));
    CHECK(clEnqueueNDRangeKernel(cl.queue, from, 1, NULL, &global, &local, 0, NULL, NULL));
    CHECK(clEnqueueNDRangeKernel(cl.queue, to, 1, NULL, &global, &local, 0, NULL, NULL));
    CHECK(clEnqueueReadBuffer(cl.queue, target, CL_TRUE, 0, sizeof out, out, 0, NULL, NULL));
    /* Work items come in any order. */
    for (int i = 0; i < COUNT; i++)
        sum += out[i];
    printf("%s and %s: %d\n", put, take, sum);
    CHECK(clReleaseMemObject(source));
    CHECK(clReleaseMemObject(target));
    CHECK(clReleaseKernel(from));
    CHECK(clReleaseKernel(to));
}

int main(void)
{
    cl = start(0);
    cl_bool supported = CL_FALSE;
    cl_uint arguments, reservations, packet;
    CHECK(clGetDeviceInfo(cl.device, CL_DEVICE_PIPE_SUPPORT, sizeof supported, &supported, NULL));
    CHECK(clGetDeviceInfo(cl.device, CL_DEVICE_MAX_PIPE_ARGS, sizeof arguments, &arguments, NULL));
    CHECK(clGetDeviceInfo(cl.device, CL_DEVICE_PIPE_MAX_ACTIVE_RESERVATIONS, sizeof reservations, &reservations, NULL));
    CHECK(clGetDeviceInfo(cl.device, CL_DEVICE_PIPE_MAX_PACKET_SIZE, sizeof packet, &packet, NULL));
    printf("pipes %u, %u arguments, %u reservations, packets up to %u\n", supported, arguments, reservations, packet);

    created("a pipe", cl.context, 0, 4, 16);
    created("no context", NULL, 0, 4, 16);
    created("empty packets", cl.context, 0, 0, 16);
    created("no packets", cl.context, 0, 4, 0);
    created("large packets", cl.context, 0, packet, 16);
    created("too large packets", cl.context, 0, packet + 1, 16);
    created("read and write", cl.context, CL_MEM_READ_WRITE, 4, 16);
    created("for kernels only", cl.context, CL_MEM_HOST_NO_ACCESS, 4, 16);
    created("for the host too", cl.context, CL_MEM_HOST_READ_ONLY, 4, 16);
    created("host memory", cl.context, CL_MEM_ALLOC_HOST_PTR, 4, 16);
    created("no flag", cl.context, 1u << 20, 4, 16);
    cl_pipe_properties none[] = {0};
    cl_int code;
    clCreatePipe(cl.context, 0, 4, 16, none, &code);
    printf("a list of no properties: %s\n", code_name(code));

    cl_mem pipe = new_pipe(0, sizeof(int), COUNT);
    info(pipe);
    cl_mem hidden = new_pipe(CL_MEM_HOST_NO_ACCESS, sizeof(int), 3);
    info(hidden);
    CHECK(clReleaseMemObject(hidden));
    printf("no pipe: %s\n", code_name(clGetPipeInfo(NULL, CL_PIPE_PACKET_SIZE, sizeof packet, &packet, NULL)));

    cl_program program = build(&cl, SOURCE, "-cl-std=CL2.0 -cl-kernel-arg-info");
    describe(program, "put");
    describe(program, "take_pairs");
    describe(program, "take_vector");
    pass(program, "put", "take", pipe, 8);
    pass(program, "put_reserved", "take_reserved", pipe, 16);
    pass(program, "put", "take_reserved", pipe, 1);

    /* What is left in a pipe stays there. */
    cl_kernel put = new_kernel(program, "put"), count = new_kernel(program, "count");
    int numbers[2], in[5] = {1, 2, 3, 4, 5};
    size_t global = 5, one = 1;
    cl_mem source = new_buffer(&cl, CL_MEM_COPY_HOST_PTR, sizeof in, in);
    cl_mem target = new_buffer(&cl, 0, sizeof numbers, NULL);
    CHECK(clSetKernelArg(put, 0, sizeof source, &source));
    CHECK(clSetKernelArg(put, 1, sizeof pipe, &pipe));
    CHECK(clEnqueueNDRangeKernel(cl.queue, put, 1, NULL, &global, NULL, 0, NULL, NULL));
    CHECK(clSetKernelArg(count, 0, sizeof pipe, &pipe));
    CHECK(clSetKernelArg(count, 1, sizeof target, &target));
    CHECK(clEnqueueTask(cl.queue, count, 0, NULL, NULL));
    CHECK(clEnqueueReadBuffer(cl.queue, target, CL_TRUE, 0, sizeof numbers, numbers, 0, NULL, NULL));
    printf("%d packets of %d\n", numbers[0], numbers[1]);

    cl_mem pairs = new_pipe(CL_MEM_READ_WRITE, 8, 10), vectors = new_pipe(0, 16, 1);
    cl_kernel put_pairs = new_kernel(program, "put_pairs"), take_pairs = new_kernel(program, "take_pairs");
    cl_kernel put_vector = new_kernel(program, "put_vector"), take_vector = new_kernel(program, "take_vector");
    float halves[8], vector[4];
    int n = 8;
    cl_mem floats = new_buffer(&cl, 0, sizeof halves, NULL);
    CHECK(clSetKernelArg(put_pairs, 0, sizeof pairs, &pairs));
    CHECK(clSetKernelArg(put_pairs, 1, sizeof n, &n));
    CHECK(clSetKernelArg(take_pairs, 0, sizeof pairs, &pairs));
    CHECK(clSetKernelArg(take_pairs, 1, sizeof floats, &floats));
    CHECK(clSetKernelArg(take_pairs, 2, sizeof n, &n));
    CHECK(clEnqueueNDRangeKernel(cl.queue, put_pairs, 1, NULL, &one, NULL, 0, NULL, NULL));
    CHECK(clEnqueueNDRangeKernel(cl.queue, take_pairs, 1, NULL, &one, NULL, 0, NULL, NULL));
    CHECK(clEnqueueReadBuffer(cl.queue, floats, CL_TRUE, 0, sizeof halves, halves, 0, NULL, NULL));
    for (int i = 0; i < 8; i++)
        printf("%g%s", halves[i], i == 7 ? "\n" : " ");
    CHECK(clSetKernelArg(put_vector, 0, sizeof vectors, &vectors));
    CHECK(clSetKernelArg(take_vector, 0, sizeof vectors, &vectors));
    CHECK(clSetKernelArg(take_vector, 1, sizeof floats, &floats));
    CHECK(clEnqueueTask(cl.queue, put_vector, 0, NULL, NULL));
    CHECK(clEnqueueTask(cl.queue, take_vector, 0, NULL, NULL));
    CHECK(clEnqueueReadBuffer(cl.queue, floats, CL_TRUE, 0, sizeof vector, vector, 0, NULL, NULL));
    printf("%g %g %g %g\n", vector[0], vector[1], vector[2], vector[3]);

    cl_mem nothing = NULL;
    printf("a buffer for a pipe: %s\n", code_name(clSetKernelArg(put, 1, sizeof source, &source)));
    printf("nothing for a pipe: %s\n", code_name(clSetKernelArg(put, 1, sizeof pipe, NULL)));
    printf("NULL for a pipe: %s\n", code_name(clSetKernelArg(put, 1, sizeof nothing, &nothing)));
    printf("half a pipe: %s\n", code_name(clSetKernelArg(put, 1, 4, &pipe)));
    size_t origin[3] = {0}, region[3] = {1, 1, 1};
    printf("read as an image: %s\n",
           code_name(clEnqueueReadImage(cl.queue, pipe, CL_TRUE, origin, region, 0, 0, &n, 0, NULL, NULL)));
    cl_buffer_region part = {0, 4};
    clCreateSubBuffer(pipe, 0, CL_BUFFER_CREATE_TYPE_REGION, &part, &code);
    printf("a part of a pipe: %s\n", code_name(code));
    CHECK(clEnqueueMigrateMemObjects(cl.queue, 1, &pipe, CL_MIGRATE_MEM_OBJECT_HOST, 0, NULL, NULL));
    CHECK(clFinish(cl.queue));

    cl_kernel kernels[] = {put, count, put_pairs, take_pairs, put_vector, take_vector};
    for (size_t i = 0; i < sizeof kernels / sizeof *kernels; i++)
        CHECK(clReleaseKernel(kernels[i]));
    cl_mem mems[] = {pipe, source, target, pairs, vectors, floats};
    for (size_t i = 0; i < sizeof mems / sizeof *mems; i++)
        CHECK(clReleaseMemObject(mems[i]));
    CHECK(clReleaseProgram(program));
    stop(&cl);
    return 0;
}
