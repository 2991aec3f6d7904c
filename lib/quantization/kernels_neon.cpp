// Built with flags for one instruction set; includes nothing else, so that no shared inline function is compiled with
// them.
#include <vecstore/quantization/simd_code_kernels.hpp>

namespace vecstore::quantization {

extern const kernel_table kernels_neon;
const kernel_table kernels_neon = detail::make_code_kernels<code_arch::neon>();

}  // namespace vecstore::quantization
