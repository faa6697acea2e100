/* The program's own memory as memory objects (CL_MEM_USE_HOST_PTR). With "direct": as CPU drivers have it, beyond what
 * OpenCL promises: the memory is the object, without a map. */
#include "common.h"

#include <sys/mman.h>

enum { SIZE = 20000, PAGE = 4096 };

static const char *source =
    "kernel void bump(global uchar *x) { x[get_global_id(0)] += 1; }\n"
    "kernel void sum(global const uchar *x, global uint *out, uint n)\n"
    "{ uint s = 0; for (uint i = 0; i < n; i++) s = s * 31 + x[i]; out[0] = s; }\n"
    "__attribute__((reqd_work_group_size(8, 1, 1))) kernel void eight(global uchar *x) { x[get_global_id(0)] += 1; }\n"
    "kernel void paint(write_only image2d_t i)\n"
    "{ int2 p = (int2)(get_global_id(0), get_global_id(1)); write_imageui(i, p, (uint4)(p.x, p.y, 7, 9)); }\n"
    "kernel void look(read_only image2d_t i, global uint *out)\n"
    "{ const sampler_t s = CLK_NORMALIZED_COORDS_FALSE | CLK_ADDRESS_CLAMP | CLK_FILTER_NEAREST; uint n = 0;\n"
    "  for (int y = 0; y < get_image_height(i); y++) for (int x = 0; x < get_image_width(i); x++)\n"
    "    { uint4 v = read_imageui(i, s, (int2)(x, y)); n = n * 31 + v.x + 3 * v.y + 5 * v.z + 7 * v.w; }\n"
    "  out[0] = n; }\n";
static cl_kernel bump, eight, sum, paint, look;
static cl_mem answer;

static void show(const char *what, const void *memory, size_t size)
{
    printf("%s: %016llx\n", what, (unsigned long long)checksum(memory, size));
}

static unsigned ask(const struct cl *cl, cl_kernel kernel)
{
    unsigned number = 0;
    size_t one = 1;
    CHECK(clSetKernelArg(kernel, 1, sizeof answer, &answer));
    CHECK(clEnqueueNDRangeKernel(cl->queue, kernel, 1, NULL, &one, NULL, 0, NULL, NULL));
    CHECK(clEnqueueReadBuffer(cl->queue, answer, CL_TRUE, 0, sizeof number, &number, 0, NULL, NULL));
    return number;
}

static unsigned sum_of(const struct cl *cl, cl_mem buffer, cl_uint size)
{
    CHECK(clSetKernelArg(sum, 0, sizeof buffer, &buffer));
    CHECK(clSetKernelArg(sum, 2, sizeof size, &size));
    return ask(cl, sum);
}

static unsigned look_at(const struct cl *cl, cl_mem image)
{
    CHECK(clSetKernelArg(look, 0, sizeof image, &image));
    return ask(cl, look);
}

static void run_bump(cl_command_queue queue, cl_mem buffer, size_t size, cl_event *event)
{
    CHECK(clSetKernelArg(bump, 0, sizeof buffer, &buffer));
    CHECK(clEnqueueNDRangeKernel(queue, bump, 1, NULL, &size, NULL, 0, NULL, event));
}

static void run_paint(const struct cl *cl, cl_mem image, size_t width, size_t height)
{
    const size_t global[2] = {width, height};
    CHECK(clSetKernelArg(paint, 0, sizeof image, &image));
    CHECK(clEnqueueNDRangeKernel(cl->queue, paint, 2, NULL, global, NULL, 0, NULL, NULL));
}

static unsigned char *map(const struct cl *cl, cl_mem buffer, cl_map_flags flags, size_t offset, size_t size)
{
    cl_int code;
    void *pointer = clEnqueueMapBuffer(cl->queue, buffer, CL_TRUE, flags, offset, size, 0, NULL, NULL, &code);
    CREATED(code);
    return pointer;
}

static void unmap(const struct cl *cl, cl_mem mem, void *pointer)
{
    CHECK(clEnqueueUnmapMemObject(cl->queue, mem, pointer, 0, NULL, NULL));
}

static void say_pointer(const char *what, cl_mem mem, const unsigned char *host)
{
    unsigned char *pointer;
    CHECK(clGetMemObjectInfo(mem, CL_MEM_HOST_PTR, sizeof pointer, &pointer, NULL));
    if (pointer == NULL)
        printf("%s: no host pointer\n", what);
    else
        printf("%s: host pointer + %td\n", what, pointer - host);
}

/* Sizes and alignments of all kinds. */
static void buffers(const struct cl *cl)
{
    static unsigned char memory[SIZE + 64];
    static const struct {
        size_t offset, size;
    } shapes[] = {{0, 1}, {1, 3}, {64, 4096}, {3, 4097}, {16, 1000}, {7, SIZE}};
    for (int i = 0; i < 6; i++) {
        size_t size = shapes[i].size;
        unsigned char *host = memory + shapes[i].offset, got[8];
        fill_random(memory, sizeof memory, 50 + (unsigned)i);
        cl_mem buffer = new_buffer(cl, CL_MEM_USE_HOST_PTR, size, host);
        say_pointer("buffer", buffer, host);
        printf("%zu bytes: %u", size, sum_of(cl, buffer, (cl_uint)size));
        run_bump(cl->queue, buffer, size, NULL);
        size_t part = size > 8 ? 8 : size;
        CHECK(clEnqueueReadBuffer(cl->queue, buffer, CL_TRUE, size - part, part, got, 0, NULL, NULL));
        unsigned char *pointer = map(cl, buffer, CL_MAP_READ | CL_MAP_WRITE, 0, size);
        EXPECT(pointer == host && memcmp(got, host + size - part, part) == 0);
        pointer[size / 2] ^= 0x55;
        unmap(cl, buffer, pointer);
        pointer = map(cl, buffer, CL_MAP_WRITE_INVALIDATE_REGION, size - part, part);
        EXPECT(pointer == host + size - part);
        memset(pointer, 0x22, part);
        unmap(cl, buffer, pointer);
        printf(", %u", sum_of(cl, buffer, (cl_uint)size));
        pointer = map(cl, buffer, CL_MAP_READ, 0, size);
        printf(", %016llx\n", (unsigned long long)checksum(pointer, size));
        unmap(cl, buffer, pointer);
        /* What lies beside it stays what it was. */
        show("around", memory, shapes[i].offset);
        show("around", host + size, sizeof memory - size - shapes[i].offset);
        CHECK(clFinish(cl->queue));
        CHECK(clReleaseMemObject(buffer));
    }
}

/* Reading and writing through the very memory that the buffer is made of. */
static void onto_itself(const struct cl *cl)
{
    static unsigned char host[SIZE], other[SIZE];
    fill_random(host, SIZE, 1);
    cl_mem buffer = new_buffer(cl, CL_MEM_USE_HOST_PTR, SIZE, host);
    run_bump(cl->queue, buffer, SIZE, NULL);
    CHECK(clEnqueueReadBuffer(cl->queue, buffer, CL_TRUE, 0, SIZE, host, 0, NULL, NULL));
    show("read onto itself", host, SIZE);
    CHECK(clEnqueueWriteBuffer(cl->queue, buffer, CL_TRUE, 0, SIZE, host, 0, NULL, NULL));
    CHECK(clEnqueueReadBuffer(cl->queue, buffer, CL_TRUE, 0, SIZE, other, 0, NULL, NULL));
    show("written from itself", other, SIZE);
    fill_random(other, SIZE, 2);
    CHECK(clEnqueueWriteBuffer(cl->queue, buffer, CL_TRUE, 100, 1000, other, 0, NULL, NULL));
    unsigned char *pointer = map(cl, buffer, CL_MAP_READ, 0, SIZE);
    show("written, then mapped", pointer, SIZE);
    unmap(cl, buffer, pointer);
    CHECK(clFinish(cl->queue));
    CHECK(clReleaseMemObject(buffer));
}

static void sub_buffers(const struct cl *cl)
{
    static unsigned char host[SIZE] __attribute__((aligned(4096)));
    fill_random(host, SIZE, 3);
    cl_buffer_region region = {4096, 5000};
    cl_int code;
    cl_mem buffer = new_buffer(cl, CL_MEM_USE_HOST_PTR, SIZE, host);
    cl_mem part = clCreateSubBuffer(buffer, 0, CL_BUFFER_CREATE_TYPE_REGION, &region, &code);
    CREATED(code);
    say_pointer("sub-buffer", part, host);
    printf("sub-buffer first: %u\n", sum_of(cl, part, 5000));
    run_bump(cl->queue, part, 5000, NULL);
    unsigned char *pointer = map(cl, part, CL_MAP_READ | CL_MAP_WRITE, 8, 4000);
    EXPECT(pointer == host + 4096 + 8);
    show("mapped part", pointer, 4000);
    memset(pointer, 3, 100);
    unmap(cl, part, pointer);
    pointer = map(cl, buffer, CL_MAP_READ, 0, SIZE);
    EXPECT(pointer == host);
    show("whole", pointer, SIZE);
    unmap(cl, buffer, pointer);
    CHECK(clFinish(cl->queue));
    /* The sub-buffer keeps the buffer. */
    CHECK(clReleaseMemObject(buffer));
    run_bump(cl->queue, part, 5000, NULL);
    pointer = map(cl, part, CL_MAP_READ, 0, 5000);
    show("part alone", pointer, 5000);
    unmap(cl, part, pointer);
    CHECK(clFinish(cl->queue));
    CHECK(clReleaseMemObject(part));
}

/* A map that doesn't wait: the bytes are there when its event is complete. */
static void without_waiting(const struct cl *cl)
{
    static unsigned char host[SIZE];
    fill_random(host, SIZE, 4);
    cl_int code;
    cl_event gate = new_user_event(cl), mapped;
    cl_mem buffer = new_buffer(cl, CL_MEM_USE_HOST_PTR, SIZE, host);
    unsigned char seven = 7;
    CHECK(clEnqueueFillBuffer(cl->queue, buffer, &seven, 1, 0, SIZE / 2, 1, &gate, NULL));
    unsigned char *pointer = clEnqueueMapBuffer(cl->queue, buffer, CL_FALSE, CL_MAP_READ | CL_MAP_WRITE, 10, SIZE - 20, 0,
                                                NULL, &mapped, &code);
    CREATED(code);
    EXPECT(pointer == host + 10 && event_status(mapped) != CL_COMPLETE);
    CHECK(clSetUserEventStatus(gate, CL_COMPLETE));
    CHECK(clWaitForEvents(1, &mapped));
    show("mapped later", pointer, SIZE - 20);
    memset(pointer, 9, 1000);
    unmap(cl, buffer, pointer);
    printf("unmapped: %u\n", sum_of(cl, buffer, SIZE));
    CHECK(clReleaseEvent(gate));
    CHECK(clReleaseEvent(mapped));
    CHECK(clReleaseMemObject(buffer));
}

/* Constants: memory that can't be written to. */
static void read_only(const struct cl *cl)
{
    unsigned char *host = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    EXPECT(host != MAP_FAILED);
    fill_random(host, 2 * PAGE, 5);
    EXPECT(mprotect(host, 2 * PAGE, PROT_READ) == 0);
    static const cl_mem_flags flags[] = {CL_MEM_READ_ONLY, CL_MEM_READ_WRITE};
    for (int i = 0; i < 2; i++) {
        cl_mem buffer = new_buffer(cl, flags[i] | CL_MEM_USE_HOST_PTR, 2 * PAGE, host);
        printf("constants: %u\n", sum_of(cl, buffer, 2 * PAGE));
        CHECK(clFinish(cl->queue));
        CHECK(clReleaseMemObject(buffer));
    }
    sleep_ms(5);
    EXPECT(munmap(host, 2 * PAGE) == 0);
}

static cl_mem new_image(const struct cl *cl, size_t width, size_t height, size_t pitch, cl_mem buffer, void *host)
{
    const cl_image_format format = {CL_RGBA, CL_UNSIGNED_INT8};
    cl_image_desc desc = {0};
    cl_int code;
    desc.image_type = CL_MEM_OBJECT_IMAGE2D;
    desc.image_width = width;
    desc.image_height = height;
    desc.image_row_pitch = pitch;
    desc.buffer = buffer;
    cl_mem image = clCreateImage(cl->context, host ? CL_MEM_USE_HOST_PTR : 0, &format, &desc, host, &code);
    if (buffer && code != CL_SUCCESS) {
        printf("image over buffer: %s\n", code_name(code));
        return NULL;
    }
    CREATED(code);
    return image;
}

static unsigned char *map_image(const struct cl *cl, cl_mem image, cl_map_flags flags, const size_t *origin,
                                const size_t *region, size_t *row)
{
    cl_int code;
    void *pointer = clEnqueueMapImage(cl->queue, image, CL_TRUE, flags, origin, region, row, NULL, 0, NULL, NULL, &code);
    CREATED(code);
    return pointer;
}

static void images(const struct cl *cl)
{
    static unsigned char memory[64 * 1024] __attribute__((aligned(4096)));
    static const size_t pitches[] = {0, 33 * 4, 160, 256};
    const size_t zero[3] = {0, 0, 0}, whole[3] = {33, 17, 1}, origin[3] = {5, 2, 0}, part[3] = {20, 10, 1};
    for (int i = 0; i < 4; i++) {
        size_t pitch = pitches[i] ? pitches[i] : 33 * 4, row = 0, told;
        fill_random(memory, sizeof memory, 60 + (unsigned)i);
        cl_mem image = new_image(cl, 33, 17, pitches[i], NULL, memory);
        say_pointer("image", image, memory);
        CHECK(clGetImageInfo(image, CL_IMAGE_ROW_PITCH, sizeof told, &told, NULL));
        printf("pitch %zu: %zu, %u", pitches[i], told, look_at(cl, image));
        unsigned char *pointer = map_image(cl, image, CL_MAP_READ | CL_MAP_WRITE, origin, part, &row);
        EXPECT(pointer == memory + 2 * pitch + 5 * 4);
        for (size_t y = 0; y < 10; y++)
            memset(pointer + y * row, (int)y, 80);
        unmap(cl, image, pointer);
        printf(", row %zu, %u", row, look_at(cl, image));
        run_paint(cl, image, 30, 15);
        pointer = map_image(cl, image, CL_MAP_READ, zero, whole, &row);
        EXPECT(pointer == memory);
        unmap(cl, image, pointer);
        CHECK(clFinish(cl->queue));
        /* The gaps between the rows, too. */
        printf(", %016llx\n", (unsigned long long)checksum(memory, sizeof memory));
        CHECK(clReleaseMemObject(image));
    }
}

static void image_over_buffer(const struct cl *cl)
{
    static unsigned char memory[32 * 1024] __attribute__((aligned(4096)));
    const size_t zero[3] = {0, 0, 0}, whole[3] = {32, 16, 1};
    size_t row = 0;
    fill_random(memory, sizeof memory, 70);
    cl_mem buffer = new_buffer(cl, CL_MEM_USE_HOST_PTR, sizeof memory, memory);
    cl_mem image = new_image(cl, 32, 16, 256, buffer, NULL);
    if (image == NULL) {
        CHECK(clReleaseMemObject(buffer));
        return;
    }
    say_pointer("image over buffer", image, memory);
    printf("image over buffer: %u", look_at(cl, image));
    run_paint(cl, image, 32, 16);
    unsigned char *pointer = map_image(cl, image, CL_MAP_READ | CL_MAP_WRITE, zero, whole, &row);
    printf(", row %zu, %s", row, pointer == memory ? "in place" : "elsewhere");
    for (size_t y = 0; y < 16; y++)
        memset(pointer + y * row, (int)y, 40);
    unmap(cl, image, pointer);
    pointer = map(cl, buffer, CL_MAP_READ, 0, sizeof memory);
    printf(", %016llx\n", (unsigned long long)checksum(pointer, sizeof memory));
    unmap(cl, buffer, pointer);
    CHECK(clFinish(cl->queue));
    CHECK(clReleaseMemObject(image));
    CHECK(clReleaseMemObject(buffer));
}

/* Written to before the first command that uses it. */
static void before_first_use(const struct cl *cl)
{
    static unsigned char host[SIZE], pixels[16 * 16 * 4];
    cl_mem buffer = new_buffer(cl, CL_MEM_USE_HOST_PTR, SIZE, host);
    cl_mem image = new_image(cl, 16, 16, 0, NULL, pixels);
    fill_random(host, SIZE, 80);
    fill_random(pixels, sizeof pixels, 81);
    printf("before first use: %u", sum_of(cl, buffer, SIZE));
    printf(", %u\n", look_at(cl, image));
    CHECK(clFinish(cl->queue));
    CHECK(clReleaseMemObject(buffer));
    CHECK(clReleaseMemObject(image));
}

static int called;
static unsigned char *watched;

static void CL_CALLBACK note(cl_event event, cl_int status, void *data)
{
    (void)event, (void)data;
    __atomic_store_n(&called, status == CL_COMPLETE ? 1 + watched[10] : -1, __ATOMIC_SEQ_CST);
}

/* The memory is the object. */
static void direct(const struct cl *cl)
{
    static unsigned char host[SIZE], pixels[40 * 30 * 4];
    cl_command_queue other = new_queue(cl, 0);
    cl_mem buffer = new_buffer(cl, CL_MEM_USE_HOST_PTR, SIZE, host);
    cl_event event, events[2];
    /* Frame by frame, in place. */
    for (unsigned i = 0; i < 5; i++) {
        fill_random(host, SIZE, 90 + i);
        run_bump(cl->queue, buffer, SIZE, NULL);
        CHECK(clFinish(cl->queue));
        show("frame", host, SIZE);
    }
    /* Changed on both sides in turn, here and there. */
    for (int i = 0; i < 4; i++) {
        host[i] = 100;
        host[SIZE / 2 + i] = 200;
        run_bump(cl->queue, buffer, SIZE - 8, &event);
        CHECK(clWaitForEvents(1, &event));
        CHECK(clReleaseEvent(event));
        show("in turn", host, SIZE);
    }
    /* Waited for in every other way. */
    unsigned char byte;
    run_bump(cl->queue, buffer, SIZE, NULL);
    CHECK(clEnqueueReadBuffer(cl->queue, answer, CL_TRUE, 0, 1, &byte, 0, NULL, NULL));
    show("blocking read", host, SIZE);
    run_bump(cl->queue, buffer, SIZE, NULL);
    CHECK(clEnqueueWriteBuffer(cl->queue, answer, CL_TRUE, 0, 1, &byte, 0, NULL, NULL));
    show("blocking write", host, SIZE);
    run_bump(cl->queue, buffer, SIZE, &event);
    CHECK(clFlush(cl->queue));
    while (event_status(event) != CL_COMPLETE)
        sleep_ms(1);
    CHECK(clReleaseEvent(event));
    show("polled", host, SIZE);
    watched = host;
    byte = host[10];
    run_bump(cl->queue, buffer, SIZE, &event);
    CHECK(clSetEventCallback(event, CL_COMPLETE, note, NULL));
    CHECK(clFlush(cl->queue));
    for (int i = 0; i < 4000 && !__atomic_load_n(&called, __ATOMIC_SEQ_CST); i++)
        sleep_ms(5);
    EXPECT(called == 1 + (unsigned char)(byte + 1));
    CHECK(clReleaseEvent(event));
    show("called back", host, SIZE);
    /* Through another queue. */
    run_bump(cl->queue, buffer, SIZE, &events[0]);
    CHECK(clFlush(cl->queue));
    CHECK(clEnqueueMarkerWithWaitList(other, 1, events, &events[1]));
    CHECK(clFinish(other));
    show("other queue", host, SIZE);
    CHECK(clReleaseEvent(events[0]));
    CHECK(clReleaseEvent(events[1]));
    /* What the device hasn't changed stays as the program has it. */
    host[SIZE - 1] = 1;
    run_bump(cl->queue, buffer, SIZE / 2, NULL);
    host[SIZE - 1] = 2;
    CHECK(clFinish(cl->queue));
    printf("last byte: %d, %u\n", host[SIZE - 1], sum_of(cl, buffer, SIZE));
    /* Written to after a launch that was refused. */
    const size_t global = 1024, four = 4, needed = 8;
    host[3] = 3;
    CHECK(clSetKernelArg(eight, 0, sizeof buffer, &buffer));
    cl_int refused = clEnqueueNDRangeKernel(cl->queue, eight, 1, NULL, &global, &four, 0, NULL, NULL);
    host[3] = 30;
    CHECK(clEnqueueNDRangeKernel(cl->queue, eight, 1, NULL, &global, &needed, 0, NULL, NULL));
    CHECK(clFinish(cl->queue));
    printf("%s, then %d\n", code_name(refused), host[3]);
    /* Sub-buffer, copy and fill. */
    cl_buffer_region region = {4096, 4096};
    cl_int code;
    cl_mem part = clCreateSubBuffer(buffer, 0, CL_BUFFER_CREATE_TYPE_REGION, &region, &code);
    CREATED(code);
    host[4100] = 77;
    run_bump(cl->queue, part, 4096, NULL);
    CHECK(clEnqueueFillBuffer(cl->queue, buffer, "\1\2", 2, 0, 200, 0, NULL, NULL));
    CHECK(clEnqueueCopyBuffer(cl->queue, part, buffer, 0, 10000, 1000, 0, NULL, NULL));
    CHECK(clFinish(cl->queue));
    show("parts", host, SIZE);
    CHECK(clReleaseMemObject(part));
    /* An image with a pitch. */
    cl_mem image = new_image(cl, 37, 30, 160, NULL, pixels);
    fill_random(pixels, sizeof pixels, 99);
    printf("image: %u", look_at(cl, image));
    pixels[5 * 160 + 7] ^= 1;
    printf(", %u", look_at(cl, image));
    run_paint(cl, image, 30, 20);
    CHECK(clFinish(cl->queue));
    printf(", %016llx\n", (unsigned long long)checksum(pixels, sizeof pixels));
    CHECK(clReleaseMemObject(image));
    CHECK(clReleaseMemObject(buffer));
    CHECK(clReleaseCommandQueue(other));
}

int main(int argc, char **argv)
{
    (void)argv;
    struct cl cl = start(0);
    cl_program program = build(&cl, source, "");
    bump = new_kernel(program, "bump");
    eight = new_kernel(program, "eight");
    sum = new_kernel(program, "sum");
    paint = new_kernel(program, "paint");
    look = new_kernel(program, "look");
    answer = new_buffer(&cl, 0, 64, NULL);
    if (argc > 1) {
        direct(&cl);
    } else {
        buffers(&cl);
        onto_itself(&cl);
        sub_buffers(&cl);
        without_waiting(&cl);
        read_only(&cl);
        images(&cl);
        image_over_buffer(&cl);
        before_first_use(&cl);
    }
    cl_kernel kernels[] = {bump, eight, sum, paint, look};
    for (int i = 0; i < 5; i++)
        CHECK(clReleaseKernel(kernels[i]));
    CHECK(clReleaseMemObject(answer));
    CHECK(clReleaseProgram(program));
    stop(&cl);
    return 0;
}
