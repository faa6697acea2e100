// Extensions of single vendors: how each is carried.
// ../README.md explains the attributes.

#[not("of macOS")] enum cl_APPLE_ContextLoggingFunctions {}
#[not("of macOS")] enum cl_APPLE_SetMemObjectDestructor {}
#[carried]
enum cl_amd_device_attribute_query {
    #[device] CL_DEVICE_PROFILING_TIMER_OFFSET_AMD = 0x4036,
    #[device] CL_DEVICE_TOPOLOGY_AMD = 0x4037,
    #[device] CL_DEVICE_BOARD_NAME_AMD = 0x4038,
    #[device] CL_DEVICE_GLOBAL_FREE_MEMORY_AMD = 0x4039,
    #[device] CL_DEVICE_SIMD_PER_COMPUTE_UNIT_AMD = 0x4040,
    #[device] CL_DEVICE_SIMD_WIDTH_AMD = 0x4041,
    #[device] CL_DEVICE_SIMD_INSTRUCTION_WIDTH_AMD = 0x4042,
    #[device] CL_DEVICE_WAVEFRONT_WIDTH_AMD = 0x4043,
    #[device] CL_DEVICE_GLOBAL_MEM_CHANNELS_AMD = 0x4044,
    #[device] CL_DEVICE_GLOBAL_MEM_CHANNEL_BANKS_AMD = 0x4045,
    #[device] CL_DEVICE_GLOBAL_MEM_CHANNEL_BANK_WIDTH_AMD = 0x4046,
    #[device] CL_DEVICE_LOCAL_MEM_SIZE_PER_COMPUTE_UNIT_AMD = 0x4047,
    #[device] CL_DEVICE_LOCAL_MEM_BANKS_AMD = 0x4048,
    #[device] CL_DEVICE_THREAD_TRACE_SUPPORTED_AMD = 0x4049,
    #[device] CL_DEVICE_GFXIP_MAJOR_AMD = 0x404A,
    #[device] CL_DEVICE_GFXIP_MINOR_AMD = 0x404B,
    #[device] CL_DEVICE_AVAILABLE_ASYNC_QUEUES_AMD = 0x404C,
    #[device] CL_DEVICE_PREFERRED_WORK_GROUP_SIZE_AMD = 0x4030,
    #[device] CL_DEVICE_MAX_WORK_GROUP_SIZE_AMD = 0x4031,
    #[device] CL_DEVICE_PREFERRED_CONSTANT_BUFFER_SIZE_AMD = 0x4033,
    #[device] CL_DEVICE_PCIE_ID_AMD = 0x4034,
    #[device] CL_DEVICE_MAX_REAL_TIME_COMPUTE_QUEUES_AMD = 0x404D,
    #[device] CL_DEVICE_MAX_REAL_TIME_COMPUTE_UNITS_AMD = 0x404E,
}
#[not("no driver with it was at hand to build it on")] enum cl_arm_controlled_kernel_termination {}
#[carried]
enum cl_arm_core_id {
    #[device] CL_DEVICE_COMPUTE_UNITS_BITFIELD_ARM = 0x40BF,
}
#[not("it imports memory of the program's machine, which the device can't reach")] enum cl_arm_import_memory {}
#[not("it imports memory of the program's machine, which the device can't reach")]
enum cl_arm_import_memory_android_hardware_buffer {}
#[not("it imports memory of the program's machine, which the device can't reach")] enum cl_arm_import_memory_dma_buf {}
#[not("it imports memory of the program's machine, which the device can't reach")] enum cl_arm_import_memory_host {}
#[not("it imports memory of the program's machine, which the device can't reach")]
enum cl_arm_import_memory_protected {}
#[language] enum cl_arm_integer_dot_product_accumulate_int16 {}
#[language] enum cl_arm_integer_dot_product_accumulate_int8 {}
#[language] enum cl_arm_integer_dot_product_accumulate_saturate_int8 {}
#[language] enum cl_arm_integer_dot_product_int8 {}
#[carried]
enum cl_arm_job_slot_selection {
    #[device] CL_DEVICE_JOB_SLOTS_ARM = 0x41E0,
}
#[language] enum cl_arm_non_uniform_work_group_size {}
#[not("its callback takes what kernels print, which comes on the program's standard output without it")]
enum cl_arm_printf {}
#[not("no driver with it was at hand to build it on")] enum cl_arm_protected_memory_allocation {}
#[not("no driver with it was at hand to build it on")] enum cl_arm_scheduling_controls {}
#[not("of old drivers only; OpenCL 2.0's SVM takes its place")] enum cl_arm_shared_virtual_memory {}
#[not("it says how the program's mappings are cached, which are the front-end's")] enum cl_img_cached_allocations {}
#[not("no driver with it was at hand to build it on")] enum cl_img_cancel_command {}
#[not("images with mip levels aren't carried")] enum cl_img_generate_mipmap {}
#[not("no driver with it was at hand to build it on")] enum cl_img_mem_properties {}
#[not("no driver with it was at hand to build it on")] enum cl_img_safety_mechanisms {}
#[not("no driver with it was at hand to build it on")] enum cl_img_scheduling_controls {}
#[not("its handles are file descriptors, which don't cross a link")] enum cl_img_unified_svm_external_memory_dma_buf {}
#[not("it imports memory of the program's machine, which the device can't reach")] enum cl_img_use_gralloc_ptr {}
#[not("pixels of its formats have no size of their own, by which transfers are counted")] enum cl_img_yuv_image {}
#[not("of old GPUs only")] enum cl_intel_accelerator {}
#[not("it needs cl_intel_accelerator")] enum cl_intel_advanced_motion_estimation {}
#[not("no driver with it was at hand to build it on")] enum cl_intel_command_queue_families {}
#[not("no driver with it was at hand to build it on")] enum cl_intel_create_buffer_with_properties {}
#[not("no driver with it was at hand to build it on")] enum cl_intel_create_mem_object_properties {}
#[carried]
enum cl_intel_device_attribute_query {
    #[device] CL_DEVICE_IP_VERSION_INTEL = 0x4250,
    #[device] CL_DEVICE_ID_INTEL = 0x4251,
    #[device] CL_DEVICE_NUM_SLICES_INTEL = 0x4252,
    #[device] CL_DEVICE_NUM_SUB_SLICES_PER_SLICE_INTEL = 0x4253,
    #[device] CL_DEVICE_NUM_EUS_PER_SUB_SLICE_INTEL = 0x4254,
    #[device] CL_DEVICE_NUM_THREADS_PER_EU_INTEL = 0x4255,
    #[device] CL_DEVICE_FEATURE_CAPABILITIES_INTEL = 0x4256,
}
#[carried] enum cl_intel_device_partition_by_names {}
#[carried]
enum cl_intel_device_side_avc_motion_estimation {
    #[device] CL_DEVICE_AVC_ME_VERSION_INTEL = 0x410B,
    #[device] CL_DEVICE_AVC_ME_SUPPORTS_TEXTURE_SAMPLER_USE_INTEL = 0x410C,
    #[device] CL_DEVICE_AVC_ME_SUPPORTS_PREEMPTION_INTEL = 0x410D,
}
#[carried] enum cl_intel_driver_diagnostics {}
#[not("of Windows")] enum cl_intel_dx9_media_sharing {}
#[not("it shares objects with EGL, which isn't carried yet")] enum cl_intel_egl_image_yuv {}
#[carried] enum cl_intel_exec_by_local_thread {}
#[not("it tells addresses of the driver's allocations")] enum cl_intel_kernel_allocations_info {}
#[not("no driver with it was at hand to build it on")] enum cl_intel_mem_alloc_buffer_location {}
#[not("no driver with it was at hand to build it on")] enum cl_intel_mem_channel_property {}
#[not("no driver with it was at hand to build it on")] enum cl_intel_mem_force_host_memory {}
#[not("it needs cl_intel_accelerator")] enum cl_intel_motion_estimation {}
#[not("pixels of its formats have no size of their own, by which transfers are counted")] enum cl_intel_packed_yuv {}
#[not("pixels of its formats have no size of their own, by which transfers are counted")] enum cl_intel_planar_yuv {}
#[not("of FPGAs")] enum cl_intel_program_scope_host_pipe {}
#[carried] enum cl_intel_queue_no_sync_operations {}
#[carried]
enum cl_intel_required_subgroup_size {
    #[device] CL_DEVICE_SUB_GROUP_SIZES_INTEL = 0x4108,
    #[work_group] CL_KERNEL_SPILL_MEM_SIZE_INTEL = 0x4109,
    #[sub_group] CL_KERNEL_COMPILE_SUB_GROUP_SIZE_INTEL = 0x410A,
}
#[not("it shares surfaces with a media driver of the program's machine")] enum cl_intel_sharing_format_query {}
#[not("of Windows")] enum cl_intel_sharing_format_query_d3d10 {}
#[not("of Windows")] enum cl_intel_sharing_format_query_d3d11 {}
#[not("of Windows")] enum cl_intel_sharing_format_query_dx9 {}
#[not("it shares objects with OpenGL, which isn't carried yet")] enum cl_intel_sharing_format_query_gl {}
#[not("it shares surfaces with a media driver of the program's machine")] enum cl_intel_sharing_format_query_va_api {}
#[not("it shares objects with OpenGL, which isn't carried yet")] enum cl_intel_simultaneous_sharing {}
/// For devices that are CPUs, on a link through shared memory.
#[carried]
enum cl_intel_unified_shared_memory {
    #[device] CL_DEVICE_HOST_MEM_CAPABILITIES_INTEL = 0x4190,
    #[device] CL_DEVICE_DEVICE_MEM_CAPABILITIES_INTEL = 0x4191,
    #[device] CL_DEVICE_SINGLE_DEVICE_SHARED_MEM_CAPABILITIES_INTEL = 0x4192,
    #[device] CL_DEVICE_CROSS_DEVICE_SHARED_MEM_CAPABILITIES_INTEL = 0x4193,
    #[device] CL_DEVICE_SHARED_SYSTEM_MEM_CAPABILITIES_INTEL = 0x4194,
}
#[not("it shares surfaces with a media driver of the program's machine")] enum cl_intel_va_api_media_sharing {}
#[carried]
enum cl_nv_device_attribute_query {
    #[device] CL_DEVICE_COMPUTE_CAPABILITY_MAJOR_NV = 0x4000,
    #[device] CL_DEVICE_COMPUTE_CAPABILITY_MINOR_NV = 0x4001,
    #[device] CL_DEVICE_REGISTERS_PER_BLOCK_NV = 0x4002,
    #[device] CL_DEVICE_WARP_SIZE_NV = 0x4003,
    #[device] CL_DEVICE_GPU_OVERLAP_NV = 0x4004,
    #[device] CL_DEVICE_KERNEL_EXEC_TIMEOUT_NV = 0x4005,
    #[device] CL_DEVICE_INTEGRATED_MEMORY_NV = 0x4006,
    #[device] CL_DEVICE_ATTRIBUTE_ASYNC_ENGINE_COUNT_NV = 0x4007,
    #[device] CL_DEVICE_PCI_BUS_ID_NV = 0x4008,
    #[device] CL_DEVICE_PCI_SLOT_ID_NV = 0x4009,
    #[device] CL_DEVICE_PCI_DOMAIN_ID_NV = 0x400A,
    #[device] CL_DEVICE_MAX_LOCAL_MEMORY_PER_SM_NV = 0x400B,
}
#[carried] enum cl_pocl_content_size {}
#[not("it imports memory of the program's machine, which the device can't reach")]
enum cl_qcom_android_native_buffer_host_ptr {}
#[not("it imports memory of the program's machine, which the device can't reach")] enum cl_qcom_ext_host_ptr {}
#[not("it imports memory of the program's machine, which the device can't reach")]
enum cl_qcom_ext_host_ptr_iocoherent {}
#[not("it imports memory of the program's machine, which the device can't reach")] enum cl_qcom_ion_host_ptr {}
#[not("no driver with it was at hand to build it on")] enum cl_qcom_perf_hint {}
