//! What a kernel argument takes, told from what the driver says of it. Front-end and worker must agree on it: the one turns
//! the program's objects into handles, the other refuses bytes where an object belongs.

/// CL_KERNEL_ARG_ADDRESS_GLOBAL and so on, as OpenCL numbers them.
const GLOBAL: u32 = 0x119B;
const LOCAL: u32 = 0x119C;
const CONSTANT: u32 = 0x119D;
const PRIVATE: u32 = 0x119E;

/// CL_KERNEL_ARG_TYPE_PIPE.
const PIPE: u64 = 1 << 3;

/// Wire kinds of a `KernelArg`: not set; then as its documentation says.
#[allow(missing_docs)]
pub mod kind {
    pub const NOT_SET: u8 = 0;
    pub const BYTES: u8 = 1;
    pub const LOCAL: u8 = 2;
    pub const MEMORY: u8 = 3;
    pub const SAMPLER: u8 = 4;
    pub const QUEUE: u8 = 5;
    pub const SVM: u8 = 6;
}

/// Bytes of the longest attribute of a kernel (cl_nv_kernel_attribute): all are numbers.
pub const MOST_OF_AN_ATTRIBUTE: usize = 64;

/// What an argument takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Takes {
    /// The driver does not say: anything.
    Unknown,
    /// A value of a built-in type, of so many bytes.
    Bytes(usize),
    /// A value of a type of the program's own. That is mostly a struct, but may be another name for an object's type.
    Own,
    /// A size of local memory.
    Local,
    /// A buffer, by a pointer.
    Buffer,
    /// An image.
    Image,
    /// A pipe.
    Pipe,
    /// A sampler.
    Sampler,
    /// A device queue.
    Queue,
}

impl Takes {
    /// From CL_KERNEL_ARG_ADDRESS_QUALIFIER, CL_KERNEL_ARG_TYPE_QUALIFIER and CL_KERNEL_ARG_TYPE_NAME (without its 0).
    #[must_use]
    pub fn of(address: u32, qualifier: u64, type_name: &[u8]) -> Self {
        // The name of a pipe's type is that of its packets.
        if qualifier & PIPE != 0 {
            return Self::Pipe;
        }
        let name = std::str::from_utf8(type_name).unwrap_or_default();
        // Some drivers repeat the access qualifier.
        let name = name.split_whitespace().filter(|word| !word.trim_start_matches('_').ends_with("_only"));
        let name = name.collect::<Vec<_>>().join(" ");
        match (name.as_str(), address) {
            ("sampler_t", _) => Self::Sampler,
            ("queue_t", _) => Self::Queue,
            (image, _) if IMAGES.contains(&image) => Self::Image,
            (_, LOCAL) => Self::Local,
            (_, GLOBAL | CONSTANT) => Self::Buffer,
            (name, PRIVATE) => built_in(name).map_or(Self::Own, Self::Bytes),
            _ => Self::Unknown,
        }
    }

    /// Whether an argument of this wire kind may be set.
    #[must_use]
    pub fn accepts(self, kind: u8) -> bool {
        match self {
            Self::Unknown => true,
            Self::Bytes(_) => kind == kind::BYTES,
            Self::Own => [kind::BYTES, kind::MEMORY, kind::SAMPLER, kind::QUEUE].contains(&kind),
            Self::Local => kind == kind::LOCAL,
            Self::Buffer => [kind::MEMORY, kind::SVM].contains(&kind),
            Self::Image | Self::Pipe => kind == kind::MEMORY,
            Self::Sampler => kind == kind::SAMPLER,
            Self::Queue => kind == kind::QUEUE,
        }
    }
}

const IMAGES: [&str; 12] = [
    "image1d_t",
    "image1d_array_t",
    "image1d_buffer_t",
    "image2d_t",
    "image2d_array_t",
    "image2d_depth_t",
    "image2d_array_depth_t",
    "image2d_msaa_t",
    "image2d_array_msaa_t",
    "image2d_msaa_depth_t",
    "image2d_array_msaa_depth_t",
    "image3d_t",
];

/// Bytes of a built-in OpenCL C type, as drivers spell it.
fn built_in(name: &str) -> Option<usize> {
    let digits = name.len() - name.trim_end_matches(|letter: char| letter.is_ascii_digit()).len();
    let (base, lanes) = name.split_at(name.len() - digits);
    let size = match base {
        "char" | "uchar" | "unsigned char" => 1,
        "short" | "ushort" | "unsigned short" | "half" => 2,
        "int" | "uint" | "unsigned int" | "unsigned" | "float" => 4,
        "long" | "ulong" | "unsigned long" | "double" => 8,
        _ => return None,
    };
    Some(match lanes {
        "" => size,
        "2" => 2 * size,
        "3" | "4" => 4 * size,
        "8" => 8 * size,
        "16" => 16 * size,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_told_apart() {
        assert_eq!(Takes::of(GLOBAL, 0, b"float*"), Takes::Buffer);
        assert_eq!(Takes::of(CONSTANT, 0, b"params*"), Takes::Buffer);
        for address in [GLOBAL, PRIVATE] {
            assert_eq!(Takes::of(address, 0, b"image2d_t"), Takes::Image);
            assert_eq!(Takes::of(address, 0, b"__read_only image2d_array_depth_t"), Takes::Image);
        }
        assert_eq!(Takes::of(LOCAL, 0, b"int*"), Takes::Local);
        assert_eq!(Takes::of(PRIVATE, 0, b"sampler_t"), Takes::Sampler);
        assert_eq!(Takes::of(CONSTANT, 0, b"sampler_t"), Takes::Sampler);
        assert_eq!(Takes::of(PRIVATE, 0, b"float4"), Takes::Bytes(16));
        assert_eq!(Takes::of(0, 0, b"whatever"), Takes::Unknown);
        assert_eq!(Takes::of(GLOBAL, PIPE, b"float4"), Takes::Pipe);
    }

    #[test]
    fn names_of_the_programs_own_may_look_like_others() {
        for name in ["struct point", "image_info", "pipeline", "sampler_two", "int5", "float_t"] {
            assert_eq!(Takes::of(PRIVATE, 0, name.as_bytes()), Takes::Own, "{name}");
        }
    }

    #[test]
    fn built_in_types_have_their_sizes() {
        assert_eq!(built_in("uchar3"), Some(4));
        assert_eq!(built_in("long16"), Some(128));
        assert_eq!(built_in("unsigned int"), Some(4));
        assert_eq!(built_in("int5"), None);
    }
}
