//! Programs of others, as Debian and PyPI have them: each natively and through Remora.

use std::fs;
use std::path::Path;
use std::time::Duration;

use remora_testkit::compare::{assert_same, assert_same_but_for, assert_same_bytes};
use remora_testkit::processes::assert_all_gone;
use remora_testkit::{Broker, Driver, Link, Outcome, Program, Run, places, run};

#[test]
fn clinfo() {
    let run = Run::new(places::tool("clinfo", "clinfo"));
    let native = run.native();
    for link in Link::ALL {
        let remoted = run.remoted(link);
        assert_same_but_for("clinfo", &native, &remoted);
        assert_all_gone(&remoted.mark);
    }
}

#[test]
#[cfg(target_arch = "x86_64")]
fn clinfo_of_intel() {
    let run = Run::new(places::tool("clinfo", "clinfo")).on(Driver::Intel);
    let native = run.native();
    for link in Link::ALL {
        assert_same_but_for("clinfo-intel", &native, &run.remoted(link));
    }
}

/// All of clpeak that doesn't take minutes. Its figures differ each time, the rest doesn't.
#[test]
fn clpeak() {
    let run = Run::new(places::tool("clpeak", "clpeak")).limit(Duration::from_secs(200));
    let run = run.arguments(&["--kernel-latency", "--transfer-bandwidth", "--global-bandwidth"]);
    let native = run.native().good();
    for link in Link::ALL {
        let remoted = run.remoted(link).good();
        assert_eq!(without_figures(&native), without_figures(&remoted));
        assert_all_gone(&remoted.mark);
    }
}

fn without_figures(outcome: &Outcome) -> String {
    let text = outcome.text();
    // What it complains of stands in its output.
    assert!(!text.to_lowercase().contains("error") && !text.contains("Skipped"), "{}", outcome.describe());
    let lines = text.lines().map(|line| match line.split_once(" : ") {
        Some((what, figure)) if figure.trim().starts_with(|first: char| first.is_ascii_digit()) => what.trim_end(),
        _ => line,
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Filters of Debian's ffmpeg, with what each needs besides a picture.
const FILTERS: [(&str, &str); 14] = [
    ("unsharp", "unsharp_opencl=lx=9:ly=9:la=2"),
    ("avgblur", "avgblur_opencl=8:planes=0xf"),
    ("boxblur", "boxblur_opencl=5"),
    ("convolution", "convolution_opencl=-2 -1 0 -1 1 1 0 1 2:-2 -1 0 -1 1 1 0 1 2:-2 -1 0 -1 1 1 0 1 2"),
    ("dilation", "dilation_opencl"),
    ("erosion", "erosion_opencl"),
    ("nlmeans", "nlmeans_opencl=s=5:p=3:r=5"),
    ("sobel", "sobel_opencl"),
    ("prewitt", "prewitt_opencl"),
    ("roberts", "roberts_opencl"),
    ("transpose", "transpose_opencl=clock"),
    ("pad", "pad_opencl=w=iw+20:h=ih+20:x=10:y=10"),
    ("colorkey", "colorkey_opencl=green:0.3:0.1"),
    ("chain", "unsharp_opencl,avgblur_opencl=3,transpose_opencl=cclock"),
];

#[test]
fn ffmpeg() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    for (name, filter) in FILTERS {
        let format = if name == "colorkey" { "bgra" } else { "yuv420p" };
        let graph = format!("format={format},hwupload,{filter},hwdownload,format={format}");
        let filtered = |out: &Path, how: &dyn Fn(&Run) -> Outcome| {
            let run = Run::new(places::tool("ffmpeg", "ffmpeg"))
                .arguments(&["-nostdin", "-v", "error", "-y", "-init_hw_device", "opencl=ocl:0.0"])
                .arguments(&["-filter_hw_device", "ocl", "-f", "lavfi", "-i", "testsrc2=s=640x360:r=5:d=1"])
                .arguments(&["-vf", &graph, "-f", "rawvideo"])
                .arguments(&[out]);
            let outcome = how(&run).good();
            (outcome, run::read(out))
        };
        let (_, native) = filtered(&directory.path().join("native"), &Run::native);
        for link in Link::ALL {
            let (outcome, remoted) = filtered(&directory.path().join(link.name()), &|run| run.remoted(link));
            assert_same_bytes(&format!("{name} ({})", link.name()), &native, &remoted);
            assert_all_gone(&outcome.mark);
        }
    }
}

/// What is made of two videos, of 320x180 and of 160x90 pixels, and the pixels' format: with several inputs, filters behind
/// each other and beside each other, and kernels of the user's own.
const VIDEOS: [(&str, &str); 6] = [
    ("yuv420p", "[0]hwupload[a];[1]hwupload[b];[a][b]overlay_opencl=20:10,unsharp_opencl"),
    ("yuv420p", "[0]split[x][y];[x]hwupload[a];[y]hflip,hwupload[b];[a][b]xfade_opencl=wipeleft:duration=3"),
    (
        "yuv420p",
        "[0]hwupload,split[x][y];[x]avgblur_opencl=4[a];\
         [y]transpose_opencl=clock,transpose_opencl=cclock,convolution_opencl=0 -1 0 -1 5 -1 0 -1 0[b];\
         [a][b]overlay_opencl=40:20,nlmeans_opencl=s=2:p=3:r=3",
    ),
    (
        "bgra",
        "[0]format=bgra,hwupload[a];[1]scale=320:180,format=gray16le,split[x][y];[x]hwupload[b];[y]hwupload[c];\
         [a][b][c]remap_opencl",
    ),
    ("yuv420p", "[0]hwupload,program_opencl=source=video.cl:kernel=smear"),
    ("yuv420p", "openclsrc=source=video.cl:kernel=pattern:size=160x90:rate=12:format=yuv420p"),
];

#[test]
fn ffmpeg_with_videos() {
    const FRAMES: usize = 24;
    let directory = tempfile::tempdir().expect("a temporary directory");
    fs::copy(places::source("applications/video.cl"), directory.path().join("video.cl")).expect("a file of our own");
    let ffmpeg = || {
        let run = Run::new(places::tool("ffmpeg", "ffmpeg")).directory(directory.path());
        run.arguments(&["-nostdin", "-v", "error", "-y"])
    };
    for (source, name) in [("mandelbrot=s=320x180:r=12", "large"), ("testsrc2=s=160x90:r=12", "small")] {
        let run = ffmpeg().arguments(&["-f", "lavfi", "-i", source, "-pix_fmt", "yuv420p"]);
        let _ = run.arguments(&["-frames:v", &FRAMES.to_string(), "-f", "rawvideo", name]).native().good();
    }
    for (format, graph) in VIDEOS {
        let run = ffmpeg()
            .arguments(&["-init_hw_device", "opencl=ocl:0.0", "-filter_hw_device", "ocl"])
            .arguments(&["-f", "rawvideo", "-pix_fmt", "yuv420p", "-r", "12", "-s", "320x180", "-i", "large"])
            .arguments(&["-f", "rawvideo", "-pix_fmt", "yuv420p", "-r", "12", "-s", "160x90", "-i", "small"])
            .arguments(&["-filter_complex", &format!("{graph},hwdownload,format={format}")])
            .arguments(&["-frames:v", &FRAMES.to_string(), "-f", "rawvideo", "made"]);
        let made = |how: &dyn Fn(&Run) -> Outcome| {
            assert_all_gone(&how(&run).good().mark);
            let frames = run::read(directory.path().join("made"));
            fs::remove_file(directory.path().join("made")).expect("a file of our own");
            frames
        };
        let native = made(&Run::native);
        assert!(native.len() >= FRAMES * 160 * 90 * 3 / 2, "{graph} gives {} bytes", native.len());
        for link in Link::ALL {
            let remoted = made(&|run| run.remoted(link));
            assert_same_bytes(&format!("{graph} ({})", link.name()), &native, &remoted);
        }
    }
}

/// Operations of GEGL, the engine of GIMP, that it has kernels for.
const OPERATIONS: [&[&str]; 3] = [
    &["gegl:box-blur", "radius=4", "gegl:noise-reduction"],
    &["gegl:brightness-contrast", "contrast=1.3", "gegl:snn-mean", "gegl:edge-laplace"],
    &["gegl:color-temperature", "gegl:gaussian-blur-selective", "gegl:bilateral-filter"],
];

#[test]
fn gegl() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    for operations in OPERATIONS {
        let filtered = |name: &str, how: &dyn Fn(&Run) -> Outcome| {
            let out = directory.path().join(format!("{name}.png"));
            let run = Run::new(places::tool("gegl", "gegl"))
                .arguments(&["-o", &out.display().to_string(), "--"])
                .arguments(&["gegl:plasma", "seed=7", "width=300", "height=200"])
                .arguments(operations)
                .variable("GEGL_USE_OPENCL", "cpu")
                .variable("REMORA_LOG", format!("trace,{}", directory.path().join(name).display()));
            let outcome = how(&run).good();
            (outcome, run::read(&out))
        };
        let (_, native) = filtered("native", &Run::native);
        for link in Link::ALL {
            let (outcome, remoted) = filtered(link.name(), &|run| run.remoted(link));
            assert_same_bytes(&format!("{operations:?} ({})", link.name()), &native, &remoted);
            // It goes on without OpenCL where that fails.
            let log = directory.path().join(link.name());
            let calls = run::read(&log);
            fs::remove_file(&log).expect("a file of our own");
            assert!(String::from_utf8_lossy(&calls).contains("clEnqueueNDRangeKernel"), "{operations:?}");
            assert_all_gone(&outcome.mark);
        }
    }
}

/// Examples of StarPU, which distributes tasks to devices: to none but OpenCL's here. They check their results themselves.
#[test]
fn starpu() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let examples = places::starpu();
    for example in ["vector_scal", "matvecmult", "incrementer", "incrementer_cpp", "block", "variable", "binary"] {
        let run = ["STARPU_NOPENCL", "STARPU_OPENCL_ON_CPUS", "STARPU_OPENCL_ONLY_ON_CPUS"]
            .iter()
            .fold(Run::new(examples.join(example)), |run, name| run.variable(name, "1"))
            .variable("STARPU_NCPU", "0")
            .variable("STARPU_HOME", directory.path());
        let native = run.native().good();
        for link in Link::ALL {
            let remoted = run.remoted(link).good();
            assert_eq!(results(&native), results(&remoted), "{example} ({})", link.name());
            assert_all_gone(&remoted.mark);
        }
    }
}

/// What an example of StarPU says, without how long it took, and StarPU's advice about what is slow.
fn results(outcome: &Outcome) -> String {
    let text = outcome.text() + &outcome.complaints();
    let changing = ["[starpu]", "For proper asynchronous", " took "];
    let lines = text.lines().filter(|line| !changing.iter().any(|part| line.contains(part)));
    lines.collect::<Vec<_>>().join("\n")
}

/// A password found by its MD5, with hashcat's kernels from source and, on the other link, from the binaries that it keeps.
#[test]
#[ignore = "it takes minutes: cargo xtask test --full"]
fn hashcat() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let cracked = |how: &dyn Fn(&Run) -> Outcome, kept: &str| {
        let out = directory.path().join("cracked");
        let run = Run::new(places::tool("hashcat", "hashcat"))
            .arguments(&["--quiet", "--potfile-disable", "-D", "1", "-m", "0", "-a", "3", "--outfile-format", "1,2,3"])
            .arguments(&["5d41402abc4b2a76b9719d911017c592", "?l?l?l?l?l", "-o"])
            .arguments(&[&out])
            .variable("XDG_DATA_HOME", directory.path().join(kept))
            .variable("XDG_CACHE_HOME", directory.path().join(kept))
            // It wants more than a quarter of 2 GiB at a time.
            .variable("POCL_MEMORY_LIMIT", "8")
            .limit(Duration::from_secs(500));
        let outcome = how(&run).good();
        let text = fs::read_to_string(&out).unwrap_or_else(|_| panic!("nothing is found: {}", outcome.describe()));
        fs::remove_file(&out).expect("a file of our own");
        text
    };
    let expected = "5d41402abc4b2a76b9719d911017c592:hello:68656c6c6f\n";
    assert_eq!(cracked(&Run::native, "native"), expected);
    for link in Link::ALL {
        assert_eq!(cracked(&|run| run.remoted(link), "remoted"), expected);
    }
}

/// Tests of CLBlast's own, which compare it with another BLAS.
#[test]
#[ignore = "it takes minutes: cargo xtask test --full"]
fn clblast_tests() {
    for routine in ["xaxpy", "xamax", "xdot", "xcopy", "xgbmv", "xcol2im"] {
        let run = Run::new(places::tool(&format!("clblast_test_{routine}"), "clblast-tests"));
        let run = run.limit(Duration::from_secs(300));
        let native = run.native();
        assert!(native.text().contains(" passed / 0 skipped / 0 failed"), "{}", native.describe());
        for link in Link::ALL {
            assert_same(&native, &run.remoted(link));
        }
    }
}

/// A directory for the loader with these drivers.
fn vendors(drivers: &[&str]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a temporary directory");
    for (index, driver) in drivers.iter().enumerate() {
        fs::write(directory.path().join(format!("{index}.icd")), format!("{driver}\n")).expect("a file of our own");
    }
    directory
}

/// Oclgrind's driver, which checks every access of a kernel.
const OCLGRIND: &str = "/usr/lib/oclgrind/liboclgrind-rt-icd.so";

/// PoCL's, as its package names it.
fn pocl() -> String {
    let text = fs::read_to_string("/etc/OpenCL/vendors/pocl.icd").expect("`cargo xtask test` installs pocl-opencl-icd");
    text.trim().to_owned()
}

/// Another driver on the host: what programs print is the same, and it finds no misuse by the worker. These are those of our
/// programs that run on it natively: it crashes in, or never finishes, most of what has user events or several queues.
#[test]
fn oclgrind() {
    assert!(Path::new(OCLGRIND).exists(), "`cargo xtask test` installs oclgrind");
    let vendors = vendors(&[OCLGRIND]);
    let vendors = vendors.path().display().to_string();
    let broker = Broker::start_with(&[], &[("OCL_ICD_VENDORS", &vendors), ("OCLGRIND_CHECK_API", "1")]);
    for name in ["enumerate", "buffers", "images", "live_buffers", "printf"] {
        let run = Program::compile(name).run(&[]);
        let native = run.clone().variable("OCL_ICD_VENDORS", &vendors).native();
        for link in Link::ALL {
            let remoted = run.through(&broker, link).good();
            // Oclgrind says of most images that their rows are 0 bytes apart, which Remora doesn't repeat.
            if name != "images" {
                assert_same(&native, &remoted);
            }
        }
    }
    broker.assert_clean();
    let log = broker.log();
    let misuse = misuse(&log);
    assert!(misuse.is_empty(), "oclgrind says:\n{}", misuse.join("\n"));
}

/// What oclgrind complains of in a broker's log, but for questions whose answer is an error: whether there are devices of a
/// type, and properties that it doesn't know.
fn misuse(log: &str) -> Vec<String> {
    // The probe's output is in the log line by line, each behind its time.
    let said = log.lines().map(|line| line.split_once("probe: ").map_or(line, |(_, said)| said).trim());
    let lines: Vec<&str> = said.filter(|line| !line.is_empty()).collect();
    let question = |at: usize| {
        let error = lines.get(at + 1).copied().unwrap_or_default();
        match lines[at].trim_start_matches("Function: ") {
            "clGetDeviceIDs" => error.ends_with("CL_DEVICE_NOT_FOUND"),
            name => name.starts_with("clGet") && name.ends_with("Info") && error.ends_with("CL_INVALID_VALUE"),
        }
    };
    let complaint = |line: &str| ["Function:", "Invalid", "uninitialized"].iter().any(|word| line.contains(word));
    let found = (0..lines.len()).filter(|at| complaint(lines[*at]) && !question(*at));
    found.map(|at| lines[at..lines.len().min(at + 3)].join("; ")).collect()
}

/// A program on a host with two platforms sees both, with their devices.
#[test]
fn two_platforms() {
    let vendors = vendors(&[OCLGRIND, &pocl()]);
    let run = Program::compile("enumerate").run(&[]);
    let native = run.clone().variable("OCL_ICD_VENDORS", vendors.path()).native();
    assert!(native.text().starts_with("2 platforms"), "{}", native.describe());
    let broker = Broker::start_with(&[], &[("OCL_ICD_VENDORS", &vendors.path().display().to_string())]);
    for link in Link::ALL {
        assert_same(&native, &run.through(&broker, link));
    }
}
