//! Options of builds, compilations and links: which the driver knows.

/// Whether a compiler takes these options.
pub fn are_for_compiler(options: &[u8]) -> bool {
    let mut words = words(options).into_iter();
    while let Some(word) = words.next() {
        let known = match word.as_str() {
            // Their value may be a word of its own.
            "-D" | "-I" | "-U" | "-x" => words.next().is_some(),
            "-w" | "-Werror" | "-g" | "-s" | "-create-library" | "-enable-link-options" => true,
            other => {
                let prefixes = ["-D", "-I", "-U", "-O", "-x", "-cl-std=", "-spir-std=", "-cl-nv-", "-cl-intel-", "-W"];
                FLAGS.contains(&other) || prefixes.iter().any(|prefix| other.starts_with(prefix))
            }
        };
        if !known {
            return false;
        }
    }
    true
}

/// Whether a linker takes these options.
pub fn are_for_linker(options: &[u8]) -> bool {
    let linker = ["-create-library", "-enable-link-options"];
    words(options).iter().all(|word| linker.contains(&word.as_str()) || FLAGS.contains(&word.as_str()))
}

/// Whether a link makes a library rather than an executable.
pub fn make_library(options: &[u8]) -> bool {
    words(options).iter().any(|word| word == "-create-library")
}

const FLAGS: [&str; 13] = [
    "-cl-denorms-are-zero",
    "-cl-fast-relaxed-math",
    "-cl-finite-math-only",
    "-cl-fp32-correctly-rounded-divide-sqrt",
    "-cl-kernel-arg-info",
    "-cl-mad-enable",
    "-cl-no-signed-zeros",
    "-cl-no-subgroup-ifp",
    "-cl-opt-disable",
    "-cl-single-precision-constant",
    "-cl-strict-aliasing",
    "-cl-uniform-work-group-size",
    "-cl-unsafe-math-optimizations",
];

/// Split at white space that is not in quotes.
fn words(options: &[u8]) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quote = None;
    for char in String::from_utf8_lossy(options).chars() {
        match quote {
            Some(open) if char == open => quote = None,
            None if char == '"' || char == '\'' => quote = Some(char),
            None if char.is_whitespace() => words.push(String::new()),
            _ => {
                if let Some(word) = words.last_mut() {
                    word.push(char);
                }
            }
        }
    }
    words.retain(|word| !word.is_empty());
    words
}
