//! Which extensions of this machine's drivers programs see, and why not the others.

// The table alone, as in `coverage`.
#[path = "../../../remora-opencl/src/generated/extensions.rs"]
#[allow(dead_code)]
mod generated;

use std::collections::BTreeSet;

pub use generated::{Carried, EXTENSIONS};
use remora_protocol::extensions::Offered;

/// What is not carried of `offered`, each with the reason, and how much is.
pub fn judge(offered: &Offered) -> (usize, BTreeSet<String>) {
    let mut carried = 0;
    let mut others = BTreeSet::new();
    for (name, version) in offered.iter() {
        match reason(name, version) {
            None => carried += 1,
            Some(reason) => {
                others.insert(format!("{name} ({reason})"));
            }
        }
    }
    (carried, others)
}

/// A version as people write it.
pub fn version(bits: u32) -> String {
    format!("{}.{}.{}", bits >> 22, bits >> 12 & 0x3ff, bits & 0xfff)
}

fn reason(name: &str, has: u32) -> Option<String> {
    let Some(extension) = EXTENSIONS.iter().find(|extension| extension.name == name) else {
        return Some("unknown to Remora".to_owned());
    };
    match extension.carried {
        Carried::Not { why } => Some(why.to_owned()),
        _ if has < extension.from => {
            Some(format!("carried from version {}, not {}", version(extension.from), version(has)))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_carried_has_a_reason() {
        let (carried, others) = judge(&Offered::new("cl_khr_fp64 cl_khr_gl_sharing cl_nobody_knows", &[]));
        let others: Vec<_> = others.into_iter().collect();
        assert_eq!(carried, 1);
        assert!(others[0].starts_with("cl_khr_gl_sharing (") && others[0].contains("OpenGL"));
        assert_eq!(others[1], "cl_nobody_knows (unknown to Remora)");
        assert_eq!(version(9 << 12 | 5), "0.9.5");
    }
}
