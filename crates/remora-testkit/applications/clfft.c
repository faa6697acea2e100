/*
 * clFFT: forward transforms of several kinds, each checked by going back. The spectra go to stdout raw.
 */
#include "../programs/common.h"

#include <clFFT.h>
#include <math.h>
#include <stdbool.h>

struct kind {
    const char *name;
    clfftPrecision precision;
    clfftLayout input, output;
    size_t dimensions, lengths[3], batch;
    const char *before; /* What is done with each number that is read. */
};

#define COMPLEX CLFFT_COMPLEX_INTERLEAVED, CLFFT_COMPLEX_INTERLEAVED
#define REAL CLFFT_REAL, CLFFT_HERMITIAN_INTERLEAVED

static const struct kind small[] = {
    {"a power of two", CLFFT_SINGLE, COMPLEX, 1, {64, 1, 1}, 40, NULL},
    {"2 * 3 * 5 * 7", CLFFT_DOUBLE, COMPLEX, 1, {210, 1, 1}, 3, NULL},
    {"real", CLFFT_SINGLE, REAL, 2, {24, 16, 1}, 2, NULL},
    {"halved when read", CLFFT_SINGLE, COMPLEX, 1, {16, 1, 1}, 4,
     "float2 halve(__global void *input, uint at, __global void *user)\n"
     "{ return 0.5f * ((__global float2 *)input)[at] + ((__global float *)user)[0]; }\n"},
};

/* Those take the compiler half a minute. */
static const struct kind large[] = {
    {"a power of two", CLFFT_SINGLE, COMPLEX, 1, {1 << 20, 1, 1}, 2, NULL},
    {"2 * 3 * 5 * 7 * 11 * 13", CLFFT_DOUBLE, COMPLEX, 1, {30030, 1, 1}, 1, NULL},
    {"real", CLFFT_SINGLE, REAL, 2, {192, 100, 1}, 2, NULL},
    {"a cube", CLFFT_SINGLE, COMPLEX, 3, {64, 48, 40}, 1, NULL},
};

static clfftPlanHandle plan(struct cl *cl, const struct kind *kind, clfftDirection direction, cl_mem *user)
{
    clfftPlanHandle plan;
    bool forward = direction == CLFFT_FORWARD;
    CHECK(clfftCreateDefaultPlan(&plan, cl->context, (clfftDim)kind->dimensions, kind->lengths));
    CHECK(clfftSetPlanPrecision(plan, kind->precision));
    CHECK(clfftSetResultLocation(plan, CLFFT_OUTOFPLACE));
    CHECK(clfftSetLayout(plan, forward ? kind->input : kind->output, forward ? kind->output : kind->input));
    CHECK(clfftSetPlanBatchSize(plan, kind->batch));
    /* One number after the other, and a spectrum of real numbers has only half of each row and the middle. */
    size_t rows = kind->lengths[1] * kind->lengths[2], row = kind->lengths[0];
    size_t half = kind->input == CLFFT_REAL ? row / 2 + 1 : row;
    size_t in[3] = {1, row, row * kind->lengths[1]}, out[3] = {1, half, half * kind->lengths[1]};
    CHECK(clfftSetPlanInStride(plan, (clfftDim)kind->dimensions, forward ? in : out));
    CHECK(clfftSetPlanOutStride(plan, (clfftDim)kind->dimensions, forward ? out : in));
    CHECK(clfftSetPlanDistance(plan, (forward ? row : half) * rows, (forward ? half : row) * rows));
    if (kind->before && forward)
        CHECK(clfftSetPlanCallback(plan, "halve", kind->before, 0, PRECALLBACK, user, 1));
    CHECK(clfftBakePlan(plan, 1, &cl->queue, NULL, NULL));
    return plan;
}

static void transform(struct cl *cl, clfftPlanHandle plan, clfftDirection direction, cl_mem *from, cl_mem *to)
{
    size_t size;
    CHECK(clfftGetTmpBufSize(plan, &size));
    cl_mem scratch = size ? new_buffer(cl, 0, size, NULL) : NULL;
    CHECK(clfftEnqueueTransform(plan, direction, 1, &cl->queue, 0, NULL, NULL, from, to, scratch));
    if (scratch)
        CHECK(clReleaseMemObject(scratch));
}

static double number(const struct kind *kind, const void *numbers, size_t at)
{
    return kind->precision == CLFFT_DOUBLE ? ((const double *)numbers)[at] : ((const float *)numbers)[at];
}

static void there_and_back(struct cl *cl, const struct kind *kind)
{
    size_t width = kind->precision == CLFFT_DOUBLE ? sizeof(double) : sizeof(float);
    size_t rows = kind->lengths[1] * kind->lengths[2] * kind->batch, row = kind->lengths[0];
    bool real = kind->input == CLFFT_REAL;
    size_t count = rows * row * (real ? 1 : 2), size = count * width;
    size_t spectrum_size = rows * (real ? row / 2 + 1 : row) * 2 * width;

    void *before = malloc(size), *after = malloc(size), *spectrum = malloc(spectrum_size);
    EXPECT(before && after && spectrum);
    for (size_t i = 0; i < count; i++) {
        double value = (double)(i * 2654435761u % 1000003) / 1000003 - 0.5;
        if (kind->precision == CLFFT_DOUBLE)
            ((double *)before)[i] = value;
        else
            ((float *)before)[i] = (float)value;
    }
    float added = 0.25f;
    cl_mem user = new_buffer(cl, CL_MEM_COPY_HOST_PTR, sizeof added, &added);
    cl_mem there = new_buffer(cl, 0, spectrum_size, NULL), back = new_buffer(cl, CL_MEM_COPY_HOST_PTR, size, before);

    clfftPlanHandle forward = plan(cl, kind, CLFFT_FORWARD, &user);
    clfftPlanHandle backward = plan(cl, kind, CLFFT_BACKWARD, NULL);
    transform(cl, forward, CLFFT_FORWARD, &back, &there);
    CHECK(clEnqueueReadBuffer(cl->queue, there, CL_TRUE, 0, spectrum_size, spectrum, 0, NULL, NULL));
    transform(cl, backward, CLFFT_BACKWARD, &there, &back);
    CHECK(clEnqueueReadBuffer(cl->queue, back, CL_TRUE, 0, size, after, 0, NULL, NULL));
    for (size_t i = 0; i < count; i++) {
        double expected = number(kind, before, i);
        if (kind->before)
            expected = expected / 2 + added;
        if (!(fabs(number(kind, after, i) - expected) < 1e-5))
            FAIL("%s: number %zu was %g and is %g", kind->name, i, expected, number(kind, after, i));
    }
    EXPECT(fwrite(spectrum, spectrum_size, 1, stdout) == 1);

    CHECK(clfftDestroyPlan(&forward));
    CHECK(clfftDestroyPlan(&backward));
    CHECK(clReleaseMemObject(there));
    CHECK(clReleaseMemObject(back));
    CHECK(clReleaseMemObject(user));
    free(before);
    free(after);
    free(spectrum);
}

int main(int argc, char **argv)
{
    bool is_large = argc > 1 && strcmp(argv[1], "large") == 0;
    struct cl cl = start(0);
    clfftSetupData setup;
    CHECK(clfftInitSetupData(&setup));
    CHECK(clfftSetup(&setup));
    size_t count = is_large ? sizeof large / sizeof *large : sizeof small / sizeof *small;
    for (size_t i = 0; i < count; i++)
        there_and_back(&cl, is_large ? &large[i] : &small[i]);
    CHECK(clfftTeardown());
    stop(&cl);
    return 0;
}
