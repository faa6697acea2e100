"""Python's multiprocessing with fork, before and after OpenCL was used. `after` also uses it in the children then."""

import multiprocessing
import sys

import numpy as np


def total(n):
    import pyopencl as cl

    context = cl.Context(cl.get_platforms()[0].get_devices())
    queue = cl.CommandQueue(context)
    host = np.arange(n, dtype=np.int64)
    flags = cl.mem_flags
    buffer = cl.Buffer(context, flags.READ_WRITE | flags.COPY_HOST_PTR, hostbuf=host)
    program = cl.Program(context, "kernel void square(global long *x) { x[get_global_id(0)] *= get_global_id(0); }")
    program.build().square(queue, host.shape, None, buffer)
    cl.enqueue_copy(queue, host, buffer)
    queue.finish()
    return int(host.sum())


def without_opencl(n):
    return int((np.arange(n, dtype=np.int64) ** 2).sum())


def main():
    sizes = [10, 100, 1000, 10000]
    fork = multiprocessing.get_context("fork")
    with fork.Pool(2) as pool:
        print("before:", pool.map(total, sizes))
    print("parent:", total(500))
    with fork.Pool(2) as pool:
        print("after:", pool.map(total if "after" in sys.argv else without_opencl, sizes))
    print("parent again:", total(600))


if __name__ == "__main__":
    main()
