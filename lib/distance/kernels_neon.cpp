// Built with flags for one instruction set; includes nothing else, so that no shared inline function is compiled with
// them.
#include <vecstore/distance/simd_kernels.hpp>

namespace vecstore::distance {

extern const kernel_table kernels_neon;
const kernel_table kernels_neon = detail::make_kernel_table<arch::neon>();

}  // namespace vecstore::distance
