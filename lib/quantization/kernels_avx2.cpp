// Built with flags for one instruction set; includes nothing else, so that no shared inline function is compiled with
// them.
#include <vecstore/quantization/simd_code_kernels.hpp>

namespace vecstore::quantization {

extern const kernel_table kernels_avx2;
const kernel_table kernels_avx2 = detail::make_code_kernels<code_arch::avx2>();

}  // namespace vecstore::quantization
