// What every processor of this kind can run (SSE2 on x86-64). Includes nothing else, as the other kernel files.
#include <vecstore/distance/simd_kernels.hpp>

namespace vecstore::distance {

extern const kernel_table kernels_baseline;
#if defined(__SSE2__)
const kernel_table kernels_baseline = detail::make_kernel_table<arch::sse2>();
#else
const kernel_table kernels_baseline = detail::make_kernel_table<arch::scalar>();
#endif

}  // namespace vecstore::distance
