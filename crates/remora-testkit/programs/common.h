/*
 * What Remora's test programs share.
 *
 * Each program prints only what must be the same natively and through Remora: no addresses, no times, no process
 * numbers. It exits with 0 when everything was as it should be and with 1 (and a line on stderr) when it was not.
 */
#ifndef REMORA_TEST_COMMON_H
#define REMORA_TEST_COMMON_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#define CL_TARGET_OPENCL_VERSION 300
#define CL_USE_DEPRECATED_OPENCL_1_0_APIS
#define CL_USE_DEPRECATED_OPENCL_1_1_APIS
#define CL_USE_DEPRECATED_OPENCL_1_2_APIS
#define CL_USE_DEPRECATED_OPENCL_2_0_APIS
#define CL_USE_DEPRECATED_OPENCL_2_1_APIS
#define CL_USE_DEPRECATED_OPENCL_2_2_APIS
#include <CL/cl.h>

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* The name of an OpenCL error code or of an event status. */
static inline const char *code_name(cl_int code)
{
    static char other[32];
    switch (code) {
#define NAME(x) \
    case x:     \
        return #x;
        NAME(CL_SUCCESS)
        NAME(CL_DEVICE_NOT_FOUND)
        NAME(CL_DEVICE_NOT_AVAILABLE)
        NAME(CL_COMPILER_NOT_AVAILABLE)
        NAME(CL_MEM_OBJECT_ALLOCATION_FAILURE)
        NAME(CL_OUT_OF_RESOURCES)
        NAME(CL_OUT_OF_HOST_MEMORY)
        NAME(CL_PROFILING_INFO_NOT_AVAILABLE)
        NAME(CL_MEM_COPY_OVERLAP)
        NAME(CL_IMAGE_FORMAT_MISMATCH)
        NAME(CL_IMAGE_FORMAT_NOT_SUPPORTED)
        NAME(CL_BUILD_PROGRAM_FAILURE)
        NAME(CL_MAP_FAILURE)
        NAME(CL_MISALIGNED_SUB_BUFFER_OFFSET)
        NAME(CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST)
        NAME(CL_COMPILE_PROGRAM_FAILURE)
        NAME(CL_LINKER_NOT_AVAILABLE)
        NAME(CL_LINK_PROGRAM_FAILURE)
        NAME(CL_DEVICE_PARTITION_FAILED)
        NAME(CL_KERNEL_ARG_INFO_NOT_AVAILABLE)
        NAME(CL_INVALID_VALUE)
        NAME(CL_INVALID_DEVICE_TYPE)
        NAME(CL_INVALID_PLATFORM)
        NAME(CL_INVALID_DEVICE)
        NAME(CL_INVALID_CONTEXT)
        NAME(CL_INVALID_QUEUE_PROPERTIES)
        NAME(CL_INVALID_COMMAND_QUEUE)
        NAME(CL_INVALID_HOST_PTR)
        NAME(CL_INVALID_MEM_OBJECT)
        NAME(CL_INVALID_IMAGE_FORMAT_DESCRIPTOR)
        NAME(CL_INVALID_IMAGE_SIZE)
        NAME(CL_INVALID_SAMPLER)
        NAME(CL_INVALID_BINARY)
        NAME(CL_INVALID_BUILD_OPTIONS)
        NAME(CL_INVALID_PROGRAM)
        NAME(CL_INVALID_PROGRAM_EXECUTABLE)
        NAME(CL_INVALID_KERNEL_NAME)
        NAME(CL_INVALID_KERNEL_DEFINITION)
        NAME(CL_INVALID_KERNEL)
        NAME(CL_INVALID_ARG_INDEX)
        NAME(CL_INVALID_ARG_VALUE)
        NAME(CL_INVALID_ARG_SIZE)
        NAME(CL_INVALID_KERNEL_ARGS)
        NAME(CL_INVALID_WORK_DIMENSION)
        NAME(CL_INVALID_WORK_GROUP_SIZE)
        NAME(CL_INVALID_WORK_ITEM_SIZE)
        NAME(CL_INVALID_GLOBAL_OFFSET)
        NAME(CL_INVALID_EVENT_WAIT_LIST)
        NAME(CL_INVALID_EVENT)
        NAME(CL_INVALID_OPERATION)
        NAME(CL_INVALID_GL_OBJECT)
        NAME(CL_INVALID_BUFFER_SIZE)
        NAME(CL_INVALID_MIP_LEVEL)
        NAME(CL_INVALID_GLOBAL_WORK_SIZE)
        NAME(CL_INVALID_PROPERTY)
        NAME(CL_INVALID_IMAGE_DESCRIPTOR)
        NAME(CL_INVALID_COMPILER_OPTIONS)
        NAME(CL_INVALID_LINKER_OPTIONS)
        NAME(CL_INVALID_DEVICE_PARTITION_COUNT)
        NAME(CL_INVALID_PIPE_SIZE)
        NAME(CL_INVALID_DEVICE_QUEUE)
        NAME(CL_INVALID_SPEC_ID)
        NAME(CL_MAX_SIZE_RESTRICTION_EXCEEDED)
#undef NAME
    }
    snprintf(other, sizeof other, "code %d", (int)code);
    return other;
}

#define FAIL(...)                                       \
    do {                                                \
        fflush(stdout);                                 \
        fprintf(stderr, "%s:%d: ", __FILE__, __LINE__); \
        fprintf(stderr, __VA_ARGS__);                   \
        fputc('\n', stderr);                            \
        exit(1);                                        \
    } while (0)

/* A call that returns its code and must succeed. */
#define CHECK(call)                                           \
    do {                                                      \
        cl_int check_code = (call);                           \
        if (check_code != CL_SUCCESS)                         \
            FAIL("%s gives %s", #call, code_name(check_code)); \
    } while (0)

/* Something that must be so. */
#define EXPECT(condition)                          \
    do {                                           \
        if (!(condition))                          \
            FAIL("it should be that %s", #condition); \
    } while (0)

/* After a creating call that stores its code in `code`. */
#define CREATED(code) \
    do {              \
        if ((code) != CL_SUCCESS) \
            FAIL("creation gives %s", code_name(code)); \
    } while (0)

struct cl {
    cl_platform_id platform;
    cl_device_id device;
    cl_context context;
    cl_command_queue queue;
};

/* The first device of the first platform, a context for it and a queue with `properties`. */
static inline struct cl start(cl_command_queue_properties properties)
{
    struct cl cl;
    cl_int code;
    CHECK(clGetPlatformIDs(1, &cl.platform, NULL));
    CHECK(clGetDeviceIDs(cl.platform, CL_DEVICE_TYPE_ALL, 1, &cl.device, NULL));
    cl.context = clCreateContext(NULL, 1, &cl.device, NULL, NULL, &code);
    CREATED(code);
    cl.queue = clCreateCommandQueue(cl.context, cl.device, properties, &code);
    CREATED(code);
    return cl;
}

static inline void sleep_ms(long ms)
{
    struct timespec time = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&time, NULL);
}

/* PoCL's threads look at an event for a moment after it is complete: if its context goes meanwhile, they crash. */
static inline void stop(struct cl *cl)
{
    sleep_ms(5);
    CHECK(clReleaseCommandQueue(cl->queue));
    CHECK(clReleaseContext(cl->context));
}

static inline cl_command_queue new_queue(const struct cl *cl, cl_command_queue_properties properties)
{
    cl_int code;
    cl_command_queue queue = clCreateCommandQueue(cl->context, cl->device, properties, &code);
    CREATED(code);
    return queue;
}

static inline cl_mem new_buffer(const struct cl *cl, cl_mem_flags flags, size_t size, void *host)
{
    cl_int code;
    cl_mem buffer = clCreateBuffer(cl->context, flags, size, host, &code);
    CREATED(code);
    return buffer;
}

static inline cl_event new_user_event(const struct cl *cl)
{
    cl_int code;
    cl_event event = clCreateUserEvent(cl->context, &code);
    CREATED(code);
    return event;
}

/* Builds `source`, and prints the log if that fails. */
static inline cl_program build(const struct cl *cl, const char *source, const char *options)
{
    cl_int code;
    cl_program program = clCreateProgramWithSource(cl->context, 1, &source, NULL, &code);
    CREATED(code);
    code = clBuildProgram(program, 1, &cl->device, options, NULL, NULL);
    if (code != CL_SUCCESS) {
        char log[8192] = "";
        clGetProgramBuildInfo(program, cl->device, CL_PROGRAM_BUILD_LOG, sizeof log - 1, log, NULL);
        FAIL("the build gives %s:\n%s", code_name(code), log);
    }
    return program;
}

static inline cl_kernel new_kernel(cl_program program, const char *name)
{
    cl_int code;
    cl_kernel kernel = clCreateKernel(program, name, &code);
    CREATED(code);
    return kernel;
}

static inline cl_int event_status(cl_event event)
{
    cl_int status = 0;
    CHECK(clGetEventInfo(event, CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof status, &status, NULL));
    return status;
}

static inline const char *status_name(cl_int status)
{
    switch (status) {
    case CL_COMPLETE:
        return "CL_COMPLETE";
    case CL_RUNNING:
        return "CL_RUNNING";
    case CL_SUBMITTED:
        return "CL_SUBMITTED";
    case CL_QUEUED:
        return "CL_QUEUED";
    }
    return code_name(status);
}

/* FNV-1a, to print what is in a large memory. */
static inline uint64_t checksum(const void *memory, size_t size)
{
    const unsigned char *bytes = memory;
    uint64_t sum = 0xcbf29ce484222325u;
    for (size_t i = 0; i < size; i++)
        sum = (sum ^ bytes[i]) * 0x100000001b3u;
    return sum;
}

/* The same bytes on every machine for the same seed. */
static inline void fill_random(void *memory, size_t size, uint32_t seed)
{
    unsigned char *bytes = memory;
    uint32_t state = seed * 2654435761u + 1;
    for (size_t i = 0; i < size; i++) {
        state = state * 1664525u + 1013904223u;
        bytes[i] = (unsigned char)(state >> 24);
    }
}

/* Looks at memory that a command, or another thread, may be writing to. */
static __attribute__((noinline, unused, no_sanitize_thread)) int glance(const volatile int *place)
{
    return *place;
}

static inline double seconds(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

#endif
