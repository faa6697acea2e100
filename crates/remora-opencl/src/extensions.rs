//! Which extensions of the host's driver a program sees: those that are carried.

/// Extensions of OpenCL C or SPIR-V only: the host's compiler does all the work. A final `*` stands for anything.
const LANGUAGE: &[&str] = &[
    "cl_khr_3d_image_writes",
    "cl_khr_async_work_group_copy_fence",
    "cl_khr_byte_addressable_store",
    "cl_khr_expect_assume",
    "cl_khr_extended_async_copies",
    "cl_khr_extended_bit_ops",
    "cl_khr_fp16",
    "cl_khr_fp64",
    "cl_khr_global_int32_base_atomics",
    "cl_khr_global_int32_extended_atomics",
    "cl_khr_int64_base_atomics",
    "cl_khr_int64_extended_atomics",
    "cl_khr_local_int32_base_atomics",
    "cl_khr_local_int32_extended_atomics",
    "cl_khr_kernel_clock",
    "cl_khr_select_fprounding_mode",
    "cl_khr_spir",
    "cl_khr_spirv_*",
    "cl_khr_subgroup_*",
    "cl_khr_work_group_uniform_arithmetic",
    "cl_amd_media_ops",
    "cl_amd_media_ops2",
    "cl_ext_cxx_for_opencl",
    "cl_ext_float_atomics",
    "cl_intel_required_subgroup_size",
    "cl_intel_spirv_*",
    "cl_intel_split_work_group_barrier",
    "cl_intel_subgroups*",
    "cl_nv_compiler_options",
    "cl_nv_kernel_attribute",
    "cl_nv_pragma_unroll",
    "cl_arm_integer_dot_product_*",
    "cl_pocl_pinned_buffers",
];

/// Extensions whose only functions or queries are answered from the facts, or are the ICD's.
const QUERIES: &[&str] = &["cl_khr_icd", "cl_khr_device_uuid", "cl_khr_pci_bus_info", "cl_nv_device_attribute_query"];

fn is_carried(name: &str) -> bool {
    LANGUAGE.iter().chain(QUERIES).any(|carried| match carried.strip_suffix('*') {
        Some(prefix) => name.starts_with(prefix),
        None => name == *carried,
    })
}

/// Those of a space-separated list of names that are carried, in the same order and form.
pub(crate) fn carried(names: &str) -> String {
    let kept: Vec<&str> = names.split(' ').filter(|name| name.is_empty() || is_carried(name)).collect();
    kept.join(" ")
}

/// The same for an array of cl_name_version: a u32 and 64 bytes of name each.
pub(crate) fn carried_with_version(bytes: &[u8]) -> Vec<u8> {
    let mut kept = Vec::new();
    for item in bytes.chunks_exact(68) {
        let name = &item[4..];
        let end = name.iter().position(|byte| *byte == 0).unwrap_or(name.len());
        if std::str::from_utf8(&name[..end]).is_ok_and(is_carried) {
            kept.extend_from_slice(item);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_carried_is_seen() {
        assert_eq!(
            carried("cl_khr_fp64  cl_khr_gl_sharing cl_khr_subgroup_ballot "),
            "cl_khr_fp64  cl_khr_subgroup_ballot "
        );
    }
}
