/* Thread A is in clFinish behind a user event, and thread B, which uses the API meanwhile, sets it. */
#include "common.h"

static struct cl cl;
static cl_event gate;
static int finished;

static void *finish(void *queue)
{
    CHECK(clFinish(queue));
    __atomic_store_n(&finished, 1, __ATOMIC_SEQ_CST);
    return NULL;
}

int main(void)
{
    int value = 6, got = 0;
    cl = start(0);
    for (int round = 0; round < 20; round++) {
        pthread_t thread;
        cl_mem buffer = new_buffer(&cl, CL_MEM_COPY_HOST_PTR, sizeof value, &value);
        cl_command_queue other = new_queue(&cl, 0);
        gate = new_user_event(&cl);
        __atomic_store_n(&finished, 0, __ATOMIC_SEQ_CST);
        got = 0;
        CHECK(clEnqueueReadBuffer(cl.queue, buffer, CL_FALSE, 0, sizeof got, &got, 1, &gate, NULL));
        EXPECT(pthread_create(&thread, NULL, finish, cl.queue) == 0);
        sleep_ms(round < 10 ? 5 : 0);
        EXPECT(!glance(&finished) && glance(&got) == 0);
        /* This thread goes on as if nothing were. */
        int copy = 0;
        CHECK(clEnqueueReadBuffer(other, buffer, CL_TRUE, 0, sizeof copy, &copy, 0, NULL, NULL));
        EXPECT(copy == 6);
        cl_mem more = new_buffer(&cl, 0, 1 << 16, NULL);
        CHECK(clReleaseMemObject(more));
        EXPECT(!glance(&finished));
        CHECK(clSetUserEventStatus(gate, CL_COMPLETE));
        EXPECT(pthread_join(thread, NULL) == 0);
        EXPECT(finished && got == 6);
        CHECK(clReleaseEvent(gate));
        CHECK(clReleaseMemObject(buffer));
        CHECK(clReleaseCommandQueue(other));
    }
    printf("finished only when the event was set\n");
    stop(&cl);
    return 0;
}
