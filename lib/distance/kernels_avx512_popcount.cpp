// Built with flags for one instruction set; includes nothing else, so that no shared inline function is compiled with
// them.
#include <vecstore/distance/simd_kernels.hpp>

namespace vecstore::distance {

extern const kernel hamming_avx512_popcount;
const kernel hamming_avx512_popcount = detail::make_hamming<arch::avx512_popcount>();

}  // namespace vecstore::distance
