// What every processor of this kind can run (SSE2 on x86-64). Includes nothing else, as the other kernel files.
#include <vecstore/quantization/simd_code_kernels.hpp>

namespace vecstore::quantization {

extern const kernel_table kernels_baseline;
#if defined(__SSE2__)
const kernel_table kernels_baseline = detail::make_code_kernels<code_arch::sse2>();
#else
const kernel_table kernels_baseline = detail::make_code_kernels<code_arch::scalar>();
#endif

}  // namespace vecstore::quantization
