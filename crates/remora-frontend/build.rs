//! How the one shared library is linked.

fn main() {
    // Without -Bsymbolic our own clXxx resolve to the ICD loader's functions of the same name and recurse.
    println!("cargo:rustc-cdylib-link-arg=-Wl,-Bsymbolic");
    // Our threads outlive dlclose.
    println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
    println!("cargo:rerun-if-changed=build.rs");
}
