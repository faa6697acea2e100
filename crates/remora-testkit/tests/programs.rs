//! Every C program of this crate, natively and through Remora on each link: the output must be the same. Those that show what
//! depends on the driver are run on Intel's as well, where there is one.

use std::time::Duration;

use remora_testkit::compare::{assert_same, assert_same_but_for};
use remora_testkit::processes::{self, Sampler, assert_all_gone};
use remora_testkit::{Broker, Driver, Link, Program, Run, places};

/// Natively and on one link.
fn same(name: &str, driver: Driver, link: Link) {
    let run = Program::compile(name).run(&[]).on(driver);
    let native = run.native();
    let remoted = run.remoted(link);
    assert_same(&native, &remoted);
    assert_all_gone(&remoted.mark);
}

macro_rules! programs {
    ($driver:ident: $($name:ident)*) => {
        $(mod $name {
            use super::*;

            #[test]
            fn memfd() {
                same(stringify!($name), Driver::$driver, Link::Memfd);
            }

            #[test]
            fn stream() {
                same(stringify!($name), Driver::$driver, Link::Stream);
            }
        })*
    };
}

programs! {
    Pocl:
    queues buffers copies maps images programs kernel_args launches errors_objects errors_commands callbacks user_events printf
    sub_devices native_kernel finish_in_thread behind_user_event long_build eight_queues enqueue_many large_transfers live_buffers
    read_then_write leak dlclose fork enumerate corners includes svm contents binaries extensions
    command_buffer semaphores host_pointers image_formats sizes two_maps close_descriptors fresh threads_in_memory signals read_into_map
}

/// Beyond what OpenCL promises, where it costs no transfer: the program's own memory is the object.
#[test]
fn host_pointers_in_place() {
    for name in ["host_pointers", "threads_in_memory"] {
        let run = Program::compile(name).run(&["direct"]);
        assert_same(&run.native(), &run.remoted(Link::Memfd));
    }
}

#[cfg(target_arch = "x86_64")]
mod intel {
    use super::*;

    programs! {
        Intel:
        queues buffers copies maps images kernel_args launches callbacks printf sub_devices native_kernel behind_user_event read_then_write leak fork
        enumerate includes contents binaries svm pipes device_queues sub_groups program_scope spirv extensions
        command_buffer semaphores build_logs two_maps close_descriptors fresh threads_in_memory signals read_into_map
    }

    #[test]
    fn callbacks_of_user_events() {
        let run = Program::compile("callbacks").run(&["states"]).on(Driver::Intel);
        let native = run.native();
        for link in Link::ALL {
            assert_same(&native, &run.remoted(link));
        }
    }

    /// Offered only where both sides see the same pages.
    #[test]
    fn usm() {
        let run = Program::compile("usm").run(&[]).on(Driver::Intel);
        assert_same(&run.native(), &run.remoted(Link::Memfd));
        let stream = run.remoted(Link::Stream).good();
        assert_eq!(stream.text(), "not offered\n", "{}", stream.describe());
    }

    /// Without random addresses, what this driver's allocator gives in the worker is taken in the program.
    #[test]
    fn svm_where_addresses_are_taken() {
        let svm = Program::compile("svm");
        let native = svm.run(&[]).on(Driver::Intel).native().good();
        let remora = places::built("remora");
        for link in Link::ALL {
            let arguments =
                ["-R".as_ref(), remora.as_os_str(), "run".as_ref(), "--link".as_ref(), link.name().as_ref()];
            let alike = Run::new(places::tool("setarch", "util-linux")).arguments(&arguments);
            let alike = alike.arguments(&["--".as_ref(), svm.path().as_os_str()]).variable("REMORA_LOG", "debug");
            let outcome = alike.on(Driver::Intel).native().good();
            assert_eq!(outcome.text(), native.text(), "{}", outcome.describe());
            let log = String::from_utf8_lossy(&outcome.stderr).into_owned();
            assert!(log.contains("the driver's address is taken in this process"), "{log}");
        }
    }
}

/// A buffer of 6 GiB, of which only some MiB are touched, as far as the device has so much memory.
#[test]
fn large_buffers() {
    let run = Program::compile("sizes").run(&["large"]).variable("POCL_MEMORY_LIMIT", "20");
    let native = run.native();
    for link in Link::ALL {
        assert_same(&native, &run.remoted(link));
    }
}

/// Every property of every object.
#[test]
fn info() {
    let run = Program::compile("info").run(&[]);
    let native = run.native();
    for link in Link::ALL {
        assert_same_but_for("info", &native, &run.remoted(link));
    }
}

/// Memory that both sides use at the same time: only where both see the same pages.
#[test]
fn fine_grain_svm() {
    let run = Program::compile("svm").run(&["fine"]);
    assert_same(&run.native(), &run.remoted(Link::Memfd));
    let stream = Program::compile("svm").run(&["capabilities"]).remoted(Link::Stream).good();
    assert_eq!(stream.text(), "0x1\n", "{}", stream.describe());
}

/// What clSVMAlloc and its kin refuse where PoCL doesn't.
#[test]
fn svm_beyond_the_driver() {
    for link in Link::ALL {
        let outcome = Program::compile("svm").run(&["beyond"]).remoted(link).good();
        assert_eq!(outcome.text(), "beyond the driver\n", "{}", outcome.describe());
    }
}

#[test]
fn native_kernels_out_of_order() {
    let run = Program::compile("native_kernel").run(&["out of order"]);
    let native = run.native();
    for link in Link::ALL {
        assert_same(&native, &run.remoted(link));
    }
}

/// Nobody reads what kernels print, or nobody can.
#[test]
fn printf_into_pipes() {
    for how in ["stuck", "closed"] {
        let run = Program::compile("printf").run(&[how]);
        let native = run.native();
        for link in Link::ALL {
            assert_same(&native, &run.remoted(link));
        }
    }
}

#[test]
fn callbacks_wait_for_each_other() {
    let run = Program::compile("callbacks").run(&["waiting"]);
    let native = run.native();
    for link in Link::ALL {
        assert_same(&native, &run.remoted(link));
    }
}

/// The same of a driver that has more.
#[test]
#[cfg(target_arch = "x86_64")]
fn info_of_intel() {
    let run = Program::compile("info").run(&[]).on(Driver::Intel);
    let native = run.native();
    for link in Link::ALL {
        assert_same_but_for("info-intel", &native, &run.remoted(link));
    }
}

/// What the specification demands and this machine's driver doesn't do: the program checks itself.
#[test]
fn beyond_the_driver() {
    for link in Link::ALL {
        let outcome = Program::compile("beyond").run(&[]).remoted(link).good();
        assert_eq!(outcome.text().lines().count(), 5, "{}", outcome.describe());
    }
}

/// Where program and compiler see the same files.
#[test]
fn computed_includes() {
    let run = Program::compile("includes").run(&["computed"]);
    let native = run.native();
    for link in Link::ALL {
        assert_same(&native, &run.remoted(link));
    }
}

/// Natively the child of a process that has used OpenCL can't use it: the driver's threads aren't in it.
#[test]
fn fork_after_use() {
    for link in Link::ALL {
        let outcome = Program::compile("fork").run(&["after"]).remoted(link).good();
        let children =
            "child 0: 0 calls\nchild 0: 343\nchild 1: 0 calls\nchild 1: 512\nchild 2: 0 calls\nchild 2: 729\n";
        let expected = format!("parent before: 216\n{children}parent after: 11, 11, 512\nparent: 2 calls\n");
        assert_eq!(outcome.text(), expected, "{}", outcome.describe());
        assert_all_gone(&outcome.mark);
    }
}

/// Commands are under way when the program ends.
#[test]
fn leak_with_commands_pending() {
    let run = Program::compile("leak").run(&["pending"]);
    let native = run.native();
    let broker = Broker::start();
    for link in Link::ALL {
        assert_same(&native, &run.through(&broker, link));
        broker.assert_clean();
    }
}

/// A broker that has served many sessions holds no more than one that has served a few.
#[test]
fn sessions_leave_nothing_behind() {
    let broker = Broker::start();
    let run = Program::compile("leak").run(&[]);
    let serve = |count: usize| {
        for index in 0..count {
            let _ = run.through(&broker, Link::ALL[index % 2]).good();
        }
        broker.assert_clean();
        processes::resident_kib(broker.pid()).expect("the broker runs")
    };
    let files = processes::open_files(broker.pid());
    let memory = serve(4);
    let memory_later = serve(12);
    // Who asked last whether all is clean may still be connected.
    let closed = processes::wait_until(Duration::from_secs(5), || processes::open_files(broker.pid()) <= files);
    assert!(closed, "{files} descriptors, then {}", processes::open_files(broker.pid()));
    assert!(memory_later <= memory + 2048, "{memory} KiB, then {memory_later}");
}

/// 100 GB of writes behind a user event, in a memory that is far smaller.
#[test]
fn queued_writes_memfd() {
    queued_writes(1600, Link::Memfd);
}

/// The same with less: a socket is slower.
#[test]
fn queued_writes_stream() {
    queued_writes(100, Link::Stream);
}

fn queued_writes(count: u32, link: Link) {
    let broker = Broker::start();
    let program = Program::compile("queued_writes");
    let native = program.run(&["16"]).native().good();
    assert!(native.text().contains("memory bounded"), "{}", native.describe());
    let run = program.run(&[&count.to_string()]).limit(Duration::from_secs(200));
    let running = run.start_through(&broker, link);
    let (of_program, of_broker) = (running.mark().to_owned(), broker.mark().to_owned());
    let sampler = Sampler::start(move || {
        [processes::marked(&of_program), processes::marked(&of_broker)].into_iter().flatten().collect()
    });
    let outcome = running.finish().good();
    let peak = sampler.peak_kib() >> 10;
    assert!(outcome.text().contains("memory bounded"), "{}", outcome.describe());
    // The program's and the device's 64 MiB, the driver, and an arena of at most 1 GiB that both sides map.
    assert!(peak < 3072, "{peak} MiB at the peak: {}", outcome.describe());
    broker.assert_clean();
}

/// The null driver runs the same protocol and computes nothing.
#[test]
fn null_driver() {
    for link in Link::ALL {
        let outcome = Program::compile("enumerate").run(&[]).with_null_driver().remoted(link).good();
        assert!(outcome.text().starts_with("1 platforms"), "{}", outcome.describe());
    }
}

/// Programs tell of their end on drivers that can do so: none of the real ones.
#[test]
fn programs_tell_of_their_end() {
    for link in Link::ALL {
        let outcome = Program::compile("released").run(&[]).with_null_driver().remoted(link).good();
        let expected = "no callback: CL_INVALID_VALUE\nno program: CL_INVALID_PROGRAM\ngone: other\nthe kernel goes\n\
                        gone: second\ngone: first\n";
        assert_eq!(outcome.text(), expected, "{}", outcome.describe());
    }
}

/// What a program has asked once it can ask again without a message.
#[test]
fn what_is_known_is_not_asked_again() {
    let mut drivers = vec![Driver::Pocl];
    if cfg!(target_arch = "x86_64") {
        drivers.push(Driver::Intel);
    }
    for driver in drivers {
        let variables = driver.variables();
        let variables: Vec<_> =
            variables.iter().map(|(name, value)| (*name, value.to_str().expect("a path"))).collect();
        let broker = Broker::start_with(&[], &variables);
        let asked = |times: &str| {
            let mut running = Program::compile("asked").run(&[times]).start_through(&broker, Link::Memfd);
            running.wait_for_text("asked\n");
            let session = broker.wait_for_session(running.processes("asked")[0]);
            let counters = session.counters.expect("a worker that answers");
            running.close_input();
            let _ = running.finish().good();
            ["commands", "round_trips"].map(|name| counters[name].as_u64().expect("a number"))
        };
        assert_eq!(asked("1"), asked("20"), "{driver:?}");
    }
}

/// Python's multiprocessing: children before OpenCL was used, and after.
#[test]
fn multiprocessing() {
    let script = places::source("programs/multiprocessing_fork.py");
    let run = remora_testkit::Run::new(places::python()).arguments(&[&script]).variable("PYOPENCL_NO_CACHE", "1");
    let native = run.native();
    for link in Link::ALL {
        let remoted = run.remoted(link);
        assert_same(&native, &remoted);
        assert_all_gone(&remoted.mark);
    }
    let beyond = run.arguments(&["after"]).remoted(Link::Memfd);
    assert_same(&native, &beyond);
}
