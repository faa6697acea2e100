//! A photograph, and what ffmpeg's OpenCL filters make of it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::repository::{capture, find};

/// The Debian package that it comes from.
pub const PACKAGE: &str = "lomiri-wallpapers-16.04";
/// The Picos de Europa, by Aitzol Berasategi.
const FILE: &str = "/usr/share/backgrounds/picosdeeuropa_by_Aitzol_Berasategi.jpg";
const WIDTH: usize = 1632;
const HEIGHT: usize = 1224;
/// Bytes of a picture as yuv420p.
const SIZE: usize = WIDTH * HEIGHT * 3 / 2;

/// What is shown, and what ffmpeg is told for it.
pub const FILTERS: [(&str, &str); 4] = [
    ("unsharp", "unsharp_opencl=lx=13:ly=13:la=3"),
    ("avgblur", "avgblur_opencl=12:planes=0xf"),
    ("sobel", "sobel_opencl=planes=1:scale=2"),
    ("both", "unsharp_opencl=lx=13:ly=13:la=3,avgblur_opencl=4:planes=0xf"),
];

/// The photograph's own pixels, the same for whoever filters them.
pub struct Photograph {
    directory: PathBuf,
    raw: PathBuf,
}

impl Photograph {
    /// Decodes it into `directory`.
    pub fn decode(directory: &Path) -> Result<Self> {
        if !Path::new(FILE).exists() {
            bail!("there is no {FILE}: install the package {PACKAGE}");
        }
        fs::create_dir_all(directory)?;
        let this = Self { directory: directory.to_owned(), raw: directory.join("photograph.yuv") };
        let scale = format!("scale={WIDTH}:{HEIGHT}:flags=bicubic+accurate_rnd+bitexact,format=yuv420p");
        let mut command = ffmpeg(&[])?;
        command.args(["-i", FILE, "-vf", &scale, "-frames:v", "1", "-f", "rawvideo"]).arg(&this.raw);
        capture(&mut command)?;
        this.picture(&this.raw, "photograph.png")?;
        Ok(this)
    }

    /// Filters it: `prefix` is what stands before ffmpeg on the command line. Returns the raw result and the time taken.
    pub fn filter(&self, filter: &str, name: &str, prefix: &[&Path]) -> Result<(Vec<u8>, Duration)> {
        let out = self.directory.join(format!("{name}.yuv"));
        let graph = format!("format=yuv420p,hwupload,{filter},hwdownload,format=yuv420p");
        let mut command = ffmpeg(prefix)?;
        command
            .args(["-init_hw_device", "opencl=ocl:0.0", "-filter_hw_device", "ocl"])
            .args(raw_format())
            .arg("-i")
            .arg(&self.raw)
            .args(["-vf", &graph, "-frames:v", "1", "-f", "rawvideo"])
            .arg(&out);
        let began = Instant::now();
        capture(&mut command)?;
        let took = began.elapsed();
        let bytes = fs::read(&out)?;
        if bytes.len() != SIZE {
            bail!("{filter} made {} bytes and not {SIZE}", bytes.len());
        }
        self.picture(&out, &format!("{name}.png"))?;
        fs::remove_file(&out)?;
        Ok((bytes, took))
    }

    /// Leaves raw pixels as a picture to look at.
    fn picture(&self, raw: &Path, name: &str) -> Result<()> {
        let mut command = ffmpeg(&[])?;
        command.args(raw_format()).arg("-i").arg(raw).args(["-frames:v", "1"]).arg(self.directory.join(name));
        capture(&mut command).map(drop)
    }
}

fn raw_format() -> [String; 6] {
    ["-f", "rawvideo", "-pix_fmt", "yuv420p", "-s"]
        .map(str::to_owned)
        .into_iter()
        .chain([format!("{WIDTH}x{HEIGHT}")])
        .collect::<Vec<_>>()
        .try_into()
        .expect("six words")
}

/// ffmpeg without anything that it prints by itself, after `prefix`.
fn ffmpeg(prefix: &[&Path]) -> Result<Command> {
    let ffmpeg = find("ffmpeg").context("there is no ffmpeg")?;
    let mut words = prefix.iter().copied().chain([ffmpeg.as_path()]);
    let mut command = Command::new(words.next().context("there is always ffmpeg")?);
    command.args(words).args(["-nostdin", "-hide_banner", "-v", "error", "-y"]);
    Ok(command)
}
