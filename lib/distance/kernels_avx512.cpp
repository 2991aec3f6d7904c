// Built with flags for one instruction set; includes nothing else, so that no shared inline function is compiled with
// them.
#include <vecstore/distance/simd_kernels.hpp>

namespace vecstore::distance {

extern const kernel_table kernels_avx512;
const kernel_table kernels_avx512 = detail::make_kernel_table<arch::avx512>();

}  // namespace vecstore::distance
