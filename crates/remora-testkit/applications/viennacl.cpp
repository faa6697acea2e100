/*
 * ViennaCL: vectors, dense and sparse matrices, solvers with and without preconditioners, a Fourier transform. Solutions
 * are checked; all results go to stdout raw.
 */
#define VIENNACL_WITH_OPENCL
#define CL_TARGET_OPENCL_VERSION 300

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <vector>

#include <viennacl/compressed_matrix.hpp>
#include <viennacl/ell_matrix.hpp>
#include <viennacl/fft.hpp>
#include <viennacl/linalg/bicgstab.hpp>
#include <viennacl/linalg/cg.hpp>
#include <viennacl/linalg/direct_solve.hpp>
#include <viennacl/linalg/gmres.hpp>
#include <viennacl/linalg/inner_prod.hpp>
#include <viennacl/linalg/jacobi_precond.hpp>
#include <viennacl/linalg/lu.hpp>
#include <viennacl/linalg/norm_1.hpp>
#include <viennacl/linalg/norm_2.hpp>
#include <viennacl/linalg/norm_inf.hpp>
#include <viennacl/linalg/prod.hpp>
#include <viennacl/matrix.hpp>
#include <viennacl/vector.hpp>

using namespace viennacl;
typedef double number;
typedef std::vector<std::map<unsigned, number>> Sparse;

static std::vector<number> numbers(size_t count, unsigned seed)
{
    std::vector<number> all(count);
    for (size_t i = 0; i < count; i++)
        all[i] = number((unsigned(i) * 2654435761u + seed * 40503u) % 2000003) / 1000001.5 - 1;
    return all;
}

static void write(const std::vector<number> &all)
{
    if (fwrite(all.data(), sizeof(number), all.size(), stdout) != all.size())
        exit(1);
}

static void write(const viennacl::vector<number> &all)
{
    std::vector<number> here(all.size());
    copy(all, here);
    write(here);
}

/* That A * x is b. */
template <class Matrix>
static void check(const char *what, const Matrix &a, const viennacl::vector<number> &x, const viennacl::vector<number> &b)
{
    viennacl::vector<number> rest = linalg::prod(a, x);
    rest -= b;
    double error = linalg::norm_2(rest) / linalg::norm_2(b);
    if (!(error < 1e-6)) {
        fprintf(stderr, "%s: the error is %g\n", what, error);
        exit(1);
    }
    write(x);
}

static void vectors()
{
    std::vector<number> a = numbers(1000, 1), b = numbers(1000, 2);
    viennacl::vector<number> x(1000), y(1000);
    copy(a, x);
    copy(b, y);
    x = 2.5 * x - y / 3.0;
    x += linalg::element_prod(x, y);
    y = linalg::element_exp(x);
    write(x);
    write(y);
    std::vector<number> sums = {linalg::inner_prod(x, y), linalg::norm_1(x), linalg::norm_inf(y)};
    write(sums);
}

static void dense()
{
    const size_t size = 48;
    std::vector<std::vector<number>> rows(size);
    for (size_t i = 0; i < size; i++) {
        rows[i] = numbers(size, unsigned(10 + i));
        rows[i][i] += 20;
    }
    viennacl::matrix<number> a(size, size), c(size, size);
    viennacl::vector<number> x(size), b(size);
    copy(rows, a);
    copy(numbers(size, 3), b);
    c = linalg::prod(a, trans(a));
    viennacl::matrix<number> factors = c;
    linalg::lu_factorize(factors);
    x = b;
    linalg::lu_substitute(factors, x);
    check("LU", c, x, b);
}

/* The Laplace operator on a square grid. */
static Sparse grid(unsigned side, number slant)
{
    Sparse rows(side * side);
    for (unsigned i = 0; i < side * side; i++) {
        rows[i][i] = 4.2;
        if (i % side > 0)
            rows[i][i - 1] = -1 - slant;
        if (i % side < side - 1)
            rows[i][i + 1] = -1 + slant;
        if (i >= side)
            rows[i][i - side] = -1;
        if (i + side < side * side)
            rows[i][i + side] = -1;
    }
    return rows;
}

static void sparse()
{
    const unsigned side = 32;
    compressed_matrix<number> even(side * side, side * side), slanted(side * side, side * side);
    ell_matrix<number> other;
    copy(grid(side, 0), even);
    copy(grid(side, 0.3), slanted);
    copy(grid(side, 0.3), other);
    viennacl::vector<number> b(side * side);
    copy(numbers(side * side, 4), b);
    check("CG", even, viennacl::vector<number>(linalg::solve(even, b, linalg::cg_tag(1e-9, 300))), b);
    linalg::jacobi_precond<compressed_matrix<number>> jacobi(slanted, linalg::jacobi_tag());
    check("BiCGStab", slanted, viennacl::vector<number>(linalg::solve(slanted, b, linalg::bicgstab_tag(1e-9, 300), jacobi)), b);
    check("GMRES", other, viennacl::vector<number>(linalg::solve(other, b, linalg::gmres_tag(1e-9, 300, 30))), b);
}

static void spectrum()
{
    viennacl::vector<number> in(2 * 64), out(2 * 64);
    copy(numbers(2 * 64, 5), in);
    viennacl::fft(in, out);
    write(out);
    viennacl::ifft(out, in);
    write(in);
}

int main()
{
    vectors();
    dense();
    sparse();
    spectrum();
    return 0;
}
