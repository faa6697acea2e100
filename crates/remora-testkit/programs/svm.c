/*
 * Shared virtual memory as every device has it that has any: the program looks at it only while it is mapped.
 * With "fine", as the device says that it may be looked at: at any time, by both sides. With "beyond", what the
 * specification demands and PoCL 3.1 doesn't do. With "capabilities", what the device says.
 */
#include "common.h"

static const char *source =
    "kernel void add(global int *data, int amount) { data[get_global_id(0)] += amount; }\n"
    "struct node { int value; global struct node *next; };\n"
    "kernel void follow(global struct node *first, global int *sums)\n"
    "{\n"
    "    int sum = 0, count = 0;\n"
    "    for (global struct node *node = first; node; node = node->next, count++) {\n"
    "        sum += node->value;\n"
    "        node->value = -node->value;\n"
    "    }\n"
    "    sums[0] = sum; sums[1] = count;\n"
    "}\n";

struct node {
    int value;
    struct node *next;
};

static cl_device_svm_capabilities capabilities(cl_device_id device)
{
    cl_device_svm_capabilities can = 0;
    CHECK(clGetDeviceInfo(device, CL_DEVICE_SVM_CAPABILITIES, sizeof can, &can, NULL));
    return can;
}

static void *alloc(const struct cl *cl, cl_svm_mem_flags flags, size_t size)
{
    void *memory = clSVMAlloc(cl->context, flags, size, 0);
    EXPECT(memory != NULL);
    return memory;
}

static void launch(const struct cl *cl, cl_kernel kernel, size_t items)
{
    CHECK(clEnqueueNDRangeKernel(cl->queue, kernel, 1, NULL, &items, NULL, 0, NULL, NULL));
}

static void map(const struct cl *cl, cl_map_flags flags, void *memory, size_t size)
{
    CHECK(clEnqueueSVMMap(cl->queue, CL_TRUE, flags, memory, size, 0, NULL, NULL));
}

static void unmap(const struct cl *cl, void *memory)
{
    CHECK(clEnqueueSVMUnmap(cl->queue, memory, 0, NULL, NULL));
}

/* A list whose nodes lie in allocations of their own and in the middle of one. */
static void lists(const struct cl *cl, cl_kernel follow)
{
    enum { COUNT = 40 };
    struct node *nodes[COUNT];
    struct node *many = alloc(cl, CL_MEM_READ_WRITE, 64 * sizeof(struct node));
    void *roots[COUNT + 1];
    cl_mem sums = new_buffer(cl, CL_MEM_READ_WRITE, 2 * sizeof(int), NULL);
    int found[2];
    for (int i = 0; i < COUNT; i++)
        nodes[i] = i % 2 ? many + i : alloc(cl, CL_MEM_READ_WRITE, sizeof(struct node));
    map(cl, CL_MAP_WRITE, many, 64 * sizeof(struct node));
    for (int i = 0; i < COUNT; i++) {
        if (i % 2 == 0)
            map(cl, CL_MAP_WRITE_INVALIDATE_REGION, nodes[i], sizeof(struct node));
        nodes[i]->value = i * i;
        nodes[i]->next = i + 1 < COUNT ? nodes[i + 1] : NULL;
        if (i % 2 == 0)
            unmap(cl, nodes[i]);
        roots[i] = nodes[i];
    }
    unmap(cl, many);
    roots[COUNT] = many;
    CHECK(clSetKernelArgSVMPointer(follow, 0, nodes[0]));
    CHECK(clSetKernelArg(follow, 1, sizeof sums, &sums));
    CHECK(clSetKernelExecInfo(follow, CL_KERNEL_EXEC_INFO_SVM_PTRS, sizeof roots, roots));
    launch(cl, follow, 1);
    CHECK(clEnqueueReadBuffer(cl->queue, sums, CL_TRUE, 0, sizeof found, found, 0, NULL, NULL));
    printf("list: %d nodes, sum %d\n", found[1], found[0]);
    /* From the middle on, and what the kernel left in the nodes. */
    CHECK(clSetKernelArgSVMPointer(follow, 0, nodes[COUNT / 2 + 1]));
    launch(cl, follow, 1);
    CHECK(clEnqueueReadBuffer(cl->queue, sums, CL_TRUE, 0, sizeof found, found, 0, NULL, NULL));
    printf("half of it: %d nodes, sum %d\n", found[1], found[0]);
    CHECK(clSetKernelArgSVMPointer(follow, 0, NULL));
    launch(cl, follow, 1);
    CHECK(clEnqueueReadBuffer(cl->queue, sums, CL_TRUE, 0, sizeof found, found, 0, NULL, NULL));
    printf("no list: %d nodes, sum %d\n", found[1], found[0]);
    map(cl, CL_MAP_READ, many, 64 * sizeof(struct node));
    printf("values:");
    for (int i = 1; i < COUNT; i += 2)
        printf(" %d", many[i].value);
    printf("\n");
    unmap(cl, many);
    CHECK(clFinish(cl->queue));
    CHECK(clSetKernelExecInfo(follow, CL_KERNEL_EXEC_INFO_SVM_PTRS, 0, NULL));
    for (int i = 0; i < COUNT; i += 2)
        clSVMFree(cl->context, nodes[i]);
    clSVMFree(cl->context, many);
    CHECK(clReleaseMemObject(sums));
}

static void show_type(const char *what, cl_event event)
{
    cl_command_type type = 0;
    CHECK(clWaitForEvents(1, &event));
    CHECK(clGetEventInfo(event, CL_EVENT_COMMAND_TYPE, sizeof type, &type, NULL));
    printf("%s: type %#x, %s\n", what, type, status_name(event_status(event)));
    CHECK(clReleaseEvent(event));
}

static void copies(const struct cl *cl)
{
    enum { SIZE = 300000 };
    unsigned char *a = alloc(cl, CL_MEM_READ_WRITE, SIZE), *b = alloc(cl, CL_MEM_READ_ONLY, SIZE + 1);
    unsigned char *host = malloc(SIZE), *other = malloc(SIZE);
    cl_event event;
    fill_random(host, SIZE, 3);
    CHECK(clEnqueueSVMMemcpy(cl->queue, CL_TRUE, a, host, SIZE, 0, NULL, &event));
    show_type("from the host", event);
    CHECK(clEnqueueSVMMemcpy(cl->queue, CL_FALSE, b + 1, a, SIZE, 0, NULL, &event));
    show_type("within", event);
    CHECK(clEnqueueSVMMemcpy(cl->queue, CL_FALSE, other, b + 1, SIZE, 0, NULL, &event));
    show_type("to the host", event);
    printf("copied: %d\n", memcmp(host, other, SIZE) == 0);
    memset(other, 0, SIZE);
    CHECK(clEnqueueSVMMemcpy(cl->queue, CL_TRUE, other, host, SIZE, 0, NULL, &event));
    show_type("of the host", event);
    printf("copied: %d\n", memcmp(host, other, SIZE) == 0);
    printf("overlap: %s\n", code_name(clEnqueueSVMMemcpy(cl->queue, CL_TRUE, a, a + 10, 100, 0, NULL, NULL)));
    printf("nothing to copy from: %s\n", code_name(clEnqueueSVMMemcpy(cl->queue, CL_TRUE, a, NULL, 4, 0, NULL, NULL)));

    const unsigned char pattern[16] = "0123456789abcdef";
    for (size_t size = 1; size <= 16; size *= 2) {
        CHECK(clEnqueueSVMMemFill(cl->queue, a + 16 * size, pattern, size, 64 * size, 0, NULL, &event));
        show_type("fill", event);
    }
    CHECK(clEnqueueSVMMemcpy(cl->queue, CL_TRUE, other, a, SIZE, 0, NULL, NULL));
    printf("filled: %016llx\n", (unsigned long long)checksum(other, SIZE));
    printf("odd fills: %s", code_name(clEnqueueSVMMemFill(cl->queue, a + 1, pattern, 4, 16, 0, NULL, NULL)));
    printf(" %s", code_name(clEnqueueSVMMemFill(cl->queue, a, pattern, 3, 12, 0, NULL, NULL)));
    printf(" %s", code_name(clEnqueueSVMMemFill(cl->queue, a, pattern, 4, 15, 0, NULL, NULL)));
    printf(" %s\n", code_name(clEnqueueSVMMemFill(cl->queue, NULL, pattern, 4, 16, 0, NULL, NULL)));

    const void *both[] = {a, b};
    CHECK(clEnqueueSVMMigrateMem(cl->queue, 2, both, NULL, 0, 0, NULL, &event));
    show_type("migrate", event);
    CHECK(clEnqueueSVMMap(cl->queue, CL_FALSE, CL_MAP_READ, a, SIZE, 0, NULL, &event));
    show_type("map", event);
    CHECK(clEnqueueSVMUnmap(cl->queue, a, 0, NULL, &event));
    show_type("unmap", event);
    printf("map of nothing: %s\n", code_name(clEnqueueSVMMap(cl->queue, CL_TRUE, CL_MAP_READ, a, 0, 0, NULL, NULL)));
    clSVMFree(cl->context, a);
    clSVMFree(cl->context, b);
    clSVMFree(cl->context, NULL);
    free(host);
    free(other);
}

/* Buffers that are made of shared virtual memory. */
static void buffers(const struct cl *cl, cl_kernel add)
{
    enum { COUNT = 1 << 16 };
    int *memory = alloc(cl, CL_MEM_READ_WRITE, COUNT * sizeof(int));
    cl_mem buffer = new_buffer(cl, CL_MEM_USE_HOST_PTR, COUNT * sizeof(int), memory);
    cl_buffer_region region = {COUNT, 4096};
    cl_int code, amount = 5;
    cl_bool uses = 7;
    cl_mem part = clCreateSubBuffer(buffer, 0, CL_BUFFER_CREATE_TYPE_REGION, &region, &code);
    CREATED(code);
    CHECK(clGetMemObjectInfo(buffer, CL_MEM_USES_SVM_POINTER, sizeof uses, &uses, NULL));
    void *host = NULL;
    CHECK(clGetMemObjectInfo(buffer, CL_MEM_HOST_PTR, sizeof host, &host, NULL));
    printf("buffer: %u, at its place %d\n", uses, host == memory);
    int zero = 0, *shown;
    CHECK(clEnqueueFillBuffer(cl->queue, buffer, &zero, sizeof zero, 0, COUNT * sizeof(int), 0, NULL, NULL));
    CHECK(clSetKernelArg(add, 1, sizeof amount, &amount));
    CHECK(clSetKernelArgSVMPointer(add, 0, memory));
    launch(cl, add, COUNT);
    CHECK(clSetKernelArg(add, 0, sizeof part, &part));
    launch(cl, add, 1024);
    shown = clEnqueueMapBuffer(cl->queue, buffer, CL_TRUE, CL_MAP_READ | CL_MAP_WRITE, 0, COUNT * sizeof(int), 0, NULL,
                               NULL, &code);
    CREATED(code);
    printf("mapped at its place %d, %d %d %d %d\n", shown == memory, shown[0], shown[COUNT / 4 - 1], shown[COUNT / 4],
           shown[COUNT / 4 + 1024]);
    shown[7] = 70;
    CHECK(clEnqueueUnmapMemObject(cl->queue, buffer, shown, 0, NULL, NULL));
    CHECK(clSetKernelArgSVMPointer(add, 0, memory + 7));
    launch(cl, add, 1);
    map(cl, CL_MAP_READ, memory, COUNT * sizeof(int));
    printf("and then %d %d\n", memory[7], memory[8]);
    unmap(cl, memory);
    printf("too large: ");
    clCreateBuffer(cl->context, CL_MEM_USE_HOST_PTR, COUNT * sizeof(int) + 4096, memory, &code);
    printf("%s\n", code_name(code));
    CHECK(clFinish(cl->queue));
    CHECK(clReleaseMemObject(part));
    CHECK(clReleaseMemObject(buffer));
    CHECK(clFinish(cl->queue));
    clSVMFree(cl->context, memory);
}

/* Memory that lies where smaller memory was before. */
static void again(const struct cl *cl, cl_kernel add)
{
    enum { PART = 4096, PARTS = 24, SMALL = 64 };
    int zero = 0, amount = 3, sum = 0;
    CHECK(clSetKernelArg(add, 1, sizeof amount, &amount));
    for (int round = 0; round < 10; round++) {
        void *small[SMALL];
        for (int i = 0; i < SMALL; i++)
            small[i] = alloc(cl, CL_MEM_READ_WRITE, PART);
        for (int i = 0; i < SMALL; i++)
            clSVMFree(cl->context, small[i]);
        char *large = alloc(cl, CL_MEM_READ_WRITE, PARTS * PART);
        CHECK(clEnqueueSVMMemFill(cl->queue, large, &zero, sizeof zero, PARTS * PART, 0, NULL, NULL));
        for (int i = 0; i < PARTS; i++) {
            CHECK(clSetKernelArgSVMPointer(add, 0, large + i * PART));
            launch(cl, add, 4);
        }
        map(cl, CL_MAP_READ, large, PARTS * PART);
        for (int i = 0; i < PARTS; i++)
            sum += *(int *)(large + i * PART);
        unmap(cl, large);
        CHECK(clFinish(cl->queue));
        clSVMFree(cl->context, large);
    }
    printf("in memory of before: %d\n", sum);
}

static int freed;

static void CL_CALLBACK free_all(cl_command_queue queue, cl_uint count, void **pointers, void *user_data)
{
    struct cl *cl = user_data;
    EXPECT(queue == cl->queue);
    for (cl_uint i = 0; i < count; i++)
        clSVMFree(cl->context, pointers[i]);
    __atomic_fetch_add(&freed, count, __ATOMIC_SEQ_CST);
}

static void frees(struct cl *cl, cl_kernel add)
{
    int *memory = alloc(cl, CL_MEM_READ_WRITE, 4096), amount = 1;
    void *pointers[] = {alloc(cl, CL_MEM_READ_WRITE, 1), memory};
    cl_event user = new_user_event(cl), event;
    CHECK(clSetKernelArgSVMPointer(add, 0, memory));
    CHECK(clSetKernelArg(add, 1, sizeof amount, &amount));
    CHECK(clEnqueueMarkerWithWaitList(cl->queue, 1, &user, NULL));
    launch(cl, add, 1024);
    CHECK(clEnqueueSVMFree(cl->queue, 2, pointers, free_all, cl, 0, NULL, &event));
    printf("freed before it is time: %d\n", __atomic_load_n(&freed, __ATOMIC_SEQ_CST));
    CHECK(clSetUserEventStatus(user, CL_COMPLETE));
    show_type("free", event);
    printf("freed: %d\n", __atomic_load_n(&freed, __ATOMIC_SEQ_CST));
    void *last = alloc(cl, CL_MEM_READ_WRITE, 100);
    CHECK(clEnqueueSVMFree(cl->queue, 1, &last, NULL, NULL, 0, NULL, &event));
    show_type("free", event);
    printf("free of nothing: %s\n", code_name(clEnqueueSVMFree(cl->queue, 1, NULL, NULL, NULL, 0, NULL, NULL)));
    CHECK(clReleaseEvent(user));
}

static void refusals(const struct cl *cl, cl_kernel add)
{
    printf("refused:");
    printf(" %d", clSVMAlloc(NULL, CL_MEM_READ_WRITE, 4, 0) == NULL);
    printf(" %d", clSVMAlloc(cl->context, CL_MEM_READ_WRITE, 0, 0) == NULL);
    printf(" %d", clSVMAlloc(cl->context, CL_MEM_READ_WRITE, (size_t)1 << 60, 0) == NULL);
    printf(" %d", clSVMAlloc(cl->context, CL_MEM_READ_WRITE, 64, 3) == NULL);
    printf(" %d\n", clSVMAlloc(cl->context, CL_MEM_READ_WRITE | CL_MEM_SVM_ATOMICS, 64, 0) == NULL);
    printf("%s\n", code_name(clSetKernelArgSVMPointer(add, 9, NULL)));
    for (cl_uint align = 1; align <= 128; align *= 2) {
        void *memory = clSVMAlloc(cl->context, CL_MEM_READ_WRITE, 1000, align);
        EXPECT(memory && (uintptr_t)memory % align == 0);
        clSVMFree(cl->context, memory);
    }
}

/* What the specification demands and PoCL 3.1 doesn't do. */
static void beyond(const struct cl *cl, cl_kernel add)
{
    void *memory = alloc(cl, CL_MEM_READ_WRITE, 8192);
    cl_mem buffer = new_buffer(cl, CL_MEM_USE_HOST_PTR, 8192, memory);
    cl_buffer_region region = {4096, 4096};
    cl_int code;
    cl_bool uses = 7;
    cl_mem part = clCreateSubBuffer(buffer, 0, CL_BUFFER_CREATE_TYPE_REGION, &region, &code);
    CREATED(code);
    CHECK(clGetMemObjectInfo(part, CL_MEM_USES_SVM_POINTER, sizeof uses, &uses, NULL));
    EXPECT(uses == CL_TRUE);
    EXPECT(clSVMAlloc(cl->context, CL_MEM_READ_WRITE | CL_MEM_USE_HOST_PTR, 64, 0) == NULL);
    EXPECT(clSetKernelExecInfo(add, 0x1234, sizeof(void *), &memory) == CL_INVALID_VALUE);
    EXPECT(clSetKernelArgSVMPointer(add, 1, memory) == CL_INVALID_ARG_VALUE);
    CHECK(clReleaseMemObject(part));
    CHECK(clReleaseMemObject(buffer));
    clSVMFree(cl->context, memory);
    printf("beyond the driver\n");
}

static void *many(void *argument)
{
    const struct cl *cl = argument;
    void *memory[100];
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 100; i++)
            memory[i] = alloc(cl, CL_MEM_READ_WRITE, 1 + (size_t)i * 977);
        for (int i = 0; i < 100; i++)
            for (int j = 0; j < i; j++)
                EXPECT((char *)memory[i] + 1 + i * 977 <= (char *)memory[j] ||
                       (char *)memory[j] + 1 + j * 977 <= (char *)memory[i]);
        for (int i = 0; i < 100; i++)
            clSVMFree(cl->context, memory[(i * 37) % 100]);
    }
    return NULL;
}

/* Both sides use the same memory at the same time. */
static void fine(const struct cl *cl)
{
    const char *text = "kernel void answer(volatile global int *box, int turns)\n"
                       "{\n"
                       "    for (int i = 1; i <= turns; i++) {\n"
                       "        while (box[0] != i) ;\n"
                       "        box[16] = box[32] + i;\n"
                       "        mem_fence(CLK_GLOBAL_MEM_FENCE);\n"
                       "        box[1] = i;\n"
                       "    }\n"
                       "}\n";
    cl_program program = build(cl, text, "");
    cl_kernel kernel = new_kernel(program, "answer");
    volatile int *box = alloc(cl, CL_MEM_READ_WRITE | CL_MEM_SVM_FINE_GRAIN_BUFFER | CL_MEM_SVM_ATOMICS, 4096);
    int turns = 100, sum = 0;
    box[0] = box[1] = 0;
    CHECK(clSetKernelArgSVMPointer(kernel, 0, (void *)box));
    CHECK(clSetKernelArg(kernel, 1, sizeof turns, &turns));
    launch(cl, kernel, 1);
    CHECK(clFlush(cl->queue));
    for (int i = 1; i <= turns; i++) {
        box[32] = i * 3;
        __sync_synchronize();
        box[0] = i;
        while (box[1] != i)
            ;
        __sync_synchronize();
        sum += box[16];
    }
    CHECK(clFinish(cl->queue));
    printf("%d turns, sum %d\n", turns, sum);
    clSVMFree(cl->context, (void *)box);
    CHECK(clReleaseKernel(kernel));
    CHECK(clReleaseProgram(program));
}

int main(int argc, char **argv)
{
    struct cl cl = start(0);
    cl_device_svm_capabilities can = capabilities(cl.device);
    if (argc > 1 && strcmp(argv[1], "capabilities") == 0) {
        printf("%#llx\n", (unsigned long long)can);
        return 0;
    }
    if (!(can & CL_DEVICE_SVM_COARSE_GRAIN_BUFFER)) {
        printf("no shared virtual memory\n");
        return 0;
    }
    if (argc > 1 && strcmp(argv[1], "fine") == 0) {
        printf("capabilities %#llx\n", (unsigned long long)can & ~CL_DEVICE_SVM_FINE_GRAIN_SYSTEM);
        fine(&cl);
        stop(&cl);
        return 0;
    }
    cl_program program = build(&cl, source, "");
    cl_kernel add = new_kernel(program, "add"), follow = new_kernel(program, "follow");
    if (argc > 1) {
        beyond(&cl, add);
        return 0;
    }
    lists(&cl, follow);
    copies(&cl);
    buffers(&cl, add);
    frees(&cl, add);
    again(&cl, add);
    refusals(&cl, add);
    pthread_t threads[3];
    for (int i = 0; i < 3; i++)
        EXPECT(pthread_create(&threads[i], NULL, many, &cl) == 0);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    CHECK(clReleaseKernel(add));
    CHECK(clReleaseKernel(follow));
    CHECK(clReleaseProgram(program));
    stop(&cl);
    printf("done\n");
    return 0;
}
