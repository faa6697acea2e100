/*
 * CLBlast through its C interface: routines of each level, the products checked against sums on the host. What they
 * compute goes to stdout raw.
 */
#include "../programs/common.h"

#include <clblast_c.h>
#include <math.h>

enum { M = 70, N = 50, K = 33 };

static struct cl cl;

/* Numbers between -1 and 1, the same each time. */
static void numbers(float *to, size_t count, uint32_t seed)
{
    for (size_t i = 0; i < count; i++)
        to[i] = (float)(((uint32_t)i * 2654435761u + seed * 40503u) % 2000003) / 1000001.5f - 1;
}

static cl_mem filled(size_t count, uint32_t seed)
{
    float *memory = malloc(count * sizeof *memory);
    EXPECT(memory);
    numbers(memory, count, seed);
    cl_mem buffer = new_buffer(&cl, CL_MEM_COPY_HOST_PTR, count * sizeof *memory, memory);
    free(memory);
    return buffer;
}

static void read_back(cl_mem buffer, size_t size, void *to)
{
    CHECK(clEnqueueReadBuffer(cl.queue, buffer, CL_TRUE, 0, size, to, 0, NULL, NULL));
}

/* Writes a buffer to stdout and lets it go. */
static void result(cl_mem buffer, size_t size)
{
    void *memory = malloc(size);
    EXPECT(memory);
    read_back(buffer, size, memory);
    EXPECT(fwrite(memory, size, 1, stdout) == 1);
    free(memory);
    CHECK(clReleaseMemObject(buffer));
}

static void vectors(void)
{
    cl_mem x = filled(1000, 1), y = filled(1000, 2), answer = new_buffer(&cl, 0, 16, NULL);
    uint32_t zeros[4] = {0};
    CHECK(clEnqueueWriteBuffer(cl.queue, answer, CL_TRUE, 0, sizeof zeros, zeros, 0, NULL, NULL));
    CHECK(CLBlastSaxpy(997, 1.5f, x, 1, 1, y, 2, 1, &cl.queue, NULL));
    CHECK(CLBlastSdot(1000, answer, 0, x, 0, 1, y, 0, 1, &cl.queue, NULL));
    CHECK(CLBlastSnrm2(500, answer, 1, y, 0, 2, &cl.queue, NULL));
    CHECK(CLBlastiSamax(1000, answer, 2, y, 0, 1, &cl.queue, NULL));
    /* What it refuses comes before any call of OpenCL's that could fail. */
    EXPECT(CLBlastSaxpy(2000, 1, x, 0, 1, y, 0, 1, &cl.queue, NULL) == CLBlastInsufficientMemoryX);
    float found[4];
    read_back(answer, sizeof found, found);
    float a[1000], b[1000];
    read_back(x, sizeof a, a);
    read_back(y, sizeof b, b);
    double sum = 0;
    for (int i = 0; i < 1000; i++)
        sum += (double)a[i] * b[i];
    if (!(fabs(sum - found[0]) < 1e-3))
        FAIL("the dot product is %g, not %g", found[0], sum);
    result(answer, 16);
    result(x, sizeof a);
    result(y, sizeof b);
}

/* There is a kernel for small ones, and another. */
static void matrices(size_t scale)
{
    size_t m = M * scale, n = N * scale, k = K * scale;
    cl_mem a = filled(m * k, 3), b = filled(k * n, 4), c = filled(m * n, 5);
    cl_event event;
    CHECK(CLBlastSgemm(CLBlastLayoutRowMajor, CLBlastTransposeNo, CLBlastTransposeYes, m, n, k, 0.75f, a, 0, k, b, 0, k,
                       0.5f, c, 0, n, &cl.queue, &event));
    CHECK(clWaitForEvents(1, &event));
    CHECK(clReleaseEvent(event));
    float *x = malloc(m * k * sizeof *x), *y = malloc(k * n * sizeof *y), *z = malloc(m * n * sizeof *z);
    EXPECT(x && y && z);
    numbers(z, m * n, 5);
    float *product = malloc(m * n * sizeof *product);
    EXPECT(product);
    read_back(a, m * k * sizeof *x, x);
    read_back(b, k * n * sizeof *y, y);
    read_back(c, m * n * sizeof *z, product);
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++) {
            double sum = 0;
            for (size_t l = 0; l < k; l++)
                sum += (double)x[i * k + l] * y[j * k + l];
            sum = 0.75 * sum + 0.5 * z[i * n + j];
            if (!(fabs(sum - product[i * n + j]) < 1e-3))
                FAIL("row %zu, column %zu of the product is %g, not %g", i, j, product[i * n + j], sum);
        }
    free(x);
    free(y);
    free(z);
    free(product);
    /* A triangular system with a strong diagonal, and a product with a vector. */
    cl_mem v = filled(m, 6), w = filled(n, 7);
    CHECK(CLBlastSgemv(CLBlastLayoutRowMajor, CLBlastTransposeYes, m, n, 1, c, 0, n, v, 0, 1, 2, w, 0, 1, &cl.queue, NULL));
    CHECK(CLBlastStrsv(CLBlastLayoutRowMajor, CLBlastTriangleLower, CLBlastTransposeNo, CLBlastDiagonalUnit, k, b, 0, k,
                       v, 0, 1, &cl.queue, NULL));
    result(v, m * sizeof(float));
    result(w, n * sizeof(float));
    result(c, m * n * sizeof(float));
    CHECK(clReleaseMemObject(a));
    CHECK(clReleaseMemObject(b));
}

int main(void)
{
    cl = start(0);
    vectors();
    matrices(1);
    matrices(8);
    CHECK(CLBlastClearCache());
    stop(&cl);
    return 0;
}
