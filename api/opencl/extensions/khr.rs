// Extensions of Khronos (khr), of several vendors (ext) and of the loader: how each is carried.
// ../README.md explains the attributes.

#[not("no driver with it was at hand to build it on")] enum cl_ext_buffer_device_address {}
#[carried]
enum cl_ext_cxx_for_opencl {
    #[device] CL_DEVICE_CXX_FOR_OPENCL_NUMERIC_VERSION_EXT = 0x4230,
}
#[not("of old drivers only; clCreateSubDevices takes its place")] enum cl_ext_device_fission {}
#[carried]
enum cl_ext_float_atomics {
    #[device] CL_DEVICE_SINGLE_FP_ATOMIC_CAPABILITIES_EXT = 0x4231,
    #[device] CL_DEVICE_DOUBLE_FP_ATOMIC_CAPABILITIES_EXT = 0x4232,
    #[device] CL_DEVICE_HALF_FP_ATOMIC_CAPABILITIES_EXT = 0x4233,
}
#[not("it needs cl_ext_image_requirements_info")] enum cl_ext_image_from_buffer {}
#[not("pixels of its formats have no size of their own, by which transfers are counted")]
enum cl_ext_image_raw10_raw12 {}
#[not("no driver with it was at hand to build it on")] enum cl_ext_image_requirements_info {}
#[carried] enum cl_ext_image_unorm_int_2_101010 {}
#[carried] enum cl_ext_image_unsigned_10x6_12x4_14x2 {}
#[not("no driver with it was at hand to build it on")] enum cl_ext_immutable_memory_objects {}
#[not("of old drivers only; clEnqueueMigrateMemObjects takes its place")] enum cl_ext_migrate_memobject {}
#[language] enum cl_khr_3d_image_writes {}
#[language] enum cl_khr_async_work_group_copy_fence {}
#[language] enum cl_khr_byte_addressable_store {}
#[carried]
#[from("0.9.0")]
enum cl_khr_command_buffer {
    #[device] CL_DEVICE_COMMAND_BUFFER_CAPABILITIES_KHR = 0x12A9,
    #[device] CL_DEVICE_COMMAND_BUFFER_SUPPORTED_QUEUE_PROPERTIES_KHR = 0x129A,
    #[device] CL_DEVICE_COMMAND_BUFFER_REQUIRED_QUEUE_PROPERTIES_KHR = 0x12AA,
}
#[not("a command buffer is kept for one device")] enum cl_khr_command_buffer_multi_device {}
/// Before, updates had another form.
#[carried]
#[from("0.9.3")]
enum cl_khr_command_buffer_mutable_dispatch {
    #[device] CL_DEVICE_MUTABLE_DISPATCH_CAPABILITIES_KHR = 0x12B0,
}
#[carried] enum cl_khr_create_command_queue {}
#[not("of Windows")] enum cl_khr_d3d10_sharing {}
#[not("of Windows")] enum cl_khr_d3d11_sharing {}
#[carried] enum cl_khr_depth_images {}
#[language] enum cl_khr_device_enqueue_local_arg_types {}
#[carried]
enum cl_khr_device_uuid {
    #[device] CL_DEVICE_UUID_KHR = 0x106A,
    #[device] CL_DRIVER_UUID_KHR = 0x106B,
    #[device] CL_DEVICE_LUID_VALID_KHR = 0x106C,
    #[device] CL_DEVICE_LUID_KHR = 0x106D,
    #[device] CL_DEVICE_NODE_MASK_KHR = 0x106E,
}
#[not("of Windows")] enum cl_khr_dx9_media_sharing {}
#[not("it shares objects with EGL, which isn't carried yet")] enum cl_khr_egl_event {}
#[not("it shares objects with EGL, which isn't carried yet")] enum cl_khr_egl_image {}
#[language] enum cl_khr_expect_assume {}
#[language] enum cl_khr_extended_async_copies {}
#[language] enum cl_khr_extended_bit_ops {}
#[carried]
enum cl_khr_extended_versioning {
    #[platform] CL_PLATFORM_NUMERIC_VERSION_KHR = 0x0906,
    #[platform] CL_PLATFORM_EXTENSIONS_WITH_VERSION_KHR = 0x0907,
    #[device] CL_DEVICE_NUMERIC_VERSION_KHR = 0x105E,
    #[device] CL_DEVICE_OPENCL_C_NUMERIC_VERSION_KHR = 0x105F,
    #[device] CL_DEVICE_EXTENSIONS_WITH_VERSION_KHR = 0x1060,
    #[device] CL_DEVICE_ILS_WITH_VERSION_KHR = 0x1061,
    #[device] CL_DEVICE_BUILT_IN_KERNELS_WITH_VERSION_KHR = 0x1062,
}
#[not("its handles are file descriptors, which don't cross a link")] enum cl_khr_external_memory {}
#[not("of Android")] enum cl_khr_external_memory_android_hardware_buffer {}
#[not("its handles are file descriptors, which don't cross a link")] enum cl_khr_external_memory_dma_buf {}
#[not("its handles are file descriptors, which don't cross a link")] enum cl_khr_external_memory_opaque_fd {}
#[not("of Windows")] enum cl_khr_external_memory_win32 {}
#[not("its handles are file descriptors, which don't cross a link")] enum cl_khr_external_semaphore {}
#[not("of Windows")] enum cl_khr_external_semaphore_dx_fence {}
#[not("its handles are file descriptors, which don't cross a link")] enum cl_khr_external_semaphore_opaque_fd {}
#[not("its handles are file descriptors, which don't cross a link")] enum cl_khr_external_semaphore_sync_fd {}
#[not("of Windows")] enum cl_khr_external_semaphore_win32 {}
#[carried]
enum cl_khr_fp16 {
    #[device] CL_DEVICE_HALF_FP_CONFIG = 0x1033,
}
#[carried]
enum cl_khr_fp64 {
    #[device] CL_DEVICE_DOUBLE_FP_CONFIG = 0x1032,
}
#[not("it shares objects with OpenGL, which isn't carried yet")] enum cl_khr_gl_depth_images {}
#[not("it shares objects with OpenGL, which isn't carried yet")] enum cl_khr_gl_event {}
#[not("it shares objects with OpenGL, which isn't carried yet")] enum cl_khr_gl_msaa_sharing {}
#[not("it shares objects with OpenGL, which isn't carried yet")] enum cl_khr_gl_sharing {}
#[language] enum cl_khr_global_int32_base_atomics {}
#[language] enum cl_khr_global_int32_extended_atomics {}
#[carried]
enum cl_khr_icd {
    #[platform] CL_PLATFORM_ICD_SUFFIX_KHR = 0x0920,
}
#[not("the front-end's threads outlive dlclose")] enum cl_khr_icd_unloadable {}
#[carried]
enum cl_khr_il_program {
    #[device] CL_DEVICE_IL_VERSION_KHR = 0x105B,
}
#[carried]
enum cl_khr_image2d_from_buffer {
    #[device] CL_DEVICE_IMAGE_PITCH_ALIGNMENT_KHR = 0x104A,
    #[device] CL_DEVICE_IMAGE_BASE_ADDRESS_ALIGNMENT_KHR = 0x104B,
}
#[carried] enum cl_khr_initialize_memory {}
#[language] enum cl_khr_int64_base_atomics {}
#[language] enum cl_khr_int64_extended_atomics {}
#[carried]
enum cl_khr_integer_dot_product {
    #[device] CL_DEVICE_INTEGER_DOT_PRODUCT_CAPABILITIES_KHR = 0x1073,
    #[device] CL_DEVICE_INTEGER_DOT_PRODUCT_ACCELERATION_PROPERTIES_8BIT_KHR = 0x1074,
    #[device] CL_DEVICE_INTEGER_DOT_PRODUCT_ACCELERATION_PROPERTIES_4x8BIT_PACKED_KHR = 0x1075,
}
#[carried]
enum cl_khr_kernel_clock {
    #[device] CL_DEVICE_KERNEL_CLOCK_CAPABILITIES_KHR = 0x1076,
}
#[language] enum cl_khr_local_int32_base_atomics {}
#[language] enum cl_khr_local_int32_extended_atomics {}
#[not("images with mip levels aren't carried")] enum cl_khr_mipmap_image {}
#[not("images with mip levels aren't carried")] enum cl_khr_mipmap_image_writes {}
#[carried]
enum cl_khr_pci_bus_info {
    #[device] CL_DEVICE_PCI_BUS_INFO_KHR = 0x410F,
}
#[carried] enum cl_khr_priority_hints {}
#[language] enum cl_khr_select_fprounding_mode {}
#[carried]
enum cl_khr_semaphore {
    #[platform] CL_PLATFORM_SEMAPHORE_TYPES_KHR = 0x2036,
    #[device] CL_DEVICE_SEMAPHORE_TYPES_KHR = 0x204C,
}
#[carried]
enum cl_khr_spir {
    #[device] CL_DEVICE_SPIR_VERSIONS = 0x40E0,
}
#[language] enum cl_khr_spirv_extended_debug_info {}
#[language] enum cl_khr_spirv_linkonce_odr {}
#[language] enum cl_khr_spirv_no_integer_wrap_decoration {}
#[carried]
enum cl_khr_spirv_queries {
    #[device] #[strings] CL_DEVICE_SPIRV_EXTENDED_INSTRUCTION_SETS_KHR = 0x12B9,
    #[device] #[strings] CL_DEVICE_SPIRV_EXTENSIONS_KHR = 0x12BA,
    #[device] CL_DEVICE_SPIRV_CAPABILITIES_KHR = 0x12BB,
}
#[language] enum cl_khr_srgb_image_writes {}
#[language] enum cl_khr_subgroup_ballot {}
#[language] enum cl_khr_subgroup_clustered_reduce {}
#[language] enum cl_khr_subgroup_extended_types {}
#[carried]
enum cl_khr_subgroup_named_barrier {
    #[device] CL_DEVICE_MAX_NAMED_BARRIER_COUNT_KHR = 0x2035,
}
#[language] enum cl_khr_subgroup_non_uniform_arithmetic {}
#[language] enum cl_khr_subgroup_non_uniform_vote {}
#[language] enum cl_khr_subgroup_rotate {}
#[language] enum cl_khr_subgroup_shuffle {}
#[language] enum cl_khr_subgroup_shuffle_relative {}
#[carried] enum cl_khr_subgroups {}
#[carried] enum cl_khr_suggested_local_work_size {}
#[not("no driver with it was at hand to build it on")] enum cl_khr_terminate_context {}
#[carried] enum cl_khr_throttle_hints {}
#[not("addresses of the program and of the device aren't the same")] enum cl_khr_unified_svm {}
#[language] enum cl_khr_work_group_uniform_arithmetic {}
#[not("it is the loader's own, not a driver's")] enum cl_loader_info {}
#[not("it is the loader's own, not a driver's")] enum cl_loader_layers {}
