// Extensions that Khronos' registry doesn't have: how each is carried.
// ../README.md explains the attributes.

#[carried]
#[unregistered]
enum cl_intel_bfloat16 {
    /// Answered by Intel's CPU runtime 2026.2; the name is a guess.
    #[device] CL_DEVICE_BFLOAT16_FP_ATOMIC_CAPABILITIES_INTEL = 0x4259,
}
#[language] #[unregistered] enum cl_amd_c1x_atomics {}
#[language] #[unregistered] enum cl_amd_fp64 {}
#[language] #[unregistered] enum cl_amd_media_ops {}
#[language] #[unregistered] enum cl_amd_media_ops2 {}
#[language] #[unregistered] enum cl_amd_popcnt {}
#[language] #[unregistered] enum cl_amd_printf {}
#[language] #[unregistered] enum cl_amd_vec3 {}
#[language] #[unregistered] enum cl_arm_get_core_id {}
#[language] #[unregistered] enum cl_intel_bfloat16_conversions {}
#[language] #[unregistered] enum cl_intel_devicelib_assert {}
#[language] #[unregistered] enum cl_intel_dot_accumulate {}
#[language] #[unregistered] enum cl_intel_global_float_atomics {}
#[language] #[unregistered] enum cl_intel_media_block_io {}
#[language] #[unregistered] enum cl_intel_printf {}
#[language] #[unregistered] enum cl_intel_sigmoid {}
#[language] #[unregistered] enum cl_intel_spirv_device_side_avc_motion_estimation {}
#[language] #[unregistered] enum cl_intel_spirv_media_block_io {}
#[language] #[unregistered] enum cl_intel_spirv_subgroups {}
#[language] #[unregistered] enum cl_intel_split_work_group_barrier {}
#[language] #[unregistered] enum cl_intel_subgroup_2d_block_io {}
#[language] #[unregistered] enum cl_intel_subgroup_buffer_prefetch {}
#[language] #[unregistered] enum cl_intel_subgroup_local_block_io {}
#[language] #[unregistered] enum cl_intel_subgroup_matrix_multiply_accumulate {}
#[language] #[unregistered] enum cl_intel_subgroup_split_matrix_multiply_accumulate {}
#[language] #[unregistered] enum cl_intel_subgroups {}
#[language] #[unregistered] enum cl_intel_subgroups_char {}
#[language] #[unregistered] enum cl_intel_subgroups_long {}
#[language] #[unregistered] enum cl_intel_subgroups_short {}
#[language] #[unregistered] enum cl_intel_vec_len_hint {}
#[language] #[unregistered] enum cl_nv_compiler_options {}
#[language] #[unregistered] enum cl_nv_copy_opts {}
#[carried] #[unregistered] enum cl_nv_create_buffer {}
#[carried] #[unregistered] enum cl_nv_kernel_attribute {}
#[language] #[unregistered] enum cl_nv_pragma_unroll {}
#[not("it tells addresses of the driver's allocations")] #[unregistered] enum cl_pocl_pinned_buffers {}
#[not("it is of several devices of one machine, which PCIe connects")] #[unregistered] enum cl_amd_copy_buffer_p2p {}
#[not("it exposes physical addresses of the bus")] #[unregistered] enum cl_amd_bus_addressable_memory {}
#[not("it is of GPUs with files of their own")] #[unregistered] enum cl_amd_liquid_flash {}
#[not("it lists devices that are not there")] #[unregistered] enum cl_amd_offline_devices {}
#[not("its kernels are marked by clSetKernelExecInfo, which is not carried for it")] #[unregistered]
enum cl_intel_concurrent_dispatch {}
#[not("of Windows")] #[unregistered] enum cl_nv_d3d10_sharing {}
#[not("of Windows")] #[unregistered] enum cl_nv_d3d11_sharing {}
#[not("of Windows")] #[unregistered] enum cl_nv_d3d9_sharing {}
