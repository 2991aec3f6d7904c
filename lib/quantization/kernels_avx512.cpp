// Built with flags for one instruction set; includes nothing else, so that no shared inline function is compiled with
// them.
#include <vecstore/quantization/simd_code_kernels.hpp>

namespace vecstore::quantization {

extern const kernel_table kernels_avx512, kernels_avx512_vnni;
const kernel_table kernels_avx512 = detail::make_code_kernels<code_arch::avx512>();
const kernel_table kernels_avx512_vnni = detail::make_code_kernels<code_arch::avx512_vnni>();

}  // namespace vecstore::quantization
