/*
 * Signals and stack of threads that aren't the program's: its callbacks and native kernels run there, and its memory is
 * written there.
 */
#include "common.h"

#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int called;

static void call(void)
{
    pthread_mutex_lock(&lock);
    called = 1;
    pthread_cond_signal(&changed);
    pthread_mutex_unlock(&lock);
}

static void wait_for_call(void)
{
    pthread_mutex_lock(&lock);
    while (!called)
        pthread_cond_wait(&changed, &lock);
    called = 0;
    pthread_mutex_unlock(&lock);
}

static volatile sig_atomic_t raised, faults;
static sigjmp_buf back;
static int *page;

static void on_user(int number)
{
    (void)number;
    raised++;
}

static void on_fault(int number, siginfo_t *info, void *context)
{
    (void)number;
    (void)context;
    faults++;
    if (info->si_addr == page)
        mprotect(page, 4096, PROT_READ | PROT_WRITE);
    else
        siglongjmp(back, 1);
}

static void raises(void)
{
    raise(SIGUSR2);
    raise(SIGURG);
}

static void faulting(void)
{
    if (sigsetjmp(back, 1) == 0)
        *(volatile int *)8 = 1;
}

/* Half of what a thread has, unless the machine is set up in an unusual way. */
static __attribute__((noinline)) void deep(void)
{
    volatile char large[4 << 20];
    for (size_t i = 0; i < sizeof large; i += 1024)
        large[i] = 1;
}

static void CL_CALLBACK on_event(cl_event event, cl_int status, void *data)
{
    (void)event;
    (void)status;
    (*(void (**)(void))data)();
    call();
}

static void CL_CALLBACK on_turn(void *data)
{
    (*(void (**)(void))data)();
}

static void in_callback(const struct cl *cl, void (*work)(void))
{
    cl_event gate = new_user_event(cl), event;
    CHECK(clEnqueueMarkerWithWaitList(cl->queue, 1, &gate, &event));
    CHECK(clSetEventCallback(event, CL_COMPLETE, on_event, &work));
    CHECK(clFlush(cl->queue));
    CHECK(clSetUserEventStatus(gate, CL_COMPLETE));
    wait_for_call();
    CHECK(clFinish(cl->queue));
    CHECK(clReleaseEvent(event));
    CHECK(clReleaseEvent(gate));
}

static void in_native_kernel(const struct cl *cl, void (*work)(void))
{
    cl_device_exec_capabilities can;
    CHECK(clGetDeviceInfo(cl->device, CL_DEVICE_EXECUTION_CAPABILITIES, sizeof can, &can, NULL));
    if (!(can & CL_EXEC_NATIVE_KERNEL))
        return work();
    CHECK(clEnqueueNativeKernel(cl->queue, on_turn, &work, sizeof work, 0, NULL, NULL, 0, NULL, NULL));
    CHECK(clFinish(cl->queue));
}

/* The destination can't be written to until the handler has seen to it. */
static void guarded_destination(const struct cl *cl, int blocking)
{
    int numbers[4] = {1, 2, 3, 4};
    cl_mem buffer = new_buffer(cl, CL_MEM_COPY_HOST_PTR, sizeof numbers, numbers);
    memset(page, 0, 4096);
    EXPECT(mprotect(page, 4096, PROT_READ) == 0);
    faults = 0;
    CHECK(clEnqueueReadBuffer(cl->queue, buffer, blocking, 0, sizeof numbers, page, 0, NULL, NULL));
    CHECK(clFinish(cl->queue));
    printf("read into a guarded page: %d, %s\n", page[3], faults ? "faulted" : "no fault");
    CHECK(clReleaseMemObject(buffer));
}

int main(void)
{
    page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    EXPECT(page != MAP_FAILED);
    /* What the program blocks when it starts the driver, the driver's threads block. */
    sigset_t blocked;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGURG);
    EXPECT(pthread_sigmask(SIG_BLOCK, &blocked, NULL) == 0);

    struct cl cl = start(0);
    /* Drivers have handlers, too. */
    struct sigaction on_segv = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO}, on_usr = {.sa_handler = on_user};
    EXPECT(sigaction(SIGSEGV, &on_segv, NULL) == 0);
    EXPECT(sigaction(SIGUSR2, &on_usr, NULL) == 0);
    EXPECT(sigaction(SIGURG, &on_usr, NULL) == 0);
    void (*works[])(void) = {raises, faulting, deep};
    for (int i = 0; i < 3; i++) {
        raised = faults = 0;
        in_callback(&cl, works[i]);
        printf("work %d: %d raised, %d faults in a callback, ", i, (int)raised, (int)faults);
        in_native_kernel(&cl, works[i]);
        printf("%d and %d with a native kernel\n", (int)raised, (int)faults);
    }
    guarded_destination(&cl, CL_TRUE);
    guarded_destination(&cl, CL_FALSE);
    stop(&cl);
    return 0;
}
