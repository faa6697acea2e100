/*
 * Callbacks: of events in every state, of builds, of memory objects and contexts at their end. With "waiting", one that
 * waits for another: Intel's driver has one thread for them. With "states", those of user events in every state: PoCL doesn't
 * call them all.
 */
#include "common.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int calls;

static void count_call(void)
{
    pthread_mutex_lock(&lock);
    calls++;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

/* Waits until there have been `wanted` calls, and starts counting anew. */
static void wait_for_calls(int wanted)
{
    struct timespec limit;
    clock_gettime(CLOCK_REALTIME, &limit);
    limit.tv_sec += 30;
    pthread_mutex_lock(&lock);
    while (calls < wanted)
        if (pthread_cond_timedwait(&changed, &lock, &limit) != 0)
            FAIL("only %d calls of %d came", calls, wanted);
    EXPECT(calls == wanted);
    calls = 0;
    pthread_mutex_unlock(&lock);
}

struct record {
    cl_event event;
    cl_int wanted, status;
    int calls, order;
};

static int next_order;

static void CL_CALLBACK on_event(cl_event event, cl_int status, void *data)
{
    struct record *record = data;
    pthread_mutex_lock(&lock);
    record->status = status;
    record->calls++;
    record->order = next_order++;
    EXPECT(record->event == event);
    pthread_mutex_unlock(&lock);
    count_call();
}

static void of_events(const struct cl *cl)
{
    static const cl_int states[] = {CL_SUBMITTED, CL_RUNNING, CL_COMPLETE};
    struct record records[4];
    cl_event gate = new_user_event(cl), event;
    char bytes[16] = "fifteen letters", got[16];
    cl_mem buffer = new_buffer(cl, CL_MEM_COPY_HOST_PTR, sizeof bytes, bytes);
    CHECK(clEnqueueReadBuffer(cl->queue, buffer, CL_FALSE, 0, sizeof got, got, 1, &gate, &event));
    for (int i = 0; i < 3; i++) {
        records[i] = (struct record){event, states[i], 99, 0, 0};
        CHECK(clSetEventCallback(event, states[i], on_event, &records[i]));
    }
    CHECK(clFlush(cl->queue));
    CHECK(clSetUserEventStatus(gate, CL_COMPLETE));
    wait_for_calls(3);
    for (int i = 0; i < 3; i++)
        printf("callback for %s: %d call, %s\n", status_name(states[i]), records[i].calls,
               records[i].status <= records[i].wanted && records[i].status >= 0 ? "a state as late or later" : "failed");
    /* Registered after completion: called all the same. */
    records[3] = (struct record){event, CL_COMPLETE, 99, 0, 0};
    CHECK(clWaitForEvents(1, &event));
    CHECK(clSetEventCallback(event, CL_COMPLETE, on_event, &records[3]));
    wait_for_calls(1);
    printf("registered late: %s, %s\n", status_name(records[3].status), got);
    CHECK(clReleaseEvent(event));
    CHECK(clReleaseEvent(gate));
    CHECK(clReleaseMemObject(buffer));
}

static pthread_t caller;

static void CL_CALLBACK within(cl_event event, cl_int status, void *data)
{
    (void)event;
    printf(" %d:%d%s", *(const int *)data, (int)status, pthread_equal(pthread_self(), caller) ? "" : " elsewhere");
}

/* These run within the call: the one that completes the event, or the one that comes too late. */
static void within_calls(const struct cl *cl)
{
    static const int numbers[] = {0, 1, 2, 3};
    cl_event user = new_user_event(cl), marker;
    caller = pthread_self();
    printf("called at once:");
    CHECK(clSetEventCallback(user, CL_SUBMITTED, within, (void *)&numbers[0]));
    printf(", by the status:");
    CHECK(clSetEventCallback(user, CL_COMPLETE, within, (void *)&numbers[1]));
    CHECK(clSetEventCallback(user, CL_COMPLETE, within, (void *)&numbers[2]));
    CHECK(clSetUserEventStatus(user, CL_COMPLETE));
    printf(", late:");
    CHECK(clSetEventCallback(user, CL_COMPLETE, within, (void *)&numbers[3]));
    CHECK(clEnqueueMarkerWithWaitList(cl->queue, 0, NULL, &marker));
    CHECK(clWaitForEvents(1, &marker));
    printf(", of a command:");
    CHECK(clSetEventCallback(marker, CL_RUNNING, within, (void *)&numbers[0]));
    printf("\n");
    CHECK(clReleaseEvent(marker));
    CHECK(clReleaseEvent(user));
}

/* What is called when, and what it is told. */
static void states_of_user_events(const struct cl *cl)
{
    static const cl_int states[] = {CL_COMPLETE, CL_RUNNING, CL_SUBMITTED};
    static const cl_int outcomes[] = {CL_COMPLETE, -7};
    caller = pthread_self();
    for (int i = 0; i < 2; i++) {
        cl_event user = new_user_event(cl);
        printf("user event that gets %d, before:", (int)outcomes[i]);
        for (int n = 0; n < 6; n++)
            CHECK(clSetEventCallback(user, states[n % 3], within, (void *)&states[n % 3]));
        printf(", then:");
        CHECK(clSetUserEventStatus(user, outcomes[i]));
        printf(", late:");
        for (int n = 0; n < 3; n++)
            CHECK(clSetEventCallback(user, states[n], within, (void *)&states[n]));
        printf("\n");
        CHECK(clReleaseEvent(user));
    }
}

static int opened;

static void CL_CALLBACK opens(cl_event event, cl_int status, void *data)
{
    (void)event;
    (void)status;
    (void)data;
    pthread_mutex_lock(&lock);
    opened++;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static void CL_CALLBACK waits(cl_event event, cl_int status, void *data)
{
    struct timespec limit;
    (void)event;
    (void)status;
    clock_gettime(CLOCK_REALTIME, &limit);
    limit.tv_sec += 20;
    pthread_mutex_lock(&lock);
    *(int *)data = 1;
    pthread_cond_broadcast(&changed);
    while (!opened && pthread_cond_timedwait(&changed, &lock, &limit) == 0) {
    }
    *(int *)data = 2 + opened;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static void wait_for(const int *place, int value)
{
    pthread_mutex_lock(&lock);
    while (*place < value)
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
}

/* A callback that waits for one of another queue. */
static void one_waits_for_another(const struct cl *cl)
{
    int state = 0;
    cl_command_queue other = new_queue(cl, 0);
    cl_event gates[] = {new_user_event(cl), new_user_event(cl)}, first, second;
    CHECK(clEnqueueMarkerWithWaitList(cl->queue, 1, &gates[0], &first));
    CHECK(clEnqueueMarkerWithWaitList(other, 1, &gates[1], &second));
    CHECK(clSetEventCallback(first, CL_COMPLETE, waits, &state));
    CHECK(clSetEventCallback(second, CL_COMPLETE, opens, NULL));
    CHECK(clFlush(cl->queue));
    CHECK(clFlush(other));
    CHECK(clSetUserEventStatus(gates[0], CL_COMPLETE));
    wait_for(&state, 1);
    CHECK(clSetUserEventStatus(gates[1], CL_COMPLETE));
    wait_for(&state, 2);
    printf("a callback waited for another: %s\n", state == 3 ? "it came" : "in vain");
    CHECK(clFinish(cl->queue));
    CHECK(clFinish(other));
    wait_for(&opened, 1);
    CHECK(clReleaseEvent(first));
    CHECK(clReleaseEvent(second));
    CHECK(clReleaseEvent(gates[0]));
    CHECK(clReleaseEvent(gates[1]));
    sleep_ms(5);
    CHECK(clReleaseCommandQueue(other));
}

static void of_user_events(const struct cl *cl)
{
    struct record good = {new_user_event(cl), CL_COMPLETE, 99, 0, 0};
    CHECK(clSetEventCallback(good.event, CL_COMPLETE, on_event, &good));
    CHECK(clSetUserEventStatus(good.event, CL_COMPLETE));
    wait_for_calls(1);
    printf("user event: %s\n", status_name(good.status));
    CHECK(clReleaseEvent(good.event));
}

/* A callback may use the API, and sees what the command did. */
struct work {
    const struct cl *cl;
    cl_event gate;
    int value, seen;
};

static void CL_CALLBACK open_gate(cl_event event, cl_int status, void *data)
{
    struct work *work = data;
    (void)event;
    work->seen = status == CL_COMPLETE ? work->value : -1;
    CHECK(clSetUserEventStatus(work->gate, CL_COMPLETE));
    count_call();
}

static void use_the_api(const struct cl *cl)
{
    int thirteen = 13, later = 0;
    struct work work = {cl, new_user_event(cl), 0, 0};
    cl_mem buffer = new_buffer(cl, CL_MEM_COPY_HOST_PTR, sizeof thirteen, &thirteen);
    cl_command_queue other = new_queue(cl, 0);
    cl_event read;
    CHECK(clEnqueueReadBuffer(other, buffer, CL_FALSE, 0, sizeof later, &later, 1, &work.gate, NULL));
    CHECK(clEnqueueReadBuffer(cl->queue, buffer, CL_FALSE, 0, sizeof work.value, &work.value, 0, NULL, &read));
    CHECK(clSetEventCallback(read, CL_COMPLETE, open_gate, &work));
    CHECK(clFlush(cl->queue));
    CHECK(clFinish(other));
    wait_for_calls(1);
    printf("the callback saw %d and let go of %d\n", work.seen, later);
    CHECK(clReleaseEvent(read));
    CHECK(clReleaseEvent(work.gate));
    CHECK(clReleaseMemObject(buffer));
    CHECK(clReleaseCommandQueue(other));
}

static void CL_CALLBACK waits_at_the_end(cl_mem mem, void *data)
{
    (void)mem;
    waits(NULL, CL_COMPLETE, data);
}

static void CL_CALLBACK built_meanwhile(cl_program program, void *data)
{
    (void)program;
    opens(NULL, CL_COMPLETE, data);
}

static void *release_it(void *mem)
{
    CHECK(clReleaseMemObject(mem));
    return NULL;
}

/* That of a memory object's end waits for that of a build. */
static void an_end_waits_for_a_build(const struct cl *cl)
{
    const char *source = "kernel void k(global int *x) { *x = 1; }";
    int state = 0, size = 4096;
    cl_int code;
    pthread_t thread;
    cl_mem buffer = new_buffer(cl, CL_MEM_READ_WRITE, size, NULL);
    cl_program program = clCreateProgramWithSource(cl->context, 1, &source, NULL, &code);
    CHECK(code);
    opened = 0;
    CHECK(clSetMemObjectDestructorCallback(buffer, waits_at_the_end, &state));
    EXPECT(pthread_create(&thread, NULL, release_it, buffer) == 0);
    wait_for(&state, 1);
    CHECK(clBuildProgram(program, 1, &cl->device, "", built_meanwhile, NULL));
    wait_for(&state, 2);
    printf("an end waited for a build: %s\n", state == 3 ? "it came" : "in vain");
    EXPECT(pthread_join(thread, NULL) == 0);
    wait_for(&opened, 1);
    CHECK(clReleaseProgram(program));
}

static char trace[16];
static size_t traced;

static void CL_CALLBACK on_destroy(cl_mem mem, void *data)
{
    (void)mem;
    pthread_mutex_lock(&lock);
    trace[traced++] = *(const char *)data;
    pthread_mutex_unlock(&lock);
    count_call();
}

static void of_memory(const struct cl *cl)
{
    char *host = malloc(4096);
    cl_mem buffer = new_buffer(cl, CL_MEM_USE_HOST_PTR, 4096, host);
    CHECK(clSetMemObjectDestructorCallback(buffer, on_destroy, "a"));
    CHECK(clSetMemObjectDestructorCallback(buffer, on_destroy, "b"));
    CHECK(clSetMemObjectDestructorCallback(buffer, on_destroy, "c"));
    CHECK(clRetainMemObject(buffer));
    CHECK(clReleaseMemObject(buffer));
    sleep_ms(20);
    pthread_mutex_lock(&lock);
    EXPECT(calls == 0);
    pthread_mutex_unlock(&lock);
    CHECK(clReleaseMemObject(buffer));
    wait_for_calls(3);
    free(host);
    printf("destructors: %s\n", trace);

    /* A sub-buffer keeps its parent. */
    cl_int code;
    memset(trace, 0, sizeof trace);
    traced = 0;
    cl_mem parent = new_buffer(cl, 0, 8192, NULL);
    cl_buffer_region region = {4096, 4096};
    cl_mem sub = clCreateSubBuffer(parent, 0, CL_BUFFER_CREATE_TYPE_REGION, &region, &code);
    CREATED(code);
    CHECK(clSetMemObjectDestructorCallback(parent, on_destroy, "p"));
    CHECK(clSetMemObjectDestructorCallback(sub, on_destroy, "s"));
    CHECK(clReleaseMemObject(parent));
    sleep_ms(20);
    EXPECT(traced == 0);
    CHECK(clReleaseMemObject(sub));
    wait_for_calls(2);
    printf("sub-buffer and parent: %s\n", trace);
}

struct built {
    cl_program program;
    int matches;
};

static void CL_CALLBACK on_build(cl_program program, void *data)
{
    struct built *built = data;
    /* clLinkProgram may call back before it returns the program. */
    cl_program own = __atomic_load_n(&built->program, __ATOMIC_SEQ_CST);
    built->matches = own == NULL || own == program;
    count_call();
}

static void of_builds(const struct cl *cl)
{
    const char *source = "kernel void f(global int *x) { *x = 1; }", *bad = "kernel nonsense";
    cl_int code;
    cl_build_status status;
    struct built built = {0};
    built.program = clCreateProgramWithSource(cl->context, 1, &source, NULL, &code);
    CREATED(code);
    CHECK(clBuildProgram(built.program, 1, &cl->device, "", on_build, &built));
    wait_for_calls(1);
    CHECK(clGetProgramBuildInfo(built.program, cl->device, CL_PROGRAM_BUILD_STATUS, sizeof status, &status, NULL));
    printf("build: %s, status %d\n", built.matches ? "called" : "called for another", status);
    CHECK(clReleaseProgram(built.program));

    built.program = clCreateProgramWithSource(cl->context, 1, &bad, NULL, &code);
    CREATED(code);
    clBuildProgram(built.program, 1, &cl->device, "", on_build, &built);
    wait_for_calls(1);
    CHECK(clGetProgramBuildInfo(built.program, cl->device, CL_PROGRAM_BUILD_STATUS, sizeof status, &status, NULL));
    printf("bad build: status %d\n", status);
    CHECK(clReleaseProgram(built.program));

    built.program = clCreateProgramWithSource(cl->context, 1, &source, NULL, &code);
    CREATED(code);
    CHECK(clCompileProgram(built.program, 1, &cl->device, "", 0, NULL, NULL, on_build, &built));
    wait_for_calls(1);
    struct built linked = {0};
    cl_program own = clLinkProgram(cl->context, 1, &cl->device, "", 1, &built.program, on_build, &linked, &code);
    __atomic_store_n(&linked.program, own, __ATOMIC_SEQ_CST);
    CREATED(code);
    wait_for_calls(1);
    printf("compile and link: called\n");
    CHECK(clReleaseProgram(linked.program));
    CHECK(clReleaseProgram(built.program));
}

static void CL_CALLBACK on_context_end(cl_context context, void *data)
{
    (void)context;
    pthread_mutex_lock(&lock);
    trace[traced++] = *(const char *)data;
    pthread_mutex_unlock(&lock);
    count_call();
}

static void of_contexts(const struct cl *cl)
{
    cl_int code;
    memset(trace, 0, sizeof trace);
    traced = 0;
    cl_context context = clCreateContext(NULL, 1, &cl->device, NULL, NULL, &code);
    CREATED(code);
    CHECK(clSetContextDestructorCallback(context, on_context_end, "1"));
    CHECK(clSetContextDestructorCallback(context, on_context_end, "2"));
    cl_mem buffer = clCreateBuffer(context, 0, 64, NULL, &code);
    CREATED(code);
    CHECK(clReleaseContext(context));
    sleep_ms(20);
    EXPECT(traced == 0);
    CHECK(clReleaseMemObject(buffer));
    wait_for_calls(2);
    printf("context: %s\n", trace);
}

int main(int argc, char **argv)
{
    struct cl cl = start(0);
    if (argc > 1) {
        if (argv[1][0] == 's') {
            states_of_user_events(&cl);
        } else {
            one_waits_for_another(&cl);
            an_end_waits_for_a_build(&cl);
        }
        stop(&cl);
        return 0;
    }
    of_events(&cl);
    of_user_events(&cl);
    within_calls(&cl);
    use_the_api(&cl);
    of_memory(&cl);
    of_builds(&cl);
    of_contexts(&cl);
    stop(&cl);
    return 0;
}
