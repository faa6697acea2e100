/* What ffmpeg's program_opencl and openclsrc run for each plane of each frame. */

const sampler_t nearest = CLK_NORMALIZED_COORDS_FALSE | CLK_ADDRESS_CLAMP_TO_EDGE | CLK_FILTER_NEAREST;

/* Each pixel and the one so far to the right as the frame's number. */
__kernel void smear(__write_only image2d_t to, unsigned int frame, __read_only image2d_t from)
{
    int2 at = (int2)(get_global_id(0), get_global_id(1));
    float4 both = read_imagef(from, nearest, at) + read_imagef(from, nearest, at + (int2)(frame, 0));
    write_imagef(to, at, both * 0.5f);
}

__kernel void pattern(__write_only image2d_t to, unsigned int frame)
{
    int2 at = (int2)(get_global_id(0), get_global_id(1));
    write_imagef(to, at, (float4)(((at.x * 3 + at.y * 5 + frame * 11) & 255) / 255.0f));
}
